/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus_container_test.c - containers on a bus that share nothing but its folder
 *
 * Their mount, PID, network and IPC namespaces are their own, so nothing that
 * a bus needs may go by a process number, a name outside the folder or a
 * socket: attaching, who is alive, waking, and what the dead leave.
 *
 * Environment: SEED.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/container.h"
#include "tests/lib/crew.h"
#include "tests/lib/living.h"
#include "shmbus/shmbus.h"
#include "tests/lib/stamp.h"

#define BUS CONTAINER_FOLDER "/bus"
#define ROUNDS 200u
#define FOR_EVER (-1)

/* What the test itself needs to know; the bus makes no use of it. */
struct play {
	_Atomic uint64_t ready, go, done;
	unsigned who;
	_Atomic uint64_t wakeups, rung;
};

/* Attaches to a bus that may be there or not, and that nobody else spins on. */
static struct shmbus *
join(unsigned who, unsigned flags)
{
	struct shmbus_options opt = { .flags = flags | SHMBUS_CREATE,
		.geometry = { .slots = 64 },
		.spin_us = -1 };
	struct shmbus *b = NULL;
	int error;

	stamp_mac(opt.mac, who);
	if ((error = shmbus_attach(BUS, &opt, &b)) != 0)
		complain("container %u: %s: %s", who, shmbus_strerror(error),
		    shmbus_why());
	return b;
}

static void
send_to(struct shmbus *b, unsigned who, unsigned to, uint64_t number)
{
	struct stamp s = { who, 0, number, 0 };
	uint8_t frame[200], mac[6];
	int error;

	stamp_mac(mac, to);
	stamp_make(frame, sizeof(frame), mac, &s);
	do
		error = shmbus_send(b, frame, sizeof(frame));
	while (error == SHMBUS_EGIVENUP);
	if (error != 0)
		complain("container %u: send: %s", who, shmbus_strerror(error));
}

/* Sleeps until a frame comes.  It must be frame NUMBER of FROM. */
static void
await_frame(struct shmbus *b, unsigned from, uint64_t number)
{
	uint8_t buf[STAMP_MAX];
	struct shmbus_frame f;
	struct stamp s;

	while (shmbus_recv(b, buf, sizeof(buf), &f) != 0)
		if (complained() || shmbus_wait(b, FOR_EVER) != 0)
			return;
	if (!stamp_read(buf, f.len, &s))
		complain("a torn frame");
	else if (s.who != from || s.number != number)
		complain("frame %llu of %u instead of %llu of %u",
		    (unsigned long long)s.number, s.who,
		    (unsigned long long)number, from);
}

/* How many are attached and alive, as B sees it. */
static unsigned
alive(struct shmbus *b)
{
	struct shmbus_peer peers[SHMBUS_ATTACH_MAX];
	unsigned n = 0, count = 0, i;

	must(shmbus_list(b, peers, SHMBUS_ATTACH_MAX, &count) == 0);
	for (i = 0; i < count; i++) {
		/* Each is process 1 of its own container. */
		must(peers[i].pid == 1);
		n += peers[i].alive != 0;
	}
	return n;
}

static void
await_alive(struct shmbus *b, unsigned n)
{
	uint64_t end = crew_now() + CREW_PATIENCE * 1000000000ull;

	while (alive(b) != n && !complained()) {
		if (crew_now() > end)
			complain("%u are alive, not %u", alive(b), n);
		crew_nap(1000000);
	}
}

/* Two of them, each waiting for the other's frame and answering it. */
static void
player(void *arg)
{
	struct play *p = arg;
	unsigned other = p->who ^ 1;
	struct shmbus_stats st;
	struct shmbus *b;
	uint64_t i;

	if ((b = join(p->who, 0)) == NULL)
		return;
	await_alive(b, 2);
	for (i = 1; i <= ROUNDS && !complained(); i++) {
		if (p->who == 0)
			send_to(b, 0, 1, i);
		await_frame(b, other, i);
		crew_nap(500000); /* the other falls asleep */
		if (p->who == 1)
			send_to(b, 1, 0, i);
	}
	shmbus_stats(b, &st);
	must(st.rx_frames == ROUNDS);
	must(st.tx_frames == ROUNDS);
	must(st.rx_lost + st.rx_bad == 0);
	atomic_store(&p->wakeups, st.wakeups);
	atomic_store(&p->rung, st.rung);
	shmbus_detach(b);
}

/*
 * Both create the bus or find it, meet there, and wake each other: had the
 * doorbells not been heard, each round would have ended with the look that a
 * sleeper takes once a second, which does not count as woken.
 */
static void
test_meet_and_wake(void **state)
{
	struct play *p[2];
	struct container c[2];
	unsigned i;

	(void)state;
	remove(crew_path("bus"));
	for (i = 0; i < 2; i++) {
		p[i] = crew_shared(sizeof(*p[i]));
		p[i]->who = i;
		c[i] = container_start(player, p[i]);
	}
	for (i = 0; i < 2; i++)
		container_join(c[i]);
	check();
	for (i = 0; i < 2; i++) {
		printf("# container %u: %llu rounds, woken %llu times, "
		       "rang %llu times\n",
		    i, (unsigned long long)ROUNDS,
		    (unsigned long long)p[i]->wakeups,
		    (unsigned long long)p[i]->rung);
		/* How often depends on the scheduler; that it works does not. */
		assert_true(p[i]->wakeups > 0);
		assert_true(p[i]->rung > 0);
	}
}

/* Has a slot in hand, and goes no further until told. */
static void
holder(void *arg)
{
	struct play *p = arg;
	struct stamp s = { p->who, 0, 1, 0 };
	struct shmbus *b = join(p->who, 0);
	void *data;

	if (b == NULL)
		return;
	must(shmbus_reserve(b, 200, &data) == 0);
	atomic_store(&p->ready, 1);
	if (!crew_await(&p->go, 1))
		return;
	stamp_make(data, 200, mac_all, &s);
	must(shmbus_commit(b, 200) == SHMBUS_EGIVENUP);
	send_to(b, p->who, 9, 2);
	shmbus_detach(b);
	atomic_store(&p->done, 1);
}

/* Sends and receives for laps while others hold slots. */
static void
survivor(void *arg)
{
	struct play *p = arg;
	struct living l;
	struct shmbus *b;

	memset(&l, 0, sizeof(l));
	if ((b = join(p->who, 0)) == NULL || !living_begin(&l, BUS))
		return;
	await_alive(b, 4);
	living_send(&l, 3 * l.slots);
	atomic_store(&p->ready, 1);
	crew_await(&p->go, 1);
	await_alive(b, 3);
	living_send(&l, 3 * l.slots);
	living_end(&l);
	/* Longer than a sleeper needs to notice deaths and clear up. */
	shmbus_wait(b, 1100000000);
	must(living_unrecovered(BUS, 3) == 0);
	shmbus_detach(b);
}

static void
hold(bool kill_it)
{
	struct play *h = crew_shared(sizeof(*h));
	struct play *p = crew_shared(sizeof(*p));
	struct container held, alive_one;

	remove(crew_path("bus"));
	h->who = 5;
	p->who = 6;
	held = container_start(holder, h);
	crew_await(&h->ready, 1);
	if (!kill_it && held.pid > 0)
		kill(held.pid, SIGSTOP);
	alive_one = container_start(survivor, p);
	crew_await(&p->ready, 1);
	if (kill_it) {
		container_kill(held);
	} else {
		/* It was given up on, and wakes to learn of it. */
		kill(held.pid, SIGCONT);
		atomic_store(&h->go, 1);
		crew_await(&h->done, 1);
		container_join(held);
	}
	atomic_store(&p->go, 1);
	container_join(alive_one);
	check();
}

/* A container is killed with a slot in hand: seen to be dead, cleared up. */
static void
test_killed(void **state)
{
	(void)state;
	hold(true);
}

/* One is stopped with a slot in hand: the others go on, and it, later, too. */
static void
test_stopped(void **state)
{
	(void)state;
	hold(false);
}

/* A death between a sleeper's mark and its ring is noticed from outside. */
static void
test_left_alone(void **state)
{
	struct play *h = crew_shared(sizeof(*h));
	struct container held;
	struct shmbus_peer peer;
	struct shmbus *b;
	unsigned n = 0;

	(void)state;
	remove(crew_path("bus"));
	h->who = 5;
	held = container_start(holder, h);
	crew_await(&h->ready, 1);
	check();
	/* We are not in a container: the host's view of it. */
	b = crew_attach(crew_path("bus"), 1, 0);
	check();
	assert_int_equal(shmbus_list(b, &peer, 1, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(peer.pid, 1);
	assert_int_equal(peer.alive, 1);
	container_kill(held);
	do
		assert_int_equal(shmbus_list(b, &peer, 1, &n), 0);
	while (peer.alive && n == 2 && shmbus_wait(b, 10000000) != ECANCELED);
	shmbus_detach(b);
	must(living_unrecovered(crew_path("bus"), 4) == 0);
	check();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meet_and_wake),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_left_alone),
	};
	const char *why;

	if (crew_begin(NULL) != 0)
		return 1;
	if ((why = container_impossible()) != NULL) {
		printf("1..0 # SKIP %s\n", why);
		return crew_end(NULL);
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, crew_end);
}
