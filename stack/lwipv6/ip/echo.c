/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * echo.c - answering an echo request
 *
 * DOC: The faults: a reply is sent with the time to live that was left of the
 * request's, and without its type of service; one to a request for an IPv6 group has a checksum over that
 * group's address, while it comes from another; and one to a link-local address
 * goes by the first interface that has such addresses.
 *
 * How they are seen: a stack that is pinged from many routers away sends replies
 * which do not get back, though other packets of its do; replies to "ping
 * ff02::1" are dropped for their checksum; on a stack with two interfaces the
 * second does not answer a link-local neighbour.
 *
 * The cure: RFC 1122, 3.2.2.6 and RFC 4443, 4.2: the data of the request, from
 * the address that it was for, or for a group one of the interface's, with a
 * new time to live (RFC 1122, 3.2.1.7) and the type of service of the request.  Errors are handled in icmp.c; any other
 * message that is not a proper request is left to the library.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/ip.h"

#define IP4_HLEN 20u
#define IP6_HLEN 40u
#define ECHO_HLEN 8u
#define TTL 64
#define PROTO_ICMP4 1
#define PROTO_ICMP6 58

/* Answers P, a request to the address TO with HLEN bytes of IPv4 header. */
static void
reply4(struct stack *stack, struct pbuf *p, struct ip_addr *to, unsigned hlen)
{
	struct ip_addr src = ip_sender(p->payload);
	uint8_t *icmp, tos;

	tos = ((const uint8_t *)p->payload)[1];
	pbuf_header(p, (int16_t)-hlen);
	if (inet_chksum_pbuf(p) != 0)
		return;
	icmp = p->payload;
	icmp[0] = 0;
	icmp[2] = icmp[3] = 0;
	put16(icmp + 2, ntohs(inet_chksum_pbuf(p)));
	ip_output(stack, p, to, &src, TTL, tos, PROTO_ICMP4);
}

/* Answers P, an IPv6 request from SRC to DST, from the address OWN. */
static void
reply6(struct netif *netif, struct pbuf *p, struct ip_addr *src,
    struct ip_addr *dst, struct ip_addr *own)
{
	uint8_t *icmp;

	pbuf_header(p, -(int16_t)IP6_HLEN);
	if (inet6_chksum_pseudo(p, src, dst, PROTO_ICMP6, p->tot_len) != 0)
		return;
	icmp = p->payload;
	icmp[0] = 129;
	icmp[2] = icmp[3] = 0;
	put16(icmp + 2,
	    ntohs(inet6_chksum_pseudo(p, own, src, PROTO_ICMP6, p->tot_len)));
	if (ip_is_link_local(src))
		ip_output_if(netif->stack, p, own, src, TTL, 0, PROTO_ICMP6,
		    netif, src, 0);
	else
		ip_output(netif->stack, p, own, src, TTL, 0, PROTO_ICMP6);
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
	if (icmp_error(stack, p))
		pbuf_free(p);
	else
		real()->icmp_input(stack, p, to, pseudo);
}
