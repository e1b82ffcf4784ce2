/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pieces_test.c - a frame of the stack's may be in any number of pieces
 *
 * A segment of many small writes, or a forwarded datagram that came in many
 * fragments, is a long chain of buffers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <shmbus.h>
#include <shmif.h>

#include "stack/lwipv6/tcp/tcp.h"
#include "tests/lib/netstack.h"

#define PIECES_MAX 1400u

static struct shmbus *bus;
static struct netif *netif;

static int
begin(void **state)
{
	const char *path = net_bus();
	struct shmbus_options c = { .flags = SHMBUS_PROMISC };
	struct stack *stack;
	int ifnum;

	(void)state;
	if (shmif_create(path, &ifnum) != 0 || shmif_up(ifnum) != 0)
		return -1;
	stack = shmif_stack(ifnum);
	netif = STACK_FIELD(stack, STACK_NETIF_LIST, struct netif *);
	while (netif != NULL && port_of(netif) == NULL)
		netif = netif->next;
	return netif == NULL || shmbus_attach(path, &c, &bus) != 0 ? -1 : 0;
}

static int
end(void **state)
{
	(void)state;
	shmbus_detach(bus);
	net_bus_remove();
	return 0;
}

/* Receives frames until one has the type of ours. */
static size_t
hear(uint8_t *f, size_t size)
{
	struct shmbus_frame i;

	for (;;) {
		if (shmbus_recv(bus, f, size, &i) != 0)
			shmbus_wait(bus, -1);
		else if (i.len >= 14 && f[12] == 0x88 && f[13] == 0xb5)
			return i.len;
	}
}

/* Sends LEN bytes after the header in N pieces, the K-th of them empty. */
static void
send_pieces(size_t len, unsigned n, unsigned k)
{
	static struct pbuf p[PIECES_MAX + 1];
	static uint8_t f[2000], got[2000];
	size_t at = 0, total = 14 + len;
	unsigned i;

	memset(f, 0xff, 6);
	memset(f + 6, 2, 6);
	f[12] = 0x88;
	f[13] = 0xb5;
	net_fill(f + 14, len, n, 3);
	memset(p, 0, sizeof(p));
	for (i = 0; i < n; i++) {
		size_t left = total - at;
		size_t m = i == n - 1 ? left :
		    i == 0	      ? 14 :
		    i == k	      ? 0 :
					(left - 1) / (n - i);

		p[i].payload = f + at;
		p[i].len = (uint16_t)m;
		p[i].tot_len = (uint16_t)left;
		p[i].next = i == n - 1 ? NULL : &p[i + 1];
		at += m;
	}
	assert_int_equal(link_output(netif, p), ERR_OK);
	assert_int_equal(hear(got, sizeof(got)), total);
	assert_memory_equal(got, f, total);
}

static void
test_pieces(void **state)
{
	static const unsigned n[] = { 2, 3, 63, 64, 65, 66, 128, 500,
		PIECES_MAX };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		send_pieces(1500, n[i], 0);
		send_pieces(1500, n[i], n[i] / 2);
	}
}

/* A chain that is not what its head says is not sent, nor read beyond. */
static void
test_lies(void **state)
{
	static uint8_t f[2000];
	static struct pbuf p[100];
	unsigned i;

	(void)state;
	for (i = 0; i < 100; i++) {
		p[i].payload = f;
		p[i].len = 10;
		p[i].tot_len = 1200;
		p[i].next = i == 99 ? NULL : &p[i + 1];
	}
	assert_int_not_equal(link_output(netif, p), ERR_OK);
	p[80].len = 900;
	assert_int_not_equal(link_output(netif, p), ERR_OK);
	p[0].tot_len = 2000; /* more than the MTU */
	assert_int_not_equal(link_output(netif, p), ERR_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_lies),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, begin, end);
}
