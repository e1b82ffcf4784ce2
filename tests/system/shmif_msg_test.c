/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_msg_test.c - messages in several pieces
 *
 * Two stacks in this process on one bus.  What lwip_sendmsg() is given in
 * pieces arrives as one datagram, or one stretch of a stream, byte for byte.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/netstack.h"

static struct stack *stacks[2];
static int units[2];

static int
setup(void **state)
{
	static const char *const addrs[] = { "10.0.0.1/24", "10.0.0.2/24" };
	const char *path = net_bus();
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		stacks[i] = lwip_add_stack(0);
		if (stacks[i] == NULL ||
		    shmif_create_on(stacks[i], path, &units[i]) != 0 ||
		    shmif_add_addr(units[i], addrs[i]) != 0 ||
		    shmif_up(units[i]) != 0)
			return -1;
	}
	return 0;
}

static int
teardown(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 2; i++)
		shmif_destroy(units[i]);
	net_bus_remove();
	return 0;
}

/* Cuts N bytes at BUF into COUNT pieces, an empty one among them. */
static void
cut(struct iovec *iov, size_t count, uint8_t *buf, size_t n)
{
	size_t step = n / (count - 1);
	size_t i, at = 0;

	for (i = 0; i < count; i++) {
		size_t len = i == 1 ? 0 : i + 1 == count ? n - at : step;

		iov[i].iov_base = buf + at;
		iov[i].iov_len = len;
		at += len;
	}
}

static void
test_datagram(void **state)
{
	static uint8_t out[3000], in[4000];
	struct sockaddr_storage to;
	struct iovec iov[5];
	struct msghdr msg = { .msg_iov = iov };
	int a = lwip_msocket(stacks[0], AF_INET, SOCK_DGRAM, 0);
	int b = lwip_msocket(stacks[1], AF_INET, SOCK_DGRAM, 0);
	size_t count;

	(void)state;
	assert_true(a >= 0 && b >= 0);
	msg.msg_namelen = net_addr(&to, "10.0.0.2", 4000);
	msg.msg_name = &to;
	assert_int_equal(lwip_bind(b, (void *)&to, msg.msg_namelen), 0);
	for (count = 2; count <= 5; count++) {
		size_t n = 600 * count;
		ssize_t got;

		net_fill(out, n, 0, (uint32_t)count);
		cut(iov, count, out, n);
		msg.msg_iovlen = count;
		assert_int_equal(lwip_sendmsg(a, &msg, 0), (ssize_t)n);
		got = lwip_recv(b, in, sizeof(in), 0);
		assert_int_equal(got, (ssize_t)n);
		assert_true(net_same(in, n, 0, (uint32_t)count));
	}
	/* Connected, it needs no name; and one piece works as ever. */
	assert_int_equal(lwip_connect(a, (void *)&to, msg.msg_namelen), 0);
	msg.msg_name = NULL;
	msg.msg_namelen = 0;
	for (count = 1; count <= 3; count += 2) {
		net_fill(out, 300, 0, 9);
		if (count > 1)
			cut(iov, count, out, 300);
		else
			iov[0] = (struct iovec){ out, 300 };
		msg.msg_iovlen = count;
		assert_int_equal(lwip_sendmsg(a, &msg, 0), 300);
		assert_int_equal(lwip_recv(b, in, sizeof(in), 0), 300);
		assert_true(net_same(in, 300, 0, 9));
	}
	lwip_close(a);
	lwip_close(b);
}

static void
test_stream(void **state)
{
	static uint8_t out[50000], in[50000];
	struct sockaddr_storage to;
	socklen_t len = net_addr(&to, "10.0.0.2", 4001);
	struct iovec iov[4];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 4 };
	int l = lwip_msocket(stacks[1], AF_INET, SOCK_STREAM, 0);
	int a = lwip_msocket(stacks[0], AF_INET, SOCK_STREAM, 0);
	size_t at = 0;
	int b;

	(void)state;
	assert_true(a >= 0 && l >= 0);
	assert_int_equal(lwip_bind(l, (void *)&to, len), 0);
	assert_int_equal(lwip_listen(l, 1), 0);
	assert_int_equal(lwip_connect(a, (void *)&to, len), 0);
	b = lwip_accept(l, NULL, NULL);
	assert_true(b >= 0);
	net_fill(out, 20000, 0, 3);
	cut(iov, 4, out, 20000);
	assert_int_equal(lwip_sendmsg(a, &msg, 0), 20000);
	while (at < 20000) {
		ssize_t n = lwip_recv(b, in + at, (int)(sizeof(in) - at), 0);

		assert_true(n > 0);
		at += (size_t)n;
	}
	assert_int_equal(at, 20000);
	assert_true(net_same(in, at, 0, 3));
	lwip_close(a);
	lwip_close(b);
	lwip_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_datagram),
		cmocka_unit_test(test_stream),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
