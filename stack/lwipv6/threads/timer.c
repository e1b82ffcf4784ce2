/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer.c - a timer that has fired is not looked at again
 *
 * DOC: The fault: sys_mbox_fetch(), in which the stack's thread spends its
 * life, frees a timer that is due, calls its function, and then reads the
 * timer's last byte once more to learn whether it was to be freed; where the
 * memory belongs to somebody else by then and that byte is 1, it sets the first
 * eight bytes there to 0.
 *
 * How it is seen: with pages around all memory (make fuzz GUARD=1), at the
 * first timer; otherwise as a pointer in some buffer that becomes NULL once in
 * a while.
 *
 * The cure: what is needed of the timer is taken before.  One that is not to be
 * freed is off the list before its function runs, so that this may set it
 * anew.
 */
#include "stack/lwipv6/threads/threads.h"

EXPORT void
OURS(sys_mbox_fetch)(struct sys_mbox *m, void **msg)
{
	struct sys_timeouts *list = sys_arch_timeouts();
	struct sys_timeout *t;
	uint32_t waited;

	while (list != NULL && (t = list->next) != NULL) {
		void (*fn)(void *) = t->h;
		void *arg = t->arg;

		waited = SYS_ARCH_TIMEOUT;
		if (t->time > 0)
			waited = sys_arch_mbox_fetch(m, msg, t->time);
		if (waited != SYS_ARCH_TIMEOUT) {
			t->time -= waited < t->time ? waited : t->time;
			return;
		}
		list->next = t->next;
		t->next = NULL;
		if (!t->raw)
			memp_free(MEMP_SYS_TIMEOUT, t);
		if (fn != NULL)
			fn(arg);
	}
	sys_arch_mbox_fetch(m, msg, 0);
}

void
timers_end(void)
{
	struct sys_timeouts *list = sys_arch_timeouts();
	struct sys_timeout *t;

	while (list != NULL && (t = list->next) != NULL) {
		list->next = t->next;
		t->next = NULL;
		if (!t->raw)
			memp_free(MEMP_SYS_TIMEOUT, t);
	}
}
