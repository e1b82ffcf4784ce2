/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c - a fuzz target as an ordinary test
 *
 * NAME_test	       every seed, and every file of fuzz/found/NAME, in TAP
 * NAME_test FILE...   these files
 * NAME_test -s DIR    writes the seeds into DIR
 *
 * A target that does not come back, or dies, fails the test: prove says so,
 * and the last line that it got to see is the one before.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

static FILE *tap; /* standard output, before a target takes it away */
static const char *seeds_to;
static unsigned tests;

static void
run(const char *what, const char *name, const void *data, size_t n)
{
	/* A block of exactly its size, for AddressSanitizer. */
	uint8_t *copy = malloc(n != 0 ? n : 1);

	if (copy == NULL)
		fuzz_fail("no memory");
	if (n != 0)
		memcpy(copy, data, n);
	if (getenv("FUZZ_TRACE") != NULL)
		fprintf(tap, "# %s %s\n", what, name);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	fprintf(tap, "ok %u - %s %s\n", ++tests, what, name);
	fflush(tap);
}

static void
run_seed(const char *name, const void *data, size_t n)
{
	run("seed", name, data, n);
}

static void
write_seed(const char *name, const void *data, size_t n)
{
	char path[500];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", seeds_to, name);
	f = fopen(path, "wb");
	if (f == NULL || fwrite(data, 1, n, f) != n || fclose(f) != 0) {
		perror(path);
		exit(1);
	}
}

static void
run_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat st;
	uint8_t *data;
	FILE *f = fopen(path, "rb");

	if (f == NULL || fstat(fileno(f), &st) != 0 ||
	    (data = malloc((size_t)st.st_size + 1)) == NULL ||
	    fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
		perror(path);
		exit(1);
	}
	fclose(f);
	run("found", slash != NULL ? slash + 1 : path, data,
	    (size_t)st.st_size);
	free(data);
}

/* The files of DIR, in their names' order.  None, and none such, is fine. */
static void
run_folder(const char *dir)
{
	struct dirent **names;
	char path[1000];
	int i, n = scandir(dir, &names, NULL, alphasort);

	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", dir,
			    names[i]->d_name);
			run_file(path);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

int
main(int argc, char **argv)
{
	const char *top = getenv("TOP");
	char dir[500];
	int i;

	tap = fdopen(dup(STDOUT_FILENO), "w");
	if (tap == NULL)
		return 1;
	if (argc == 3 && strcmp(argv[1], "-s") == 0) {
		seeds_to = argv[2];
		fuzz_seeds(write_seed);
		return 0;
	}
	if (argc > 1) {
		for (i = 1; i < argc; i++)
			run_file(argv[i]);
	} else {
		/* FUZZ_TARGET: the compiler was told */
		snprintf(dir, sizeof(dir), "%s/fuzz/found/%s",
		    top != NULL ? top : ".", FUZZ_TARGET);
		fuzz_seeds(run_seed);
		run_folder(dir);
	}
	if (fuzz_end != NULL) {
		fuzz_end();
		fprintf(tap, "ok %u - the end\n", ++tests);
	}
	fprintf(tap, "1..%u\n", tests);
	fclose(tap);
	return 0;
}
