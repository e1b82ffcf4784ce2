/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire.c - fuzz target: what the ends of shmif_wire and its control socket hear
 *
 * DOC: The wire is the real one but for main.c and the threads of buses: three
 * ends, a stream as QEMU has it, packets and datagrams, each the one half of a
 * socket pair.  The other halves are here, and read only when an input says so: a
 * socket that is full is part of it.  What an input is made of is in wire.h.  Its
 * first byte tells whether there is weather from the beginning.
 *
 * What must hold: the counters of each end add up after each step; the stream
 * carries whole frames, as many as are counted; each request has one reply, of
 * JSON; one that is refused, and words that are refused, change nothing; what
 * "show" says was asked for can be said again and means the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/net_bytes.h"
#include "base/tool.h"
#include "ctl/wire.h"
#include "fuzz/fuzz.h"
#include "fuzz/wire.h"
#include "wire/control.h"
#include "wire/words.h"

#define ENDS 3u
#define LATER_NS ((uint64_t)1 << 61)
#define SMALL 4096 /* a buffer of a socket that is soon full */

const char tool_name[] = "fuzz";
const char tool_usage[] = "";

static struct wire wire = { .lock = PTHREAD_MUTEX_INITIALIZER };
static int peer[ENDS] = { -1, -1, -1 };
static int client = -1;
static const int types[ENDS] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

/* What came of the stream: whole frames, and the beginning of one. */
static struct {
	uint8_t part[4 + FRAME_MAX];
	size_t have;
	uint64_t frames;
} heard;

/* ---- instead of base/tool.c: messages go nowhere -------------------------- */

void
tool_say(const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
}

void
tool_complain(const char *object, const char *cause, const char *detail)
{
	tool_say("%s: %s: %s", object, cause, detail != NULL ? detail : "");
}

int
tool_flush(void)
{
	return 0;
}

/* ---- a wire ---------------------------------------------------------------- */

static void
once(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	signal(SIGPIPE, SIG_IGN);
	if (chdir(fuzz_folder()) != 0)
		abort();
	wire.epoll = epoll_create1(EPOLL_CLOEXEC);
	wire.timer = timerfd_create(CLOCK_MONOTONIC,
	    TFD_CLOEXEC | TFD_NONBLOCK);
	wire.stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wire.epoll == -1 || wire.timer == -1 || wire.stop == -1 ||
	    loop_begin(&wire) != 0 || control_open(&wire, "unix://c") != 0)
		abort();
}

/* End number I is opened, also again. */
static void
open_end(unsigned i)
{
	struct end *e = &wire.ends[i];
	static char spec[ENDS][20];
	int fds[2], small = SMALL;

	if (socketpair(AF_UNIX, types[i] | SOCK_NONBLOCK, 0, fds) != 0)
		abort();
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	peer[i] = fds[1];
	snprintf(spec[i], sizeof(spec[i]), "fd:%d", fds[0]);
	memset(&e->count, 0, sizeof(e->count));
	if (end_open(e, spec[i]) != 0)
		fuzz_fail("a socket pair is no end");
	if (i == 0)
		heard.have = heard.frames = 0;
}

static void
close_end(unsigned i)
{
	end_close(&wire.ends[i]);
	close(peer[i]);
	peer[i] = -1;
}

static void
begin(unsigned how)
{
	struct settings set;
	int epoll = wire.epoll, timer = wire.timer, stop = wire.stop;

	memset(&wire, 0, sizeof(wire));
	wire.epoll = epoll;
	wire.timer = timer;
	wire.stop = stop;
	wire.timer_at = UINT64_MAX;
	wire.name = "fuzz";
	wire.geometry.slots = SHMBUS_SLOTS_MIN;
	wire.geometry.mtu = SHMBUS_MTU_MIN;
	wire.began_ns = now_ns();
	for (unsigned i = 0; i < ENDS; i++) {
		wire.ends[i].wire = &wire;
		wire.ends[i].number = i;
		settings_init(&set, how);
		if (how & 1u)
			set.weather.duplicate.p = 0.5;
		if (how & 2u)
			set.weather.delay_ns = 1000;
		core_set(&wire.ends[i], &set);
		wire.n++;
		open_end(i);
	}
}

/* All of what was to leave by each end is somewhere. */
static void
check_counters(void)
{
	for (unsigned i = 0; i < ENDS; i++) {
		const struct end *e = &wire.ends[i];
		uint64_t want = e->count.out.offered + e->count.out.duplicated;
		uint64_t is = e->count.out.frames + e->count.out.cut +
		    e->count.out.lost + e->count.out.black_hole +
		    e->count.out.overrun + e->count.out.too_long +
		    e->count.out.down + e->count.out.full +
		    e->count.out.failed + e->later.n + e->backlog.frames;

		if (want != is)
			fuzz_fail("end %u: %llu frames became %llu", i + 1,
			    (unsigned long long)want, (unsigned long long)is);
	}
}

/* Lets the wire do what there is to be done. */
static void
run(void)
{
	uint64_t n;

	for (int i = 0; i < 20; i++)
		if (!loop_step(&wire, 0)) {
			(void)!eventfd_read(wire.stop, &n);
			break;
		}
	for (unsigned i = 0; i < ENDS; i++)
		if (wire.ends[i].io.fd == -1 || wire.ends[i].io.events == 0) {
			close_end(i); /* as the wire itself would be ended */
			open_end(i);
		}
	check_counters();
}

/* ---- the other sides --------------------------------------------------------- */

/* Takes whole frames out of what came of the stream. */
static void
take_heard(void)
{
	size_t len;

	while (heard.have >= 4) {
		len = be32(heard.part);
		if (len > FRAME_MAX || len < SHMBUS_FRAME_MIN)
			fuzz_fail("a frame of %zu bytes left", len);
		if (heard.have < 4 + len)
			break;
		heard.have -= 4 + len;
		memmove(heard.part, heard.part + 4 + len, heard.have);
		heard.frames++;
	}
}

static void
read_peers(void)
{
	static uint8_t buf[FRAME_MAX + 1];
	ssize_t n;

	while ((n = recv(peer[0], heard.part + heard.have,
		    sizeof(heard.part) - heard.have, MSG_DONTWAIT)) > 0) {
		heard.have += (size_t)n;
		take_heard();
	}
	for (unsigned i = 1; i < ENDS; i++)
		while ((n = recv(peer[i], buf, sizeof(buf), MSG_DONTWAIT)) > 0)
			if (n < (ssize_t)SHMBUS_FRAME_MIN ||
			    n > (ssize_t)FRAME_MAX)
				fuzz_fail("a packet of %zd bytes left", n);
}

/* Everything that still waits leaves. */
static void
drain(void)
{
	for (int i = 0; i < 2000; i++) {
		bool waits = false;

		pthread_mutex_lock(&wire.lock);
		wire.now_ns = LATER_NS;
		core_due(&wire);
		core_flush(&wire);
		pthread_mutex_unlock(&wire.lock);
		read_peers();
		run();
		for (unsigned k = 0; k < ENDS; k++) {
			const struct end *e = &wire.ends[k];

			/* Weather may make it wait for longer than that. */
			waits |= later_due(&e->later) <= LATER_NS ||
			    e->backlog.first != NULL;
		}
		if (!waits)
			break;
		(void)loop_step(&wire, 1);
	}
	read_peers();
	if (heard.frames != wire.ends[0].count.out.frames || heard.have != 0)
		fuzz_fail("%llu frames came by the stream, %llu were counted",
		    (unsigned long long)heard.frames,
		    (unsigned long long)wire.ends[0].count.out.frames);
}

/* ---- control ----------------------------------------------------------------- */

static void
dial(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "c" };

	if (client != -1)
		return;
	client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client == -1 ||
	    connect(client, (const struct sockaddr *)&to, sizeof(to)) != 0)
		fuzz_fail("the control socket is gone: %s", strerror(errno));
	run();
}

static void
hang_up(void)
{
	if (client == -1)
		return;
	close(client);
	client = -1;
	run();
}

/* The replies that have come; *OK: what the last one says.  -1: closed. */
static int
replies(bool *ok)
{
	static uint8_t head[WIRE_HEADER];
	struct json_object *o, *v;
	struct wire_head h;
	int count = 0;
	ssize_t n;
	char *text;

	for (;; count++) {
		n = recv(client, head, sizeof(head), MSG_DONTWAIT);
		if (n == -1 && errno == EAGAIN)
			return count;
		if (n <= 0)
			return -1;
		if (n != WIRE_HEADER ||
		    wire_get_head(head, WIRE_REPLY_MAX, &h) != 0)
			fuzz_fail("half a header");
		text = calloc(1, h.length + 1);
		for (size_t at = 0; at < h.length; at += (size_t)n) {
			n = recv(client, text + at, h.length - at,
			    MSG_DONTWAIT);
			if (n <= 0) {
				/* It is longer than a socket holds. */
				run();
				n = 0;
			}
		}
		o = json_tokener_parse(text);
		if (o == NULL || !json_object_object_get_ex(o, "ok", &v))
			fuzz_fail("no reply: %s", text);
		*ok = json_object_get_boolean(v);
		json_object_put(o);
		free(text);
	}
}

static void
tell(const void *head, size_t head_len, const void *data, size_t n)
{
	struct settings before[ENDS];
	bool ok = true;
	int came;

	dial();
	for (unsigned i = 0; i < ENDS; i++)
		before[i] = wire.ends[i].set;
	if ((head_len != 0 &&
		send(client, head, head_len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
		    -1) ||
	    (n != 0 &&
		send(client, data, n, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)) {
		hang_up();
		return;
	}
	run();
	came = replies(&ok);
	if (came == 1 && !ok)
		for (unsigned i = 0; i < ENDS; i++)
			if (memcmp(&before[i], &wire.ends[i].set,
				sizeof(before[i])) != 0)
				fuzz_fail("refused, but something was changed");
	if (came == -1)
		hang_up();
}

/* ---- texts ------------------------------------------------------------------- */

/* Splits TEXT, which is changed, into at most MAX words. */
static unsigned
split(char *text, const char **words, unsigned max)
{
	char *save = NULL;
	unsigned n = 0;

	for (char *w = strtok_r(text, " ", &save); w != NULL && n < max;
	     w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	return n;
}

/* What SET asks for, in words and back, is the same. */
static void
say_again(const struct settings *set)
{
	static char said[24000], copy[24000], twice[24000], why[200];
	const char *words[64];
	struct settings again;
	unsigned n;

	words_of(set, said, sizeof(said));
	/* Cuts to come are not said, so a seed may be said that is not meant. */
	if (set->weather.cuts != 0)
		return;
	memcpy(copy, said, sizeof(copy));
	settings_init(&again, 0);
	n = split(copy, words, 64);
	if (words_apply(&again, 1, words, n, 0, why, sizeof(why)) != 0)
		fuzz_fail("\"%s\" is said, and not understood: %s", said, why);
	words_of(&again, twice, sizeof(twice));
	if (strcmp(said, twice) != 0)
		fuzz_fail("\"%s\" became \"%s\"", said, twice);
}

static void
say_words(const uint8_t *data, size_t n)
{
	struct settings set[ENDS];
	const char *words[64];
	char *text = strndup((const char *)data, n), why[200] = "";
	unsigned count = split(text, words, 64);

	for (unsigned i = 0; i < ENDS; i++)
		set[i] = wire.ends[i].set;
	if (words_apply(set, ENDS, words, count, wire_now(&wire), why,
		sizeof(why)) == 0) {
		for (unsigned i = 0; i < ENDS; i++) {
			say_again(&set[i]);
			core_set(&wire.ends[i], &set[i]);
		}
	} else if (why[0] == '\0') {
		fuzz_fail("words are refused without a reason");
	}
	free(text);
}

/* An end of any name that stays in this folder. */
static void
try_end(const uint8_t *data, size_t n)
{
	char *text = strndup((const char *)data, n);
	struct end *e = &wire.ends[ENDS];

	if (strchr(text, '/') == NULL && strncmp(text, "tap:", 4) != 0 &&
	    strncmp(text, "vde:", 4) != 0 && strncmp(text, "fd:", 3) != 0 &&
	    strncmp(text, ".", 1) != 0 && strcmp(text, "c") != 0) {
		memset(e, 0, sizeof(*e));
		e->wire = &wire;
		(void)end_open(e, text);
		end_close(e);
		/* The wire's own control socket stays. */
		if (e->rest != NULL && strcmp(e->rest, "c") != 0)
			(void)unlink(e->rest);
	}
	free(text);
}

static void
step(enum step what, const uint8_t *data, size_t n)
{
	uint8_t head[WIRE_HEADER];

	switch (what) {
	case STEP_STREAM:
	case STEP_FRAME:
		put32(head, (uint32_t)n);
		if (what == STEP_FRAME)
			(void)!send(peer[0], head, 4, MSG_NOSIGNAL);
		(void)!send(peer[0], data, n, MSG_NOSIGNAL);
		break;
	case STEP_PACKET:
	case STEP_DGRAM:
		(void)!send(peer[what == STEP_PACKET ? 1 : 2], data, n,
		    MSG_NOSIGNAL);
		break;
	case STEP_RAW:
		tell(NULL, 0, data, n);
		break;
	case STEP_REQUEST:
		wire_put_head(head, (uint32_t)n);
		tell(head, sizeof(head), data, n);
		break;
	case STEP_WORDS:
		say_words(data, n);
		break;
	case STEP_END:
		try_end(data, n);
		break;
	case STEP_READ:
		read_peers();
		break;
	case STEPS:
		break;
	}
	run();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	once();
	begin(in8(&in));
	for (unsigned steps = 0; in.n > 0 && steps < 200; steps++) {
		enum step what = in8(&in) % STEPS;
		size_t want = in16(&in), n;
		const uint8_t *p = in_bytes(&in, want, &n);

		step(what, p, n);
	}
	hang_up();
	drain();
	for (unsigned i = 0; i < ENDS; i++)
		close_end(i);
	return 0;
}
