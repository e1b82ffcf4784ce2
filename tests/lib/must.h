/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * must.h - a check in a child, where cmocka's would not be heard
 */
#ifndef TESTS_MUST_H
#define TESTS_MUST_H

#include <stdio.h>
#include <stdlib.h>

/* Ends the child with a message unless COND holds. */
#define MUST(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "# %s:%d: %s\n", __FILE__, __LINE__, \
			    #cond); \
			exit(1); \
		} \
	} while (0)

#endif /* TESTS_MUST_H */
