/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack_ctl.h - the seam: what a stack may provide to be looked at and set up
 * from outside (not installed)
 *
 * The control server (ctl/serve) knows interfaces by the names that it shows:
 * shmifN, which is unit N, and those of the stack's own kinds.  It calls these
 * functions from one thread, which is never the stack's.  A function that a
 * stack does not have is NULL here; what needs it is answered by EOPNOTSUPP.
 *
 * Addresses and prefixes are those of base/addr.h.  ERRORS: 0 or a positive errno value; ENXIO where
 * there is no interface NAME, EOPNOTSUPP where its kind cannot do it, ENOMEM.
 */
#ifndef SHMIF_STACK_CTL_H
#define SHMIF_STACK_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "shmif/shmif.h"

enum ctl_origin { CTL_MANUAL, CTL_AUTO };

/*
 * What an address is good for: CTL_TENTATIVE, it is not known yet whether
 * somebody else has it; CTL_DEPRECATED, it is for connections that are there.
 */
enum ctl_state { CTL_PREFERRED, CTL_TENTATIVE, CTL_DEPRECATED, CTL_DUPLICATE };

struct ctl_addr {
	uint8_t ip[16];
	uint8_t prefix;
	enum ctl_origin origin;
	enum ctl_state state;
};

/* Somebody else has, or had, an address of an interface. */
struct ctl_conflict {
	uint8_t ip[16];
	uint8_t mac[6]; /* whose */
	bool kept; /* it was there before, and stays; else it was removed */
	uint32_t age_s;
};
#define CTL_CONFLICTS 8

/* A server of names that an interface was told of. */
struct ctl_dns {
	uint8_t ip[16];
	bool dhcp; /* by DHCP; else by a router */
};
#define CTL_DNS 16

struct ctl_if {
	char name[SHMIF_NAME_MAX];
	const char *kind;
	int unit; /* its number where it is a shmif, or -1 */
	bool up, running, promisc, broadcast, loopback, autoconf, dhcp;
	bool redirects; /* those that routers send are obeyed */
	bool has_mac;
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t mtu4, mtu6; /* of what is sent, where that is less; or 0 */
	unsigned index;
	char path[256]; /* what a foreign one is connected to; "": nothing */
	struct ctl_addr *addr;
	unsigned addrs;
	struct ctl_conflict conflict[CTL_CONFLICTS]; /* the latest is last */
	unsigned conflicts;
	struct ctl_dns dns[CTL_DNS];
	unsigned dns_n;
};

struct ctl_route {
	uint8_t dst[16];
	uint8_t prefix;
	bool has_via;
	uint8_t via[16];
	char name[SHMIF_NAME_MAX]; /* "": to be found from VIA */
};

struct ctl_neigh {
	char name[SHMIF_NAME_MAX];
	uint8_t ip[16];
	uint8_t mac[6];
	bool known;
	bool fixed;	 /* it was set, and does not change */
	bool published;	 /* not a neighbour: who asks for it is told MAC */
	uint32_t age_s;	 /* since it was confirmed */
	uint32_t idle_s; /* since it was used */
};

/*
 * A socket; or a connection of TCP that has none (any more, or yet).  The
 * states are those of RFC 9293, with the numbers that both stacks have for
 * them; a socket of another type is CTL_SOCK_CLOSED without a peer, and
 * CTL_SOCK_ESTABLISHED with one.
 */
enum ctl_sock_state {
	CTL_SOCK_CLOSED,
	CTL_SOCK_LISTEN,
	CTL_SOCK_SYN_SENT,
	CTL_SOCK_SYN_RECEIVED,
	CTL_SOCK_ESTABLISHED,
	CTL_SOCK_FIN_WAIT_1,
	CTL_SOCK_FIN_WAIT_2,
	CTL_SOCK_CLOSE_WAIT,
	CTL_SOCK_CLOSING,
	CTL_SOCK_LAST_ACK,
	CTL_SOCK_TIME_WAIT,
	CTL_SOCK_STATES
};
enum ctl_sock_type {
	CTL_TCP,
	CTL_UDP,
	CTL_UDPLITE,
	CTL_RAW,
	CTL_PACKET,
	CTL_NETLINK,
	CTL_SOCK_TYPES
};

/* Whose a socket is: a process, or one of these. */
#define CTL_OWNER_SELF 0    /* the process that has the stack */
#define CTL_OWNER_NONE (-1) /* nobody's: closed, or not accepted yet */

struct ctl_sock {
	enum ctl_sock_type type;
	enum ctl_sock_state state;
	int family;   /* AF_INET, AF_INET6; of others another */
	int protocol; /* of CTL_RAW and CTL_PACKET: which */
	int number;   /* what its owner calls it; -1: it has none */
	int owner;    /* a process, or CTL_OWNER_... */
	bool has_queues;
	/*
	 * Bytes that the owner has not taken, and that the peer has not
	 * acknowledged; of a listener: connections that wait, and how many may.
	 */
	uint64_t recv_q, send_q;
	uint8_t local[16], remote[16]; /* all zero: any */
	uint16_t local_port, remote_port;
};
/* So many at most are listed. */
#define CTL_SOCKS_MAX 8192u

/*
 * A kind of interface that the stack can make itself, without a unit.  Its
 * interfaces are called by NAME and a number from 0 to MAX.
 */
struct ctl_kind {
	const char *name;  /* "vd" */
	const char *shown; /* what struct ctl_if calls it: "vde" */
	unsigned max;
	bool path; /* may be told what it is to be connected to */
	bool radv; /* may be made with SHMIF_RADV */
};

struct ctl_ping;
/* What came for request SEQ of a ping, after NS. */
struct ctl_answer {
	unsigned seq, bytes, ttl;
	uint64_t ns;
	uint8_t from[16];
	bool expired; /* no answer: FROM let it go no further */
};
/* Runs on the stack's thread. */
typedef void ctl_pong(void *arg, const struct ctl_answer *answer);

struct stack_ctl {
	/*
	 * Why the function that this thread called last is not supported, in
	 * words, which are static; NULL: no more is known than that.  May be
	 * NULL.
	 */
	const char *(*lacks)(void);

	/*
	 * The interfaces of STACK, or the one that is called NAME.  *LIST is
	 * for list_free().
	 */
	int (*list)(void *stack, const char *name, struct ctl_if **list,
	    unsigned *n);
	void (*list_free)(struct ctl_if *list, unsigned n);

	/*
	 * The stack's own kinds, in the order in which a list of interfaces of
	 * several kinds is made; NULL behind the last.
	 */
	const struct ctl_kind *(*kind)(unsigned i);
	/*
	 * Makes an interface of one of these kinds; NAME without a number: with
	 * the lowest free one.  Stores its name in MADE.  EEXIST; EIO (the
	 * kind's driver says no, and why on standard error).
	 */
	int (*create)(void *stack, const char *name, const char *path,
	    unsigned flags, char made[SHMIF_NAME_MAX]);
	int (*destroy)(void *stack, const char *name);

	int (*set_up)(void *stack, const char *name, bool up);
	int (*set_mtu)(void *stack, const char *name, unsigned mtu);
	int (*set_promisc)(void *stack, const char *name, bool on);
	int (*set_autoconf)(void *stack, const char *name, bool on);
	int (*set_redirects)(void *stack, const char *name, bool on);
	/* On: also up.  Off: gives the address back. */
	int (*set_dhcp)(void *stack, const char *name, bool on);
	/*
	 * EADDRINUSE, EADDRNOTAVAIL.  PREFIX ADDR_PREFIX_NONE when deleting:
	 * whichever it has.
	 */
	int (*address)(void *stack, const char *name, const uint8_t ip[16],
	    unsigned prefix, bool add);

	/* EEXIST, ESRCH, ENETUNREACH (no interface leads to VIA). */
	int (*route)(void *stack, const struct ctl_route *r, bool add);
	int (*routes)(void *stack, struct ctl_route **list, unsigned *n);
	/* FAMILY AF_INET, AF_INET6 or 0; NAME may be NULL.  free() *LIST. */
	int (*neigh)(void *stack, int family, const char *name,
	    struct ctl_neigh **list, unsigned *n);
	/*
	 * PUBLISHED: of those that are.  ESRCH.
	 */
	int (*neigh_del)(void *stack, const char *name, const uint8_t ip[16],
	    bool published);
	/*
	 * Fixes that IP is at MAC, or has the interface answer so who asks for
	 * IP; with MAC NULL, which goes with PUBLISHED only: that it is at the
	 * interface.  Replaces what was said before.  EADDRINUSE (it is the
	 * interface's own), ENOBUFS (too many).
	 */
	int (*neigh_add)(void *stack, const char *name, const uint8_t ip[16],
	    const uint8_t *mac, bool published);

	/*
	 * The sockets of the stack, also of programs that use them by struct
	 * stack_sock.  *OMITTED: how many there are beyond CTL_SOCKS_MAX.
	 * free() *LIST.
	 */
	int (*sockets)(void *stack, struct ctl_sock **list, unsigned *n,
	    unsigned *omitted);

	bool (*forwarding)(void *stack);
	int (*set_forwarding)(void *stack, bool on);
	/*
	 * Router advertising as FILE says.  ENOENT, ...; what is wrong with it
	 * is stored in WHY, of SIZE bytes, or "" where that is the error.
	 */
	int (*radv)(void *stack, const char *file, char *why, size_t size);

	/*
	 * PONG is called for each answer until ping_end() returns.  NAME: the
	 * interface to ask by; "": as the routes say.
	 */
	int (*ping_begin)(void *stack, const uint8_t ip[16], const char *name,
	    ctl_pong *pong, void *arg, struct ctl_ping **ping);
	/*
	 * EHOSTUNREACH, ENOMEM.  Above the MTU it goes in fragments.  TTL 0: as
	 * other packets.
	 */
	int (*ping_send)(struct ctl_ping *ping, unsigned seq, unsigned size,
	    unsigned ttl);
	void (*ping_end)(struct ctl_ping *ping);
};

#endif /* SHMIF_STACK_CTL_H */
