/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * busfile.c - where this program has its bus
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/lib/busfile.h"

static char path[4096];

static void
leave(int sig)
{
	unlink(path);
	signal(sig, SIG_DFL);
	raise(sig);
}

const char *
busfile(void)
{
	const char *dir = getenv("BENCH_DIR");

	if (path[0] == '\0') {
		snprintf(path, sizeof(path), "%s/shmbus-bench.%d",
		    dir != NULL && *dir != '\0' ? dir : "/dev/shm",
		    (int)getpid());
		signal(SIGINT, leave);
		signal(SIGTERM, leave);
		signal(SIGHUP, leave);
	}
	return path;
}
