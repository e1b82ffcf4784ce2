/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * points.h - makes points of all accesses to the bus in the source that is
 * included after this
 */
#ifndef TESTS_POINTS_H
#define TESTS_POINTS_H

#include <string.h>

#include "tests/lib/actors.h"
#include "shmbus/format.h"

static inline AO_t
point_load(const volatile AO_t *p)
{
	actor_point();
	return AO_load(p);
}

static inline AO_t
point_load_acquire(const volatile AO_t *p)
{
	actor_point();
	return AO_load_acquire(p);
}

static inline void
point_store(volatile AO_t *p, AO_t v)
{
	actor_point();
	AO_store(p, v);
}

static inline void
point_store_release(volatile AO_t *p, AO_t v)
{
	actor_point();
	AO_store_release(p, v);
}

static inline int
point_cas(volatile AO_t *p, AO_t from, AO_t to)
{
	actor_point();
	return AO_compare_and_swap_full(p, from, to);
}

static inline AO_t
point_fetch_cas(volatile AO_t *p, AO_t from, AO_t to)
{
	actor_point();
	return AO_fetch_compare_and_swap_full(p, from, to);
}

static inline AO_t
point_add(volatile AO_t *p, AO_t n)
{
	actor_point();
	return AO_fetch_and_add_full(p, n);
}

static inline AO_t
point_add1(volatile AO_t *p)
{
	return point_add(p, 1);
}

static inline void
point_or(volatile AO_t *p, AO_t bits)
{
	actor_point();
	AO_or_full(p, bits);
}

static inline void
point_and(volatile AO_t *p, AO_t bits)
{
	actor_point();
	AO_and_full(p, bits);
}

static inline void
point_store_full(volatile AO_t *p, AO_t v)
{
	actor_point();
	AO_store_full(p, v);
}

static inline void
point_memcpy(void *to, const void *from, size_t n)
{
	actor_point();
	memcpy(to, from, n / 2);
	actor_point();
	memcpy((char *)to + n / 2, (const char *)from + n / 2, n - n / 2);
}

#undef AO_load
#undef AO_load_acquire
#undef AO_store
#undef AO_store_release
#undef AO_compare_and_swap_full
#undef AO_fetch_compare_and_swap_full
#undef AO_fetch_and_add_full
#undef AO_fetch_and_add1_full
#undef AO_or_full
#undef AO_and_full
#undef AO_store_full
#undef memcpy
#define AO_load point_load
#define AO_load_acquire point_load_acquire
#define AO_store point_store
#define AO_store_release point_store_release
#define AO_compare_and_swap_full point_cas
#define AO_fetch_compare_and_swap_full point_fetch_cas
#define AO_fetch_and_add_full point_add
#define AO_fetch_and_add1_full point_add1
#define AO_or_full point_or
#define AO_and_full point_and
#define AO_store_full point_store_full
#define memcpy point_memcpy

#endif /* TESTS_POINTS_H */
