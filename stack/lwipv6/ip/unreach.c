/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unreach.c - telling a sender that its packet cannot be delivered
 *
 * DOC: The faults: the checksum of the library's ICMPv6 errors leaves out the
 * addresses (RFC 4443, 2.3), their codes are those of IPv4, and "packet too
 * big" has the MTU in the wrong half of its field; 8 bytes are quoted beyond
 * the header, there or not; nothing limits how many are sent, or what is
 * answered so.
 *
 * How they are seen: receivers drop all of them for their checksum: a program
 * that sends UDP over IPv6 to a port where nobody listens is never told.
 *
 * The cure: RFC 1122, 3.2.2, RFC 1812, 4.3.2, and RFC 4443, 2.4: as much of the
 * packet as fits 576 bytes, or 1280; from the address that it was for, if that
 * is the stack's own; never about an error, a fragment of IPv4 that is not the
 * first, what came to many, by its address or its frame, or from no host's
 * address; at most RATE a second in a process.
 */
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/ip.h"

#define IP4_HLEN 20u
#define IP6_HLEN 40u
#define ICMP_HLEN 8u
#define UDP_HLEN 8u
#define MIN_QUOTE 8u /* behind the IP header */
#define MAX4 576u
#define MAX6 1280u
#define TTL 64
#define RATE 1000u
#define PROTO_ICMP4 1
#define PROTO_UDP 17
#define PROTO_ICMP6 58

struct error {
	uint8_t type, code;
	uint32_t word;	  /* what stands behind the checksum */
	bool many;	  /* also about what was sent to a group */
	bool piece;	  /* about a fragment, of whatever it is */
	struct netif *in; /* by which it came; NULL: that does not matter */
};

__thread const struct unreach_original *unreach_original;

/* Whether one more may be sent. */
static bool
may_send(void)
{
	static _Atomic uint64_t sent; /* second, how many */
	uint64_t was = atomic_load(&sent), is;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	do {
		is = (uint64_t)t.tv_sec << 32;
		if (was >> 32 == is >> 32)
			is = was;
		if ((uint32_t)is >= RATE)
			return false;
		is++;
	} while (!atomic_compare_exchange_weak(&sent, &was, is));
	return true;
}

/*
 * How many bytes of the packet are at the payload of P, in one piece.  Where
 * the library's udp_input() asks, NO_PORT, it has taken two headers off, and
 * put back where the payload begins, but not the length.
 */
static size_t
there(const struct pbuf *p, bool no_port)
{
	const uint8_t *ip = p->payload;
	size_t hlen, total;
	unsigned proto;

	if (ip[0] >> 4 == 4) {
		hlen = (ip[0] & 15ul) * 4;
		total = be16(ip + 2);
		proto = ip[9];
	} else {
		hlen = IP6_HLEN;
		total = hlen + be16(ip + 4);
		proto = ip[6];
	}
	if (no_port && proto == PROTO_UDP &&
	    p->tot_len + hlen + UDP_HLEN == total)
		return p->len + hlen + UDP_HLEN;
	return p->len < total ? p->len : total;
}

/* Whether there is to be an error about IP, of which N bytes are there. */
static bool
may_concern(const uint8_t *ip, size_t n, const struct error *e)
{
	static const struct ip_addr any;
	uint32_t src, dst;
	size_t hlen;

	if (ip[0] >> 4 == 4) {
		hlen = (ip[0] & 15ul) * 4;
		if (hlen < IP4_HLEN || n < hlen + MIN_QUOTE)
			return false;
		src = be32(ip + 12);
		dst = be32(ip + 16);
		if (src == 0 || src >> 28 >= 0xe || dst >> 28 >= 0xe ||
		    arrive_for_many || (be16(ip + 6) & 0x1fff) != 0)
			return false;
		return ip[9] != PROTO_ICMP4 || ip[hlen] == 0 || ip[hlen] == 8;
	}
	if (n < IP6_HLEN + MIN_QUOTE || memcmp(ip + 8, &any, 16) == 0 ||
	    ip[8] == 0xff || (ip[24] == 0xff && !e->many))
		return false;
	/*
	 * Behind headers that are not understood it may be anything.  Errors
	 * are not larger than 1280 bytes: what is in fragments is none.
	 */
	return e->piece || wall_upper6(ip, n, &hlen) != PROTO_ICMP6 ||
	    (hlen < n && ip[hlen] >= 128);
}

/* The interface that has IP, or NULL. */
static struct netif *
whose(struct stack *stack, struct ip_addr *ip)
{
	struct netif *n = STACK_FIELD(stack, STACK_NETIF_LIST, struct netif *);

	while (n != NULL && ip_addr_list_find(n->addrs, ip, NULL) == NULL)
		n = n->next;
	return n;
}

/*
 * The address to answer a packet from, which was sent by TO to DST.  *NETIF is
 * the interface by which it came, where that is known, and becomes that to
 * answer by, where only one will do.  False: there is none.
 */
static bool
find_source(struct stack *stack, struct ip_addr *to, struct ip_addr *dst,
    struct netif **netif, struct ip_addr *from)
{
	struct netif *owner = whose(stack, dst);
	struct ip_addr_list *el;

	*from = *dst;
	if (owner != NULL ||
	    (ip_is_v4(to) && ntohl(dst->addr[3]) >> 24 == 127)) {
		*netif = owner;
		return true;
	}
	if (*netif != NULL && ip_is_link_local(to)) {
		el = ip_route_select_source_ip(*netif, to, to);
		if (el != NULL)
			*from = el->ipaddr;
		return el != NULL;
	}
	return ip_route_from(stack, to, NULL, from) == 0;
}

/* Sends Q, complete but for its checksum, about a packet from TO to DST. */
static void
send_about(struct stack *stack, struct pbuf *q, struct ip_addr *to,
    struct ip_addr *dst, struct netif *netif)
{
	bool v4 = ip_is_v4(to);
	uint8_t proto = v4 ? PROTO_ICMP4 : PROTO_ICMP6;
	struct ip_addr from;

	if (!find_source(stack, to, dst, &netif, &from))
		return;
	put16((uint8_t *)q->payload + 2,
	    ntohs(v4 ? inet_chksum_pbuf(q) :
		       inet6_chksum_pseudo(q, &from, to, proto, q->tot_len)));
	if (!v4 && ip_is_link_local(to)) {
		if (netif != NULL)
			ip_output_if(stack, q, &from, to, TTL, 0, proto, netif,
			    to, 0);
	} else {
		ip_output(stack, q, &from, to, ip_hops(stack, to, TTL), 0,
		    proto);
	}
}

/* P, which is as it came or STRIPPED of headers, has the error E. */
static void
tell(struct stack *stack, const struct pbuf *p, struct error *e, bool no_port)
{
	const struct unreach_original *o = unreach_original;
	const uint8_t *ip = p->payload;
	size_t n = there(p, no_port), most;
	struct ip_addr to, dst;
	struct pbuf *q;
	uint8_t *icmp;
	bool v4;

	if (o != NULL && o->stripped == p) {
		ip = o->whole->payload;
		n = o->whole->len;
		if (e->type == 4 && e->code == 1)
			e->word = o->named;
	}
	v4 = ip[0] >> 4 == 4;
	if (n < IP4_HLEN || !may_concern(ip, n, e))
		return;
	most = v4 ? MAX4 - IP4_HLEN - ICMP_HLEN : MAX6 - IP6_HLEN - ICMP_HLEN;
	if (n > most)
		n = most;
	to = ip_sender(ip);
	dst = ip_target(ip);
	if ((v4 && ip_is_broadcast(stack, &dst)) || !may_send())
		return;
	q = pbuf_alloc(PBUF_IP, (uint16_t)(ICMP_HLEN + n), PBUF_RAM);
	if (q == NULL)
		return;
	icmp = q->payload;
	icmp[0] = e->type;
	icmp[1] = e->code;
	put16(icmp + 2, 0);
	put32(icmp + 4, e->word);
	memcpy(icmp + ICMP_HLEN, ip, n);
	send_about(stack, q, &to, &dst, e->in);
	pbuf_free(q);
}

void
icmp_parameter_problem(struct netif *in, const struct pbuf *p,
    const struct wall_ext *what)
{
	struct error e = { .type = 4,
		.code = what->code,
		.word = what->named,
		.many = what->many,
		.piece = what->reason == WALL_IP6_FRAGMENT,
		.in = in };

	tell(in->stack, p, &e, false);
}

void
icmp_redirect4(struct stack *stack, struct pbuf *p, uint32_t hop)
{
	struct error e = { .type = 5, .code = 1, .word = hop };

	tell(stack, p, &e, false);
}

/* ---- all replace the library's ------------------------------------------ */

/* P, its IP header first, cannot be delivered because of WHAT. */
EXPORT void
OURS(icmp_dest_unreach)(struct stack *stack, struct pbuf *p, int what)
{
	struct error e = { .type = 3, .code = (uint8_t)what };

	if (*(uint8_t *)p->payload >> 4 == 6) {
		e.type = 1;
		e.code = what == ICMP_FOR_PORT ? 4 :
		    what == ICMP_FOR_HOST      ? 3 :
						 0;
		if (what == ICMP_FOR_PROTO) {
			e.type = 4; /* a parameter problem: the next header */
			e.code = 1;
			e.word = 6;
		}
	}
	tell(stack, p, &e, what == ICMP_FOR_PORT);
}

/* P has gone over too many routers. */
EXPORT void
OURS(icmp_time_exceeded)(struct stack *stack, struct pbuf *p, int code)
{
	struct error e = { .type = 11, .code = (uint8_t)code };

	if (*(uint8_t *)p->payload >> 4 == 6)
		e.type = 3;
	tell(stack, p, &e, false);
}

/* P is larger than MTU, which is that of where it should go. */
EXPORT void
OURS(icmp_packet_too_big)(struct stack *stack, struct pbuf *p, uint16_t mtu)
{
	struct error e = { .type = 2, .word = mtu, .many = true };

	if (*(uint8_t *)p->payload >> 4 == 4) {
		e.type = 3;
		e.code = 4; /* RFC 1191, 4 */
	}
	tell(stack, p, &e, false);
}
