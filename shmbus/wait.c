/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wait.c - waiting for something to receive, and keeping house meanwhile
 *
 * First it looks for a frame, then it spins for a short time (a frame goes from
 * one running process to another in less than a microsecond, while waking a
 * sleeping one takes twenty-five), then it sleeps, for a second at a time.
 * About once a second it keeps house: it checks what became of the file, and its
 * own entry, and cleans up after the dead.  A read-only attachment has no doorbell: it sleeps in steps that grow, but none
 * is longer than a fast sender would take to fill the ring.
 */
#include <sys/stat.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "shmbus/internal.h"

#define SECOND_NS 1000000000u
#define TIDY_AT_ONCE 2048u
#define RDONLY_STEP_MIN_NS 50000u
#define RDONLY_STEP_MAX_NS 5000000u
#define RDONLY_SLOT_NS 500u

/* Looks for a frame again and again, until UNTIL.  Returns 0 or EAGAIN. */
static int
spin(struct shmbus *b, uint64_t until)
{
	struct ring_frame f;
	unsigned i;

	do {
		for (i = 0; i < 64; i++) {
			if (look(b, &f) == 0)
				return 0;
			if (AO_load(&b->cancel) != 0)
				return EAGAIN;
			relax();
		}
	} while (clock_ns(CLOCK_MONOTONIC) < until);
	return EAGAIN;
}

/* Sleeps for STEP nanoseconds, without a doorbell. */
static void
doze(uint64_t step)
{
	struct timespec t = { .tv_nsec = (long)step };

	nanosleep(&t, NULL);
}

/* Returns the longest step of B, a read-only attachment. */
static uint64_t
step_max(const struct shmbus *b)
{
	uint64_t ns = (uint64_t)b->geo.slots * RDONLY_SLOT_NS;

	if (ns < RDONLY_STEP_MIN_NS)
		return RDONLY_STEP_MIN_NS;
	return ns < RDONLY_STEP_MAX_NS ? ns : RDONLY_STEP_MAX_NS;
}

/*
 * Called when the header shows another id than when B attached.  Either the
 * file was emptied and made a bus anew under its users, or somebody scribbled.
 * B can go on with a new bus of the same geometry, once its entry is in the
 * new table; it cannot go on with one of another geometry.  A header that is
 * not that of a bus does not concern those who are attached.  Returns whether
 * B can go on.
 */
static bool
bus_made_anew(struct shmbus *b, uint64_t size)
{
	struct format_header h;
	struct ring_geometry g;
	char why[8];

	memcpy(&h, b->ring.hdr, sizeof(h));
	if (ring_check(&h, size, &g, why, sizeof(why)) != 0)
		return true;
	if (g.mtu != b->geo.mtu || g.slots != b->geo.slots)
		return false;
	AO_store(&b->id, h.id);
	if (!b->rdonly)
		entry_announce(b);
	return true;
}

/*
 * Whether the file, as it is read now, is further on than the mapping: then it is
 * not what is mapped.  That is so on overlayfs where B, which may only read, has
 * mapped the file of a lower layer, and the first writer has it copied to the
 * upper one; the descriptor, its number and the path all lead to the copy.
 * Of one and the same file the tail never goes back, and the mapping is read
 * last.
 */
static bool
is_left_behind(struct shmbus *b)
{
	AO_t mapped, tail;

	if (!b->rdonly ||
	    pread(b->fd, &tail, sizeof(tail),
		offsetof(struct format_header, tail)) != sizeof(tail))
		return false;
	ring_fence();
	mapped = AO_load(&b->ring.hdr->tail);
	return mapped < tail;
}

int
shmbus_check(struct shmbus *b)
{
	struct stat st;
	int error;

	if ((error = usable(b)) != 0)
		return error;
	if (fstat(b->fd, &st) == 0 &&
	    ((uint64_t)st.st_size < b->geo.file_size ||
		(b->ring.hdr->id != AO_load(&b->id) &&
		    !bus_made_anew(b, (uint64_t)st.st_size)))) {
		AO_store(&b->map->broken, SHMBUS_ETRUNC);
		return SHMBUS_ETRUNC;
	}
	if (is_left_behind(b))
		return usable(b) != 0 ? usable(b) : SHMBUS_EREPLACED;
	if (b->path == NULL) /* it never had one */
		return 0;
	if (stat(b->path, &st) == -1)
		return errno == ENOENT || errno == ENOTDIR ? ENOENT : 0;
	if (st.st_dev != b->dev || st.st_ino != b->ino)
		return SHMBUS_EREPLACED;
	return 0;
}

/*
 * What is to be done about once a second; NOW: the time.  Returns 0, or why the
 * bus is dead.
 */
int
wait_keep_house(struct shmbus *b, uint64_t now)
{
	int error;

	if (__builtin_expect(now < b->next_check, 1))
		return 0;
	b->next_check = now + SECOND_NS;
	entry_keep(b);
	entry_reap(b);
	ring_tidy(&b->ring, TIDY_AT_ONCE);
	error = shmbus_check(b);
	return is_dead(error) ? error : 0;
}

/* shmbus_wait(), for the thread that has the receive side. */
int
wait_frame(struct shmbus *b, int64_t timeout_ns)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint64_t end = timeout_ns < 0 ? UINT64_MAX : now + (uint64_t)timeout_ns;
	uint64_t step = RDONLY_STEP_MIN_NS;
	struct ring_frame f;
	uint64_t spin_end;
	int error;

	if ((error = usable(b)) != 0 || (error = wait_keep_house(b, now)) != 0)
		return error;
	b->peeked = false; /* ring_look() may pass it over now */
	spin_end = now + (uint64_t)b->spin_ns;
	if (timeout_ns != 0 && b->spin_ns > 0) {
		if (spin(b, spin_end < end ? spin_end : end) == 0)
			return 0;
	} else if (look(b, &f) == 0) {
		return 0;
	}
	for (;;) {
		uint64_t left;

		if (AO_load(&b->cancel) != 0) {
			AO_store(&b->cancel, 0);
			return ECANCELED;
		}
		now = clock_ns(CLOCK_MONOTONIC);
		if ((error = wait_keep_house(b, now)) != 0 ||
		    (error = usable(b)) != 0)
			return error;
		if (now >= end)
			return ETIMEDOUT;
		left = end - now < SECOND_NS ? end - now : SECOND_NS;
		ring_settle(&b->ring);
		show_rx(b);
		if (b->rdonly) {
			doze(step < left ? step : left);
			step = step * 2 < step_max(b) ? step * 2 : step_max(b);
		} else if (bell_sleep(b, left) == 0) {
			return 0;
		}
		if (look(b, &f) == 0)
			return 0;
	}
}

int
shmbus_wait(struct shmbus *b, int64_t timeout_ns)
{
	int error = usable(b);

	if (error != 0)
		return error;
	if (b->helper.running)
		return EBUSY;
	return wait_frame(b, timeout_ns);
}

void
shmbus_wake(struct shmbus *b)
{
	AO_store_full(&b->cancel, 1);
	if (!b->rdonly && usable(b) == 0)
		bell_door(&b->ring.att[b->ring.me]);
}
