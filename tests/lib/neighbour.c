/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neighbour.c - a neighbour that is not lwipv6
 */
#include <errno.h>
#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include <lwipv6.h>
#include <shmbus.h>
#include <shmif.h>

#include "tests/lib/neighbour.h"
#include "tests/lib/netstack.h"

const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 0x99 };
const uint8_t all_mac[6] = { 0x33, 0x33, 0, 0, 0, 1 };
const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 };
struct shmbus *bus;
uint8_t unit_mac[6];
int unit;

/* ---- frames ------------------------------------------------------------- */

void
ip6(uint8_t *to, const char *text)
{
	MUST(inet_pton(AF_INET6, text, to) == 1);
}

/* Fills in the checksum of the ICMPv6 message in F. */
void
seal(struct frame *f)
{
	uint32_t n = f->len - 54, sum = n + 58;
	uint16_t c;
	int i;

	f->b[18] = (uint8_t)(n >> 8);
	f->b[19] = (uint8_t)n;
	for (i = 22; i < 54; i += 2)
		sum += (uint32_t)(f->b[i] << 8 | f->b[i + 1]);
	f->b[56] = f->b[57] = 0;
	c = net_checksum(f->b + 54, n, sum);
	f->b[56] = (uint8_t)(c >> 8);
	f->b[57] = (uint8_t)c;
}

/* An ICMPv6 message without its body. */
void
icmp6(struct frame *f, const uint8_t dst_mac[6], const char *src,
    const char *dst, uint8_t type, uint32_t body)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->b, dst_mac, 6);
	memcpy(f->b + 6, our_mac, 6);
	f->b[12] = 0x86;
	f->b[13] = 0xdd;
	f->b[14] = 0x60;
	f->b[20] = 58;
	f->b[21] = 255;
	ip6(f->b + 22, src);
	ip6(f->b + 38, dst);
	f->b[54] = type;
	f->len = 54 + 4 + body;
}

void
send_frame(const struct frame *f)
{
	int error;

	do
		error = shmbus_send(bus, f->b, f->len);
	while (error == SHMBUS_EGIVENUP); /* we slept in the middle of it */
	MUST(error == 0);
}

void
solicit(const uint8_t dst_mac[6], const char *src, const char *dst,
    const char *target, bool option)
{
	struct frame f;

	icmp6(&f, dst_mac, src, dst, 135, 20 + (option ? 8 : 0));
	ip6(f.b + 62, target);
	if (option) {
		f.b[78] = 1;
		f.b[79] = 1;
		memcpy(f.b + 80, our_mac, 6);
	}
	seal(&f);
	send_frame(&f);
}

int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Receives until WANTED(F, ARG) or MS have gone by. */
bool
expect(struct frame *f, bool (*wanted)(const struct frame *, const void *),
    const void *arg, int ms)
{
	int64_t end = now_ms() + ms;
	struct shmbus_frame sf;

	for (;;) {
		while (shmbus_recv(bus, f->b, sizeof(f->b), &sf) == 0) {
			f->len = sf.len;
			if (wanted(f, arg))
				return true;
		}
		if (now_ms() >= end)
			return false;
		shmbus_wait(bus, 10000000);
	}
}

/* An advertisement of the address ARG. */
bool
is_advert(const struct frame *f, const void *arg)
{
	uint8_t target[16];

	ip6(target, arg);
	return f->len >= 86 && f->b[12] == 0x86 && f->b[20] == 58 &&
	    f->b[54] == 136 && memcmp(f->b + 62, target, 16) == 0;
}

/* Whether the ICMPv6 checksum of F is right. */
bool
sealed(const struct frame *f)
{
	struct frame g = *f;

	seal(&g);
	return memcmp(&g, f, f->len) == 0;
}

/* A right advertisement of TARGET with FLAGS to DST_MAC and DST. */
bool
right_advert(const struct frame *f, const uint8_t dst_mac[6], const char *dst,
    uint8_t flags)
{
	uint8_t ip[16];

	ip6(ip, dst);
	return memcmp(f->b, dst_mac, 6) == 0 &&
	    memcmp(f->b + 6, unit_mac, 6) == 0 && f->b[21] == 255 &&
	    memcmp(f->b + 38, ip, 16) == 0 && f->b[58] == flags &&
	    f->b[78] == 2 && f->b[79] == 1 &&
	    memcmp(f->b + 80, unit_mac, 6) == 0 && sealed(f);
}

bool
is_type(const struct frame *f, const void *arg)
{
	return f->len >= 58 && f->b[12] == 0x86 && f->b[20] == 58 &&
	    f->b[54] == *(const uint8_t *)arg;
}

/* A probe for a duplicate of an address with the prefix ARG. */
bool
is_probe(const struct frame *f, const void *arg)
{
	static const uint8_t ns = 135, none[16];

	return is_type(f, &ns) && f->len >= 78 &&
	    memcmp(f->b + 22, none, 16) == 0 && memcmp(f->b + 62, arg, 8) == 0;
}

bool
is_arp(const struct frame *f, const void *arg)
{
	return f->len >= 42 && f->b[12] == 8 && f->b[13] == 6 &&
	    f->b[21] == *(const uint8_t *)arg;
}

void
set_up(const char *addr)
{
	struct shmbus_options o = { .flags = SHMBUS_CREATE };
	const char *path = net_bus();

	memcpy(o.mac, our_mac, 6);
	MUST(shmbus_attach(path, &o, &bus) == 0);
	MUST(shmif_create(path, &unit) == 0);
	MUST(shmif_mac(unit, unit_mac) == 0);
	if (addr != NULL)
		MUST(shmif_add_addr(unit, addr) == 0);
	MUST(shmif_up(unit) == 0);
}

void
arp(const char *sender, const char *target)
{
	struct frame f = { .len = 60 };
	static const uint8_t head[10] = { 8, 6, 0, 1, 8, 0, 6, 4, 0, 1 };

	memcpy(f.b, broadcast, 6);
	memcpy(f.b + 6, our_mac, 6);
	memcpy(f.b + 12, head, sizeof(head));
	memcpy(f.b + 22, our_mac, 6);
	MUST(inet_pton(AF_INET, sender, f.b + 28) == 1);
	MUST(inet_pton(AF_INET, target, f.b + 38) == 1);
	send_frame(&f);
}

void
advertise(const char *target, uint8_t flags)
{
	struct frame f;

	icmp6(&f, all_mac, target, "ff02::1", 136, 28);
	f.b[58] = flags;
	ip6(f.b + 62, target);
	f.b[78] = 2;
	f.b[79] = 1;
	memcpy(f.b + 80, our_mac, 6);
	seal(&f);
	send_frame(&f);
}
