/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * child.h - other programs as children: what they say, use, and how they end
 */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stdint.h>
#include <sys/types.h>

/* What a child has for its standard files; -1: /dev/null. */
struct child_files {
	int in, out, err;
};

struct child {
	pid_t pid; /* 0: not running */
	const char *name;
	/* once it has ended */
	int how;	/* as waitpid(2) gives it */
	double cpu_s;	/* user and system time */
	double rss_kib; /* the most memory that it had */
};

/*
 * Starts ARGV; it is killed when we end.  NAME is for messages.  Never fails: a
 * program that cannot be run ends with status 127.
 */
void child_start(struct child *c, const char *name, char *const *argv,
    struct child_files files);
/*
 * Waits for its end, TIMEOUT_MS at most; after that it is killed.  Returns NULL
 * if it ended with status 0, or what went wrong: static.
 */
const char *child_end(struct child *c, unsigned timeout_ms);

#endif /* BENCH_CHILD_H */
