/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link.h - neighbours, addresses and groups of a link, and sending on it; all
 *	on the stack's thread where nothing else is said (not installed)
 */
#ifndef SHMIF_LWIPV6_LINK_H
#define SHMIF_LWIPV6_LINK_H

#include "stack/lwipv6/above.h"
#include "stack/lwipv6/packet.h"
#include "stack/lwipv6/port.h"
#include "stack/lwipv6/replace/replace.h"
#include "stack/lwipv6/threads/threads.h"

/* ---- link/sending.c ------------------------------------------------------ */

/* netif.linkoutput: a whole frame.  Any thread. */
err_t link_output(struct netif *netif, struct pbuf *p);
/*
 * The traffic class of the IPv6 packets that are sent; the library writes 0.  Of
 * the calling thread.
 */
extern __thread uint8_t neigh_class;
/* netif.output: resolves DST and sends. */
err_t neigh_output(struct netif *netif, struct pbuf *p, struct ip_addr *dst);
/* Sends a frame as the stack does: packet sockets see it. */
err_t link_send(struct port *port, struct pbuf *p);
/* The same for the LEN bytes at FRAME. */
void link_send_bytes(struct port *port, const uint8_t *frame, uint32_t len);
/* Whether DST, of IPv4, is 0, all ones, or that of a network of NETIF. */
bool ip4_is_broadcast(const struct netif *netif, const struct ip_addr *dst);

/*
 * The hardware address of the group or broadcast address DST, RFC 1112 and RFC
 * 2464.  False: it is none.
 */
bool link_group_mac(const struct port *port, const struct ip_addr *dst,
    uint8_t mac[6]);

/* ---- link/neighbours.c --------------------------------------------------- */

struct neigh_table *neigh_new(void);
void neigh_free(struct neigh_table *t);
/* Once a second. */
void neigh_timer(struct port *port);
/* Sends the frame P, complete but for its destination, to neighbour DST. */
err_t neigh_send(struct port *port, struct pbuf *p, const struct ip_addr *dst);
/*
 * DST has the hardware address MAC.  CREATE: remember it even where nobody
 * asked for it.
 */
void neigh_learn(struct port *port, const struct ip_addr *dst,
    const uint8_t mac[6], bool create);
/*
 * DST was advertised (RFC 4861, 7.2.5), at MAC or, NULL, where it was; SOLICITED
 * and OVERRIDE are flags of that.
 */
void neigh_advertised(struct port *port, const struct ip_addr *dst,
    const uint8_t *mac, bool solicited, bool override);
bool neigh_find(struct port *port, const struct ip_addr *dst, uint8_t mac[6]);
/*
 * DST has the hardware address MAC, whatever comes.  0, ENETDOWN, ENOMEM, or
 * ENOBUFS: there are too many such.
 */
int neigh_fix(struct port *port, const struct ip_addr *dst,
    const uint8_t mac[6]);
void neigh_forget(struct port *port, const struct ip_addr *dst);
/* Forgets all but what is fixed: it is down, or its link is another one. */
void neigh_flush(struct port *port);
/* Somebody says that DST is at MAC, which is not confirmed. */
void neigh_told(struct port *port, const struct ip_addr *dst,
    const uint8_t mac[6]);
/* What was sent to DST gets no answer: is it still where it was? */
void neigh_doubt(struct port *port, const struct ip_addr *dst);
struct neigh_seen {
	struct ip_addr ip;
	uint8_t mac[6];
	bool known, fixed;
	uint32_t age_s, idle_s;
};
/*
 * Copies what is known of up to MAX neighbours.  Returns how many that are;
 * with LIST NULL, how many there are.
 */
unsigned neigh_look(const struct port *port, struct neigh_seen *list,
    unsigned max);

/* ---- link/arp.c ---------------------------------------------------------- */

/* Asks, from the address FROM, for the hardware address of the neighbour IP. */
void arp_ask(struct port *port, const struct ip_addr *from,
    const struct ip_addr *ip, const uint8_t to[6]);
/* Asks whether anybody has IP, in nobody's name. */
void arp_probe(struct port *port, const struct ip_addr *ip);
/* Tells everybody that the interface has the address IP. */
void arp_announce(struct port *port, const struct ip_addr *ip);
/* Handles a well-formed ARP frame. */
void arp_input(struct port *port, const uint8_t *frame, uint32_t len);

/* Tells neighbours that the interface, if it is up, has the address IP. */
void neigh_announce(struct port *port, const struct ip_addr *ip);
/* The same of all its addresses. */
void neigh_announce_all(struct port *port);

/* ---- link/proxy.c -------------------------------------------------------- */

/*
 * The interface answers who asks for IP: it is at MAC, or with NULL here.  0,
 * ENOMEM, or ENOBUFS: there are too many such.
 */
int proxy_set(struct port *port, const struct ip_addr *ip, const uint8_t *mac);
/* No more.  Whether it did. */
bool proxy_drop(struct port *port, const struct ip_addr *ip);
/* Where IP is said to be; NULL: nothing is said. */
const uint8_t *proxy_find(const struct port *port, const struct ip_addr *ip);
/* As neigh_look(). */
unsigned proxy_look(const struct port *port, struct neigh_seen *list,
    unsigned max);
/* Whether GROUP is the solicited-node group of one that is published. */
bool proxy_group(const struct port *port, const struct ip_addr *group);
void proxy_free(struct port *port);

/* ---- link/nd.c ----------------------------------------------------------- */

/* As arp_ask(), for IPv6; TO NULL: by multicast. */
void nd_ask(struct port *port, const struct ip_addr *from,
    const struct ip_addr *ip, const uint8_t to[6]);
/* Handles the neighbour advertisement of LEN bytes with the header IP. */
void nd_advertised(struct port *port, const uint8_t *ip, uint32_t len);
/* As arp_probe() and arp_announce(), for IPv6. */
void nd_probe(struct port *port, const struct ip_addr *ip);
void nd_announce(struct port *port, const struct ip_addr *ip);
/*
 * Handles a well-formed neighbour solicitation for TARGET from SOURCE.
 * Returns whether it was answered.
 */
bool nd_solicited(struct port *port, const uint8_t *frame, uint32_t len,
    const uint8_t target[16], const uint8_t source[16]);

/* ---- link/dad.c---------------------------------------------------- */

#define DAD_CONFLICTS 8u /* remembered of an interface */
/* Somebody else, with the hardware address MAC, has IP. */
struct dad_conflict {
	struct ip_addr ip;
	uint8_t mac[6];
	bool kept; /* by us; else it was removed */
	uint64_t at_ns;
};
/* Copies the conflicts of PORT, the latest last.  Returns how many. */
unsigned dad_look(const struct port *port,
    struct dad_conflict list[DAD_CONFLICTS]);

/*
 * The interface, if it is up, has IP from now on, or, all of them, is in another
 * place.  Others may object from dad_note() on; dad_begin() asks them.  Between
 * the two groups are told (RFC 4862, 5.4.2), not from an address that is unsure.
 */
void dad_note(struct port *port, const struct ip_addr *ip);
void dad_begin(struct port *port, const struct ip_addr *ip);
void dad_note_all(struct port *port);
void dad_begin_all(struct port *port);
/* Once a second. */
void dad_timer(struct port *port);
/* Somebody with the hardware address MAC has IP, or PROBES for it. */
void dad_other(struct port *port, const struct ip_addr *ip,
    const uint8_t mac[6], bool probes);

/* Whether another may still turn out to have IP, of ours. */
bool dad_is_unsure(const struct port *port, const struct ip_addr *ip);

/* ---- link/autoconf.c, prefixes.c, routers.c, params.c --------------------- */

/* The interface is on a link, which may be another one. */
void ra_link(struct port *port);
/* Once a second. */
void ra_timer(struct port *port);
/* Frees the state alone: routes and addresses go otherwise. */
void ra_free(struct port *port);
/*
 * Puts the interface identifier of NETIF into the lower half of IP: RFC 4291,
 * appendix A.
 */
void prefixes_identify(const struct netif *netif, struct ip_addr *ip);
/* What routers have said of the hop limit; 0: nothing. */
unsigned ra_hops(const struct netif *netif);
/*
 * How large a packet may be on the link of NETIF: of IPv4, as a DHCP server has
 * said, of IPv6, as routers have.
 */
unsigned link_mtu(const struct netif *netif, bool v4);
/*
 * How long a neighbour of IPv6 counts as reachable, and how long an answer of it
 * is waited for.
 */
unsigned ra_reachable_s(const struct port *port);
uint32_t ra_retrans_ms(const struct port *port);
/* Copies up to MAX servers of names.  Returns how many. */
unsigned ra_dns(const struct port *port, struct ip_addr list[], unsigned max);
/* IP says that it is no router: if it was one, ... */
void routers_no_more(struct port *port, const struct ip_addr *ip);
/* IP does not answer for its hardware address: if it is a router, ... */
void routers_lost(struct port *port, const struct ip_addr *ip);

/*
 * Has the interface have the route to NET with MASK by HOP, or, not ON, have it
 * no more.  A HOP of :: is none.
 */
void routers_route(struct netif *netif, const struct ip_addr *net,
    const struct ip_addr *mask, const struct ip_addr *hop, bool on);

/* ---- link/groups.c, group_ours.c, igmp.c, mld.c -------------------------- */

#define GROUP_SOURCES_MAX 64u
/* From whom one wants to hear a group: from these, or from all but these. */
struct source_filter {
	bool include;
	uint16_t n;
	struct ip_addr src[GROUP_SOURCES_MAX];
};
/* Whether it lets SRC through. */
bool group_hears(const struct source_filter *f, const struct ip_addr *src);

/* What NETIF sends to GROUP from.  False: it has no such address. */
bool group_source(struct netif *netif, const struct ip_addr *group,
    struct ip_addr *from);

/*
 * Whether what is sent to GROUP is for this host, where PORT is: all nodes, the
 * group of an address (RFC 4291, 2.7.1), that of routers if it is one, or one
 * that was joined.
 */
bool group_is_ours(struct port *port, const struct ip_addr *group);
/*
 * A member more of GROUP, who hears what F lets through, or, NULL, all.  What to
 * leave it by; 0: there is no memory.
 */
uint32_t group_join(struct port *port, const struct ip_addr *group,
    const struct source_filter *f);
/* That member hears what F lets through. */
void group_filter(struct port *port, uint32_t serial,
    const struct source_filter *f);
void group_leave(struct port *port, uint32_t serial);
bool group_joined(const struct port *port, const struct ip_addr *group);
/* The same, and a member hears SRC. */
bool group_accepts(const struct port *port, const struct ip_addr *group,
    const struct ip_addr *src);
/* The interface is up, or in another place: reports all. */
void group_again(struct port *port);
/* The interface has another address, or one less. */
void group_own(struct port *port);
/* Once a second. */
void group_timer(struct port *port);
/* Handles the N bytes of a message of IGMP. */
void igmp_input(struct port *port, const uint8_t *igmp, size_t n);
/* The same of MLD, in a packet with the header IP and a router alert. */
void mld_input(struct port *port, const uint8_t *ip, const uint8_t *mld,
    size_t n);
void group_free(struct port *port);

#endif /* SHMIF_LWIPV6_LINK_H */
