/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dhcp/client.h - the state of a client; private to this folder
 */
#ifndef SHMIF_LWIPV6_DHCP_CLIENT_H
#define SHMIF_LWIPV6_DHCP_CLIENT_H

#include "stack/lwipv6/ip/dhcp/message.h"
#include "stack/lwipv6/ip/ip.h"

enum state {
	IDLE, /* the interface is down */
	SELECTING,
	REQUESTING,
	CHECKING,
	DECLINED,
	BOUND,
	RENEWING,
	REBINDING,
	REBOOTING,
};

struct dhcp_client {
	enum state state;
	uint32_t xid;
	unsigned tries;	 /* of what is being asked */
	int64_t began;	 /* to ask; all times in nanoseconds */
	int64_t next;	 /* when it is asked again, or CHECKING and DECLINED
			    go on */
	uint32_t wanted; /* the address that is promised, or was had */
	uint32_t server;
	bool leased; /* the times below are those of a lease of WANTED */
	struct dhcp_answer lease;
	int64_t asked, t1, t2, end; /* the lease counts from ASKED */
	bool has_addr;		    /* what the interface has by us */
	bool has_routes;
};

static inline struct ip_addr
mapped(uint32_t ip)
{
	return (struct ip_addr){ { 0, 0, htonl(0xffff), htonl(ip) } };
}

/* ---- dhcp/apply.c -------------------------------------------------------- */

/* The interface gets what the lease says. */
void dhcp_add(struct port *port);
/* It loses it: the routes alone; all. */
void dhcp_remove_routes(struct port *port);
void dhcp_remove_all(struct port *port);
/* Whether A and B name the same routes. */
bool dhcp_same_routes(const struct dhcp_answer *a, const struct dhcp_answer *b);

#endif /* SHMIF_LWIPV6_DHCP_CLIENT_H */
