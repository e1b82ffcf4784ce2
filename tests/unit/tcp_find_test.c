/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_find_test.c - connections, TIME-WAIT and listeners are found (conn.c)
 *
 * Each step does something at random, to the table and to a simple list, and
 * asks both.  FIND_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "stack/lwipv6/tcp/conn.h"
#include "tests/lib/netstack.h"

#define LOCALS 4u
#define REMOTES 8u
#define PORTS 8u
#define ALL (LOCALS * PORTS * REMOTES * PORTS)
#define STEPS 60000u
#define LISTENERS 16u

static struct stack *stack;
static unsigned seed;

static int
group_begin(void **state)
{
	const char *text = getenv("FIND_SEED");

	(void)state;
	seed = text != NULL ? (unsigned)strtoul(text, NULL, 0) :
			      (unsigned)time(NULL);
	printf("# seed %u\n", seed);
	return (stack = lwip_add_stack(0)) == NULL ? -1 : 0;
}

static int
group_end(void **state)
{
	(void)state;
	lwip_del_stack(stack);
	return 0;
}

/* The Nth of some addresses: half of them are IPv4. */
static struct ip_addr
address(unsigned n)
{
	struct ip_addr ip = { { 0, 0, htonl(0xffff), htonl(0x0a000000 + n) } };

	if (n % 2 != 0) {
		ip.addr[0] = htonl(0xfd000000);
		ip.addr[2] = 0;
	}
	return ip;
}

static struct ends
ends_of(unsigned n)
{
	struct ends e = { .local = address(n % LOCALS) };

	n /= LOCALS;
	e.local_port = (uint16_t)(1000 + n % PORTS);
	n /= PORTS;
	e.remote = address(100 + n % REMOTES);
	n /= REMOTES;
	e.remote_port = (uint16_t)(2000 + n % PORTS);
	return e;
}

/* ---- connections --------------------------------------------------------- */

enum what { NONE, OPEN_NOW, WAITS };

static struct {
	enum what what;
	struct tcp_pcb *pcb;
} model[ALL];

static void
begin(unsigned n)
{
	struct ends e = ends_of(n);
	struct tcp_pcb *pcb = tcp_new(stack);

	assert_non_null(pcb);
	pcb->local_ip = e.local;
	pcb->remote_ip = e.remote;
	pcb->local_port = e.local_port;
	pcb->remote_port = e.remote_port;
	pcb->state = n % 3 == 0 ? TCP_SYN_RCVD : TCP_ESTABLISHED;
	if (model[n].what != NONE) {
		/* Only one may have the same ends. */
		assert_null(conn_add(pcb));
		pcb->state = TCP_CLOSED;
		tcp_close(pcb);
		return;
	}
	assert_non_null(conn_add(pcb));
	model[n].what = OPEN_NOW;
	model[n].pcb = pcb;
}

static void
end(unsigned n, unsigned how)
{
	struct tcp_pcb *pcb = model[n].pcb;
	struct ends e = ends_of(n);

	if (model[n].what == WAITS) {
		time_wait_drop(stack, time_wait_of(conn_find(stack, &e)));
		model[n].what = NONE;
	} else if (model[n].what == OPEN_NOW) {
		model[n].what = how == 0 ? WAITS : NONE;
		if (how == 0)
			conn_time_wait(pcb);
		else if (how == 1)
			conn_free_later(pcb);
		else
			tcp_abort(pcb);
	}
}

static void
compare(unsigned n)
{
	struct ends e = ends_of(n);
	struct found *f = conn_find(stack, &e);

	assert_true((f != NULL) == (model[n].what != NONE));
	assert_true((time_wait_of(f) != NULL) == (model[n].what == WAITS));
	assert_ptr_equal(conn_pcb(stack, &e),
	    model[n].what == OPEN_NOW ? model[n].pcb : NULL);
}

static void
compare_port(unsigned n, bool any)
{
	static const struct ip_addr none;
	struct ends e = ends_of(n), other;
	bool used = false;
	unsigned i;

	for (i = 0; i < ALL && !used; i++) {
		other = ends_of(i);
		used = model[i].what != NONE &&
		    other.local_port == e.local_port &&
		    (any || ip_same(&other.local, &e.local));
	}
	assert_true(conn_uses(stack, any ? &none : &e.local, e.local_port,
			stack) == used);
}

static void
random_steps(void *arg)
{
	unsigned i, halves, n;

	(void)arg;
	srandom(seed);
	for (i = 0; i < STEPS; i++) {
		n = (unsigned)random() % ALL;
		/* It fills up, and becomes empty again. */
		if ((unsigned)random() % 4 < (i / (STEPS / 4) % 2 ? 1u : 3u))
			begin(n);
		else
			end(n, (unsigned)random() % 3);
		compare((unsigned)random() % ALL);
		compare(n);
		if (i % 64 == 0)
			compare_port(n, random() % 2 != 0);
		if (i % 1024 == 0)
			conn_reap(stack);
	}
	for (n = 0, halves = 0; n < ALL; n++) {
		compare(n);
		halves += model[n].what == OPEN_NOW &&
		    model[n].pcb->state == TCP_SYN_RCVD;
	}
	assert_int_equal(conn_table(stack)->halves, halves);
	for (n = 0; n < ALL; n++) {
		end(n, n % 3);
		end(n, 0);
	}
	assert_int_equal(conn_table(stack)->count, 0);
	conn_reap(stack);
}

static void
test_connections(void **state)
{
	(void)state;
	assert_int_equal(thread_call(stack, random_steps, NULL), 0);
}

/* ---- listeners ----------------------------------------------------------- */

static void
random_listeners(void *arg)
{
	static const struct ip_addr any;
	struct tcp_pcb *l[LISTENERS] = { NULL };
	unsigned i, k, n;

	(void)arg;
	for (i = 0; i < STEPS / 8; i++) {
		struct ip_addr ip = address((unsigned)random() % 3);
		uint16_t port = (uint16_t)(random() % 3 + 80);
		const struct tcp_pcb *exact = NULL, *wide = NULL, *found;

		n = (unsigned)random() % LISTENERS;
		if (l[n] == NULL) {
			l[n] = tcp_new(stack);
			l[n]->local_ip = random() % 2 != 0 ? any : ip;
			l[n]->local_port = port;
			l[n] = tcp_listen(l[n]);
			assert_non_null(l[n]);
		} else {
			tcp_close(l[n]);
			l[n] = NULL;
		}
		for (k = 0; k < LISTENERS; k++) {
			if (l[k] == NULL || l[k]->local_port != port)
				continue;
			if (ip_same(&l[k]->local_ip, &ip))
				exact = l[k];
			else if (ip_is_any(&l[k]->local_ip))
				wide = l[k];
		}
		found = tcp_listener(stack, &ip, port);
		assert_true((found != NULL) == (exact != NULL || wide != NULL));
		if (exact != NULL)
			assert_true(ip_same(&found->local_ip, &ip));
	}
	for (n = 0; n < LISTENERS; n++)
		if (l[n] != NULL)
			tcp_close(l[n]);
}

static void
test_listeners(void **state)
{
	(void)state;
	assert_int_equal(thread_call(stack, random_listeners, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_listeners),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, group_begin, group_end);
}
