/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * igmp.c - the messages of IGMP: RFC 3376, RFC 2236, RFC 1112
 *
 * What they mean for an interface is in groups.c.  All have a router alert
 * (RFC 2113), go no further than the link, and come from an address of the
 * interface or, without one, from 0.0.0.0.
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/link/groups.h"

#define IP4_HLEN 20u
#define OPTION_LEN 4u
#define IGMP_LEN 8u
#define QUERY3_LEN 12u
#define PROTO_IGMP 2
#define QUERY 0x11
#define REPORT1 0x12
#define REPORT2 0x16
#define LEAVE 0x17
#define REPORT3 0x22
#define ALL_ROUTERS 0xe0000002u
#define ALL_IGMP3 0xe0000016u

/* Sends the LEN bytes at IGMP, without a checksum, to the group TO. */
static void
send_igmp(struct port *port, const uint8_t *igmp, unsigned len, uint32_t to)
{
	static const uint8_t alert[OPTION_LEN] = { 0x94, 4, 0, 0 };
	struct ip_addr dst = { { 0, 0, htonl(0xffff), htonl(to) } }, from;
	unsigned hlen = IP4_HLEN + OPTION_LEN;
	struct pbuf *p;
	uint8_t *ip;

	if (!(port->netif.flags & NETIF_FLAG_UP))
		return;
	if (!group_source(&port->netif, &dst, &from))
		memset(&from, 0, sizeof(from));
	p = pbuf_alloc(PBUF_LINK, (uint16_t)(hlen + len), PBUF_RAM);
	if (p == NULL)
		return;
	ip = p->payload;
	memset(ip, 0, hlen);
	ip[0] = (uint8_t)(4 << 4 | hlen / 4);
	ip[1] = 0xc0;
	put16(ip + 2, hlen + len);
	ip[8] = 1;
	ip[9] = PROTO_IGMP;
	memcpy(ip + 12, &from.addr[3], 4);
	put32(ip + 16, to);
	memcpy(ip + IP4_HLEN, alert, OPTION_LEN);
	put16(ip + 10, ~fold(sum16(ip, hlen, 0)));
	memcpy(ip + hlen, igmp, len);
	put16(ip + hlen + 2, ~fold(sum16(ip + hlen, len, 0)));
	neigh_output(&port->netif, p, &dst);
	pbuf_free(p);
}

void
igmp_old(struct port *port, const struct ip_addr *group, bool leave)
{
	uint32_t g = ntohl(group->addr[3]);
	uint8_t b[IGMP_LEN] = { leave		      ? LEAVE :
		    port->groups->side[0].oldest != 0 ? REPORT1 :
							REPORT2 };

	put32(b + 4, g);
	send_igmp(port, b, sizeof(b), leave ? ALL_ROUTERS : g);
}

void
igmp_send(struct port *port, const uint8_t *records, unsigned len, unsigned n)
{
	uint8_t b[IGMP_LEN + REPORT_MAX] = { REPORT3 };

	put16(b + 6, n);
	memcpy(b + IGMP_LEN, records, len);
	send_igmp(port, b, IGMP_LEN + len, ALL_IGMP3);
}

/* RFC 3376, 4.1.1: small numbers are themselves, the others floating. */
static unsigned
tenths(uint8_t code)
{
	return code < 128 ? code :
			    ((code & 15u) | 16u) << ((code >> 4 & 7) + 3);
}

void
igmp_input(struct port *port, const uint8_t *igmp, size_t n)
{
	struct ip_addr group = { { 0, 0, htonl(0xffff), 0 } };
	struct group_query q = { .v4 = true };

	if (n < IGMP_LEN || fold(sum16(igmp, n, 0)) != 0xffff)
		return;
	memcpy(&group.addr[3], igmp + 4, 4);
	if (igmp[0] == REPORT1 || igmp[0] == REPORT2) {
		group_reported(port, &group);
		return;
	}
	if (igmp[0] != QUERY)
		return;
	q.group = group;
	if (n == IGMP_LEN) {
		q.version = igmp[1] == 0 ? 1 : 2;
		q.tenths = igmp[1] == 0 ? 100 : igmp[1];
	} else {
		if (n < QUERY3_LEN || QUERY3_LEN + be16(igmp + 10) * 4u > n)
			return;
		q.version = 3;
		q.tenths = tenths(igmp[1]);
		q.robust = igmp[8] & 7;
		q.sources = be16(igmp + 10);
		q.source = igmp + QUERY3_LEN;
	}
	if (ip_is_group(&group) || (group.addr[3] == 0 && q.sources == 0))
		group_asked(port, &q);
}
