/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_many_test.c - what comes goes: stacks, addresses, time
 *
 * STACKS (1000) stacks are made, each with an interface that talks, and deleted,
 * in batches: descriptors, threads and memory are as they were.  An interface
 * that configures itself goes up and down while a router advertises: nothing
 * crashes, nothing is left.  And a stack's clock goes as fast as the world's,
 * idle and under a flood.  A program's threads may have small stacks: what the
 * libraries keep for each thread is taken from these.
 *
 * slow: 10
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmbus.h>
#include <shmif.h>

#include "tests/lib/neighbour.h"
#include "tests/lib/netstack.h"

#define BATCH 10

static bool
sanitized(void)
{
	const char *san = getenv("SHMIF_SAN");

	return san != NULL && *san != '\0';
}

/* Bytes that malloc() has given out. */
static size_t
memory(void)
{
	return mallinfo2().uordblks;
}

/* Ended threads may take a moment to be gone. */
static void
settle(int threads)
{
	int i;

	for (i = 0; i < 1000 && net_threads() > threads; i++)
		usleep(10000);
}

/* ---- a thousand stacks -------------------------------------------------- */

/*
 * Has FROM send to TO, of the stack NEXT.  A stack that was deleted may be on
 * the bus for a moment yet, and take a datagram with it.
 */
static bool
reach(int from, int to, int next)
{
	struct sockaddr_storage ss;
	char addr[40], c;
	socklen_t len;
	int tries, k;

	snprintf(addr, sizeof(addr), "10.5.0.%d", next + 1);
	len = net_addr(&ss, addr, 9);
	for (tries = 0; tries < 200; tries++) {
		if (lwip_sendto(from, "x", 1, 0, (struct sockaddr *)&ss, len) !=
		    1)
			return false;
		for (k = 0; k < 100; k++) {
			if (lwip_recv(to, &c, 1, MSG_DONTWAIT) == 1)
				return c == 'x';
			usleep(1000);
		}
	}
	return false;
}

/* BATCH stacks on the bus PATH; each sends something to the next. */
static void
batch(const char *path)
{
	struct stack *stack[BATCH];
	struct sockaddr_storage ss;
	int unit_[BATCH], s[BATCH], i;
	char addr[40];
	socklen_t len;

	for (i = 0; i < BATCH; i++) {
		snprintf(addr, sizeof(addr), "10.5.0.%d/24", i + 1);
		MUST((stack[i] = lwip_add_stack(0)) != NULL);
		MUST(shmif_create_on(stack[i], path, &unit_[i]) == 0);
		MUST(shmif_add_addr(unit_[i], addr) == 0);
		MUST(shmif_up(unit_[i]) == 0);
		*strchr(addr, '/') = '\0';
		len = net_addr(&ss, addr, 9);
		MUST((s[i] = lwip_msocket(stack[i], AF_INET, SOCK_DGRAM, 0)) !=
		    -1);
		MUST(lwip_bind(s[i], (struct sockaddr *)&ss, len) == 0);
	}
	for (i = 0; i < BATCH; i++)
		MUST(reach(s[i], s[(i + 1) % BATCH], (i + 1) % BATCH));
	for (i = 0; i < BATCH; i++)
		lwip_close(s[i]);
	/* Some are taken off by hand, the rest by their stack's end. */
	for (i = 0; i < BATCH; i++) {
		if (i % 2 == 0)
			MUST(shmif_destroy(unit_[i]) == 0);
		lwip_del_stack(stack[i]);
	}
}

static int
thousand(void *arg)
{
	long n = net_env("STACKS", sanitized() ? 200 : 1000), i;
	const char *path = net_bus();
	int fds = 0, threads = 0, fds2;
	size_t mem = 0, mem2;

	(void)arg;
	for (i = 0; i < n; i += BATCH) {
		batch(path);
		if (i == 2L * BATCH) { /* whatever is made once is there */
			settle(1);
			fds = net_descriptors();
			threads = net_threads();
			malloc_trim(0);
			mem = memory();
		}
	}
	settle(threads);
	fds2 = net_descriptors();
	mem2 = memory();
	printf("# %ld stacks: descriptors %d %d, threads %d %d, memory %zu "
	       "%zu\n",
	    n, fds, fds2, threads, net_threads(), mem, mem2);
	fflush(stdout);
	MUST(fds2 == fds);
	MUST(net_threads() == threads);
	/* a stack and its interface are 340 kB; 100 bytes each are allowed */
	if (!sanitized())
		MUST(mem2 < mem + (size_t)n * 100 + 100000);
	return 0;
}

/* ---- up and down under routers ------------------------------------------ */

static void
router(unsigned i)
{
	struct frame f;

	icmp6(&f, all_mac, "fe80::99", "ff02::1", 134, 12 + 32);
	f.b[58] = 64;
	f.b[60] = 7; /* lifetime */
	f.b[70] = 3;
	f.b[71] = 4;
	f.b[72] = 64;
	f.b[73] = 0xc0;
	f.b[77] = 100;
	f.b[81] = 50;
	memcpy(f.b + 86, "\x20\x01\x0d\xb8", 4);
	f.b[93] = (uint8_t)(i % 4);
	seal(&f);
	send_frame(&f);
}

static int
flapping(void *arg)
{
	long rounds = net_env("FLAPS", sanitized() ? 60 : 300), i;
	uint8_t prefix[8] = { 0x20, 0x01, 0x0d, 0xb8 };
	size_t mem = 0, mem2;
	struct frame f;
	unsigned k;

	(void)arg;
	set_up(NULL);
	for (i = 0; i < rounds; i++) {
		for (k = 0; k < 4; k++)
			router((unsigned)i + k);
		usleep((useconds_t)(i * 7919 % 20000));
		MUST(shmif_down(unit) == 0);
		router(0);
		MUST(shmif_up(unit) == 0);
		if (i == rounds / 2)
			mem = memory();
	}
	mem2 = memory();
	/* and it does what it did at first */
	router(0);
	MUST(expect(&f, is_probe, prefix, PATIENCE_MS));
	printf("# %ld times up and down: memory %zu %zu\n", rounds, mem, mem2);
	fflush(stdout);
	if (!sanitized())
		MUST(mem2 < mem + (size_t)rounds * 200 + 100000);
	MUST(shmif_destroy(unit) == 0);
	return 0;
}

/* ---- time --------------------------------------------------------------- */

static atomic_bool done;

/* Datagrams to the unit that nobody waits for, as fast as it goes. */
static void *
flood(void *arg)
{
	struct shmbus_options o = { .flags = 0 };
	const char *path = arg;
	struct shmbus *b;
	struct frame f;
	int i;

	MUST(shmbus_attach(path, &o, &b) == 0);
	icmp6(&f, unit_mac, "fd00::98", "fd00::1", 3, 100);
	f.b[20] = 17;
	f.b[54 + 4] = 0;
	f.b[54 + 5] = 104;
	seal(&f);
	f.b[54 + 6] = 1;
	while (!atomic_load(&done)) {
		for (i = 0; i < 100; i++)
			shmbus_send(b, f.b, f.len);
		usleep(1000);
	}
	shmbus_detach(b);
	return NULL;
}

/*
 * How long, in milliseconds, the unit goes on asking for a neighbour that is
 * not there, fd00::LAST: three times, a second apart.  From the first to the
 * third; negative: one of them was not seen.
 */
static int64_t
asked_for(uint8_t last)
{
	static const uint8_t ns = 135;
	struct sockaddr_storage to;
	int s = lwip_socket(AF_INET6, SOCK_DGRAM, 0), n = 0;
	int64_t first = 0, at = 0;
	struct frame f;
	char who[16];
	socklen_t len;

	MUST(s != -1);
	snprintf(who, sizeof(who), "fd00::%x", last);
	len = net_addr(&to, who, 9);
	lwip_sendto(s, "x", 1, 0, (struct sockaddr *)&to, len);
	while (n < 3 && expect(&f, is_type, &ns, 5000))
		if (f.b[77] == last) {
			at = now_ms();
			if (n++ == 0)
				first = at;
		}
	lwip_close(s);
	return n == 3 ? at - first : -1;
}

/*
 * The same of one neighbour after the other from FIRST on, until all three were
 * seen: who is off the processor for a whole ring of a flood loses some.
 */
static int64_t
three_times(uint8_t first)
{
	int64_t ms;
	uint8_t last;

	for (last = first; last < first + 20; last++)
		if ((ms = asked_for(last)) >= 0)
			return ms;
	MUST(!"three requests are seen");
	return -1;
}

static int
clocks(void *arg)
{
	char path[300];
	int64_t idle, busy;
	pthread_t thread;

	(void)arg;
	set_up("fd00::1/64");
	MUST(shmif_path(unit, path, sizeof(path)) == 0);
	idle = three_times(0x20);
	pthread_create(&thread, NULL, flood, path);
	busy = three_times(0x40);
	atomic_store(&done, true);
	pthread_join(thread, NULL);
	printf("# three requests: idle %lld ms, under a flood %lld ms\n",
	    (long long)idle, (long long)busy);
	fflush(stdout);
	/* The first comes at once, so there are one to two seconds; a clock
	   that is too fast by half is not let pass. */
	MUST(idle >= 700 && busy >= 700);
	return 0;
}

#define TEST(name) \
	static void test_##name(void **state) \
	{ \
		(void)state; \
		assert_int_equal(net_wait(net_child(name, NULL)), 0); \
	}
TEST(thousand)
TEST(flapping)
TEST(clocks)

static void *
nothing(void *arg)
{
	return arg;
}

static void
test_small_threads(void **state)
{
	pthread_attr_t attr;
	pthread_t t;

	(void)state;
	pthread_attr_init(&attr);
	assert_int_equal(pthread_attr_setstacksize(&attr, 32768), 0);
	assert_int_equal(pthread_create(&t, &attr, nothing, NULL), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	pthread_attr_destroy(&attr);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thousand),
		cmocka_unit_test(test_flapping),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_small_threads),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
