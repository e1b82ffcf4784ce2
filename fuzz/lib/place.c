/* SPDX-License-Identifier: BSD-2-Clause */
/* place.c - where a target puts its files, and how it fails */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

static char folder[200];
static pid_t owner;

static void
remove_folder(void)
{
	char path[500];
	struct dirent *e;
	DIR *d;

	if (getpid() != owner || (d = opendir(folder)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		unlink(path);
	}
	closedir(d);
	rmdir(folder);
}

const char *
fuzz_folder(void)
{
	const char *tmp = getenv("TMPDIR");

	if (folder[0] != '\0')
		return folder;
	if (tmp == NULL || *tmp == '\0')
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(folder, sizeof(folder), "%.150s/shmif-fuzz-XXXXXX", tmp);
	if (mkdtemp(folder) == NULL) {
		perror(folder);
		exit(1);
	}
	owner = getpid();
	atexit(remove_folder);
	return folder;
}

void
fuzz_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("fuzz: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	if (folder[0] != '\0')
		remove_folder();
	abort();
}

uint64_t
fuzz_thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
