/* SPDX-License-Identifier: BSD-2-Clause */
/* peer.c - the neighbour of the stack under test; host.h tells what it is */
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/stack/host.h"
#include "tests/lib/wallframes.h"

#define FEATURES 4096u
/* Where libFuzzer looks for what else tells inputs apart. */
__attribute__((
    section("__libfuzzer_extra_counters"))) static uint8_t features[FEATURES];

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void
feature(unsigned kind, unsigned a, unsigned b)
{
	uint32_t h = (kind * 40503u + a) * 2654435761u + b * 40499u;

	h ^= h >> 15;
	if (features[h % FEATURES] < 255)
		features[h % FEATURES]++;
}

/* ---- answers ------------------------------------------------------------ */

static void
answer_arp(struct host *h, const uint8_t *f, size_t n)
{
	struct pkt p = { .n = 0 };

	if (n < 42 || get16(f + 20) != 1 || f[41] == 1)
		return;
	hex(&p, ME YOU "0806 0001 0800 0604 0002" YOU);
	memcpy(p.b + p.n, f + 38, 4);
	p.n += 4;
	hex(&p, ME "0a000001");
	host_send(h, p.b, p.n);
}

/* Not one for the stack's own address, a probe: it is to keep that. */
static void
answer_solicitation(struct host *h, const uint8_t *f, size_t n)
{
	static const uint8_t none[16];
	struct pkt p = { .n = 0 };

	if (n < 78 || memcmp(f + 22, none, 16) == 0)
		return;
	hex(&p, V6("3a", "ff"));
	memcpy(p.b + p.n, f + 62, 16);
	memcpy(p.b + p.n + 16, f + 22, 16);
	p.n += 32;
	hex(&p, "8800 0000 60000000");
	memcpy(p.b + p.n, f + 62, 16);
	p.n += 16;
	hex(&p, "0201" YOU);
	done(&p);
	host_send(h, p.b, p.n);
}

/* ---- keeping book ------------------------------------------------------- */

static void
heard_tcp(struct host *h, const uint8_t *t, size_t n, bool v6)
{
	struct flow *fl = &h->flow;
	size_t hdr, body;
	uint32_t next;

	if (n < 20 || (hdr = (size_t)(t[12] >> 4) * 4) < 20 || hdr > n)
		return;
	feature(2 + v6, t[13], hdr > 20 ? t[20] : 0);
	if (fl->v6 != v6 || get16(t) != HOST_PORT || get16(t + 2) != fl->port)
		return;
	if (t[13] & 4) {
		fl->open = false;
		return;
	}
	body = n - hdr + ((t[13] & 2) != 0) + (t[13] & 1);
	next = get32(t + 4) + (uint32_t)body;
	if ((t[13] & 0x12) == 0x12) {
		fl->answered = true;
		fl->theirs = next;
	}
	if ((int32_t)(next - fl->theirs) > 0)
		fl->theirs = next;
	if (t[13] & 0x10)
		fl->next = get32(t + 8);
}

static void
heard_ip4(struct host *h, const uint8_t *f, size_t n)
{
	const uint8_t *ip = f + 14, *p;
	size_t hlen, total;

	if (n < 34 || (hlen = (size_t)(ip[0] & 15) * 4) < 20 ||
	    (total = get16(ip + 2)) > n - 14 || total < hlen)
		return;
	p = ip + hlen;
	total -= hlen;
	feature(10, ip[9], get16(ip + 6) & 0x3fff ? 1 : 0);
	if ((get16(ip + 6) & 0x1fff) != 0)
		return;
	if (ip[9] == 6)
		heard_tcp(h, p, total, false);
	else if (ip[9] == 1 && total >= 8) {
		feature(11, p[0], p[1]);
		if (p[0] == 0 && total >= 12 && get32(p + 8) == h->probe)
			h->probe_back = true;
	} else if (ip[9] == 17 && total >= 20 && get16(p + 2) == 67) {
		h->dhcp_xid = get32(p + 12);
		feature(12, total > 250 ? p[250] : 0, 0);
	}
}

static void
heard_ip6(struct host *h, const uint8_t *f, size_t n)
{
	if (n < 62 || get16(f + 18) > n - 54)
		return;
	feature(20, f[20], 0);
	if (f[20] == 6)
		heard_tcp(h, f + 54, get16(f + 18), true);
	else if (f[20] == 58) {
		feature(21, f[54], f[55]);
		if (f[54] == 135)
			answer_solicitation(h, f, n);
	}
}

void
peer_heard(struct host *h, const uint8_t *f, size_t n)
{
	if (n < 14)
		fuzz_fail("the stack sent %zu bytes", n);
	feature(1, get16(f + 12), f[0] & 1);
	switch (get16(f + 12)) {
	case 0x0806:
		answer_arp(h, f, n);
		break;
	case 0x0800:
		heard_ip4(h, f, n);
		break;
	case 0x86dd:
		heard_ip6(h, f, n);
		break;
	}
}

/* ---- a connection --------------------------------------------------------- */

bool
peer_open(struct host *h, bool v6, void (*wait)(struct host *h))
{
	struct flow *fl = &h->flow;
	struct pkt p = { .n = 0 };
	size_t t, options;
	int i;

	*fl = (struct flow){ .v6 = v6, .port = h->next_port++ };
	if (h->next_port < 0xc000)
		h->next_port = 0xc000;
	if (v6)
		hex(&p, V6("06", "40") GU2 GU1 TCPH("6002") "0204 05a0");
	else
		hex(&p, V4("06") TCPH("6002") "0204 05b4");
	t = p.n - 24;
	/* Every second one has all options that a SYN may have. */
	if (fl->port & 1)
		hex(&p, "0402 080a 00000001 00000000 01 030307");
	options = p.n - t - 20;
	p.b[t + 12] = (uint8_t)((20 + options) / 4 << 4);
	set16(p.b + t, fl->port);
	fl->next = 2; /* TCPH begins at 1 */
	done(&p);
	host_send(h, p.b, p.n);
	for (i = 0; i < 3 && !fl->answered; i++)
		wait(h);
	if (!fl->answered)
		return false;
	fl->open = true;
	p.n -= options;
	p.b[t + 12] = 0x50;
	p.b[t + 13] = 0x10;
	set16(p.b + t + 6, 2);
	set16(p.b + t + 8, fl->theirs >> 16);
	set16(p.b + t + 10, fl->theirs & 0xffff);
	done(&p);
	host_send(h, p.b, p.n);
	return true;
}
