/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_grow_test.c - how the congestion window of a connection grows
 *
 * The peer answers the handshake late, so that the unit expects long round trips
 * and sends nothing again while this test counts.
 */
#include <sys/socket.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/must.h"
#include "tests/lib/netstack.h"
#include "tests/lib/peer.h"

#define MSS 1460u
#define LATE_US 300000
#define FIRST 10u  /* RFC 6928 */
#define SECOND 18u /* ten more were acknowledged at once, eight of them count */

static const bool versions[] = { true, false };

/* How many bytes the unit sends beyond what P has acknowledged. */
static uint32_t
burst(const struct peer *p)
{
	uint32_t end = p->ack;
	struct segment s;

	/* Whoever has not spoken for so long has no more to say. */
	while (peer_recv(p, &s, 100))
		if ((int32_t)(s.seq + s.len - end) > 0)
			end = s.seq + s.len;
	return end - p->ack;
}

static int
grows(void *arg)
{
	bool v4 = *(bool *)arg;
	struct peer p = peer_new(v4, 1234, 80);
	static char data[60000];
	uint32_t n, mss = v4 ? MSS : MSS - 20;
	struct segment s;
	int l, fd;

	peer_set_up();
	p.mss = (uint16_t)mss;
	p.window = 65535;
	l = peer_listener(v4, 80, 5);
	peer_send(&p, T_SYN, NULL, 0);
	MUST(peer_expect(&p, &s, T_SYN | T_ACK, PATIENCE_MS));
	p.seq++;
	p.ack = s.seq + 1;
	usleep(LATE_US);
	peer_send(&p, T_ACK, NULL, 0);
	MUST((fd = lwip_accept(l, NULL, NULL)) != -1);
	MUST(lwip_send(fd, data, sizeof(data), 0) == sizeof(data));
	n = burst(&p);
	MUST(n == FIRST * mss);
	p.ack += n;
	peer_send(&p, T_ACK, NULL, 0);
	n = burst(&p);
	MUST(n == SECOND * mss);
	return 0;
}

static void
test_grows(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++) {
		bool v4 = versions[i];

		assert_int_equal(net_wait(net_child(grows, &v4)), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_grows) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
