/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pace.c - when to send
 *
 * DOC: Two reasons to wait
 *
 * Time: the first packet is sent at once.  Each later packet is sent as long
 * after the first one as the difference of their time stamps, divided by the
 * rate.  A packet whose time stamp is earlier than that of the first one is
 * sent at once.
 *
 * Readers: nobody on a bus waits for anybody, so who sends faster than others
 * read makes them lose frames.  A tool that only copies a file may wait of its
 * own accord.  Every attachment publishes how many frames it has seen (received,
 * skipped or lost).  A promiscuous attachment sees all of our frames, so it is
 * behind by the number that we have sent minus the number that it has seen, both
 * counted from when we first found it.  We stay at most half the ring ahead of
 * the slowest reader.  Frames of others count as seen too, so while others send
 * the limit is not kept exactly.
 *
 * If a reader is behind and its count does not change for PATIENCE (because it
 * is stopped, or does not read), it is not waited for until the count changes
 * again: this tool must not hang because another process does.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "dumpbus/in/in.h"

#define PATIENCE 1000000000u
#define NAP 100000 /* between looks, in nanoseconds */
#define SLICE 200000000u

/*
 * Sleeps until UNTIL (CLOCK_MONOTONIC) or a signal.  A signal may come just
 * before the sleep begins, therefore no sleep is longer than SLICE.
 */
static void
sleep_until(uint64_t until)
{
	uint64_t now = now_ns();
	struct timespec t;

	if (until > now + SLICE)
		until = now + SLICE;
	t.tv_sec = (time_t)(until / 1000000000u);
	t.tv_nsec = (long)(until % 1000000000u);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

int
pace_await_reader(struct shmbus *b, const char *bus)
{
	while (!stopped) {
		struct shmbus_peer peers[SHMBUS_ATTACH_MAX];
		unsigned count = 0, i;
		int err = shmbus_list(b, peers, SHMBUS_ATTACH_MAX, &count);

		if (err == 0)
			err = shmbus_check(b);
		if (err != 0) {
			tool_complain(bus, shmbus_strerror(err), NULL);
			return -1;
		}
		if (count > SHMBUS_ATTACH_MAX)
			count = SHMBUS_ATTACH_MAX;
		for (i = 0; i < count; i++)
			if (peers[i].alive &&
			    (int)peers[i].index != shmbus_index(b))
				return 0;
		sleep_until(now_ns() + 100 * (uint64_t)NAP);
	}
	return 0;
}

static uint64_t
seen_by(const struct shmbus_peer *peer)
{
	const struct shmbus_stats *st = &peer->stats;

	return st->rx_frames + st->rx_skipped + st->rx_lost + st->rx_bad;
}

/* The record of PEER, made if there was none; NULL: no room for it. */
static struct pace_reader *
reader_of(struct pace *p, const struct shmbus_peer *peer, uint64_t now)
{
	struct pace_reader *r;
	unsigned i;

	for (i = 0; i < p->n; i++)
		if (p->readers[i].index == peer->index)
			break;
	if (i == PACE_READERS)
		return NULL;
	r = &p->readers[i];
	if (i < p->n && r->since_ns == peer->since_ns)
		return r;
	if (i == p->n)
		p->n++;
	r->index = peer->index;
	r->since_ns = peer->since_ns;
	r->seen = seen_by(peer);
	r->base = r->seen - p->sent;
	r->moved_ns = now;
	return r;
}

/* How many more frames may be sent before a reader is too far behind. */
static uint64_t
room(struct pace *p)
{
	struct shmbus_peer peers[SHMBUS_ATTACH_MAX];
	uint64_t now = now_ns(), least = p->ahead;
	unsigned count = 0, i;

	if (shmbus_list(p->bus, peers, SHMBUS_ATTACH_MAX, &count) != 0)
		return least;
	if (count > SHMBUS_ATTACH_MAX)
		count = SHMBUS_ATTACH_MAX;
	for (i = 0; i < count; i++) {
		struct pace_reader *r;
		uint64_t behind, seen = seen_by(&peers[i]);

		if (!peers[i].alive || !peers[i].promisc ||
		    (int)peers[i].index == shmbus_index(p->bus) ||
		    (r = reader_of(p, &peers[i], now)) == NULL)
			continue;
		if (seen != r->seen) {
			r->seen = seen;
			r->moved_ns = now;
		}
		behind = p->sent - (seen - r->base);
		/* It has seen more than we sent: frames of others, or a lie. */
		if (behind > p->sent || now - r->moved_ns > PATIENCE)
			continue;
		if (behind >= p->ahead)
			return 0;
		if (p->ahead - behind < least)
			least = p->ahead - behind;
	}
	return least;
}

void
pace_wait(struct pace *p, uint64_t time_ns)
{
	if (p->rate > 0 && !p->begun) {
		p->begun = true;
		p->first_ns = time_ns;
		p->begin_ns = now_ns();
	} else if (p->rate > 0 && time_ns > p->first_ns) {
		double after = (double)(time_ns - p->first_ns) / p->rate;

		/* The sum must not overflow; half a century is enough. */
		if (after > 1.5e18)
			after = 1.5e18;
		while (!stopped && now_ns() < p->begin_ns + (uint64_t)after)
			sleep_until(p->begin_ns + (uint64_t)after);
	}
	while (p->bus != NULL && p->sent >= p->look_at && !stopped) {
		uint64_t more = room(p);

		p->look_at = p->sent + (more + 1) / 2;
		if (more == 0)
			sleep_until(now_ns() + NAP);
	}
	p->sent++;
}
