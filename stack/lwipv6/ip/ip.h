/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ip.h - IP and ICMP(not installed)
 */
#ifndef SHMIF_LWIPV6_IP_H
#define SHMIF_LWIPV6_IP_H

#include "stack/lwipv6/above.h"
#include "stack/lwipv6/link/link.h"
#include "stack/lwipv6/wall/wall.h"

/* ---- ip/deliver.c --------------------------------------------------- */

/*
 * The interface that has the address DST, to which a packet came by IN, where
 * IN has not and the stack is a router; otherwise IN.
 */
struct netif *deliver_at(struct netif *in, const struct ip_addr *dst);

/*
 * The packet that is being dealt with by the calling thread: what its header
 * said, and by which interface it came.  IN NULL: there is none.
 */
struct ip_arrival {
	struct netif *in;
	struct ip_addr to;
	uint8_t ttl, tos;
};
extern __thread struct ip_arrival ip_arrival;
/* An address of IN's of the family of LIKE; or LIKE. */
void ip_own_of(struct netif *in, const struct ip_addr *like,
    struct ip_addr *own);

/* ---- ip/arrive.c ---------------------------------------------------- */

/* Bytes to spare behind what is judged: the wall may add an MSS option. */
#define ARRIVE_ROOM 4u
/* What is dealt with came in a frame to a group.  Of the calling thread. */
extern __thread bool arrive_for_many;

/*
 * Judges FRAME, of *LEN bytes and ARRIVE_ROOM to spare; the packet in it may
 * have MOST.  May change *LEN.
 */
enum wall_verdict arrive_judge(const struct port *port, uint8_t *frame,
    uint32_t *len, unsigned most, struct wall_result *r);
/*
 * P, for PORT and passed by the wall, is ARP or an IP packet; the Ethernet
 * header is before its payload.  WHOLE: it was put together from fragments.
 * Takes P.  Returns whether it was a neighbour solicitation and is answered.
 */
bool arrive(struct port *port, struct pbuf *p, const struct wall_result *r,
    bool whole);
/* P, an IP packet in a buffer of arrive_buffer()'s, is as if it had come. */
void arrive_again(struct port *port, struct pbuf *p, bool whole);
/*
 * A buffer for an IP packet of LEN bytes with the Ethernet header ETH before
 * it.  Its payload, which *IP becomes, is not filled in.  NULL: no memory.
 */
struct pbuf *arrive_buffer(const uint8_t *eth, uint32_t len, uint8_t **ip);
/* Whether the packet with the header IP is for this host, where PORT is. */
bool arrive_is_ours(struct port *port, const uint8_t *ip);

/* ---- ip/ext.c ------------------------------------------------------- */

/* P is an IPv6 packet for this host with extension headers.  As arrive(). */
void ext_input(struct port *port, struct pbuf *p, bool whole);

/* ---- ip/dhcp.c ------------------------------------------------------ */

/*
 * P, IPv4 for whatever address, has come by PORT.  True: it is for its client
 * of DHCP, which has dealt with it.
 */
bool dhcp_input(struct port *port, const struct pbuf *p);
/* Once a second. */
void dhcp_timer(struct port *port);
/* The interface is on a link, which may be another one. */
void dhcp_link(struct port *port);
/* Copies up to MAX servers of names.  Returns how many. */
unsigned dhcp_dns(const struct port *port, struct ip_addr list[], unsigned max);
/* Frees the state alone: dhcp_stop() comes before. */
void dhcp_free(struct port *port);

/* ---- ip/reass.c ----------------------------------------------------- */

/*
 * P is a fragment for this host; AT bytes behind its beginning are its data, or,
 * of IPv6, its fragment header.  Takes P.
 */
void reass_input(struct port *port, struct pbuf *p, uint32_t at);
/* Once a second. */
void reass_timer(struct port *port);
void reass_free(struct reass_table *t);

/* ---- ip/frag.c ------------------------------------------------------ */

err_t OURS(ip4_frag)(struct stack *, struct pbuf *, struct netif *,
    struct ip_addr *hop);
err_t OURS(ip6_frag)(struct stack *, struct pbuf *, struct netif *,
    struct ip_addr *hop);

/*
 * Where this points to something, what is larger than an MTU is not sent in
 * fragments but not at all, and the MTU is stored there.  Of the calling thread.
 */
extern __thread unsigned *frag_instead;

/* ---- ip/forward.c --------------------------------------------------- */

/*
 * Whether P, which came by IN for the address DST, must not be left to the
 * library; then it was taken.  On the stack's thread.
 */
bool forward_not(struct pbuf *p, struct netif *in, const struct ip_addr *dst);

/* ---- ip/path.c--------------------------- */

/* How large a packet that begins with the header IP may be, by NETIF. */
unsigned path_mtu(const struct netif *netif, const uint8_t *ip);
/* A router said that Q does not go through where MTU is the limit; 0: ? */
void path_too_big(struct stack *stack, struct icmp_quote *q, uint32_t mtu);
void path_free(struct path_table *t);

/* ---- ip/redirect.c ------------------------------------------------------- */

/* The hop to which what NETIF sends to DST was redirected, or NULL. */
struct ip_addr *redirect_find(struct netif *netif, const struct ip_addr *dst);
/* Whether P, ICMP that came by IN, is a redirect; then it is dealt with. */
bool redirect_input(struct netif *in, const struct pbuf *p);
/*
 * P came by IN and goes back by it to HOP: its sender is told, if there is
 * reason to.
 */
void redirect_tell(struct netif *in, struct pbuf *p, const struct ip_addr *hop);
/* The link is gone, or the interface. */
void redirect_free(struct port *port);

/* ---- ip/source.c --------------------------------------------------------- */

/* Whether IP is an address of STACK's own. */
bool ip_is_own(struct stack *stack, struct ip_addr *ip);
/* Whether IP is the broadcast address of a network of STACK's, or of all. */
bool ip_is_broadcast(struct stack *stack, const struct ip_addr *ip);
/*
 * Finds what STACK uses to reach DST.  0, ENETUNREACH, or EADDRNOTAVAIL.
 * NETIF and FROM may be NULL.
 */
int ip_route_from(struct stack *stack, struct ip_addr *dst,
    struct netif **netif, struct ip_addr *from);
/*
 * The hop limit of what STACK sends to DST, where the program has not chosen
 * one: what routers have said, or OTHER.
 */
uint8_t ip_hops(struct stack *stack, const struct ip_addr *dst, uint8_t other);
/* What STACK sent to DST gets no answer: asks for the next hop again. */
void ip_doubt_hop(struct stack *stack, const struct ip_addr *dst);

/* ---- ip/unreach.c -------------------------------------------------------- */

/*
 * An error about STRIPPED, which is dealt with, is one about WHOLE: that is the
 * packet as it came, in which NAMED is where the upper protocol stands.
 */
struct unreach_original {
	const struct pbuf *stripped;
	struct pbuf *whole;
	unsigned named;
};
/* Of the calling thread; NULL: what is dealt with came as it is. */
extern __thread const struct unreach_original *unreach_original;
/* P, IPv4, goes to a router that its sender can reach: HOP, in host order. */
void icmp_redirect4(struct stack *stack, struct pbuf *p, uint32_t hop);
/* P, an IPv6 packet that came by IN, has the problem WHAT (RFC 4443, 3.4). */
void icmp_parameter_problem(struct netif *in, const struct pbuf *p,
    const struct wall_ext *what);

/* ---- ip/icmp.c ----------------------------------------------------------- */

/*
 * P, its IP header first, is ICMP for the stack.  True: it was an error, has
 * been told to whom it concerns, and may be freed.
 */
bool icmp_error(struct stack *stack, struct pbuf *p);

#endif /* SHMIF_LWIPV6_IP_H */
