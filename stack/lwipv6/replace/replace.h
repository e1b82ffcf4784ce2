/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replace.h - functions of the library that are replaced (not installed)
 *
 * replace/replace.c tells how it is done, and how to add one.
 */
#ifndef SHMIF_LWIPV6_REPLACE_H
#define SHMIF_LWIPV6_REPLACE_H

#include <stdio.h>

#include "stack/lwipv6/abi_pcb.h"
#include "stack/lwipv6/replace/names.h"

/* A function that replaces one of the library's, or that a program calls. */
#define EXPORT __attribute__((visibility("default")))
/*
 * Our version of the library's function NAME, which is in replace/names.h.
 * Who calls NAME reaches the version that is switched on.
 */
#ifdef __x86_64__
#define OURS(name) shmif_our_##name
#else
#define OURS(name) name
#endif

/* The library's own versions of those names that names.h marks with WITH. */
struct real {
#define NONE(group, name)
#define FIELD(group, name) __typeof__(name) *name;
	LWIPV6_NAMES(NONE, FIELD)
	LWIPV6_FIXED(NONE, FIELD)
#undef FIELD
#undef NONE
};
const struct real *real(void);
/*
 * Whether the library calls our replacements.  0 or ENOTSUP, with a message
 * on stderr.
 */
int real_check(void);

/* Whether our versions of the functions of group G are in use. */
bool switch_group_on(const char *g);
/* The Ith function of LWIPV6_NAMES; NULL behind the last. */
const char *switch_name(unsigned i);

#endif /* SHMIF_LWIPV6_REPLACE_H */
