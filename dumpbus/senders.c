/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * senders.c - who sent a frame: whose an attachment's number was, and when
 *
 * DOC: Numbers come back
 *
 * A frame has the number of the attachment that sent it, and a number is given
 * to somebody else when its owner has gone.  The bus tells who owns a number
 * now, and since when.  So each owner that was seen is remembered with the time
 * from which on the number was his, the last few of each number, and a frame is
 * his who owned the number when it was sent.  One that is older than all of
 * them comes from somebody of whom nothing is left but the number.
 *
 * Looking costs a system call an attachment.  It is done whenever the reader has
 * time, which is when it has come to the newest frame, and every LOOK_NS when it
 * has none: whoever attached meanwhile and was gone again has no name.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dumpbus/dump.h"

#define NUMBERS (SHMBUS_ATTACH_MAX + 1u) /* the last: all that are larger */
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
 * From WHO->since_ns on its number is that of WHO.  What is known already
 * changes nothing.
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

/* Looks who is attached to B, if it is time to, or if there is time: IDLE. */
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
		/* The same one with another address: from now on. */
		if (n->n > 0 && n->owners[0].attached_ns == p->since_ns)
			who.since_ns = (uint64_t)wall.tv_sec * 1000000000u +
			    (uint64_t)wall.tv_nsec;
		memcpy(who.mac, p->mac, sizeof(who.mac));
		safe_name(who.name, p->name);
		senders_put(s, &who);
	}
	s->next_look = now_ns() + LOOK_NS;
}

/* Who had NUMBER at the time NS.  Never NULL; S owns it. */
struct sender *
senders_find(struct senders *s, uint32_t number, uint64_t ns)
{
	struct number *n = &s->numbers[number < NUMBERS ? number : NUMBERS - 1];

	for (unsigned i = 0; i < n->n; i++)
		if (n->owners[i].since_ns <= ns)
			return &n->owners[i];
	return &n->nobody;
}
