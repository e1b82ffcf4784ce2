/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * switch.c - replacements can be switched off, for comparison
 *
 * DOC: The exported name of a replaced function is a stub of one instruction,
 * which jumps to where its slot points: to our version, OURS(name), or to the
 * library's own, the next one in the search order.  Everybody calls the stub,
 * the library and we ourselves.
 *
 * Which it is the environment says, once, when the first of them is called
 * (the library makes its first calls while it is being loaded): SHMIF_LWIPV6
 * is "plain", for all, or a list of groups, separated by commas; a group is
 * off, or with a "+" before its name on, where "plain" came before:
 *
 *	SHMIF_LWIPV6=close		all but close
 *	SHMIF_LWIPV6=plain,+close	close alone
 *
 * A set-user-ID program does not look there: whoever starts it could choose the
 * library's faults.
 *
 * A group's functions hang together: they share a structure, or one relies on
 * what another has done.  A slot goes from resolve() to its final value and
 * never changes again, so threads need no order among them.
 *
 * What is not a function of the library cannot be switched: the wall, the
 * tables of neighbours, and reassembly are the interface's own; mailboxes are
 * where the stack's thread waits for a bus.
 *
 * On machines other than amd64, for which nobody has written the stub, the
 * names are those of our versions, and there is no switch.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "stack/lwipv6/replace/replace.h"

enum group {
#define GROUP(g, n) GROUP_##g##_##n,
	LWIPV6_NAMES(GROUP, GROUP)
#undef GROUP
	    NAMES
};

static const struct {
	const char *group, *name;
} names[] = {
#define ENTRY(g, n) { #g, #n },
	LWIPV6_NAMES(ENTRY, ENTRY)
#undef ENTRY
};

const char *
switch_name(unsigned i)
{
	return i < NAMES ? names[i].name : NULL;
}

#ifdef __x86_64__

/* What the stubs jump through, in the order of names[]. */
extern void *slots[NAMES] __asm__("shmif_slots")
    __attribute__((visibility("hidden")));

/*
 * Our versions, in the same order.  The table is in driver/cures.c: this file
 * is below all the others and names none of them.  Where the table was not
 * linked in, the library's own versions are used.
 */
extern const void *const lwipv6_cures[]
    __attribute__((weak, visibility("hidden")));

/* Whether the list TEXT leaves our version of group G in use. */
static bool
is_on(const char *text, const char *g)
{
	bool on = true;

	while (*text != '\0') {
		size_t n = strcspn(text, ",");
		bool plus = *text == '+';
		const char *word = text + plus;
		size_t len = n - plus;

		if ((len == 5 && memcmp(word, "plain", 5) == 0) ||
		    (len == strlen(g) && memcmp(word, g, len) == 0))
			on = plus;
		text += n + (text[n] == ',');
	}
	return on;
}

bool
switch_group_on(const char *g)
{
	const char *text = secure_getenv("SHMIF_LWIPV6");

	return text == NULL || is_on(text, g);
}

/* Says so when a word of the list TEXT names no group. */
static void
complain(const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, ",");
		const char *word = text + (*text == '+');
		size_t len = n - (size_t)(word - text);
		bool known = len == 5 && memcmp(word, "plain", 5) == 0;
		unsigned i;

		for (i = 0; i < NAMES && !known; i++)
			known = len == strlen(names[i].group) &&
			    memcmp(word, names[i].group, len) == 0;
		if (!known)
			diag(DIAG_SETUP, "SHMIF_LWIPV6: %.*s: no such group",
			    (int)len, word);
		text += n + (text[n] == ',');
	}
}

/* Fills the slots.  Called by the first stub that is called. */
__attribute__((used)) static void choose(void) __asm__("shmif_choose");
static void
choose(void)
{
	const char *text = secure_getenv("SHMIF_LWIPV6");
	unsigned i;

	if (text == NULL)
		text = "";
	complain(text);
	for (i = 0; i < NAMES; i++) {
		const void *fn = lwipv6_cures != NULL ? lwipv6_cures[i] : NULL;
		void *theirs;

		if ((fn == NULL || !is_on(text, names[i].group)) &&
		    (theirs = dlsym(RTLD_NEXT, names[i].name)) != NULL)
			fn = theirs;
		__atomic_store_n(&slots[i], (void *)(uintptr_t)fn,
		    __ATOMIC_RELEASE);
	}
}

/*
 * resolve: keeps the arguments (none is floating point; rax has the number of
 * vector registers, rbx the stack's alignment), has the slots filled, and
 * calls the stub once more, which r11 points to.
 */
__asm__(".text\n"
	".type shmif_resolve, @function\n"
	"shmif_resolve:\n"
	"	push %rdi\n	push %rsi\n	push %rdx\n"
	"	push %rcx\n	push %r8\n	push %r9\n"
	"	push %rax\n	push %r11\n	push %rbx\n"
	"	mov %rsp, %rbx\n"
	"	and $-16, %rsp\n"
	"	call shmif_choose\n"
	"	mov %rbx, %rsp\n"
	"	pop %rbx\n	pop %r11\n	pop %rax\n"
	"	pop %r9\n	pop %r8\n	pop %rcx\n"
	"	pop %rdx\n	pop %rsi\n	pop %rdi\n"
	"	jmp *%r11\n"
	".size shmif_resolve, . - shmif_resolve\n"
	".section .data.rel.local,\"aw\"\n"
	".balign 8\n"
	".globl shmif_slots\n"
	".hidden shmif_slots\n"
	"shmif_slots:\n");

#define STUB(g, n) \
	__asm__(".text\n" \
		".globl " #n "\n" \
		".type " #n ", @function\n" #n ":\n" \
		"	lea " #n "_here(%rip), %r11\n" #n "_here:\n" \
		"	jmp *" #n "_slot(%rip)\n" \
		".size " #n ", . - " #n "\n" \
		".section .data.rel.local,\"aw\"\n" #n "_slot:\n" \
		"	.quad shmif_resolve\n");
LWIPV6_NAMES(STUB, STUB)
#undef STUB

__asm__(".section .data.rel.local,\"aw\"\n"
	".size shmif_slots, . - shmif_slots\n"
	".text\n");

#else

bool
switch_group_on(const char *g)
{
	(void)g;
	return true;
}

#endif
