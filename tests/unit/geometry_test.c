/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * geometry_test.c - what geometries there are, and which headers are refused
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shmbus/ring.h"
#include "shmbus/shmbus.h"

static void
test_defaults(void **state)
{
	struct ring_geometry g;

	(void)state;
	assert_int_equal(ring_geometry(&g, 0, 0), 0);
	assert_int_equal(g.mtu, 1500);
	assert_int_equal(g.frame_max, 1518);
	assert_int_equal(g.slots, 2048);
	/* "a file of about 4 MiB" (DESIGN.md) */
	assert_in_range(g.file_size, 3 << 20, 5 << 20);
	/* Long frames: not 128 MiB, but as many as one asks for. */
	assert_int_equal(ring_geometry(&g, 9000, 0), 0);
	assert_int_equal(g.slots, 2048);
	assert_int_equal(ring_geometry(&g, 65521, 0), 0);
	assert_int_equal(g.slots, 512);
	assert_int_equal(ring_geometry(&g, 65521, 2048), 0);
	assert_int_equal(g.slots, 2048);
}

/* The layout of every MTU: room for the frame, an odd number of lines. */
static void
test_strides(void **state)
{
	struct ring_geometry g;
	uint32_t mtu;

	(void)state;
	for (mtu = SHMBUS_MTU_MIN; mtu <= SHMBUS_MTU_MAX; mtu++) {
		if (ring_geometry(&g, mtu, 16) != 0)
			fail_msg("mtu %u is refused", mtu);
		if (g.frame_max != mtu + 18 || g.stride % 64 != 0 ||
		    g.stride / 64 % 2 != 1 || g.stride < 32 + g.frame_max ||
		    g.stride >= 32 + g.frame_max + 128 ||
		    g.file_size != 4096 + 65536 + 16 * (uint64_t)g.stride)
			fail_msg("mtu %u: frame_max %u, stride %u", mtu,
			    g.frame_max, g.stride);
	}
}

static void
test_range(void **state)
{
	static const struct {
		uint32_t mtu, slots;
		int error;
	} t[] = {
		{ 67, 16, ERANGE },
		{ 68, 16, 0 },
		{ 65521, 16, 0 },
		{ 65522, 16, ERANGE },
		{ UINT32_MAX, 16, ERANGE },
		{ UINT32_MAX - 17, 16, ERANGE },
		{ 1500, 1, ERANGE },
		{ 1500, 8, ERANGE },
		{ 1500, 15, ERANGE },
		{ 1500, 17, ERANGE },
		{ 1500, 48, ERANGE },
		{ 1500, 1u << 20, 0 },
		{ 65521, 1u << 20, 0 },
		{ 1500, (1u << 20) + 1, ERANGE },
		{ 1500, 1u << 21, ERANGE },
		{ 1500, 1u << 31, ERANGE },
		{ 1500, UINT32_MAX, ERANGE },
	};
	struct ring_geometry g;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (ring_geometry(&g, t[i].mtu, t[i].slots) != t[i].error)
			fail_msg("mtu %u, %u slots", t[i].mtu, t[i].slots);
	assert_int_equal(ring_geometry(&g, 65521, 1u << 20), 0);
	assert_true(g.file_size > (uint64_t)65521 << 20);
}

/* A header as a creator makes it. */
static struct ring_geometry
good(struct format_header *h, uint32_t mtu, uint32_t slots)
{
	struct ring_geometry g;

	assert_int_equal(ring_geometry(&g, mtu, slots), 0);
	memset(h, 0, sizeof(*h));
	ring_format(h, &g, 123456789, 0xabcdef);
	assert_int_equal(h->magic[0], 0); /* the caller's to write */
	memcpy(h->magic, "shmbus\r\n", 8);
	return g;
}

static void
test_roundtrip(void **state)
{
	static const uint32_t mtus[] = { 68, 576, 1500, 9000, 65521 };
	struct format_header h;
	struct ring_geometry g, back;
	char why[160];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
		g = good(&h, mtus[i], 16u << i);
		assert_int_equal(ring_check(&h, g.file_size, &back, why,
				     sizeof(why)),
		    0);
		assert_memory_equal(&g, &back, sizeof(g));
		assert_int_equal(h.created_ns, 123456789);
		assert_int_equal(h.id, 0xabcdef);
		assert_int_equal(AO_load(&h.tail), g.slots);
		/* A longer file is none of our business. */
		assert_int_equal(ring_check(&h, g.file_size + 1, &back, why,
				     sizeof(why)),
		    0);
	}
}

static void
test_short(void **state)
{
	struct format_header h;
	struct ring_geometry back;
	struct ring_geometry g = good(&h, 1500, 64);
	const uint64_t sizes[] = { 0, 640, 4096, 4096 + 65536,
		g.file_size - 1 };
	char why[160], want[40];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(ring_check(&h, sizes[i], &back, why,
				     sizeof(why)),
		    SHMBUS_ETRUNC);
		snprintf(want, sizeof(want), "%llu of %llu",
		    (unsigned long long)sizes[i],
		    (unsigned long long)g.file_size);
		assert_non_null(strstr(why, want));
	}
}

/* Changes LEN bytes at OFF of a good header to BYTES; what is said then? */
static void
one_lie(size_t off, const void *bytes, size_t len, int error, const char *text)
{
	struct format_header h;
	struct ring_geometry back;
	struct ring_geometry g = good(&h, 1500, 64);
	char why[160];
	int e;

	memcpy((char *)&h + off, bytes, len);
	e = ring_check(&h, g.file_size, &back, why, sizeof(why));
	if (e != error)
		fail_msg("offset %zu: %d instead of %d: %s", off, e, error,
		    why);
	if (strstr(why, text) == NULL)
		fail_msg("offset %zu: \"%s\" lacks \"%s\"", off, why, text);
}

static void
test_lies(void **state)
{
	static const size_t words[] = { 16, 20, 24, 28, 32, 36, 40 };
	static const size_t longs[] = { 48, 56, 64 };
	static const uint32_t order = 0x04030201, version = 77;
	struct format_header h;
	size_t i, k;

	(void)state;
	for (i = 0; i < 8; i++) {
		good(&h, 1500, 64);
		h.magic[i] = (char)(h.magic[i] ^ 0x20);
		one_lie(0, h.magic, 8, SHMBUS_ENOTBUS, "not a bus");
	}
	one_lie(0, "shmbus+\n", 8, SHMBUS_ENOTBUS, "not a bus");
	one_lie(8, &order, 4, SHMBUS_EORDER, "other byte order");
	one_lie(8, "\0\0\0\0", 4, SHMBUS_ENOTBUS, "byte-order");
	one_lie(12, &version, 4, SHMBUS_EVERSION, "version 77");
	one_lie(12, &version, 4, SHMBUS_EVERSION, "version 2");
	good(&h, 1500, 64);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		uint32_t v;
		uint32_t lies[7];

		memcpy(&v, (char *)&h + words[i], 4);
		lies[0] = 0;
		lies[1] = v + 1;
		lies[2] = v - 1;
		lies[3] = v * 2;
		lies[4] = v / 2;
		lies[5] = UINT32_MAX;
		lies[6] = 1u << 31;
		for (k = 0; k < 7; k++)
			one_lie(words[i], &lies[k], 4, SHMBUS_EDAMAGED,
			    "damaged");
	}
	for (i = 0; i < sizeof(longs) / sizeof(longs[0]); i++) {
		uint64_t v;
		uint64_t lies[6];

		memcpy(&v, (char *)&h + longs[i], 8);
		lies[0] = 0;
		lies[1] = v + 1;
		lies[2] = v - 1;
		lies[3] = v + 64;
		lies[4] = v | (uint64_t)1 << 32;
		lies[5] = UINT64_MAX;
		for (k = 0; k < 6; k++)
			one_lie(longs[i], &lies[k], 8, SHMBUS_EDAMAGED,
			    "damaged");
	}
}

/* A message never runs over, however little room there is for it. */
static void
test_why_is_bounded(void **state)
{
	struct format_header h;
	struct ring_geometry back;
	char why[24];
	size_t n;

	(void)state;
	good(&h, 1500, 64);
	h.version = UINT32_MAX;
	for (n = 1; n < 16; n++) {
		memset(why, 'x', sizeof(why));
		assert_int_equal(ring_check(&h, UINT64_MAX, &back, why, n),
		    SHMBUS_EVERSION);
		assert_int_equal(why[n - 1], '\0');
		assert_int_equal(why[n], 'x');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_strides),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_roundtrip),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_why_is_bounded),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
