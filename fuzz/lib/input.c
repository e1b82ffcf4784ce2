/* SPDX-License-Identifier: BSD-2-Clause */
/* input.c - reading inputs, writing seeds */
#include <string.h>

#include "fuzz/fuzz.h"

unsigned
in8(struct input *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

unsigned
in16(struct input *in)
{
	unsigned low = in8(in);

	return low | in8(in) << 8;
}

uint32_t
in32(struct input *in)
{
	uint32_t low = in16(in);

	return low | (uint32_t)in16(in) << 16;
}

const uint8_t *
in_bytes(struct input *in, size_t want, size_t *got)
{
	const uint8_t *p = in->p;

	*got = want < in->n ? want : in->n;
	in->p += *got;
	in->n -= *got;
	return p;
}

void
put_bytes(struct seed *s, const void *p, size_t n)
{
	if (n > sizeof(s->b) - s->n)
		fuzz_fail("a seed of more than %zu bytes", sizeof(s->b));
	memcpy(s->b + s->n, p, n);
	s->n += n;
}

void
put8(struct seed *s, unsigned v)
{
	uint8_t b = (uint8_t)v;

	put_bytes(s, &b, 1);
}

void
put16le(struct seed *s, unsigned v)
{
	put8(s, v & 0xff);
	put8(s, v >> 8 & 0xff);
}

void
put32le(struct seed *s, uint32_t v)
{
	put16le(s, v & 0xffff);
	put16le(s, v >> 16);
}
