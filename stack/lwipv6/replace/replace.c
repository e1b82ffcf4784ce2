/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replace.c - replacing functions of the library
 *
 * DOC: How faults of lwipv6 are cured
 *
 * Debian's liblwipv6 calls its own exported functions through the procedure
 * linkage table, and does not bind them inside.  A function of the same name
 * in a library that comes earlier in the search order is therefore called
 * instead of the library's own, by the library itself too.  libshmif comes
 * earlier, being linked before -llwipv6.
 *
 * Each file in the folders beside this one cures one fault, except those of the
 * socket layer (sock/sock.h), which belong together.  A file begins with the
 * fault, how it is seen, and why what is here is right; it is written from what
 * the function is for (RFCs, POSIX, its callers' needs).  To add a cure, write
 * the file, define its functions as OURS(name), and enter the names in
 * replace/names.h, which is all: see there.
 *
 * None of it works when the order of the libraries is wrong.  Therefore every
 * name is checked before the first interface is made, and driver/layout.c makes
 * sure once more, for the stack at hand, that the library did call one of ours.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#include "base/diag.h"
#include "stack/lwipv6/replace/replace.h"

static const char *const fixed[] = {
#define ENTRY(group, name) #name,
	LWIPV6_FIXED(ENTRY, ENTRY)
#undef ENTRY
};
#define FIXED (sizeof(fixed) / sizeof(fixed[0]))

static struct real the_real;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
find_all(void)
{
/* A function pointer from an object pointer, as POSIX has it. */
#define FIND(group, name) (*(void **)&the_real.name = dlsym(RTLD_NEXT, #name));
#define NONE(group, name)
	LWIPV6_NAMES(NONE, FIND)
	LWIPV6_FIXED(NONE, FIND)
#undef NONE
#undef FIND
}

const struct real *
real(void)
{
	pthread_once(&once, find_all);
	return &the_real;
}

/*
 * Where the shared object begins that contains ADDR.  Whether a function is
 * ours cannot be told by comparing its address with that of its name in this
 * file: the loader binds our own use of the name to whatever comes first, as it
 * does for everybody.
 */
static const void *
object_of(const void *addr)
{
	Dl_info info;

	return dladdr(addr, &info) != 0 ? info.dli_fbase : NULL;
}

/* Whether the whole process uses our NAME; if not, says so on stderr. */
static bool
is_in_use(const char *name)
{
	const void *used = dlsym(RTLD_DEFAULT, name);

	if (used != NULL && object_of(used) == object_of(&the_real))
		return true;
	diag(DIAG_SETUP,
	    "liblwipv6: %s() is not the one of libshmif; "
	    "link with -lshmif before -llwipv6",
	    name);
	return false;
}

int
real_check(void)
{
	const char *name;
	unsigned i;

	for (i = 0; i < FIXED; i++)
		if (!is_in_use(fixed[i]))
			return ENOTSUP;
	for (i = 0; (name = switch_name(i)) != NULL; i++)
		if (!is_in_use(name))
			return ENOTSUP;
	if (real()->tcp_input == NULL || real()->netif_init == NULL) {
		diag(DIAG_SETUP, "liblwipv6: not found");
		return ENOTSUP;
	}
	return 0;
}
