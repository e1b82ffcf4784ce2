/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lwipopts.h - how lwIP is built into libshmif-lwip
 *
 * A program that uses the library has to read lwIP's headers with these same
 * options, for they decide the layout of lwIP's structures; so this file is
 * installed beside them.
 *
 * The build is meant for a host, not for a microcontroller: everything lives
 * on the heap of the C library, nothing has a fixed number where lwIP allows
 * that, and what lwIP can do is switched on.
 */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#include <stdint.h>

/* ---- threads ------------------------------------------------------------ */

/*
 * One lock protects the core.  Whoever holds it is the stack: a program's
 * thread inside a socket call, the thread that waits for the bus, or lwIP's
 * own thread, which runs the timers.
 */
#define NO_SYS 0
#define SYS_LIGHTWEIGHT_PROT 1
#define LWIP_TCPIP_CORE_LOCKING 1
#define LWIP_TCPIP_CORE_LOCKING_INPUT 1
#define LOCK_TCPIP_CORE() shmif_lwip_lock()
#define UNLOCK_TCPIP_CORE() shmif_lwip_unlock()
#define LWIP_NETCONN_SEM_PER_THREAD 1
#define LWIP_NETCONN_FULLDUPLEX 1
#define TCPIP_THREAD_NAME "lwip"
#define TCPIP_MBOX_SIZE 8192
#define DEFAULT_RAW_RECVMBOX_SIZE 512
#define DEFAULT_UDP_RECVMBOX_SIZE 2048
#define DEFAULT_TCP_RECVMBOX_SIZE 16384
#define DEFAULT_ACCEPTMBOX_SIZE 256

/* ---- memory ------------------------------------------------------------- */

#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8
#define LWIP_ALLOW_MEM_FREE_FROM_OTHER_CONTEXT 1
#define PBUF_POOL_BUFSIZE 1664
#define MEMP_NUM_NETCONN 4096 /* sockets */
#define MEMP_NUM_TCP_PCB 4096
#define MEMP_NUM_TCP_PCB_LISTEN 4096
#define MEMP_NUM_UDP_PCB 4096
#define MEMP_NUM_RAW_PCB 4096
#define MEMP_NUM_REASSDATA 64
#define IP_REASS_MAX_PBUFS 4096

/* ---- link --------------------------------------------------------------- */

#define LWIP_ETHERNET 1
#define LWIP_ARP 1
#define ARP_TABLE_SIZE 127 /* what its index can count */
#define ARP_QUEUEING 1
#define ARP_QUEUE_LEN 16
#define MEMP_NUM_ARP_QUEUE 256
#define ETHARP_SUPPORT_STATIC_ENTRIES 1
#define ETHARP_TABLE_MATCH_NETIF 1
#define LWIP_NETIF_HOSTNAME 1
#define LWIP_NETIF_API 1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_NETIF_EXT_STATUS_CALLBACK 1
#define LWIP_NETIF_LINK_CALLBACK 1
#define LWIP_NETIF_REMOVE_CALLBACK 1
#define LWIP_NETIF_LOOPBACK 1
#define LWIP_HAVE_LOOPIF 1
#define LWIP_LOOPBACK_MAX_PBUFS 1024
#define LWIP_SINGLE_NETIF 0

/* ---- IP ----------------------------------------------------------------- */

#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_ICMP 1
#define LWIP_RAW 1
#define IP_FORWARD 1 /* but see LWIP_HOOK_IP4_CANFORWARD */
#define LWIP_IPV6_FORWARD 1
#define IP_REASSEMBLY 1
#define IP_FRAG 1
#define IP_SOF_BROADCAST 1
#define IP_SOF_BROADCAST_RECV 1
#define LWIP_IPV6_FRAG 1
#define LWIP_IPV6_REASS 1
#define IPV6_FRAG_COPYHEADER 1 /* pointers have 64 bits */
/*
 * What is too long for the path is copied into fragments.  Otherwise lwIP makes
 * them of the packet itself, whose buffers are cut for that: of a segment in
 * several buffers that TCP sends once more little is left then, and lwIP
 * crashes.
 */
#define LWIP_NETIF_TX_SINGLE_PBUF 1
#define LWIP_IPV6_NUM_ADDRESSES 16
#define LWIP_IPV6_MLD 1
#define LWIP_IPV6_AUTOCONFIG 1
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS 1
#define LWIP_IPV6_DHCP6 1
#define LWIP_IPV6_DHCP6_STATELESS 1
#define LWIP_ND6_NUM_NEIGHBORS 127
#define LWIP_ND6_NUM_DESTINATIONS 127
#define LWIP_ND6_NUM_PREFIXES 16
#define LWIP_ND6_NUM_ROUTERS 8
#define LWIP_ND6_QUEUEING 1
#define MEMP_NUM_ND6_QUEUE 256
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS 4
#define LWIP_IGMP 1
#define LWIP_MULTICAST_TX_OPTIONS 1
#define MEMP_NUM_IGMP_GROUP 256
#define MEMP_NUM_MLD6_GROUP 256
#define LWIP_DHCP 1
#define LWIP_AUTOIP 1
#define LWIP_DHCP_AUTOIP_COOP 1
#define LWIP_DHCP_DOES_ACD_CHECK 1
#define LWIP_DNS 1
#define LWIP_DNS_SUPPORT_MDNS_QUERIES 1
#define DNS_MAX_SERVERS 4

/* ---- UDP, TCP ----------------------------------------------------------- */

#define LWIP_UDP 1
#define LWIP_UDPLITE 1
#define LWIP_NETBUF_RECVINFO 1
#define LWIP_TCP 1
#define TCP_LISTEN_BACKLOG 1
#define TCP_DEFAULT_LISTEN_BACKLOG 255
/*
 * The largest segment of any bus: MTU 65521.  What a connection uses follows
 * from its interface's MTU and from the peer.
 */
#define TCP_MSS 65481
#define TCP_CALCULATE_EFF_SEND_MSS 1
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 5
/* Below what a ring of the default 2048 slots holds, at an MTU of 1500. */
#define TCP_WND (1024 * 1024)
#define TCP_SND_BUF (1024 * 1024)
/*
 * In buffers, not segments: from an MSS of 65481 lwIP would make this 64, which
 * at an MTU of 1500 is 90 KB, and TCP_SNDLOWAT is never reached: a sender
 * that waits for room would wait for ever.
 */
#define TCP_SND_QUEUELEN 16384
#define TCP_SNDLOWAT (TCP_SND_BUF / 4)
#define TCP_SNDQUEUELOWAT (TCP_SND_QUEUELEN / 2)
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1 /* they take SNDLOWAT for 16 bits */
/*
 * By how much a window must have grown before the peer is told.  A peer without
 * window scaling is offered 64 KB at most: an eighth of TCP_WND would never be
 * reached, and each 64 KB would wait for the peer's probe.
 */
#define TCP_WND_UPDATE_THRESHOLD (TCP_WND_MAX(pcb) / 8)
#define TCP_QUEUE_OOSEQ 1
#define TCP_OOSEQ_MAX_BYTES TCP_WND
#define TCP_OOSEQ_MAX_PBUFS 2048
#define LWIP_TCP_SACK_OUT 1
#define LWIP_TCP_MAX_SACK_NUM 4
#define LWIP_TCP_KEEPALIVE 1
#define TCP_MSL 5000

/* ---- what a program calls ----------------------------------------------- */

#define LWIP_NETCONN 1
#define LWIP_SOCKET 1
#define LWIP_SOCKET_SELECT 1
#define LWIP_SOCKET_POLL 1
#define LWIP_COMPAT_SOCKETS 0
#define LWIP_POSIX_SOCKETS_IO_NAMES 0
#define LWIP_SO_SNDTIMEO 1
#define LWIP_SO_RCVTIMEO 1
#define LWIP_SO_RCVBUF 1
#define LWIP_SO_LINGER 1
#define SO_REUSE 1
#define SO_REUSE_RXTOALL 1
#define LWIP_FIONREAD_LINUXMODE 1
#define LWIP_ALTCP 1

/* ---- counters, checks --------------------------------------------------- */

#define LWIP_STATS 1
#define LWIP_STATS_LARGE 1
#define LWIP_STATS_DISPLAY 0
#define MEM_STATS 0 /* the heap is the C library's; each count takes a lock */
#define MEMP_STATS 0
#define SYS_STATS 0
#define MIB2_STATS 1
#define LWIP_CHKSUM shmif_lwip_chksum
/* What a program sends is summed up while it is copied from it. */
#define LWIP_CHECKSUM_ON_COPY 1
#define LWIP_CHKSUM_COPY(dst, src, len) shmif_lwip_chksum_copy(dst, src, len)
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1 /* see merge.c */

/* ---- applications ------------------------------------------------------- */

#define LWIP_NUM_NETIF_CLIENT_DATA 4 /* mDNS keeps something there */
#include "arch/apps.h"

/* ---- hooks -------------------------------------------------------------- */

#define LWIP_HOOK_FILENAME "arch/hooks.h"
#define LWIP_HOOK_IP4_CANFORWARD(src, dest) shmif_lwip_forwards()
#define LWIP_HOOK_IP4_INPUT(p, inp) shmif_lwip_ip4_input(p, inp)
#define LWIP_HOOK_IP6_INPUT(p, inp) shmif_lwip_ip6_input(p, inp)
#define LWIP_HOOK_TCP_ISN(local_ip, local_port, remote_ip, remote_port) \
	shmif_lwip_isn(local_ip, local_port, remote_ip, remote_port)
#define LWIP_HOOK_IP4_ROUTE_SRC(src, dest) shmif_lwip_route4(dest)
#define LWIP_HOOK_ETHARP_GET_GW(netif, dest) shmif_lwip_gateway4(netif, dest)
#define LWIP_HOOK_IP6_ROUTE(src, dest) shmif_lwip_route6(dest)
#define LWIP_HOOK_ND6_GET_GW(netif, dest) shmif_lwip_gateway6(netif, dest)

#endif /* LWIPOPTS_H */
