/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * read.c - reads the frames of a bus, from the oldest on, into a sink
 *
 * DOC: Where the reading ends
 *
 * Positions order the frames of a bus.  The frames that are there at the start
 * have the positions from the oldest up to the tail of that moment.  A frame
 * that is sent later has a position beyond; the first such frame ends the
 * reading, so that it ends even if others never stop sending.
 *
 * Just below the tail there may be positions that were handed out and are not
 * published yet.  Their writers need a few microseconds, or were stopped or
 * killed; the library waits SHMBUS_PATIENCE_NS for them and then goes on.
 * Therefore, if the library has nothing to give although the tail is not
 * reached, the reading ends only when nothing has changed for longer than that:
 * no frame came, and no counter of frames passed over moved.
 *
 * When a bus is followed, only a signal, the number of frames that was asked
 * for, the end of the file, or the end of who reads the output ends the reading.
 * What was sent before the signal
 * is still read.  If the path leads to another file by now, new attachments meet
 * on another bus: that is said once, and does not end the reading.
 *
 * DOC: Naps
 *
 * The follower of a busy bus must not be woken for each frame: that would take
 * processor time away from those who send, who would also have to ring each
 * time.  So when it has read everything it first sleeps for a short time,
 * without being woken: a quarter of the time in which the ring fills at the rate
 * seen last.  Only if nothing has come meanwhile does it wait in the library.
 * The rate may rise during a nap; therefore no nap is longer than the ring takes
 * to fill at SLOT_NS a slot, which is faster than two stacks can send.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dumpbus/dump.h"

#define BATCH 32u
#define QUIET_NS (4 * (uint64_t)SHMBUS_PATIENCE_NS)
#define SECOND_NS 1000000000u
/* The shortest nap, the longest, and how much of that a slot allows. */
#define NAP_MIN 50000u
#define NAP_MAX 1000000u
#define SLOT_NS 500u
/* The sink is flushed after so many frames, even if there are more to come. */
#define FLUSH_EVERY 4096u

struct reader {
	struct shmbus *bus;
	const struct options *o;
	struct sink *sink;
	struct wanted wanted;
	uint64_t there; /* frames below this position were there at the start */
	uint64_t end;	/* the reading ends before this position */
	uint64_t next;	/* the position after that of the last frame */
	uint64_t most;	/* no more frames than this can be there */
	uint64_t frames; /* received so far */
	uint64_t lost;	 /* lost so far, of those before END */
	uint64_t torn;	 /* positions below THERE without a whole frame */
	uint64_t slots;	 /* of the ring */
	uint64_t napped; /* NEXT as it was at the last nap */
	uint64_t napped_ns;
	uint64_t looked_ns; /* when look_around() looked last */
	bool ending;	    /* a signal came: END is known */
	bool moved; /* it was said that the path leads to another file */
	bool done;
};

/* A number that changes whenever the library passes a position over. */
static uint64_t
passed_over(struct shmbus *b)
{
	struct shmbus_stats st;

	shmbus_stats(b, &st);
	return st.rx_lost + st.rx_bad + st.gave_up;
}

/* Hands on those of N received frames that are wanted.  0 or -1. */
static int
deliver(struct reader *r, const struct shmbus_rx *rx, unsigned n)
{
	if (sink_senders(r->sink) != NULL)
		senders_look(sink_senders(r->sink), r->bus, n < BATCH);
	for (unsigned i = 0; i < n && !r->done; i++) {
		struct shmbus_frame f = rx[i].frame;

		if (f.position >= r->end) {
			r->done = true;
			break;
		}
		/* The library keeps to this limit; here it costs nothing. */
		if (f.len > rx[i].size)
			f.len = rx[i].size;
		if (f.position >= r->there && r->wanted.hold &&
		    wanted_release(&r->wanted) != 0)
			return -1;
		if (wanted_frame(&r->wanted, &f) != 0)
			return -1;
		r->next = f.position + 1;
		r->frames++;
		if (r->frames == r->most || r->wanted.enough)
			r->done = true;
		if (r->frames % FLUSH_EVERY == 0 && sink_flush(r->sink) != 0)
			return -1;
	}
	return 0;
}

/*
 * Counts the positions that were handed out before the start and hold no whole
 * frame, after a receive that began at position BEFORE.  The library has given
 * up on their writers; it takes positions in their order, so that those beyond
 * THERE are counted by later receives, which do not come here.
 */
static void
count_torn(struct reader *r, uint64_t before)
{
	struct shmbus_stats st;

	if (before >= r->there || (r->o->follow && !r->o->oldest))
		return;
	shmbus_stats(r->bus, &st);
	r->torn = st.gave_up;
}

/*
 * Counts lost frames, after a receive that began at position BEFORE and gave GOT
 * frames.  The library may have jumped over frames that were overwritten.  If it
 * jumped beyond the end, only those before the end are lost to us.
 */
static void
count_lost(struct reader *r, uint64_t before, unsigned got)
{
	struct shmbus_stats st;
	uint64_t room = (r->end - before) * SHMBUS_SHARE_MAX;

	shmbus_stats(r->bus, &st);
	room = room > got ? room - got : 0;
	if (r->done && st.rx_lost - r->lost > room)
		r->lost += room;
	else
		r->lost = st.rx_lost;
}

/*
 * When following, looks once a second at what no frame would tell: whether who
 * reads the output is still there, and whether the path leads to another file by
 * now, which is said once.
 */
static void
look_around(struct reader *r)
{
	uint64_t now = now_ns();
	int err;

	if (now - r->looked_ns < SECOND_NS)
		return;
	r->looked_ns = now;
	if (sink_over(r->sink)) {
		r->done = true;
		return;
	}
	err = r->moved ? 0 : shmbus_check(r->bus);
	if (err != SHMBUS_EREPLACED && err != ENOENT)
		return;
	sink_end_line(r->sink);
	tool_complain(r->o->bus,
	    err == ENOENT ? "the bus file was removed" : shmbus_strerror(err),
	    "following the old one");
	r->moved = true;
}

/*
 * Takes a nap if a frame has come since the last one.  Returns whether it did.
 */
static bool
nap(struct reader *r)
{
	uint64_t come = r->next - r->napped, now = now_ns(), ns, most;
	struct timespec t = { 0 };

	r->napped = r->next;
	ns = now - r->napped_ns;
	r->napped_ns = now;
	if (come == 0)
		return false;
	most = r->slots * SLOT_NS < NAP_MAX ? r->slots * SLOT_NS : NAP_MAX;
	ns = ns < NAP_MAX * come ? ns * (r->slots / 4) / come : most;
	if (ns > most)
		ns = most;
	t.tv_nsec = (long)(ns < NAP_MIN ? NAP_MIN : ns);
	nanosleep(&t, NULL); /* a signal ends it */
	return true;
}

/*
 * Waits for more frames, when the bus has none to give.  Sets R->done if there
 * is nothing to wait for.  0 or an errno value.
 */
static int
wait_for_more(struct reader *r, uint64_t *quiet_since, uint64_t *seen)
{
	uint64_t now = now_ns(), over = passed_over(r->bus);
	int err;

	if (r->o->follow) {
		if (nap(r))
			return 0;
		err = shmbus_wait(r->bus, SECOND_NS);
		return err == ETIMEDOUT || err == ECANCELED ? 0 : err;
	}
	if (over != *seen || *quiet_since == 0) {
		*seen = over;
		*quiet_since = now;
	}
	if (r->next >= r->end || now - *quiet_since >= QUIET_NS) {
		r->done = true;
		return 0;
	}
	err = shmbus_wait(r->bus, SHMBUS_PATIENCE_NS);
	return err == ETIMEDOUT || err == ECANCELED ? 0 : err;
}

/* Says on stderr what is missing from the output. */
static void
report(const struct reader *r)
{
	struct shmbus_stats st;
	char text[96];

	sink_end_line(r->sink);
	if (r->lost != 0) {
		snprintf(text, sizeof(text), "%" PRIu64 " frame%s lost",
		    r->lost, r->lost == 1 ? "" : "s");
		tool_complain(r->o->bus, text, "the bus was faster");
	}
	if (r->torn != 0) {
		snprintf(text, sizeof(text), "%" PRIu64 " frame%s not whole",
		    r->torn, r->torn == 1 ? "" : "s");
		tool_complain(r->o->bus, text, "the writer did not finish");
	}
	shmbus_stats(r->bus, &st);
	if (st.rx_bad != 0) {
		snprintf(text, sizeof(text), "%" PRIu64 " slot%s passed over",
		    st.rx_bad, st.rx_bad == 1 ? "" : "s");
		tool_complain(r->o->bus, text, "no valid frame there");
	}
}

/* A signal has come: the reading ends at the tail as it is now. */
static void
end_here(struct reader *r)
{
	struct shmbus_info info;

	r->ending = true;
	shmbus_info(r->bus, &info);
	if (info.tail < r->end)
		r->end = info.tail;
}

/* Reads until the end, into the BATCH buffers RX.  0 or -1. */
static int
read_all(struct reader *r, struct shmbus_rx *rx)
{
	uint64_t quiet_since = 0, seen = 0;

	const struct options *o = r->o;

	while (!r->done) {
		uint64_t before = r->next, left = o->count - r->wanted.given;
		unsigned n = BATCH, got = 0;

		if (stopped && !r->ending)
			end_here(r);
		if (o->follow)
			look_around(r);
		/* Frames beyond O->count are not received, nor lost. */
		if (o->count != 0 && o->newest == 0 && left < n)
			n = (unsigned)left;
		int err = shmbus_recv_batch(r->bus, rx, n, &got);

		count_torn(r, before);
		if (err == 0) {
			if (deliver(r, rx, got) != 0)
				return -1;
			count_lost(r, before, got);
			sink_lost(r->sink, r->lost);
			quiet_since = 0;
			continue;
		}
		if (err == EAGAIN) {
			/* The library may have found losses without a frame. */
			count_lost(r, before, 0);
			sink_lost(r->sink, r->lost);
			/*
			 * A position below may still get published, which is
			 * rare; then its frame is one more than was asked for.
			 */
			if (r->o->follow && r->wanted.hold &&
			    wanted_release(&r->wanted) != 0)
				return -1;
			if (sink_flush(r->sink) != 0 || sink_idle(r->sink) != 0)
				return -1;
			if (r->wanted.enough || r->ending)
				break;
			err = wait_for_more(r, &quiet_since, &seen);
		}
		if (err != 0) {
			sink_end_line(r->sink);
			tool_complain(r->o->bus, shmbus_strerror(err), NULL);
			return -1;
		}
	}
	if (wanted_release(&r->wanted) != 0)
		return -1;
	return sink_flush(r->sink);
}

/*
 * Reads the bus into S as O says.  Frames that were overwritten before they could
 * be read are reported; that is no failure.  Returns 0 or -1.
 */
int
read_bus(struct shmbus *b, const struct options *o, struct sink *s)
{
	struct shmbus_info info;
	struct shmbus_rx rx[BATCH];
	struct reader r = { .bus = b, .o = o, .sink = s };
	int err;

	shmbus_info(b, &info);
	r.end = o->follow ? UINT64_MAX : info.tail;
	/* The ring never holds more, whatever the tail in the file says. */
	r.there = info.tail;
	r.slots = info.geometry.slots;
	if (!o->follow)
		r.most = (uint64_t)info.geometry.slots * SHMBUS_SHARE_MAX;
	wanted_begin(&r.wanted, o, s);
	if (info.tail > info.geometry.slots)
		r.next = info.tail - info.geometry.slots;
	r.napped = r.next;
	r.napped_ns = r.looked_ns = now_ns();
	uint8_t *memory = malloc((size_t)BATCH * info.frame_max);
	if (memory == NULL) {
		tool_complain(o->bus, strerror(ENOMEM), NULL);
		return -1;
	}
	for (unsigned i = 0; i < BATCH; i++) {
		rx[i].buf = memory + (size_t)i * info.frame_max;
		rx[i].size = info.frame_max;
	}
	err = read_all(&r, rx);
	if (err != 0) {
		/* This frees the frames held back, and writes none of them. */
		r.wanted.enough = true;
		wanted_release(&r.wanted);
	}
	report(&r);
	free(memory);
	return err;
}
