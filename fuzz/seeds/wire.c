/* SPDX-License-Identifier: BSD-2-Clause */
/* wire.c - seeds: frames of all kinds, odd lengths, each word, requests, ends */
#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/wire.h"

static struct seed s;

static void
step(enum step what, const void *data, size_t n)
{
	put8(&s, what);
	put16le(&s, (unsigned)n);
	put_bytes(&s, data, n);
}

static void
text(enum step what, const char *t)
{
	step(what, t, strlen(t));
}

/* A frame of LEN bytes from station FROM to TO; 0: everybody; VLAN 0: no tag. */
static void
frame(enum step what, unsigned to, unsigned from, unsigned vlan, size_t len)
{
	uint8_t f[9100] = { 2, 0, 0, 0, 0, (uint8_t)to, 2, 0, 0, 0, 0,
		(uint8_t)from, 0x88, 0xb5 };

	if (to == 0)
		memset(f, 0xff, 6);
	if (vlan != 0) {
		f[12] = 0x81;
		f[13] = 0;
		f[14] = (uint8_t)(vlan >> 8);
		f[15] = (uint8_t)vlan;
	}
	for (size_t i = 18; i < len; i++)
		f[i] = (uint8_t)(i * 7);
	step(what, f, len);
}

static const char *const words[] = {
	"delay 10ms 2ms 25% distribution normal loss 1% 50% rate 100mbit seed "
	"7",
	"loss gemodel 1% 10% 70% 0.1% duplicate 3% corrupt 100%, reorder 25% "
	"50% "
	"gap 5 delay 1ms",
	"limit 1 rate 1bit",
	"mtu 68 cut at 1s mend at 2s",
	"cut",
	"mend clear",
	"end 1 vlan 10 end 2 trunk 10,20-30 native 20 end 3 trunk all",
	"all vlan none",
	"delay 1.234567ms 0.000001s distribution pareto",
	"delay 1000000s",
	"end 9 cut",
	"loss 101%",
	"trunk 1-4095",
	"limit 00000000000000000000000000"
	"0000000000000000000000000000000000000000000000000000007",
};

static const char *const requests[] = {
	"{\"id\":1,\"do\":[{\"op\":\"show\"}]}",
	"{\"id\":2,\"do\":[{\"op\":\"set\",\"words\":[\"loss\",\"1%\"]},"
	"{\"op\":\"show\"}]}",
	"{\"id\":3,\"do\":[{\"op\":\"set\",\"words\":[\"cut\"]},{\"op\":"
	"\"fly\"}]}",
	"{\"id\":-1,\"do\":[]}",
	"[[[[[[[[[[]]]]]]]]]]",
	"{\"id\":1}",
	"\0",
};

static const char *const ends[] = {
	"bus", "stream:s", "stream:s,listen", "stream:s,connect", "dgram:a,b",
	"dgram:a", "stream:", "",
	"stream:"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
};

static void
traffic(unsigned vlan)
{
	frame(STEP_FRAME, 0, 1, vlan, 60);
	frame(STEP_PACKET, 1, 2, vlan, 1514);
	frame(STEP_DGRAM, 2, 3, vlan, 64);
	frame(STEP_FRAME, 3, 1, 0, 14);
	frame(STEP_PACKET, 0, 1, vlan, 60);
	text(STEP_READ, "");
}

void
fuzz_seeds(fuzz_emit *emit)
{
	static const uint8_t lengths[] = { 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 0, 0 };
	static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, 0 };
	char name[20];

	for (unsigned i = 0; i < 4; i++) {
		s.n = 0;
		put8(&s, i);
		traffic(i * 10);
		snprintf(name, sizeof(name), "traffic-%u", i);
		emit(name, s.b, s.n);
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		s.n = 0;
		put8(&s, 0);
		text(STEP_WORDS, words[i]);
		traffic(10);
		traffic(0);
		snprintf(name, sizeof(name), "words-%zu", i);
		emit(name, s.b, s.n);
	}
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		s.n = 0;
		put8(&s, 0);
		text(STEP_REQUEST, requests[i]);
		text(STEP_RAW, requests[i]);
		traffic(0);
		snprintf(name, sizeof(name), "request-%zu", i);
		emit(name, s.b, s.n);
	}
	s.n = 0;
	put8(&s, 0);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		text(STEP_END, ends[i]);
	emit("ends", s.b, s.n);
	s.n = 0;
	put8(&s, 0);
	step(STEP_STREAM, lengths, sizeof(lengths));
	step(STEP_STREAM, huge, sizeof(huge));
	traffic(0);
	emit("lengths", s.b, s.n);
	/* Nobody reads: halves of frames wait, and there is no room. */
	s.n = 0;
	put8(&s, 0);
	for (unsigned i = 0; i < 6; i++)
		frame(STEP_PACKET, 0, 1, 0, 9018);
	text(STEP_READ, "");
	frame(STEP_DGRAM, 0, 2, 0, 60);
	emit("full", s.b, s.n);
}
