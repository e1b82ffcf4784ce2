/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * warp.c - a clock that can be put forward
 *
 * The program's clock_gettime() comes before libc's, for liblwipv6 and our own
 * libraries too.  Only the clocks that time is measured by are put forward, and
 * not for libFuzzer, which asks by way of libstdc++ how long it has been
 * running.
 */
#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <time.h>

#include "fuzz/stack/host.h"

static int64_t ahead_ns;
static int (*libc)(clockid_t, struct timespec *);
static uintptr_t cxx, cxx_end; /* where libstdc++ is */

void
warp_add(int64_t ns)
{
	__atomic_add_fetch(&ahead_ns, ns, __ATOMIC_SEQ_CST);
}

static int
find_cxx(struct dl_phdr_info *info, size_t size, void *arg)
{
	const ElfW(Phdr) * p;
	unsigned i;

	(void)size;
	(void)arg;
	if (strstr(info->dlpi_name, "libstdc++") == NULL)
		return 0;
	for (i = 0; i < info->dlpi_phnum; i++) {
		p = &info->dlpi_phdr[i];
		if (p->p_type == PT_LOAD && (p->p_flags & PF_X)) {
			cxx = info->dlpi_addr + p->p_vaddr;
			cxx_end = cxx + p->p_memsz;
		}
	}
	return 1;
}

__attribute__((constructor)) static void
find(void)
{
	dl_iterate_phdr(find_cxx, NULL);
	*(void **)&libc = dlsym(RTLD_NEXT, "clock_gettime");
}

int
clock_gettime(clockid_t id, struct timespec *t)
{
	uintptr_t from = (uintptr_t)__builtin_return_address(0);
	int64_t ns;
	int r;

	if (libc == NULL)
		find();
	r = libc(id, t);
	if (r == 0 && (id == CLOCK_MONOTONIC || id == CLOCK_REALTIME) &&
	    !(from >= cxx && from < cxx_end)) {
		ns = t->tv_nsec + __atomic_load_n(&ahead_ns, __ATOMIC_RELAXED);
		t->tv_sec += ns / 1000000000;
		t->tv_nsec = ns % 1000000000;
	}
	return r;
}
