/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer.c - a TCP peer made by hand
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/peer.h"

#define ETH 14u
#define TCP_HLEN 20u
#define MARK_PORT 999
#define AGAIN_MS 1000 /* it may have been lost */

/* ---- neighbours --------------------------------------------------------- */

static void
arp_reply(const struct frame *f)
{
	struct frame a = *f;

	memcpy(a.b, f->b + 6, 6);
	memcpy(a.b + 6, our_mac, 6);
	a.b[21] = 2;
	memcpy(a.b + 22, our_mac, 6);
	memcpy(a.b + 28, f->b + 38, 4);
	memcpy(a.b + 32, f->b + 22, 10);
	send_frame(&a);
}

/* Answers F if it asks where we are.  Addresses of dead peers have nobody. */
static void
answer_neighbour(const struct frame *f)
{
	static const uint8_t arp_request = 1, solicitation = 135;
	uint8_t ours[16];

	if (is_arp(f, &arp_request)) {
		MUST(inet_pton(AF_INET, PEER4, ours) == 1);
		if (memcmp(f->b + 38, ours, 4) == 0 &&
		    memcmp(f->b + 28, ours, 4) != 0)
			arp_reply(f);
	} else if (is_type(f, &solicitation) && f->len >= 78) {
		ip6(ours, PEER6);
		if (memcmp(f->b + 62, ours, 16) == 0)
			advertise(PEER6, 0x20); /* to all: not "solicited" */
	}
}

void
peer_set_up(void)
{
	static const uint8_t reply = 2;
	struct frame f;

	set_up(UNIT4 "/24");
	MUST(shmif_add_addr(unit, UNIT6 "/64") == 0);
	/* From what we ask the unit learns where we are. */
	arp(PEER4, UNIT4);
	MUST(expect(&f, is_arp, &reply, PATIENCE_MS));
	solicit(unit_mac, PEER6, UNIT6, UNIT6, true);
	MUST(expect(&f, is_advert, UNIT6, PATIENCE_MS));
}

/* ---- segments ----------------------------------------------------------- */

struct peer
peer_new(bool v4, uint16_t port, uint16_t theirs)
{
	struct peer p = { .us = v4 ? PEER4 : PEER6,
		.them = v4 ? UNIT4 : UNIT6,
		.port = port,
		.theirs = theirs,
		.seq = 0x10000u * port + 1,
		.window = 65535,
		.mss = v4 ? 1460 : 1440 };

	return p;
}

void
peer_send(const struct peer *p, unsigned flags, const void *data, unsigned n)
{
	bool option = (flags & T_SYN) && p->mss != 0;
	unsigned hdr = TCP_HLEN + (option ? 4 : 0);
	struct frame f;
	uint8_t *t;

	packet(&f, unit_mac, p->us, p->them, P_TCP, hdr + n);
	t = packet_body(&f);
	put16(t, p->port);
	put16(t + 2, p->theirs);
	put32(t + 4, p->seq);
	put32(t + 8, p->ack);
	t[12] = (uint8_t)(hdr / 4 << 4);
	t[13] = (uint8_t)flags;
	put16(t + 14, p->window);
	if (option) {
		t[20] = 2;
		t[21] = 4;
		put16(t + 22, p->mss);
	}
	if (n != 0)
		memcpy(t + hdr, data, n);
	packet_seal(&f);
	send_frame(&f);
}

static bool
is_any(const struct frame *f, const void *arg)
{
	(void)f;
	(void)arg;
	return true;
}

/* Whether F is from the unit to P; reads it into S. */
static bool
read_segment(const struct peer *p, struct segment *s)
{
	uint8_t us[16], them[16];
	unsigned size = packet_is4(&s->f) ? 4 : 16, hdr;
	const uint8_t *src = s->f.b + ETH + (size == 4 ? 12 : 8), *t;
	int family = size == 4 ? AF_INET : AF_INET6;

	if (packet_proto(&s->f) != P_TCP || packet_len(&s->f) < TCP_HLEN ||
	    inet_pton(family, p->us, us) != 1 ||
	    inet_pton(family, p->them, them) != 1 ||
	    memcmp(src, them, size) != 0 || memcmp(src + size, us, size) != 0)
		return false;
	t = packet_body(&s->f);
	hdr = (t[12] >> 4) * 4u;
	s->sport = (uint16_t)be16(t);
	s->dport = (uint16_t)be16(t + 2);
	s->seq = be32(t + 4);
	s->ack = be32(t + 8);
	s->flags = t[13] & 63;
	s->window = be16(t + 14);
	s->mss = hdr >= 24 && t[20] == 2 && t[21] == 4 ? be16(t + 22) : 0;
	s->data = t + hdr;
	s->len = packet_len(&s->f) - hdr;
	s->sealed = packet_sealed(&s->f);
	return s->dport == p->port && (p->theirs == 0 || s->sport == p->theirs);
}

bool
peer_recv(const struct peer *p, struct segment *s, int ms)
{
	int64_t end = now_ms() + ms, left = ms;

	do {
		if (!expect(&s->f, is_any, NULL, (int)left))
			return false;
		if (read_segment(p, s))
			return true;
		answer_neighbour(&s->f);
		left = end - now_ms();
	} while (left > 0);
	return false;
}

bool
peer_expect(const struct peer *p, struct segment *s, unsigned wanted, int ms)
{
	int64_t end = now_ms() + ms, left = ms;

	do {
		if (!peer_recv(p, s, (int)left))
			return false;
		if ((s->flags & wanted) == wanted)
			return true;
		left = end - now_ms();
	} while (left > 0);
	return false;
}

void
peer_drain(const struct peer *p, int ms)
{
	int64_t end = now_ms() + ms, left = ms;
	struct segment s;

	while (left > 0 && peer_recv(p, &s, (int)left))
		left = end - now_ms();
}

bool
peer_settle(const struct peer *p)
{
	static uint32_t count;
	struct peer q = peer_new(strchr(p->us, ':') == NULL, MARK_PORT, 9);
	struct segment s;
	bool some = false;
	int64_t again = 0;

	/* A port where nobody listens answers with our own number. */
	q.ack = ++count;
	for (;;) {
		if (now_ms() >= again) {
			peer_send(&q, T_ACK, NULL, 0);
			again = now_ms() + AGAIN_MS;
		}
		if (!expect(&s.f, is_any, NULL, AGAIN_MS))
			continue;
		if (read_segment(&q, &s)) {
			if ((s.flags & T_RST) && s.seq == count)
				return some;
		} else if (read_segment(p, &s)) {
			some = true;
		} else {
			answer_neighbour(&s.f);
		}
	}
}

/* ---- connections -------------------------------------------------------- */

void
peer_open(struct peer *p)
{
	struct segment s;
	int tries = PATIENCE_MS / AGAIN_MS;

	do {
		MUST(tries-- > 0);
		peer_send(p, T_SYN, NULL, 0);
	} while (!peer_expect(p, &s, T_SYN | T_ACK, AGAIN_MS));
	p->seq++;
	MUST(s.ack == p->seq);
	p->ack = s.seq + 1;
	peer_send(p, T_ACK, NULL, 0);
}

void
peer_accept(struct peer *p)
{
	struct segment s;

	MUST(peer_expect(p, &s, T_SYN, PATIENCE_MS));
	p->theirs = s.sport;
	p->ack = s.seq + 1;
	peer_send(p, T_SYN | T_ACK, NULL, 0);
	p->seq++;
	MUST(peer_expect(p, &s, T_ACK, PATIENCE_MS));
	MUST(s.ack == p->seq && !(s.flags & T_SYN));
}

int
peer_listener(bool v4, uint16_t port, int backlog)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, v4 ? UNIT4 : UNIT6, port);
	int s = lwip_msocket(shmif_stack(unit), v4 ? AF_INET : AF_INET6,
	    SOCK_STREAM, 0);

	MUST(s != -1 && lwip_bind(s, (void *)&ss, len) == 0);
	MUST(lwip_listen(s, backlog) == 0);
	return s;
}

int
peer_dialled(const struct peer *p)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, p->us, p->port);
	int s = lwip_msocket(shmif_stack(unit),
	    strchr(p->us, ':') == NULL ? AF_INET : AF_INET6, SOCK_STREAM, 0);

	MUST(s != -1 && lwip_fcntl(s, F_SETFL, O_NONBLOCK) == 0);
	MUST(lwip_connect(s, (void *)&ss, len) == -1 && errno == EINPROGRESS);
	return s;
}

short
peer_poll(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return lwip_poll(&p, 1, ms) == 1 ? p.revents : 0;
}
