/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_stacks_test.c - many stacks in one process cost as many times one
 *
 * DOC: A process of its own for each number of stacks, which are on one bus,
 * with a peer, this test, that sends echo requests to each in turn and waits for
 * the reply.  What one echo costs the process, in time on a processor and in
 * switches of threads, must not depend on how many stacks there are; a cost that
 * grew with the square would be a hundred times as much.  Threads and
 * descriptors are counted as well.  ECHOES=2000 for each number.
 *
 * A stack that sleeps between two echoes costs more than the only one, which is
 * always awake; so the limits are what lies between a constant and a cost that
 * is a hundred times as much.
 *
 * alone: it compares what processors were busy with
 */
#include <sys/resource.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmbus.h>
#include <shmif.h>

#include "tests/lib/netstack.h"

#define STACKS_MAX 100
#define FRAME 98u /* 56 bytes of data */
#define TIMES_US 20
#define TIMES_SWITCHES 5

struct bill {
	const char *bus;
	int stacks;
	long echoes;
	/* out: */
	double us;	 /* on a processor, for an echo */
	double switches; /* of threads */
	int threads, descriptors;
};

static const uint8_t my_mac[6] = { 2, 0, 0, 0, 0, 1 };

/* The echo request number N, to the unit IFNUM. */
static void
request(uint8_t *f, int ifnum, uint16_t n)
{
	uint16_t sum;
	size_t i;

	memset(f, 0, FRAME);
	shmif_mac(ifnum, f);
	memcpy(f + 6, my_mac, 6);
	f[12] = 8;
	f[14] = 0x45;
	f[17] = FRAME - 14;
	f[22] = 64;
	f[23] = 1;
	memcpy(f + 26, "\x0a\x01\x01\x01", 4);
	memcpy(f + 30, "\x0a\x01\x00", 3);
	f[33] = (uint8_t)(ifnum + 1);
	sum = net_checksum(f + 14, 20, 0);
	f[24] = (uint8_t)(sum >> 8);
	f[25] = (uint8_t)sum;
	f[34] = 8;
	memcpy(f + 40, &n, 2);
	for (i = 42; i < FRAME; i++)
		f[i] = (uint8_t)(i + n);
	sum = net_checksum(f + 34, FRAME - 34, 0);
	f[36] = (uint8_t)(sum >> 8);
	f[37] = (uint8_t)sum;
}

/* Answers the ARP request F for our address. */
static void
answer_arp(struct shmbus *bus, const uint8_t *f)
{
	uint8_t r[60] = { 0 };

	if (f[21] != 1 || memcmp(f + 38, "\x0a\x01\x01\x01", 4) != 0)
		return;
	memcpy(r, f + 6, 6);
	memcpy(r + 6, my_mac, 6);
	memcpy(r + 12, f + 12, 8);
	r[21] = 2;
	memcpy(r + 22, my_mac, 6);
	memcpy(r + 28, f + 38, 4);
	memcpy(r + 32, f + 22, 10);
	shmbus_send(bus, r, sizeof(r));
}

/* One echo.  Returns whether it came back as it went. */
static bool
echo(struct shmbus *bus, int ifnum, uint16_t n)
{
	uint8_t f[FRAME], got[2000];
	struct shmbus_frame i;
	int error;

	request(f, ifnum, n);
	do
		error = shmbus_send(bus, f, sizeof(f));
	while (error == SHMBUS_EGIVENUP); /* we slept in the middle of it */
	if (error != 0)
		return false;
	for (;;) {
		while (shmbus_recv(bus, got, sizeof(got), &i) != 0)
			shmbus_wait(bus, -1);
		if (i.len >= 42 && got[12] == 8 && got[13] == 6)
			answer_arp(bus, got);
		if (i.len >= FRAME && got[12] == 8 && got[13] == 0 &&
		    got[23] == 1 && got[34] == 0 &&
		    memcmp(got + 40, f + 40, 2) == 0)
			return memcmp(got + 42, f + 42, FRAME - 42) == 0;
	}
}

static double
used(double *switches)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	*switches = (double)(r.ru_nvcsw + r.ru_nivcsw);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 +
	    (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

/* In a process of its own. */
static int
run(void *arg)
{
	struct shmbus_options o = { .spin_us = -1 };
	struct bill *b = arg;
	double before, s0, s1;
	struct shmbus *bus;
	char text[32];
	long k;
	int i;

	for (i = 0; i < b->stacks; i++) {
		struct stack *stack = lwip_add_stack(0);
		int ifnum;

		snprintf(text, sizeof(text), "10.1.0.%d/16", i + 1);
		if (stack == NULL ||
		    shmif_create_on(stack, b->bus, &ifnum) != 0 || ifnum != i ||
		    shmif_add_addr(ifnum, text) != 0 || shmif_up(ifnum) != 0)
			return 1;
	}
	b->threads = net_threads();
	b->descriptors = net_descriptors();
	memcpy(o.mac, my_mac, 6);
	if (shmbus_attach(b->bus, &o, &bus) != 0)
		return 2;
	/* They get to know us. */
	for (i = 0; i < b->stacks; i++)
		if (!echo(bus, i, 0))
			return 3;
	before = used(&s0);
	for (k = 0; k < b->echoes; k++)
		if (!echo(bus, (int)(k % b->stacks), (uint16_t)(k + 1)))
			return 4;
	b->us = (used(&s1) - before) / (double)b->echoes;
	b->switches = (s1 - s0) / (double)b->echoes;
	shmbus_detach(bus);
	return 0;
}

static void
test_stacks(void **state)
{
	static const int numbers[] = { 1, 10, STACKS_MAX };
	struct bill *b = net_shared(sizeof(*b) * 3);
	const char *san = getenv("SHMIF_SAN");
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		b[i].bus = net_bus();
		b[i].stacks = numbers[i];
		b[i].echoes = net_env("ECHOES", 2000);
		assert_int_equal(net_wait(net_child(run, &b[i])), 0);
		printf("# %3d stacks: an echo costs %.1f us, %.2f switches; "
		       "%d threads, %d descriptors\n",
		    b[i].stacks, b[i].us, b[i].switches, b[i].threads,
		    b[i].descriptors);
	}
	for (i = 1; i < 3; i++) {
		int more = b[i].stacks - 1;

		/* ThreadSanitizer's own cost grows with threads' number. */
		if (san == NULL || strstr(san, "thread") == NULL)
			assert_true(b[i].us < TIMES_US * b[0].us);
		assert_true(
		    b[i].switches < TIMES_SWITCHES * (b[0].switches + 1));
		assert_true(b[i].threads <= b[0].threads + 3 * more);
		assert_true(b[i].descriptors <= b[0].descriptors + 4 * more);
	}
	net_bus_remove();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stacks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
