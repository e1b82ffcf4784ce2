/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guard.c - memory of the library between pages that may not be touched
 *
 * DOC: AddressSanitizer sees what code does that was compiled with it, and
 * liblwipv6 was not.  Here what the library (and our code, which gives it
 * buffers) allocates is put into an arena of its own, each block at the end of
 * its pages and with a page behind it that cannot be read or written: a step
 * beyond the end is a SIGSEGV, which libFuzzer reports with the stack.  So is
 * the use of a block after it was freed, until its pages come round again,
 * which takes as many allocations as the arena has places.
 *
 * Blocks are aligned to 16 bytes as malloc's must be; the up to 15 bytes that
 * leaves behind a block hold a pattern, and free() looks at it.  A step before
 * the beginning is not seen.
 *
 * Everybody else (libFuzzer, libc) gets memory as ever: who it is for, the
 * return address tells.
 */
#include <sys/mman.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

#define PAGE 4096u
#define PLACE (32u * PAGE) /* a place: the largest block and its guard */
#define PLACES 16384u
#define LARGEST (PLACE - PAGE)
#define PATTERN 0xa5

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t m);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);
size_t guard_used(void);

static uint8_t *arena;
static uint32_t sizes[PLACES]; /* 0: free */
static uint32_t next_place;
static size_t used;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* The text of the library. */
static uintptr_t from, to;

/* Where the object that ADDR is of has its text, from /proc/self/maps. */
static void
find_text(const void *addr, uintptr_t *begin, uintptr_t *end)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[600];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		unsigned long a, b;
		char x;

		if (sscanf(line, "%lx-%lx %*c%*c%c", &a, &b, &x) == 3 &&
		    x == 'x' && (uintptr_t)addr >= a && (uintptr_t)addr < b) {
			*begin = a;
			*end = b;
		}
	}
	if (f != NULL)
		fclose(f);
}

__attribute__((constructor)) static void
begin(void)
{
	void *fn = dlsym(RTLD_DEFAULT, "lwip_add_addr");
	void *p = mmap(NULL, (size_t)PLACES * PLACE, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED || fn == NULL)
		return;
	find_text(fn, &from, &to);
	arena = p;
}

static bool
is_for(const void *caller)
{
	uintptr_t a = (uintptr_t)caller;

	return arena != NULL && a >= from && a < to;
}

static bool
is_ours(const void *p)
{
	return arena != NULL && (const uint8_t *)p >= arena &&
	    (const uint8_t *)p < arena + (size_t)PLACES * PLACE;
}

static uint32_t
rounded(uint32_t n, uint32_t to_multiple)
{
	return (n + to_multiple - 1) / to_multiple * to_multiple;
}

/* The place of block P. */
static uint32_t
place_of(const void *p)
{
	return (uint32_t)((size_t)((const uint8_t *)p - arena) / PLACE);
}

static void *
get(size_t n)
{
	uint32_t i, tries, size = n != 0 ? (uint32_t)n : 1, pages;
	uint8_t *end, *p;

	if (n > LARGEST)
		return __libc_malloc(n);
	pthread_mutex_lock(&lock);
	for (tries = 0; tries < PLACES; tries++) {
		i = next_place;
		next_place = (next_place + 1) % PLACES;
		if (sizes[i] == 0)
			break;
	}
	if (tries < PLACES) {
		sizes[i] = size;
		used += size;
	}
	pthread_mutex_unlock(&lock);
	if (tries == PLACES)
		return __libc_malloc(n);
	end = arena + (size_t)(i + 1) * PLACE - PAGE;
	pages = rounded(size, PAGE);
	if (mprotect(end - pages, pages, PROT_READ | PROT_WRITE) != 0)
		return NULL;
	p = end - rounded(size, 16);
	memset(p, PATTERN, rounded(size, 16));
	return p;
}

static void
put(void *p)
{
	uint32_t i = place_of(p), size = sizes[i], pages, k;
	uint8_t *end = arena + (size_t)(i + 1) * PLACE - PAGE;

	if (size == 0 || p != end - rounded(size, 16))
		fuzz_fail("guard: a block is freed that is none");
	for (k = size; k < rounded(size, 16); k++)
		if (((uint8_t *)p)[k] != PATTERN)
			fuzz_fail("guard: written %u bytes behind a block of "
				  "%u",
			    k - size, size);
	pages = rounded(size, PAGE);
	/* The contents go, too. */
	madvise(end - pages, pages, MADV_DONTNEED);
	mprotect(end - pages, pages, PROT_NONE);
	pthread_mutex_lock(&lock);
	sizes[i] = 0;
	used -= size;
	pthread_mutex_unlock(&lock);
}

size_t
guard_used(void)
{
	return used;
}

/* ---- what malloc(3) has -------------------------------------------------- */

void *
malloc(size_t n)
{
	return is_for(__builtin_return_address(0)) ? get(n) : __libc_malloc(n);
}

void *
calloc(size_t n, size_t m)
{
	void *p;

	if (!is_for(__builtin_return_address(0)) ||
	    (m != 0 && n > SIZE_MAX / m))
		return __libc_calloc(n, m);
	if ((p = get(n * m)) != NULL)
		memset(p, 0, n * m);
	return p;
}

void
free(void *p)
{
	if (is_ours(p))
		put(p);
	else
		__libc_free(p);
}

/* It always moves: who goes on using the old block is found out. */
void *
realloc(void *old, size_t n)
{
	bool ours = is_ours(old);
	size_t had;
	void *p;

	if (!ours && (old != NULL || !is_for(__builtin_return_address(0))))
		return __libc_realloc(old, n);
	if ((p = get(n)) == NULL || old == NULL)
		return p;
	had = sizes[place_of(old)];
	memcpy(p, old, had < n ? had : n);
	put(old);
	return p;
}

size_t malloc_usable_size(void *p);
size_t
malloc_usable_size(void *p)
{
	return is_ours(p) ? sizes[place_of(p)] : 0;
}
