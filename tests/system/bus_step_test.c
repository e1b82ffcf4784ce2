/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_step_test.c - killed, or stopped, at every instruction
 *
 * DOC: how
 *
 * A victim does one thing; it is held before one instruction of libshmbus that
 * the thing passes (steps.c), and either killed there, or left there for some
 * laps of others' traffic and then let go on.  Then the next victim, the next
 * instruction.  A sender and a reader who live see to it that they lose nothing
 * of each other's, that the victim's frames are whole, in order and never seen
 * twice, that what it was told of its frames is true, and that all slots are
 * in use again a lap later.
 *
 * Environment: SEED; ONLY, which tests.
 *
 * slow: 10
 */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/living.h"
#include "shmbus/shmbus.h"
#include "tests/lib/steps.h"

#define VICTIM 10u /* who */
#define SLOTS 16u
#define FRAMES 3u
#define FIRST 10u /* number of the first frame that counts */

enum action { SEND, BATCH, SENDV, RESERVE, CANCEL, RECEIVE, DETACH, ATTACH };
static const char *const action_names[] = { "send", "send_batch", "sendv",
	"reserve, commit", "reserve, cancel", "recv, wait", "detach",
	"attach" };

/* What a victim is to do, and what became of it. */
struct role {
	char path[256];
	enum action action;
	uint32_t life;
	_Atomic int done;
	_Atomic int error;
	_Atomic unsigned sent;
	_Atomic uint64_t failed; /* as its statistics say */
};

/* ---- the victim ---------------------------------------------------------- */

/* Does what ROLE says once, NUMBER being that of the first frame. */
static void
act(struct shmbus **b, struct role *role, uint64_t number)
{
	static uint8_t frames[FRAMES][STAMP_MAX];
	static const size_t len[FRAMES] = { 200, 90, 64 };
	struct iovec iov[FRAMES];
	uint8_t buf[STAMP_MAX];
	unsigned sent = 0, i;
	int error = 0;
	void *data;

	for (i = 0; i < FRAMES; i++) {
		struct stamp s = { VICTIM, role->life, number + i, 0 };

		stamp_make(frames[i], len[i], mac_all, &s);
		iov[i].iov_base = frames[i];
		iov[i].iov_len = len[i];
	}
	if (number == FIRST)
		steps_begin();
	switch (role->action) {
	case SEND:
		error = shmbus_send(*b, frames[0], len[0]);
		break;
	case BATCH:
		error = shmbus_send_batch(*b, iov, FRAMES, &sent);
		break;
	case SENDV:
		iov[0].iov_len = 100;
		iov[1].iov_base = frames[0] + 100;
		iov[1].iov_len = 100;
		error = shmbus_sendv(*b, iov, 2);
		break;
	case RESERVE:
	case CANCEL:
		if ((error = shmbus_reserve(*b, len[0], &data)) != 0)
			break;
		memcpy(data, frames[0], len[0]);
		if (role->action == RESERVE)
			error = shmbus_commit(*b, len[0]);
		else
			shmbus_cancel(*b);
		break;
	case RECEIVE:
		while (shmbus_recv(*b, buf, sizeof(buf), NULL) == 0)
			;
		shmbus_wait(*b, 1000000);
		break;
	case DETACH:
	case ATTACH:
		if (role->action == DETACH || number != FIRST)
			shmbus_detach(*b);
		if (role->action == ATTACH || number != FIRST)
			*b = crew_attach(role->path, VICTIM, 0);
		break;
	}
	steps_end();
	if (role->action == SEND || role->action == SENDV ||
	    role->action == RESERVE)
		sent = error == 0;
	atomic_store(&role->error, error);
	atomic_store(&role->sent, sent);
}

static void
victim(void *arg)
{
	struct role *role = arg;
	struct shmbus *b = crew_attach(role->path, VICTIM, 0);
	struct shmbus_stats st;

	if (b == NULL)
		return;
	act(&b, role, 1);
	if (role->action == ATTACH)
		shmbus_detach(b);
	act(&b, role, FIRST);
	if (role->action != DETACH) {
		shmbus_stats(b, &st);
		atomic_store(&role->failed, st.tx_failed);
		shmbus_detach(b);
	}
	atomic_store(&role->done, 1);
}

/* ---- the living ---------------------------------------------------------- */

/* What the reader has seen of victims. */
struct seen {
	uint32_t life;
	uint64_t number;
	unsigned frames; /* of this life, from FIRST on */
};

static void
see(struct living *l, const struct stamp *s)
{
	struct seen *v = l->arg;

	if (s->who != VICTIM || s->life < v->life ||
	    (s->life == v->life && s->number <= v->number))
		complain("victim: frame %u.%llu after %u.%llu",
		    (unsigned)s->life, (unsigned long long)s->number,
		    (unsigned)v->life, (unsigned long long)v->number);
	if (s->life != v->life)
		v->frames = 0;
	v->life = s->life;
	v->number = s->number;
	v->frames += s->number >= FIRST;
}

/* Whether what the victim was told fits what was SEEN. */
static void
check_told(const struct role *role, const struct seen *v)
{
	unsigned seen = v->life == role->life ? v->frames : 0;
	unsigned sent = atomic_load(&role->sent);
	unsigned tried = role->action == BATCH ? FRAMES :
	    role->action == SEND || role->action == SENDV ||
		role->action == RESERVE ?
						 1 :
						 0;
	int error = atomic_load(&role->error);

	must(atomic_load(&role->done) == 1);
	if (seen != sent)
		complain("%u frames seen, and it was told that %u were sent",
		    seen, sent);
	if (error != 0 && error != SHMBUS_EGIVENUP)
		complain("it was told: %s", shmbus_strerror(error));
	if (sent < tried && error == 0)
		complain("%u of %u sent, and no error", sent, tried);
	if (atomic_load(&role->failed) != tried - sent)
		complain("%u of %u sent, %u counted as failed", sent, tried,
		    (unsigned)atomic_load(&role->failed));
}

enum fate { KILLED, STOPPED };

/*
 * Does it to BUDGET instructions of ACTION at most, evenly spread.
 */
static void
at_steps(enum fate fate, enum action action, unsigned budget)
{
	static struct steps steps;
	struct role *role = crew_shared(sizeof(*role));
	struct seen seen = { 0, 0, 0 };
	struct living l = { .other = see, .arg = &seen };
	uint64_t seed = crew_seed() + action;
	unsigned i, stride, hit, missed = 0, held = 0, failed = 0, lost = 0;
	struct shmbus_stats st;

	crew_bus("bus", SLOTS, 0);
	snprintf(role->path, sizeof(role->path), "%s", crew_path("bus"));
	role->action = action;
	role->life = 1;
	if (!steps_record(&steps, victim, role)) {
		check();
		fail_msg("nothing recorded");
	}
	living_begin(&l, role->path);
	check();
	stride = (steps.n + budget - 1) / budget;
	for (i = rnd_below(&seed, stride); i < steps.n; i += stride) {
		pid_t pid;

		role->life++;
		atomic_store(&role->done, 0);
		atomic_store(&role->failed, 0);
		hit = action == BATCH ? 1 + (i + role->life) % FRAMES : 1;
		pid = steps_hold(steps.pc[i], hit, victim, role);
		if (pid == 0 && hit != 1) {
			living_send(&l, SLOTS);
			role->life++;
			hit = 1;
			pid = steps_hold(steps.pc[i], hit, victim, role);
		}
		if (pid == 0) {
			missed++;
		} else if (fate == KILLED) {
			if (role->life % 2)
				living_send(&l, 3); /* while it holds it */
			crew_kill(pid);
		} else {
			living_send(&l, role->life % 2 ? 3 : 3 * SLOTS);
			steps_release(pid);
			crew_join(pid);
			failed += atomic_load(&role->error) != 0;
		}
		held += pid != 0;
		/* It costs one lap at most, and no frame of ours. */
		living_send(&l, SLOTS);
		if (fate == STOPPED && pid != 0)
			check_told(role, &seen);
		lost += living_lap(&l, SLOTS);
		if (complained())
			complain("%s in %s before instruction %u of %u, time "
				 "%u, %#lx",
			    fate == KILLED ? "killed" : "stopped",
			    action_names[action], i, steps.n, hit,
			    (unsigned long)steps.pc[i]);
		check();
	}
	shmbus_stats(l.r, &st);
	printf("# %s: %u instructions, %s at %u, not come to %u, given up on "
	       "%u, slots not recovered %u\n",
	    action_names[action], steps.n,
	    fate == KILLED ? "killed" : "stopped", held, missed, failed, lost);
	living_end(&l);
	assert_int_equal(lost, 0);
	assert_int_equal(st.rx_lost, 0);
	assert_int_equal(st.rx_bad, 0);
	assert_true(held > 0);
	if (fate == STOPPED && action <= RESERVE)
		assert_true(failed > 0);
}

static void
need_steps(void)
{
	if (!steps_possible()) {
		complaints();
		skip();
	}
}

static void
test_killed(void **state)
{
	enum action a;

	(void)state;
	need_steps();
	for (a = SEND; a <= ATTACH; a++)
		at_steps(KILLED, a, crew_scale(a <= RESERVE ? 400 : 120));
}

static void
test_stopped(void **state)
{
	enum action a;

	(void)state;
	need_steps();
	for (a = SEND; a <= ATTACH; a++)
		at_steps(STOPPED, a, crew_scale(a <= RESERVE ? 400 : 60));
}

/* ---- whoever was to wake somebody ---------------------------------------- */

struct sleeper {
	char path[256];
	_Atomic uint64_t ready;
	_Atomic uint64_t got;	/* number of the last frame */
	_Atomic uint64_t lives; /* of victims, seen */
};

static void
sleeper(void *arg)
{
	struct sleeper *p = arg;
	struct shmbus_options opt = { .spin_us = -1 };
	uint8_t buf[STAMP_MAX];
	struct shmbus_frame f;
	struct shmbus *b;
	struct stamp s;

	if (shmbus_attach(p->path, &opt, &b) != 0) {
		complain("sleeper: attach");
		return;
	}
	for (;;) {
		if (shmbus_recv(b, buf, sizeof(buf), &f) != 0) {
			atomic_store(&p->ready, 1);
			shmbus_wait(b, -1);
		} else if (!stamp_read(buf, f.len, &s)) {
			complain("sleeper: a torn frame");
		} else if (s.who == VICTIM) {
			if (s.number >= FIRST)
				atomic_store(&p->lives, s.life);
		} else {
			atomic_store(&p->got, s.number);
		}
	}
}

/*
 * A sleeper gets the living sender's frame though another sender is held at any
 * instruction, also half-way through waking it; and that one's frame, if it was
 * published, though nobody wakes it any more.
 */
static void
test_waker(void **state)
{
	static struct steps steps;
	struct role *role = crew_shared(sizeof(*role));
	struct sleeper *p = crew_shared(sizeof(*p));
	struct seen seen = { 0, 0, 0 };
	struct living l = { .other = see, .arg = &seen };
	unsigned budget = crew_scale(60), i, stride, tried = 0, alone = 0;
	uint64_t longest = 0, longest_dead = 0, from;
	pid_t bed, pid;

	(void)state;
	need_steps();
	crew_bus("bus", 64, 0);
	snprintf(role->path, sizeof(role->path), "%s", crew_path("bus"));
	snprintf(p->path, sizeof(p->path), "%s", role->path);
	role->action = SEND;
	role->life = 1;
	bed = crew_start(sleeper, p);
	crew_await(&p->ready, 1);
	if (!steps_record(&steps, victim, role)) {
		check();
		fail_msg("nothing recorded");
	}
	living_begin(&l, role->path);
	stride = (steps.n + budget - 1) / budget;
	for (i = (unsigned)(crew_seed() % stride); i < steps.n; i += stride) {
		role->life++;
		pid = steps_hold(steps.pc[i], 1, victim, role);
		if (pid == 0)
			continue;
		tried++;
		from = crew_now();
		living_push(&l, 1);
		crew_await(&p->got, l.sent);
		if (crew_now() - from > longest)
			longest = crew_now() - from;
		crew_kill(pid);
		living_receive(&l);
		crew_nap(300000); /* most likely asleep again */
		check();
	}
	/* From the last third on it is published, and some have not rung. */
	for (i = steps.n * 2 / 3; i < steps.n; i += steps.n / 9 + 1) {
		role->life++;
		pid = steps_hold(steps.pc[i], 1, victim, role);
		if (pid == 0)
			continue;
		from = crew_now();
		crew_kill(pid);
		while (shmbus_wait(l.r, 50000000) == 0)
			living_drain(&l);
		if (seen.life == role->life && seen.number == FIRST) {
			alone++;
			crew_await(&p->lives, role->life);
			if (crew_now() - from > longest_dead)
				longest_dead = crew_now() - from;
		}
		check();
	}
	crew_kill(bed);
	living_end(&l);
	printf("# a waker held at %u of %u instructions; the longest time "
	       "till the other's frame came: %llu us\n",
	    tried, steps.n, (unsigned long long)longest / 1000);
	printf("# a waker killed %u times; the longest time till its frame "
	       "came: %llu us\n",
	    alone, (unsigned long long)longest_dead / 1000);
	check();
	assert_true(tried > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_waker),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, crew_begin, crew_end);
}
