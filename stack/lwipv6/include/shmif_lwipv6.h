/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_lwipv6.h - <lwipv6.h> for C++ and for strict C, together with <shmif.h>
 *
 * <lwipv6.h> needs GNU extensions of C, and a C++ program that includes it is
 * not linked.  With this header in its place a program is compiled and linked
 * as C, from C99 on, and as C++, from C++98 on; -std=c99 and -std=c++98 do as
 * well as -std=gnu11.  What is cured:
 *
 *   - The functions have C linkage in C++.
 *   - fd_set, sigset_t, struct timeval and struct timespec are declared.  The
 *     headers that <lwipv6.h> includes declare them only with extensions.
 *   - LWIP_CAP_NET_ADMIN and its relatives are in parentheses: without, an
 *     expression such as ~LWIP_CAP_NET_ADMIN means something else.
 *   - lwip_event_subscribe() calls a function with a parameter, but what it
 *     is declared to take is, in C++ and in C23, a function without one.
 *     shmif_event_subscribe() is the same with the right type.
 *
 * std::stack and struct stack have one name.  A C++ program that has "using
 * namespace std" includes this header above that line, and writes "std::stack"
 * and "struct ::stack" in full.
 */
#ifndef SHMIF_LWIPV6_H
#define SHMIF_LWIPV6_H

/* What <lwipv6.h> includes: here, so that it stays outside of extern "C". */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h> /* struct timespec in every dialect */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#include <lwipv6.h>
#ifdef __cplusplus
}
#endif

#include <shmif.h>

#undef LWIP_CAP_NET_BIND_SERVICE
#undef LWIP_CAP_NET_BROADCAST
#undef LWIP_CAP_NET_ADMIN
#undef LWIP_CAP_NET_RAW
#define LWIP_CAP_NET_BIND_SERVICE (1 << 10)
#define LWIP_CAP_NET_BROADCAST (1 << 11)
#define LWIP_CAP_NET_ADMIN (1 << 12)
#define LWIP_CAP_NET_RAW (1 << 13)

/* lwip_event_subscribe() with a callback of the type that is called. */
static inline int
shmif_event_subscribe(void (*callback)(void *), void *arg, int fd, int events)
{
	return lwip_event_subscribe((lwipvoidfun)callback, arg, fd, events);
}

#endif /* SHMIF_LWIPV6_H */
