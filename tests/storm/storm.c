/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storm.c - many on one bus, killed, stopped, coming and going
 *
 * usage: [SECONDS=10] [KILLS=n] [SEED=n] [PEOPLE=6] [SLOTS=64] [NAP=4000] storm
 *
 * It ends after SECONDS or KILLS, whichever comes first; KILLS=1000000 NAP=200
 * SECONDS=9999 is a long one.  NAP is the longest pause from one event to the
 * next, in microseconds.
 *
 * Each of the people attaches, sends and receives frames of random sizes in all
 * ways there are, detaches and comes again; every frame received is checked.
 * Meanwhile they are killed and replaced, stopped and let go on, at random.
 *
 * A reader is stuck while frames are due to it (the tail is beyond its cursor)
 * and its cursor does not move.  That is measured by the processor time that it
 * spends on trying, so that being stopped, or waiting for a processor, is not
 * counted.
 *
 * Exit status: 1 when a frame was torn, out of order or came twice, a reader
 * was stuck for more than STUCK_FATAL_NS, or a slot was not recovered.
 */
#include <sys/mman.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "shmbus/format.h"
#include "tests/lib/living.h"

#define PEOPLE_MAX 64u
#define DYING 16u	  /* killed, and not waited for yet */
#define STUCK_NS 2500000u /* patience, and a little for the trying itself */
#define STUCK_FATAL_NS 20000000u

struct sky {
	char path[256];
	unsigned people;
	_Atomic uint64_t lives[PEOPLE_MAX]; /* begun so far */
	_Atomic uint64_t sent, given_up, received, torn, reordered, twice;
	_Atomic uint64_t lost, bad, attached, refused, stuck, stuck_max;
};

struct person {
	struct sky *sky;
	unsigned who;
};

/* One attachment's life. */
struct life {
	struct sky *sky;
	struct shmbus *b;
	unsigned who;
	uint32_t life;
	uint64_t number, seed;
	/* What was seen of others. */
	uint32_t lives[PEOPLE_MAX];
	uint64_t numbers[PEOPLE_MAX];
	uint64_t cursor, since; /* not moved since; 0: not stuck */
};

/* The file as everybody sees it, for the cursor and the tail. */
static const struct format_header *header;

static uint64_t
cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void
raise_to(_Atomic uint64_t *max, uint64_t value)
{
	uint64_t old = atomic_load(max);

	while (old < value && !atomic_compare_exchange_weak(max, &old, value))
		;
}

static void
take(struct life *l, const uint8_t *buf, const struct shmbus_frame *f)
{
	struct stamp s;

	atomic_fetch_add(&l->sky->received, 1);
	if (!stamp_read(buf, f->len, &s) || s.who >= l->sky->people) {
		atomic_fetch_add(&l->sky->torn, 1);
		return;
	}
	if (s.life < l->lives[s.who] ||
	    (s.life == l->lives[s.who] && s.number < l->numbers[s.who]))
		atomic_fetch_add(&l->sky->reordered, 1);
	else if (s.life == l->lives[s.who] && s.number == l->numbers[s.who])
		atomic_fetch_add(&l->sky->twice, 1);
	l->lives[s.who] = s.life;
	l->numbers[s.who] = s.number;
}

/* Looks whether the reader, who has just tried, gets on. */
static void
note_stuck(struct life *l)
{
	const struct format_attachment *a =
	    (const void *)((const char *)header + FORMAT_HEADER);
	uint64_t cursor = AO_load(&a[shmbus_index(l->b)].rx_cursor);
	uint64_t now = cpu_ns();

	if (cursor != l->cursor || AO_load(&header->tail) <= cursor) {
		if (l->since != 0 && now - l->since > STUCK_NS)
			atomic_fetch_add(&l->sky->stuck, 1);
		if (l->since != 0)
			raise_to(&l->sky->stuck_max, now - l->since);
		l->since = 0;
		l->cursor = cursor;
	} else if (l->since == 0) {
		l->since = now;
	}
}

static void
listen_some(struct life *l)
{
	uint8_t buf[STAMP_MAX];
	struct shmbus_frame f;
	unsigned n = 1 + rnd_below(&l->seed, 64);

	while (n-- != 0) {
		int error = shmbus_recv(l->b, buf, sizeof(buf), &f);

		if (error == 0) {
			take(l, buf, &f);
			l->since = 0;
			continue;
		}
		note_stuck(l);
		if (l->since != 0)
			continue; /* it goes on trying, and nothing else */
		if (rnd_below(&l->seed, 16) == 0)
			shmbus_wait(l->b, rnd_below(&l->seed, 500000));
		break;
	}
}

static void
say_some(struct life *l)
{
	static uint8_t frames[8][STAMP_MAX];
	unsigned n = rnd_below(&l->seed, 2) ? 1 : 1 + rnd_below(&l->seed, 8);
	unsigned i, sent = 0;
	struct iovec iov[8];
	uint8_t dst[6];
	void *data;
	int error;

	for (i = 0; i < n; i++) {
		struct stamp s = { l->who, l->life, ++l->number, 0 };

		stamp_mac(dst, rnd_below(&l->seed, l->sky->people));
		iov[i].iov_base = frames[i];
		iov[i].iov_len = rnd_len(&l->seed);
		stamp_make(frames[i], iov[i].iov_len,
		    rnd_below(&l->seed, 2) ? dst : mac_all, &s);
	}
	if (n > 1) {
		error = shmbus_send_batch(l->b, iov, n, &sent);
	} else if (rnd_below(&l->seed, 2)) {
		error = shmbus_send(l->b, frames[0], iov[0].iov_len);
		sent = error == 0;
	} else {
		error = shmbus_reserve(l->b, STAMP_MAX, &data);
		if (error == 0) {
			memcpy(data, frames[0], iov[0].iov_len);
			error = shmbus_commit(l->b, iov[0].iov_len);
		}
		sent = error == 0;
	}
	atomic_fetch_add(&l->sky->sent, sent);
	if (error == SHMBUS_EGIVENUP)
		atomic_fetch_add(&l->sky->given_up, n - sent);
	else if (error == ENOBUFS)
		atomic_fetch_add(&l->sky->refused, n - sent);
	else if (error != 0)
		complain("send: %s", shmbus_strerror(error));
}

static void
person(void *arg)
{
	struct person *p = arg;
	struct life l;

	for (;;) {
		struct shmbus_stats st;
		unsigned n;

		memset(&l, 0, sizeof(l));
		l.sky = p->sky;
		l.who = p->who;
		l.life = (uint32_t)atomic_fetch_add(&p->sky->lives[p->who], 1) +
		    1;
		l.seed = crew_seed() ^ (uint64_t)l.life << 16 ^ l.who;
		l.b = crew_attach(p->sky->path, l.who,
		    rnd_below(&l.seed, 2) ? SHMBUS_PROMISC : 0);
		if (l.b == NULL)
			return;
		atomic_fetch_add(&p->sky->attached, 1);
		n = rnd_below(&l.seed, 8) ? rnd_below(&l.seed, 4000) :
					    rnd_below(&l.seed, 4);
		while (n-- != 0) {
			if (l.since == 0 && rnd_below(&l.seed, 3) == 0)
				say_some(&l);
			listen_some(&l);
		}
		shmbus_stats(l.b, &st);
		atomic_fetch_add(&p->sky->lost, st.rx_lost);
		atomic_fetch_add(&p->sky->bad, st.rx_bad);
		shmbus_detach(l.b);
	}
}

/* Maps the file to read.  Returns whether it could be. */
static bool
open_header(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd != -1)
		header = mmap(NULL, FORMAT_SLOTS, PROT_READ, MAP_SHARED, fd, 0);
	return fd != -1 && header != MAP_FAILED;
}

/*
 * Kills PID, and waits for the death of one killed a while ago: to wait for its
 * own would leave the others alone for as long as it takes to get a processor.
 */
static void
slay(pid_t pid)
{
	static pid_t dying[DYING];
	static unsigned next;

	if (pid > 0)
		kill(pid, SIGKILL);
	crew_kill(dying[next]);
	dying[next] = pid;
	next = (next + 1) % DYING;
}

int
main(void)
{
	unsigned long seconds = crew_number("SECONDS", 10);
	unsigned long most = crew_number("KILLS", 0);
	uint64_t nap = crew_number("NAP", 4000) * 1000u + 1;
	struct sky *sky = crew_shared(sizeof(*sky));
	struct person people[PEOPLE_MAX];
	pid_t pids[PEOPLE_MAX] = { 0 };
	bool stopped[PEOPLE_MAX] = { false };
	unsigned kills = 0, stops = 0, i, lost = 0;
	uint64_t seed, start, end;
	const char *why;
	bool bad;

	if (crew_begin(NULL) != 0)
		return 1;
	seed = crew_seed();
	sky->people = (unsigned)crew_number("PEOPLE", 6);
	if (sky->people < 1 || sky->people > PEOPLE_MAX) {
		fprintf(stderr, "storm: PEOPLE: 1 to %u\n", PEOPLE_MAX);
		crew_end(NULL);
		return 2;
	}
	crew_bus("bus", (uint32_t)crew_number("SLOTS", 64), 0);
	snprintf(sky->path, sizeof(sky->path), "%s", crew_path("bus"));
	if (!open_header(sky->path))
		complain("%s: %s", sky->path, strerror(errno));
	for (i = 0; i < sky->people; i++)
		people[i] = (struct person){ sky, i };
	start = crew_now();
	end = start + seconds * 1000000000ull;
	while (
	    crew_now() < end && (most == 0 || kills < most) && !complained()) {
		i = rnd_below(&seed, sky->people);
		if (pids[i] == 0) {
			pids[i] = crew_start(person, &people[i]);
		} else if (stopped[i] && rnd_below(&seed, 8) != 0) {
			stopped[i] = false;
			crew_cont(pids[i]);
		} else if (!stopped[i] && rnd_below(&seed, 2) != 0) {
			stopped[i] = true;
			stops++;
			kill(pids[i], SIGSTOP);
		} else {
			/* Also while it is stopped. */
			stopped[i] = false;
			kills++;
			slay(pids[i]);
			pids[i] = 0;
		}
		crew_nap(rnd_below(&seed, (uint32_t)nap));
	}
	seconds = (unsigned long)((crew_now() - start) / 1000000000u);
	for (i = 0; i < sky->people; i++)
		crew_kill(pids[i]);
	for (i = 0; i < DYING; i++)
		slay(0);
	if (!complained())
		lost = living_unrecovered(sky->path, 2);
	printf("%lu s, %u people, %u slots: %u kills, %u stops, %llu "
	       "attachments\n",
	    seconds, sky->people, header != NULL ? header->slots : 0, kills,
	    stops, (unsigned long long)sky->attached);
	printf("frames: %llu sent, %llu received, %llu given up on, %llu "
	       "refused; lost (of those who detached) %llu\n",
	    (unsigned long long)sky->sent, (unsigned long long)sky->received,
	    (unsigned long long)sky->given_up, (unsigned long long)sky->refused,
	    (unsigned long long)sky->lost);
	printf("torn %llu, reordered %llu, duplicates %llu, bad slots %llu\n",
	    (unsigned long long)sky->torn, (unsigned long long)sky->reordered,
	    (unsigned long long)sky->twice, (unsigned long long)sky->bad);
	printf("stuck longer than 2 ms (of own processor time) %llu, longest "
	       "%llu us\nslots not recovered %u\n",
	    (unsigned long long)sky->stuck,
	    (unsigned long long)sky->stuck_max / 1000, lost);
	bad = sky->torn != 0 || sky->reordered != 0 || sky->twice != 0 ||
	    sky->bad != 0 || sky->stuck_max > STUCK_FATAL_NS || lost != 0 ||
	    sky->received == 0;
	if ((why = complaints()) != NULL) {
		fprintf(stderr, "storm: %s\n", why);
		bad = true;
	}
	crew_end(NULL);
	if (bad)
		printf("NOT AS IT SHOULD BE\n");
	return bad;
}
