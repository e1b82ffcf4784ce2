/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif.h - an interface that puts a TCP/IP stack on a bus
 *
 * A unit is one Ethernet interface: on one side a stack in this process, on
 * the other a bus, which is a file (see shmbus.h).  Units are numbered from 0,
 * the lowest free number first.  Unit N is shmifN to the tools; the stack may
 * show it under a name of its own.
 *
 * THE LINKED STACK.  This header is the same for every stack.  Which one
 * carries the units is decided by the library that the program is linked with:
 * there is one for each stack.  Below it is called the linked stack, and what
 * depends on it is said to.  Its own header declares what struct netif and
 * struct stack are, and how stacks are made and deleted.
 *
 * ERRORS.  Every function that returns int returns 0 or a positive errno
 * value, unless it says otherwise; errno itself is not touched.  Values of
 * shmbus.h have its meaning, and shmbus_strerror() has a text for all of
 * them; when a bus could not be attached to, shmbus_why() has the particulars.
 * Every function that takes a unit's number returns ENXIO where
 * there is no such unit.
 *
 * THREADS.  Everything may be called from any thread at any time, with the
 * exclusions of this table.  Two calls on one unit that both change it wait
 * for each other; calls that only look never wait.
 *
 *   function                        never
 *   create*, linkstr, destroy,      from the stack's own thread (EDEADLK), or
 *   up, down, set_*, add_addr,      while the stack of the unit is being
 *   del_addr, add_route, del_route  deleted
 *   init_server, fini_server,       from the stack's own thread
 *   request
 *   netif                           used after the unit was destroyed; what
 *                                   it returns belongs to the unit
 *   stats, refused, info, path,      -
 *   name, next, stack
 *
 * A unit whose stack is deleted is destroyed with it.
 *
 * After fork() the child has neither the stack's threads nor a part in the
 * bus: create stacks and units after forking.
 */
#ifndef SHMIF_H
#define SHMIF_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
/* Functions and structures of one name, as stat(2) has them, are meant. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif

struct netif; /* of the linked stack's header */
struct stack;

#define SHMIF_UNITS_MAX 256 /* units in one process */
#define SHMIF_MTU_MIN 68    /* RFC 791 */
#define SHMIF_MTU_MAX 65521 /* of any stack and bus: SHMBUS_MTU_MAX */
#define SHMIF_NAME_MAX 16   /* bytes of "shmif255" and its NUL, and to spare */

enum shmif_flags {
	SHMIF_NOCREATE = 1 << 0,   /* do not create the bus where there is
				      none: ENOENT */
	SHMIF_NOAUTOCONF = 1 << 1, /* no IPv6 autoconfiguration; the link-local
				      address is there at once */
	SHMIF_RADV = 1 << 2,	   /* the linked stack may send router
				      advertisements by it */
	SHMIF_PROMISC = 1 << 3	   /* packet sockets see others' unicast too */
};

/* What shmif_create_opt() may be told.  All zero is shmif_create(). */
struct shmif_options {
	struct stack *stack; /* NULL: the process's default stack, which is
				created where there is none */
	unsigned flags;	     /* enum shmif_flags */
	uint8_t mac[6];	     /* all zero: b2:a0 and four random bytes */
	uint16_t mtu;	     /* 0: what the bus and the stack can carry */
	uint32_t bus_mtu;    /* the three of struct shmbus_geometry, used
				when the bus is created; 0: the default */
	uint32_t bus_slots;
	uint32_t bus_mode;
};

/*
 * Counters of a unit.  All only grow; a new connection goes on counting where
 * the old one left off.
 */
struct shmif_stats {
	uint64_t in_frames; /* handed to the stack */
	uint64_t in_bytes;
	uint64_t in_skipped;  /* meant for somebody else, not copied */
	uint64_t in_refused;  /* malformed or dangerous: not shown to the
				   stack */
	uint64_t in_answered; /* neighbour solicitations that the unit
				   answered in the stack's stead */
	uint64_t in_down;     /* dropped because the interface was down */
	uint64_t in_lost;     /* overwritten before they could be read */
	uint64_t in_errors;   /* no memory for it, or a slot that lied */
	uint64_t out_frames;  /* published on the bus */
	uint64_t out_bytes;
	uint64_t out_down;   /* dropped: no bus, or the interface is down */
	uint64_t out_errors; /* too long, or not published */
	uint64_t batches;    /* visits to the stack's thread */
	uint64_t wakeups;    /* times it was woken from sleep */
	uint64_t rung;	     /* system calls made to wake others */
};

struct shmif_info {
	int up;	       /* the stack has it up */
	int connected; /* there is a bus, and it is alive */
	int promisc;
	uint16_t mtu;
	uint8_t mac[6];
	int attachment; /* its number on the bus; -1 when not connected */
};

/* ---- life -------------------------------------------------------------- */

/*
 * Creates a unit on the process's default stack, which is made where there is
 * none, connects it to the bus file PATH, which is created where there is none,
 * and stores its number in *IFNUM.  With PATH
 * NULL the unit has no bus yet.  The interface is down and has no address:
 * see shmif_netif(), shmif_up().  On failure nothing is left behind but what
 * this call had to make first: the default stack, the bus file.
 * Errors: those of shmbus_attach(); EINVAL (IFNUM is NULL, PATH is empty, an
 * unknown flag or a group address in the options), EMSGSIZE (an MTU that the
 * stack or the bus cannot carry), EMFILE (SHMIF_UNITS_MAX units), ENOMEM,
 * EAGAIN (no more threads), EDEADLK, ENOTSUP (the linked stack is not the one
 * that this library was built for, or cannot do what OPT asks for; a message on
 * stderr says in what).
 */
int shmif_create(const char *path, int *ifnum);
/* The same on a stack of one's own.  EINVAL: STACK is NULL. */
int shmif_create_on(struct stack *stack, const char *path, int *ifnum);
/* The same with options; OPT may be NULL. */
int shmif_create_opt(const char *path, const struct shmif_options *opt,
    int *ifnum);

/*
 * Connects unit IFNUM to the bus file PATH, after disconnecting it from the
 * one it is on.  With NULL it only disconnects; frames are then dropped.
 * Addresses, hardware address and connections of the stack stay.  When
 * connecting fails the unit stays on its old bus.
 * Errors: ENXIO, EDEADLK, ENOMEM, EAGAIN, EINVAL (PATH is empty), EISCONN
 * (PATH is the bus it is on), and those of shmbus_attach().
 */
int shmif_linkstr(int ifnum, const char *path);

/*
 * Pulls the cable of unit IFNUM, or plugs it in again: with ON zero the unit
 * leaves its bus, but keeps its link string.  What is sent meanwhile passes it
 * by.  shmif_linkstr() plugs it in as well.  Errors: ENXIO, EDEADLK, ENOMEM,
 * EAGAIN, ENOTCONN (no link string), and those of shmbus_attach().
 */
int shmif_set_media(int ifnum, int on);

/*
 * Takes unit IFNUM off its stack and its bus.  Connections over its addresses
 * are reset.  Safe while other threads send, receive and look.
 * Errors: ENXIO, EDEADLK.
 */
int shmif_destroy(int ifnum);

/* ---- control from outside ---------------------------------------------- */

/*
 * Serves this process's stack, made where there is none, and all its units to
 * shmifctl(1), at URL: "unix:///absolute/path" or "unix://relative".  One
 * thread does it, and one URL is served at a time.  Only processes of the same
 * user, and root's, are let in.  A socket that a server left behind without
 * ending is taken over, that of a living one is not.  The socket goes with
 * shmif_fini_server(), and with exit().  "shmifctl halt" sends the process
 * SIGTERM.  While a server runs no stack may be deleted that has units.
 * Errors: EINVAL (not such a URL), ENAMETOOLONG, EADDRINUSE (a living server),
 * EEXIST (something that is not a socket), EBUSY (the process is serving
 * already), ENOMEM, EAGAIN, ENOTSUP (as shmif_create(), or the library was built
 * without the server), EMFILE, and what bind(2) gives.
 */
int shmif_init_server(const char *url);
/* Ends it.  Nothing happens where nothing is served. */
void shmif_fini_server(void);
/*
 * Does one request, a JSON object in text as in shmif_ctl(5), and stores the
 * reply, which is the caller's to free().  0, whether the reply says that it
 * went well or not; ENOMEM, ENOTSUP (as shmif_init_server()).
 */
int shmif_request(const char *request, char **reply);

/* ---- configuration ----------------------------------------------------- */

/*
 * The interface of unit IFNUM as the linked stack knows it, for the stack's
 * own functions; NULL if there is no such unit.
 */
struct netif *shmif_netif(int ifnum);
/* The stack that unit IFNUM is on; NULL if there is no such unit. */
struct stack *shmif_stack(int ifnum);

/* The interface begins, or ends, to be used.  Errors: ENXIO, EDEADLK. */
int shmif_up(int ifnum);
int shmif_down(int ifnum);

/*
 * Gives unit IFNUM the address ADDR, in text with a prefix length
 * ("10.0.0.1/24", "fd00::1/64"; without one: 32 or 128), or takes it away.
 * An address that somebody else on the bus has is taken away again within two
 * seconds, with a message on stderr.
 * Errors: ENXIO, EDEADLK, EINVAL (not an address), EADDRINUSE (it has it),
 * EADDRNOTAVAIL (it does not have it), ENOMEM.
 */
int shmif_add_addr(int ifnum, const char *addr);
int shmif_del_addr(int ifnum, const char *addr);

/*
 * Adds a route by unit IFNUM to DST, in text: a network ("10.1.0.0/16"), a host,
 * or "default", which is of the family that VIA has; or takes it away.  VIA is
 * the gateway, or NULL: DST is on the link.  A route goes with its unit.
 * Errors: ENXIO, EDEADLK, EINVAL (not such a text, bits behind the prefix, two
 * families), EEXIST, ESRCH (there is none), ENETUNREACH, ENOMEM, EOPNOTSUPP (the
 * linked stack cannot do it).
 */
int shmif_add_route(int ifnum, const char *dst, const char *via);
int shmif_del_route(int ifnum, const char *dst, const char *via);

/*
 * The hardware address.  The stack goes on with addresses derived from the
 * old one until the interface goes down and up.
 * Errors: ENXIO, EINVAL (a group address, all zero, or NULL), EDEADLK.
 */
int shmif_mac(int ifnum, uint8_t mac[6]);
int shmif_set_mac(int ifnum, const uint8_t mac[6]);

/*
 * The MTU: at least SHMIF_MTU_MIN, at most what the linked stack and the bus can
 * carry (the limit of most stacks is far below SHMIF_MTU_MAX).  0 goes back to
 * the largest possible, which is the way to ask for it.
 * Errors: ENXIO, EMSGSIZE, EDEADLK.
 */
int shmif_mtu(int ifnum, unsigned *mtu);
int shmif_set_mtu(int ifnum, unsigned mtu);

/* Errors: ENXIO, EDEADLK. */
int shmif_set_promisc(int ifnum, int on);

/* ---- looking ----------------------------------------------------------- */

/* Errors: ENXIO. */
int shmif_stats(int ifnum, struct shmif_stats *st);
int shmif_info(int ifnum, struct shmif_info *info);
/*
 * Why frames were refused: stores in *COUNT how many of in_refused were for
 * REASON, and in *TEXT what that is, in words, which are static.  Reasons are
 * numbered from 0, by the linked stack.
 * Errors: ENXIO, ENOENT (no such reason, nor any above it).
 */
int shmif_refused(int ifnum, unsigned reason, const char **text,
    uint64_t *count);
/*
 * The link string of unit IFNUM: the path of its bus, as it was given,
 * NUL-terminated.
 * Errors: ENXIO, ENOTCONN (none), ERANGE (SIZE bytes are not enough).
 */
int shmif_path(int ifnum, char *path, size_t size);
/* "shmif" and the number.  Errors: ENXIO, ERANGE. */
int shmif_name(int ifnum, char *name, size_t size);
/*
 * The lowest unit number above IFNUM, or -1: begin with -1.  Units may come
 * and go meanwhile.
 */
int shmif_next(int ifnum);

#ifdef __cplusplus
#pragma GCC diagnostic pop
}
#endif
#endif /* SHMIF_H */
