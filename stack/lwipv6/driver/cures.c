/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cures.c - the table of our versions of the library's functions
 *
 * The switch (replace/switch.c) fills the stubs from this table, which is in
 * the order of replace/names.h.  It is here because it names files of every
 * layer, and only the highest may do that.  On processors that have no stubs
 * nobody reads it, but it brings all cures along out of an archive.
 */
#include "stack/lwipv6/replace/replace.h"

#define TEXT(x) TEXT_OF(x)
#define TEXT_OF(x) #x
#define DECLARE(group, name) \
	extern const char ours_##name[] __asm__(TEXT(OURS(name)));
LWIPV6_NAMES(DECLARE, DECLARE)
#undef DECLARE

extern const void *const lwipv6_cures[];
const void *const lwipv6_cures[] = {
#define ADDRESS(group, name) ours_##name,
	LWIPV6_NAMES(ADDRESS, ADDRESS)
#undef ADDRESS
};
