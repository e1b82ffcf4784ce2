/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * abi_pcb.h - what liblwipv6 1.5a exports of TCP, UDP, raw, packet and netlink
 *	sockets, but does not declare; as abi.h, which see
 */
#ifndef SHMIF_LWIPV6_ABI_PCB_H
#define SHMIF_LWIPV6_ABI_PCB_H

#include "stack/lwipv6/abi.h"

/* ---- TCP --------------------------------------------------------------- */

enum tcp_state {
	TCP_CLOSED,
	TCP_LISTEN,
	TCP_SYN_SENT,
	TCP_SYN_RCVD,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSE_WAIT,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_TIME_WAIT,
};
enum {
	TCP_SND_BUF_THEIRS = 32768,
	TCP_WINDOW_THEIRS = 32768,
	TCP_MSS_THEIRS = 1488, /* the driver lowers it to what fits the MTU */
	TCP_SND_BUF = 64000,   /* it is rounded up here and there */
	TCP_SND_QUEUELEN = 88,
	TCP_SND_LOWAT = 16384,
	TCP_WINDOW = 65535,
	TCP_FLAG_ACK_DELAY = 0x1,
	TCP_FLAG_ACK_NOW = 0x2,
	TCP_FLAG_FAST = 0x4, /* in fast recovery */
	TCP_FLAG_NODELAY = 0x40,
};

/* What is ours of a connection, in tcp_pcb.ours; output.c, keepalive.c. */
enum {
	TCP_OURS_NO_ANSWERS = 0x4, /* ACKs do not wait for data */
	TCP_OURS_ANSWERS = 0x30, /* how often one went out with data in a row */
	TCP_OURS_ANSWERS_ONE = 0x10,
	TCP_OURS_SYN_AGAIN = 0x80, /* a stale connection was reset: screen.c */
	TCP_OURS_FIN_CAME = 0x80,  /* it is open: all that the peer sends */
};

struct conn;
struct tcp_seg {
	struct tcp_seg *next;
	struct pbuf *p;
	void *dataptr;
	uint16_t len;
	uint8_t marks; /* ours: SEG_..., of what was sent */
	uint32_t sent; /* ours: when, in microseconds */
	void *tcphdr;
};
ABI_AT(tcp_seg, tcphdr, 32);
ABI_SIZE(tcp_seg, 40);

/* A connection; one that listens is shorter: see its state first. */
struct tcp_pcb {
	struct stack *stack;
	struct ip_addr local_ip;
	struct ip_addr remote_ip;
	uint16_t so_options;
	uint8_t tos;
	uint8_t ttl;
	void *slirp;
	struct tcp_pcb *next;
	enum tcp_state state;
	uint32_t slirp_state;
	uint8_t prio;
	void *callback_arg;
	uint16_t local_port;
	uint16_t remote_port;
	uint8_t flags;
	uint8_t ours;	   /* TCP_OURS_...; the library has no field here */
	uint16_t said_ack; /* nor here, */
	uint32_t rcv_nxt;
	uint16_t rcv_wnd;
	uint16_t said_edge; /* nor here */
	uint32_t tmr;
	uint8_t polltmr;
	uint8_t pollinterval;
	uint16_t rtime;
	uint16_t mss;
	uint32_t rttest; /* the library's measuring: since this tick */
	uint32_t rtseq;
	int16_t sa, sv;
	uint16_t rto;
	uint8_t nrtx; /* retransmissions in a row */
	uint32_t lastack;
	uint8_t dupacks;
	uint16_t cwnd;
	uint16_t ssthresh;
	uint32_t snd_nxt;
	uint32_t snd_max;
	uint32_t snd_wnd;
	uint32_t snd_wl1;
	uint32_t snd_wl2;
	uint32_t snd_lbb;
	uint16_t acked;
	uint16_t snd_buf;
	uint8_t snd_queuelen;
	struct tcp_seg *unsent;
	struct tcp_seg *unacked;
	struct tcp_seg *ooseq;
	err_t (*sent)(void *, struct tcp_pcb *, uint16_t);
	err_t (*recv)(void *, struct tcp_pcb *, struct pbuf *, err_t);
	err_t (*connected)(void *, struct tcp_pcb *, err_t);
	err_t (*accept)(void *, struct tcp_pcb *, err_t);
	err_t (*poll)(void *, struct tcp_pcb *);
	void (*errf)(void *, err_t);
	uint32_t keepalive;
	uint8_t keep_cnt;
	struct conn *conn; /* slirp's, where that has it; else tcp/conn.c's */
};
ABI_AT(tcp_pcb, next, 56);
ABI_AT(tcp_pcb, state, 64);
ABI_AT(tcp_pcb, callback_arg, 80);
ABI_AT(tcp_pcb, local_port, 88);
ABI_AT(tcp_pcb, flags, 92);
ABI_AT(tcp_pcb, ours, 93);
ABI_AT(tcp_pcb, said_ack, 94);
ABI_AT(tcp_pcb, rcv_nxt, 96);
ABI_AT(tcp_pcb, rcv_wnd, 100);
ABI_AT(tcp_pcb, said_edge, 102);
ABI_AT(tcp_pcb, tmr, 104);
ABI_AT(tcp_pcb, pollinterval, 109);
ABI_AT(tcp_pcb, mss, 112);
ABI_AT(tcp_pcb, rttest, 116);
ABI_AT(tcp_pcb, sa, 124);
ABI_AT(tcp_pcb, rto, 128);
ABI_AT(tcp_pcb, nrtx, 130);
ABI_AT(tcp_pcb, lastack, 132);
ABI_AT(tcp_pcb, dupacks, 136);
ABI_AT(tcp_pcb, cwnd, 138);
ABI_AT(tcp_pcb, ssthresh, 140);
ABI_AT(tcp_pcb, snd_nxt, 144);
ABI_AT(tcp_pcb, snd_max, 148);
ABI_AT(tcp_pcb, snd_wnd, 152);
ABI_AT(tcp_pcb, snd_lbb, 164);
ABI_AT(tcp_pcb, snd_buf, 170);
ABI_AT(tcp_pcb, snd_queuelen, 172);
ABI_AT(tcp_pcb, unsent, 176);
ABI_AT(tcp_pcb, unacked, 184);
ABI_AT(tcp_pcb, ooseq, 192);
ABI_AT(tcp_pcb, sent, 200);
ABI_AT(tcp_pcb, recv, 208);
ABI_AT(tcp_pcb, accept, 224);
ABI_AT(tcp_pcb, poll, 232);
ABI_AT(tcp_pcb, errf, 240);
ABI_AT(tcp_pcb, conn, 256);
ABI_SIZE(tcp_pcb, 264);

/* Where a connection that listens has what others have in accept. */
typedef err_t accept_fn(void *, struct tcp_pcb *, err_t);
#define LISTENER_ACCEPT(pcb) (*(accept_fn **)(void *)((char *)(pcb) + 96))
/* Where a listener of slirp's keeps the SYN that it was made for, or NULL. */
#define LISTENER_SYN(pcb) (*(struct pbuf **)(void *)((char *)(pcb) + 104))

/* Options of all kinds of connections. */
enum {
	SOF_REUSEADDR = 0x4,
	SOF_KEEPALIVE = 0x8,
	SOF_DONTROUTE = 0x10,
	SOF_BROADCAST = 0x20,
	SOF_OOBINLINE = 0x100,
	SOF_REUSEPORT = 0x200,
	SOF_HDRINCL = 0x4000,
	SOF_IPV6_CHECKSUM = 0x8000,
};

struct tcp_pcb *tcp_new(struct stack *);
struct tcp_pcb *tcp_listen(struct tcp_pcb *);
void tcp_err(struct tcp_pcb *, void (*)(void *, err_t));
err_t tcp_send_ctrl(struct tcp_pcb *, uint8_t flags);
err_t tcp_enqueue(struct tcp_pcb *, void *, uint16_t, uint8_t flags,
    uint8_t copy, uint8_t *options, uint8_t);
void pbuf_cat(struct pbuf *, struct pbuf *);
void tcp_rst(struct stack *, uint32_t seq, uint32_t ack, struct ip_addr *local,
    struct ip_addr *remote, uint16_t local_port, uint16_t remote_port);
void tcp_keepalive(struct tcp_pcb *);
void tcp_slowtmr(struct stack *);
void tcp_shutdown(struct stack *);
err_t tcp_close(struct tcp_pcb *);
err_t tcp_bind(struct tcp_pcb *, struct ip_addr *, uint16_t);
err_t tcp_connect(struct tcp_pcb *, struct ip_addr *, uint16_t,
    err_t (*)(void *, struct tcp_pcb *, err_t));
uint32_t tcp_next_iss(struct stack *);
void tcp_abort(struct tcp_pcb *);
void tcp_input(struct pbuf *, struct ip_addr_list *, void *pseudo,
    struct netif *slirp);
void tcp_arg(struct tcp_pcb *, void *);
void tcp_sent(struct tcp_pcb *, err_t (*)(void *, struct tcp_pcb *, uint16_t));
void tcp_recv(struct tcp_pcb *,
    err_t (*)(void *, struct tcp_pcb *, struct pbuf *, err_t));
void tcp_poll(struct tcp_pcb *, err_t (*)(void *, struct tcp_pcb *), uint8_t);
void tcp_accept(struct tcp_pcb *, err_t (*)(void *, struct tcp_pcb *, err_t));
void tcp_recved(struct tcp_pcb *, uint16_t);
err_t tcp_write(struct tcp_pcb *, const void *, uint16_t, uint8_t copy);
err_t tcp_output(struct tcp_pcb *);
void tcp_pcb_purge(struct tcp_pcb *);
uint8_t tcp_seg_free(struct tcp_seg *);
uint8_t tcp_segs_free(struct tcp_seg *);
/* The first segment, or all, that nobody has acknowledged. */
void tcp_rexmit(struct tcp_pcb *);
void tcp_rexmit_rto(struct tcp_pcb *);
uint8_t tcp_seg_free(struct tcp_seg *);
void tcp_fasttmr(struct stack *);
/* Starts the timer of STACK's connections, if there are any; on its thread. */
void tcp_timer_needed(struct stack *);

/* ---- slirp -------------------------------------------------------------- */

err_t slirpif_init(struct netif *);
int slirp_tcp_fconnect(struct tcp_pcb *listener, uint16_t port,
    struct ip_addr *dst, struct netif *);
void slirp_tcp_update_listen2data(struct tcp_pcb *);
err_t slirp_tcp_recv(void *, struct tcp_pcb *, struct pbuf *, err_t);
err_t slirp_tcp_sent(void *, struct tcp_pcb *, uint16_t);
void slirp_tcp_close(struct tcp_pcb *);
struct udp_pcb;
int slirp_udp_bind(struct udp_pcb *, struct netif *, int flags);
void slirp_udp_recv(void *, struct udp_pcb *, struct pbuf *, struct ip_addr *,
    uint16_t);

/* ---- UDP, raw and packet sockets ---------------------------------------- */

struct udp_pcb {
	struct stack *stack;
	struct ip_addr local_ip;
	struct ip_addr remote_ip;
	uint16_t so_options;
	uint8_t tos;
	uint8_t ttl;
	void *slirp;
	struct udp_pcb *next;
	uint8_t flags;
	uint16_t local_port;
	uint16_t remote_port;
	uint16_t chksum_len;
	void (*recv)(void *, struct udp_pcb *, struct pbuf *, struct ip_addr *,
	    uint16_t);
	void *recv_arg;
	uint32_t slirp_expire;
};
ABI_AT(udp_pcb, next, 56);
ABI_AT(udp_pcb, flags, 64);
ABI_AT(udp_pcb, local_port, 66);
ABI_AT(udp_pcb, recv, 72);
ABI_AT(udp_pcb, recv_arg, 80);

struct raw_pcb {
	struct stack *stack;
	struct ip_addr local_ip;
	struct ip_addr remote_ip;
	uint16_t so_options;
	uint8_t tos; /* a packet socket: 1: without header */
	uint8_t ttl;
	void *slirp;
	struct raw_pcb *next;
	uint16_t in_protocol;
	uint16_t out_protocol; /* a raw socket: IPV6_CHECKSUM */
	void (*recv)(void *, struct raw_pcb *, struct pbuf *, struct ip_addr *,
	    uint16_t);
	void *recv_arg;
};
ABI_AT(raw_pcb, next, 56);
ABI_AT(raw_pcb, in_protocol, 64);
ABI_AT(raw_pcb, out_protocol, 66);
ABI_AT(raw_pcb, recv, 72);
ABI_AT(raw_pcb, recv_arg, 80);

struct udp_pcb *udp_new(struct stack *);
void udp_input(struct pbuf *, struct ip_addr_list *, void *pseudo,
    struct netif *slirp);
void udp_remove(struct udp_pcb *);
err_t udp_connect(struct udp_pcb *, struct ip_addr *, uint16_t);
void udp_disconnect(struct udp_pcb *);
void udp_recv(struct udp_pcb *,
    void (*)(void *, struct udp_pcb *, struct pbuf *, struct ip_addr *,
	uint16_t),
    void *);
err_t udp_sendto(struct udp_pcb *, struct pbuf *, struct ip_addr *, uint16_t);
struct raw_pcb *raw_new(struct stack *, uint16_t);
void raw_remove(struct raw_pcb *);
void raw_recv(struct raw_pcb *,
    void (*)(void *, struct raw_pcb *, struct pbuf *, struct ip_addr *,
	uint16_t),
    void *);
err_t raw_sendto(struct raw_pcb *, struct pbuf *, struct ip_addr *);
/* The address is name_in()'s of an AF_PACKET one. */
err_t packet_bind(struct raw_pcb *, struct ip_addr *, uint16_t);
err_t packet_sendto(struct raw_pcb *, struct pbuf *, struct ip_addr *,
    uint16_t);
struct netif *netif_find_id(struct stack *, int);
err_t ip_route_findpath(struct stack *, struct ip_addr *, struct ip_addr **hop,
    struct netif **, int *flags);
struct ip_addr_list *ip_route_select_source_ip(struct netif *,
    struct ip_addr *dst, struct ip_addr *hop);

/* ---- netlink sockets ---------------------------------------------------- */

struct sockaddr;
void *netlink_open(struct stack *, int type, int protocol);
int netlink_close(void *);
int netlink_bind(void *, struct sockaddr *, socklen_t);
int netlink_connect(void *, struct sockaddr *, socklen_t);
int netlink_recvfrom(void *, void *, int, unsigned, struct sockaddr *,
    socklen_t *);
int netlink_send(void *, void *, int, unsigned);
int netlink_getsockname(void *, struct sockaddr *, socklen_t *);
int netlink_getsockopt(void *, int, int, void *, socklen_t *);
int netlink_setsockopt(void *, int, int, const void *, socklen_t);

#endif /* SHMIF_LWIPV6_ABI_PCB_H */
