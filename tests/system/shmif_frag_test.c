/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_frag_test.c - datagrams in fragments, on a bad network and by a liar
 *
 * Through a bridge that loses, doubles and reorders: each UDP datagram that
 * comes is one that was sent, whole, once for each time the bridge made of it;
 * and of those of which no fragment was lost all come, though the others leave
 * pieces behind.  DATAGRAMS (400), SEED.
 *
 * Then fragments by hand, beside a stack on its bus: in every order, twice,
 * overlapping, contradicting each other, too many.
 *
 * slow: 8
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmbus.h>
#include <shmif.h>

#include "tests/lib/lossy.h"
#include "tests/lib/netstack.h"

#define PORT 9
#define MAX 60000u
#define SILENCE_MS 150

static struct stack *stacks[2];
static int units[2];
static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 0x99 };
static uint8_t unit_mac[6];
static struct shmbus *bus;

static const char *
host(int family, int i)
{
	static const char *const name[2][3] = {
		{ "10.4.0.1", "10.4.0.2", "10.4.0.9" },
		{ "fd00:4::1", "fd00:4::2", "fd00:4::9" },
	};

	return name[family == AF_INET6][i];
}

static int
come_up(int i, const char *path)
{
	char v4[40], v6[40];

	snprintf(v4, sizeof(v4), "%s/24", host(AF_INET, i));
	snprintf(v6, sizeof(v6), "%s/64", host(AF_INET6, i));
	return (stacks[i] = lwip_add_stack(0)) != NULL &&
	    shmif_create_on(stacks[i], path, &units[i]) == 0 &&
	    shmif_add_addr(units[i], v4) == 0 &&
	    shmif_add_addr(units[i], v6) == 0 && shmif_up(units[i]) == 0;
}

/* A socket at PORT of stack I. */
static int
bound(int family, int i)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, host(family, i), PORT);
	int s = lwip_msocket(stacks[i], family, SOCK_DGRAM, 0);

	assert_true(s != -1);
	assert_int_equal(lwip_bind(s, (struct sockaddr *)&ss, len), 0);
	return s;
}

/*
 * A thread that takes all that comes to a socket, until a datagram of one
 * byte, and keeps it in its order.
 */
struct ear {
	int s;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct heard {
		struct heard *next;
		size_t len;
		uint8_t b[];
	} * first, **last;
};

static void *
listen_on(void *arg)
{
	struct ear *e = arg;
	uint8_t *buf = malloc(MAX + 1);
	ssize_t n;

	while ((n = lwip_recv(e->s, buf, MAX + 1, 0)) != 1) {
		struct heard *h;

		if (n <= 0 || (h = malloc(sizeof(*h) + (size_t)n)) == NULL)
			break;
		h->next = NULL;
		h->len = (size_t)n;
		memcpy(h->b, buf, h->len);
		pthread_mutex_lock(&e->lock);
		*e->last = h;
		e->last = &h->next;
		pthread_cond_signal(&e->cond);
		pthread_mutex_unlock(&e->lock);
	}
	free(buf);
	return NULL;
}

static void
ear_begin(struct ear *e, int s)
{
	pthread_condattr_t attr;

	memset(e, 0, sizeof(*e));
	e->s = s;
	e->last = &e->first;
	pthread_mutex_init(&e->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&e->cond, &attr);
	assert_int_equal(pthread_create(&e->thread, NULL, listen_on, e), 0);
}

/* The next datagram, which is to be freed; NULL: none within MS. */
static struct heard *
hear(struct ear *e, int ms)
{
	struct timespec end;
	struct heard *h;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += ms % 1000 * 1000000L;
	end.tv_sec += ms / 1000 + end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	pthread_mutex_lock(&e->lock);
	while (e->first == NULL &&
	    pthread_cond_timedwait(&e->cond, &e->lock, &end) == 0)
		continue;
	if ((h = e->first) != NULL && (e->first = h->next) == NULL)
		e->last = &e->first;
	pthread_mutex_unlock(&e->lock);
	return h;
}

/* Ends it: stack FROM tells it to. */
static void
ear_end(struct ear *e, int from, int family, int to)
{
	int s = lwip_msocket(stacks[from], family, SOCK_DGRAM, 0);
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, host(family, to), PORT);
	struct heard *h;

	assert_int_equal(lwip_sendto(s, "", 1, 0, (struct sockaddr *)&ss, len),
	    1);
	pthread_join(e->thread, NULL);
	while ((h = hear(e, 0)) != NULL)
		free(h);
	lwip_close(s);
	lwip_close(e->s);
}

/* ---- a bad network ------------------------------------------------------ */

/* Frames of the neighbours are left alone. */
static bool
carries_data(const uint8_t *f, uint32_t len)
{
	return len > 200 && (f[12] == 0x08 ? f[13] == 0 : f[12] == 0x86);
}

static uint32_t
length_of(uint32_t n)
{
	uint32_t x = n * 2654435761u;

	return 8 + (x >> 8) % (n % 4 == 0 ? MAX - 8 : 5000);
}

static void
run(int family, const struct lossy_plan *plan, unsigned at_least)
{
	static uint8_t out[MAX], count[100000];
	unsigned n, all = (unsigned)net_env("DATAGRAMS", 400), came = 0;
	unsigned late = 0; /* that are not waited for any more */
	struct sockaddr_storage to;
	socklen_t len = net_addr(&to, host(family, 1), PORT);
	struct lossy_stats st;
	struct lossy *l;
	struct heard *h;
	struct ear ear;
	const char *a = net_bus(), *b = net_bus();
	int s, i;

	l = lossy_begin(a, b, plan);
	assert_non_null(l);
	assert_true(come_up(0, a));
	assert_true(come_up(1, b));
	s = bound(family, 0);
	ear_begin(&ear, bound(family, 1));
	memset(count, 0, sizeof(count));
	for (n = 0; n < all; n++) {
		uint32_t size = length_of(n);

		net_fill(out, size, 0, n);
		memcpy(out, &n, sizeof(n));
		assert_int_equal(lwip_sendto(s, out, (int)size, 0,
				     (struct sockaddr *)&to, len),
		    (ssize_t)size);
		/*
		 * The first waits for the neighbour, the last for what is
		 * late; between them nobody is to be lapped on the bus.
		 */
		for (;;) {
			bool far = came + late + 8 < n + 1;
			unsigned which;

			h = hear(&ear,
			    n == 0	     ? 3000 :
				n + 1 == all ? 500 :
				far	     ? 300 :
					       2);
			if (h == NULL && far)
				late = n + 1 - came;
			if (h == NULL)
				break;
			memcpy(&which, h->b, sizeof(which));
			assert_true(which <= n);
			assert_int_equal(h->len, length_of(which));
			net_fill(out, h->len, 0, which);
			assert_memory_equal(h->b + 4, out + 4, h->len - 4);
			came += count[which] == 0;
			count[which]++;
			free(h);
			if (n == 0)
				break;
		}
	}
	lossy_look(l, &st);
	lossy_change(l, &(struct lossy_plan){ 0 });
	ear_end(&ear, 0, family, 1);
	lossy_end(l, NULL);
	printf("# seed %llu: %u of %u came; %llu frames, %llu lost\n",
	    (unsigned long long)plan->seed, came, all,
	    (unsigned long long)st.seen, (unsigned long long)st.dropped);
	assert_int_equal(st.overrun, 0);
	assert_true(came >= all * at_least / 100);
	lwip_close(s);
	for (i = 0; i < 2; i++)
		shmif_destroy(units[i]);
	for (i = 0; i < 2; i++)
		lwip_del_stack(stacks[i]);
}

static uint64_t
seed(void)
{
	return (uint64_t)net_env("SEED", getpid());
}

static void
test_disorder4(void **state)
{
	struct lossy_plan plan = { .twice = 100, .later = 100, .seed = seed() };

	(void)state;
	run(AF_INET, &plan, 100);
}

static void
test_disorder6(void **state)
{
	struct lossy_plan plan = { .twice = 100, .later = 100, .seed = seed() };

	(void)state;
	run(AF_INET6, &plan, 100);
}

/*
 * Three quarters of the datagrams have five fragments at most, the others 40:
 * with a hundredth lost some 80 of 100 come.
 */
static void
test_loss4(void **state)
{
	struct lossy_plan plan = { .drop = 10,
		.twice = 50,
		.later = 50,
		.seed = seed(),
		.pick = carries_data };

	(void)state;
	run(AF_INET, &plan, 60);
}

static void
test_loss6(void **state)
{
	struct lossy_plan plan = { .drop = 10,
		.twice = 50,
		.later = 50,
		.seed = seed(),
		.pick = carries_data };

	(void)state;
	run(AF_INET6, &plan, 60);
}

/* ---- by hand ------------------------------------------------------------ */

static uint8_t message[4000]; /* a UDP datagram of up to that many bytes */

/* Puts the UDP datagram with LEN bytes, header and all, into message. */
static void
compose(int family, uint32_t len)
{
	struct sockaddr_storage a, b;
	uint8_t pseudo[40] = { 0 };
	uint32_t sum = len + 17;
	size_t i, n = 0;
	uint16_t c;

	net_addr(&a, host(family, 2), 0);
	net_addr(&b, host(family, 0), 0);
	if (family == AF_INET) {
		memcpy(pseudo, &((struct sockaddr_in *)&a)->sin_addr, 4);
		memcpy(pseudo + 4, &((struct sockaddr_in *)&b)->sin_addr, 4);
		n = 8;
	} else {
		memcpy(pseudo, &((struct sockaddr_in6 *)&a)->sin6_addr, 16);
		memcpy(pseudo + 16, &((struct sockaddr_in6 *)&b)->sin6_addr,
		    16);
		n = 32;
	}
	for (i = 0; i < n; i += 2)
		sum += (uint32_t)pseudo[i] << 8 | pseudo[i + 1];
	net_fill(message, len, 0, len);
	message[0] = 0;
	message[1] = 77;
	message[2] = 0;
	message[3] = PORT;
	message[4] = (uint8_t)(len >> 8);
	message[5] = (uint8_t)len;
	message[6] = message[7] = 0;
	c = net_checksum(message, len, sum);
	message[6] = (uint8_t)(c >> 8);
	message[7] = (uint8_t)c;
}

/* Sends bytes FROM..TO-1 of message as a fragment of datagram ID. */
static void
fragment(int family, uint32_t id, uint32_t from, uint32_t to, bool more)
{
	uint8_t f[1600] = { 0 }, *ip = f + 14;
	struct sockaddr_storage a, b;
	uint32_t n = to - from, hlen = family == AF_INET ? 20 : 48;
	uint16_t c;
	int error;

	net_addr(&a, host(family, 2), 0);
	net_addr(&b, host(family, 0), 0);
	memcpy(f, unit_mac, 6);
	memcpy(f + 6, our_mac, 6);
	if (family == AF_INET) {
		f[12] = 8;
		ip[0] = 0x45;
		ip[2] = (uint8_t)((n + 20) >> 8);
		ip[3] = (uint8_t)(n + 20);
		ip[4] = (uint8_t)(id >> 8);
		ip[5] = (uint8_t)id;
		ip[6] = (uint8_t)((more ? 0x20 : 0) | from / 8 >> 8);
		ip[7] = (uint8_t)(from / 8);
		ip[8] = 64;
		ip[9] = 17;
		memcpy(ip + 12, &((struct sockaddr_in *)&a)->sin_addr, 4);
		memcpy(ip + 16, &((struct sockaddr_in *)&b)->sin_addr, 4);
		c = net_checksum(ip, 20, 0);
		ip[10] = (uint8_t)(c >> 8);
		ip[11] = (uint8_t)c;
	} else {
		f[12] = 0x86;
		f[13] = 0xdd;
		ip[0] = 0x60;
		ip[4] = (uint8_t)((n + 8) >> 8);
		ip[5] = (uint8_t)(n + 8);
		ip[6] = 44;
		ip[7] = 64;
		memcpy(ip + 8, &((struct sockaddr_in6 *)&a)->sin6_addr, 16);
		memcpy(ip + 24, &((struct sockaddr_in6 *)&b)->sin6_addr, 16);
		ip[40] = 17;
		ip[42] = (uint8_t)(from >> 8);
		ip[43] = (uint8_t)((from & 0xf8) | more);
		ip[44] = (uint8_t)(id >> 24);
		ip[45] = (uint8_t)(id >> 16);
		ip[46] = (uint8_t)(id >> 8);
		ip[47] = (uint8_t)id;
	}
	memcpy(ip + hlen, message + from, n);
	/* One who sleeps while it sends is given up on. */
	while ((error = shmbus_send(bus, f, 14 + hlen + n)) == SHMBUS_EGIVENUP)
		continue;
	assert_int_equal(error, 0);
}

static struct ear ears[2]; /* of IPv4, IPv6 */

/* Whether the datagram of LEN bytes comes, whole. */
static bool
comes(int family, uint32_t len, int ms)
{
	struct heard *h = hear(&ears[family == AF_INET6], ms);
	static uint8_t out[5000];

	if (h == NULL)
		return false;
	net_fill(out, len, 0, len);
	assert_int_equal(h->len, len - 8);
	assert_memory_equal(h->b, out + 8, h->len);
	free(h);
	return true;
}

static int
begin_by_hand(void **state)
{
	struct shmbus_options o = { .flags = SHMBUS_CREATE };
	const char *path = net_bus();

	(void)state;
	memcpy(o.mac, our_mac, 6);
	if (shmbus_attach(path, &o, &bus) != 0 || !come_up(0, path) ||
	    shmif_mac(units[0], unit_mac) != 0)
		return -1;
	stacks[1] = stacks[0];
	ear_begin(&ears[0], bound(AF_INET, 0));
	ear_begin(&ears[1], bound(AF_INET6, 0));
	return 0;
}

static int
end_by_hand(void **state)
{
	(void)state;
	ear_end(&ears[0], 0, AF_INET, 0);
	ear_end(&ears[1], 0, AF_INET6, 0);
	shmif_destroy(units[0]);
	lwip_del_stack(stacks[0]);
	shmbus_detach(bus);
	return 0;
}

static void
by_hand(int f)
{
	static const uint8_t orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 },
		{ 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	static const uint32_t cut[4] = { 0, 800, 1600, 2222 };
	uint32_t id = 100, i, k;

	/* every order, each fragment twice */
	for (i = 0; i < 6; i++, id++) {
		compose(f, 2222);
		for (k = 0; k < 3; k++) {
			uint32_t w = orders[i][k];

			fragment(f, id, cut[w], cut[w + 1], w != 2);
			if (k < 2)
				fragment(f, id, cut[w], cut[w + 1], w != 2);
		}
		assert_true(comes(f, 2222, 5000));
	}
	/* overlapping by eight bytes: nothing comes, even when it would fit */
	compose(f, 2000);
	fragment(f, ++id, 0, 1000, true);
	fragment(f, id, 992, 1400, true);
	fragment(f, id, 1000, 2000, false);
	fragment(f, id, 0, 1000, true);
	assert_false(comes(f, 2000, SILENCE_MS));
	/* the same bytes, but cut in another way */
	fragment(f, ++id, 0, 800, true);
	fragment(f, id, 0, 1200, true);
	fragment(f, id, 800, 1600, true);
	fragment(f, id, 1600, 2000, false);
	assert_false(comes(f, 2000, SILENCE_MS));
	/* two ends */
	fragment(f, ++id, 800, 1600, false);
	fragment(f, id, 1600, 2000, false);
	fragment(f, id, 0, 800, true);
	assert_false(comes(f, 2000, SILENCE_MS));
	/* something behind the end */
	fragment(f, ++id, 1600, 2000, false);
	fragment(f, id, 2000, 2400, true);
	fragment(f, id, 0, 800, true);
	fragment(f, id, 800, 1600, true);
	assert_false(comes(f, 2000, SILENCE_MS));
	/* a great many that are never whole do not keep one that is from it */
	for (i = 0; i < 1000; i++)
		fragment(f, ++id, 0, 800, true);
	compose(f, 2222);
	fragment(f, ++id, 1600, 2222, false);
	fragment(f, id, 0, 800, true);
	fragment(f, id, 800, 1600, true);
	assert_true(comes(f, 2222, 5000));
	/* two at a time */
	fragment(f, 1, 0, 800, true);
	fragment(f, 2, 1600, 2222, false);
	fragment(f, 2, 0, 800, true);
	fragment(f, 1, 1600, 2222, false);
	fragment(f, 2, 800, 1600, true);
	assert_true(comes(f, 2222, 5000));
	fragment(f, 1, 800, 1600, true);
	assert_true(comes(f, 2222, 5000));
	assert_false(comes(f, 2222, 0));
}

static void
test_by_hand4(void **state)
{
	(void)state;
	by_hand(AF_INET);
}

static void
test_by_hand6(void **state)
{
	(void)state;
	by_hand(AF_INET6);
	/* one fragment that is all: whatever else has its number */
	compose(AF_INET6, 1000);
	fragment(AF_INET6, 7, 0, 800, true);
	fragment(AF_INET6, 7, 0, 1000, false);
	assert_true(comes(AF_INET6, 1000, 5000));
	fragment(AF_INET6, 7, 800, 1000, false);
	assert_true(comes(AF_INET6, 1000, 5000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disorder4),
		cmocka_unit_test(test_disorder6),
		cmocka_unit_test(test_loss4),
		cmocka_unit_test(test_loss6),
		cmocka_unit_test_setup_teardown(test_by_hand4, begin_by_hand,
		    end_by_hand),
		cmocka_unit_test_setup_teardown(test_by_hand6, begin_by_hand,
		    end_by_hand),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
