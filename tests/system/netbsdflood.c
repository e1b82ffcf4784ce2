/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netbsdflood - writes to a bus of NetBSD's shmif as a rump kernel does
 *
 * usage: netbsdflood BUS BATCH USEC   until it is killed: BATCH frames, then
 *                                     USEC of sleep
 *        netbsdflood -c PCAP          whether all frames of a capture are whole,
 *                                     and each follows the one before; prints
 *                                     how many there are
 *
 * BUS is a file that netbsd_bus made (version 3, 24 bytes a header).  As there,
 * the lock is held while "first" gives way, "last" and the bytes are written and
 * "generation" counts the laps; all in this order.  A frame's bytes follow from
 * its number.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_SIZE (1024u * 1024)
#define RING (FILE_SIZE - 32)
#define HEADER 24u
#define LEN_MIN 60u
#define LEN_MAX 1514u

struct bus {
	uint32_t magic, version;
	_Atomic uint64_t gen;
	_Atomic uint32_t first, last, lock;
	uint32_t spare;
	uint8_t ring[RING];
};

static unsigned
length_of(uint64_t n)
{
	return LEN_MIN + (unsigned)(n * 7919 % (LEN_MAX - LEN_MIN + 1));
}

static void
fill(uint8_t *p, uint64_t n)
{
	unsigned len = length_of(n);

	memset(p, 0, 14);
	memcpy(p + 14, &n, sizeof(n));
	for (unsigned i = 22; i < len; i++)
		p[i] = (uint8_t)(n * 31 + i);
}

static uint32_t
next_packet(struct bus *b, uint32_t off)
{
	uint32_t len = 0;

	for (unsigned i = 0; i < sizeof(len); i++)
		len |= (uint32_t)b->ring[(off + i) % RING] << 8 * i;
	return (off + HEADER + len) % RING;
}

static void
put(struct bus *b, uint32_t *off, const void *p, uint32_t n)
{
	uint32_t part = n < RING - *off ? n : RING - *off;

	memcpy(b->ring + *off, p, part);
	memcpy(b->ring, (const uint8_t *)p + part, n - part);
	*off = (*off + n) % RING;
}

static void
write_one(struct bus *b, uint64_t n)
{
	uint8_t frame[LEN_MAX], h[HEADER] = { 0 };
	uint32_t len = length_of(n), all = HEADER + len, zero = 0, at, end;
	uint32_t sec = (uint32_t)(n / 1000000), usec = (uint32_t)(n % 1000000);

	fill(frame, n);
	memcpy(h, &len, 4);
	memcpy(h + 4, &sec, 4);
	memcpy(h + 8, &usec, 4);
	while (!atomic_compare_exchange_weak(&b->lock, &zero, 1))
		zero = 0;
	at = next_packet(b, b->last);
	b->last = at;
	end = at + all;
	if (end > RING && b->first == RING)
		b->first = 0;
	while (b->first != RING && (b->first + RING - at) % RING < all)
		b->first = next_packet(b, b->first);
	put(b, &at, h, HEADER);
	put(b, &at, frame, len);
	if (end > RING)
		b->gen++;
	b->lock = 0;
}

static int
check(const char *pcap)
{
	FILE *f = fopen(pcap, "rb");
	uint8_t head[24], frame[LEN_MAX], want[LEN_MAX];
	uint32_t h[4];
	uint64_t n, next = 0, count = 0;

	if (f == NULL || fread(head, sizeof(head), 1, f) != 1)
		return 1;
	for (; fread(h, sizeof(h), 1, f) == 1; count++, next = n + 1) {
		if (h[2] < LEN_MIN || h[2] > LEN_MAX ||
		    fread(frame, h[2], 1, f) != 1) {
			printf("frame %ju: length %u\n", (uintmax_t)count,
			    h[2]);
			return 1;
		}
		memcpy(&n, frame + 14, sizeof(n));
		if (count != 0 && n != next) {
			printf("frame %ju: %ju, and not %ju\n",
			    (uintmax_t)count, (uintmax_t)n, (uintmax_t)next);
			return 1;
		}
		fill(want, n);
		if (h[2] != length_of(n) || memcmp(frame, want, h[2]) != 0 ||
		    h[0] != n / 1000000 || h[1] != n % 1000000 * 1000) {
			printf("frame %ju: torn\n", (uintmax_t)count);
			return 1;
		}
	}
	printf("%ju\n", (uintmax_t)count);
	return 0;
}

int
main(int argc, char **argv)
{
	struct bus *b;
	unsigned batch, usec;
	int fd;

	if (argc == 3 && strcmp(argv[1], "-c") == 0)
		return check(argv[2]);
	if (argc != 4 || (fd = open(argv[1], O_RDWR)) == -1)
		return 2;
	batch = (unsigned)atoi(argv[2]);
	usec = (unsigned)atoi(argv[3]);
	b = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (b == MAP_FAILED)
		return 2;
	for (uint64_t n = 1;; n++) {
		write_one(b, n);
		if (n % batch == 0 && usec != 0)
			usleep(usec);
	}
}
