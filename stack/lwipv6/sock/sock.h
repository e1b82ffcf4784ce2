/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sock.h - sockets: what the files of the socket layer share
 *
 * DOC: The socket layer
 *
 * The fault: the library's own (sockets.c, api_lib.c, api_msg.c) keeps a
 * connection's state in several threads' hands without a lock, has a pair of
 * pipes for each socket, waits for room and for data in ways that know
 * nothing of O_NONBLOCK, and answers many questions wrongly.  Its faults are
 * named in the files that cure them.  It is too much for single functions to
 * be replaced: all functions that <lwipv6.h> has for sockets are ours.  What
 * we use of the library is what is below: its TCP, UDP, raw and packet
 * "pcbs", on the stack's thread.
 *
 *	socket.c       descriptors, making and closing sockets
 *	wait.c         waiting, being woken, lwip_event_subscribe()
 *	stream.c       TCP between a pcb and a socket's buffers
 *	stream_send.c  what of it is sent, and when
 *	connect.c      lwip_bind(), lwip_connect(), lwip_listen()
 *	accept.c       listeners
 *	close.c        what happens to a socket's connection after it
 *	dgram.c        UDP, raw and packet sockets
 *	send.c         lwip_send() and its relatives
 *	recv.c         lwip_recv() and its relatives
 *	poll.c         lwip_poll(), lwip_select()
 *	names.c        addresses of programs and of the library
 *	options.c      lwip_setsockopt(), lwip_getsockopt()
 *	icmp.c         ICMP errors, for whom they are
 *	group.c        multicast
 *	requests.c     lwip_fcntl(), lwip_ioctl()
 *
 * Whose is what.  A socket has two halves.  The pcb, and what is said to be
 * of the stack's thread, is touched on that thread only.  Everything else is
 * under the socket's lock, which nobody holds while he calls the library.
 * Between them there are two queues: what has been received, and what is to
 * be sent.  A program takes and puts, under the lock, without asking the
 * stack's thread; it is told (a "kick", at most one at a time for each
 * socket) that there is something to do.
 *
 * A socket is counted: by its descriptor, by its pcb, by each message to the
 * stack's thread and each call that uses it.  So a program may close it while
 * another of its threads waits in lwip_recv(), which then ends with EBADF; and
 * what was sent before it was closed is still sent.
 */
#ifndef SHMIF_LWIPV6_SOCK_H
#define SHMIF_LWIPV6_SOCK_H

#include <sys/socket.h>
#include <sys/uio.h>
#include <poll.h>
#include <stdatomic.h>
#include <time.h>

#include "stack/lwipv6/port.h"

enum sock_kind { KIND_TCP, KIND_UDP, KIND_RAW, KIND_PACKET, KIND_NETLINK };

/* Of a TCP socket; the others are NEW for ever. */
enum sock_state {
	SOCK_NEW, /* no connection, and none asked for */
	SOCK_LISTENING,
	SOCK_CONNECTING,
	SOCK_CONNECTED,
	SOCK_DONE, /* had a connection that is no more */
};

enum { WAIT_IN, WAIT_OUT };

#define DGRAM_COST 256u /* of a datagram in memory, beside its length */

/* A piece of a stream, or a datagram. */
struct item {
	struct pbuf *p;
	struct ip_addr from;
	uint16_t port;
};

struct fifo {
	struct item *at;
	uint32_t size; /* a power of two, or 0 */
	uint32_t head;
	uint32_t count;
};

struct watch {
	struct watch *next;
	void (*cb)(void *);
	void *arg;
	short events;
	bool once;
};

struct sock {
	_Atomic unsigned refs;
	unsigned born; /* which process, counted by forks */
	int fd;
	int family;
	int type;
	int protocol;
	enum sock_kind kind;
	struct sock *next, *prev; /* all there are; under a lock of socket.c */

	/* The stack's thread only. */
	union {
		struct tcp_pcb *tcp;
		struct udp_pcb *udp;
		struct raw_pcb *raw;
		void *netlink;
	} pcb;
	bool fin_sent;
	bool passive; /* the peer's FIN came before ours went */
	bool orphan;  /* nobody has it any more */
	bool got_fin; /* as eof */
	bool began;   /* has sent something */
	uint8_t quick;
	uint8_t fin_tries; /* at the end of the process */
	bool sent_small;   /* less than a segment, up to here: */
	uint32_t small_end;
	uint32_t keep_tried;
	struct membership *groups; /* group.c */
	int soft; /* an ICMP error that did not end the connection */

	/* Serialize those that take from the queues. */
	pthread_mutex_t reader;
	pthread_mutex_t writer;

	pthread_mutex_t lock; /* of all below */
	struct stack *stack;  /* NULL: deleted */
	enum sock_state state;
	bool closed;
	bool eof;     /* the peer sends no more */
	bool shut_rd; /* lwip_shutdown() */
	bool shut_wr;
	bool settled; /* all that was sent has arrived, or never will */
	int error;    /* SO_ERROR */
	bool nonblock;

	bool bound;
	struct ip_addr local, remote;
	uint16_t local_port, remote_port;

	uint16_t so_options; /* the library's SOF_ bits */
	bool v6only;
	bool nodelay;
	bool linger;
	bool hdrincl;
	int linger_s;
	int ttl, tos;  /* -1: the library's */
	int group_ttl; /* the same for groups */
	int group_if;  /* number of the interface for these; 0: any */
	bool group_loop;
	int checksum_at;    /* IPV6_CHECKSUM, -1: none */
	uint32_t filter[8]; /* ICMP6_FILTER */
	unsigned keep_idle, keep_every, keep_count; /* seconds, seconds */
	struct timespec timeout[2]; /* SO_RCVTIMEO, SO_SNDTIMEO; 0: none */
	uint32_t in_max;	    /* SO_RCVBUF, of datagrams */

	struct fifo in;
	uint32_t in_bytes;
	uint32_t in_off;  /* how much of the first piece was taken */
	uint32_t in_cost; /* as in_max counts */
	uint32_t credit;  /* taken, and the peer does not know */

	char *out; /* a ring */
	uint32_t out_size;
	uint32_t out_head; /* both go up for ever */
	uint32_t out_tail;

	struct sock **waiting; /* connections to be accepted */
	unsigned waiting_n, waiting_max;

	bool kicked;
	struct watch *watches;
	_Atomic uint32_t turn[2]; /* go up with each wake-up */
	unsigned sleepers[2];
};

/* ---- socket.c ----------------------------------------------------------- */

/* The socket of FD, counted, or NULL and errno. */
struct sock *sock_get(int fd);
void sock_hold(struct sock *s);
void sock_put(struct sock *s);
/* A new socket without a descriptor, counted once, or NULL. */
struct sock *sock_new(struct stack *stack, int family, int type, int protocol,
    enum sock_kind kind);
/* Gives S a descriptor, which is counted too.  Or -1 and errno. */
int sock_install(struct sock *s);
/* Whether FD is a socket of this layer. */
bool sock_is(int fd);
/* Sets errno, and returns -1. */
int sock_fail(int error);
/* Runs FN(ARG) on the thread of S's stack, and waits.  0 or an errno value. */
int sock_call(struct sock *s, void (*fn)(void *), void *arg);
/* Has FN(S) run there some time later, with a count of its own. */
void sock_post(struct sock *s, void (*fn)(void *));
/* Calls FN(S, ARG) for each socket of STACK (NULL: any), counted meanwhile. */
void sock_each(const struct stack *stack, void (*fn)(struct sock *, void *),
    void *arg);

bool fifo_put(struct fifo *f, const struct item *it);
struct item *fifo_first(const struct fifo *f); /* or NULL */
void fifo_drop(struct fifo *f);

/* ---- wait.c; all with the lock held ------------------------------------- */

/* What S is ready for: POLL... */
int sock_ready(const struct sock *s);
/* Lets the lock go, and wakes who waits for EVENTS. */
void sock_unlock_wake(struct sock *s, int events);
/* The time that WHICH timeout of S ends at, in *AT; or NULL. */
const struct timespec *sock_until(const struct sock *s, int which,
    struct timespec *at);
/*
 * Waits for a wake-up, with the lock let go meanwhile.  0, EAGAIN (it is
 * UNTIL), EINTR, EBADF (it was closed) or ENETDOWN.
 */
int sock_wait(struct sock *s, int which, const struct timespec *until);
void sock_watch(struct sock *s, struct watch *w);
void sock_unwatch(struct sock *s, struct watch *w);

/* ---- stream.c; on the stack's thread ------------------------------------ */

/* The pcb of S, made if need be; or NULL.  With the lock held, as the next. */
struct tcp_pcb *stream_pcb(struct sock *s);
/* PCB is S's from now on, and counts it. */
void stream_attach(struct sock *s, struct tcp_pcb *pcb);
void stream_detach(struct sock *s);
/* The connection of S, if any, has ended by ERROR.  Keeps the count. */
void stream_failed(struct sock *s, int error);
/* Ends the connection of S with a reset, by ERROR. */
void stream_abort(struct sock *s, int error);
err_t stream_connected(void *arg, struct tcp_pcb *pcb, err_t err);
/* What a kick does. */
void stream_work(struct sock *s);
/* The library has put PCB into TIME-WAIT, from where it goes without a word. */
void stream_waits(struct tcp_pcb *pcb);
/* Whether the retransmission timer runs: an abort is its doing. */
bool stream_in_timer(void);
/*
 * On any thread: stream_work() should be done.  With the lock held; whether
 * stream_kick() has to be called, without it.
 */
bool stream_want_kick(struct sock *s);
void stream_kick(struct sock *s);
/* The neighbour HOP on NETIF does not answer. */
void stream_unreachable(struct netif *netif, const struct ip_addr *hop);
/* Whether data may be sent by PCB: ESTABLISHED, CLOSE_WAIT. */
bool stream_is_open(const struct tcp_pcb *pcb);

/* ---- icmp.c; on the stack's thread --------------------------------------- */

/* What is quoted of a packet that did not arrive. */
struct icmp_quote {
	struct ip_addr src, dst;
	uint8_t proto;
	uint16_t sport, dport;
	uint32_t seq;	/* of TCP */
	unsigned total; /* its length */
};
struct icmp_meaning {
	int error; /* 0: none */
	bool hard; /* to try again is in vain */
};
/*
 * P, its IP header first, is ICMP for the stack.  True: it was an error, has
 * been told to whom it concerns, and may be freed.
 */
bool icmp_error(struct stack *stack, struct pbuf *p);
/* The same for P, an IP packet that could not be sent. */
void icmp_undelivered(struct stack *stack, struct pbuf *p);
/* The socket that has sent Q is told; stream.c, dgram.c. */
void stream_error(struct stack *stack, const struct icmp_quote *q,
    struct icmp_meaning m);
void dgram_error(struct stack *stack, const struct icmp_quote *q, int error);

/*
 * The connection that Q is of, if that is something which was sent and is not
 * acknowledged; or NULL.
 */
struct tcp_pcb *stream_quoted(struct stack *stack, const struct icmp_quote *q);

/* ---- path.c, tcp_split.c; on the stack's thread ------------------------- */

/* A router said that Q does not go through where MTU is the limit; 0: ? */
void path_too_big(struct stack *stack, struct icmp_quote *q, uint32_t mtu);
/* The connection that has sent Q is to send packets of at most MTU bytes. */
void tcp_too_big(struct stack *stack, const struct icmp_quote *q, unsigned mtu);

/* ---- stream_send.c; on the stack's thread ------------------------------- */

/* Sends what there is, and the FIN if it is time. */
void stream_send(struct sock *s);
/* Whether there is something that the peer has not acknowledged. */
bool stream_unacked(const struct tcp_pcb *pcb);
/* How many bytes the library was given and the peer has not acknowledged. */
uint32_t stream_outstanding(const struct sock *s);

/* ---- close.c ------------------------------------------------------------ */

/* S has no descriptor any more: closes what it has. */
void sock_close(struct sock *s);

/* ---- accept.c; on the stack's thread ------------------------------------ */

enum listener_verdict { SYN_ANSWER, SYN_DROP, SYN_REFUSE };
/* What becomes of a SYN from FROM to TO and PORT. */
enum listener_verdict listener_answers(struct stack *stack,
    const struct ip_addr *from, const struct ip_addr *to, uint16_t port);
err_t listener_accept(void *arg, struct tcp_pcb *pcb, err_t err);
void listener_close(struct sock *s);

/* ---- dgram.c; on the stack's thread, but for the last ------------------- */

int dgram_open(struct sock *s);
void dgram_close(struct sock *s);
/* S, which has a port, is to hear what comes to it. */
void dgram_listen(struct sock *s);
/* Applies options. */
void dgram_apply(struct sock *s);
/* Gives a UDP socket a port, if it has none.  0 or an errno value. */
int connect_port(struct sock *s);
struct sock_dest {
	struct ip_addr ip;
	uint16_t port;
};
/* Sends one datagram.  Its length, or -1 and errno. */
ssize_t dgram_send(struct sock *s, const struct iovec *iov, size_t n,
    const struct sock_dest *to);

/* P, the data of a datagram Q for a group, goes to all who hear it. */
void dgram_group(struct stack *stack, const struct icmp_quote *q,
    struct pbuf *p);

/* ---- group.c; on the stack's thread, but for options -------------------- */

bool group_is(const struct ip_addr *ip);
/* What NETIF sends to GROUP from; false: nothing. */
bool group_source(struct netif *netif, const struct ip_addr *group,
    struct ip_addr *from);
/* How S reaches GROUP.  0 or an errno value. */
int group_route(struct sock *s, const struct ip_addr *group,
    struct netif **netif, struct ip_addr *from);
/* Sends P, the data of a datagram of UDP. */
int group_send(struct sock *s, struct pbuf *p, struct sock_dest *to);
/* S, which is closed, is a member of nothing. */
void group_close(struct sock *s);
/* Whether NAME is an option of these; then *ERROR is 0 or an errno value. */
bool group_setsockopt(struct sock *s, int level, int name, const void *value,
    socklen_t len, int *error);
bool group_getsockopt(struct sock *s, int level, int name, void *value,
    socklen_t *len, int *error);

/* ---- names.c ------------------------------------------------------------ */

/* What the program's address NAME means to S.  0 or an errno value. */
int name_in(const struct sock *s, const struct sockaddr *name, socklen_t len,
    struct sock_dest *to);
/* The other way round; *LEN as POSIX has it. */
void name_out(int family, const struct ip_addr *ip, uint16_t port,
    struct sockaddr *name, socklen_t *len);
bool name_is_any(const struct ip_addr *ip);
/* Whether S may talk to, or hear, IP's family. */
bool name_fits(const struct sock *s, const struct ip_addr *ip);
/* Whether IP is an address of STACK's own; on its thread. */
bool name_is_own(struct stack *stack, struct ip_addr *ip);
/*
 * Finds what STACK uses to reach DST; on its thread.  0, ENETUNREACH, or
 * EADDRNOTAVAIL.  FROM may be NULL.
 */
int name_route(struct stack *stack, struct ip_addr *dst, struct netif **netif,
    struct ip_addr *from);
/* What the library's error is called. */
int name_errno(err_t err);

#endif /* SHMIF_LWIPV6_SOCK_H */
