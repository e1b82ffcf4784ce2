/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ip.h - IP and ICMP(not installed)
 */
#ifndef SHMIF_LWIPV6_IP_H
#define SHMIF_LWIPV6_IP_H

#include "stack/lwipv6/above.h"
#include "stack/lwipv6/link/link.h"

/* ---- ip/deliver.c --------------------------------------------------- */

/*
 * The interface that has the address DST, to which a packet came by IN, where
 * IN has not and the stack is a router; otherwise IN.
 */
struct netif *deliver_at(struct netif *in, const struct ip_addr *dst);

/* ---- ip/reass.c-------------------------- */

/*
 * P is a frame that the wall passed as a fragment of a datagram.  True: it was
 * taken.  False: it is not for this interface.
 */
bool reass_input(struct port *port, struct pbuf *p);
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
/* What STACK sent to DST gets no answer: asks for the next hop again. */
void ip_doubt_hop(struct stack *stack, const struct ip_addr *dst);

/* ---- ip/icmp.c ----------------------------------------------------------- */

/*
 * P, its IP header first, is ICMP for the stack.  True: it was an error, has
 * been told to whom it concerns, and may be freed.
 */
bool icmp_error(struct stack *stack, struct pbuf *p);

#endif /* SHMIF_LWIPV6_IP_H */
