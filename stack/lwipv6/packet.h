/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.h - addresses, buffers and header fields; inline functions only (not
 *	installed)
 */
#ifndef SHMIF_LWIPV6_PACKET_H
#define SHMIF_LWIPV6_PACKET_H

#include "stack/lwipv6/abi.h"

/* ---- buffers ------------------------------------------------------------ */

/* Copies N bytes from OFFSET of the chain P to TO.  Whether they are there. */
static inline bool
pbuf_read(uint8_t *to, const struct pbuf *p, size_t offset, size_t n)
{
	for (; p != NULL && n > 0; p = p->next) {
		size_t part;

		if (offset >= p->len) {
			offset -= p->len;
			continue;
		}
		part = p->len - offset < n ? p->len - offset : n;
		__builtin_memcpy(to, (const uint8_t *)p->payload + offset,
		    part);
		to += part;
		n -= part;
		offset = 0;
	}
	return n == 0;
}

/* ---- addresses ---------------------------------------------------------- */

static inline bool
ip_is_v4(const struct ip_addr *ip)
{
	return ip->addr[0] == 0 && ip->addr[1] == 0 &&
	    ip->addr[2] == htonl(0xffff);
}

/* Whether IP is the unspecified address of either family. */
static inline bool
ip_is_any(const struct ip_addr *ip)
{
	return ip->addr[0] == 0 && ip->addr[1] == 0 && ip->addr[3] == 0 &&
	    (ip->addr[2] == 0 || ip->addr[2] == htonl(0xffff));
}

static inline bool
ip_same(const struct ip_addr *a, const struct ip_addr *b)
{
	return __builtin_memcmp(a, b, sizeof(*a)) == 0;
}

/* The IPv4 address, or the IPv6 one, that stands AT4 or AT6 bytes into IP. */
static inline struct ip_addr
ip_in_header(const uint8_t *ip, unsigned at4, unsigned at6)
{
	struct ip_addr a = { { 0, 0, htonl(0xffff), 0 } };

	if (ip[0] >> 4 == 4)
		__builtin_memcpy(&a.addr[3], ip + at4, 4);
	else
		__builtin_memcpy(&a, ip + at6, sizeof(a));
	return a;
}

/* The sender, and the destination, of the packet with the header IP. */
static inline struct ip_addr
ip_sender(const uint8_t *ip)
{
	return ip_in_header(ip, 12, 8);
}

static inline struct ip_addr
ip_target(const uint8_t *ip)
{
	return ip_in_header(ip, 16, 24);
}

/* Whether IP is a group's address. */
static inline bool
ip_is_group(const struct ip_addr *ip)
{
	return ip_is_v4(ip) ? ntohl(ip->addr[3]) >> 28 == 0xe :
			      ntohl(ip->addr[0]) >> 24 == 0xff;
}

/* Whether IP is good on one link only: RFC 4291, 2.5.6. */
static inline bool
ip_is_link_local(const struct ip_addr *ip)
{
	return ntohl(ip->addr[0]) >> 22 == 0xfe80 >> 6;
}

/* Whether GROUP is that by which IP is asked for: RFC 4291, 2.7.1. */
static inline bool
ip_is_solicited_node(const struct ip_addr *group, const struct ip_addr *ip)
{
	return group->addr[0] == htonl(0xff020000) && group->addr[1] == 0 &&
	    group->addr[2] == htonl(1) &&
	    group->addr[3] == (ip->addr[3] | htonl(0xff000000));
}

/* Whether A is before B, of TCP's numbers, which come around. */
static inline bool
seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

#endif /* SHMIF_LWIPV6_PACKET_H */
