/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transfer_test.c - every byte between two stacks, of the same kind or not
 *
 * Each case runs two mover programs (mover.h), one a process: lwIP with lwIP,
 * and with lwipv6 either way round, over IPv4 and IPv6.  With loss, a bridge
 * that drops frames is between their two buses.
 *
 * KIB=4096, RUNS=1, LOSS=10 (in a thousand) may be given.  WHOLE=1 adds what
 * make lwip_exact runs: MTUs of 1500 and 9000 where both stacks have them, each
 * with loss and without; a mover may take an hour then.
 *
 * slow: 25
 */
#include <sys/wait.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <shmbus.h>

#include "tests/lib/lossy.h"
#include "tests/lib/netstack.h"
#include "tests/lib/stamp.h"

enum { LWIP, LWIPV6 };

static const char *const programs[] = { "mover_lwip", "mover_lwipv6" };
static const char *const own[2][2] = {
	{ "10.0.0.1/24", "10.0.0.2/24" },
	{ "fd00::1/64", "fd00::2/64" },
};
static const char *const server[2] = { "10.0.0.1", "fd00::1" };
static const char *const modes[] = { "up", "half", "down", "both" };

/* Starts a mover with the arguments; NULL ends them. */
static pid_t
start(int stack, ...)
{
	const char *build = getenv("BUILD");
	char path[4096], *argv[16] = { NULL };
	va_list ap;
	pid_t child;
	int n = 1;

	snprintf(path, sizeof(path), "%s/tests/lwip/%s",
	    build != NULL ? build : "build", programs[stack]);
	argv[0] = path;
	va_start(ap, stack);
	while (n < 15 && (argv[n] = va_arg(ap, char *)) != NULL)
		n++;
	va_end(ap);
	fflush(NULL);
	if ((child = fork()) == 0) {
		/* The seconds are not TAP. */
		if (freopen("/dev/null", "w", stdout) == NULL)
			_exit(127);
		/* Should it hang. */
		alarm(net_env("WHOLE", 0) != 0 ? 3600 : 300);
		execv(path, argv);
		perror(path);
		_exit(127);
	}
	assert_true(child > 0);
	return child;
}

struct how {
	int serves, asks; /* the stacks */
	int v6;
	const char *mode;
	unsigned mtu;
	unsigned loss;
	uint64_t size;
	uint32_t seed;
};

static void
make_bus(const char *path, unsigned mtu)
{
	/* Not 128 MB for each, where frames are that large. */
	struct shmbus_geometry g = { .mtu = mtu,
		.slots = mtu > 9000 ? 512 : 0 };

	assert_int_equal(shmbus_create(path, &g), 0);
}

/* A case that has begun. */
struct run {
	struct how h;
	struct lossy *l;
	char theirs[256];   /* the bus of who asks */
	pid_t serves, asks; /* -1: it has been waited for */
};

static void
begin(struct run *r, const struct how *h)
{
	char size[32], seed[32], a[256], b[256];

	snprintf(size, sizeof(size), "%llu", (unsigned long long)h->size);
	snprintf(seed, sizeof(seed), "%u", h->seed);
	snprintf(a, sizeof(a), "%s", net_bus());
	snprintf(b, sizeof(b), "%s", h->loss != 0 ? net_bus() : a);
	make_bus(a, h->mtu);
	memcpy(r->theirs, b, sizeof(r->theirs));
	r->h = *h;
	r->l = NULL;
	if (h->loss != 0) {
		struct lossy_plan plan = { .drop = h->loss, .seed = h->seed };

		make_bus(b, h->mtu);
		assert_non_null(r->l = lossy_begin(a, b, &plan));
	}
	r->serves = start(h->serves, a, own[h->v6][0], "serve", "80", "1",
	    NULL);
	r->asks = start(h->asks, b, own[h->v6][1], "ask", server[h->v6], "80",
	    h->mode, size, seed, NULL);
}

/* Whether all was well. */
static bool
end(struct run *r)
{
	struct lossy_stats st = { 0 };
	bool well = r->asks == -1 || net_wait(r->asks) == 0;

	if (!well)
		kill(r->serves, SIGKILL);
	well &= net_wait(r->serves) == 0;
	if (r->l != NULL) {
		lossy_end(r->l, &st);
		well &= st.seen > 0;
	}
	if (!well)
		printf("# %s asks %s, IPv%c, %s, MTU %u, %u/1000, seed %u\n",
		    programs[r->h.asks], programs[r->h.serves],
		    r->h.v6 ? '6' : '4', r->h.mode, r->h.mtu, r->h.loss,
		    r->h.seed);
	return well;
}

#define CASES (2 * sizeof(modes) / sizeof(modes[0]))

/*
 * All modes between two stacks, over both versions of IP, all at once, each on
 * buses of its own: most of the time is spent waiting for timers, such as those
 * of the search for a duplicate of an IPv6 address.
 */
static void
move_all(int serves, int asks, unsigned mtu, unsigned loss)
{
	uint64_t state = (uint64_t)net_env("TEST_SEED", (long)getpid());
	long runs = net_env("RUNS", 1), kib = loss != 0 ? 256 : 4096;
	struct run all[CASES];
	bool well = true;
	unsigned i;

	for (; runs > 0; runs--) {
		for (i = 0; i < CASES; i++) {
			struct how h = { .serves = serves,
				.asks = asks,
				.v6 = i & 1,
				.mode = modes[i / 2],
				.mtu = mtu,
				.loss = loss,
				.size = (uint64_t)net_env("KIB", kib) << 10,
				.seed = (uint32_t)rnd(&state) };

			begin(&all[i], &h);
		}
		for (i = 0; i < CASES; i++)
			well &= end(&all[i]);
	}
	assert_true(well);
}

static void
test_lwip(void **state)
{
	(void)state;
	move_all(LWIP, LWIP, 1500, 0);
}

static void
test_lwipv6_serves(void **state)
{
	(void)state;
	move_all(LWIPV6, LWIP, 1500, 0);
}

static void
test_lwipv6_asks(void **state)
{
	(void)state;
	move_all(LWIP, LWIPV6, 1500, 0);
}

static void
test_jumbo(void **state)
{
	(void)state;
	move_all(LWIP, LWIP, 9000, 0);
	if (net_env("WHOLE", 0) != 0) {
		move_all(LWIP, LWIPV6, 9000, 0);
		move_all(LWIPV6, LWIP, 9000, 0);
	}
}

/* The largest that a bus has, and a connection to one of 1500 on it. */
static void
test_largest(void **state)
{
	(void)state;
	move_all(LWIP, LWIP, 65521, 0);
	move_all(LWIP, LWIPV6, 65521, 0);
}

static void
test_loss(void **state)
{
	unsigned loss = (unsigned)net_env("LOSS", 10);

	(void)state;
	move_all(LWIP, LWIP, 1500, loss);
	move_all(LWIP, LWIPV6, 1500, loss);
	move_all(LWIPV6, LWIP, 1500, loss);
	if (net_env("WHOLE", 0) != 0) {
		move_all(LWIP, LWIP, 9000, loss);
		/* lwipv6 keeps to its 1500 on a bus of 9000. */
		move_all(LWIP, LWIPV6, 9000, loss);
		move_all(LWIPV6, LWIP, 9000, loss);
	}
}

/* ---- a path with a smaller MTU ------------------------------------------ */

/*
 * A Packet Too Big of 1280 bytes from fd00::1, about what fd00::2 sent to it;
 * for everybody, since nobody knows the hardware address.
 */
static size_t
too_big(uint8_t frame[14 + 40 + 8 + 40])
{
	static const uint8_t all[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	uint8_t *ip = frame + 14, *icmp = ip + 40, *about = icmp + 8;
	uint8_t pseudo[40] = { 0 };
	uint16_t sum;

	memset(frame, 0, 14 + 40 + 8 + 40);
	memcpy(frame, all, sizeof(all));
	frame[6] = 2;
	frame[12] = 0x86;
	frame[13] = 0xdd;
	ip[0] = about[0] = 0x60;
	ip[5] = 8 + 40;
	ip[6] = 58;
	ip[7] = about[7] = 64;
	ip[8] = ip[24] = about[8] = about[24] = 0xfd;
	ip[23] = about[39] = 1;
	ip[39] = about[23] = 2;
	about[4] = 5; /* 1460 bytes of TCP */
	about[5] = 0xb4;
	about[6] = 6;
	icmp[0] = 2;
	icmp[6] = 5; /* 1280 */
	memcpy(pseudo, ip + 8, 32);
	pseudo[35] = 8 + 40;
	pseudo[39] = 58;
	sum = net_checksum(icmp, 8 + 40,
	    (uint16_t)~net_checksum(pseudo, sizeof(pseudo), 0));
	icmp[2] = (uint8_t)(sum >> 8);
	icmp[3] = (uint8_t)sum;
	return 14 + 40 + 8 + 40;
}

/*
 * Segments that are longer than the path has become, and sent once more: lwIP
 * must not make its fragments of what it keeps.
 */
static void
test_path(void **state)
{
	struct how h = { .serves = LWIPV6,
		.asks = LWIP,
		.v6 = 1,
		.mode = "up",
		.mtu = 1500,
		.loss = 10,
		.size = 1 << 20,
		.seed = (uint32_t)net_env("TEST_SEED", (long)getpid()) };
	struct shmbus_options o = { .name = "path" };
	uint8_t frame[14 + 40 + 8 + 40];
	size_t n = too_big(frame);
	struct shmbus *bus;
	struct run r;
	int status;

	(void)state;
	begin(&r, &h);
	assert_int_equal(shmbus_attach(r.theirs, &o, &bus), 0);
	while (waitpid(r.asks, &status, WNOHANG) == 0) {
		shmbus_send(bus, frame, n);
		usleep(2000);
	}
	shmbus_detach(bus);
	r.asks = -1;
	assert_true(end(&r));
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_lwip, net_teardown),
		cmocka_unit_test_teardown(test_lwipv6_serves, net_teardown),
		cmocka_unit_test_teardown(test_lwipv6_asks, net_teardown),
		cmocka_unit_test_teardown(test_jumbo, net_teardown),
		cmocka_unit_test_teardown(test_largest, net_teardown),
		cmocka_unit_test_teardown(test_loss, net_teardown),
		cmocka_unit_test_teardown(test_path, net_teardown),
	};

	printf("# TEST_SEED=%ld\n", net_env("TEST_SEED", (long)getpid()));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
