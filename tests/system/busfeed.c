/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * busfeed - puts frames on a bus, for tests that look at them from outside
 *
 * usage: busfeed [options] bus.file
 *   -m mtu, -s slots   geometry, where the file is created
 *   -a mac, -n name    of the attachment
 *   -x hex             sends this frame; may be repeated
 *   -c count -r seed   sends COUNT frames of random length and content
 *   -i                 sends each line of standard input, hex
 *   -b                 those lines at once, at most 64 short ones, unprinted
 *   -q                 prints none of the frames
 *   -R                 then dies, by SIGKILL, with a frame half-written
 *   -F                 goes on sending random frames, until it is killed
 *   -k                 stays attached when all is sent, until it is killed
 *
 * For each frame sent it prints CLOCK_REALTIME before and after, in
 * nanoseconds, and the frame in hex; with -F and -k "ready" when it is.
 */
#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "shmbus/shmbus.h"

#define FRAMES_MAX 64

static struct shmbus *bus;
static bool quiet;
static uint64_t state;

static void
die(const char *object, const char *cause)
{
	fprintf(stderr, "busfeed: %s: %s\n", object, cause);
	exit(1);
}

/* The next number of the sequence that the seed begins (splitmix64). */
static uint64_t
next_random(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Fills BUF with a frame of SHMBUS_FRAME_MIN..MAX bytes; returns how many. */
static size_t
random_frame(uint8_t *buf, uint32_t max)
{
	size_t len = SHMBUS_FRAME_MIN +
	    (size_t)(next_random() % (max - SHMBUS_FRAME_MIN + 1));

	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)next_random();
	return len;
}

static void
feed(const uint8_t *frame, size_t len)
{
	uint64_t before = clock_ns(CLOCK_REALTIME);
	int err = shmbus_send(bus, frame, len);

	if (err != 0)
		die("send", shmbus_strerror(err));
	if (quiet)
		return;
	printf("%" PRIu64 " %" PRIu64 " ", before, clock_ns(CLOCK_REALTIME));
	for (size_t i = 0; i < len; i++)
		printf("%02x", frame[i]);
	putchar('\n');
	fflush(stdout);
}

/* The bytes that HEX tells, up to SIZE, to FRAME.  How many there are. */
static size_t
bytes_of(const char *hex, uint8_t *frame, size_t size)
{
	size_t len = 0;

	/* sscanf() would measure the whole rest of the line for each. */
	while (len < size && isxdigit((unsigned char)hex[0]) &&
	    isxdigit((unsigned char)hex[1])) {
		char byte[] = { hex[0], hex[1], '\0' };

		frame[len++] = (uint8_t)strtoul(byte, NULL, 16);
		hex += 2;
	}
	return len;
}

static void
feed_hex(const char *hex)
{
	static uint8_t frame[SHMBUS_MTU_MAX + SHMBUS_HEADROOM];

	feed(frame, bytes_of(hex, frame, sizeof(frame)));
}

/* All lines as one batch. */
static void
feed_batch(void)
{
	static uint8_t frames[FRAMES_MAX][2048];
	struct iovec iov[FRAMES_MAX];
	char *line = NULL;
	size_t size = 0;
	unsigned n = 0;

	while (n < FRAMES_MAX && getline(&line, &size, stdin) > 0) {
		iov[n] = (struct iovec){ frames[n],
			bytes_of(line, frames[n], sizeof(frames[n])) };
		n++;
	}
	free(line);
	int err = shmbus_send_batch(bus, iov, n, NULL);
	if (err != 0)
		die("send", shmbus_strerror(err));
}

static void
feed_lines(void)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0)
		feed_hex(line);
	free(line);
}

static uint32_t
number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 0);
}

static void
ready(void)
{
	puts("ready");
	fflush(stdout);
}

static void
parse_mac(uint8_t mac[6], const char *text)
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1],
		&mac[2], &mac[3], &mac[4], &mac[5]) != 6)
		die(text, "not a hardware address");
}

int
main(int argc, char **argv)
{
	struct shmbus_options opt = { .flags = SHMBUS_CREATE };
	static uint8_t frame[SHMBUS_MTU_MAX + SHMBUS_HEADROOM];
	const char *hex[FRAMES_MAX];
	struct shmbus_info info;
	uint32_t count = 0, n = 0;
	bool lines = false, batch = false, die_writing = false, flood = false,
	     stay = false;
	int c;

	snprintf(opt.name, sizeof(opt.name), "busfeed");
	while ((c = getopt(argc, argv, "m:s:a:n:x:c:r:ibqRFk")) != -1)
		switch (c) {
		case 'm':
			opt.geometry.mtu = number(optarg);
			break;
		case 's':
			opt.geometry.slots = number(optarg);
			break;
		case 'a':
			parse_mac(opt.mac, optarg);
			break;
		case 'n':
			snprintf(opt.name, sizeof(opt.name), "%s", optarg);
			break;
		case 'x':
			if (n == FRAMES_MAX)
				die("-x", "too many frames");
			hex[n++] = optarg;
			break;
		case 'c':
			count = number(optarg);
			break;
		case 'r':
			state = number(optarg);
			break;
		case 'i':
			lines = true;
			break;
		case 'b':
			batch = true;
			break;
		case 'q':
			quiet = true;
			break;
		case 'R':
			die_writing = true;
			break;
		case 'F':
			flood = true;
			break;
		case 'k':
			stay = true;
			break;
		default:
			return 2;
		}
	if (optind != argc - 1)
		return 2;
	if ((c = shmbus_attach(argv[optind], &opt, &bus)) != 0)
		die(argv[optind], shmbus_why());
	shmbus_info(bus, &info);
	for (uint32_t i = 0; i < n; i++)
		feed_hex(hex[i]);
	for (uint32_t i = 0; i < count; i++)
		feed(frame, random_frame(frame, info.frame_max));
	if (batch)
		feed_batch();
	else if (lines)
		feed_lines();
	if (die_writing) {
		void *data;

		if ((c = shmbus_reserve(bus, 64, &data)) != 0)
			die("reserve", shmbus_strerror(c));
		memset(data, 0xee, 64);
		raise(SIGKILL);
	}
	if (flood) {
		quiet = true;
		for (uint32_t i = 0;; i++) {
			feed(frame, random_frame(frame, 64));
			if (i == info.geometry.slots)
				ready();
		}
	}
	if (stay) {
		ready();
		for (;;)
			pause();
	}
	shmbus_detach(bus);
	return 0;
}
