/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack_sock.h - the seam: what a stack must provide so that its sockets can
 *	be used on behalf of other programs (not installed)
 *
 * DOC: mstack/serve gives the sockets of a stack to programs that know nothing
 * of it.  It calls the functions of struct stack_sock, which a stack's driver
 * fills, and names no stack.  A stack that has sockets as POSIX describes them
 * needs a thin file for it: each function is a system call of that name on a
 * socket that is non-blocking from its birth to its end.
 *
 * A socket is a small number that the stack chose.  Nothing here ever waits
 * for a peer; functions may wait for the stack's thread or lock.  What is not
 * possible yet is EAGAIN (EINPROGRESS for connect), and watch() tells when to
 * try again.  It works as a doorbell does, once: a watch that rang is gone.
 *
 * Addresses are those of the system (struct sockaddr_in, sockaddr_in6,
 * sockaddr_ll, sockaddr_nl), options and requests have the system's numbers
 * and layouts.  A stack translates where its own differ.
 *
 * Threads: any thread but the stack's (but see stack_sock_bell).  Calls for one socket are made by one
 * thread at a time.
 *
 * ERRORS: 0 or a positive errno value, as Linux has it for the system call.
 */
#ifndef SHMIF_STACK_SOCK_H
#define SHMIF_STACK_SOCK_H

#include <sys/socket.h>
#include <sys/uio.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A watch rang.  On any thread, perhaps the stack's: calls nothing here.  What
 * is to be done at once is done by later() (shmif/later.h); there it may call
 * send(), recv(), watch() and unwatch().
 */
typedef void stack_sock_bell(void *arg);

/* Control messages, in the system's layouts; see cmsg(3). */
struct stack_sock_control {
	void *data;
	size_t room; /* of what is received */
	size_t len;
	bool cut; /* what was received had more of them: MSG_CTRUNC */
};

struct stack_sock {
	/* TYPE is without SOCK_NONBLOCK and SOCK_CLOEXEC. */
	int (*open)(void *stack, int domain, int type, int protocol, int *sock);
	/*
	 * SOCK is no more when it returns; what was sent is still delivered.
	 * With SO_LINGER and a time of 0 its connection is reset.
	 */
	void (*close)(int sock);

	int (*bind)(int sock, const struct sockaddr *addr, socklen_t len);
	/* EINPROGRESS: POLLOUT rings at the end, SO_ERROR tells which. */
	int (*connect)(int sock, const struct sockaddr *addr, socklen_t len);
	int (*listen)(int sock, int backlog);
	/* POLLIN rings when a connection is there. */
	int (*accept)(int sock, int *made);
	int (*shutdown)(int sock, int how);

	/* *LEN: the room; then the length that the address has. */
	int (*name)(int sock, bool of_peer, struct sockaddr *addr,
	    socklen_t *len);
	int (*set)(int sock, int level, int name, const void *value,
	    socklen_t len);
	int (*get)(int sock, int level, int name, void *value, socklen_t *len);
	/* ARG is what the request's own structure is, as in ioctl(2). */
	int (*ioctl)(int sock, unsigned long request, void *arg);

	/*
	 * *DONE: how many bytes.  TO may be NULL.  Of a stream a part may be
	 * taken; a datagram is sent whole or not at all.  CONTROL may be NULL;
	 * what is in it is a program's, and not trusted.
	 */
	int (*send)(int sock, const struct iovec *iov, int n,
	    const struct sockaddr *to, socklen_t tolen,
	    const struct stack_sock_control *control, size_t *done);
	/* 0 bytes of a stream: its end.  FROM, CONTROL may be NULL. */
	int (*recv)(int sock, const struct iovec *iov, int n,
	    struct sockaddr *from, socklen_t *fromlen,
	    struct stack_sock_control *control, size_t *done);

	/*
	 * Calls FN(ARG), once, when SOCK is ready for one of EVENTS (POLLIN,
	 * POLLOUT; errors and hang-ups count as both).  Returns what it is
	 * ready for now; if that is not 0 there is no watch.  ARG tells
	 * watches of a socket apart.
	 */
	int (*watch)(int sock, int events, stack_sock_bell *fn, void *arg);
	/* FN(ARG) is not called any more when it returns. */
	void (*unwatch)(int sock, void *arg);

	/*
	 * SOCK is used on behalf of the process PID, which is only to be shown
	 * (sockets() of struct stack_ctl).  May be NULL.
	 */
	void (*own)(int sock, int pid);

	/*
	 * Waits, while there is progress, until what was sent over the
	 * connections of STACK that are closed has been acknowledged.
	 */
	void (*settle)(void *stack);
};

#endif /* SHMIF_STACK_SOCK_H */
