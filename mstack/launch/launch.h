/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * launch.h - what the files of mstack share (not installed)
 *
 * DOC: mstack(1): a launcher and a supervisor
 *
 * mstack runs a command whose sockets, of the families that were chosen, are
 * those of a stack in another process.  mstack/wire.h has the picture.
 *
 *	main.c       the command line
 *	protocols.c  the list of -o
 *	family.c     three processes: mstack, the supervisor, the command
 *	filter.c     which system calls the kernel asks the supervisor about
 *	heir.c       what becomes of them when the supervisor has been killed
 *	supervise.c  the supervisor's loop, and calls that wait
 *	target.c     processes that make calls: their memory and descriptors
 *	link.c       sessions with servers
 *	hold.c       listeners and the like outlive their server
 *	stacks.c     which stack is whose default
 *	calls.c      what becomes of each system call
 *	streams.c    whether a stream is connected, or listens
 *	data.c       those that move data
 *	datagram.c   one datagram of a pair
 *	request.c    ioctl
 *	ask.c        what is asked by msocket(3) and by an mstack inside
 *	once.c       -c: a stack for the command alone
 *
 * How it was chosen.  A library that is loaded before the C library
 * (LD_PRELOAD) sees no system call of a static program, of Go's run time, or of
 * the C library itself, as when it looks up a name.  ptrace(2) sees all, and
 * stops the program twice at each.  Seccomp's user notification stops it only
 * at calls that a filter names, and lets the supervisor put a descriptor into
 * the program.  So the sockets themselves can be something that the kernel
 * knows, a UNIX socket, and reading and writing, which is most of what happens,
 * costs nothing.
 *
 * Nothing that the program says is trusted.  Its memory is copied once before
 * it is looked at.  A process that ends may leave its number to another one:
 * what was read or found by a number is used only after the kernel said that
 * the call is still being waited for.  This is not a sandbox: a program may
 * undo by itself what mstack does to it (by changing its memory while a call is
 * looked at, say), and gets at worst a socket of the host, which it could have
 * had without mstack.
 *
 * Where the kernel answers better than we do, it does (calls that are
 * "continued").
 */
#ifndef MSTACK_LAUNCH_H
#define MSTACK_LAUNCH_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mstack/wire.h"

/* ---- protocols.c -------------------------------------------------------- */

#define FAMILIES_ALL UINT64_MAX /* bit N is family N */

/*
 * The families that LIST (mstack(1), -o) names.  False: BAD is the item that is
 * not understood.
 */
bool protocols_parse(const char *list, uint64_t *families, char bad[32]);

/* ---- family.c ----------------------------------------------------------- */

struct launch {
	const char *program; /* how messages begin */
	bool verbose;
	uint64_t families;
	const char *stack;	  /* as it was given */
	const char *const *words; /* of -c; ends with NULL */
	const char *type;	  /* of -t, or NULL */
	char **command;
};

/* Runs the command.  The exit status. */
int family_run(const struct launch *l);
/* Runs it under a supervisor that is there already. */
int family_run_inside(const struct launch *l);

/* ---- filter.c ----------------------------------------------------------- */

/* Loads the filter; the descriptor to be notified by, or -1 and errno. */
int filter_load(void);

/* ---- heir.c ------------------------------------------------------------- */

#define PENDING 512u

/* The kernel's numbers of calls that a supervisor has taken; 0: none. */
struct pending {
	uint64_t id[PENDING];
};

/* One that processes share which are forked after; or NULL. */
struct pending *pending_new(void);
void pending_add(struct pending *p, uint64_t id);
void pending_drop(struct pending *p, uint64_t id);
/*
 * Answers, after the supervisor, what LISTENER notifies of, until the process of
 * the pidfd COMMAND ends.
 */
void heir_answer(int listener, const struct pending *pending, int command);

/* ---- supervise.c -------------------------------------------------------- */

struct super;
struct hold;
struct proc;
struct link;
struct call;

/* A reply came; DATA has its address and data.  R NULL: the server is gone. */
typedef void call_reply(struct call *c, const struct mstack_reply *r,
    const uint8_t *data, int fd);
/* The socket that the call waits for is ready, or its time is over. */
typedef void call_ready(struct call *c, bool timeout);

/* C goes on. */
typedef void call_go(struct call *c);

/* A system call that a program waits for. */
struct call {
	int about; /* ABOUT_CALL */
	struct super *su;
	struct call *next, *prev;
	bool dropped; /* freed when the round is over */
	uint64_t id;  /* the kernel's */
	uint64_t number;
	pid_t tid;
	struct proc *proc;
	int nr;
	uint64_t args[6];

	int fd;	   /* the program's socket, ours too for a while; or -1 */
	int spare; /* the server's end, while REPLY is called; or -1 */
	bool stream;
	struct link *link; /* whose it is */
	uint64_t inode;

	/* A request that was sent, in case it is to be sent again. */
	struct mstack_request *sent;
	int sent_fd;		/* -1: none */
	bool adopting, adopted; /* see link.c */
	call_reply *reply;

	/* What is waited for. */
	call_ready *ready;
	bool polled;
	int64_t deadline; /* ms; 0: none */

	/* Of calls that have several messages. */
	unsigned index, count;
	bool asked; /* for an error that waits */

	/* What follows if it is connected; see streams.c. */
	call_go *go;
	bool sends, silent;
};

enum {
	ABOUT_LISTENER,
	ABOUT_LINK,
	ABOUT_HOLD,
	ABOUT_PROC,
	ABOUT_CALL,
	ABOUT_SIGNAL,
	ABOUT_LAUNCHER
};

/* The families' defaults, and what is at the other end of them. */
struct stack_ref {
	bool null;	   /* no stack: no socket */
	char path[128];	   /* what connect() takes */
	struct link *link; /* or NULL: not yet */
};

#define KNOWN 4096u
#define CUTS 64u    /* calls that a signal ended; more are forgotten */
#define CUT_MS 2000 /* for so long */

/* A call that a signal ended; TID 0: none. */
struct cut {
	pid_t tid;
	int nr;
	uint64_t args[6];
	int64_t until; /* of super_clock() */
};

struct super {
	int listener, epoll, signals;
	bool verbose;
	struct call *calls, *dropped;
	struct cut cuts[CUTS];
	unsigned next_cut;
	struct link *links;
	struct hold *holds;
	struct proc *procs, *ended;
	struct stack_default *defaults;
	uint64_t numbers;
	int files; /* how many descriptors there may be */
	/*
	 * Inodes of sockets that are known to listen, or to be connected; an
	 * inode is used once.
	 */
	uint64_t listeners[KNOWN], connected[KNOWN];
	struct pending *pending;
	int report;   /* to the launcher, or -1 */
	int launcher; /* its pidfd */
	pid_t command;
	bool command_ended;
	pid_t server;	/* of -c, or 0 */
	char once[128]; /* where that listens */
};

/* Supervises until nobody is left who could make a call. */
void supervise(struct super *su);
/* Has epoll tell about FD. */
int super_watch(struct super *su, int fd, uint32_t events, void *subject);

/* The call ends with VALUE, or with ERROR where that is not 0. */
void call_answer(struct call *c, int error, int64_t value);
/* The kernel does it. */
void call_continue(struct call *c);
/* It waits for a signal: nothing will come of it any more. */
void call_park(struct call *c);
/*
 * It ends with a descriptor of its own of FD, which stays ours.  0 or an errno
 * value, which it was answered with; ENOENT: nobody waited any more.
 */
int call_give(struct call *c, int fd, bool cloexec);
/* Nobody waits for it any more. */
void call_drop(struct call *c);
/* Whether the program still waits for it. */
bool call_is_valid(const struct call *c);
/*
 * READY is called when C's socket is ready for EVENTS, or when MS milliseconds
 * (0: never) are over.
 */
void call_wait(struct call *c, uint32_t events, int64_t ms, call_ready *ready);
int64_t super_clock(void);

/* ---- target.c ----------------------------------------------------------- */

struct proc {
	int about;
	struct proc *next;
	bool ended; /* freed when the round is over */
	pid_t tgid;
	int pidfd;
};

/*
 * The process of the thread TID, or NULL and the reason in *ERROR: ESRCH (it is
 * gone), ENFILE, ENOMEM.
 */
struct proc *proc_find(struct super *su, pid_t tid, int *error);
/* It has ended. */
void proc_ended(struct super *su, struct proc *p);
/* A descriptor of ours for the program's FD; or -1 and errno. */
int proc_fd(const struct proc *p, int fd);
/* Copies memory of the program.  0, EFAULT, or ESRCH: it does not wait. */
int mem_read(const struct call *c, uint64_t from, void *to, size_t len);
int mem_write(const struct call *c, uint64_t to, const void *from, size_t len);
/* The process whose child TGID is, or 0. */
pid_t proc_parent(pid_t tgid);

/* ---- link.c ------------------------------------------------------------- */

struct link {
	int about;
	struct link *next;
	int fd; /* -1: it is gone */
	pid_t pid;
	char path[128];
	int helper; /* a socket for requests that need one, or -1 */
	uint64_t helper_inode;
};

/* A session with the server at PATH.  0 or an errno value; WHY says more. */
int link_open(struct super *su, const char *path, struct link **lp, char *why,
    size_t size);
void link_event(struct super *su, struct link *l);
/*
 * Of whom the socket SOCK is; NULL: of no stack, but the kernel's.  The link may
 * be one to a server that is gone.
 */
struct link *link_of(struct super *su, int sock);
/*
 * Sends a request for C, whose REPLY is called.  FD is passed on where it is
 * not -1.  False: C was answered with an error.
 */
bool link_ask(struct call *c, enum mstack_op op, const int arg[3],
    const void *addr, size_t addrlen, const void *data, size_t datalen, int fd,
    call_reply *reply);

/* ---- hold.c ------------------------------------------------------------- */

/*
 * FD is the server's end of the socket INODE, of L: it is kept, in a descriptor
 * of its own, until the program has closed the other end.
 */
void hold(struct super *su, struct link *l, uint64_t inode, bool listener,
    int fd);
/* Epoll says that the other end is closed. */
void hold_event(struct hold *h);
/* The listener INODE, if it was one, is going to be something else. */
void hold_release(struct super *su, uint64_t inode);
/*
 * The connection A, whose end is FD, could not be given to who accepts from the
 * listener INODE: it waits again, behind those that wait.
 */
void hold_put_back(struct super *su, uint64_t inode,
    const struct mstack_arrival *a, int fd);
/* L's server is gone. */
void hold_lost(struct super *su, const struct link *l);
/* Frees those that have ended. */
void hold_bury(void);

/* ---- stacks.c ----------------------------------------------------------- */

struct stack_default {
	struct stack_default *next;
	pid_t tgid; /* whose, and its children's; 0: everybody's */
	uint64_t families;
	struct stack_ref ref;
};

/* Whether STACK is the null stack. */
bool stack_is_null(const char *stack);
/* The path within STACK, "unix://path" or "path". */
const char *stack_path(const char *stack);
/* Why STACK cannot be had, which failed with ERROR. */
const char *stack_why(const char *stack, int error);
/* The stack of FAMILY for P, or NULL: the host's. */
struct stack_ref *stack_for(struct super *su, const struct proc *p, int family);
/* From now on REF is the default of P (NULL: of all) for FAMILIES.  0, ENOMEM */
int stack_set(struct super *su, const struct proc *p, uint64_t families,
    const struct stack_ref *ref);
/* P has ended. */
void stack_forget(struct super *su, pid_t tgid);
/* The session with REF's server, made where there is none.  0 or an error. */
int stack_link(struct super *su, struct stack_ref *ref, struct link **lp);

/* ---- calls.c, data.c, request.c, ask.c ---------------------------------- */

/* Begins C.  It is answered now or later. */
void call_begin(struct call *c);
/*
 * Finds the socket that FD of the program is.  False: C was answered, as the
 * kernel does it if it is no socket of a stack.
 */
bool call_socket(struct call *c, int fd);
/* The timeout NAME of C's socket in ms; 0: none. */
int64_t call_timeout(const struct call *c, int name);
/* Reads an address.  0 or an errno value. */
int call_address(const struct call *c, uint64_t from, uint64_t len,
    struct sockaddr_storage *to);
/* Stores one where POSIX wants it, if TO is not 0.  0 or an errno value. */
int call_store_address(const struct call *c, const void *addr, socklen_t len,
    uint64_t to, uint64_t to_len);
/* Opens a socket on REF. */
void call_open(struct call *c, struct stack_ref *ref, const int kind[3]);

void do_sendto(struct call *c);
void do_sendmsg(struct call *c);
void do_sendmmsg(struct call *c);
void do_recvfrom(struct call *c);
void do_recvmsg(struct call *c);
void do_recvmmsg(struct call *c);
void do_ioctl(struct call *c);
void do_ask(struct call *c);

/* ---- streams.c ---------------------------------------------------------- */

/* Whether the socket of C is known to be a listener; false: nobody knows. */
bool call_listens(const struct call *c);
/* It is one. */
void call_know_listener(const struct call *c);
/* The socket INODE is connected. */
void call_know_connected(struct super *su, uint64_t inode);
/* What C asks for may change what its socket is. */
void call_forget(const struct call *c);
/* Asks the server, whose reply goes to FN, which asks reply_listens(). */
void call_ask_listens(struct call *c, call_reply *fn);
bool reply_listens(const struct mstack_reply *r, const uint8_t *data);
/*
 * GO(C) is called if the stream of C is connected, or may be; else C, which SENDS
 * or receives, is answered with an error (SILENT: without SIGPIPE).
 */
void call_if_connected(struct call *c, bool sends, bool silent, call_go *go);
/* The error that R, a reply to a question for SO_ERROR, tells; 0: none waits. */
int call_error_said(const struct mstack_reply *r, const uint8_t *data);
/* EPIPE, and SIGPIPE if it is not to be SILENT. */
void call_answer_pipe(struct call *c, bool silent);

/* ---- datagram.c --------------------------------------------------------- */

struct taken {
	size_t len;  /* that it has */
	size_t here; /* that there are */
	struct mstack_source from;
};

/*
 * Takes the next datagram of C's socket, or looks at it (MSG_PEEK in FLAGS); WANT
 * bytes at most, and at least one, are stored at TO.  0 or an errno value; EAGAIN
 * also where there was none, but an error is to be asked for.
 */
int datagram_take(struct call *c, int flags, void *to, size_t want,
    struct taken *t);
/*
 * An error of C's socket is being told: the message that made it readable for
 * that, if it is there, goes.
 */
void call_error_told(const struct call *c);

/* ---- once.c ------------------------------------------------------------- */

/*
 * Starts a server for the command, tells it WORDS by shmifctl, and stores where
 * it listens.  Its process id, or -1 with a message.
 */
pid_t once_start(const struct launch *l, char path[128]);
/* Ends it. */
void once_end(pid_t server, const char *path);

#endif /* MSTACK_LAUNCH_H */
