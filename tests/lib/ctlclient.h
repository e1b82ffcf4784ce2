/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctlclient.h - what shmif_ctl(5) says about messages, written once more, for
 * tests of the server
 */
#ifndef TESTS_CTLCLIENT_H
#define TESTS_CTLCLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Connects to the socket PATH.  A descriptor, or -1 and errno. */
int ctl_connect(const char *path);
/* Sends a header as told, and LEN bytes.  Whether it could. */
bool ctl_send_raw(int fd, const char magic[4], unsigned version,
    unsigned reserved, uint32_t length, const void *data, size_t len);
/* Sends a request. */
bool ctl_send(int fd, const char *json);
/*
 * Receives one reply, which is to be freed.  NULL: the other side hung up, or
 * nothing came for 60 seconds (then *LATE, where it is given).
 */
char *ctl_recv(int fd, bool *late);
/* Both. */
char *ctl_ask(int fd, const char *json);
/* On a connection of its own; NULL where there is none. */
char *ctl_ask_at(const char *path, const char *json);
/* {"id":1,"do":[OPS]} at PATH: whether the reply has WANTED in it; shows it. */
bool ctl_says(const char *path, const char *ops, const char *wanted);
/* Whether the other side hangs up without another word. */
bool ctl_hung_up(int fd);

#endif /* TESTS_CTLCLIENT_H */
