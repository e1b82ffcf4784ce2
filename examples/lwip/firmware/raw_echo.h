/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends back what comes to TCP port 7; for programs without threads. */
#ifndef RAW_ECHO_H
#define RAW_ECHO_H

int raw_echo(void); /* 0, or -1: no memory */

#endif
