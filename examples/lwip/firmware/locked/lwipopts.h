/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that share a lock of the core, IPv4 and IPv6, sockets, the heap. */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

/*
 * lwip/sockets.h has a struct iovec of its own unless it is a macro; with the
 * system's, <shmbus.h> can be in the same file, before it or after it.
 */
#include <sys/uio.h>
#define iovec iovec

#define NO_SYS 0
#define SYS_LIGHTWEIGHT_PROT 1
#define LWIP_TCPIP_CORE_LOCKING 1
#define LWIP_TCPIP_CORE_LOCKING_INPUT 1
#define LWIP_NETCONN 1
#define LWIP_SOCKET 1
#define LWIP_COMPAT_SOCKETS 0
#define LWIP_IPV6 1
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8
#define TCPIP_MBOX_SIZE 64
#define DEFAULT_TCP_RECVMBOX_SIZE 64
#define DEFAULT_ACCEPTMBOX_SIZE 8
#define TCP_MSS 1460
#define TCP_WND (16 * TCP_MSS)
#define TCP_SND_BUF (16 * TCP_MSS)
#define MIB2_STATS 1
/* What Debian's source asks of its port; lwIP's own takes it for granted. */
#define IP4ADDR_SOCKADDR_SET_LEN(a) ((a)->sin_len = sizeof(struct sockaddr_in))
#define IP6ADDR_SOCKADDR_SET_LEN(a) \
	((a)->sin6_len = sizeof(struct sockaddr_in6))
#define IPADDR_SOCKADDR_GET_LEN(a) ((a)->sa.sa_len)

#endif
