/* SPDX-License-Identifier: BSD-2-Clause */
/* No system, IPv4 only, lwIP's own pools and heap: a small microcontroller. */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_IPV6 0
#define LWIP_DHCP 1
#define MEM_ALIGNMENT 8
#define MEM_SIZE 16384
#define PBUF_POOL_SIZE 32
#define PBUF_POOL_BUFSIZE 256 /* a full frame is a chain of six */
#define ETH_PAD_SIZE 2	      /* the IP header at a multiple of four */
#define TCP_MSS 1460
#define TCP_WND (2 * TCP_MSS)
#define TCP_SND_BUF (2 * TCP_MSS)

#endif
