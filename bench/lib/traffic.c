/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traffic.c - one run of writers and readers over a bus
 *
 * DOC: Theory of Operation
 *
 * Writers and readers are processes, each with an attachment of its own.
 * Readers receive in batches, whatever the writers do.
 *
 * A bus has no backpressure: a reader that cannot keep up is lapped.  So there
 * are two figures.  Flood: writers send as fast as they can; what the readers
 * then get, and how much they lost.  Nothing lost: readers tell how far they
 * are, in a page that has nothing to do with the bus, and writers never have
 * more under way than the ring holds; that is what a user's own protocol
 * above a bus would do, and the price of the writers' looking is in it.  A
 * writer that may send no more waits until it may send half a ring: at a
 * reader's heels it would fight with it for every line.
 *
 * The first reader is the timekeeper, or the first writer where there is no
 * reader: it lets things warm up, measures, and then stops the writers.  When
 * a run is over, all that was sent must have been received or counted as lost,
 * to the frame, else it is wrong.
 *
 * What a frame costs its writer is CPU time, not time: it means something also
 * where there are fewer processors than processes.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/lib/busfile.h"
#include "bench/lib/common.h"
#include "bench/lib/idlers.h"
#include "bench/lib/traffic.h"

#define WARM_MS 10u
#define TIMEOUT_S 60u
/* Slots that are left to tickets which became no frames, for each writer. */
#define SPARE 64u

/* What a reader got so far, by writer; written by it alone. */
struct got {
	_Alignas(LINE) _Atomic uint64_t from[TALKERS_MAX];
};

/* What a crew shares beside the bus. */
struct control {
	struct shape shape;
	struct traffic how;
	struct shmbus_geometry geo;
	uint64_t share; /* of the ring, for a writer that may lose nothing */
	struct gate gate;
	_Alignas(LINE) _Atomic unsigned stop;
	_Alignas(LINE) _Atomic unsigned writing; /* writers not done yet */
	struct got got[TALKERS_MAX];
	/* What came of it, by reader. */
	struct {
		double rate; /* frames a second received */
		uint64_t received, lost;
	} reader[TALKERS_MAX];
	struct {
		uint64_t sent; /* frames */
		double rate;   /* the same a second */
		uint64_t cpu;  /* time on a processor, ns */
		uint64_t rung; /* system calls */
	} writer[TALKERS_MAX];
	struct idlers idlers;
};

static const uint8_t reader_mac[6] = { 0xb2, 0xa0, 0, 0, 1, 0 };

/* ---- writer ------------------------------------------------------------- */

static struct shmbus *
attach(const char *as, const uint8_t *mac)
{
	struct shmbus_options opt = { 0 };
	struct shmbus *b;

	snprintf(opt.name, sizeof(opt.name), "bench %s", as);
	if (mac != NULL)
		memcpy(opt.mac, mac, 6);
	if (shmbus_attach(busfile(), &opt, &b) != 0)
		crew_fail("%s: %s", busfile(), shmbus_why());
	return b;
}

static unsigned
talking(const struct shape *s)
{
	return s->writers + s->readers;
}

/*
 * How many frames writer NUMBER, who has sent SENT, may send before it asks
 * again.  Each has its share of the ring.
 */
static uint64_t
allowance(const struct control *c, unsigned number, uint64_t sent)
{
	uint64_t got = sent;
	unsigned i;

	for (i = 0; i < c->shape.readers; i++) {
		uint64_t g = atomic_load_explicit(&c->got[i].from[number],
		    memory_order_acquire);

		got = g < got ? g : got;
	}
	return got + c->share > sent ? got + c->share - sent : 0;
}

static uint64_t
cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* Sends frames of IOV until it is told to stop; how many. */
static uint64_t
send_all(struct control *c, unsigned number, struct shmbus *b,
    const struct iovec *iov)
{
	const struct shape *s = &c->shape;
	uint64_t sent = 0, may = 0, until = UINT64_MAX;
	unsigned spins = 0, turn;

	if (s->readers == 0 && number == 0)
		until = now_ns() + (WARM_MS + c->how.ms) * (uint64_t)1000000;
	for (turn = 0; !atomic_load_explicit(&c->stop, memory_order_relaxed);
	     turn++) {
		unsigned done = 1;
		int error;

		if (turn % 64 == 0 && until != UINT64_MAX && now_ns() >= until)
			c->stop = 1;
		if (!s->flood) {
			if (may < s->batch) {
				may = allowance(c, number, sent);
				if (may < c->share / 2) {
					may = 0;
					spin(&spins);
					continue;
				}
			}
			may -= s->batch;
		}
		if (s->batch == 1) {
			error = shmbus_send(b, iov->iov_base, s->size);
			done = error == 0;
		} else {
			error = shmbus_send_batch(b, iov, s->batch, &done);
		}
		if (error != 0 && error != SHMBUS_EGIVENUP)
			crew_fail("send: %s", shmbus_strerror(error));
		sent += done;
	}
	return sent;
}

static void
writer(struct control *c, unsigned number)
{
	static uint8_t frames[BATCH_MAX][65536];
	const struct shape *s = &c->shape;
	struct shmbus *b = attach("writer", NULL);
	struct iovec iov[BATCH_MAX];
	struct shmbus_stats st;
	uint64_t sent, t0, cpu;
	unsigned i;

	for (i = 0; i < s->batch; i++) {
		memset(frames[i], (int)i, s->size);
		memset(frames[i], 0xff, 6);
		frames[i][6] = (uint8_t)number;
		if (s->unicast)
			memcpy(frames[i], reader_mac, 6);
		iov[i].iov_base = frames[i];
		iov[i].iov_len = s->size;
	}
	idlers_await(&c->idlers);
	gate_pass(&c->gate, talking(s));
	t0 = now_ns();
	cpu = cpu_ns();
	sent = send_all(c, number, b, iov);
	c->writer[number].cpu = cpu_ns() - cpu;
	c->writer[number].rate = (double)sent * 1e9 / (double)(now_ns() - t0);
	shmbus_stats(b, &st);
	if (st.tx_frames != sent)
		crew_fail("sent %llu frames, the bus counted %llu",
		    (unsigned long long)sent, (unsigned long long)st.tx_frames);
	c->writer[number].rung = st.rung;
	c->writer[number].sent = sent;
	c->writing--;
	/* Nobody is to think it dead before its frames are received. */
	gate_pass(&c->gate, 2 * talking(s));
	if (number == 0 && s->idle != 0)
		idlers_end(&c->idlers, b);
	shmbus_detach(b);
}

/* ---- reader ------------------------------------------------------------- */

/* A reader's watch. */
struct watch {
	uint64_t warm, t0, t1, n0, n1;
};

/* Notes the time when N frames were received.  True once it is over. */
static bool
look_at_watch(struct watch *w, uint64_t n, unsigned ms)
{
	uint64_t t = now_ns();

	if (w->t0 == 0) {
		if (t >= w->warm) {
			w->t0 = t;
			w->n0 = n;
		}
	} else if (w->t1 == 0 && t >= w->t0 + ms * (uint64_t)1000000) {
		w->t1 = t;
		w->n1 = n;
	}
	return w->t1 != 0;
}

/* Adds GOT frames of RX to what is told to the WRITERS. */
static void
tell(struct got *g, unsigned writers, const struct shmbus_rx *rx, unsigned got)
{
	unsigned n[TALKERS_MAX] = { 0 };
	unsigned i;

	n[0] = got;
	for (i = 0; writers > 1 && i < got; i++) {
		n[0]--;
		n[((const uint8_t *)rx[i].buf)[6] % TALKERS_MAX]++;
	}
	for (i = 0; i < writers; i++)
		if (n[i] != 0)
			atomic_store_explicit(&g->from[i],
			    atomic_load_explicit(&g->from[i],
				memory_order_relaxed) +
				n[i],
			    memory_order_release);
}

static void
reader(struct control *c, unsigned number)
{
	static uint8_t bufs[READ_BATCH][65536];
	struct shmbus_rx rx[READ_BATCH];
	const struct shape *s = &c->shape;
	struct shmbus *b = attach("reader", number == 0 ? reader_mac : NULL);
	struct watch watch = { 0 };
	struct shmbus_stats st;
	uint64_t received = 0;
	unsigned spins = 0, turn;
	unsigned i;

	for (i = 0; i < READ_BATCH; i++) {
		rx[i].buf = bufs[i];
		rx[i].size = sizeof(bufs[i]);
	}
	idlers_await(&c->idlers);
	gate_pass(&c->gate, talking(s));
	watch.warm = now_ns() + WARM_MS * 1000000u;
	for (turn = 0;; turn++) {
		bool last = c->writing == 0; /* before looking */
		unsigned got;
		int error = shmbus_recv_batch(b, rx, READ_BATCH, &got);

		received += got;
		if (got == 0 && error != EAGAIN)
			crew_fail("receive: %s", shmbus_strerror(error));
		if (got == 0 && last)
			break;
		if (got == 0 && !c->how.poll)
			shmbus_wait(b, 1000000);
		else if (got == 0)
			spin(&spins);
		else if (!s->flood)
			tell(&c->got[number], s->writers, rx, got);
		for (i = 0; i < got; i++)
			if (rx[i].frame.len != s->size ||
			    bufs[i][s->size - 1] >= s->batch)
				crew_fail("a frame that nobody sent");
		if ((turn % 16 == 0 || got == 0) &&
		    look_at_watch(&watch, received, c->how.ms) && number == 0)
			c->stop = 1;
	}
	shmbus_stats(b, &st);
	c->reader[number].received = received;
	/*
	 * What it slept through without being rung for would be no loss, if
	 * there were frames that are not for it; here there are none, and it
	 * is what a writer stopped before it rang has sent.
	 */
	c->reader[number].lost = st.rx_lost + st.rx_skipped;
	if (watch.t1 == 0) { /* another one kept the time */
		watch.t1 = now_ns();
		watch.n1 = received;
	}
	if (watch.t0 == 0)
		watch.t0 = watch.warm - WARM_MS * 1000000u;
	c->reader[number].rate = (double)(watch.n1 - watch.n0) * 1e9 /
	    (double)(watch.t1 - watch.t0);
	gate_pass(&c->gate, 2 * talking(s));
	shmbus_detach(b);
}

static void
member(void *arg, unsigned number)
{
	struct control *c = arg;
	const struct shape *s = &c->shape;

	if (number < s->writers)
		writer(c, number);
	else if (number < talking(s))
		reader(c, number - s->writers);
	else
		idler(&c->idlers, number - talking(s), busfile());
}

/* ---- a run -------------------------------------------------------------- */

/* Checks and sums up what is known when a run is over. */
static const char *
settle(const struct control *c, struct outcome *o)
{
	static char text[160];
	const struct shape *s = &c->shape;
	uint64_t cpu = 0;
	unsigned i;

	memset(o, 0, sizeof(*o));
	for (i = 0; i < s->writers; i++) {
		o->sent += c->writer[i].sent;
		o->rung += c->writer[i].rung;
		o->sum += c->writer[i].rate;
		cpu += c->writer[i].cpu;
	}
	if (o->sent != 0)
		o->cost = (double)cpu / (double)o->sent;
	for (i = 0; i < s->readers; i++) {
		uint64_t in = c->reader[i].received, lost = c->reader[i].lost;
		double percent = (double)lost * 100 / (double)o->sent;

		if (in + lost != o->sent || (lost != 0 && !s->flood)) {
			snprintf(text, sizeof(text),
			    "sent %llu, received "
			    "%llu, counted as lost %llu",
			    (unsigned long long)o->sent, (unsigned long long)in,
			    (unsigned long long)lost);
			return text;
		}
		if (i == 0 || c->reader[i].rate < o->rate)
			o->rate = c->reader[i].rate;
		if (percent > o->lost)
			o->lost = percent;
	}
	idlers_sum(&c->idlers, &o->woken, &o->woken_most, &o->idle_cpu);
	return NULL;
}

struct shmbus_geometry
geometry_for(uint32_t size, uint32_t slots)
{
	struct shmbus_geometry geo = { .mtu = SHMBUS_MTU_DEFAULT,
		.slots = SHMBUS_SLOTS_DEFAULT };

	if (size > SHMBUS_MTU_DEFAULT + SHMBUS_HEADROOM) {
		geo.mtu = size - 14;
		geo.slots = 512; /* a file of about the same size */
	}
	if (slots != 0)
		geo.slots = slots;
	return geo;
}

const char *
traffic_run(const struct shape *s, const struct traffic *how, struct outcome *o)
{
	struct control *c = shared_new(sizeof(*c));
	const char *why;

	c->shape = *s;
	c->how = *how;
	c->geo = geometry_for(s->size, how->slots);
	c->share = (c->geo.slots - SPARE * s->writers) / s->writers;
	c->writing = s->writers;
	c->idlers.n = s->idle;
	if (shmbus_create(busfile(), &c->geo) != 0) {
		why = shmbus_why();
	} else {
		why = crew_run(member, c, talking(s) + s->idle, true,
		    TIMEOUT_S + how->ms / 1000);
		unlink(busfile());
	}
	if (why == NULL)
		why = settle(c, o);
	shared_free(c, sizeof(*c));
	return why;
}
