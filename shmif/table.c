/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.c - the table of units
 *
 * DOC: Theory of Operation
 *
 * The table is an array of pointers under RCU (the bp flavour: a stack's
 * threads are not ours to register).  Who only looks reads a pointer and what
 * it points to inside one read-side section and never waits.  Who changes a
 * unit takes a reference inside such a section, then the unit's lock ctl, and
 * then finds out whether the unit is dead by now.
 *
 * A number is reserved (under table_lock) before its unit exists, and freed
 * after the unit is off its stack, so that a stack never has two interfaces of
 * one name.  Whoever drops the last reference frees the unit after a grace
 * period.
 *
 * Order of locks: ctl, then table_lock.  Nothing here is called with a lock of
 * the stack's, and nothing here waits for the stack's thread while it holds
 * table_lock.
 */
#include <errno.h>

#include "shmif/rcu.h"
#include "shmif/unit.h"

static struct unit *table[SHMIF_UNITS_MAX]; /* RCU */
static bool taken[SHMIF_UNITS_MAX];	    /* under table_lock */
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- numbers ------------------------------------------------------------ */

int
table_reserve(int want)
{
	int n = want;

	pthread_mutex_lock(&table_lock);
	if (want == -1)
		for (n = 0; n < SHMIF_UNITS_MAX && taken[n]; n++)
			continue;
	if (n >= 0 && n < SHMIF_UNITS_MAX && !taken[n])
		taken[n] = true;
	else
		n = -1;
	pthread_mutex_unlock(&table_lock);
	return n;
}

void
table_release(int n)
{
	pthread_mutex_lock(&table_lock);
	taken[n] = false;
	pthread_mutex_unlock(&table_lock);
}

/* ---- units -------------------------------------------------------------- */

void
table_publish(int n, struct unit *u)
{
	read_publish(table[n], u);
}

void
table_unpublish(int n)
{
	read_publish(table[n], NULL);
	read_wait();
}

struct unit *
unit_look(int n)
{
	if (n < 0 || n >= SHMIF_UNITS_MAX)
		return NULL;
	return read_pointer(table[n]);
}

static void
release(struct urcu_ref *ref)
{
	struct unit *u = caa_container_of(ref, struct unit, ref);

	unit_free(u);
}

void
unit_put(struct unit *u)
{
	urcu_ref_put(&u->ref, release);
}

int
unit_hold(int n, struct unit **up)
{
	struct unit *u;
	bool got = false;

	read_begin();
	u = unit_look(n);
	if (u != NULL)
		got = urcu_ref_get_unless_zero(&u->ref);
	read_end();
	*up = NULL;
	if (!got)
		return ENXIO;
	if (u->ops->inside(u)) {
		unit_put(u);
		return EDEADLK;
	}
	pthread_mutex_lock(&u->ctl);
	if (u->dead) {
		pthread_mutex_unlock(&u->ctl);
		unit_put(u);
		return ENXIO;
	}
	*up = u;
	return 0;
}

void
unit_drop(struct unit *u)
{
	pthread_mutex_unlock(&u->ctl);
	unit_put(u);
}
