/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ra.h - what an interface knows from router advertisements; private to
 *	autoconf.c, routers.c, prefixes.c and params.c
 *
 * All of it belongs to the stack's thread.  Both lists are bounded, so that a
 * look at them takes constant time and nothing that arrives makes them grow.
 * Times are seconds of the monotonic clock; FOREVER does not end.
 */
#ifndef SHMIF_LWIPV6_RA_H
#define SHMIF_LWIPV6_RA_H

#include "base/clock.h"
#include "stack/lwipv6/link/link.h"

#define ROUTERS_MAX 8u
#define PREFIXES_MAX 16u /* and so many addresses, as in Linux */
#define FOREVER INT64_MAX
/* ip_addr_list.info.flag, as the library marks an address that it has made. */
#define ADDRESS_MADE 0x12

/* A default router.  One whose address is :: is none. */
struct router {
	struct ip_addr ip;
	int64_t until;
	bool lost;  /* its address was asked for in vain since it spoke */
	bool heard; /* since the link began */
};

/* A prefix that was advertised, and the address that was made of it. */
struct prefix {
	struct ip_addr net, mask;
	unsigned len;	 /* 0: no entry */
	int64_t on_link; /* so long there is a route; 0: none */
	bool has_addr;
	struct ip_addr addr;
	int64_t valid, preferred; /* of the address */
	bool heard;		  /* since the link began */
};

/* A server of names. */
struct ra_dns {
	struct ip_addr ip;
	int64_t until; /* 0: no entry */
	bool heard;    /* since the link began */
};
#define DNS_MAX 8u

struct ra {
	unsigned wait;	   /* seconds until the next solicitation; 0: none */
	unsigned interval; /* and until the one after that */
	unsigned settle;   /* seconds until what is not heard goes; 0: never */
	bool moved;	   /* the link began, and no router has spoken yet */
	struct router router[ROUTERS_MAX];
	struct router *chosen; /* the one that the default route leads to */
	struct prefix prefix[PREFIXES_MAX];

	/* params.c; what is 0 was not said. */
	uint8_t hops;
	uint16_t mtu;
	uint32_t retrans_ms, reachable_s;
	uint32_t said_ms; /* that REACHABLE_S follows from */
	struct ra_dns dns[DNS_MAX];
};

static inline int64_t
ra_now(void)
{
	return (int64_t)(now_ns() / 1000000000u);
}

/* When a lifetime of S seconds ends. */
static inline int64_t
ra_until(uint32_t s)
{
	return s == UINT32_MAX ? FOREVER : ra_now() + s;
}

/* ---- routers.c ----------------------------------------------------------- */

/*
 * Router IP says that it is one for LIFE seconds.  Returns whether it is in the
 * list.
 */
bool routers_heard(struct port *port, const struct ip_addr *ip, uint16_t life);
/* Once a second. */
void routers_timer(struct port *port);
/* Drops those that are not heard since the link began; or, ALL, all. */
void routers_drop(struct port *port, bool all);
/* ---- prefixes.c ---------------------------------------------------------- */

/* An advertisement has the prefix option OPT, which is 32 bytes. */
void prefixes_heard(struct port *port, const uint8_t *opt);
/* Likewise, as of routers. */
void prefixes_timer(struct port *port);
void prefixes_drop(struct port *port, bool all);

/* ---- params.c ------------------------------------------------------------ */

/* An advertisement with the message ICMP, of 16 bytes at least, has come. */
void params_heard(struct ra *ra, const uint8_t *icmp);
/* It has the option OPT for the MTU, 8 bytes; for servers of names. */
void params_mtu(struct port *port, const uint8_t *opt);
void params_dns(struct port *port, const uint8_t *opt);
/* Once a second. */
void params_timer(struct port *port);
/* Drops the servers that are not named since the link began. */
void params_drop(struct port *port);
/* The first router of a new link speaks. */
void params_moved(struct ra *ra);

#endif /* SHMIF_LWIPV6_RA_H */
