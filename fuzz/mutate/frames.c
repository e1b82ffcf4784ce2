/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.c - changes conversations without spoiling their records
 *
 * libFuzzer's own mutator knows nothing of records: most of what it makes of
 * a conversation is one long frame.  This one takes records apart, changes,
 * adds, repeats, moves and leaves out whole ones, and gives libFuzzer's the
 * bytes of one record at a time.
 */
#include <stdbool.h>
#include <string.h>

#include "fuzz/frames.h"
#include "fuzz/fuzz.h"
#include "fuzz/stack/templates.h"

#define RECORDS 64u

static uint64_t state;

static unsigned
rnd(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 16) % n;
}

struct record {
	uint8_t op;
	unsigned n;
	uint8_t b[FRAME_SIZE];
};

static struct record list[RECORDS + 1];
static unsigned count;
static uint8_t which;

static void
parse(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const uint8_t *p;
	size_t n;

	which = (uint8_t)in8(&in);
	for (count = 0; in.n > 0 && count < RECORDS; count++) {
		struct record *r = &list[count];

		r->op = (uint8_t)(in8(&in) % OPS);
		n = in16(&in);
		p = in_bytes(&in, n, &n);
		r->n = n < FRAME_SIZE ? (unsigned)n : FRAME_SIZE;
		memcpy(r->b, p, r->n);
	}
}

static size_t
write_out(uint8_t *data, size_t max)
{
	size_t at = 1;
	unsigned i;

	data[0] = which;
	for (i = 0; i < count; i++) {
		const struct record *r = &list[i];

		if (at + RECORD_HEAD + r->n > max)
			break;
		data[at] = r->op;
		data[at + 1] = (uint8_t)r->n;
		data[at + 2] = (uint8_t)(r->n >> 8);
		memcpy(data + at + RECORD_HEAD, r->b, r->n);
		at += RECORD_HEAD + r->n;
	}
	return at;
}

/* Makes room for a record at I. */
static struct record *
insert(unsigned i)
{
	if (count == RECORDS)
		count--;
	if (i > count)
		i = count;
	memmove(&list[i + 1], &list[i], (count - i) * sizeof(list[0]));
	count++;
	return &list[i];
}

static uint8_t
fixes(void)
{
	switch (rnd(8)) {
	case 0:
		return 0;
	case 1:
		return (uint8_t)rnd(FRAME_OPS);
	case 2:
		return FIX_MAC | FIX_SUM;
	}
	return FIX_MAC | FIX_LENGTH | FIX_SUM | FIX_FLOW;
}

static void
add_template(struct record *r)
{
	struct pkt p;

	template_get(rnd(templates()), &p);
	r->op = fixes();
	r->n = p.n < FRAME_SIZE ? (unsigned)p.n : FRAME_SIZE;
	memcpy(r->b, p.b, r->n);
}

static void
add_other(struct record *r)
{
	r->b[0] = (uint8_t)rnd(256);
	r->b[1] = (uint8_t)rnd(4);
	r->b[2] = (uint8_t)rnd(256);
	switch (rnd(5)) {
	case 0:
		r->op = OP_WARP;
		r->n = 2;
		break;
	case 1:
	case 2:
		r->op = OP_AGAIN;
		r->b[0] = (uint8_t)(1 + rnd(rnd(4) ? 10 : 200));
		r->b[1] = (uint8_t)(14 + rnd(90));
		r->b[2] = 0;
		r->b[3] = (uint8_t)(rnd(2) ? 1 : rnd(256));
		r->n = 4;
		break;
	default:
		r->op = OP_SOCKET;
		r->b[0] = (uint8_t)rnd(SOCK_OPS);
		r->n = 3;
	}
}

/* One byte, mostly one of a header, and mostly one that means something. */
static void
poke(struct record *r)
{
	static const uint8_t nasty[] = { 0, 1, 2, 4, 5, 6, 7, 8, 0x0f, 0x11,
		0x20, 0x2b, 0x2c, 0x33, 0x3a, 0x3b, 0x3c, 0x40, 0x45, 0x46,
		0x4f, 0x50, 0x60, 0x7f, 0x80, 0x81, 0xe0, 0xf0, 0xfe, 0xff };
	unsigned head = r->n > 110 ? 110 : r->n, at;

	if (r->n == 0)
		return;
	at = rnd(16) == 0 ? rnd(r->n) :
	    head > 14	  ? 12 + rnd(head - 12) :
			    rnd(head);
	switch (rnd(4)) {
	case 0:
		r->b[at] = (uint8_t)rnd(256);
		break;
	case 1:
		r->b[at] ^= (uint8_t)(1u << rnd(8));
		break;
	case 2:
		r->b[at] = (uint8_t)(r->b[at] + rnd(9) - 4);
		break;
	default:
		r->b[at] = nasty[rnd(sizeof(nasty))];
	}
}

/* Shorter or longer. */
static void
stretch(struct record *r)
{
	unsigned n = rnd(4) ? rnd(40) : rnd(1500), i;

	if (rnd(2)) {
		r->n -= n < r->n ? n : r->n;
		return;
	}
	for (i = 0; i < n && r->n < FRAME_SIZE; i++)
		r->b[r->n++] = (uint8_t)rnd(256);
}

static void
change(struct record *r)
{
	unsigned k;

	switch (rnd(12)) {
	case 0:
		stretch(r);
		break;
	case 1:
		r->n = (unsigned)LLVMFuzzerMutate(r->b, r->n, FRAME_SIZE);
		break;
	case 2:
		if (r->op < FRAME_OPS)
			r->op = fixes();
		break;
	default:
		for (k = 1 + rnd(4); k > 0; k--)
			poke(r);
	}
}

static void
mutate(void)
{
	struct record *r, copy;
	unsigned i = count == 0 ? 0 : rnd(count);

	switch (count == 0 ? 0 : rnd(16)) {
	case 0:
	case 1:
	case 2:
		r = insert(rnd(count + 1));
		add_template(r);
		if (rnd(2))
			change(r);
		break;
	case 3:
		add_other(insert(rnd(count + 1)));
		break;
	case 4: /* twice */
		copy = list[i];
		*insert(rnd(count + 1)) = copy;
		break;
	case 5: /* out */
		memmove(&list[i], &list[i + 1],
		    (--count - i) * sizeof(list[0]));
		break;
	case 6: /* elsewhere */
		copy = list[i];
		list[i] = list[count - 1];
		list[count - 1] = copy;
		break;
	case 7:
		if (rnd(8) == 0)
			which ^= (uint8_t)(1 + rnd(3));
		break;
	default:
		change(&list[i]);
	}
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	unsigned k;

	state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	rnd(2);
	if (rnd(40) == 0)
		return LLVMFuzzerMutate(data, size, max);
	parse(data, size);
	for (k = 1 + rnd(6); k > 0; k--)
		mutate();
	return write_out(data, max);
}

/* The beginning of one conversation, the end of another one. */
size_t
LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t an, const uint8_t *b,
    size_t bn, uint8_t *out, size_t max, unsigned seed)
{
	static struct record tail[RECORDS];
	unsigned n, i;

	state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	rnd(2);
	parse(b, bn);
	i = rnd(count + 1);
	n = count - i;
	memcpy(tail, &list[i], n * sizeof(tail[0]));
	parse(a, an);
	count = rnd(count + 1);
	for (i = 0; i < n && count < RECORDS; i++)
		list[count++] = tail[i];
	return write_out(out, max);
}
