/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seam.h - lwIP's sockets as shmif/stack_sock.h wants them (not installed)
 */
#ifndef STACK_LWIP_SOCK_SEAM_H
#define STACK_LWIP_SOCK_SEAM_H

struct stack_sock;

extern const struct stack_sock stack_sock_lwip; /* seam.c */

#endif /* STACK_LWIP_SOCK_SEAM_H */
