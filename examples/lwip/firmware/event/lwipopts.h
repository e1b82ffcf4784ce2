/* SPDX-License-Identifier: BSD-2-Clause */
/* No system, IPv4 and IPv6, everything on the heap of the C library. */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_IPV6 1
#define LWIP_IGMP 1
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8
#define TCP_MSS 1460
#define TCP_WND (8 * TCP_MSS)
#define TCP_SND_BUF (8 * TCP_MSS)
#define LWIP_STATS 0
#define SHMIF_NETIF_PBUF PBUF_RAM /* in one piece */

#endif
