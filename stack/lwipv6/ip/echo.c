/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * echo.c - answering an echo request
 *
 * DOC: The faults: a reply is sent with the time to live that was left of the
 * request's, and without its type of service and its record route option; one
 * to a request for an IPv6 group has a checksum over that group's address, while
 * it comes from another; and one to a link-local address goes by the first
 * interface that has such addresses.
 *
 * How they are seen: a stack that is pinged from many routers away sends replies
 * which do not get back, though other packets of its do; replies to "ping
 * ff02::1" are dropped for their checksum; on a stack with two interfaces the
 * second does not answer a link-local neighbour.
 *
 * The cure: RFC 1122, 3.2.2.6 and RFC 4443, 4.2: the data of the request, from
 * the address that it was for, or for a group one of the interface's, with a
 * new time to live (RFC 1122, 3.2.1.7), the type of service of the request, and
 * its record route option, into which that address is entered.  Errors are
 * handled in icmp.c; any other message that is not a proper request is left to
 * the library.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/ip.h"

#define IP4_HLEN 20u
#define IP6_HLEN 40u
#define ECHO_HLEN 8u
#define TTL 64
#define OPTIONS_MAX 40u /* bytes of an IPv4 header's */
#define OPT_RECORD 7
#define PROTO_ICMP4 1
#define PROTO_ICMP6 58
#define TYPE_NA 136

/*
 * The record route option (RFC 791) among the HLEN bytes of header at IP, which
 * the wall has found well-formed; or NULL.
 */
static const uint8_t *
find_route_option(const uint8_t *ip, unsigned hlen)
{
	unsigned i = IP4_HLEN;

	while (i < hlen && ip[i] != 0) {
		if (ip[i] == 1) {
			i++;
			continue;
		}
		if (hlen - i < 2 || ip[i + 1] < 2 || ip[i + 1] > hlen - i)
			break;
		if (ip[i] == OPT_RECORD && ip[i + 1] >= 3)
			return ip + i;
		i += ip[i + 1];
	}
	return NULL;
}

/* Enters the address TO into the record route option OPT, if there is room. */
static void
record(uint8_t *opt, const struct ip_addr *to)
{
	unsigned at = opt[2]; /* counted from 1 */

	if (at >= 4 && at + 3 <= opt[1]) {
		memcpy(opt + at - 1, &to->addr[3], 4);
		opt[2] = (uint8_t)(at + 4);
	}
}

/*
 * Sends the reply P from TO to SRC with the option OPT, of which ROUTE is a
 * copy; the library's ip_output() knows no options.  False: it does not fit.
 */
static bool
reply_recorded(struct stack *stack, struct pbuf *p, struct ip_addr *to,
    struct ip_addr *src, uint8_t tos, uint8_t route[OPTIONS_MAX])
{
	unsigned n = route[1], hlen = IP4_HLEN + (n + 3u) / 4 * 4;
	struct ip_addr *hop;
	struct netif *netif;
	struct pbuf *q;
	uint8_t *ip;
	int flags;

	record(route, to);
	if (ip_route_findpath(stack, src, &hop, &netif, &flags) != ERR_OK)
		return true;
	if (hlen + p->tot_len > netif->mtu)
		return false;
	q = pbuf_alloc(PBUF_LINK, (uint16_t)(hlen + p->tot_len), PBUF_RAM);
	if (q == NULL)
		return true;
	ip = q->payload;
	memset(ip, 0, hlen);
	ip[0] = (uint8_t)(4 << 4 | hlen / 4);
	ip[1] = tos;
	put16(ip + 2, q->tot_len);
	ip[8] = TTL;
	ip[9] = PROTO_ICMP4;
	memcpy(ip + 12, &to->addr[3], 4);
	memcpy(ip + 16, &src->addr[3], 4);
	memcpy(ip + IP4_HLEN, route, n);
	put16(ip + 10, ~fold(sum16(ip, hlen, 0)));
	pbuf_read(ip + hlen, p, 0, p->tot_len);
	netif->output(netif, q, hop);
	pbuf_free(q);
	return true;
}

/* Answers P, a request to the address TO with HLEN bytes of IPv4 header. */
static void
reply4(struct stack *stack, struct pbuf *p, struct ip_addr *to, unsigned hlen)
{
	const uint8_t *ip = p->payload, *opt = find_route_option(ip, hlen);
	struct ip_addr src = ip_sender(ip);
	uint8_t route[OPTIONS_MAX] = { 0 }, *icmp, tos = ip[1];

	if (opt != NULL)
		memcpy(route, opt, opt[1]);
	pbuf_header(p, (int16_t)-hlen);
	if (inet_chksum_pbuf(p) != 0)
		return;
	icmp = p->payload;
	icmp[0] = 0;
	icmp[2] = icmp[3] = 0;
	put16(icmp + 2, ntohs(inet_chksum_pbuf(p)));
	if (opt == NULL || !reply_recorded(stack, p, to, &src, tos, route))
		ip_output(stack, p, to, &src, TTL, tos, PROTO_ICMP4);
}

/* Answers P, an IPv6 request from SRC to DST, from the address OWN. */
static void
reply6(struct netif *netif, struct pbuf *p, struct ip_addr *src,
    struct ip_addr *dst, struct ip_addr *own)
{
	uint8_t *icmp, ttl;

	pbuf_header(p, -(int16_t)IP6_HLEN);
	if (inet6_chksum_pseudo(p, src, dst, PROTO_ICMP6, p->tot_len) != 0)
		return;
	icmp = p->payload;
	icmp[0] = 129;
	icmp[2] = icmp[3] = 0;
	put16(icmp + 2,
	    ntohs(inet6_chksum_pseudo(p, own, src, PROTO_ICMP6, p->tot_len)));
	ttl = ra_hops(netif) != 0 ? (uint8_t)ra_hops(netif) : TTL;
	if (ip_is_link_local(src))
		ip_output_if(netif->stack, p, own, src, ttl, 0, PROTO_ICMP6,
		    netif, src, 0);
	else
		ip_output(netif->stack, p, own, src, ttl, 0, PROTO_ICMP6);
}

/* Replaces the library's: P, its IP header first, is for the address TO. */
EXPORT void
OURS(icmp_input)(struct stack *stack, struct pbuf *p, struct ip_addr_list *to,
    void *pseudo)
{
	const uint8_t *ip = p->payload;
	struct ip_addr src, dst;
	struct ip_addr_list *own;
	unsigned hlen;

	if (p->len >= IP4_HLEN + ECHO_HLEN && ip[0] >> 4 == 4) {
		hlen = (ip[0] & 15u) * 4;
		if (p->len >= hlen + ECHO_HLEN && ip[hlen] == 8 &&
		    memcmp(ip + 16, &to->ipaddr.addr[3], 4) == 0) {
			reply4(stack, p, &to->ipaddr, hlen);
			pbuf_free(p);
			return;
		}
	} else if (p->len >= IP6_HLEN + ECHO_HLEN && ip[0] >> 4 == 6 &&
	    ip[6] == PROTO_ICMP6 && ip[IP6_HLEN] == 128) {
		memcpy(&src, ip + 8, sizeof(src));
		memcpy(&dst, ip + 24, sizeof(dst));
		own = ip[24] == 0xff ?
		    ip_route_select_source_ip(to->netif, &src, &src) :
		    to;
		if (own != NULL)
			reply6(to->netif, p, &src, &dst, &own->ipaddr);
		pbuf_free(p);
		return;
	}
	if (port_of(to->netif) != NULL && p->len >= IP6_HLEN + ECHO_HLEN &&
	    ip[0] >> 4 == 6 && ip[6] == PROTO_ICMP6 &&
	    ip[IP6_HLEN] == TYPE_NA) {
		/* The wall has seen to its checksum and its options. */
		nd_advertised(port_of(to->netif), ip, p->len);
		pbuf_free(p);
		return;
	}
	if (redirect_input(ip_arrival.in != NULL ? ip_arrival.in : to->netif,
		p) ||
	    icmp_error(stack, p))
		pbuf_free(p);
	else
		real()->icmp_input(stack, p, to, pseudo);
}
