/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * icmp.c - ICMP errors that arrive, and which socket is told of them
 *
 * DOC: The fault: the library ignores ICMP errors.
 *
 * How it is seen: a program that asks a UDP port where nobody listens waits for
 * its timeout; a connection that a router or a firewall refuses fails after all
 * retransmissions, with ETIMEDOUT.
 *
 * The cure, for errors with a right checksum that quote a packet from an
 * address of the stack's own, and were sent to that:
 *
 * UDP (RFC 1122, 4.1.3.3): the socket that is connected to where the datagram
 * went has the error, once: ECONNREFUSED, EHOSTUNREACH, ENETUNREACH and others.
 * One that is not connected could not tell which datagram is meant.
 *
 * TCP (RFC 1122, 4.2.3.9; RFC 5927): the sequence number that is quoted has to
 * be of something that was sent and is not acknowledged.  A hard error (port,
 * protocol, prohibited) ends a connection that is being opened, at once.  Any
 * other does when it comes again after a retransmission; until then, and in any
 * other state, it is remembered, and told instead of ETIMEDOUT in case that the
 * connection comes to that.
 *
 * An error about a packet that could not be sent because there is no neighbour
 * (link/neighbours.c) is one that the stack tells itself, or, if it has only forwarded
 * that, its sender (RFC 1812, 4.3.3.1).
 */
#include <errno.h>
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/ip.h"

#define IP4_HLEN 20u
#define IP6_HLEN 40u
#define FRAG_HLEN 8u
#define ICMP_HLEN 8u
#define QUOTE 8u /* behind the IP header */
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ICMP4 1
#define NEXT_FRAGMENT 44

static const struct icmp_meaning
    nothing,
    unreach4[] = {
	    { ENETUNREACH, false },
	    { EHOSTUNREACH, false },
	    { ECONNREFUSED, true }, /* no such protocol */
	    { ECONNREFUSED, true },
	    { 0, false }, /* too big */
	    { EHOSTUNREACH, false },
	    { ENETUNREACH, false },
	    { EHOSTUNREACH, false },
	    { EHOSTUNREACH, false },
	    { ENETUNREACH, true }, /* prohibited, as the next */
	    { EHOSTUNREACH, true },
	    { ENETUNREACH, false },
	    { EHOSTUNREACH, false },
	    { EHOSTUNREACH, true }, /* prohibited */
	    { EHOSTUNREACH, false },
	    { EHOSTUNREACH, false },
    },
    unreach6[] = {
	    { ENETUNREACH, false },
	    { EHOSTUNREACH, true }, /* prohibited */
	    { EHOSTUNREACH, false },
	    { EHOSTUNREACH, false },
	    { ECONNREFUSED, true },
	    { EHOSTUNREACH, true }, /* prohibited, as the next */
	    { EHOSTUNREACH, true },
    },
    lost = { EHOSTUNREACH, false }, not_understood = { EPROTO, false },
    refused = { ECONNREFUSED, true };

/* What the error at ICMP means. */
static struct icmp_meaning
meaning_of(bool v4, const uint8_t *icmp)
{
	unsigned code = icmp[1];

	switch (icmp[0]) {
	case 1:
		if (!v4 && code < sizeof(unreach6) / sizeof(unreach6[0]))
			return unreach6[code];
		break;
	case 3:
		if (!v4 || code >= sizeof(unreach4) / sizeof(unreach4[0]))
			return v4 ? nothing : lost; /* on too many routers */
		return unreach4[code];
	case 4:
		if (!v4)
			return code == 1 ? refused : not_understood;
		break;
	case 11:
		if (v4)
			return lost;
		break;
	case 12:
		if (v4)
			return not_understood;
		break;
	default:
		break;
	}
	return nothing;
}

/* Reads what the N bytes at IP quote of a packet.  False: too little. */
static bool
read_quote(const uint8_t *ip, size_t n, struct icmp_quote *q)
{
	size_t hlen;

	if (n < IP4_HLEN)
		return false;
	if (ip[0] >> 4 == 4) {
		hlen = (ip[0] & 15ul) * 4;
		if (hlen < IP4_HLEN || (be16(ip + 6) & 0x1fff) != 0)
			return false;
		q->proto = ip[9];
		q->total = be16(ip + 2);
	} else {
		hlen = IP6_HLEN;
		if (ip[0] >> 4 != 6 || n < hlen + FRAG_HLEN)
			return false;
		q->proto = ip[6];
		q->total = (unsigned)(hlen + be16(ip + 4));
		if (q->proto == NEXT_FRAGMENT) {
			if ((be16(ip + hlen + 2) & 0xfff8) != 0)
				return false;
			q->proto = ip[hlen];
			hlen += FRAG_HLEN;
		}
	}
	if (n < hlen + QUOTE)
		return false;
	q->src = ip_sender(ip);
	q->dst = ip_target(ip);
	q->sport = (uint16_t)be16(ip + hlen);
	q->dport = (uint16_t)be16(ip + hlen + 2);
	q->seq = be32(ip + hlen + 4);
	return true;
}

static void
hand_out(struct stack *stack, const struct icmp_quote *q, struct icmp_meaning m)
{
	if (m.error == 0)
		return;
	if (q->proto == PROTO_UDP)
		above.dgram_error(stack, q, m.error);
	else if (q->proto == PROTO_TCP)
		above.stream_error(stack, q, m);
}

/* above.undelivered */
static void
undelivered(struct stack *stack, struct pbuf *p)
{
	struct icmp_quote q;

	if (!read_quote(p->payload, p->len, &q))
		return;
	if (ip_is_own(stack, &q.src))
		hand_out(stack, &q, lost);
	else if (lwip_stack_flags_get(stack) & STACK_FORWARDING)
		icmp_dest_unreach(stack, p, ICMP_FOR_HOST);
}

__attribute__((constructor)) static void
fill_above(void)
{
	above.undelivered = undelivered;
}

bool
icmp_error(struct stack *stack, struct pbuf *p)
{
	const uint8_t *ip = p->payload, *icmp;
	bool v4 = p->len >= IP4_HLEN && ip[0] >> 4 == 4;
	struct ip_addr src, dst;
	size_t hlen = v4 ? (ip[0] & 15u) * 4 : IP6_HLEN;
	struct icmp_quote q;

	if (p->len < hlen + ICMP_HLEN)
		return false;
	icmp = ip + hlen;
	if (v4 ? icmp[0] != 3 && icmp[0] != 11 && icmp[0] != 12 :
		 ip[6] != 58 || icmp[0] < 1 || icmp[0] > 4)
		return false;
	src = ip_sender(ip);
	dst = ip_target(ip);
	if (!read_quote(icmp + ICMP_HLEN, p->len - hlen - ICMP_HLEN, &q) ||
	    ip_is_v4(&q.src) != v4 || !ip_same(&q.src, &dst) ||
	    !ip_is_own(stack, &q.src))
		return true;
	if (v4) {
		pbuf_header(p, (int16_t) - (int)hlen);
		if (inet_chksum_pbuf(p) != 0)
			return true;
	} else {
		pbuf_header(p, -(int16_t)IP6_HLEN);
		if (inet6_chksum_pseudo(p, &src, &dst, 58, p->tot_len) != 0)
			return true;
	}
	if (v4 && icmp[0] == 3 && icmp[1] == 4)
		path_too_big(stack, &q, be16(icmp + 6));
	else if (!v4 && icmp[0] == 2)
		path_too_big(stack, &q, be32(icmp + 4));
	else
		hand_out(stack, &q, meaning_of(v4, icmp));
	return true;
}
