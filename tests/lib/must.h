/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * must.h - a check in a child, where cmocka's would not be heard
 */
#ifndef TESTS_MUST_H
#define TESTS_MUST_H

#include <stdio.h>
#include <stdlib.h>

/*
 * Ends the process with a message unless COND holds; at once, for a stack has
 * threads that go on.
 */
#define MUST(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "# %s:%d: %s\n", __FILE__, __LINE__, \
			    #cond); \
			_Exit(1); \
		} \
	} while (0)

#endif /* TESTS_MUST_H */
