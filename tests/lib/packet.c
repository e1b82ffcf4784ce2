/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.c - IP packets made by hand
 */
#include <arpa/inet.h>
#include <string.h>

#include "tests/lib/netstack.h"
#include "tests/lib/packet.h"

#define ETH 14u

bool
packet_is4(const struct frame *f)
{
	return f->len >= ETH + 20 && be16(f->b + 12) == 0x0800;
}

static unsigned
header(const struct frame *f)
{
	return packet_is4(f) ? (f->b[ETH] & 15u) * 4 : 40;
}

unsigned
packet_proto(const struct frame *f)
{
	if (packet_is4(f))
		return f->b[ETH + 9];
	return f->len >= ETH + 40 && be16(f->b + 12) == 0x86dd ? f->b[ETH + 6] :
								 0;
}

uint8_t *
packet_body(struct frame *f)
{
	return f->b + ETH + header(f);
}

unsigned
packet_len(const struct frame *f)
{
	if (packet_is4(f))
		return be16(f->b + ETH + 2) - header(f);
	return be16(f->b + ETH + 4);
}

void
packet(struct frame *f, const uint8_t dst_mac[6], const char *src,
    const char *dst, unsigned proto, unsigned n)
{
	bool v4 = strchr(src, ':') == NULL;
	uint8_t *ip = f->b + ETH;

	memset(f, 0, sizeof(*f));
	f->len = ETH + (v4 ? 20 : 40) + n;
	MUST(f->len <= sizeof(f->b));
	memcpy(f->b, dst_mac, 6);
	memcpy(f->b + 6, our_mac, 6);
	put16(f->b + 12, v4 ? 0x0800 : 0x86dd);
	if (v4) {
		ip[0] = 0x45;
		put16(ip + 2, 20 + n);
		ip[8] = 64;
		ip[9] = (uint8_t)proto;
		MUST(inet_pton(AF_INET, src, ip + 12) == 1);
		MUST(inet_pton(AF_INET, dst, ip + 16) == 1);
	} else {
		ip[0] = 0x60;
		put16(ip + 4, n);
		ip[6] = (uint8_t)proto;
		ip[7] = 64;
		ip6(ip + 8, src);
		ip6(ip + 24, dst);
	}
}

void
packet_seal(struct frame *f)
{
	uint8_t *ip = f->b + ETH, *body = packet_body(f), *sum;
	unsigned n = packet_len(f), proto = packet_proto(f), i;
	uint32_t pseudo = 0;

	if (packet_is4(f)) {
		put16(ip + 10, 0);
		put16(ip + 10, net_checksum(ip, header(f), 0));
	}
	switch (proto) {
	case P_TCP:
		sum = body + 16;
		break;
	case P_UDP:
		sum = body + 6;
		break;
	default:
		sum = body + 2;
		break;
	}
	if (proto != P_ICMP4 && proto != P_IGMP) {
		for (i = packet_is4(f) ? 12 : 8; i < header(f); i += 2)
			pseudo += be16(ip + i);
		pseudo += proto + n;
	}
	put16(sum, 0);
	put16(sum, net_checksum(body, n, pseudo));
}

bool
packet_sealed(const struct frame *f)
{
	struct frame g = *f;

	packet_seal(&g);
	return memcmp(&g, f, f->len) == 0;
}

bool
is_proto(const struct frame *f, const void *proto)
{
	return packet_proto(f) == *(const unsigned *)proto;
}

void
tcp_answer(struct frame *a, struct frame *f, uint32_t seq, unsigned flags,
    unsigned n)
{
	const uint8_t *t = packet_body(f);
	unsigned data = packet_len(f) - (t[12] >> 4) * 4u;
	uint8_t *to;
	char src[64], dst[64];
	int family = packet_is4(f) ? AF_INET : AF_INET6;
	const uint8_t *ip = f->b + ETH + (packet_is4(f) ? 12 : 8);
	unsigned size = packet_is4(f) ? 4 : 16;

	inet_ntop(family, ip, dst, sizeof(dst));
	inet_ntop(family, ip + size, src, sizeof(src));
	packet(a, f->b + 6, src, dst, P_TCP, 20 + n);
	to = packet_body(a);
	memcpy(to, t + 2, 2);
	memcpy(to + 2, t, 2);
	put32(to + 4, seq);
	put32(to + 8, be32(t + 4) + data + ((t[13] & (T_SYN | T_FIN)) != 0));
	to[12] = 0x50;
	to[13] = (uint8_t)flags;
	put16(to + 14, 65535);
}
