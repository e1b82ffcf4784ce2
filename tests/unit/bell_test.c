/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bell_test.c - doorbells and the table, step by step
 *
 * DOC: shmbus/bell.c and shmbus/entry.c are compiled here with a point before
 * every access to the bus (tests/lib/points.h), and with a kernel of the test's
 * own: its futex, its locks, its clock.  An operation is run up to a point, then
 * others change what is theirs, then the operation goes on to its end, for each
 * point that there is.  What others did must still be there afterwards.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmbus/internal.h"
#include "tests/lib/actors.h"
#include "tests/lib/world.h"

#define SLOTS 64u
#define ME 5u
#define OTHER 70u
#define SECOND 1000000000u

static struct world *all;
static struct format_header *head;
static struct shmbus *bus;

/* ---- the kernel --------------------------------------------------------- */

static struct {
	unsigned wakes, waits;
	const uint32_t *woken;	 /* the last one */
	uint32_t value;		 /* what FUTEX_WAIT was to compare with */
	uint64_t timeout;	 /* nanoseconds */
	int error;		 /* what FUTEX_WAIT fails with; 0: woken */
	void (*meanwhile)(void); /* what others do while it sleeps */
	bool owned[FORMAT_ATTACHMENTS]; /* the lock of a number is held */
	bool ours[FORMAT_ATTACHMENTS];	/* by us */
	bool refuse;			/* read locks are in the way */
	unsigned taken, released;
} kernel;

static long
fake_syscall(long nr, uint32_t *at, int op, uint32_t value,
    const struct timespec *t, void *a, int c)
{
	(void)a;
	(void)c;
	assert_int_equal(nr, SYS_futex);
	if (op == FUTEX_WAKE) {
		kernel.wakes++;
		kernel.woken = at;
		return 1;
	}
	assert_int_equal(op, FUTEX_WAIT);
	kernel.waits++;
	kernel.value = value;
	kernel.timeout = (uint64_t)t->tv_sec * SECOND + (uint64_t)t->tv_nsec;
	assert_ptr_equal(at, &bus->entry->door);
	if (kernel.meanwhile != NULL)
		kernel.meanwhile();
	errno = kernel.error != 0 ? kernel.error : EAGAIN;
	return kernel.error != 0 || *at != value ? -1 : 0;
}

static int
fake_lock(int fd, int64_t byte, enum file_lock what)
{
	unsigned i = (unsigned)(byte - FORMAT_LOCK_ATTACH);

	(void)fd;
	actor_point();
	assert_true(i < FORMAT_ATTACHMENTS);
	if (what == LOCK_NONE) {
		kernel.released += kernel.ours[i];
		kernel.ours[i] = false;
		return 0;
	}
	assert_int_equal(what, LOCK_TO_WRITE);
	if (kernel.owned[i] || kernel.refuse)
		return EAGAIN;
	kernel.ours[i] = true;
	kernel.taken++;
	return 0;
}

static bool
fake_alive(const struct shmbus *of, unsigned i)
{
	(void)of;
	actor_point();
	return kernel.owned[i];
}

static unsigned kept, gone;

static void
fake_keep(struct shmbus *of)
{
	(void)of;
	kept++;
}

static void
fake_leave(struct shmbus *of)
{
	(void)of;
	gone++;
}

static uint64_t
fake_ns(clockid_t id)
{
	(void)id;
	return all->now;
}

#define syscall(nr, at, op, value, t, a, c) \
	fake_syscall(nr, at, op, (uint32_t)(value), t, a, c)
#define file_lock fake_lock
#define owner_is_alive fake_alive
#define owner_keep fake_keep
#define owner_leave fake_leave
#define clock_ns fake_ns
#include "tests/lib/points.h"
#include "shmbus/bell.c"
#include "shmbus/entry.c"
#undef memcpy
#undef file_lock

/* ---- scenes ------------------------------------------------------------- */

static AO_t
ident_of(unsigned i)
{
	return frame_address(i) | FORMAT_ATT_USED;
}

static struct format_attachment *
att(unsigned i)
{
	return &bus->ring.att[i];
}

/* A new bus, with us as ME and an OTHER, whose address is in the table. */
static void
scene(void)
{
	static struct mapping map;
	struct ring *r;

	world_reset(all);
	memset(&kernel, 0, sizeof(kernel));
	memset(bus, 0, sizeof(*bus));
	kept = gone = 0;
	head = (void *)all->base;
	r = &bus->ring;
	world_attach(all, r, ME, false);
	bus->map = &map;
	bus->entry = att(ME);
	bus->geo = all->geo;
	bus->ident = ident_of(ME);
	bus->next_reap = ME + 1;
	AO_store(&bus->entry->ident, bus->ident);
	AO_store(&att(OTHER)->ident, ident_of(OTHER));
	kernel.owned[ME] = kernel.owned[OTHER] = true;
	all->dead[OTHER] = false;
}

static int
begin(void **state)
{
	(void)state;
	all = world_new(1500, SLOTS);
	bus = aligned_alloc(128, (sizeof(*bus) + 127) / 128 * 128);
	return bus == NULL;
}

static int
end(void **state)
{
	(void)state;
	actors_leave();
	free(bus);
	world_free(all);
	return 0;
}

/* ---- others' bits ------------------------------------------------------- */

/* Bits of others in each word of both maps: half of them, or the other half. */
static void
others(bool odd)
{
	unsigned i;

	for (i = 0; i < FORMAT_MAP_WORDS; i++) {
		AO_t half = odd ? 0xaaaaaaaaaaaaaaaau : 0x5555555555555555u;
		AO_t own = i == ME / 64 ? (AO_t)1 << ME : 0;

		AO_and_full(&head->sleeping[i], own);
		AO_or_full(&head->sleeping[i], half & ~own);
		AO_and_full(&head->promisc[i], own);
		AO_or_full(&head->promisc[i], half & ~own);
	}
	AO_fetch_and_add1_full(&head->changes);
}

static void
others_stay(AO_t sleeping, AO_t promisc)
{
	unsigned i;

	for (i = 0; i < FORMAT_MAP_WORDS; i++) {
		AO_t half = 0xaaaaaaaaaaaaaaaau;
		AO_t own = i == ME / 64 ? (AO_t)1 << ME : 0;

		assert_int_equal(AO_load(&head->sleeping[i]),
		    (half & ~own) | (own & sleeping));
		assert_int_equal(AO_load(&head->promisc[i]),
		    (half & ~own) | (own & promisc));
	}
}

static void
op_sleep(void *arg)
{
	(void)arg;
	kernel.error = ETIMEDOUT;
	bell_sleep(bus, SECOND);
}

static void
op_clear(void *arg)
{
	(void)arg;
	clear_own_bit(bus);
}

/* It goes to sleep while its sending side clears its bit. */
static void
op_clear_asleep(void *arg)
{
	(void)arg;
	AO_and_full(&head->sleeping[0], ~((AO_t)1 << ME));
	ring_fence();
	AO_store(&bus->asleep, 1);
	AO_or_full(&head->sleeping[0], (AO_t)1 << ME);
}

static void
op_promisc(void *arg)
{
	shmbus_set_promisc(bus, arg != NULL);
}

static void
op_leave(void *arg)
{
	(void)arg;
	entry_leave(bus);
}

static void
op_keep(void *arg)
{
	(void)arg;
	entry_keep(bus);
}

static void
op_fill(void *arg)
{
	(void)arg;
	entry_fill(bus, "name");
}

/* Whatever it does to its own bits, those of others are as they were left. */
static void
test_others_bits(void **state)
{
	static const struct {
		void (*run)(void *arg);
		bool arg;	      /* not NULL */
		bool asleep, promisc; /* its own bits before */
		bool then_asleep, then_promisc;
		unsigned changes; /* that it makes others look for */
	} ops[] = {
		{ op_sleep, false, false, false, false, false, 0 },
		{ op_clear, false, true, false, false, false, 0 },
		{ op_promisc, true, false, false, false, true, 1 },
		{ op_promisc, false, false, true, false, false, 1 },
		{ op_leave, false, true, true, false, false, 1 },
		{ op_keep, false, true, true, false, false, 1 },
		{ op_fill, false, true, true, false, false, 1 },
	};
	unsigned k, i, points = 0;

	(void)state;
	for (k = 0; k < sizeof(ops) / sizeof(ops[0]); k++)
		for (i = 0;; i++) {
			AO_t own = (AO_t)1 << ME, changes;
			bool over;

			scene();
			if (ops[k].promisc && ops[k].run == op_promisc)
				bus->ident |= FORMAT_ATT_PROMISC;
			others(false);
			if (ops[k].asleep)
				AO_or_full(&head->sleeping[0], own);
			if (ops[k].promisc)
				AO_or_full(&head->promisc[0], own);
			changes = AO_load(&head->changes);
			actor_cast(0, ops[k].run, ops[k].arg ? &points : NULL);
			actor_play(0, i);
			over = actor_ended(0);
			others(true);
			actor_play(0, FOR_EVER);
			others_stay(ops[k].then_asleep ? own : 0,
			    ops[k].then_promisc ? own : 0);
			assert_int_equal(AO_load(&head->changes),
			    changes + ops[k].changes + 1);
			points++;
			if (over)
				break;
		}
	assert_true(points > 60);
}

/*
 * A liar has set our bit.  If we go to sleep at point AT, while it is cleared,
 * then in the end the bit is set, or we were woken; and what others change of
 * theirs THEN points later stays.  Whether it was over by then.
 */
static bool
clear_amid(unsigned at, unsigned then, bool *over)
{
	AO_t own = (AO_t)1 << ME;
	bool ended;

	scene();
	others(false);
	AO_or_full(&head->sleeping[0], own);
	AO_store(&bus->entry->door, 3);
	actor_cast(0, op_clear, NULL);
	actor_play(0, at);
	*over = actor_ended(0);
	op_clear_asleep(NULL);
	actor_play(0, then);
	ended = actor_ended(0);
	others(true);
	actor_play(0, FOR_EVER);
	assert_true(AO_load(&head->sleeping[0]) & own || kernel.wakes != 0);
	others_stay(AO_load(&head->sleeping[0]) & own, 0);
	if (kernel.wakes != 0)
		assert_int_equal(AO_load(&bus->entry->door), 4);
	return ended;
}

static void
test_clear_amid(void **state)
{
	unsigned at, then;
	bool over = false;

	(void)state;
	for (at = 0; !over; at++)
		for (then = 0; !clear_amid(at, then, &over);)
			then++;
	assert_true(at > 3);
}

/* ---- ringing ------------------------------------------------------------ */

static void
op_ring(void *arg)
{
	bell_ring(bus, OTHER, *(uint64_t *)arg);
}

static void
op_door(void *arg)
{
	(void)arg;
	bell_door(att(OTHER));
}

/*
 * Its owner wakes up and goes to sleep again while somebody rings: the door never
 * goes back, and a ring that was for the sleep before does not end this one.
 */
static void
test_door_amid(void **state)
{
	uint64_t pos = 100;
	unsigned k, i;

	(void)state;
	for (k = 0; k < 2; k++)
		for (i = 0;; i++) {
			bool over;
			AO_t door, hint;

			scene();
			AO_store(&att(OTHER)->door, 7);
			AO_store(&att(OTHER)->hint, ~(AO_t)0);
			actor_cast(0, k == 0 ? op_ring : op_door, &pos);
			actor_play(0, i);
			over = actor_ended(0);
			AO_store(&att(OTHER)->hint, ~(AO_t)0);
			AO_store(&att(OTHER)->door, 9);
			actor_play(0, FOR_EVER);
			door = AO_load(&att(OTHER)->door);
			hint = AO_load(&att(OTHER)->hint);
			/* It rings for this sleep only if it began in it. */
			assert_int_equal(door, i == 0 ? 10 : 9);
			assert_true(hint == ~(AO_t)0 || hint == pos);
			assert_int_equal(kernel.wakes, 1);
			assert_ptr_equal(kernel.woken, &att(OTHER)->door);
			if (over)
				break;
		}
}

/* Two ring at once: the hint is the lower of both, and both wake. */
static void
test_hint_amid(void **state)
{
	uint64_t ours, theirs = 100;
	unsigned i;

	(void)state;
	for (ours = 99; ours <= 101; ours++)
		for (i = 0;; i++) {
			bool over;

			scene();
			AO_store(&att(OTHER)->door, 7);
			AO_store(&att(OTHER)->hint, 150);
			actor_cast(0, op_ring, &ours);
			actor_play(0, i);
			over = actor_ended(0);
			/* Another one does all of it now. */
			if (AO_load(&att(OTHER)->hint) > theirs)
				AO_store(&att(OTHER)->hint, theirs);
			AO_compare_and_swap_full(&att(OTHER)->door, 7, 8);
			actor_play(0, FOR_EVER);
			assert_int_equal(AO_load(&att(OTHER)->door), 8);
			if (AO_load(&att(OTHER)->hint) != theirs)
				assert_int_equal(AO_load(&att(OTHER)->hint),
				    99);
			/* (It came first, with the door even already.) */
			if (ours == 99 && i != 0)
				assert_int_equal(AO_load(&att(OTHER)->hint),
				    99);
			assert_int_equal(kernel.wakes, 1);
			if (over)
				break;
		}
}

/* For each value of the door one rings once, whoever made it even. */
static void
test_once_a_door(void **state)
{
	(void)state;
	scene();
	AO_store(&att(OTHER)->door, 8);
	bell_ring(bus, OTHER, 70);
	assert_int_equal(kernel.wakes, 1);
	bell_ring(bus, OTHER, 71);
	assert_int_equal(kernel.wakes, 1);
	AO_store(&att(OTHER)->door, 9);
	AO_store(&att(OTHER)->hint, ~(AO_t)0);
	bell_ring(bus, OTHER, 72);
	bell_ring(bus, OTHER, 73);
	assert_int_equal(kernel.wakes, 2);
	assert_int_equal(AO_load(&att(OTHER)->door), 10);
	assert_int_equal(AO_load(&att(OTHER)->hint), 72);
	assert_int_equal(bus->bell.rings, 2);
}

/* ---- who is addressed --------------------------------------------------- */

/* Whom a frame to the address of number TO is for, as bits of numbers. */
static bool
is_for(unsigned to, unsigned who)
{
	uint64_t map[FORMAT_MAP_WORDS] = { 0 };
	uint8_t mac[6];

	frame_mac(to, mac);
	bell_lookup(bus, mac, map);
	return map[who / 64] >> who % 64 & 1;
}

static void
test_lookup(void **state)
{
	(void)state;
	scene();
	bus->clock.told = 5000000000u;
	assert_true(is_for(OTHER, OTHER));
	assert_false(is_for(OTHER, OTHER + 1));
	assert_false(is_for(OTHER, OTHER - 64));
	/* What is known is believed for as long as changes does not move ... */
	AO_store(&att(9)->ident, ident_of(OTHER));
	assert_false(is_for(OTHER, 9));
	AO_fetch_and_add1_full(&head->changes);
	assert_true(is_for(OTHER, 9));
	assert_true(is_for(OTHER, OTHER));
	AO_store(&att(9)->ident, 0);
	assert_true(is_for(OTHER, 9));
	bus->clock.told += SECOND;
	assert_true(is_for(OTHER, 9));
	/* ... and a second is not over. */
	bus->clock.told++;
	assert_false(is_for(OTHER, 9));
	/* Who is promiscuous is at once. */
	AO_or_full(&head->promisc[2], (AO_t)1 << 3);
	assert_true(is_for(OTHER, 131));
	assert_true(is_for(OTHER + 1, 131));
	AO_and_full(&head->promisc[2], 0);
	assert_false(is_for(OTHER, 131));
	/* Two addresses that share a place of the cache. */
	{
		unsigned i;

		for (i = 0; i < 200; i++)
			AO_store(&att(i)->ident, ident_of(i));
		AO_fetch_and_add1_full(&head->changes);
		for (i = 0; i < 200; i++) {
			assert_true(is_for(i, i));
			assert_true(is_for(i / 2, i / 2));
			assert_false(is_for(i, i ^ 1));
		}
	}
}

/* ---- going to sleep ----------------------------------------------------- */

static struct ring sender;
static struct ring *other_ring;

static void
scene_with_sender(void)
{
	scene();
	world_attach(all, &sender, OTHER, false);
	other_ring = &sender;
}

static void
rings(void)
{
	assert_int_equal(AO_load(&bus->entry->door) & 1, 1);
	assert_int_equal(AO_load(&head->sleeping[0]) >> ME & 1, 1);
	assert_int_equal(AO_load(&bus->asleep), 1);
	assert_int_equal(AO_load(&bus->entry->hint), ~(AO_t)0);
	AO_store(&bus->entry->hint, 64 + 40);
	AO_fetch_and_add1_full(&bus->entry->door);
}

static void
lies(void)
{
	AO_store(&bus->entry->door, 1001);
}

static void
awake_again(uint64_t wakeups)
{
	assert_int_equal(AO_load(&bus->entry->door) & 1, 0);
	assert_int_equal(AO_load(&head->sleeping[0]), 0);
	assert_int_equal(AO_load(&bus->asleep), 0);
	assert_int_equal(bus->wakeups, wakeups);
}

static void
test_sleep(void **state)
{
	unsigned i;

	(void)state;
	/* Nothing there, and nobody rings. */
	scene_with_sender();
	AO_store(&bus->entry->door, 6);
	kernel.error = ETIMEDOUT;
	assert_int_equal(bell_sleep(bus, 1500000000u), ETIMEDOUT);
	assert_int_equal(kernel.timeout, 1500000000u);
	assert_int_equal(kernel.waits, 1);
	assert_int_equal(kernel.value, 7);
	assert_int_equal(AO_load(&bus->entry->door), 8);
	awake_again(0);
	/* A signal. */
	kernel.error = EINTR;
	assert_int_equal(bell_sleep(bus, SECOND), EAGAIN);
	awake_again(0);
	/* Somebody rings; the hint tells from where on it is not skipped. */
	kernel.error = 0;
	kernel.meanwhile = rings;
	for (i = 0; i < 50; i++)
		send_one(all, other_ring, TO_NOBODY, APART);
	assert_int_equal(bell_sleep(bus, SECOND), EAGAIN);
	assert_int_equal(AO_load(&bus->entry->door), 12);
	assert_int_equal(bus->ring.rx.asleep_gap, 64 + 40 - SLOTS / 4);
	awake_again(1);
	/* Nobody rings: what passed until then was for others. */
	kernel.meanwhile = NULL;
	kernel.error = ETIMEDOUT;
	assert_int_equal(bell_sleep(bus, SECOND), ETIMEDOUT);
	assert_int_equal(bus->ring.rx.asleep_gap, 64 + 50 - SLOTS / 4);
	awake_again(1);
	/* Somebody writes to the door, who is no attachment. */
	kernel.meanwhile = lies;
	kernel.error = 0;
	assert_int_equal(bell_sleep(bus, SECOND), EAGAIN);
	awake_again(2);
	kernel.meanwhile = NULL;
	/* A frame is there: it does not sleep. */
	kernel.waits = 0;
	bus->ring.rx.asleep_gap = 77;
	send_one(all, other_ring, ME, APART);
	assert_int_equal(bell_sleep(bus, SECOND), 0);
	assert_int_equal(kernel.waits, 0);
	assert_int_equal(bus->ring.rx.asleep_gap, 77);
	awake_again(2);
	/* It was cancelled. */
	receive_all(&bus->ring);
	AO_store(&bus->cancel, 1);
	assert_int_equal(bell_sleep(bus, SECOND), EAGAIN);
	assert_int_equal(kernel.waits, 0);
	awake_again(2);
	/* Its entry is wrong: nobody would ring. */
	AO_store(&bus->cancel, 0);
	AO_store(&bus->entry->ident, 0);
	bell_sleep(bus, SECOND);
	assert_int_equal(AO_load(&bus->entry->ident), bus->ident);
}

/* A frame is hidden behind a pending position, or all there is is pending. */
static void
test_sleep_hidden(void **state)
{
	struct ring_claim c;
	struct ring *third;

	(void)state;
	scene_with_sender();
	third = world_join(all, 9, false);
	assert_true(claim_one(other_ring, &c));
	kernel.error = ETIMEDOUT;
	assert_int_equal(bell_sleep(bus, SECOND), ETIMEDOUT);
	assert_int_equal(kernel.timeout, SECOND);
	/* Its patience has half gone; then it sleeps for the other half. */
	send_one(all, third, ME, APART);
	all->now += WORLD_PATIENCE / 2;
	assert_int_equal(bell_sleep(bus, SECOND), ETIMEDOUT);
	assert_int_equal(kernel.timeout, WORLD_PATIENCE / 2);
	/* Nobody rings for what is hidden: it is not skipped. */
	assert_int_equal(bus->ring.rx.asleep_gap,
	    bus->ring.rx.cursor - SLOTS / 4);
	/* Never longer than it was told to. */
	assert_int_equal(bell_sleep(bus, 1000), ETIMEDOUT);
	assert_int_equal(kernel.timeout, 1000);
	world_leave(all, third);
}

/* ---- the table ---------------------------------------------------------- */

/* Another thread sets the mode while this one sets the address: both stay. */
static void
op_mac(void *arg)
{
	uint8_t mac[6];

	(void)arg;
	frame_mac(33, mac);
	assert_int_equal(shmbus_set_mac(bus, mac), 0);
}

static void
test_ident_amid(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0;; i++) {
		bool over;
		AO_t is = ident_of(33) | FORMAT_ATT_PROMISC;

		scene();
		actor_cast(0, op_mac, NULL);
		actor_play(0, i);
		over = actor_ended(0);
		assert_int_equal(shmbus_set_promisc(bus, 1), 0);
		actor_play(0, FOR_EVER);
		assert_int_equal(bus->ident, is);
		assert_int_equal(AO_load(&bus->entry->ident), is);
		assert_int_equal(AO_load(&head->promisc[0]), (AO_t)1 << ME);
		if (over)
			break;
	}
	assert_true(i >= 5);
}

static void
op_reap(void *arg)
{
	(void)arg;
	bus->next_reap = OTHER - 1;
	entry_reap(bus);
}

/* Cleaning up after one who is dead: its bits, its entry; and not twice. */
static void
test_reap(void **state)
{
	AO_t bit = (AO_t)1 << OTHER % 64, changes;
	unsigned i;

	(void)state;
	scene();
	AO_or_full(&head->sleeping[OTHER / 64], bit | 1);
	AO_or_full(&head->promisc[OTHER / 64], bit | 2);
	kernel.owned[64] = kernel.owned[65] = true;
	op_reap(NULL); /* it lives */
	assert_int_equal(AO_load(&head->sleeping[OTHER / 64]), bit | 1);
	assert_int_equal(kernel.taken, 0);
	kernel.owned[OTHER] = false;
	changes = AO_load(&head->changes);
	op_reap(NULL);
	assert_int_equal(AO_load(&head->sleeping[OTHER / 64]), 1);
	assert_int_equal(AO_load(&head->promisc[OTHER / 64]), 2);
	assert_int_equal(AO_load(&att(OTHER)->ident),
	    (ident_of(OTHER) & ~(AO_t)FORMAT_ATT_USED) | FORMAT_ATT_DEAD);
	assert_int_equal(AO_load(&head->changes), changes + 1);
	assert_int_equal(kernel.taken, 1);
	assert_int_equal(kernel.released, 1);
	op_reap(NULL);
	assert_int_equal(AO_load(&head->changes), changes + 1);
	/* A number without an owner has a bit in one map, or in the other. */
	for (i = 0; i < 2; i++) {
		AO_t *map = i == 0 ? head->sleeping : head->promisc;

		AO_or_full(&map[3], (AO_t)1 << 44);
		AO_or_full(&map[3], (AO_t)1 << 63);
		op_reap(NULL);
		assert_int_equal(AO_load(&map[3]), 0);
		assert_int_equal(AO_load(&att(3 * 64 + 44)->ident), 0);
	}
	/* Locks for reading are in the way, and it is dead all the same. */
	AO_store(&att(OTHER)->ident, ident_of(OTHER));
	AO_or_full(&head->sleeping[OTHER / 64], bit);
	kernel.refuse = true;
	kernel.taken = kernel.released = 0;
	op_reap(NULL);
	assert_int_equal(AO_load(&head->sleeping[OTHER / 64]), 1);
	assert_int_equal(kernel.released, 0);
	/* Our own number is not examined. */
	bus->next_reap = ME;
	kernel.owned[ME] = false;
	kernel.refuse = false;
	entry_reap(bus);
	assert_int_equal(AO_load(&bus->entry->ident), bus->ident);
	/* A few of the living at a time, and next time the next ones. */
	scene();
	for (i = 0; i < 40; i++) {
		AO_store(&att(i)->ident, ident_of(i));
		kernel.owned[i] = i < 19;
	}
	bus->next_reap = ME + 1;
	entry_reap(bus);
	assert_int_equal(bus->next_reap, ME + 1 + REAP_AT_ONCE);
	entry_reap(bus);
	assert_int_equal(bus->next_reap, ME + 1 + 2 * REAP_AT_ONCE);
	assert_int_equal(kernel.taken, 21 - 19 + 1);
}

/* Its number is taken while it is reaped: the new owner's bits stay. */
static void
test_reap_amid(void **state)
{
	AO_t bit = (AO_t)1 << OTHER % 64;
	unsigned i, taken = 0;

	(void)state;
	for (i = 0;; i++) {
		bool over, free;

		scene();
		kernel.owned[OTHER] = false;
		AO_or_full(&head->sleeping[OTHER / 64], bit);
		actor_cast(0, op_reap, NULL);
		actor_play(0, i);
		over = actor_ended(0);
		free = !kernel.ours[OTHER];
		if (free) {
			kernel.owned[OTHER] = true;
			AO_store(&att(OTHER)->ident, ident_of(34));
			AO_or_full(&head->sleeping[OTHER / 64], bit);
			AO_or_full(&head->promisc[OTHER / 64], bit);
			taken++;
		}
		actor_play(0, FOR_EVER);
		assert_false(kernel.ours[OTHER]);
		if (free) {
			assert_int_equal(AO_load(&att(OTHER)->ident),
			    ident_of(34));
			assert_int_equal(AO_load(&head->sleeping[OTHER / 64]),
			    bit);
			assert_int_equal(AO_load(&head->promisc[OTHER / 64]),
			    bit);
		}
		if (over)
			break;
	}
	assert_true(taken > 3 && taken < i);
}

/* A new owner begins with nothing of the last one but its count and its door. */
static void
test_fill(void **state)
{
	AO_t was[2] = { 7, 8 }, is[2] = { 8, 10 };
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct format_attachment *a;
		struct shmbus_stats st, none = { 0 };

		scene();
		a = bus->entry;
		memset(a, 0x33, sizeof(*a));
		AO_store(&a->door, was[i]);
		bus->ring.tx.seq = 1234;
		all->now = 99;
		entry_fill(bus,
		    "a name that is longer than the thirty-two bytes");
		assert_int_equal(AO_load(&a->door), is[i]);
		assert_int_equal(AO_load(&a->hint), 0);
		assert_int_equal(AO_load(&a->tx_seq), 1234);
		assert_int_equal(AO_load(&a->tx_first), 1234);
		assert_int_equal(AO_load(&a->since_ns), 99);
		assert_int_equal(AO_load(&a->pid), getpid());
		assert_int_equal(AO_load(&a->ident), bus->ident);
		assert_int_equal(AO_load(&a->rx_cursor), bus->ring.rx.cursor);
		assert_memory_equal(a->name,
		    "a name that is longer than the "
		    "\0",
		    32);
		shmbus_stats(bus, &st);
		assert_memory_equal(&st, &none, sizeof(st));
	}
}

/* Whatever is written to its entry, its owner puts it right, and nothing else. */
static void
test_keep(void **state)
{
	struct format_attachment was;
	AO_t *words = (void *)&was;
	unsigned i;

	(void)state;
	scene();
	entry_fill(bus, "name");
	memcpy(&was, bus->entry, sizeof(was));
	for (i = 0; i < sizeof(was) / sizeof(AO_t); i++) {
		AO_t *word = (AO_t *)(void *)bus->entry + i;

		/* These are written all the time, or by others, or not at all. */
		if (word == &bus->entry->claim || word == &bus->entry->door ||
		    word == &bus->entry->hint ||
		    (word >= bus->entry->reserved1 &&
			word < &bus->entry->tx_first) ||
		    word > &bus->entry->tx_first)
			continue;
		*word += 3;
		entry_keep(bus);
		assert_int_equal(*word, words[i]);
	}
	assert_int_equal(kept, 8);
	AO_store(&bus->entry->door, 21);
	AO_or_full(&head->sleeping[0], (AO_t)1 << ME);
	AO_or_full(&head->promisc[0], (AO_t)1 << ME);
	entry_keep(bus);
	assert_int_equal(AO_load(&bus->entry->door), 22);
	assert_int_equal(AO_load(&head->sleeping[0]), 0);
	assert_int_equal(AO_load(&head->promisc[0]), 0);
	entry_keep(bus);
	assert_int_equal(AO_load(&bus->entry->door), 22);
	bus->rdonly = true;
	AO_store(&bus->entry->pid, 1);
	entry_keep(bus);
	assert_int_equal(AO_load(&bus->entry->pid), 1);
}

/* What the list says of a name that somebody else has written. */
static void
test_names(void **state)
{
	struct shmbus_peer p[3];
	unsigned n;

	(void)state;
	scene();
	memcpy(att(OTHER)->name, " ~\x1f\x7f\x80 ok", 8);
	assert_int_equal(shmbus_list(bus, p, 3, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(p[1].name, " ~??? ok");
	memset(att(OTHER)->name, 'x', 32);
	assert_int_equal(shmbus_list(bus, p, 2, &n), 0);
	assert_int_equal(strlen(p[1].name), 31);
	assert_int_equal(shmbus_list(bus, p, 1, &n), 0);
	assert_int_equal(n, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others_bits),
		cmocka_unit_test(test_clear_amid),
		cmocka_unit_test(test_door_amid),
		cmocka_unit_test(test_hint_amid),
		cmocka_unit_test(test_once_a_door),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_sleep_hidden),
		cmocka_unit_test(test_ident_amid),
		cmocka_unit_test(test_reap),
		cmocka_unit_test(test_reap_amid),
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, begin, end);
}
