/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port.h - the stack's side of an interface (not installed)
 */
#ifndef SHMIF_LWIPV6_PORT_H
#define SHMIF_LWIPV6_PORT_H

#include "stack/lwipv6/abi.h"
#include "shmif/unit.h"

struct neigh_table;
struct reass_table;
struct path_table;
struct redirect_table;
struct group_table;
struct published;
struct dad;
struct ra;
struct dhcp_client;

/* The stack's side of a unit.  The netif comes first: lwipv6 sees only it. */
struct port {
	struct netif netif;
	struct unit *unit;
	struct neigh_table *neigh;   /* link/neighbours.c */
	struct reass_table *reass;   /* ip/reass.c; NULL: no fragment yet */
	struct path_table *paths;    /* ip/path.c; NULL: none is narrow */
	struct published *published; /* link/proxy.c; NULL: none */
	struct redirect_table *redirects; /* ip/redirect.c; NULL: none yet */
	bool no_redirects;		  /* those that come are ignored */
	struct group_table *groups; /* link/igmp.c; NULL: none was joined */
	struct dad *dad;	    /* link/dad.c; NULL: no address yet */
	struct ra *ra; /* link/autoconf.c; NULL: not up, or not asked to */
	struct dhcp_client *dhcp; /* ip/dhcp/client.c; NULL: not asked to */
	uint16_t mtu4;		  /* for IPv4, by DHCP; 0: that of the netif */
	uint16_t mtu;		  /* as we set it; see ctl/ioctl.c */
	bool removing;	   /* we take it off; otherwise the stack goes down */
	int tid;	   /* of the stack's thread */
	struct port *next; /* in the graveyard of driver/driver.c */
	/* Frees what belongs to the port, which leaves its stack. */
	void (*leave)(struct port *port);
};

/* The port of NETIF, or NULL where the interface is not ours. */
struct port *port_of(const struct netif *netif);
/* What netif.netifctl is for a port: by it port_of() knows one. */
err_t port_ctl(struct netif *netif, int request, void *arg);
/*
 * NETIF, of whatever kind, is about to leave: the IP layer is told, it is down,
 * its addresses go.  On the stack's thread.
 */
void port_quiet(struct netif *netif);

#endif /* SHMIF_LWIPV6_PORT_H */
