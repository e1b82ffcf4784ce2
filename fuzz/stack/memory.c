/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.c - how much memory the stack has in use
 *
 * Under AddressSanitizer every allocation is counted, but for those that
 * libFuzzer makes on its own thread while no target runs; otherwise malloc is
 * asked, and replay.c allocates little.
 */
#include <malloc.h>
#include <stdatomic.h>

#include "fuzz/stack/host.h"

/* Of the sanitizers; absent without them. */
int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void *,
						  size_t),
    void (*)(const volatile void *)) __attribute__((weak));
size_t __sanitizer_get_allocated_size(const volatile void *)
    __attribute__((weak));
/* Of guard.c. */
size_t guard_used(void) __attribute__((weak));

static _Atomic int64_t used;
static _Thread_local bool not_mine;

static void
on_malloc(const volatile void *p, size_t n)
{
	if (p != NULL && !not_mine)
		atomic_fetch_add_explicit(&used, (int64_t)n,
		    memory_order_relaxed);
}

static void
on_free(const volatile void *p)
{
	if (p != NULL && !not_mine)
		atomic_fetch_sub_explicit(&used,
		    (int64_t)__sanitizer_get_allocated_size(p),
		    memory_order_relaxed);
}

void
memory_mine(bool on)
{
	static bool installed;

	if (!installed && __sanitizer_install_malloc_and_free_hooks != NULL) {
		installed = true;
		__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
	}
	not_mine = !on;
}

size_t
memory_used(void)
{
	int64_t n;

	if (guard_used != NULL)
		return guard_used();
	if (__sanitizer_install_malloc_and_free_hooks == NULL)
		return mallinfo2().uordblks;
	n = atomic_load(&used);
	return n < 0 ? 0 : (size_t)n;
}
