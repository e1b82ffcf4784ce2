/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.c - what the frames of a bus tell about its traffic
 */
#include <string.h>

#include "base/addr.h"
#include "base/net_bytes.h"
#include "top/frames.h"

#define ETH_HLEN 14u
#define MAC_LEN 6u
#define TYPE_IP4 0x0800u
#define TYPE_ARP 0x0806u
#define TYPE_IP6 0x86ddu
#define TYPE_VLAN 0x8100u
#define TYPE_QINQ 0x88a8u
#define VLAN_HLEN 4u
#define IP4_HLEN 20u
#define IP6_HLEN 40u
#define EXTENSIONS 8 /* headers of IPv6 that are passed over, at most */

const char *
frames_protocol(enum protocol protocol)
{
	static const char *const names[PROTOCOLS] = {
		[PROTO_TCP] = "tcp",
		[PROTO_UDP] = "udp",
		[PROTO_ICMP] = "icmp",
		[PROTO_ICMP6] = "icmp6",
		[PROTO_ARP] = "arp",
		[PROTO_IGMP] = "igmp",
		[PROTO_IP4] = "other ip4",
		[PROTO_IP6] = "other ip6",
		[PROTO_OTHER] = "other",
	};

	return names[protocol];
}

/* ---- protocols ---------------------------------------------------------- */

static enum protocol
upper(unsigned number, enum protocol other)
{
	switch (number) {
	case 1:
		return other == PROTO_IP4 ? PROTO_ICMP : other;
	case 2:
		return other == PROTO_IP4 ? PROTO_IGMP : other;
	case 6:
		return PROTO_TCP;
	case 17:
		return PROTO_UDP;
	case 58:
		return other == PROTO_IP6 ? PROTO_ICMP6 : other;
	default:
		return other;
	}
}

/* The protocol of the N bytes at IP, a packet of IPv6. */
static enum protocol
upper6(const uint8_t *ip, size_t n)
{
	unsigned next = ip[6];
	size_t at = IP6_HLEN;

	for (int i = 0; i < EXTENSIONS && at + 8 <= n; i++) {
		if (next == 44) { /* a fragment; others have no more headers */
			if ((be16(ip + at + 2) & 0xfff8u) != 0)
				return upper(ip[at], PROTO_IP6);
			next = ip[at];
			at += 8;
		} else if (next == 0 || next == 43 || next == 60) {
			next = ip[at];
			at += ((size_t)ip[at + 1] + 1) * 8;
		} else {
			break;
		}
	}
	return upper(next, PROTO_IP6);
}

/*
 * What the N bytes at P are, which follow the Ethernet header of a frame of
 * TYPE.  Where they tell addresses, SRC and DST are these, and *IP is true.
 */
static enum protocol
parse(const uint8_t *p, size_t n, unsigned type, uint8_t src[16],
    uint8_t dst[16], bool *ip)
{
	*ip = false;
	if (type == TYPE_ARP)
		return PROTO_ARP;
	if (type == TYPE_IP4 && n >= IP4_HLEN && p[0] >> 4 == 4) {
		addr_from_v4(p + 12, src);
		addr_from_v4(p + 16, dst);
		*ip = true;
		return upper(p[9], PROTO_IP4);
	}
	if (type == TYPE_IP6 && n >= IP6_HLEN && p[0] >> 4 == 6) {
		memcpy(src, p + 8, 16);
		memcpy(dst, p + 24, 16);
		*ip = true;
		return upper6(p, n);
	}
	return PROTO_OTHER;
}

/* ---- who speaks --------------------------------------------------------- */

static bool
is_less(const struct talker *a, const struct talker *b)
{
	if (!a->used || !b->used)
		return !a->used && b->used;
	if (a->idle != b->idle)
		return a->idle > b->idle;
	return a->total.bytes < b->total.bytes;
}

static struct talker *
talker_of(struct talkers *t, const uint8_t key[16])
{
	struct talker *set, *least;
	uint32_t hash = 2166136261u;

	for (int i = 0; i < 16; i++)
		hash = (hash ^ key[i]) * 16777619u;
	hash ^= hash >> 15;
	set = &t->v[(size_t)(hash % (PLACES / WAYS)) * WAYS];
	least = set;
	for (int i = 0; i < WAYS; i++) {
		if (set[i].used && memcmp(set[i].key, key, 16) == 0)
			return &set[i];
		if (is_less(&set[i], least))
			least = &set[i];
	}
	*least = (struct talker){ .used = true };
	memcpy(least->key, key, 16);
	return least;
}

static void
add(struct count *c, uint32_t len)
{
	c->frames++;
	c->bytes += len;
}

static void
talk(struct talkers *t, const uint8_t key[16], uint32_t len, bool sends)
{
	struct talker *who = talker_of(t, key);

	who->idle = 0;
	add(sends ? &who->sent : &who->received, len);
	add(&who->total, len);
}

/* ---- frames ------------------------------------------------------------- */

void
frames_count(struct frames *f, const uint8_t *data, size_t n, uint32_t len)
{
	uint8_t src[16] = { 0 }, dst[16] = { 0 };
	size_t at = ETH_HLEN;
	enum protocol what;
	unsigned type;
	bool ip;

	add(&f->all, len);
	if (n < ETH_HLEN) {
		add(&f->protocol[PROTO_OTHER], len);
		return;
	}
	if (data[0] & 1)
		add(&f->group, len);
	memcpy(dst, data, MAC_LEN);
	memcpy(src, data + MAC_LEN, MAC_LEN);
	talk(&f->mac, src, len, true);
	talk(&f->mac, dst, len, false);
	type = be16(data + 12);
	while (
	    (type == TYPE_VLAN || type == TYPE_QINQ) && at + VLAN_HLEN <= n) {
		type = be16(data + at + 2);
		at += VLAN_HLEN;
	}
	what = parse(data + at, n - at, type, src, dst, &ip);
	add(&f->protocol[what], len);
	if (ip) {
		talk(&f->ip, src, len, true);
		talk(&f->ip, dst, len, false);
	}
}

static void
next_interval(struct talkers *t)
{
	for (size_t i = 0; i < PLACES; i++) {
		t->v[i].sent = t->v[i].received = (struct count){ 0 };
		if (t->v[i].used && ++t->v[i].idle > FORGET)
			t->v[i].used = false;
	}
}

void
frames_next(struct frames *f)
{
	f->all = f->group = (struct count){ 0 };
	memset(f->protocol, 0, sizeof(f->protocol));
	next_interval(&f->mac);
	next_interval(&f->ip);
}

/* Whether A belongs before B. */
static bool
speaks_more(const struct talker *a, const struct talker *b)
{
	uint64_t x = a->sent.bytes + a->received.bytes;
	uint64_t y = b->sent.bytes + b->received.bytes;

	if (x != y)
		return x > y;
	if (a->total.bytes != b->total.bytes)
		return a->total.bytes > b->total.bytes;
	return memcmp(a->key, b->key, 16) < 0;
}

size_t
frames_talkers(const struct talkers *t, const struct talker **to, size_t n)
{
	size_t found = 0, at;

	for (size_t i = 0; i < PLACES; i++) {
		if (!t->v[i].used)
			continue;
		at = found;
		while (at > 0 && speaks_more(&t->v[i], to[at - 1]))
			at--;
		if (at >= n)
			continue;
		if (found < n)
			found++;
		memmove(&to[at + 1], &to[at], (found - at - 1) * sizeof(*to));
		to[at] = &t->v[i];
	}
	return found;
}
