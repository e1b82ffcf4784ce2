/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl/ctl.h - what the files share by which an lwipv6 stack is controlled
 * (not installed)
 */
#ifndef SHMIF_LWIPV6_CTL_H
#define SHMIF_LWIPV6_CTL_H

#include "stack/lwipv6/ip/ip.h"
#include "shmif/stack_ctl.h"

extern const struct stack_ctl stack_ctl_lwipv6;
extern const struct stack_sock stack_sock_lwipv6; /* sock_seam.c */

/* ctl/kinds.c: a kind of interface. */
struct kind {
	struct ctl_kind seam;
	err_t (*init)(struct netif *); /* NULL: cannot be made by create */
	int tun_flags;		       /* 0: neither tap nor tun */
	bool queued;	  /* its input is sent from within the stack */
	uint16_t mtu_max; /* 0: its MTU cannot be set */
	bool has_mac;
	bool autoconf; /* can configure itself: IPv6, and DHCP with has_mac */
	bool promisc;  /* can be promiscuous (a unit is told by its driver) */
};
/* The Ith kind that can be made; see stack_ctl.h. */
const struct ctl_kind *kind_seam(unsigned i);
/* The kind that has these LETTERS, or that NETIF is of: never NULL. */
const struct kind *kind_named(const char letters[2]);
const struct kind *kind_of(const struct netif *netif);

struct netif *netif_find_direct_destination(struct stack *, struct ip_addr *);

/*
 * Splits "shmif3", "vd3" or, with *NUM -1, "shmif", "vd".  False: it is not of
 * that form.
 */
bool ctl_split_name(const char *name, char letters[2], int *num);
/* The name of NETIF. */
void ctl_name(const struct netif *netif, char name[SHMIF_NAME_MAX]);
unsigned ctl_prefix(const struct ip_addr *mask);
/* The interface called NAME, or NULL.  On the stack's thread. */
struct netif *ctl_netif(struct stack *stack, const char *name);

/* A function to be run on the stack's thread. */
struct ctl_job {
	struct stack *stack;
	const char *name;
	struct netif *netif; /* the interface NAME, found before FN runs */
	int (*fn)(struct ctl_job *);
	bool on;
	unsigned value;
	const void *in;
	void *list;
	unsigned n;
	int error;
};
/* Runs J on the stack's thread. Returns what FN does, ENXIO or ENOMEM. */
int ctl_run(struct ctl_job *j);

/* ctl/net.c; see stack_ctl.h */
int ctl_address(void *stack, const char *name, const uint8_t ip[16],
    unsigned prefix, bool add);
int ctl_route(void *stack, const struct ctl_route *r, bool add);
int ctl_routes(void *stack, struct ctl_route **list, unsigned *n);
int ctl_neigh(void *stack, int family, const char *name,
    struct ctl_neigh **list, unsigned *n);
int ctl_neigh_del(void *stack, const char *name, const uint8_t ip[16],
    bool published);
int ctl_neigh_add(void *stack, const char *name, const uint8_t ip[16],
    const uint8_t *mac, bool published);

/* ctl/ifreq.c: ioctl(2) that ask about interfaces.  ENOTTY: not one of them. */
int ifreq_ask(void *stack, unsigned long request, void *arg);

/*
 * ctl/netlink.c: netlink sockets of programs, see stack_sock.h.  Their numbers
 * are none of lwipv6's own.
 */
int nlsock_open(void *stack, int type, int protocol, int *sock);
void nlsock_close(int sock);
/* The socket of this number and its stack, or NULL. */
struct rtnl *nlsock_find(int sock, void **stack);
int nlsock_get(int level, int name, void *value, socklen_t *len);

/* ctl/socks.c; see stack_ctl.h */
int ctl_sockets(void *stack, struct ctl_sock **list, unsigned *n,
    unsigned *omitted);

/* ctl/foreign.c; see stack_ctl.h */
int foreign_create(void *stack, const char *name, const char *path,
    unsigned flags, char made[SHMIF_NAME_MAX]);
int foreign_destroy(void *stack, const char *name);
/* What NETIF is connected to, or "". */
void foreign_path(const struct netif *netif, char *path, size_t size);

/* ctl/radv_file.c; see stack_ctl.h */
int ctl_radv(void *stack, const char *file, char *why, size_t size);

/* ctl/ping.c; see stack_ctl.h */
int ping_begin(void *stack, const uint8_t ip[16], const char *name,
    ctl_pong *pong, void *arg, struct ctl_ping **ping);
int ping_send(struct ctl_ping *ping, unsigned seq, unsigned size, unsigned ttl);
void ping_end(struct ctl_ping *ping);

#endif /* SHMIF_LWIPV6_CTL_H */
