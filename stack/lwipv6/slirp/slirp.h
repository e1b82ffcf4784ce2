/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slirp.h - what leaves the stack through sockets of the host (not installed)
 *
 * All on the stack's thread, but slirp_socket().
 */
#ifndef SHMIF_LWIPV6_SLIRP_H
#define SHMIF_LWIPV6_SLIRP_H

#include <sys/queue.h>
#include <sys/socket.h>

#include "stack/lwipv6/tcp/tcp.h"

enum flow_kind {
	FLOW_UDP,
	FLOW_CONNECTING, /* TCP; the host does not answer yet */
	FLOW_OPEN,	 /* TCP */
	FLOW_KINDS,
};

/* What of a UDP datagram is quoted in an ICMP error: its headers. */
#define QUOTE_MAX (40u + 8u)

/* A flow between a client of the stack and the host. */
struct flow {
	TAILQ_ENTRY(flow) entry; /* of its kind; the one used last is last */
	struct flows *all;
	enum flow_kind kind;
	struct netif_fddata *fd; /* the host's side */
	int64_t until_ms;	 /* it ends then; 0: it does not */

	/* UDP */
	struct udp_pcb *udp;
	uint8_t quote[QUOTE_MAX]; /* of the datagram that was sent last */
	unsigned quoted;

	/* TCP: the stack's side is one of these two, or has gone. */
	struct tcp_pcb *listener; /* while connecting; it keeps the SYN */
	struct tcp_pcb *tcp;
	struct pbuf *to_host; /* received, not written yet */
	uint8_t *to_client;   /* read, not taken by TCP yet */
	uint16_t client_len;
	bool client_fin; /* no more follows TO_HOST */
	bool host_fin;	 /* no more follows TO_CLIENT */
	bool shut;	 /* the host was told of CLIENT_FIN */
	bool closed;	 /* the client was told of HOST_FIN */
};

/* ---- flow.c ------------------------------------------------------------- */

/*
 * A socket of the host of TYPE, non-blocking, for talking to IP.  -1 with errno
 * where there is none to be had.
 */
int slirp_socket(const struct ip_addr *ip, int type);
/* The address of the host that IP and PORT are.  Returns its size. */
socklen_t slirp_address(const struct ip_addr *ip, uint16_t port,
    struct sockaddr_storage *a);
/*
 * A new flow by NETIF with the socket FD, which it owns from now on; FUN is
 * called for EVENTS, and with 0 each second.  NULL: there is no room for more
 * flows, or no memory; FD is closed then.
 */
struct flow *flow_new(struct netif *netif, enum flow_kind kind, int fd,
    void (*fun)(struct netif_fddata *, short), short events);
/* The same of a socket that is watched already.  NULL: no memory. */
struct flow *flow_adopt(struct netif_fddata *fd, enum flow_kind kind,
    void (*fun)(struct netif_fddata *, short));
/* Closes its socket and frees it.  The stack's side is not touched. */
void flow_free(struct flow *f);
/* It is of KIND from now on, and was used just now. */
void flow_used(struct flow *f, enum flow_kind kind);
/* Waits for EVENTS of its socket. */
void flow_events(struct flow *f, short events);
int64_t flow_now_ms(void);
/* STACK ends: so do its flows. */
void slirp_end(struct stack *stack);

/* ---- tcp.c, udp.c ------------------------------------------------------- */

/* Ends the flow, which has to give way to others. */
void slirp_tcp_evict(struct flow *f);
void slirp_udp_evict(struct flow *f);

#endif /* SHMIF_LWIPV6_SLIRP_H */
