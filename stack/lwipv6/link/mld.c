/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mld.c - the messages of listener discovery: RFC 3810, RFC 2710
 *
 * What they mean for an interface is in groups.c.  All have a router alert
 * (RFC 2711), go no further than the link, and come from a link-local address
 * or, while others may still object to that, from :: (RFC 3590).
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/link/groups.h"

#define IP6_HLEN 40u
#define HOP_LEN 8u
#define MLD1_LEN 24u
#define MLD2_LEN 8u /* of a report, without records */
#define QUERY2_LEN 28u
#define PROTO_HOP 0
#define PROTO_ICMP6 58
#define QUERY 130
#define REPORT1 131
#define DONE1 132
#define REPORT2 143

/* The address to send from.  False: there is none, or it is not sure. */
static bool
own_address(const struct port *port, struct ip_addr *from)
{
	const struct ip_addr_list *tail = port->netif.addrs, *el = tail;

	while (el != NULL) {
		if (ip_is_link_local(&el->ipaddr) &&
		    !dad_is_unsure(port, &el->ipaddr)) {
			*from = el->ipaddr;
			return true;
		}
		el = el->next == tail ? NULL : el->next;
	}
	memset(from, 0, sizeof(*from));
	return false;
}

/* Sends the LEN bytes at MLD, without a checksum, to the group TO. */
static void
send_mld(struct port *port, const uint8_t *mld, unsigned len,
    const struct ip_addr *to)
{
	static const uint8_t alert[HOP_LEN] = { PROTO_ICMP6, 0, 5, 2, 0, 0, 1,
		0 };
	struct ip_addr dst = *to, from;
	struct pbuf *p;
	uint8_t *ip, *b;

	if (!(port->netif.flags & NETIF_FLAG_UP))
		return;
	if (!own_address(port, &from))
		port->groups->nobody = true;
	p = pbuf_alloc(PBUF_LINK, (uint16_t)(IP6_HLEN + HOP_LEN + len),
	    PBUF_RAM);
	if (p == NULL)
		return;
	ip = p->payload;
	memset(ip, 0, IP6_HLEN);
	ip[0] = 0x60;
	put16(ip + 4, HOP_LEN + len);
	ip[6] = PROTO_HOP;
	ip[7] = 1;
	memcpy(ip + 8, &from, sizeof(from));
	memcpy(ip + 24, to, sizeof(*to));
	memcpy(ip + IP6_HLEN, alert, HOP_LEN);
	b = ip + IP6_HLEN + HOP_LEN;
	memcpy(b, mld, len);
	put16(b + 2,
	    ~fold(sum16(ip + 8, 32, sum16(b, len, len + PROTO_ICMP6))));
	neigh_output(&port->netif, p, &dst);
	pbuf_free(p);
}

void
mld_old(struct port *port, const struct ip_addr *group, bool leave)
{
	const struct ip_addr routers = { { htonl(0xff020000), 0, 0,
	    htonl(2) } };
	uint8_t b[MLD1_LEN] = { leave ? DONE1 : REPORT1 };

	memcpy(b + 8, group, sizeof(*group));
	send_mld(port, b, sizeof(b), leave ? &routers : group);
}

void
mld_send(struct port *port, const uint8_t *records, unsigned len, unsigned n)
{
	const struct ip_addr all = { { htonl(0xff020000), 0, 0, htonl(0x16) } };
	uint8_t b[MLD2_LEN + REPORT_MAX] = { REPORT2 };

	put16(b + 6, n);
	memcpy(b + MLD2_LEN, records, len);
	send_mld(port, b, MLD2_LEN + len, &all);
}

/* RFC 3810, 5.1.3: milliseconds, as tenths of a second. */
static unsigned
tenths(unsigned code)
{
	unsigned ms = code < 0x8000 ?
	    code :
	    ((code & 0xfff) | 0x1000u) << ((code >> 12 & 7) + 3);

	return ms / 100;
}

void
mld_input(struct port *port, const uint8_t *ip, const uint8_t *mld, size_t n)
{
	struct group_query q = { .version = 1 };
	struct ip_addr from = ip_sender(ip), group;

	if (n < MLD1_LEN || ip[7] != 1 || !ip_is_link_local(&from))
		return;
	memcpy(&group, mld + 8, sizeof(group));
	if (mld[0] == REPORT1) {
		group_reported(port, &group);
		return;
	}
	if (mld[0] != QUERY)
		return;
	q.group = group;
	if (n == MLD1_LEN) {
		q.tenths = be16(mld + 4) / 100;
	} else {
		if (n < QUERY2_LEN || QUERY2_LEN + be16(mld + 26) * 16u > n)
			return;
		q.version = 2;
		q.tenths = tenths(be16(mld + 4));
		q.robust = mld[24] & 7;
		q.sources = be16(mld + 26);
		q.source = mld + QUERY2_LEN;
	}
	if (ip_is_group(&group) || (ip_is_any(&group) && q.sources == 0))
		group_asked(port, &q);
}
