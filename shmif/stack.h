/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack.h - the seam: what a TCP/IP stack must provide to carry an interface
 *
 * DOC: A unit (unit.h) owns everything about the bus: attaching, the receive
 * thread, sending, counters.  A stack owns everything about packets: its
 * network interface structure, buffers, addresses, its own thread.  This
 * header is all that they know of each other; one file per stack implements
 * struct stack_ops, and no other file here names a stack.
 *
 * A stack is assumed to do its work on one thread of its own, or under one
 * lock that can be had by posting a function: "on the stack's thread" below
 * means either.
 *
 * Receiving: the unit's receive thread waits for the bus.  When there is
 * something it calls ops->kick(), which has unit_drain() run on the stack's
 * thread; that takes frames from the bus into buffers of ops->buffer() and
 * gives them to ops->input().  Never is more than one kick outstanding.
 * A stack whose thread can wait for a bus and for its own work at once does
 * better: with ops->watch() it waits for the bus of one unit itself.
 *
 * Sending: the stack calls unit_output() with the pieces of one frame.
 *
 * When the stack is taken down with interfaces still on it, its
 * implementation calls unit_orphaned() for each, on the stack's thread.
 */
#ifndef SHMIF_STACK_H
#define SHMIF_STACK_H

#include <stdbool.h>
#include <stdint.h>

struct unit;

/* What became of a received frame. */
enum stack_verdict {
	STACK_TAKEN,	/* the stack has it */
	STACK_REFUSED,	/* dropped, and counted by unit_refused() */
	STACK_ANSWERED, /* answered by the driver in the stack's stead */
	STACK_DOWN,	/* the interface is down; dropped */
};

/* How an interface begins. */
struct stack_setup {
	int num;
	uint8_t mac[6];
	uint16_t mtu;
	bool link; /* there is a bus */
	bool promisc;
	bool autoconf;
	bool radv;
};

struct stack_ctl;
struct stack_sock;

struct stack_ops {
	const char *name;
	uint16_t mtu_max; /* of any interface; at most SHMIF_MTU_MAX */

	/*
	 * The process's default stack, made where there is none.  0 or ENOMEM,
	 * ENOTSUP.
	 */
	int (*find)(void **stack);

	/*
	 * Puts an interface for U on STACK, down, and stores what it wants to
	 * find again by unit_set_port().  Not called on the stack's thread.
	 * 0, ENOMEM or ENOTSUP (with a message on stderr).
	 */
	int (*attach)(struct unit *u, void *stack,
	    const struct stack_setup *how);
	/*
	 * Takes it off and frees it.  When it returns the stack makes no more
	 * calls for U.  Not called on the stack's thread, and not after
	 * unit_orphaned().
	 */
	void (*detach)(struct unit *u);

	/* True when the calling thread is the stack's (or has its lock). */
	bool (*inside)(struct unit *u);
	/* Runs FN(ARG) on the stack's thread and waits.  0 or ENOMEM. */
	int (*call)(struct unit *u, void (*fn)(void *), void *arg);
	/* Has unit_drain(U) run on the stack's thread soon.  0 or ENOMEM. */
	int (*kick)(struct unit *u);
	/*
	 * The stack's thread begins to wait for U's bus itself (unit_wait(),
	 * unit_ready(), unit_drain()).  False: it cannot, kick() is used.
	 */
	bool (*watch)(struct unit *u);
	/* It does no more when this returns.  Any thread. */
	void (*unwatch)(struct unit *u);

	/* ---- on the stack's thread ---- */

	bool (*is_up)(struct unit *u);
	/* A buffer for a frame of LEN bytes; *DATA is where it goes. */
	void *(*buffer)(struct unit *u, uint32_t len, uint8_t **data);
	void (*drop)(void *buffer);
	/* Gives a received frame to the stack; BUFFER is the stack's then. */
	enum stack_verdict (
	    *input)(struct unit *u, void *buffer, uint8_t *data, uint32_t len);
	void (*set_mac)(struct unit *u, const uint8_t mac[6]);
	void (*set_mtu)(struct unit *u, uint16_t mtu);
	void (*set_link)(struct unit *u, bool on);
	void (*set_promisc)(struct unit *u, bool on);

	/* ---- from any thread but the stack's ---- */

	void (*set_up)(struct unit *u, bool up);
	/*
	 * Adds or deletes an address, IPv4 as ::ffff:a.b.c.d and its prefix
	 * length plus 96.  0 or EADDRINUSE, EADDRNOTAVAIL, ENOMEM.
	 */
	int (*address)(struct unit *u, const uint8_t ip[16], unsigned prefix,
	    bool add);

	/* ---- from any thread; the fields may change while being read ---- */

	void (*look)(struct unit *u, bool *up, bool *promisc, uint16_t *mtu,
	    uint8_t mac[6]);
	void *(*handle)(struct unit *u); /* for the program: its netif */
	/*
	 * The reason for which unit_refused() counts, in words, which are
	 * static; NULL: REASON is none, nor are those above.  NULL where the
	 * stack gives no reasons.
	 */
	const char *(*refusal)(unsigned reason);

	const struct stack_ctl *ctl; /* stack_ctl.h */
	/* Sockets for other programs, stack_sock.h.  NULL: it has none. */
	const struct stack_sock *sock;
};

/*
 * The linked stack, which carries all units.  Its driver defines this, and
 * whoever links the library chooses the driver: nothing in shmif/ names one.
 */
extern const struct stack_ops the_stack;

#endif /* SHMIF_STACK_H */
