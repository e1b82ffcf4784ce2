/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * foreign.c - fuzz target: the bus files that shmif_dumpbus reads by itself,
 * NetBSD's and those of the other byte order
 *
 * DOC: An input is a script, see foreign.h, that makes such a file; at first
 * it is a good one.  The tool's own reader dumps it as a pcap, and in one more
 * way.
 *
 * What must hold besides: a capture is whole and has no frame but such as stand
 * in the file, in no more bytes than the file has; where the tool failed there
 * is none, and a message; both dumps have the same frames.  Of a file of the
 * other byte order we know better: see expect().
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/captured.h"
#include "dumpbus/dump.h"
#include "fuzz/foreign.h"
#include "shmbus/format.h"
#include "fuzz/fuzz.h"

#define STEPS_MAX 300
#define SLOW_NS 20000000000 /* of a process that is stopped now and then */
#define MIB (1024u * 1024)
#define RING (MIB - 32)

volatile sig_atomic_t stopped;

void
wake_reader(void)
{
}

static char bus_path[300], out_path[300];

/* The file that is being made, as it lies on disk. */
static uint8_t file[MIB];
static size_t file_size;

/* ---- what the tool says ------------------------------------------------- */

static unsigned complaints;
static char said[1024]; /* causes, all of them */

void
tool_complain(const char *object, const char *cause, const char *detail)
{
	size_t n = strlen(said);

	(void)object;
	complaints++;
	snprintf(said + n, sizeof(said) - n, "%s: %s\n", cause,
	    detail != NULL ? detail : "");
}

/* The number that begins the line with TEXT; 0: it was not said. */
static uint64_t
said_of(const char *text)
{
	const char *at = strstr(said, text);

	while (at != NULL && at > said && at[-1] != '\n')
		at--;
	return at != NULL ? strtoull(at, NULL, 10) : 0;
}

static uint64_t lines;
static bool closed;

/* Standard output: text and nothing else. */
static ssize_t
on_write(void *cookie, const char *p, size_t n)
{
	(void)cookie;
	for (size_t i = 0; i < n; i++) {
		lines += p[i] == '\n';
		if (p[i] != '\n' && (p[i] < ' ' || p[i] > '~'))
			fuzz_fail("byte %#x in text", p[i] & 255);
	}
	return (ssize_t)n;
}

static int
on_close(void *cookie)
{
	(void)cookie;
	closed = true;
	return 0;
}

/* ---- dumping ------------------------------------------------------------ */

/* What was dumped. */
struct dump {
	int status;
	uint64_t lines;
	struct captured c;
};
static struct dump whole, other;

/* Dumps the file in the way O. */
static void
dump(struct dump *d, struct options *o, bool swapped)
{
	static const cookie_io_functions_t io = { .write = on_write,
		.close = on_close };
	FILE *was = stdout;
	bool is_one = true;

	o->bus = bus_path;
	complaints = 0;
	said[0] = '\0';
	lines = 0;
	closed = false;
	stdout = fopencookie(NULL, "w", io);
	setvbuf(stdout, NULL, _IOFBF, 65536);
	d->status = swapped ? swapped_read(o) : netbsd_read(o, &is_one);
	if (!closed)
		fclose(stdout);
	stdout = was;
	d->lines = lines;
	if (!is_one && (d->status == 0 || complaints != 0))
		fuzz_fail("none, and status %d, said: %s", d->status, said);
	if (d->status != 0 && is_one && complaints == 0)
		fuzz_fail("failed without a message");
	captured_load(&d->c, out_path);
	if (d->status != 0 && d->c.size != 0)
		fuzz_fail("failed, and left %zu bytes", d->c.size);
	if (d->c.size == 0)
		return;
	if (o->pcapng)
		captured_pcapng(&d->c);
	else
		captured_pcap(&d->c);
}

/* Whether the N frames of A from I on and those of B from 0 on are the same. */
static void
compare(const struct captured *a, uint32_t i, const struct captured *b,
    uint32_t n)
{
	if (b->n != n)
		fuzz_fail("%u frames, and %u in another way", n, b->n);
	for (uint32_t k = 0; k < n; k++)
		if (a->frames[i + k].len != b->frames[k].len ||
		    memcmp(a->p + a->frames[i + k].at, b->p + b->frames[k].at,
			b->frames[k].len) != 0)
			fuzz_fail("frame %u differs in another way", k);
}

/* The frames of -C, all files. */
static void
many_files(struct options *o, bool swapped)
{
	uint64_t bytes = 0, frames = 0;
	char name[320];

	o->file_bytes = whole.c.size / 3 + 1000;
	dump(&other, o, swapped);
	for (unsigned i = 0;; i++) {
		snprintf(name, sizeof(name), "%s%u", out_path, i);
		captured_load(&other.c, name);
		if (other.c.size == 0)
			break;
		if (other.c.size > o->file_bytes + 70000)
			fuzz_fail("-C: %zu bytes", other.c.size);
		captured_pcap(&other.c);
		bytes += other.c.size - 24;
		frames += other.c.n;
	}
	if (bytes != whole.c.size - 24 || frames != whole.c.n)
		fuzz_fail("-C: %" PRIu64 " frames of %u", frames, whole.c.n);
}

/* Dumps it once more, and compares. */
static void
dump_again(unsigned way, bool swapped)
{
	static struct bpf_program *filter;
	static char word0[] = "greater", word1[] = "60";
	char *words[] = { word0, word1 };
	struct options o = { .out = out_path };
	uint32_t n = (way >> 4) % 4 + 1, most = n < whole.c.n ? n : whole.c.n;

	switch (way % 16 % WAYS) {
	case WAY_TEXT:
		o.out = NULL;
		dump(&other, &o, swapped);
		if (other.lines != whole.c.n)
			fuzz_fail("%" PRIu64 " lines, %u frames", other.lines,
			    whole.c.n);
		break;
	case WAY_PCAPNG:
		o.pcapng = true;
		dump(&other, &o, swapped);
		compare(&whole.c, 0, &other.c, whole.c.n);
		break;
	case WAY_HEADER:
		o.out = NULL;
		o.header = true;
		dump(&other, &o, swapped);
		if (other.lines < 3)
			fuzz_fail("%" PRIu64 " lines of header", other.lines);
		break;
	case WAY_COUNT:
		o.count = n;
		dump(&other, &o, swapped);
		compare(&whole.c, 0, &other.c, most);
		break;
	case WAY_NEWEST:
		o.newest = n;
		dump(&other, &o, swapped);
		compare(&whole.c, whole.c.n - most, &other.c, most);
		break;
	case WAY_FILTER:
		if (filter == NULL)
			filter = filter_compile(words, 2);
		o.filter = filter;
		dump(&other, &o, swapped);
		most = 0;
		for (uint32_t i = 0; i < whole.c.n; i++)
			most += whole.c.frames[i].len >= 60;
		if (other.c.n != most)
			fuzz_fail("%u frames pass, not %u", other.c.n, most);
		break;
	case WAY_FILES:
		many_files(&o, swapped);
	}
}

/* ---- files of NetBSD's --------------------------------------------------- */

static bool big;

static void
file32(size_t at, uint32_t v)
{
	if (big)
		v = __builtin_bswap32(v);
	if (at + sizeof(v) <= sizeof(file))
		memcpy(file + at, &v, sizeof(v));
}

static void
file64(size_t at, uint64_t v)
{
	if (big)
		v = __builtin_bswap64(v);
	if (at + sizeof(v) <= sizeof(file))
		memcpy(file + at, &v, sizeof(v));
}

/* N bytes to the ring, from AT on and round. */
static void
ring_put(uint32_t at, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		file[32 + (at + i) % RING] = ((const uint8_t *)p)[i];
}

static void
ring_packet(uint32_t at, unsigned header, const uint32_t *words)
{
	uint32_t w[6] = { 0 };

	for (unsigned i = 0; i < 3; i++)
		w[i] = big ? __builtin_bswap32(words[i]) : words[i];
	w[header / 4 - 2] = at & 3;
	ring_put(at, w, header);
}

static void
netbsd_step(struct input *in, unsigned header, uint32_t *at)
{
	const uint8_t *p;
	uint32_t w[3] = { 0 };
	unsigned count;
	size_t n;

	switch (in8(in) % NETBSD_STEPS) {
	case NETBSD_PACKET:
		for (unsigned i = 0; i < 3; i++)
			w[i] = in32(in);
		p = in_bytes(in, in8(in), &n);
		ring_packet(*at, header, w);
		ring_put(*at + header, p, n);
		*at = (uint32_t)(((uint64_t)*at + header + w[0]) % RING);
		break;
	case NETBSD_REPEAT:
		count = in8(in);
		for (w[0] = in16(in); count > 0; count--) {
			ring_packet(*at, header, w);
			*at = (*at + header + w[0]) % RING;
		}
		break;
	case NETBSD_GO:
		*at = in32(in) % RING;
		break;
	case NETBSD_FIRST:
		file32(16, *at);
		break;
	case NETBSD_LAST:
		file32(20, *at);
		break;
	case NETBSD_WRITE:
		p = in_bytes(in, in8(in), &n);
		ring_put(*at, p, n);
		break;
	case NETBSD_HEADER:
		n = in8(in) % 32;
		file32(n, in32(in));
		break;
	case NETBSD_CUT:
		file_size = in32(in) % (MIB + 1);
	}
}

static void
netbsd_make(struct input *in, unsigned kind)
{
	unsigned version = in8(in);
	unsigned header = version == 2 ? 12 : kind & KIND_I386 ? 20 : 24;
	uint32_t at = 0;

	big = kind & KIND_BIG;
	file_size = MIB;
	file32(0, 0xca11d054);
	file32(4, version);
	file32(24, in8(in));
	file32(16, in32(in));
	file32(20, in32(in));
	for (unsigned i = 0; in->n > 0 && i < STEPS_MAX; i++)
		netbsd_step(in, header, &at);
}

/* Each frame of the capture stands in the ring, and the ring has room. */
static void
netbsd_check(void)
{
	static uint8_t twice[2 * RING];
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < whole.c.n; i++) {
		if (whole.c.frames[i].len == 0)
			fuzz_fail("a frame of 0 bytes");
		bytes += whole.c.frames[i].len + 12;
	}
	if (bytes > RING)
		fuzz_fail("%u frames, %" PRIu64 " bytes", whole.c.n, bytes);
	if (whole.c.n == 0)
		return;
	memcpy(twice, file + 32, RING);
	memcpy(twice + RING, file + 32, RING);
	for (uint32_t i = 0; i < whole.c.n; i += i < 4 ? 1 : whole.c.n / 4 + 1)
		if (memmem(twice, sizeof(twice),
			whole.c.p + whole.c.frames[i].at,
			whole.c.frames[i].len) == NULL)
			fuzz_fail("frame %u is not in the ring", i);
	if (strstr(said, "not whole") != NULL &&
	    file[24] + file[25] + file[26] + file[27] == 0)
		fuzz_fail("nobody has the lock, said: %s", said);
}

/* ---- files of the other byte order --------------------------------------- */

#define HDR(field) offsetof(struct format_header, field)
#define SLOT(field) offsetof(struct format_slot, field)

/* The N bytes at AT of the file, as the number they are there. */
static uint64_t
other_word(size_t at, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n && at + i < sizeof(file); i++)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		v = v << 8 | file[at + i];
#else
		v |= (uint64_t)file[at + i] << 8 * i;
#endif
	return v;
}

static void
swapped_slot(struct input *in, uint32_t stride, uint32_t slots)
{
	uint64_t p = slots + in8(in);
	size_t at = FORMAT_SLOTS + (size_t)(p % slots) * stride;
	uint64_t state = in8(in) & 3, lap;
	uint64_t meta, sender;
	const uint8_t *b;
	size_t n;

	lap = p / slots + (uint64_t)(int8_t)in8(in);
	file64(at + SLOT(word), lap << 16 | state << 14 | 5);
	file64(at + SLOT(seq), p);
	file64(at + SLOT(time_ns), 1700000000000000000 + p);
	sender = in16(in);
	meta = sender << 32 | (uint64_t)in16(in) << 48;
	file64(at + SLOT(meta), meta | in32(in));
	b = in_bytes(in, in8(in), &n);
	if (at + SLOT(data) + n <= sizeof(file))
		memcpy(file + at + SLOT(data), b, n);
}

static uint64_t
in64(struct input *in)
{
	uint64_t low = in32(in);

	return low | (uint64_t)in32(in) << 32;
}

static void
swapped_step(struct input *in, uint32_t stride, uint32_t slots)
{
	const uint8_t *b;
	size_t n, at;

	switch (in8(in) % SWAPPED_STEPS) {
	case SWAPPED_SLOT:
		swapped_slot(in, stride, slots);
		break;
	case SWAPPED_WORD:
		at = FORMAT_SLOTS + in8(in) % slots * (size_t)stride;
		at += in16(in) % stride;
		file64(at, in64(in));
		break;
	case SWAPPED_HEAD:
		at = in16(in) % sizeof(struct format_header);
		file64(at, in64(in));
		break;
	case SWAPPED_WHO:
		at = FORMAT_HEADER + (size_t)in8(in) * FORMAT_ATTACHMENT_SIZE;
		b = in_bytes(in, in8(in), &n);
		memcpy(file + at, b, n);
		break;
	case SWAPPED_CUT:
		file_size = in32(in) % (MIB + 1);
	}
}

static void
swapped_make(struct input *in)
{
	static const uint32_t mtus[] = { 68, 100, 1500, 9000 };
	unsigned geometry = in8(in);
	uint32_t mtu = mtus[geometry & 3], slots = 16u << (geometry >> 2 & 1);
	uint32_t stride = ((32 + mtu + 18 + 63) / 64 | 1) * 64;

	big = true; /* not as we are */
	file_size = FORMAT_SLOTS + (size_t)slots * stride;
	memcpy(file, FORMAT_MAGIC, 8);
	file32(HDR(byte_order), FORMAT_BYTE_ORDER);
	file32(HDR(version), FORMAT_VERSION);
	file32(HDR(header_size), FORMAT_HEADER);
	file32(HDR(mtu), mtu);
	file32(HDR(frame_max), mtu + 18);
	file32(HDR(slots), slots);
	file32(HDR(slot_stride), stride);
	file32(HDR(attachments), FORMAT_ATTACHMENTS);
	file32(HDR(attachment_size), FORMAT_ATTACHMENT_SIZE);
	file64(HDR(attachments_offset), FORMAT_HEADER);
	file64(HDR(slots_offset), FORMAT_SLOTS);
	file64(HDR(file_size), file_size);
	file64(HDR(tail), slots + in8(in));
	for (unsigned i = 0; in->n > 0 && i < STEPS_MAX; i++)
		swapped_step(in, stride, slots);
}

/* What ought to be dumped of a slot at AT: the next frames of the capture. */
static void
expect_slot(size_t at, uint32_t stride, uint32_t max, uint32_t *next,
    uint64_t *bad)
{
	uint64_t meta = other_word(at + SLOT(meta), 8);
	uint32_t more = (uint32_t)(meta >> 48);
	uint64_t len = (uint32_t)meta;
	size_t from = at + SLOT(data), end = at + stride;

	if ((meta >> 32 & 0xffff) >= FORMAT_ATTACHMENTS ||
	    more >= FORMAT_PACK) {
		++*bad;
		return;
	}
	for (uint32_t i = 0; i <= more; i++) {
		if (i > 0) {
			from = at + (from - at + 7) / 8 * 8 + 8;
			len = from <= end ? other_word(from - 8, 8) : 0;
		}
		if (from > end || len < 14 || len > max || len > end - from) {
			++*bad;
			return;
		}
		if (*next >= whole.c.n || whole.c.frames[*next].len != len ||
		    memcmp(whole.c.p + whole.c.frames[*next].at, file + from,
			len) != 0)
			fuzz_fail("frame %u is not that of the file", *next);
		++*next;
		from += len;
	}
}

/*
 * The frames of all positions of the last lap that show that they are
 * published, and the numbers of slots that lie and of those never finished.
 */
static void
expect(void)
{
	uint64_t slots = other_word(HDR(slots), 4);
	uint64_t tail = other_word(HDR(tail), 8), bad = 0, torn = 0;
	uint32_t stride = (uint32_t)other_word(HDR(slot_stride), 4);
	uint32_t max = (uint32_t)other_word(HDR(frame_max), 4);
	uint32_t next = 0;

	for (uint64_t p = tail > 2 * slots ? tail - slots : slots; p < tail;
	     p++) {
		size_t at = FORMAT_SLOTS + (size_t)(p % slots) * stride;
		uint64_t w = other_word(at, 8), lap = p / slots << 16 >> 16;

		if (w >> 16 == lap && (w >> 14 & 3) == SLOT_COMMITTED)
			expect_slot(at, stride, max, &next, &bad);
		else
			torn += w >> 16 != lap || (w >> 14 & 3) == SLOT_WRITING;
	}
	if (next != whole.c.n)
		fuzz_fail("%u frames, not %u", whole.c.n, next);
	if (said_of("passed over") != bad || said_of("not whole") != torn)
		fuzz_fail("%" PRIu64 " bad, %" PRIu64 " not whole, said: %s",
		    bad, torn, said);
}

/* -------------------------------------------------------------------------- */

/* Makes the file on disk what FILE is, where it is not. */
static void
write_file(void)
{
	static uint8_t disk[MIB];
	static size_t size;
	static int fd = -1;

	if (fd == -1)
		fd = open(bus_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	/* What is behind the last whole page is known to be a hole then. */
	if (fd == -1 || ftruncate(fd, (off_t)size) != 0)
		fuzz_fail("cannot write %s", bus_path);
	for (size_t at = 0; at < MIB; at += 4096) {
		if (at >= size)
			memset(disk + at, 0, 4096);
		if (memcmp(disk + at, file + at, 4096) == 0)
			continue;
		memcpy(disk + at, file + at, 4096);
		if (pwrite(fd, disk + at, 4096, (off_t)at) != 4096)
			fuzz_fail("cannot write to %s", bus_path);
	}
	if (ftruncate(fd, (off_t)file_size) != 0)
		fuzz_fail("cannot cut %s", bus_path);
	size = file_size & ~(size_t)4095;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct options o = { .out = out_path };
	unsigned kind = in8(&in), way = in8(&in);
	bool swapped = kind & KIND_SWAPPED;
	uint64_t begin = (uint64_t)clock();

	if (bus_path[0] == '\0') {
		snprintf(bus_path, sizeof(bus_path), "%.250s/bus",
		    fuzz_folder());
		snprintf(out_path, sizeof(out_path), "%.250s/out",
		    fuzz_folder());
	}
	memset(file, 0, sizeof(file));
	if (swapped)
		swapped_make(&in);
	else
		netbsd_make(&in, kind);
	write_file();
	dump(&whole, &o, swapped);
	if (whole.status == 0 && swapped)
		expect();
	else if (whole.status == 0)
		netbsd_check();
	if (whole.status == 0)
		dump_again(way, swapped);
	if (((uint64_t)clock() - begin) * (1000000000 / CLOCKS_PER_SEC) >
	    SLOW_NS)
		fuzz_fail("it took too long");
	return 0;
}
