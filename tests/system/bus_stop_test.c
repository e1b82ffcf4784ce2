/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_stop_test.c - writers that sleep in the middle, readers that sleep long
 *
 * DOC: how
 *
 * A late writer is stopped while its frame is half in the slot: the second half
 * of the frame lies in a page that may not be read, and the handler of the
 * fault stops the process.  No race is in it.  While it is stopped the others
 * send several laps; then it goes on, and must learn what became of its frame.
 * (Every other instruction: bus_step_test.c; at random: bus_flood_test.c.)
 *
 * Environment: SEED; ONLY, which tests.
 */
#include <sys/mman.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/living.h"
#include "shmbus/shmbus.h"

#define LATE 10u /* who */
#define SLOTS 16u
#define FRAMES 3u

/* ---- the late writer ----------------------------------------------------- */

enum way { SINGLE, BATCH, PIECES, RESERVE };
static const char *const way_names[] = { "send", "send_batch", "sendv",
	"reserve, commit" };

struct late {
	char path[256];
	enum way way;
	unsigned who;
	_Atomic uint64_t held;	/* holds a reservation */
	_Atomic uint64_t first; /* told of its first call */
	_Atomic int error;
	_Atomic unsigned sent;
	_Atomic int error2;	 /* of a call after that */
	_Atomic uint64_t second; /* told of it */
	_Atomic uint64_t end;
};

static char *forbidden; /* the page that stops who reads it */
static size_t page;

static void
on_fault(int sig, siginfo_t *info, void *context)
{
	const char *at = info->si_addr;

	(void)context;
	if (at < forbidden || at >= forbidden + page) {
		signal(sig, SIG_DFL);
		return;
	}
	raise(SIGSTOP);
	mprotect(forbidden, page, PROT_READ | PROT_WRITE);
}

/* Memory for LEN bytes, the second half of them in the forbidden page. */
static uint8_t *
half_forbidden(size_t len)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_NODEFER };
	char *two;

	page = (size_t)sysconf(_SC_PAGESIZE);
	two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (two == MAP_FAILED) {
		complain("mmap: %s", strerror(errno));
		_exit(1);
	}
	forbidden = two + page;
	sigaction(SIGSEGV, &sa, NULL);
	return (uint8_t *)forbidden - len / 2;
}

static void
late_writer(void *arg)
{
	struct late *w = arg;
	struct shmbus *b = crew_attach(w->path, LATE + w->who, 0);
	static const size_t len[FRAMES] = { 300, 1400, 200 };
	uint8_t *frames[FRAMES], other[2][STAMP_MAX];
	struct iovec iov[FRAMES];
	unsigned sent = 0, i;
	int error = 0;
	void *data;

	if (b == NULL)
		return;
	frames[0] = other[0];
	frames[1] = half_forbidden(len[1]);
	frames[2] = other[1];
	for (i = 0; i < FRAMES; i++) {
		struct stamp s = { LATE + w->who, 1, i + 1, 0 };

		stamp_make(frames[i], len[i], mac_all, &s);
		iov[i].iov_base = frames[i];
		iov[i].iov_len = len[i];
	}
	mprotect(forbidden, page, PROT_NONE);
	switch (w->way) {
	case SINGLE:
		error = shmbus_send(b, frames[1], len[1]);
		break;
	case BATCH:
		error = shmbus_send_batch(b, iov, FRAMES, &sent);
		break;
	case PIECES:
		iov[0].iov_base = frames[1];
		iov[0].iov_len = 100;
		iov[1].iov_base = frames[1] + 100;
		iov[1].iov_len = len[1] - 100;
		error = shmbus_sendv(b, iov, 2);
		break;
	case RESERVE:
		error = shmbus_reserve(b, len[0], &data);
		must(error == 0);
		if (error != 0)
			return;
		memcpy(data, frames[0], len[0] / 2);
		atomic_store(&w->held, 1);
		raise(SIGSTOP);
		memcpy((char *)data + len[0] / 2, frames[0] + len[0] / 2,
		    len[0] - len[0] / 2);
		error = shmbus_commit(b, len[0]);
		break;
	}
	atomic_store(&w->error, error);
	atomic_store(&w->sent, w->way == BATCH ? sent : error == 0);
	atomic_store(&w->first, 1);
	do {
		struct stamp s = { LATE + w->who, 2, 1, 0 };

		stamp_make(other[0], len[0], mac_all, &s);
		error = shmbus_send(b, other[0], len[0]);
	} while (error == SHMBUS_EGIVENUP); /* on a loaded machine */
	atomic_store(&w->error2, error);
	atomic_store(&w->second, 1);
	crew_await(&w->end, 1);
	shmbus_detach(b);
}

/* What the reader has seen of late writers. */
struct seen {
	unsigned first, second; /* frames of their first and second call */
	uint64_t last[SLOTS + 1];
};

static void
see(struct living *l, const struct stamp *s)
{
	struct seen *v = l->arg;
	unsigned who = s->who - LATE;
	uint64_t at = (uint64_t)s->life << 32 | s->number;

	if (who > SLOTS || at <= v->last[who]) {
		complain("late writer %u: frame %u.%llu", who,
		    (unsigned)s->life, (unsigned long long)s->number);
		return;
	}
	v->last[who] = at;
	v->first += s->life == 1;
	v->second += s->life == 2;
}

/* What the others do while the writer is stopped. */
enum meanwhile { NOTHING, SEND_AND_READ, SEND_ONLY };

/* The given way, with the others doing MEANWHILE. */
static void
late(enum way way, enum meanwhile meanwhile)
{
	struct late *w = crew_shared(sizeof(*w));
	struct seen seen = { 0, 0, { 0 } };
	struct living l = { .other = see, .arg = &seen };
	unsigned all = way == BATCH ? FRAMES : 1;
	unsigned out;
	pid_t pid;

	crew_bus("bus", SLOTS, 0);
	snprintf(w->path, sizeof(w->path), "%s", crew_path("bus"));
	w->way = way;
	living_begin(&l, w->path);
	check();
	pid = crew_start(late_writer, w);
	crew_stopped(pid);
	switch (meanwhile) {
	case NOTHING:
		break;
	case SEND_AND_READ:
		living_send(&l, 2 * SLOTS);
		/* It has one slot, and no more. */
		out = living_lap(&l, SLOTS - 1);
		if (out != 1)
			complain("a stopped writer costs %u slots", out);
		break;
	case SEND_ONLY: /* nobody gives up, but it is stepped over */
		living_push(&l, 3 * SLOTS);
		break;
	}
	crew_cont(pid);
	crew_await(&w->first, 1);
	if (meanwhile == SEND_ONLY) {
		/* The reader was lapped: this is for the living to forget. */
		l.seen = l.sent;
		while (shmbus_skip(l.r) == 0 ||
		    shmbus_recv(l.r, (uint8_t[64]){ 0 }, 64, NULL) == 0)
			;
		memset(&seen, 0, sizeof(seen));
	}
	living_send(&l, 1); /* whatever came before has been seen */
	if (meanwhile == NOTHING) {
		/* It may have been given up on where others are slow. */
		must(atomic_load(&w->error) == 0 ||
		    atomic_load(&w->error) == SHMBUS_EGIVENUP);
		must(atomic_load(&w->sent) == seen.first);
		must(atomic_load(&w->error) == 0 || seen.first == all - 1);
		must(atomic_load(&w->error) != 0 || seen.first == all);
	} else {
		must(atomic_load(&w->error) == SHMBUS_EGIVENUP);
		must(atomic_load(&w->sent) == all - 1);
		must(meanwhile == SEND_ONLY || seen.first == all - 1);
	}
	crew_await(&w->second, 1);
	living_lap(&l, SLOTS); /* its second call is in there, too */
	/* The slot is back, and that while its writer lives. */
	out = living_lap(&l, SLOTS);
	if (out != 0)
		complain("%u slots out of use", out);
	must(atomic_load(&w->error2) == 0);
	must(seen.second == 1 || meanwhile == SEND_ONLY);
	atomic_store(&w->end, 1);
	crew_join(pid);
	living_end(&l);
	if (complained())
		complain("stopped in %s, the others %s", way_names[way],
		    meanwhile == NOTHING	   ? "idle" :
			meanwhile == SEND_AND_READ ? "sending and reading" :
						     "sending");
	check();
}

static void
test_late_given_up(void **state)
{
	enum way way;

	(void)state;
	for (way = SINGLE; way <= RESERVE; way++)
		late(way, SEND_AND_READ);
}

static void
test_late_stepped_over(void **state)
{
	enum way way;

	(void)state;
	for (way = SINGLE; way <= RESERVE; way++)
		late(way, SEND_ONLY);
}

static void
test_late_in_time(void **state)
{
	enum way way;

	(void)state;
	for (way = SINGLE; way <= RESERVE; way++)
		late(way, NOTHING);
}

/* Slot after slot is held by a stopped writer, until there is none. */
static void
test_all_held(void **state)
{
	struct late *w = crew_shared(SLOTS * sizeof(*w));
	struct seen seen = { 0, 0, { 0 } };
	struct living l = { .other = see, .arg = &seen };
	uint8_t frame[STAMP_MIN];
	struct stamp s = { 1, 1, 1, 0 };
	pid_t pids[SLOTS];
	unsigned i, k;

	(void)state;
	crew_bus("bus", SLOTS, 0);
	living_begin(&l, crew_path("bus"));
	check();
	for (i = 0; i < SLOTS; i++) {
		snprintf(w[i].path, sizeof(w[i].path), "%s", crew_path("bus"));
		w[i].way = RESERVE;
		w[i].who = i;
		pids[i] = crew_start(late_writer, &w[i]);
		crew_stopped(pids[i]);
		for (k = 0; k < 3 && i < SLOTS - 1; k++) {
			living_push(&l, 1);
			living_receive(&l);
		}
		if (complained())
			complain("%u slots held", i + 1);
		check();
	}
	stamp_make(frame, sizeof(frame), mac_all, &s);
	assert_int_equal(shmbus_send(l.s, frame, sizeof(frame)), ENOBUFS);
	for (i = 0; i < SLOTS; i++) {
		crew_cont(pids[i]);
		crew_await(&w[i].second, 1);
		living_drain(&l);
		must(atomic_load(&w[i].error) == SHMBUS_EGIVENUP);
		must(atomic_load(&w[i].error2) == 0);
		atomic_store(&w[i].end, 1);
		crew_join(pids[i]);
		living_push(&l, 1);
		living_receive(&l);
		check();
	}
	must(seen.first == 0);
	must(seen.second == SLOTS);
	living_lap(&l, SLOTS);
	i = living_lap(&l, SLOTS);
	if (i != 0)
		complain("%u slots out of use", i);
	living_end(&l);
	check();
}

/* ---- the receiver is stopped --------------------------------------------- */

struct listener {
	char path[256];
	bool asleep;
	uint64_t last; /* ends with this frame */
	_Atomic uint64_t ready;
	struct shmbus_stats stats;
	uint64_t got;
};

static void
listener(void *arg)
{
	struct listener *p = arg;
	struct shmbus *b = crew_attach(p->path, 5, 0);
	uint8_t buf[STAMP_MAX];
	struct shmbus_frame f;
	struct stamp s = { .number = 0 };
	uint64_t last = 0;

	while (b != NULL && last < p->last && !complained()) {
		atomic_store(&p->ready, 1);
		if (shmbus_recv(b, buf, sizeof(buf), &f) != 0) {
			if (p->asleep)
				shmbus_wait(b, -1);
			continue;
		}
		if (!stamp_read(buf, f.len, &s) || s.number <= last) {
			complain("listener: frame %llu after %llu",
			    (unsigned long long)s.number,
			    (unsigned long long)last);
			return;
		}
		last = s.number;
		p->got++;
	}
	while (shmbus_recv(b, buf, sizeof(buf), &f) == 0)
		p->got++;
	shmbus_stats(b, &p->stats);
	shmbus_detach(b);
}

/*
 * One that is stopped, asleep or not, is a burden to nobody, and finds out
 * exactly what it has lost.  EVERY n-th frame is for it, the rest is not.
 */
static void
stopped_listener(bool asleep, unsigned every)
{
	struct listener *p = crew_shared(sizeof(*p));
	const unsigned slots = 64, frames = 5 * slots + 7;
	struct living l = { .other = NULL };
	uint8_t frame[STAMP_MIN];
	uint64_t all;
	pid_t pid;
	unsigned i;

	crew_bus("bus", slots, 0);
	snprintf(p->path, sizeof(p->path), "%s", crew_path("bus"));
	p->asleep = asleep;
	p->last = frames;
	living_begin(&l, p->path);
	check();
	pid = crew_start(listener, p);
	crew_await(&p->ready, 1);
	crew_nap(20000000); /* most likely asleep by now; right if not */
	crew_stop(pid);
	for (i = 1; i <= frames; i++) {
		struct stamp s = { 1, 1, i, 0 };

		if (i == frames)
			crew_cont(pid);
		stamp_make(frame, sizeof(frame),
		    i % every == 0 || i == frames ? mac_all : mac_nobody, &s);
		must(shmbus_send(l.s, frame, sizeof(frame)) == 0);
		if (i % 8 == 0)
			living_drain(&l);
	}
	crew_join(pid);
	living_drain(&l);
	all = p->stats.rx_frames + p->stats.rx_skipped + p->stats.rx_lost;
	printf("# stopped %s: %u sent, %llu received, %llu skipped, %llu "
	       "lost\n",
	    asleep ? "asleep" : "awake", frames,
	    (unsigned long long)p->stats.rx_frames,
	    (unsigned long long)p->stats.rx_skipped,
	    (unsigned long long)p->stats.rx_lost);
	must(p->stats.rx_frames == p->got);
	must(p->stats.rx_bad == 0);
	must(all == frames);
	if (every == 1) {
		must(p->stats.rx_lost >= frames - slots);
		must(p->stats.rx_skipped == 0);
	}
	living_end(&l);
	check();
}

static void
test_receiver(void **state)
{
	(void)state;
	stopped_listener(false, 1);
	stopped_listener(false, 3);
	stopped_listener(true, 1);
	stopped_listener(true, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_late_given_up),
		cmocka_unit_test(test_late_stepped_over),
		cmocka_unit_test(test_late_in_time),
		cmocka_unit_test(test_all_held),
		cmocka_unit_test(test_receiver),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
