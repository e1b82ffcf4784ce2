/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_delete_test.c - what is queued for a stack that is being deleted
 *
 * A call on the stack's thread closes one socket after the other, each with
 * datagrams in it, and posts itself again; meanwhile the stack is deleted.  So
 * the message to end comes into the queue between a call and what that posts,
 * nearly always.  Nothing is left in memory: by malloc's account, or by
 * LeakSanitizer's.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"

#define ROUNDS 40
#define WARM_UP 10
#define SLACK (32 * 1024)
#define SOCKETS 30
#define DATAGRAMS 3
#define SIZE 1400

int tcpip_callback(struct stack *, void (*)(void *), void *, int);

struct chain {
	struct stack *stack;
	int s[SOCKETS];
	atomic_int closed;
};

static void
again(void *arg)
{
	struct chain *c = arg;

	usleep(1000);
	if (c->closed == SOCKETS)
		return;
	lwip_close(c->s[c->closed++]);
	tcpip_callback(c->stack, again, c, 0);
}

static void
one(void)
{
	static const char buf[SIZE];
	static struct chain c; /* the last call may never be made */
	struct sockaddr_storage to;
	int i, j, unit, s;
	socklen_t len;

	c.closed = 0;
	c.stack = lwip_add_stack(0);
	assert_non_null(c.stack);
	assert_int_equal(shmif_create_on(c.stack, net_bus(), &unit), 0);
	s = lwip_msocket(c.stack, AF_INET, SOCK_DGRAM, 0);
	assert_true(s != -1);
	for (i = 0; i < SOCKETS; i++) {
		len = net_addr(&to, "127.0.0.1", 9 + (unsigned)i);
		c.s[i] = lwip_msocket(c.stack, AF_INET, SOCK_DGRAM, 0);
		assert_true(c.s[i] != -1);
		assert_int_equal(lwip_bind(c.s[i], (struct sockaddr *)&to, len),
		    0);
		for (j = 0; j < DATAGRAMS; j++)
			assert_int_equal(lwip_sendto(s, buf, SIZE, 0,
					     (struct sockaddr *)&to, len),
			    SIZE);
	}
	lwip_close(s);
	tcpip_callback(c.stack, again, &c, 0);
	lwip_del_stack(c.stack);
	for (i = c.closed; i < SOCKETS; i++)
		lwip_close(c.s[i]);
	shmif_destroy(unit);
	net_bus_remove();
}

static void
test_queued(void **state)
{
	size_t before = 0, after;
	int i;

	(void)state;
	for (i = 0; i < WARM_UP + ROUNDS; i++) {
		if (i == WARM_UP)
			before = mallinfo2().uordblks;
		one();
	}
	after = mallinfo2().uordblks;
	printf("# %zu bytes, then %zu\n", before, after);
	assert_true(after < before + SLACK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queued),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
