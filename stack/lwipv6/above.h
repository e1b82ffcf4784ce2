/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * above.h - what a lower layer has to say to a higher one (not installed)
 *
 * A file includes headers of its own layer and of lower ones only, so it cannot
 * call a higher layer by name.  For the few things that have to go up there is
 * one table of functions.  The file that defines such a function enters it
 * itself, before main(), in a constructor:
 *
 *	__attribute__((constructor)) static void
 *	fill_above(void)
 *	{
 *		above.syn = listener_answers;
 *	}
 *
 * Nothing is changed later.  All are called on the stack's thread.
 */
#ifndef SHMIF_LWIPV6_ABOVE_H
#define SHMIF_LWIPV6_ABOVE_H

#include "stack/lwipv6/abi.h"

/* What an ICMP error quotes of a packet that did not arrive. */
struct icmp_quote {
	struct ip_addr src, dst;
	uint8_t proto;
	uint16_t sport, dport;
	uint32_t seq;	/* of TCP */
	unsigned total; /* the packet's length */
};
struct icmp_meaning {
	int error; /* 0: none */
	bool hard; /* to try again is in vain */
};

enum listener_verdict { SYN_ANSWER, SYN_DROP, SYN_REFUSE };

struct port;

struct above {
	/* threads -> ctl */

	/*
	 * A descriptor of NETIF failed.  False: that is not handled here.
	 */
	bool (*descriptor_lost)(struct netif *netif);

	/* link -> ip */

	/*
	 * Whether P, for the neighbour HOP, is larger than what its path takes.
	 * Then it was sent in fragments, and *ERR is what became of that.
	 */
	bool (*path_exceeded)(struct netif *netif, struct pbuf *p,
	    struct ip_addr *hop, err_t *err);
	/* P, an IP packet, could not be sent: its neighbour is not there. */
	void (*undelivered)(struct stack *stack, struct pbuf *p);

	/*
	 * Somebody else on the link of PORT has IP, or probes for it.  LOST: the
	 * interface had it, and has given it up for that.
	 */
	void (*address_taken)(struct port *port, const struct ip_addr *ip,
	    bool lost);

	/* HOP does not answer for its hardware address. */
	void (*hop_lost)(struct port *port, const struct ip_addr *hop);

	/* link -> sock */

	/* The neighbour HOP on NETIF does not answer. */
	void (*unreachable)(struct netif *netif, const struct ip_addr *hop);

	/* ip -> sock */

	/*
	 * Whether P, which came by IN for the group DST, is not for the
	 * library; then it was taken.
	 */
	bool (*group_input)(struct pbuf *p, struct netif *in,
	    const struct ip_addr *dst);
	/* The socket that has sent Q, by UDP or TCP, is told of an error. */
	void (*dgram_error)(struct stack *stack, const struct icmp_quote *q,
	    int error);
	void (*stream_error)(struct stack *stack, const struct icmp_quote *q,
	    struct icmp_meaning m);

	/* Whether a UDP socket has PORT. */
	bool (*udp_port_used)(struct stack *stack, uint16_t port);

	/* ip -> tcp */

	/* The connection that sent Q is to send at most MTU bytes a packet. */
	void (*too_big)(struct stack *stack, const struct icmp_quote *q,
	    unsigned mtu);

	/* tcp -> sock */

	/* Whether no socket but who connects is bound to IP and PORT. */
	bool (*local_port_free)(struct stack *stack, const struct ip_addr *ip,
	    uint16_t port);
	/* What becomes of who connects from FROM to TO and PORT. */
	enum listener_verdict (*syn)(struct stack *stack,
	    const struct ip_addr *from, const struct ip_addr *to,
	    uint16_t port);
	/* Whether the listener of PCB, half open, can take it now. */
	bool (*has_room)(const struct tcp_pcb *pcb);
	/*
	 * What segments have at most, as the program of PCB, which may be
	 * listening, has said; 0: nothing.
	 */
	unsigned (*maxseg)(const struct tcp_pcb *pcb);
	/*
	 * The library has put PCB into TIME-WAIT, from where it goes without a
	 * word.
	 */
	void (*time_wait)(struct tcp_pcb *pcb);
};
extern struct above above;

#endif /* SHMIF_LWIPV6_ABOVE_H */
