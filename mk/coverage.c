/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coverage.c - what a process has run is noted down though it ends by _exit()
 *
 * Most tests of stacks run in children that end by _exit(), and gcov writes at
 * exit() only.  Each program and each library has a gcov of its own.  So this
 * file is linked to each of them, where it enters that gcov's function into a
 * list; and, with PRELOAD, it is the library that is preloaded, which has the
 * list and an _exit() that goes through it.  See mk/lint.mk.
 */
#include <sys/syscall.h>
#include <dlfcn.h>
#include <unistd.h>

#ifdef PRELOAD

static void (*list[64])(void);
static unsigned n;

void coverage_add(void (*dump)(void));
void
coverage_add(void (*dump)(void))
{
	if (n < sizeof(list) / sizeof(list[0]))
		list[n++] = dump;
}

void
_exit(int status)
{
	unsigned i;

	for (i = 0; i < n; i++)
		list[i]();
	for (;;)
		syscall(SYS_exit_group, status);
}

#else

void __gcov_dump(void);

__attribute__((constructor)) static void
enter(void)
{
	void (*add)(void (*)(void));

	/* A function pointer from an object pointer, as POSIX has it. */
	*(void **)&add = dlsym(RTLD_DEFAULT, "coverage_add");
	if (add != NULL)
		add(__gcov_dump);
}

#endif
