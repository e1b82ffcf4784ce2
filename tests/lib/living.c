/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * living.c - a sender and a reader who live on while others are done away with
 *
 * Both are in one process, so neither can be given up on but by being stopped;
 * the reader is never more than a few frames behind, so nothing may be lost to
 * it whatever becomes of others.
 */
#include <errno.h>
#include <string.h>

#include "tests/lib/living.h"

#define AT_ONCE 4u

bool
living_begin(struct living *l, const char *path)
{
	struct shmbus_info info;

	l->s = crew_attach(path, LIVING_WHO, 0);
	l->r = crew_attach(path, LIVING_WHO + 1, SHMBUS_PROMISC);
	if (l->s == NULL || l->r == NULL)
		return false;
	shmbus_info(l->s, &info);
	l->slots = info.geometry.slots;
	return true;
}

void
living_end(struct living *l)
{
	shmbus_detach(l->s);
	shmbus_detach(l->r);
	l->s = l->r = NULL;
}

void
living_push(struct living *l, unsigned n)
{
	uint8_t frame[STAMP_MAX];

	while (n-- != 0 && !complained()) {
		struct stamp s = { LIVING_WHO, 0, ++l->sent, 0 };
		size_t len = STAMP_MIN + l->sent % 200;
		int error;

		stamp_make(frame, len, mac_all, &s);
		/* A machine may be so loaded that we are given up on. */
		do
			error = shmbus_send(l->s, frame, len);
		while (error == SHMBUS_EGIVENUP);
		if (error != 0)
			complain("living sender: %s", shmbus_strerror(error));
	}
}

/* Receives one frame.  Returns false: there was none. */
static bool
receive_one(struct living *l)
{
	uint8_t buf[STAMP_MAX];
	struct shmbus_frame f;
	struct stamp s;
	int error = shmbus_recv(l->r, buf, sizeof(buf), &f);

	if (error != 0 && error != EAGAIN)
		complain("living reader: %s", shmbus_strerror(error));
	if (error != 0)
		return false;
	if (!stamp_read(buf, f.len, &s)) {
		complain("living reader: a torn frame");
	} else if (s.who != LIVING_WHO) {
		if (l->other != NULL)
			l->other(l, &s);
	} else if (s.number != ++l->seen) {
		complain("living reader: frame %llu instead of %llu",
		    (unsigned long long)s.number, (unsigned long long)l->seen);
	}
	return true;
}

void
living_drain(struct living *l)
{
	while (receive_one(l))
		;
}

void
living_receive(struct living *l)
{
	uint64_t end = crew_now() + CREW_PATIENCE * 1000000000ull;

	while (l->seen < l->sent && !complained()) {
		if (crew_now() > end)
			complain("living reader: frame %llu does not come",
			    (unsigned long long)l->seen + 1);
		if (!receive_one(l))
			shmbus_wait(l->r, 100000000);
	}
}

void
living_send(struct living *l, unsigned n)
{
	while (n != 0 && !complained()) {
		unsigned part = n < AT_ONCE ? n : AT_ONCE;

		living_push(l, part);
		living_receive(l);
		n -= part;
	}
}

unsigned
living_lap(struct living *l, unsigned n)
{
	struct shmbus_info before, after;
	struct shmbus_stats st0, st1;

	shmbus_info(l->s, &before);
	shmbus_stats(l->s, &st0);
	living_send(l, n);
	shmbus_info(l->s, &after);
	shmbus_stats(l->s, &st1);
	return (unsigned)(after.tail - before.tail) - n -
	    (unsigned)(st1.tx_failed - st0.tx_failed);
}

unsigned
living_unrecovered(const char *path, unsigned laps)
{
	struct living l;
	unsigned extra = 0;

	memset(&l, 0, sizeof(l));
	if (!living_begin(&l, path))
		return ~0u;
	while (laps-- != 0 && !complained())
		extra = living_lap(&l, l.slots);
	living_end(&l);
	return extra;
}
