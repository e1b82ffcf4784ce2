/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * serve.h - what the files of mstack's server share (not installed)
 *
 * All of it belongs to whoever holds the lock `work', see serve.c, but for what
 * is said to be under the other lock.
 */
#ifndef MSTACK_SERVE_SERVE_H
#define MSTACK_SERVE_SERVE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mstack/wire.h"
#include "shmif/stack_sock.h"

#define CHUNK 65536u /* what is moved at once */

/* What an epoll event is about; the first member of what it points to. */
enum subject { ABOUT_WAKE, ABOUT_SESSION, ABOUT_SOCK };

struct server;
struct session;

struct sock_bell {
	struct msock *m;
	bool rang; /* under the lock */
	bool set;  /* the stack will ring, or has */
};

/* Data that one side gave and the other has no room for. */
struct rest {
	uint8_t *data; /* NULL: none */
	size_t at, len;
	struct mstack_source from; /* of a datagram that goes down */
};

enum msock_state {
	MSOCK_NEW, /* of a stream: no connection */
	MSOCK_LISTENING,
	MSOCK_CONNECTING,
	MSOCK_OPEN, /* data may go both ways */
};

/* A socket of the stack and the pair between it and a program. */
struct msock {
	enum subject about;
	struct server *sv;
	struct session *session;   /* that may name it; or NULL */
	struct msock *next, *prev; /* of one hash */
	struct msock *next_rung;   /* under the lock */
	bool on_rung;		   /* under the lock */
	struct msock *next_dead;
	bool dead;
	struct msock *next_starved;
	bool starved;	 /* on that list; see share.c */
	int *hints;	 /* values of options without effect, or NULL */
	uint32_t hinted; /* which of them were set */
	int backlog, stack_backlog; /* of a listener; see listener.c */
	int unit;		    /* what a message in its pair counts */
	struct parked *parked;	    /* of a listener; see listener.c */

	uint64_t inode; /* of the program's end */
	int pair;	/* our end */
	int sock;	/* of the stack; -1: not yet */
	int domain, type, protocol;
	int owner; /* the process that made it, as the supervisor says */
	bool stream;
	enum msock_state state;
	int error;  /* SO_ERROR */
	bool fresh; /* connected, and the program was not told so */

	/* A connection is waited for. */
	struct session *asker; /* who waits for the reply to CALL, or NULL */
	uint64_t call;
	int held;    /* the program's end while it is kept full, or -1 */
	size_t junk; /* bytes that it was filled with */

	/* What was not tried in vain since the last event. */
	bool pair_in, pair_out, stack_in, stack_out;
	bool tells_room;   /* epoll tells when the pair has room */
	unsigned needless; /* times that it did where there was room */
	struct sock_bell bell_in, bell_out;

	/* Up: to the stack.  Down: to the program. */
	struct rest up, down;
	bool hup;	      /* the program has closed its end */
	bool shut_by_program; /* it may have shut it down both ways */
	bool rdhup;	      /* it sends no more */
	bool up_end;	      /* nothing more comes from it */
	bool up_shut;	      /* and the stack knows */
	bool up_lost;	      /* the stack takes no more */
	bool down_end;	      /* nothing more comes from the stack */
	bool down_shut;	      /* and the program knows */
	bool down_lost;	      /* the program takes no more */
	bool rude;	      /* it closed with data unread: reset */
	bool stale;	      /* a byte in our queue is no news; see stream.c */
	size_t run;	      /* bytes read since nothing but that was there */
};

struct session {
	enum subject about;
	struct server *sv;
	struct session *next;
	int fd;
	bool stuck; /* its replies have no room: it is not listened to */
	bool dead;
	size_t used; /* descriptors of its sockets; see share.c */
};

/* A connection that was reset; see grave.c. */
struct grave {
	uint64_t inode; /* 0: none */
	const struct session *session;
	int kind[3];
	socklen_t len;
	struct sockaddr_storage name;
};

#define HASHES 1024u
#define GRAVES 256u
#define SOURCES 64u

struct server {
	enum subject about; /* ABOUT_WAKE */
	const struct stack_sock *ops;
	void *stack;
	int epoll, wake;
	pthread_t thread;
	atomic_bool quit;

	pthread_mutex_t work; /* whoever does the server's work */
	pthread_mutex_t lock; /* of the next five */
	struct msock *rung;
	struct session *fresh;
	bool sleeping;	      /* the thread has to be poked */
	bool helped;	      /* a thread of the stack will call help() */
	pthread_cond_t alone; /* that is over */

	struct session *sessions;
	int diag; /* to ask the kernel about sockets; 0: none yet, or -1 */
	struct msock *hash[HASHES];
	struct msock *dead;
	size_t limit, used;    /* descriptors; see share.c */
	struct msock *starved; /* listeners that wait for one */
	bool freed;	       /* one became free in this round */
	struct grave graves[GRAVES];
	size_t next_grave;
	struct {
		int fd; /* -1: none */
		struct mstack_source from;
	} source[SOURCES];
	uint8_t buf[CHUNK]; /* of whoever works */
	uint8_t message[MSTACK_MESSAGE_MAX + 1];
};

/* ---- serve.c ------------------------------------------------------------ */

/* Has epoll tell about EVENTS of FD.  0 or an errno value. */
int serve_watch(struct server *sv, int fd, uint32_t events, void *subject);
/*
 * Does what is to be done for sockets because of what programs did until now:
 * who asks for something after a close is answered as if that was long ago.
 */
void serve_catch_up(struct server *sv);
/* Puts M on the list of those that have something to do; with the lock. */
void serve_list(struct msock *m);
/* Wakes the thread if it sleeps; with the lock. */
void serve_poke(struct server *sv);
/*
 * As serve_poke(), but where this is a thread of the stack it does what it can
 * of the work, instead, as soon as it may; with the lock.
 */
void serve_poke_or_help(struct server *sv);

/* ---- msock.c ------------------------------------------------------------ */

/*
 * A new socket for S, its pair, and in *END the program's end, which the
 * caller closes.  SOCK is one of the stack's, which it takes, also where it
 * fails; or -1: the caller sets it, or ends the socket at once.  0, EMFILE (S
 * has its share), ENFILE, or another errno value.
 */
int msock_new(struct server *sv, struct session *s, int sock, const int kind[3],
    struct msock **mp, int *end);
/* It is used by the process PID, as far as anybody knows. */
void msock_own(struct msock *m, int pid);
/* It does nothing more, and is freed when the round is over. */
void msock_end(struct msock *m);
/* Frees those that have ended. */
void msock_bury(struct server *sv);
/* The socket with INODE, whose session is S; or NULL. */
struct msock *msock_find(struct server *sv, const struct session *s,
    uint64_t inode);
/* S is no more. */
void msock_forget_session(struct server *sv, const struct session *s);
void msock_end_all(struct server *sv);
/* Epoll says EVENTS of the pair. */
void msock_event(struct msock *m, uint32_t events);
/*
 * The pair took no more: pair_out is false until it does.  The kernel tells of
 * room each time that the program reads, which wakes us for nothing unless we
 * wait for it: so it is asked to from now on, until that was needless for some
 * times.
 */
void msock_full(struct msock *m);
/* Bells rang: takes them, and works. */
void msock_rung(struct msock *m);
/*
 * The same on a thread of the stack, where only data is moved down.  False:
 * there is more to do.
 */
bool msock_rung_down(struct msock *m);
/* Does all that can be done without waiting. */
void msock_work(struct msock *m);
/* Has msock_work() done once more after others had their turn. */
void msock_again(struct msock *m);
/*
 * The stack said EAGAIN to something that POLLIN (IN) or POLLOUT ends.  True:
 * it can be tried again at once.
 */
bool msock_wait(struct msock *m, bool in);
/* Keeps what R has no room for.  False: no memory. */
bool rest_keep(struct rest *r, const uint8_t *data, size_t len);
void rest_drop(struct rest *r);

/* ---- stream.c, dgram.c, listener.c, connect.c --------------------------- */

/*
 * Prepares END, the program's end of M's pair, which is new: room, and the byte
 * by which a reset can be told.  False: that is not possible.
 */
bool stream_prepare(struct msock *m, int end);
/* The room that END has when it is not kept full. */
void stream_set_room(int end);
void stream_up(struct msock *m);
void stream_down(struct msock *m);
/* The part of it that moves data.  False: there is more to do. */
bool stream_move_down(struct msock *m);
void dgram_up(struct msock *m);
void dgram_down(struct msock *m);
/* It is one from now on, with this BACKLOG, or with another one. */
void listener_begin(struct msock *m, int backlog);
/* Pushes connections that wait to whoever accepts. */
void listener_work(struct msock *m);
/* M, which may be one, ends. */
void listener_end(struct msock *m);

/*
 * Begins to connect.  HELD: the program's end where it does not wait, which it
 * takes; or -1.  0, EINPROGRESS (connect_work() goes on) or an error.
 */
int connect_begin(struct msock *m, const struct sockaddr *addr, socklen_t len,
    int held);
/* Looks whether the attempt has come to its end. */
void connect_work(struct msock *m);

/* ---- share.c ------------------------------------------------------------ */

void share_begin(struct server *sv);
/* Whether S may have one more: 0, EMFILE (not S), ENFILE (nobody). */
int share_of(const struct server *sv, const struct session *s);
/* A descriptor of S, which may be NULL, is taken, or is free again. */
void share_take(struct server *sv, struct session *s);
void share_give(struct server *sv, struct session *s);
/* M is TO's from now on; NULL: nobody's. */
void share_move(struct msock *m, struct session *to);
/* M could not have a descriptor: its msock_work() is done once more later. */
void share_starve(struct msock *m);
/* M ends. */
void share_forget(const struct msock *m);
/* For how many ms the server may sleep; -1: for ever. */
int share_patience(const struct server *sv);
/* Those that wait try again, if there is reason to.  LATE: it has slept. */
void share_retry(struct server *sv, bool late);

/* ---- peer.c ------------------------------------------------------------- */

/* M's pair has hung up: whether the program has closed its end. */
bool program_is_gone(struct msock *m);
/* Whether poll(2) says POLLOUT of the program's end; false: nobody knows. */
bool program_can_write(struct msock *m);

/* ---- grave.c ------------------------------------------------------------ */

/* M is going to end, for its connection was reset. */
void grave_dig(struct msock *m);
/* What was INODE, and may be named by S (NULL: by anybody); or NULL. */
struct grave *grave_find(struct server *sv, const struct session *s,
    uint64_t inode);
void grave_forget_session(struct server *sv, const struct session *s);
/* Sets or gets an option; as option_set() and option_get(), or ESTALE. */
int grave_option(struct server *sv, const struct grave *g, bool set, int level,
    int name, void *value, socklen_t *len);

/* ---- source.c ----------------------------------------------------------- */

/* A descriptor of the memory file with FROM, which stays ours; or -1. */
int source_file(struct server *sv, const struct mstack_source *from);
void source_close_all(struct server *sv);

/* ---- session.c, request.c, option.c ------------------------------------- */

/* Requests came, or the other end has gone. */
void session_event(struct session *s);
void session_end(struct session *s);
/*
 * Sends R and its data, and the N descriptors at FDS.  What is not taken is
 * lost: see there.
 */
void session_reply(struct session *s, struct mstack_reply *r, const void *addr,
    const void *data, const int *fds, size_t n);
/* Does Q, whose descriptor, or -1, is FD, which it takes. */
void session_request(struct session *s, const struct mstack_request *q,
    const uint8_t *addr, const uint8_t *data, int fd);
/* Options of M; as the stack's set() and get(). */
int option_set(struct msock *m, int level, int name, const void *value,
    socklen_t len);
int option_get(struct msock *m, int level, int name, void *value,
    socklen_t *len);

#endif /* MSTACK_SERVE_SERVE_H */
