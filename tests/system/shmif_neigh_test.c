/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_neigh_test.c - a neighbour that has another hardware address than before
 *
 * A unit knows where the hand-made peer of the test is.  It must forget that
 * when its link is another one, ask again when what it sends gets no answer,
 * and tell others when its own hardware address changes.
 *
 * slow: 45
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmbus.h>
#include <shmif.h>

#include "tests/lib/netstack.h"
#include "tests/lib/peer.h"

#define FRESH_S 30 /* as long as an address is believed: shmif(4) */
#define WINDOW_S 4 /* until a new address is announced, and more */

static const uint8_t arp_request = 1, arp_reply = 2, solicitation = 135;
static const uint8_t new_mac[6] = { 2, 0, 0, 0, 0, 0x77 };

/* ---- forgetting --------------------------------------------------------- */

static int
udp_socket(bool v4)
{
	int s = lwip_msocket(shmif_stack(unit), v4 ? AF_INET : AF_INET6,
	    SOCK_DGRAM, 0);

	MUST(s != -1);
	return s;
}

static void
send_datagram(int s, bool v4)
{
	struct sockaddr_storage ss;
	socklen_t len = net_addr(&ss, v4 ? PEER4 : PEER6, 9);

	MUST(lwip_sendto(s, "x", 1, 0, (void *)&ss, len) == 1);
}

/* Whether F asks where the peer is; ARG points to whether by ARP. */
static bool
asks(const struct frame *f, const void *arg)
{
	uint8_t ip[16];

	if (*(const bool *)arg) {
		MUST(inet_pton(AF_INET, PEER4, ip) == 1);
		return is_arp(f, &arp_request) && memcmp(f->b + 38, ip, 4) == 0;
	}
	ip6(ip, PEER6);
	return is_type(f, &solicitation) && f->len >= 78 &&
	    memcmp(f->b + 62, ip, 16) == 0;
}

/* ... or is a datagram. */
static bool
asks_or_sends(const struct frame *f, const void *arg)
{
	return asks(f, arg) || packet_proto(f) == P_UDP;
}

/*
 * Whether the unit asks everybody where the peer is before it sends it
 * anything.
 */
static bool
has_forgotten(bool v4)
{
	int s = udp_socket(v4);
	struct frame f;

	send_datagram(s, v4);
	MUST(expect(&f, asks_or_sends, &v4, PATIENCE_MS));
	lwip_close(s);
	return packet_proto(&f) != P_UDP && (f.b[0] & 1);
}

/* Whether the unit knows where the peer is, as it does after this. */
static void
learn_again(void)
{
	struct frame f;

	arp(PEER4, UNIT4);
	MUST(expect(&f, is_arp, &arp_reply, PATIENCE_MS));
	solicit(unit_mac, PEER6, UNIT6, UNIT6, true);
	MUST(expect(&f, is_advert, UNIT6, PATIENCE_MS));
	MUST(!has_forgotten(true) && !has_forgotten(false));
}

static int
cable(void *arg)
{
	(void)arg;
	peer_set_up();
	learn_again();
	MUST(shmif_set_media(unit, 0) == 0 && shmif_set_media(unit, 1) == 0);
	MUST(has_forgotten(true));
	MUST(has_forgotten(false));
	return 0;
}

static int
down(void *arg)
{
	(void)arg;
	peer_set_up();
	learn_again();
	MUST(shmif_down(unit) == 0 && shmif_up(unit) == 0);
	MUST(has_forgotten(true));
	MUST(has_forgotten(false));
	return 0;
}

/* To another bus and back. */
static int
other_bus(void *arg)
{
	char home[200];

	(void)arg;
	peer_set_up();
	MUST(shmif_path(unit, home, sizeof(home)) == 0);
	learn_again();
	MUST(shmif_linkstr(unit, net_bus()) == 0);
	MUST(shmif_linkstr(unit, home) == 0);
	MUST(has_forgotten(true));
	MUST(has_forgotten(false));
	return 0;
}

/* ---- asking again ------------------------------------------------------- */

/* Says to the unit that WHO is at new_mac, which asked where that is. */
static void
say_moved(const struct frame *f)
{
	struct frame a = *f;

	memcpy(a.b, f->b + 6, 6);
	memcpy(a.b + 6, new_mac, 6);
	a.b[21] = 2;
	memcpy(a.b + 22, new_mac, 6);
	memcpy(a.b + 28, f->b + 38, 4);
	memcpy(a.b + 32, f->b + 22, 10);
	send_frame(&a);
}

/* The next question to all where the peer is. */
static void
expect_broadcast(struct frame *f)
{
	const bool v4 = true;

	do
		MUST(expect(f, asks, &v4, PATIENCE_MS));
	while (memcmp(f->b, broadcast, 6) != 0);
}

static bool
is_at_new_mac(const struct frame *f, const void *arg)
{
	(void)arg;
	return memcmp(f->b, new_mac, 6) == 0;
}

/* One datagram, long after the peer was heard: the question is not dropped. */
static int
used_once(void *arg)
{
	const bool v4 = true;
	struct frame f;
	int64_t end;
	int s;

	(void)arg;
	peer_set_up();
	s = udp_socket(v4);
	usleep((FRESH_S + 2) * 1000000);
	while (expect(&f, asks, &v4, 0))
		continue;
	send_datagram(s, v4);
	expect_broadcast(&f);
	MUST(shmbus_set_mac(bus, new_mac) == 0);
	say_moved(&f);
	/* One that is sent before it hears that goes to the old place. */
	end = now_ms() + PATIENCE_MS;
	do {
		MUST(now_ms() < end);
		send_datagram(s, v4);
	} while (!expect(&f, is_at_new_mac, NULL, SILENCE_MS));
	return 0;
}

/* A connection whose peer is silent: is it still where it was? */
static int
silent_peer(void *arg)
{
	struct peer p = peer_new(true, 80, 0);
	const unsigned tcp = P_TCP;
	struct frame f;
	int64_t begin;
	int s;

	(void)arg;
	peer_set_up();
	s = peer_dialled(&p);
	peer_accept(&p);
	MUST(peer_poll(s, POLLOUT, PATIENCE_MS) == POLLOUT);
	MUST(lwip_send(s, "x", 1, 0) == 1);
	begin = now_ms();
	expect_broadcast(&f);
	MUST(now_ms() - begin < FRESH_S * 1000 / 2);
	MUST(shmbus_set_mac(bus, new_mac) == 0);
	say_moved(&f);
	do
		MUST(expect(&f, is_proto, &tcp, PATIENCE_MS));
	while (memcmp(f.b, new_mac, 6) != 0);
	return 0;
}

/* ---- our own ------------------------------------------------------------ */

static bool
is_any(const struct frame *f, const void *arg)
{
	(void)f;
	(void)arg;
	return true;
}

static bool
is_ours_announced(const struct frame *f, const void *arg)
{
	return is_arp(f, arg) && memcmp(f->b + 28, f->b + 38, 4) == 0 &&
	    memcmp(f->b + 22, new_mac, 6) == 0;
}

static bool
is_new_advert(const struct frame *f, const void *arg)
{
	return is_advert(f, arg) && memcmp(f->b + 80, new_mac, 6) == 0;
}

static int
own_mac(void *arg)
{
	struct frame f;

	(void)arg;
	peer_set_up();
	usleep(WINDOW_S * 1000000); /* its first announcements are over */
	while (expect(&f, is_any, NULL, 0))
		continue;
	MUST(shmif_set_mac(unit, new_mac) == 0);
	memcpy(unit_mac, new_mac, 6);
	MUST(expect(&f, is_ours_announced, &arp_request, PATIENCE_MS));
	MUST(memcmp(f.b, broadcast, 6) == 0);
	MUST(shmif_set_mac(unit, our_mac) == 0);
	MUST(shmif_set_mac(unit, new_mac) == 0);
	MUST(expect(&f, is_new_advert, UNIT6, PATIENCE_MS));
	MUST(right_advert(&f, all_mac, "ff02::1", 0x20));
	return 0;
}

/* ------------------------------------------------------------------------- */

static void
test_cable(void **state)
{
	(void)state;
	assert_int_equal(net_wait(net_child(cable, NULL)), 0);
}

static void
test_down(void **state)
{
	(void)state;
	assert_int_equal(net_wait(net_child(down, NULL)), 0);
}

static void
test_other_bus(void **state)
{
	(void)state;
	assert_int_equal(net_wait(net_child(other_bus, NULL)), 0);
}

static void
test_used_once(void **state)
{
	(void)state;
	assert_int_equal(net_wait(net_child(used_once, NULL)), 0);
}

static void
test_silent_peer(void **state)
{
	(void)state;
	assert_int_equal(net_wait(net_child(silent_peer, NULL)), 0);
}

static void
test_own_mac(void **state)
{
	(void)state;
	assert_int_equal(net_wait(net_child(own_mac, NULL)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cable),
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_other_bus),
		cmocka_unit_test(test_used_once),
		cmocka_unit_test(test_silent_peer),
		cmocka_unit_test(test_own_mac),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
