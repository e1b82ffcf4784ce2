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
 * Which files there are, and which may call which, is in README.
 *
 * A kind of socket (TCP, UDP, raw, packet, netlink) is a table of functions,
 * struct sock_ops: the calls of programs (calls.c, send.c, recv.c, options.c)
 * look at nothing else of it.
 *
 * Which thread may touch what.  A socket has two halves.  The pcb, and what is
 * said to be of the stack's thread, is touched on that thread only.  Everything
 * else is under the socket's lock.  No thread holds that lock while it calls
 * the library.  Between the halves there are two queues: what has been
 * received, and what is to be sent.  A program takes from the one and adds to
 * the other under the lock, without waiting for the stack's thread.  It tells
 * that thread that there is something to do by a "kick", of which each socket
 * has at most one under way.
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

#include "shmif/stack_sock.h"
#include "stack/lwipv6/tcp/conn.h"

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
	uint16_t room; /* of a stream: for so many bytes more in P */
	uint16_t
	    before; /* of a datagram: what control.c noted in P before it */
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
	_Atomic int fd;
	int family;
	int type;
	int protocol;
	_Atomic int owner; /* for which process; 0: this one; to be shown */
	const struct sock_ops *ops; /* of its kind */
	struct sock *next, *prev; /* all there are; under a lock of socket.c */

	/* The stack's thread only. */
	union {
		struct tcp_pcb *tcp;
		struct udp_pcb *udp;
		struct raw_pcb *raw;
		void *netlink;
	} pcb;
	bool fin_sent;
	bool passive;	    /* the peer's FIN came before ours went */
	bool orphan;	    /* its descriptor was closed */
	bool got_fin;	    /* as eof, for the stack's thread */
	bool has_sent;	    /* data; see first_window() in stream_send.c */
	uint8_t quick_acks; /* segments that were acknowledged at once */
	uint8_t fin_tries;  /* at the end of the process */
	bool sent_small;    /* less than a segment, up to here: */
	uint32_t small_end;
	struct membership *groups; /* multicast.c */
	int soft_error;	     /* of ICMP; it did not end the connection; or 0 */
	struct node at_port; /* of those with the same port: ports.c */

	/* One thread at a time takes from the queue, or adds to the ring. */
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
	bool more; /* the last send was with MSG_MORE */
	bool linger;
	bool hdrincl;
	int linger_s;
	int maxseg;    /* TCP_MAXSEG; 0: what fits */
	int ttl, tos;  /* -1: the library's */
	int group_ttl; /* the same for groups */
	int group_if;  /* number of the interface for these; 0: any */
	bool group_loop;
	bool group_all;	    /* hears groups that others have joined */
	int checksum_at;    /* IPV6_CHECKSUM, -1: none */
	uint32_t filter[8]; /* ICMP6_FILTER */
	unsigned keep_idle, keep_every, keep_count; /* seconds, seconds */
	uint8_t wants;				    /* control messages */
	struct timespec timeout[2]; /* SO_RCVTIMEO, SO_SNDTIMEO; 0: none */
	uint32_t in_max;	    /* SO_RCVBUF, of datagrams */

	struct fifo in;
	uint32_t in_bytes;
	uint32_t in_off;  /* how much of the first piece was taken */
	uint32_t in_cost; /* as in_max counts */
	uint32_t credit;  /* taken, but not in the window yet */

	char *out; /* a ring */
	uint32_t out_size;
	uint32_t out_head; /* both go up for ever */
	uint32_t out_tail;

	struct sock **waiting; /* connections to be accepted */
	unsigned waiting_n, waiting_max;

	bool kicked; /* stream_work() is going to run */
	struct watch *watches;
	_Atomic uint32_t turn[2]; /* go up with each wake-up */
	unsigned sleepers[2];
};

/* An address and a port. */
struct sock_dest {
	struct ip_addr ip;
	uint16_t port;
};

/* Where data that is received goes: recv.c. */
struct recv_into {
	const struct iovec *iov;
	size_t n;
	size_t i, off; /* the next byte goes there */
	size_t done;
};

/* From whom it came. */
struct recv_from {
	struct sockaddr *name; /* the program's; may be NULL */
	socklen_t *len;
	bool no_name;			    /* nobody: a stream */
	bool cut;			    /* there was more of the datagram */
	struct stack_sock_control *control; /* or NULL */
};

/* What a program wants of one datagram that it sends. */
struct sock_wish {
	int ttl, tos;  /* -1: as of all */
	int interface; /* its number; 0: any */
	bool has_from;
	struct ip_addr from;
};

/* A datagram that is sent. */
struct dgram {
	struct sock *s;
	struct pbuf *p;
	struct sock_dest to;
	const struct sock_wish *wish; /* or NULL */
	int error;
};

/* What is special to a kind of socket that sends datagrams (dgram.c). */
struct dgram_ops {
	unsigned headers; /* bytes, at least; what is longer is EMSGSIZE */
	/* On the stack's thread.  0 or an errno value. */
	int (*send)(struct dgram *g);
	void (*remove)(struct sock *s); /* the pcb */
	/* Where S sends to without an address; with the lock held. */
	int (*default_dest)(const struct sock *s, struct sock_dest *to);
};

/*
 * A kind of socket.  A function that is NULL is one that the kind has not:
 * where a program asks for it that is EOPNOTSUPP.  Functions return 0 or an
 * errno value, if nothing else is said.
 */
struct sock_ops {
	int protocol;	      /* 0: the one that socket() was told */
	int window;	      /* what SO_RCVBUF says; 0: what was set */
	bool needs_raw;	      /* the program needs CAP_NET_RAW */
	bool has_ports;	      /* those below 1024 are privileged */
	bool keeps_port;      /* also one that bind() did not give it */
	bool binds_to_groups; /* and to broadcast addresses */
	bool no_ioctl;	      /* but for FIONBIO */
	const struct dgram_ops *dgram; /* NULL: it sends no datagrams */

	/* On the stack's thread. */
	int (*open)(struct sock *s);
	void (*close)(struct sock *s);	/* it has no descriptor any more */
	void (*orphan)(struct sock *s); /* its stack is deleted */
	/*
	 * Whether S, which is closed (CLOSE: be it so), has something to send
	 * yet; adds to *PROGRESS what changes when it gets on.  NULL: no.
	 */
	bool (*unfinished)(struct sock *s, bool close, uint32_t *progress);
	int (*bind)(struct sock *s, struct sock_dest *to);
	bool (*port_in_use)(const struct sock *s, const struct sock_dest *at);
	int (*connect)(struct sock *s, struct sock_dest *to); /* NULL: undo */
	int (*listen)(struct sock *s, int backlog);
	void (*apply)(struct sock *s); /* gives options to the pcb */

	/* With the lock held. */
	int (*ready)(const struct sock *s);	  /* POLL... */
	uint32_t (*queued)(const struct sock *s); /* FIONREAD */
	bool (*has_peer)(const struct sock *s);

	/* On the program's thread. */
	int (*wait_connected)(struct sock *s);
	int (*accept)(struct sock *s, struct sock **child);
	void (*put_back)(struct sock *s, struct sock *child);
	int (*shutdown)(struct sock *s, int how);
	/* How many bytes, or -1 and errno. */
	ssize_t (*send)(struct sock *s, const struct iovec *iov, size_t n,
	    int flags, const struct sockaddr *to, socklen_t tolen,
	    const struct sock_wish *wish);
	ssize_t (*recv)(struct sock *s, struct recv_into *to, size_t room,
	    int flags, struct recv_from *from);
	/* Whether NAME is an option of the kind; then *ERROR is the result. */
	bool (*setsockopt)(struct sock *s, int level, int name,
	    const void *value, socklen_t len, int *error);
	bool (*getsockopt)(struct sock *s, int level, int name, void *value,
	    socklen_t *len, int *error);
	/*
	 * Instead of bind, connect, and local and remote of struct sock, by a
	 * kind whose addresses the library keeps.  0, or -1 and errno.
	 */
	int (*bind_name)(struct sock *s, const struct sockaddr *name,
	    socklen_t len);
	int (*connect_name)(struct sock *s, const struct sockaddr *name,
	    socklen_t len);
	int (*get_name)(struct sock *s, struct sockaddr *name, socklen_t *len,
	    bool peer);
};

extern const struct sock_ops stream_ops, udp_ops, raw_ops, packet_ops,
    netlink_ops;

/* ---- socket.c ----------------------------------------------------------- */

void sock_hold(struct sock *s);
void sock_put(struct sock *s);
/* A new socket without a descriptor, counted once, or NULL. */
struct sock *sock_new(struct stack *stack, int family, int type, int protocol,
    const struct sock_ops *ops);
/* Whether S was made by this process, and not inherited from its parent. */
bool sock_is_of_this_process(const struct sock *s);
/* S has no descriptor any more: closes what it has. */
void sock_close(struct sock *s);
/*
 * Waits, while there is progress, until what was sent over the connections of
 * STACK that are closed has arrived.  Not on the stack's thread.
 */
void sock_settle(struct stack *stack);
/*
 * Has the process wait, when it exits, for connections that are being closed
 * and have data to send yet.
 */
void close_at_exit(void);
/* Sets errno, and returns -1. */
int sock_fail(int error);
/* Runs FN(ARG) on the thread of S's stack, and waits.  0 or an errno value. */
int sock_call(struct sock *s, void (*fn)(void *), void *arg);
/* The same for a call of a program: what it says, and what is done. */
struct sock_job {
	struct sock *s;
	struct sock_dest to;
	int backlog;
	bool disconnect;
	void (*fn)(struct sock_job *);
	int error;
};
int sock_job(struct sock_job *j, void (*fn)(struct sock_job *));
/* Has FN(S) run there some time later, with a count of its own. */
void sock_post(struct sock *s, void (*fn)(void *));
/* Calls FN(S, ARG) for each socket of STACK (NULL: any), counted meanwhile. */
void sock_each(const struct stack *stack, void (*fn)(struct sock *, void *),
    void *arg);

bool fifo_put(struct fifo *f, const struct item *it);
struct item *fifo_first(const struct fifo *f); /* or NULL */
struct item *fifo_last(const struct fifo *f);  /* or NULL */
void fifo_drop(struct fifo *f);

/* ---- fd.c --------------------------------------------------------------- */

/* The socket of FD, counted, or NULL and errno. */
struct sock *sock_get(int fd);
/* Gives S a descriptor, which is counted too.  Or -1 and errno. */
int sock_install(struct sock *s);
/* Takes FD out of the table: its socket, with its count; or NULL and errno. */
struct sock *sock_uninstall(int fd);
/* Whether FD is a socket of this layer. */
bool sock_is(int fd);

/* ---- ports.c; on the stack's thread, but for port_allowed() ------------- */

/* Whether one who listens at A is in the way of one who listens at B. */
bool port_overlap(const struct ip_addr *a, const struct ip_addr *b);
/* Whether S may be bound to IP.  0 or EADDRNOTAVAIL. */
int port_address(struct sock *s, struct ip_addr *ip);
/* The same for TO, whose port, if it is 0, is chosen.  Or EADDRINUSE. */
int port_choose(struct sock *s, struct sock_dest *to);
/* S is bound to TO from now on. */
void port_bound(struct sock *s, const struct sock_dest *to);
/* The stack of S goes, or its descriptor is closed. */
void port_unbound(struct sock *s);
/* Whether another socket listens where S is bound. */
bool port_has_listener(struct sock *s);
/* Whether the program may have PORT. */
bool port_allowed(struct sock *s, uint16_t port);

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
/*
 * The program wants no more of the connection of S: it is to end in good order,
 * or, where something is lost to it, by a reset.
 */
void stream_leave(struct sock *s);
/*
 * On any thread: stream_work() should be done.  With the lock held; whether
 * stream_kick() has to be called, without it.
 */
bool stream_want_kick(struct sock *s);
void stream_kick(struct sock *s);

/* ---- stream_queue.c; on the stack's thread, with the lock held ----------- */

/* Puts P at the end of what S has received.  False: there is no memory. */
bool stream_queue(struct sock *s, struct pbuf *p);
/*
 * Drops all that S has received.  What a reader has begun to take stays: it holds
 * the first piece without the lock.
 */
void stream_drop(struct sock *s);

/* ---- stream_send.c; on the stack's thread ------------------------------- */

/* Whether data may be sent by PCB: ESTABLISHED, CLOSE_WAIT. */
bool stream_is_open(const struct tcp_pcb *pcb);
/* Sends what there is, and the FIN if it is time. */
void stream_send(struct sock *s);
/* Whether there is something that the peer has not acknowledged. */
bool stream_unacked(const struct tcp_pcb *pcb);
/* How many bytes the library was given and the peer has not acknowledged. */
uint32_t stream_outstanding(const struct sock *s);

/* ---- stream_io.c --------------------------------------------------------- */

/* As sock_ops has them. */
ssize_t stream_user_send(struct sock *s, const struct iovec *iov, size_t n,
    int flags, const struct sockaddr *to, socklen_t tolen,
    const struct sock_wish *wish);
ssize_t stream_user_recv(struct sock *s, struct recv_into *to, size_t room,
    int flags, struct recv_from *from);
bool stream_unfinished(struct sock *s, bool close, uint32_t *progress);

/* ---- accept.c; on the stack's thread, but for the last two --------------- */

err_t listener_accept(void *arg, struct tcp_pcb *pcb, err_t err);
void listener_close(struct sock *s);
/* Takes the first connection that waits; *CHILD is counted.  Or an error. */
int listener_take(struct sock *s, struct sock **child);
/* Puts CHILD back where it was, for there is no descriptor for it. */
void listener_put_back(struct sock *s, struct sock *child);

/* ---- dgram.c ------------------------------------------------------------- */

/* A copy of P, or NULL. */
struct pbuf *dgram_copy(const struct pbuf *p);
/* Queues P, which it takes; on the stack's thread, as the next. */
void dgram_deliver(struct sock *s, struct pbuf *p, const struct ip_addr *from,
    uint16_t port);
void dgram_udp_arrived(void *arg, struct udp_pcb *pcb, struct pbuf *p,
    struct ip_addr *from, uint16_t port);
/* P, the data of a datagram Q for a group, goes to all who hear it. */
void dgram_group(struct netif *netif, const struct icmp_quote *q,
    struct pbuf *p);

/* Whether G, and MORE bytes of header, make a datagram to where G goes. */
int dgram_fits(const struct dgram *g, uint32_t more);
/* S, whose pcb has the address OWN, talks to TO from FROM from now on. */
void dgram_connected(struct sock *s, const struct ip_addr *own,
    const struct ip_addr *from, const struct sock_dest *to);
/* As sock_ops and dgram_ops have them. */
int dgram_to_peer(const struct sock *s, struct sock_dest *to);
ssize_t dgram_send(struct sock *s, const struct iovec *iov, size_t n, int flags,
    const struct sockaddr *name, socklen_t namelen,
    const struct sock_wish *wish);
ssize_t dgram_recv(struct sock *s, struct recv_into *to, size_t room, int flags,
    struct recv_from *from);
void dgram_close(struct sock *s);
void dgram_apply(struct sock *s);
int dgram_shutdown(struct sock *s, int how);
int dgram_ready(const struct sock *s);
uint32_t dgram_queued(const struct sock *s);
bool dgram_has_peer(const struct sock *s);

/* ---- udp_in.c; on the stack's thread -------------------------------------- */

/*
 * Calls FN(S, ARG) for each UDP socket of STACK at PORT; FN may not take it from
 * there.
 */
void udp_each_at(struct stack *stack, uint16_t port,
    void (*fn)(struct sock *, void *), void *arg);

/* ---- recv.c -------------------------------------------------------------- */

/* Copies LEN bytes, as far as there is room. */
void recv_copy(struct recv_into *to, const char *data, size_t len);
/* Copies what P has beyond OFF bytes, at most MAX bytes. */
void recv_copy_pbuf(struct recv_into *to, const struct pbuf *p, size_t off,
    size_t max);

/* ---- control.c ----------------------------------------------------------- */

/* Whether NAME is an option of control messages; with the lock held. */
bool control_set(struct sock *s, int level, int name, int n);
bool control_get(const struct sock *s, int level, int name, int *n);
/*
 * Puts before P, which has come for S, what can be told of it, *BEFORE bytes.
 * On the stack's thread, with the lock held.  The result replaces P.
 */
struct pbuf *control_note(struct sock *s, struct pbuf *p, uint16_t *before);
/* Gives what a socket WANTS of what is noted in P to the program. */
void control_give(uint8_t wants, const struct pbuf *p,
    struct stack_sock_control *to);
/* What the program says by its control messages.  0 or EINVAL. */
int control_read(const struct sock *s, const void *control, size_t len,
    struct sock_wish *w);

/* ---- options.c ----------------------------------------------------------- */

/* An int from the program's *VALUE; or EINVAL. */
int option_int(const void *value, socklen_t len, int *n);
/* Gives the program the int N, or as much of it as it has room for.  0. */
int option_give_int(void *to, socklen_t *tolen, int n);
/* Gives the options of S to its pcb.  0 or an errno value. */
int option_apply(struct sock *s);

/* ---- multicast.c; on the stack's thread, but for options -------------------- */

/* How S reaches GROUP.  0 or an errno value. */
int group_route(struct sock *s, const struct ip_addr *group,
    struct netif **netif, struct ip_addr *from);
/*
 * Sends P, the data of a datagram of UDP, to a group; or to all on a network,
 * whose interface WISH names.  WISH may be NULL.
 */
int group_send(struct sock *s, struct pbuf *p, struct sock_dest *to,
    const struct sock_wish *wish);
/* S, which is closed, is a member of nothing. */
void group_close(struct sock *s);
/*
 * Whether S hears what SRC sends to GROUP by NETIF, where a member does.  On the
 * stack's thread.
 */
bool group_lets(struct sock *s, const struct netif *netif,
    const struct ip_addr *group, const struct ip_addr *src);
/* Whether NAME is an option of these; then *ERROR is 0 or an errno value. */
bool group_setsockopt(struct sock *s, int level, int name, const void *value,
    socklen_t len, int *error);
bool group_getsockopt(struct sock *s, int level, int name, void *value,
    socklen_t *len, int *error);

/* ---- sockaddr.c ------------------------------------------------------------ */

/* What the program's address NAME means to S.  0 or an errno value. */
int name_in(const struct sock *s, const struct sockaddr *name, socklen_t len,
    struct sock_dest *to);
/* The other way round; *LEN as POSIX has it. */
void name_out(int family, const struct ip_addr *ip, uint16_t port,
    struct sockaddr *name, socklen_t *len);
bool name_is_any(const struct ip_addr *ip);
/* Whether S may talk to, or hear, IP's family. */
bool name_fits(const struct sock *s, const struct ip_addr *ip);
/* What the library's error is called. */
int name_errno(err_t err);

#endif /* SHMIF_LWIPV6_SOCK_H */
