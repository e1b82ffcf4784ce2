/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.c - fuzz target: any frames whatever, to a live stack
 *
 * DOC: An input is a conversation (frames.h): frames, raw or made to fit, time
 * that goes by, calls on sockets.  They go through the real driver: put on a
 * bus file by an attachment, taken by a unit, judged by the wall, given to
 * Debian's lwipv6.  After each input the stack has to answer; a connection that
 * was lost is opened anew.
 *
 * The same two stacks, a host and a router, serve RENEW inputs.  Then both are
 * deleted, and memory, descriptors and threads must be where they were at the
 * beginning.
 *
 * FUZZ_RENEW=1 does so after every input.
 *
 * So a crash may be due to what came before.  All that was done since the
 * stacks were made is in the file FUZZ_HISTORY, itself an input, in which
 * OP_END stands where one input ended: give that to frames_test, or have
 * libFuzzer minimize it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/frames.h"
#include "fuzz/fuzz.h"
#include "fuzz/stack/host.h"

#define RENEW 500
#define SENDS_MAX 3000u /* of one input */
#define WARP_MAX 20000u /* ms, likewise */
#define SOCKETS_MAX 40u
#define HISTORY (64u << 20)
#define LEAK (128u << 10) /* what may come together in a long run */
#define WARM_UP 3	  /* stacks made for what is allocated once */
#define SYNC_EVERY 200u	  /* frames; the ring is longer */

static struct host hosts[2];
static struct host *h;
static uint8_t last[FRAME_SIZE]; /* the frame sent last, as it was sent */
static size_t last_n;

static uint64_t frames; /* in all */
static uint64_t deaf;	/* times that a stack lived but did not answer */
static unsigned inputs;
static size_t level;
static int level_fds;

/* What one input may still do. */
static unsigned sends, sockets, warps;

/* ---- history ------------------------------------------------------------ */

static uint8_t *history;
static size_t history_n;

static void
history_begin(void)
{
	const char *path = getenv("FUZZ_HISTORY");
	int fd;

	history_n = 0;
	if (path == NULL || history != NULL)
		return;
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd == -1 || ftruncate(fd, HISTORY) != 0)
		fuzz_fail("cannot write %s", path);
	history = mmap(NULL, HISTORY, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	if (history == MAP_FAILED)
		fuzz_fail("cannot map %s", path);
	close(fd);
}

static void
history_add(unsigned op, const uint8_t *p, size_t n)
{
	uint8_t *to;

	if (history == NULL || n + 4 > HISTORY - history_n)
		return;
	to = history + history_n;
	to[0] = (uint8_t)op;
	to[1] = (uint8_t)n;
	to[2] = (uint8_t)(n >> 8);
	if (n != 0)
		memcpy(to + RECORD_HEAD, p, n);
	history_n += RECORD_HEAD + n;
	to[RECORD_HEAD + n] = OP_STOP;
}

/* An input begins; the first one as inputs do. */
static void
history_input(uint8_t which)
{
	if (history != NULL && history_n == 0) {
		history[0] = which;
		history[1] = OP_STOP;
		history_n = 1;
	} else {
		history_add(OP_END, &which, 1);
	}
}

/* ---- the stacks --------------------------------------------------------- */

/* How many descriptors there are; SAY: and which. */
static int
descriptors(bool say)
{
	DIR *d = opendir("/proc/self/fd");
	char path[300], to[300];
	struct dirent *e;
	ssize_t len;
	int n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		n++;
		snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
		len = readlink(path, to, sizeof(to));
		if (say && len > 0)
			fprintf(stderr, "fuzz: %s: %.*s\n", e->d_name, (int)len,
			    to);
	}
	if (d != NULL)
		closedir(d);
	return n;
}

/* Deletes the stacks.  What they had must be back. */
static void
renew(void)
{
	static unsigned times;
	size_t used;
	int fds;

	for (unsigned i = 0; i < 2; i++)
		if (hosts[i].stack != NULL) {
			deaf += hosts[i].deaf;
			host_free(&hosts[i]);
		}
	used = memory_used();
	fds = descriptors(false);
	if (getenv("FUZZ_VERBOSE") != NULL)
		fprintf(stderr,
		    "fuzz: %llu frames, %zu bytes (%zu), %d descriptors, "
		    "%llu deaf\n",
		    (unsigned long long)frames, used, level, fds,
		    (unsigned long long)deaf);
	if (times++ < WARM_UP) {
		level = used;
		level_fds = fds;
	}
	if (used > level + LEAK)
		fuzz_fail("%zu bytes in use without a stack, %zu before", used,
		    level);
	if (fds > level_fds && descriptors(true))
		fuzz_fail("%d descriptors without a stack, %d before", fds,
		    level_fds);
	history_begin();
	inputs = 0;
}

static void
choose(unsigned which)
{
	h = &hosts[which & 1];
	if (h->stack == NULL)
		host_new(h, which & 1);
	if (!h->flow.open)
		host_open(h, which >> 1 & 1);
}

static void
count_up(void)
{
	deaf += hosts[0].deaf + hosts[1].deaf;
	fprintf(stderr, "fuzz: %llu frames, %llu times no echo\n",
	    (unsigned long long)frames, (unsigned long long)deaf);
}

/* ---- records ------------------------------------------------------------ */

static void
send_last(void)
{
	if (sends == 0)
		return;
	sends--;
	frames++;
	host_send(h, last, last_n);
	if (h->since > SYNC_EVERY)
		host_sync(h);
}

static void
again(struct input *in)
{
	unsigned n = in8(in), at = in16(in), step = in8(in);

	for (; n > 0 && at < last_n; n--) {
		last[at] = (uint8_t)(last[at] + step);
		host_patch(h, last, &last_n, FIX_SUM);
		send_last();
	}
}

/* An input begins: to WHICH of the stacks, and what it may do at most. */
static void
begin(unsigned which)
{
	choose(which);
	sends = SENDS_MAX;
	sockets = SOCKETS_MAX;
	warps = WARP_MAX;
}

/* The end of an input: the stack lives, and has nothing left to read. */
static void
end(void)
{
	host_sync(h);
	host_drain(h);
}

static void
record(unsigned op, const uint8_t *p, size_t n)
{
	struct input in = { p, n };
	unsigned arg;

	history_add(op, p, n);
	if (op < FRAME_OPS) {
		last_n = n < FRAME_SIZE ? n : FRAME_SIZE;
		memcpy(last, p, last_n);
		if ((op & FIX_FLOW))
			host_sync(h); /* to know where the flow is */
		host_patch(h, last, &last_n, op);
		send_last();
		return;
	}
	switch (op) {
	case OP_WARP:
		arg = in16(&in) * 10;
		if (arg > warps)
			arg = warps;
		warps -= arg;
		host_warp(h, arg);
		break;
	case OP_AGAIN:
		again(&in);
		break;
	case OP_SOCKET:
		if (sockets == 0)
			break;
		sockets--;
		arg = in8(&in);
		host_socket(h, arg, in16(&in));
		break;
	case OP_END:
		end();
		begin(in8(&in));
		break;
	}
}

static void
first(void)
{
	int i;

	atexit(count_up);
	history_begin();
	for (i = 0; i < WARM_UP; i++) {
		choose(0);
		choose(1);
		renew();
	}
}

/* After the last input of a replay. */
void
fuzz_end(void)
{
	memory_mine(true);
	if (frames != 0)
		renew();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool begun;
	struct input in = { data, size };
	const uint8_t *p;
	unsigned op;
	uint8_t which;
	size_t n;

	memory_mine(true);
	if (!begun)
		first();
	begun = true;
	which = (uint8_t)in8(&in);
	history_input(which);
	begin(which);
	while (in.n > 0) {
		op = in8(&in) % OPS;
		if (op == OP_STOP)
			break;
		n = in16(&in);
		p = in_bytes(&in, n, &n);
		record(op, p, n);
	}
	end();
	if (++inputs >= RENEW || getenv("FUZZ_RENEW") != NULL)
		renew();
	memory_mine(false);
	return 0;
}
