/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * busfile.c - fuzz target: everything that reads a bus file, on any bus file
 *
 * DOC: An input is a script.  Its first three bytes say what the file is like
 * at the beginning: whether it is a good bus or zeros, and of which geometry.
 * Then come steps, each a byte of enum step and what that needs: bytes written
 * to the file behind the bus's back, the file cut or extended, and calls of the
 * library on up to three attachments, of the dump tool's reader, and of what
 * it prints.  So the whole file can be given (STEP_FILE), and anything in it
 * can change between any two calls.
 *
 * What must hold besides: no call takes long, what is received lies in the
 * buffer given, what is peeked lies in the mapped file, and lengths are never
 * above what the geometry allows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/busfile.h"
#include "dumpbus/dump.h"
#include "fuzz/fuzz.h"
#include "shmbus/internal.h"

#define STEPS_MAX 200
#define FILE_MAX (1u << 20)
#define SLOW_NS 20000000000 /* of a process that is stopped now and then */

volatile sig_atomic_t stopped;

void
wake_reader(void)
{
}

static char path[300];
static struct shmbus *b[3];
static int fd = -1;

/* The tool's; here nobody listens. */
void
tool_complain(const char *object, const char *cause, const char *detail)
{
	char text[400];

	snprintf(text, sizeof(text), "%s: %s: %s", object, cause,
	    detail != NULL ? detail : "");
}

/* ---- the file ----------------------------------------------------------- */

static void
write_at(uint64_t at, const void *p, size_t n)
{
	if (at < FILE_MAX && n <= FILE_MAX - at)
		(void)!pwrite(fd, p, n, (off_t)at);
}

static uint64_t
word_at(uint64_t at)
{
	uint64_t w = 0;

	(void)!pread(fd, &w, sizeof(w), (off_t)at);
	return w;
}

/* How far apart the file says that its slots are; what it was made with. */
static uint32_t stride;

/* Where in the file a step points to. */
static uint64_t
place(struct input *in)
{
	switch (in8(in) % PLACES) {
	case PLACE_HEADER:
		return in16(in) % sizeof(struct format_header);
	case PLACE_ATTACHMENT: {
		unsigned i = in8(in);

		return FORMAT_HEADER + i * FORMAT_ATTACHMENT_SIZE + in8(in);
	}
	case PLACE_SLOT: {
		unsigned i = in8(in) % 32;

		return FORMAT_SLOTS + (uint64_t)i * stride + in8(in);
	}
	}
	return in32(in) % FILE_MAX;
}

/* A word that means something near where it is put. */
static void
write_word(struct input *in)
{
	uint64_t at = place(in) & ~(uint64_t)7, v;
	uint64_t tail = word_at(offsetof(struct format_header, tail));
	int delta = (int8_t)in8(in);

	switch (in8(in) % WORDS) {
	case WORD_NEAR:
		v = word_at(at) + (uint64_t)delta;
		break;
	case WORD_TAIL:
		v = tail + (uint64_t)delta;
		break;
	case WORD_STATE:
		/* a slot's: lap, state, owner */
		v = (tail / 16 + (uint64_t)delta) << 16;
		v |= (uint64_t)(in8(in) & 3) << 14;
		v |= in16(in) & 0x3fffu;
		break;
	case WORD_EXTREME:
		v = delta & 1 ? UINT64_MAX : (uint64_t)1 << (delta & 63);
		break;
	default:
		v = in32(in);
		v |= (uint64_t)in32(in) << 32;
	}
	write_at(at, &v, sizeof(v));
}

/* ---- calls -------------------------------------------------------------- */

static void
check_frame(const struct shmbus *bus, const struct shmbus_frame *f)
{
	if (f->len < SHMBUS_FRAME_MIN || f->len > bus->geo.frame_max)
		fuzz_fail("a frame of %u bytes", f->len);
}

static void
attach(unsigned i, unsigned flags)
{
	struct shmbus_options o = { .flags = flags, .spin_us = -1 };

	if (b[i] != NULL)
		return;
	if (shmbus_attach(path, &o, &b[i]) != 0) {
		if (*shmbus_why() == '\0')
			fuzz_fail("no reason given");
		b[i] = NULL;
	}
}

static void
detach(unsigned i)
{
	shmbus_detach(b[i]);
	b[i] = NULL;
}

static void
do_send(struct shmbus *bus, struct input *in)
{
	uint8_t frame[2048], *exact;
	size_t len = in16(in) % 1700, got, i;
	const uint8_t *p = in_bytes(in, in8(in) % 16, &got);
	struct iovec iov[3];
	unsigned how = in8(in), sent;

	for (i = 0; i < len; i++)
		frame[i] = i < got ? p[i] : (uint8_t)i;
	if ((exact = malloc(len + 1)) == NULL)
		return;
	memcpy(exact, frame, len);
	iov[0] = (struct iovec){ exact, len / 2 };
	iov[1] = (struct iovec){ exact + len / 2, len - len / 2 };
	iov[2] = (struct iovec){ exact, len };
	switch (how % 4) {
	case 0:
		shmbus_send(bus, exact, len);
		break;
	case 1:
		shmbus_sendv(bus, iov, 2);
		break;
	case 2:
		shmbus_send_batch(bus, iov, 3, &sent);
		if (sent > 3)
			fuzz_fail("sent %u of 3", sent);
		break;
	case 3:
		iov[1] = iov[0] = iov[2];
		shmbus_send_batch(bus, iov, 3, NULL);
	}
	free(exact);
}

static void
do_reserve(struct shmbus *bus, struct input *in)
{
	size_t len = in16(in) % 1700;
	void *data;

	if (shmbus_reserve(bus, len, &data) != 0)
		return;
	if ((uint8_t *)data < (uint8_t *)bus->base ||
	    (uint8_t *)data + len > (uint8_t *)bus->base + bus->geo.file_size)
		fuzz_fail("a reservation outside of the file");
	memset(data, 0x55, len);
	if (in8(in) & 1)
		shmbus_cancel(bus);
	else if (shmbus_commit(bus, in16(in) % (len + 2)) == EMSGSIZE)
		shmbus_cancel(bus);
}

static void
do_recv(struct shmbus *bus, struct input *in)
{
	size_t size = in16(in) % 2000;
	uint8_t *buf = malloc(size + 1);
	struct shmbus_frame f;

	if (buf != NULL && shmbus_recv(bus, buf, size, &f) == 0) {
		check_frame(bus, &f);
		if (f.data != buf)
			fuzz_fail("received to elsewhere");
	}
	free(buf);
}

static void
do_recv_batch(struct shmbus *bus, struct input *in)
{
	unsigned n = in8(in) % 40, got = 0, i;
	uint32_t size = in16(in) % 300;
	struct shmbus_rx rx[40];

	for (i = 0; i < n; i++) {
		rx[i].buf = malloc(size + 1);
		rx[i].size = rx[i].buf != NULL ? size : 0;
	}
	if (shmbus_recv_batch(bus, rx, n, &got) == 0 && (got == 0 || got > n))
		fuzz_fail("received %u of %u", got, n);
	for (i = 0; i < got && i < n; i++)
		check_frame(bus, &rx[i].frame);
	for (i = 0; i < n; i++)
		free(rx[i].buf);
}

static void
do_peek(struct shmbus *bus, struct input *in)
{
	const uint8_t *base = bus->base;
	struct shmbus_frame f;
	volatile uint8_t sum = 0;
	uint8_t *buf;
	uint32_t i;

	if (shmbus_peek(bus, &f) == 0) {
		check_frame(bus, &f);
		if (f.data < base || f.data + f.len > base + bus->geo.file_size)
			fuzz_fail("a frame outside of the file");
		for (i = 0; i < f.len; i++)
			sum = (uint8_t)(sum + f.data[i]);
	}
	switch (in8(in) % 3) {
	case 0:
		shmbus_skip(bus);
		break;
	case 1:
		i = in16(in) % 2000;
		if ((buf = malloc(i + 1)) != NULL)
			shmbus_take(bus, buf, i);
		free(buf);
	}
}

static void
do_look(struct shmbus *bus, struct input *in)
{
	static struct shmbus_peer peers[SHMBUS_ATTACH_MAX];
	unsigned n = in8(in) % 3 * 128, count, i;
	struct shmbus_stats st;
	struct shmbus_info info;
	int err;

	shmbus_stats(bus, &st);
	shmbus_info(bus, &info);
	if (info.frame_max != bus->geo.frame_max)
		fuzz_fail("the geometry changed");
	err = shmbus_list(bus, peers, n, &count);
	if (count > SHMBUS_ATTACH_MAX || (err != 0 && err != SHMBUS_ETRUNC))
		fuzz_fail("list: %d, %u", err, count);
	for (i = 0; i < count && i < n; i++)
		if (memchr(peers[i].name, 0, sizeof(peers[i].name)) == NULL)
			fuzz_fail("a name without end");
}

/* Standard output is of no interest. */
static void
silence(void)
{
	if ((stdout = fopen("/dev/null", "w")) == NULL)
		fuzz_fail("no /dev/null");
}

/* What shmif_dumpbus does. */
static void
do_dump(struct input *in)
{
	struct shmbus_options how = {
		.flags = SHMBUS_RDONLY | SHMBUS_PROMISC | SHMBUS_OLDEST,
		.spin_us = -1,
	};
	unsigned what = in8(in);
	struct options o = { .bus = path,
		.out = what & 1 ? "/dev/null" : NULL,
		.count = what >> 4 };
	struct shmbus_info info;
	struct shmbus *bus;
	struct sink *sink;
	int err;

	if (shmbus_attach(path, &how, &bus) != 0)
		return;
	if (what & 2) {
		header_print(bus, path);
	} else {
		shmbus_info(bus, &info);
		if (sink_open(&sink, &o, info.frame_max) == 0) {
			err = read_bus(bus, &o, sink);
			sink_close(sink, err == 0);
			if (o.out == NULL)
				silence();
		}
	}
	shmbus_detach(bus);
}

/* ---- steps -------------------------------------------------------------- */

/* A step on attachment BUS. */
static void
call(struct shmbus *bus, unsigned step, struct input *in)
{
	uint8_t mac[6] = { 2, 0, 0, 0, 0, 0 };

	switch (step) {
	case STEP_SEND:
		do_send(bus, in);
		break;
	case STEP_RESERVE:
		do_reserve(bus, in);
		break;
	case STEP_RECV:
		do_recv(bus, in);
		break;
	case STEP_RECV_BATCH:
		do_recv_batch(bus, in);
		break;
	case STEP_PEEK:
		do_peek(bus, in);
		break;
	case STEP_WAIT:
		shmbus_wait(bus, (int64_t)(in8(in) % 4) * 250000);
		break;
	case STEP_CHECK:
		shmbus_check(bus);
		break;
	case STEP_LOOK:
		do_look(bus, in);
		break;
	case STEP_IDENT:
		mac[5] = (uint8_t)in8(in);
		shmbus_set_mac(bus, mac);
		shmbus_set_promisc(bus, mac[5] & 1);
	}
}

static void
step(unsigned what, struct input *in)
{
	const uint8_t *p;
	uint64_t at;
	unsigned i;
	size_t n;

	switch (what) {
	case STEP_WRITE:
		at = place(in);
		p = in_bytes(in, in8(in), &n);
		write_at(at, p, n);
		return;
	case STEP_WORD:
		write_word(in);
		return;
	case STEP_FILE:
		p = in_bytes(in, in16(in), &n);
		write_at(0, p, n);
		return;
	case STEP_SIZE:
		(void)!ftruncate(fd, in32(in) % FILE_MAX);
		return;
	case STEP_ATTACH:
		i = in8(in);
		attach(i % 3, i >> 2 & 15);
		return;
	case STEP_DETACH:
		detach(in8(in) % 3);
		return;
	case STEP_DUMP:
		do_dump(in);
		return;
	case STEP_UNLINK:
		unlink(path);
		return;
	}
	i = in8(in) % 3;
	if (b[i] != NULL)
		call(b[i], what, in);
}

static void
begin_file(struct input *in)
{
	static const uint32_t mtus[] = { 68, 100, 1500, 576 };
	unsigned kind = in8(in), g = in8(in);
	struct shmbus_geometry geo = { .mtu = mtus[g & 3],
		.slots = 16u << (g >> 2 & 1) };

	unlink(path);
	stride = (geo.mtu + 18 + 32 + 63) / 64 * 64 | 64;
	if (!(kind & 1) && shmbus_create(path, &geo) != 0)
		fuzz_fail("cannot create %s: %s", path, shmbus_why());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1)
		fuzz_fail("cannot open %s", path);
	if (kind & 1)
		(void)!ftruncate(fd, kind >> 1 << 10);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint64_t begin = fuzz_thread_ns();
	unsigned steps = 0;
	unsigned i;

	if (path[0] == '\0') {
		snprintf(path, sizeof(path), "%.250s/bus", fuzz_folder());
		if (shmbus_guard() != 0)
			fuzz_fail("cannot begin");
		silence();
	}
	begin_file(&in);
	while (in.n > 0 && steps++ < STEPS_MAX)
		step(in8(&in) % STEPS, &in);
	for (i = 0; i < 3; i++)
		detach(i);
	close(fd);
	if (fuzz_thread_ns() - begin > SLOW_NS)
		fuzz_fail("%u steps took too long", steps);
	return 0;
}
