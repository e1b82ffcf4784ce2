/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.c - how a program that measures a peer is asked, and answers
 */
#include <stdio.h>
#include <unistd.h>

#include "bench/lib/request.h"

static FILE *out;

void
request_begin(void)
{
	int fd = dup(STDOUT_FILENO);

	dup2(STDERR_FILENO, STDOUT_FILENO);
	out = fdopen(fd, "w");
}

bool
request_read(struct request *r)
{
	char line[128];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (sscanf(line, "%u %u %u", &r->size, &r->batch, &r->ms) ==
			3 &&
		    r->size > 0 && r->batch > 0 && r->ms > 0)
			return true;
		answer_why("not a request");
	}
	return false;
}

void
answer(double rate, uint64_t sent, uint64_t received)
{
	fprintf(out, "%.6g %llu %llu\n", rate, (unsigned long long)sent,
	    (unsigned long long)received);
	fflush(out);
}

void
answer_why(const char *why)
{
	fprintf(out, "- %s\n", why);
	fflush(out);
}
