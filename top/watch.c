/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.c - a bus that is watched
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "top/watch.h"

#define BATCH 64u

static const struct {
	const char *name;
	size_t offset;
} counters[RATES] = {
#define COUNTER(field) \
	{ \
#field, offsetof(struct shmbus_stats, field) \
	}
	[RATE_TX_FRAMES] = COUNTER(tx_frames),
	[RATE_TX_BYTES] = COUNTER(tx_bytes),
	[RATE_RX_FRAMES] = COUNTER(rx_frames),
	[RATE_RX_BYTES] = COUNTER(rx_bytes),
	[RATE_LOST] = COUNTER(rx_lost),
	[RATE_FAILED] = COUNTER(tx_failed),
	[RATE_WAKEUPS] = COUNTER(wakeups),
	[RATE_RUNG] = COUNTER(rung),
#undef COUNTER
};

const char *
watch_counter_name(enum rate rate)
{
	return counters[rate].name;
}

uint64_t
watch_counter(const struct shmbus_peer *p, enum rate rate)
{
	uint64_t n;

	memcpy(&n, (const char *)&p->stats + counters[rate].offset, sizeof(n));
	return n;
}

double
watch_total(const struct watch *w, enum rate rate)
{
	double sum = 0;

	for (unsigned i = 0; i < w->count; i++)
		sum += w->rows[i].rate[rate];
	return sum;
}

/* ---- opening ------------------------------------------------------------ */

static void
note(struct watch *w, int error, const char *why)
{
	const char *what = shmbus_strerror(error);

	/* Some of them say it all. */
	if (why[0] == '\0' || strncmp(why, what, strlen(what)) == 0)
		snprintf(w->note, sizeof(w->note), "%s",
		    why[0] == '\0' ? what : why);
	else
		snprintf(w->note, sizeof(w->note), "%s: %s", what, why);
}

static uint64_t
lost_by_us(const struct watch *w)
{
	struct shmbus_stats st;

	shmbus_stats(w->bus, &st);
	return st.rx_lost;
}

int
watch_open(struct watch *w)
{
	struct shmbus_options how = { .flags = SHMBUS_RDONLY };
	int error = shmbus_attach(w->path, &how, &w->bus);

	w->count = w->alive = 0;
	memset(&w->frames, 0, sizeof(w->frames));
	w->missed = w->lost_before = 0;
	w->sampled_ns = now_ns();
	if (error != 0) {
		note(w, error, shmbus_why());
		w->bus = NULL;
		return error;
	}
	shmbus_info(w->bus, &w->info);
	w->note[0] = '\0';
	return 0;
}

void
watch_close(struct watch *w)
{
	shmbus_detach(w->bus);
	w->bus = NULL;
}

/* ---- frames ------------------------------------------------------------- */

void
watch_drain(struct watch *w, unsigned limit)
{
	static uint8_t bytes[BATCH][SNAP];
	struct shmbus_rx rx[BATCH];
	unsigned got;

	if (w->bus == NULL)
		return;
	for (unsigned i = 0; i < BATCH; i++)
		rx[i] = (struct shmbus_rx){ .buf = bytes[i], .size = SNAP };
	for (unsigned n = 0; n < limit; n += got) {
		got = 0;
		if (shmbus_recv_batch(w->bus, rx, BATCH, &got) != 0)
			break;
		for (unsigned i = 0; i < got; i++) {
			uint32_t len = rx[i].frame.len;

			frames_count(&w->frames, bytes[i],
			    len < SNAP ? len : SNAP, len);
		}
	}
	w->missed = lost_by_us(w) - w->lost_before;
}

/* ---- samples ------------------------------------------------------------ */

static const struct row *
row_of(const struct row *rows, unsigned n, const struct shmbus_peer *p)
{
	for (unsigned i = 0; i < n; i++)
		if (rows[i].peer.index == p->index &&
		    rows[i].peer.since_ns == p->since_ns &&
		    rows[i].peer.pid == p->pid)
			return &rows[i];
	return NULL;
}

/* Makes NOW what P is, WAS being what it was; NULL: it is new. */
static void
row_from(struct row *now, const struct row *was, const struct shmbus_peer *p,
    double interval)
{
	*now = (struct row){ .peer = *p, .old = was != NULL };
	if (was == NULL)
		return;
	for (int r = 0; r < RATES; r++) {
		uint64_t before = watch_counter(&was->peer, (enum rate)r);
		uint64_t after = watch_counter(p, (enum rate)r);

		if (after > before && interval > 0)
			now->rate[r] = (double)(after - before) / interval;
	}
	memcpy(now->history, was->history + 1,
	    (HISTORY - 1) * sizeof(now->history[0]));
	now->history[HISTORY - 1] = now->rate[RATE_TX_BYTES] +
	    now->rate[RATE_RX_BYTES];
}

/* Whether W's bus is still there, and is still what its path names. */
static bool
still_there(struct watch *w, int error)
{
	if (error == 0)
		error = shmbus_check(w->bus);
	if (error == 0) {
		w->note[0] = '\0';
		return true;
	}
	note(w, error, "");
	if (error == ENOENT) { /* those who are attached go on */
		snprintf(w->note, sizeof(w->note), "removed");
		return true;
	}
	return false;
}

void
watch_sample(struct watch *w)
{
	static struct shmbus_peer peers[SHMBUS_ATTACH_MAX];
	static struct row before[SHMBUS_ATTACH_MAX];
	unsigned count = 0, had = w->count;
	uint64_t now;
	int error;

	if (w->bus == NULL) {
		watch_open(w);
		return;
	}
	error = shmbus_list(w->bus, peers, SHMBUS_ATTACH_MAX, &count);
	now = now_ns();
	if (!still_there(w, error)) {
		watch_close(w);
		w->count = w->alive = 0;
		return;
	}
	if (count > SHMBUS_ATTACH_MAX)
		count = SHMBUS_ATTACH_MAX;
	w->interval = (double)(now - w->sampled_ns) / 1e9;
	w->sampled_ns = now;
	memcpy(before, w->rows, had * sizeof(before[0]));
	w->count = count;
	w->alive = 0;
	for (unsigned i = 0; i < count; i++) {
		row_from(&w->rows[i], row_of(before, had, &peers[i]), &peers[i],
		    w->interval);
		w->alive += peers[i].alive != 0;
	}
}

void
watch_next(struct watch *w)
{
	frames_next(&w->frames);
	if (w->bus != NULL)
		w->lost_before = lost_by_us(w);
	w->missed = 0;
}
