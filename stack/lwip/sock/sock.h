/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sock.h - lwIP's sockets for other programs (not installed)
 *
 * DOC: shmif/stack_sock.h on lwIP's raw API.  lwIP's own sockets would not do:
 * a close may wait there, a socket whose connection failed cannot connect
 * again, and nothing tells that a socket is ready but a thread that waits in
 * select().  Here a socket is a control block (pcb) of lwIP, a queue of what
 * came for it, and watches.  Everything is under the core's lock: the
 * functions of the seam take it, and lwIP has it when it calls back.
 *
 * A stream and its pcb:
 *
 *	SOCK_NEW	a pcb that was not used; none after a failed attempt,
 *			until the next one makes another
 *	SOCK_LISTENING	a listening pcb; QUEUE holds sockets to be accepted
 *	SOCK_CONNECTING	SYN was sent
 *	SOCK_OPEN	connected; without a pcb where the connection is over,
 *			but what came before is still to be read
 *
 * lwIP frees a pcb by itself.  It says so (tcp_err) but for one that reaches
 * TIME_WAIT.  So when the peer's end has come after ours, nothing more is to be
 * expected, and the socket lets go of its pcb: tcp_let_go().
 *
 * seam.c	the functions of the seam
 * sock.c	numbers, queues, errors, watches
 * stream.c	TCP
 * dgram.c	UDP, UDP-Lite, raw IP;  control.c  what goes beside datagrams
 * option.c	options;  group.c  multicast;  request.c  ioctl(2)
 * told.c	ICMP errors
 * address.c	addresses between the system's structures and lwIP's
 */
#ifndef STACK_LWIP_SOCK_SOCK_H
#define STACK_LWIP_SOCK_SOCK_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwip/ip.h>
#include <lwip/pbuf.h>
#include <lwip/raw.h>
#include <lwip/tcp.h>
#include <lwip/tcpip.h>
#include <lwip/udp.h>

#include "shmif/stack_sock.h"
#include "stack/lwip/port.h"
#include "stack/lwip/sock/seam.h"

enum sock_kind { SOCK_TCP, SOCK_UDP, SOCK_IP, SOCK_NL };
enum sock_state { SOCK_NEW, SOCK_LISTENING, SOCK_CONNECTING, SOCK_OPEN };

struct watch {
	struct watch *next;
	stack_sock_bell *fn;
	void *arg;
	int events;
};

/* Something that came: bytes, a datagram, or a connection. */
struct item {
	struct item *next;
	struct pbuf *p;
	struct sock *made;
	struct beside *beside; /* what control_note() noted, or NULL */
	ip_addr_t from;
	uint16_t port;
};

/* A group that a socket has joined. */
struct member {
	struct member *next;
	ip_addr_t group;
	uint8_t netif;
};

/* What is remembered so that it can be told, or set on another pcb. */
struct wishes {
	bool reuse_addr, reuse_port, keepalive, broadcast, nodelay;
	bool v6only, freebind, header; /* header: IP_HDRINCL */
	bool recverr, recverr6;
	uint8_t wants; /* control messages that it asked for; see control.c */
	bool linger;
	int linger_time;
	int sndbuf, rcvbuf; /* as they are told: twice what was set */
	int mtu_discover, mtu_discover6, rcvlowat;
	struct timeval rcvtimeo, sndtimeo;
	int ttl, hops, tos, tclass; /* -1: lwIP's own */
	int mcast_ttl, mcast_loop;
	uint8_t mcast_if, device; /* numbers of interfaces; 0: none */
	struct in_addr mcast_addr;
	int keep_idle, keep_intvl, keep_cnt; /* seconds; 0: lwIP's own */
};

struct sock {
	int num;
	int domain, type, protocol;
	int owner; /* for which process, to be shown; -1: not accepted yet */
	enum sock_kind kind;
	enum sock_state state;
	union {
		struct ip_pcb *ip; /* NULL: there is none */
		struct tcp_pcb *tcp;
		struct tcp_pcb_listen *listen;
		struct udp_pcb *udp;
		struct raw_pcb *raw;
	} pcb;
	struct rtnl *nl; /* of SOCK_NL, which has no pcb */
	int error;	 /* SO_ERROR */
	struct item *first, **last;
	size_t bytes; /* in the queue */
	struct watch *watches;
	struct member *members;
	struct wishes w;

	bool bound;		 /* to BIND_IP and BIND_PORT */
	bool connected;		 /* a datagram socket: to REMOTE */
	bool eof;		 /* the peer has ended */
	bool read_shut;		 /* the program reads no more */
	bool write_shut;	 /* nor writes */
	ip_addr_t local, remote; /* of a connection; also after it */
	uint16_t local_port, remote_port;
	ip_addr_t bind_ip; /* where BOUND */
	uint16_t bind_port;
};

/* ---- sock.c -------------------------------------------------------------- */

/* A socket without a pcb, with a number.  NULL: no memory, or too many. */
struct sock *sock_new(int domain, int type, int protocol, enum sock_kind kind);
void sock_free(struct sock *s);
/* Drops all that waits in its queue. */
void sock_empty(struct sock *s);
/* The socket with the lowest number from NUM on, or NULL. */
struct sock *sock_next(int num);
/* The socket of this number, or NULL. */
struct sock *sock_find(int num);
/* watch() and unwatch() of the seam. */
int sock_watch(struct sock *s, int events, stack_sock_bell *fn, void *arg);
void sock_unwatch(struct sock *s, void *arg);
/* What it is ready for: POLLIN, POLLOUT. */
int sock_ready(const struct sock *s);
/* Rings the watches for which S is ready now. */
void sock_ring(struct sock *s);
/* Appends to the queue; what it holds is the queue's then.  False: no memory. */
bool sock_put(struct sock *s, const struct item *what);
/* Takes the first of the queue, and frees it: what it held is the caller's. */
struct item sock_take(struct sock *s);
/* The errno value for an error of lwIP's. */
int sock_errno(err_t error);
/* Takes and clears SO_ERROR. */
int sock_take_error(struct sock *s);

/* ---- stream.c ------------------------------------------------------------ */

/* Makes a pcb where there is none.  0 or ENOMEM. */
int stream_make(struct sock *s);
int stream_bind(struct sock *s, const ip_addr_t *ip, uint16_t port);
int stream_connect(struct sock *s, const ip_addr_t *ip, uint16_t port);
int stream_disconnect(struct sock *s);
int stream_listen(struct sock *s, int backlog);
int stream_accept(struct sock *s, struct sock **made);
int stream_shutdown(struct sock *s, int how);
int stream_send(struct sock *s, const struct iovec *iov, int n, size_t *done);
int stream_recv(struct sock *s, const struct iovec *iov, int n, size_t *done);
void stream_close(struct sock *s);
bool stream_writable(const struct sock *s);
/* The socket of PCB, or NULL: it is a program's of the process itself. */
struct sock *stream_of(const struct tcp_pcb *pcb);
struct sock *stream_of_listener(const struct tcp_pcb_listen *pcb);
/* The attempt of S to connect has failed. */
void stream_refused(struct sock *s, int error);

/* ---- dgram.c ------------------------------------------------------------- */

int dgram_make(struct sock *s);
int dgram_bind(struct sock *s, const ip_addr_t *ip, uint16_t port);
/* IP NULL: to nobody. */
int dgram_connect(struct sock *s, const ip_addr_t *ip, uint16_t port);
/* TO NULL: to whom it is connected. */
int dgram_send(struct sock *s, const struct iovec *iov, int n,
    const ip_addr_t *to, uint16_t port,
    const struct stack_sock_control *control, size_t *done);
int dgram_recv(struct sock *s, const struct iovec *iov, int n, ip_addr_t *from,
    uint16_t *port, struct stack_sock_control *control, size_t *done);
void dgram_close(struct sock *s);
struct sock *dgram_of(const struct udp_pcb *pcb);

/* ---- control.c ----------------------------------------------------------- */

/* What a program wants for one datagram; TTL, TOS -1: as the socket has it. */
struct wish {
	bool has_from;
	ip_addr_t from;
	uint8_t interface; /* 0: any */
	int ttl, tos;
};

/* Options by which a program asks for control messages. */
bool control_is_option(const struct sock *s, int level, int name);
void control_set(struct sock *s, int level, int name, bool on);
bool control_get(const struct sock *s, int level, int name);
/* What S wants to know of the datagram that lwIP hands over now; or NULL. */
struct beside *control_note(const struct sock *s);
/* Makes messages of B, which may be NULL, and frees it. */
void control_give(const struct sock *s, struct beside *b,
    struct stack_sock_control *to);
/* Reads a program's messages; CONTROL may be NULL.  0 or an errno value. */
int control_read(const struct sock *s, const struct stack_sock_control *control,
    struct wish *w);
/* Sends P as W says; PORT is UDP's. */
err_t control_send(struct sock *s, const struct wish *w, struct pbuf *p,
    const ip_addr_t *to, uint16_t port);

/* ---- told.c -------------------------------------------------------------- */

/* Begins to listen to ICMP.  More than once does no harm. */
void told_begin(void);

/* ---- address.c ----------------------------------------------------------- */

/* 0, EINVAL, EAFNOSUPPORT, ENETUNREACH (IPv4 for an IPv6-only socket). */
int address_get(const struct sock *s, const struct sockaddr *from,
    socklen_t len, ip_addr_t *ip, uint16_t *port);
/* *LEN is the room before, and the address's length after. */
void address_put(const struct sock *s, const ip_addr_t *ip, uint16_t port,
    struct sockaddr *to, socklen_t *len);
/* Whether a socket may be bound to IP: it is ours, or a group, or any. */
bool address_is_ours(const ip_addr_t *ip);
/* From where packets go to DST; false: nowhere. */
bool address_source(const ip_addr_t *dst, ip_addr_t *src);
/* How the addresses of S are stored in a pcb: IPADDR_TYPE_... */
uint8_t address_type(const struct sock *s);

/* ---- option.c, group.c, request.c ---------------------------------------- */

int option_lwip_set(struct sock *s, int level, int name, const void *value,
    socklen_t len);
int option_lwip_get(struct sock *s, int level, int name, void *value,
    socklen_t *len);
/* Gives a pcb what its socket was told before. */
void option_apply(struct sock *s);
/* The six requests to join and to leave.  ENOPROTOOPT: another option. */
int group_option(struct sock *s, int level, int name, const void *value,
    socklen_t len);
void group_leave_all(struct sock *s);
int sock_request(struct sock *s, unsigned long request, void *arg);

#endif /* STACK_LWIP_SOCK_SOCK_H */
