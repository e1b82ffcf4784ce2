/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * senders.c - which attachment sent a frame
 *
 * DOC: Numbers are used again
 *
 * A frame carries the number of the attachment that sent it.  When an attachment
 * ends, its number is given to another one.  The bus tells who owns a number now
 * and since when.  Therefore the last OWNERS owners of each number are
 * remembered, each with the time since which it had the number, and a frame is
 * attributed to the owner at the time when it was sent.  If a frame is older
 * than all owners that were seen, nothing is known of its sender but the number.
 *
 * Looking at the table costs a system call for each attachment.  It is done
 * whenever the reader has read all frames, and every LOOK_NS while it has not.
 * An attachment that began and ended between two looks is not known by name.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dumpbus/dump.h"

#define NUMBERS (SHMBUS_ATTACH_MAX + 1u) /* the last is for all larger ones */
#define OWNERS 4u
#define LOOK_NS 10000000u

struct number {
	struct sender owners[OWNERS]; /* the latest first */
	unsigned n;
	struct sender nobody;
};

struct senders {
	struct number numbers[NUMBERS];
	struct shmbus_peer peers[SHMBUS_ATTACH_MAX];
	uint64_t next_look; /* CLOCK_MONOTONIC */
};

struct senders *
senders_new(void)
{
	struct senders *s = calloc(1, sizeof(*s));

	for (uint32_t i = 0; s != NULL && i < NUMBERS; i++)
		s->numbers[i].nobody.number = i;
	return s;
}

void
senders_free(struct senders *s)
{
	free(s);
}

/*
 * Records that WHO has owned its number since WHO->since_ns.  Nothing changes if
 * that is known already.
 */
void
senders_put(struct senders *s, const struct sender *who)
{
	struct number *n =
	    &s->numbers[who->number < NUMBERS ? who->number : NUMBERS - 1];
	struct sender *o = n->owners;

	if (n->n > 0 && o->attached_ns == who->attached_ns &&
	    memcmp(o->mac, who->mac, sizeof(o->mac)) == 0 &&
	    strcmp(o->name, who->name) == 0)
		return;
	if (n->n < OWNERS)
		n->n++;
	memmove(&o[1], &o[0], (n->n - 1) * sizeof(*o));
	*o = *who;
	o->known = true;
	o->file = 0;
}

/*
 * Looks who is attached to B, if the last look was LOOK_NS ago, or if the reader
 * has nothing else to do (IDLE).
 */
void
senders_look(struct senders *s, struct shmbus *b, bool idle)
{
	struct sender who;
	struct timespec wall;
	unsigned count = 0;
	uint64_t begin = now_ns();

	if (begin < s->next_look && !idle)
		return;
	if (shmbus_list(b, s->peers, SHMBUS_ATTACH_MAX, &count) != 0)
		count = 0;
	clock_gettime(CLOCK_REALTIME, &wall);
	for (unsigned i = 0; i < count && i < SHMBUS_ATTACH_MAX; i++) {
		const struct shmbus_peer *p = &s->peers[i];
		struct number *n = &s->numbers[p->index % SHMBUS_ATTACH_MAX];

		who = (struct sender){ .number = p->index,
			.has_mac = true,
			.attached_ns = p->since_ns,
			.since_ns = p->since_ns };
		/* The attachment has a new address: it has it from now on. */
		if (n->n > 0 && n->owners[0].attached_ns == p->since_ns)
			who.since_ns = (uint64_t)wall.tv_sec * 1000000000u +
			    (uint64_t)wall.tv_nsec;
		memcpy(who.mac, p->mac, sizeof(who.mac));
		safe_name(who.name, p->name);
		senders_put(s, &who);
	}
	s->next_look = now_ns() + LOOK_NS;
}

/* Who owned NUMBER at the time NS.  Never NULL; S owns the result. */
struct sender *
senders_find(struct senders *s, uint32_t number, uint64_t ns)
{
	struct number *n = &s->numbers[number < NUMBERS ? number : NUMBERS - 1];

	for (unsigned i = 0; i < n->n; i++)
		if (n->owners[i].since_ns <= ns)
			return &n->owners[i];
	return &n->nobody;
}
