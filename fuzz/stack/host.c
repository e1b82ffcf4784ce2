/* SPDX-License-Identifier: BSD-2-Clause */
/* host.c - the stack under test; host.h tells what it is */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "fuzz/stack/host.h"
#include "stack/lwipv6/tcp/tcp.h"
#include "tests/lib/wallframes.h"

#define SYNC_EVERY 200u /* less than the ring is long */
#define TRIES 500	/* times WAIT_NS, and a freeze costs one */
#define TRIES_PROBE 20	/* until the counters are asked */
#define WAIT_NS 20000000
#define WINDOW_MS 4000u /* after which addresses are ours */
#define STEP_MS 15u	/* what a stack's clock makes up for: 20 */
#define READS 300

#define MUST(cond) \
	do { \
		if (!(cond)) \
			fuzz_fail("%s:%d: %s", __FILE__, __LINE__, #cond); \
	} while (0)

/* What lwipv6.h declares, but with types that stack/lwipv6/abi.h has too. */
struct stack *lwip_add_stack(unsigned long);
void lwip_del_stack(struct stack *);
int lwip_ifup_flags(struct netif *, int);
int lwip_add_route(struct stack *, struct ip_addr *, struct ip_addr *,
    struct ip_addr *, struct netif *, int);
int lwip_bind(int, const struct sockaddr *, socklen_t);
int lwip_listen(int, int);
int lwip_setsockopt(int, int, int, const void *, socklen_t);
int lwip_accept(int, struct sockaddr *, socklen_t *);
int lwip_shutdown(int, int);
ssize_t lwip_recv(int, void *, int, unsigned);
int lwip_select(int, fd_set *, fd_set *, fd_set *, struct timeval *);

static int
threads(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	if (d == NULL)
		return 0;
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* ---- life --------------------------------------------------------------- */

static int
open_socket(struct host *h, int domain, int type, int proto)
{
	int s = lwip_msocket(h->stack, domain, type, proto);

	MUST(s != -1);
	return s;
}

static void
bind_to(int s, unsigned port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port) };

	MUST(lwip_bind(s, (struct sockaddr *)&any, sizeof(any)) == 0);
}

/* The socket S hears groups: 239.1.2.3, ff02::77. */
static void
join(int s)
{
	struct ip_mreq m4 = { .imr_multiaddr.s_addr = htonl(0xef010203) };
	struct ipv6_mreq m6 = { .ipv6mr_multiaddr.s6_addr = { 0xff,
				    2, [15] = 0x77 } };

	MUST(lwip_setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m4,
		 sizeof(m4)) == 0);
	MUST(lwip_setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m6,
		 sizeof(m6)) == 0);
}

static void
open_sockets(struct host *h)
{
	int i;

	h->listener = open_socket(h, AF_INET6, SOCK_STREAM, 0);
	bind_to(h->listener, HOST_PORT);
	MUST(lwip_listen(h->listener, 5) == 0);
	h->udp = open_socket(h, AF_INET6, SOCK_DGRAM, 0);
	bind_to(h->udp, HOST_UDP);
	join(h->udp);
	h->raw4 = open_socket(h, AF_INET, SOCK_RAW, IPPROTO_ICMP);
	h->raw6 = open_socket(h, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
	h->rawip = open_socket(h, AF_INET, SOCK_RAW, 253);
	h->packet = open_socket(h, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	for (i = 0; i < HOST_CONNS; i++)
		h->conn[i] = -1;
}

static void
nothing(void *arg)
{
	(void)arg;
}

/* MS milliseconds go by for the stack. */
static void
go_by(struct host *h, unsigned ms)
{
	unsigned i;

	for (i = 0; i < ms; i += STEP_MS) {
		warp_add((int64_t)STEP_MS * 1000000);
		MUST(tcpip_callback(h->stack, nothing, NULL, 1) == ERR_OK);
		if (i / STEP_MS % 64 == 63)
			peer_read(h);
	}
}

/* The addresses that frames may have taken away. */
static void
addresses(struct host *h)
{
	static const char *const all[] = { "10.0.0.1/24", "fd00::ff:fe00:1/64",
		"fe80::ff:fe00:1/64" };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int error = shmif_add_addr(h->unit, all[i]);

		MUST(error == 0 || error == EADDRINUSE);
	}
}

static void
default_route(struct host *h)
{
	struct ip_addr any = { { 0, 0, htonl(0xffff), 0 } }, mask, hop = any;

	memset(&mask, 0xff, sizeof(mask));
	mask.addr[3] = 0;
	hop.addr[3] = htonl(0x0a000002);
	lwip_add_route(h->stack, &any, &mask, &hop, shmif_netif(h->unit), 0);
}

void
host_new(struct host *h, bool router)
{
	struct shmif_options o = { .mac = { 2, 0, 0, 0, 0, 1 },
		.bus_slots = 512,
		.flags = router ? SHMIF_RADV : 0 };
	struct shmbus_options po = { .mac = { 2, 0, 0, 0, 0, 2 },
		.flags = SHMBUS_PROMISC,
		.spin_us = -1,
		.name = "peer" };

	memset(h, 0, sizeof(*h));
	h->router = router;
	snprintf(h->path, sizeof(h->path), "%.250s/bus%d", fuzz_folder(),
	    router);
	unlink(h->path);
	h->stack = lwip_add_stack(router ? 1 : 0); /* 1: forwards */
	MUST(h->stack != NULL);
	o.stack = h->stack;
	MUST(shmif_create_opt(h->path, &o, &h->unit) == 0);
	MUST(shmbus_attach(h->path, &po, &h->peer) == 0);
	addresses(h);
	MUST(lwip_ifup_flags(shmif_netif(h->unit),
		 router ? 0 : NETIF_FLAG_DHCP) == 0);
	default_route(h);
	open_sockets(h);
	h->next_port = 0xc000;
	h->probe = 0x70726f62;
	host_sync(h);
	/* While an address is new, any frame can say that it is taken. */
	host_warp(h, WINDOW_MS);
	host_open(h, false);
}

void
host_free(struct host *h)
{
	int before = threads(), tries, i;

	for (i = 0; i < HOST_CONNS; i++)
		if (h->conn[i] != -1)
			lwip_close(h->conn[i]);
	lwip_close(h->listener);
	lwip_close(h->udp);
	lwip_close(h->raw4);
	lwip_close(h->raw6);
	lwip_close(h->rawip);
	lwip_close(h->packet);
	MUST(shmif_destroy(h->unit) == 0);
	lwip_del_stack(h->stack);
	shmbus_detach(h->peer);
	/* The stack's two threads and the unit's have ended. */
	for (tries = 0; tries < 5000 && threads() > before - 3; tries++)
		usleep(1000);
	if (threads() > before - 3)
		fuzz_fail("a stack's threads do not end");
	h->stack = NULL;
}

/* ---- frames ------------------------------------------------------------- */

void
host_send(struct host *h, const void *frame, size_t n)
{
	int error;

	do
		error = shmbus_send(h->peer, frame, n);
	while (error == SHMBUS_EGIVENUP); /* it was stopped meanwhile */
	if (error == 0) {
		h->sent++;
		h->since++;
	} else if (error != EMSGSIZE) {
		fuzz_fail("shmbus_send: %s", shmbus_strerror(error));
	}
}

void
peer_read(struct host *h)
{
	uint8_t buf[2048];
	struct shmbus_frame f;

	while (shmbus_recv(h->peer, buf, sizeof(buf), &f) == 0)
		peer_heard(h, buf, f.len < sizeof(buf) ? f.len : sizeof(buf));
}

static void
send_probe(struct host *h)
{
	struct pkt p = { .n = 0 };

	h->probe++;
	h->probe_back = false;
	hex(&p, V4("01") "0800 0000 5a5a 0001");
	set16(p.b + p.n, h->probe >> 16);
	set16(p.b + p.n + 2, h->probe & 0xffff);
	p.n += 4;
	done(&p);
	host_send(h, p.b, p.n);
}

/* Whether the unit has seen all that was sent to it. */
static bool
all_counted(struct host *h)
{
	struct shmif_stats st;

	MUST(shmif_stats(h->unit, &st) == 0);
	return st.in_frames + st.in_skipped + st.in_refused + st.in_answered +
	    st.in_down + st.in_lost + st.in_errors >=
	    h->sent;
}

static void
set_flag(void *arg)
{
	__atomic_store_n((int *)arg, 1, __ATOMIC_SEQ_CST);
}

/*
 * Whether the stack's thread does what it is asked to.  The flag stays in use
 * when it does not.
 */
static bool
stack_moves(struct host *h)
{
	static int flags[16];
	static unsigned next;
	int *flag = &flags[next++ % 16], i;

	*flag = 0;
	if (tcpip_callback(h->stack, set_flag, flag, 0) != ERR_OK)
		return false;
	for (i = 0; i < TRIES; i++) {
		if (__atomic_load_n(flag, __ATOMIC_SEQ_CST))
			return true;
		usleep(WAIT_NS / 1000);
	}
	return false;
}

void
host_sync(struct host *h)
{
	int i;

	send_probe(h);
	for (i = 0; i < TRIES; i++) {
		peer_read(h);
		h->since = 0;
		if (h->probe_back)
			return;
		if (i >= TRIES_PROBE && all_counted(h)) {
			if (!stack_moves(h))
				break;
			h->deaf++;
			addresses(h);
			go_by(h, WINDOW_MS);
			return;
		}
		shmbus_wait(h->peer, WAIT_NS);
	}
	fuzz_fail("the stack hangs");
}

/* ---- sockets ------------------------------------------------------------ */

static bool
readable(int s)
{
	struct timeval none = { 0, 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(s, &set);
	return lwip_select(s + 1, &set, NULL, NULL, &none) == 1;
}

/* Takes in the connection that waits; the oldest one has to go for it. */
static void
take_in(struct host *h)
{
	int s = lwip_accept(h->listener, NULL, NULL);
	int i;

	if (s == -1)
		return;
	if (h->conn[HOST_CONNS - 1] != -1)
		lwip_close(h->conn[HOST_CONNS - 1]);
	for (i = HOST_CONNS - 1; i > 0; i--) {
		h->conn[i] = h->conn[i - 1];
		h->conn_sent[i] = h->conn_sent[i - 1];
	}
	h->conn[0] = s;
	h->conn_sent[0] = 0;
}

/* Reads what there is.  Returns false at end of file. */
static bool
empty(int s)
{
	static uint8_t buf[70000];
	ssize_t n = 1;
	int i;

	for (i = 0; i < READS && n > 0; i++)
		n = lwip_recv(s, buf, sizeof(buf), MSG_DONTWAIT);
	return n != 0;
}

void
host_drain(struct host *h)
{
	int i;

	for (i = 0; i < 20 && readable(h->listener); i++)
		take_in(h);
	for (i = 0; i < HOST_CONNS; i++)
		if (h->conn[i] != -1 && !empty(h->conn[i])) {
			lwip_close(h->conn[i]);
			h->conn[i] = -1;
		}
	empty(h->udp);
	empty(h->raw4);
	empty(h->raw6);
	empty(h->rawip);
	empty(h->packet);
}

void
host_warp(struct host *h, unsigned ms)
{
	go_by(h, ms);
	host_sync(h);
}

void
host_open(struct host *h, bool v6)
{
	if (!peer_open(h, v6, host_sync))
		return;
	host_sync(h);
	host_drain(h);
}
