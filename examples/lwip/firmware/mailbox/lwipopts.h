/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that send messages to lwIP's own, IPv4 only, netconns, pools. */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#define NO_SYS 0
#define SYS_LIGHTWEIGHT_PROT 1
#define LWIP_TCPIP_CORE_LOCKING 0
#define LWIP_NETCONN 1
#define LWIP_SOCKET 0
#define LWIP_IPV6 0
#define MEM_ALIGNMENT 8
#define MEM_SIZE 65536
#define PBUF_POOL_SIZE 64
#define TCPIP_MBOX_SIZE 32
#define DEFAULT_TCP_RECVMBOX_SIZE 32
#define DEFAULT_ACCEPTMBOX_SIZE 8
#define MEMP_NUM_TCPIP_MSG_INPKT 32
#define TCP_MSS 1460
#define TCP_WND (4 * TCP_MSS)
#define TCP_SND_BUF (4 * TCP_MSS)
#define MEMP_NUM_TCP_SEG 32

#endif
