/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_kill_test.c - senders are killed, and nobody else notices
 *
 * DOC: how
 *
 * Two talkers exchange numbered frames under flow control, so that none of
 * theirs may be lost: each sends no more than a window ahead of what the other
 * says it has received.  Victims send what they like, in all ways there are,
 * but only while the talkers are not far behind the tail; they are killed at
 * random moments and replaced.  The talkers check every frame.  What victims
 * had sent is known to within the call they were killed in.
 *
 * Random moments miss most instructions: see bus_step_test.c.
 *
 * Environment: KILLS, how many at random moments; SEED; ONLY, which tests.
 *
 * slow: 7
 */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/lib/living.h"
#include "shmbus/shmbus.h"

#define WINDOW 4u
#define VICTIMS 3u
#define BATCH_MAX 4u
#define VICTIM_FROM 10u /* who */
#define SLOW_NS 200000u
#define SLOW_LOG 4096u
#define WORST 8u

#define SECOND 1000000000u

struct worst {
	uint64_t ns, number;
};

struct talker_result {
	struct shmbus_stats stats;
	uint64_t sent, victims, digest, given_up;
	struct worst worst[WORST];
	_Atomic uint64_t slow[SLOW_LOG];
};

/* What all processes of one run share. */
struct board {
	char path[256];
	bool promisc;
	uint32_t limit;		  /* how far behind talkers may be */
	_Atomic uint64_t present; /* talkers that have attached */
	_Atomic uint64_t stop;
	_Atomic uint64_t consumed[2]; /* position a talker has come to */
	_Atomic uint64_t got[2];      /* stream frames it has received */
	_Atomic uint64_t final[2];    /* number of the last one it sent */
	struct talker_result result[2];
	struct {
		_Atomic uint64_t ready;	 /* the life that has attached */
		_Atomic uint64_t done;	 /* frames surely published */
		_Atomic uint64_t flight; /* frames of the call under way */
	} victim[VICTIMS];
};

/* What one child is to be. */
struct role {
	struct board *board;
	unsigned side; /* talker, or victim */
	uint32_t life;
};

/* ---- talkers ------------------------------------------------------------- */

/* A talker's private memory. */
struct talker {
	struct board *board;
	struct talker_result *res;
	struct shmbus *bus;
	unsigned side;
	uint64_t sent, next; /* next: number expected from the other */
	uint64_t at, delay[2], delay_at[2]; /* of the scheduler; see note() */
	uint32_t life[VICTIMS];
	uint64_t number[VICTIMS];
	uint64_t seed;
};

static uint64_t
real_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* How long this thread has waited for a processor so far; 0: not known. */
static uint64_t
run_delay(void)
{
	unsigned long long ran, waited = 0;
	FILE *f = fopen("/proc/thread-self/schedstat", "r");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu %llu", &ran, &waited) != 2)
		waited = 0;
	fclose(f);
	return waited;
}

/*
 * Notes how late a frame of the stream came, less what the scheduler kept its
 * receiver waiting.  For the record only.
 */
static void
note_delay(struct talker *t, uint64_t number, uint64_t sent_ns)
{
	uint64_t now = real_ns();
	uint64_t late = now > sent_ns ? now - sent_ns : 0;
	unsigned i, least = 0;

	if (late < SLOW_NS)
		return;
	if (t->delay_at[1] + SLOW_NS < now) {
		t->delay[0] = t->delay[1];
		t->delay[1] = run_delay();
		t->delay_at[0] = t->delay_at[1];
		t->delay_at[1] = now;
	}
	late -= late < t->delay[1] - t->delay[0] ? late :
						   t->delay[1] - t->delay[0];
	for (i = 1; i < WORST; i++)
		if (t->res->worst[i].ns < t->res->worst[least].ns)
			least = i;
	if (late > t->res->worst[least].ns) {
		t->res->worst[least].ns = late;
		t->res->worst[least].number = number;
	}
}

/* A frame of a victim: whole, and in order without repeats. */
static void
take_victim(struct talker *t, const struct stamp *s)
{
	unsigned v = s->who - VICTIM_FROM;

	if (v >= VICTIMS) {
		complain("a frame of nobody, %u", (unsigned)s->who);
		return;
	}
	if (s->life < t->life[v] ||
	    (s->life == t->life[v] && s->number <= t->number[v]))
		complain("talker %u: victim %u: frame %u.%llu after %u.%llu",
		    t->side, v, (unsigned)s->life,
		    (unsigned long long)s->number, (unsigned)t->life[v],
		    (unsigned long long)t->number[v]);
	t->life[v] = s->life;
	t->number[v] = s->number;
	t->res->victims++;
	t->res->digest = (t->res->digest ^ s->number ^ (uint64_t)s->life << 40 ^
			     (uint64_t)v << 32) *
		0x9e3779b97f4a7c15u +
	    1;
}

static void
take(struct talker *t, const struct shmbus_frame *f)
{
	struct stamp s;

	if (!stamp_read(f->data, f->len, &s)) {
		complain("talker %u: a torn frame at %llu, length %u", t->side,
		    (unsigned long long)f->position, (unsigned)f->len);
		return;
	}
	if (s.who == 1 - t->side) {
		if (s.number != t->next)
			complain("talker %u: frame %llu instead of %llu",
			    t->side, (unsigned long long)s.number,
			    (unsigned long long)t->next);
		t->next = s.number + 1;
		atomic_store(&t->board->got[t->side], s.number);
		note_delay(t, s.number, f->time_ns);
	} else {
		take_victim(t, &s);
	}
	atomic_store(&t->board->consumed[t->side], f->position + 1);
}

/* Sends the next frame of the stream, again where others gave up on it. */
static void
say(struct talker *t)
{
	uint8_t frame[STAMP_MAX], dst[6];
	struct stamp s = { t->side, 0, ++t->sent, 0 };
	size_t len = rnd_len(&t->seed);
	uint64_t before;
	int error;

	stamp_mac(dst, 1 - t->side);
	stamp_make(frame, len, t->sent % 8 ? dst : mac_all, &s);
	do {
		before = crew_now();
		error = shmbus_send(t->bus, frame, len);
		if (crew_now() - before > SLOW_NS)
			atomic_store(&t->res->slow[t->sent % SLOW_LOG],
			    t->sent);
		t->res->given_up += error == SHMBUS_EGIVENUP;
	} while (error == SHMBUS_EGIVENUP);
	if (error != 0)
		complain("talker %u: send: %s", t->side,
		    shmbus_strerror(error));
}

static void
talker(void *arg)
{
	struct role *r = arg;
	struct board *b = r->board;
	struct talker t = { .board = b,
		.res = &b->result[r->side],
		.side = r->side,
		.next = 1,
		.seed = crew_seed() + r->side };
	static uint8_t bufs[16][STAMP_MAX + 4];
	struct shmbus_rx rx[16];
	uint64_t end = crew_now() + CREW_PATIENCE * (uint64_t)SECOND;
	unsigned i, got;

	t.bus = crew_attach(b->path, t.side, b->promisc ? SHMBUS_PROMISC : 0);
	if (t.bus == NULL)
		return;
	atomic_fetch_add(&b->present, 1);
	if (!crew_await(&b->present, 2))
		return;
	for (i = 0; i < 16; i++) {
		rx[i].buf = bufs[i];
		rx[i].size = STAMP_MAX;
	}
	while (!complained()) {
		uint64_t last = atomic_load(&b->final[1 - t.side]);
		int error;

		if (last != 0 && t.next > last)
			break;
		error = shmbus_recv_batch(t.bus, rx, 16, &got);
		for (i = 0; i < got; i++)
			take(&t, &rx[i].frame);
		if (got != 0)
			end = crew_now() + CREW_PATIENCE * (uint64_t)SECOND;
		else if (error != EAGAIN)
			complain("talker %u: recv: %s", t.side,
			    shmbus_strerror(error));
		else if (crew_now() > end)
			complain("talker %u: waits for ever for frame %llu",
			    t.side, (unsigned long long)t.next);
		if (atomic_load(&b->final[t.side]) != 0) {
			;
		} else if (atomic_load(&b->stop)) {
			say(&t);
			atomic_store(&b->final[t.side], t.sent);
		} else {
			/* Its own frames, too, take the place of others'. */
			for (i = 0; i < WINDOW; i++)
				if (t.sent - atomic_load(&b->got[1 - t.side]) <
				    WINDOW)
					say(&t);
		}
		if (got == 0)
			shmbus_wait(t.bus, rnd_below(&t.seed, 5000000));
	}
	while (shmbus_recv_batch(t.bus, rx, 16, &got) == 0)
		for (i = 0; i < got; i++)
			take(&t, &rx[i].frame);
	shmbus_stats(t.bus, &t.res->stats);
	t.res->sent = t.sent;
	shmbus_detach(t.bus);
}

/* ---- victims ------------------------------------------------------------- */

/* Sends N frames of the lengths LEN at FRAMES in one of all ways. */
static int
send_somehow(struct shmbus *b, uint8_t frames[][STAMP_MAX], const size_t *len,
    unsigned n, uint64_t *seed, unsigned *sent)
{
	struct iovec iov[BATCH_MAX];
	void *data;
	unsigned i;
	int error;

	*sent = 0;
	if (n > 1) {
		for (i = 0; i < n; i++) {
			iov[i].iov_base = frames[i];
			iov[i].iov_len = len[i];
		}
		return shmbus_send_batch(b, iov, n, sent);
	}
	switch (rnd_below(seed, 3)) {
	case 0:
		error = shmbus_send(b, frames[0], len[0]);
		break;
	case 1:
		iov[0].iov_base = frames[0];
		iov[0].iov_len = 14;
		iov[1].iov_base = frames[0] + 14;
		iov[1].iov_len = len[0] - 14;
		error = shmbus_sendv(b, iov, 2);
		break;
	default:
		if ((error = shmbus_reserve(b, STAMP_MAX, &data)) != 0)
			break;
		memcpy(data, frames[0], len[0]);
		if (rnd_below(seed, 16) == 0) {
			shmbus_cancel(b);
			return 0;
		}
		error = shmbus_commit(b, len[0]);
	}
	*sent = error == 0;
	return error;
}

static void
victim(void *arg)
{
	struct role *r = arg;
	struct board *b = r->board;
	uint64_t seed = crew_seed() ^ (uint64_t)r->life << 8 ^ r->side;
	static uint8_t frames[BATCH_MAX][STAMP_MAX];
	uint8_t buf[64];
	uint64_t number = 0;
	struct shmbus_info info;
	struct shmbus *bus;

again:
	bus = crew_attach(b->path, VICTIM_FROM + r->side, 0);
	if (bus == NULL)
		return;
	atomic_store(&b->victim[r->side].ready, r->life);
	for (;;) {
		size_t len[BATCH_MAX];
		unsigned n = rnd_below(&seed, 2) ?
		    1 :
		    1 + rnd_below(&seed, BATCH_MAX);
		unsigned i, sent;
		uint64_t a, c;
		int error;

		for (i = 0; i < n; i++) {
			struct stamp s = { VICTIM_FROM + r->side, r->life,
				++number, 0 };

			len[i] = rnd_len(&seed);
			stamp_make(frames[i], len[i],
			    rnd_below(&seed, 3) ? mac_all : mac_nobody, &s);
		}
		do {
			shmbus_info(bus, &info);
			a = atomic_load(&b->consumed[0]);
			c = atomic_load(&b->consumed[1]);
			if (a > c)
				a = c;
		} while (
		    info.tail > a + b->limit && shmbus_wait(bus, 20000) >= 0);
		atomic_store(&b->victim[r->side].flight, n);
		error = send_somehow(bus, frames, len, n, &seed, &sent);
		atomic_fetch_add(&b->victim[r->side].done, sent);
		atomic_store(&b->victim[r->side].flight, 0);
		if (error != 0 && error != SHMBUS_EGIVENUP)
			complain("victim: send: %s", shmbus_strerror(error));
		while (rnd_below(&seed, 4))
			shmbus_recv(bus, buf, sizeof(buf), NULL);
		if (rnd_below(&seed, 64) == 0) {
			shmbus_detach(bus);
			goto again;
		}
	}
}

/* ---- killed at random moments -------------------------------------------- */

static uint64_t kills_done;

/* The worst delay of TALKER's frames that was not their sender's own. */
static uint64_t
worst_delay(const struct board *b, unsigned talker)
{
	const struct talker_result *r = &b->result[talker];
	const struct talker_result *other = &b->result[1 - talker];
	uint64_t worst = 0;
	unsigned i;

	for (i = 0; i < WORST; i++)
		if (r->worst[i].ns > worst &&
		    atomic_load(&other->slow[r->worst[i].number % SLOW_LOG]) !=
			r->worst[i].number)
			worst = r->worst[i].ns;
	return worst;
}

/* What the talkers have counted must fit what was sent; MAYBE: see victim. */
static void
check_counts(const struct board *b, uint64_t maybe)
{
	uint64_t done = 0;
	unsigned i;

	for (i = 0; i < VICTIMS; i++)
		done += atomic_load(&b->victim[i].done);
	for (i = 0; i < 2; i++) {
		const struct talker_result *r = &b->result[i];
		uint64_t theirs = r->stats.rx_frames + r->stats.rx_skipped +
		    r->stats.rx_lost - b->result[1 - i].sent;

		printf("# talker %u: %llu sent, %llu received, %llu of "
		       "victims, %llu skipped, %llu lost, %llu bad, gave up "
		       "on %llu, was given up on %llu times, worst delay %llu "
		       "us\n",
		    i, (unsigned long long)r->sent,
		    (unsigned long long)r->stats.rx_frames,
		    (unsigned long long)r->victims,
		    (unsigned long long)r->stats.rx_skipped,
		    (unsigned long long)r->stats.rx_lost,
		    (unsigned long long)r->stats.rx_bad,
		    (unsigned long long)r->stats.gave_up,
		    (unsigned long long)r->given_up,
		    (unsigned long long)worst_delay(b, i) / 1000);
		must(r->stats.rx_lost == 0);
		must(r->stats.rx_bad == 0);
		must(r->stats.tx_frames == r->sent);
		must(r->stats.tx_failed == r->given_up);
		must(r->stats.rx_frames == b->result[1 - i].sent + r->victims);
		if (theirs < done || theirs > done + maybe)
			complain("talker %u: %llu frames of victims, who sent "
				 "%llu and perhaps %llu more",
			    i, (unsigned long long)theirs,
			    (unsigned long long)done,
			    (unsigned long long)maybe);
	}
	must(b->result[0].victims == b->result[1].victims);
	must(b->result[0].digest == b->result[1].digest);
	must(b->result[0].stats.rx_skipped == b->result[1].stats.rx_skipped);
	if (b->promisc)
		must(b->result[0].stats.rx_skipped == 0);
	must(done == 0 || b->result[0].victims != 0);
}

static void
kill_at_random(uint32_t slots, unsigned kills, bool promisc)
{
	struct board *b = crew_shared(sizeof(*b));
	struct role roles[2] = { { b, 0, 0 }, { b, 1, 0 } };
	struct role victims[VICTIMS];
	uint64_t seed = crew_seed() + slots;
	pid_t pids[2], vpids[VICTIMS] = { 0 };
	uint64_t maybe = 0;
	unsigned i, v, n, lost;

	crew_bus("bus", slots, 0);
	snprintf(b->path, sizeof(b->path), "%s", crew_path("bus"));
	b->promisc = promisc;
	b->limit = slots / 2 - 4 * WINDOW;
	for (i = 0; i < 2; i++)
		pids[i] = crew_start(talker, &roles[i]);
	crew_await(&b->present, 2);
	for (v = 0; v < VICTIMS; v++)
		victims[v] = (struct role){ b, v, 0 };
	for (n = 0; n < kills && !complained();) {
		v = rnd_below(&seed, VICTIMS);
		if (vpids[v] == 0) {
			victims[v].life++;
			vpids[v] = crew_start(victim, &victims[v]);
			continue;
		}
		/* One in eight dies before or while it attaches. */
		if (rnd_below(&seed, 8) != 0 &&
		    !crew_await(&b->victim[v].ready, victims[v].life))
			break;
		crew_nap(rnd_below(&seed, 3000000));
		crew_kill(vpids[v]);
		vpids[v] = 0;
		maybe += atomic_exchange(&b->victim[v].flight, 0);
		n++;
	}
	for (v = 0; v < VICTIMS; v++) {
		crew_kill(vpids[v]);
		n += vpids[v] != 0;
		maybe += atomic_exchange(&b->victim[v].flight, 0);
	}
	atomic_store(&b->stop, 1);
	for (i = 0; i < 2; i++)
		crew_join(pids[i]);
	kills_done += n;
	printf("# %u slots: %u kills\n", slots, n);
	check_counts(b, maybe);
	check();
	lost = living_unrecovered(b->path, 2);
	printf("# slots not recovered: %u\n", lost);
	check();
	assert_int_equal(lost, 0);
}

static unsigned
kills_wanted(void)
{
	return (unsigned)crew_number("KILLS", crew_scale(1000));
}

static void
test_kill_small(void **state)
{
	(void)state;
	kill_at_random(64, kills_wanted() / 2, true);
}

static void
test_kill_default(void **state)
{
	(void)state;
	kill_at_random(SHMBUS_SLOTS_DEFAULT, kills_wanted() / 2, false);
}

/* ---- everything at once --------------------------------------------------- */

static void
storm(void *arg)
{
	char *out = arg;
	char self[4096], command[8400];
	const char *emulator = getenv("EMULATOR"); /* see tests/exec */
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (n <= 0 || fd == -1)
		_exit(1);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(command, sizeof(command), "exec %s '%s/../storm/storm'",
	    emulator != NULL ? emulator : "", self);
	dup2(fd, 1);
	dup2(fd, 2);
	setenv("SECONDS", "3", 0);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* A short storm; the program itself makes longer ones. */
static void
test_storm(void **state)
{
	char out[256], line[512];
	FILE *f;

	(void)state;
	snprintf(out, sizeof(out), "%s", crew_path("storm.out"));
	crew_join(crew_start(storm, out));
	f = fopen(out, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		printf("# storm: %s", line);
	if (f != NULL)
		fclose(f);
	check();
}

static int
teardown(void **state)
{
	printf("# %llu kills\n", (unsigned long long)kills_done);
	return crew_end(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kill_small),
		cmocka_unit_test(test_kill_default),
		cmocka_unit_test(test_storm),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, crew_begin, teardown);
}
