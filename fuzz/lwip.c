/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lwip.c - fuzz target: any frames whatever, to mainline lwIP
 *
 * DOC: An input is a conversation, as frames.h has it and frames.c gives it to
 * lwipv6.  Here there is neither bus nor receive thread: a frame goes through
 * the driver's kick(), buffer() and input(), with unit_drain() of this file;
 * what lwIP sends comes out of unit_output(), which is here, and
 * is heard by the same peer.  So nearly all of the time is spent in lwIP, which
 * is compiled by clang with AddressSanitizer like all the rest.
 *
 * There is one lwIP in a process, and it serves all inputs.  The sockets are
 * those that mstack's server would have (stack/lwip/sock).  After each input
 * lwIP has to answer an echo request; every RENEW inputs all connections are
 * ended, minutes go by, and the memory in use must be what it was.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/priv/tcp_priv.h>
#include <lwip/tcpip.h>
#include <lwip/timeouts.h>

#include "fuzz/frames.h"
#include "fuzz/fuzz.h"
#include "fuzz/stack/host.h"
#include "shmif/stack.h"
#include "shmif/stack_sock.h"
#include "shmif/unit.h"
#include "stack/lwip/port.h"
#include "stack/lwip/wall.h"
#include "tests/lib/wallframes.h"

#define RENEW 2000
#define SENDS_MAX 3000u	  /* of one input */
#define WARP_MAX 20000u	  /* ms, likewise */
#define STEP_MS 100u	  /* lwIP's shortest timer is TCP's, of 250 */
#define QUIET_MS 1500000u /* after which nothing is kept for a peer */
/*
 * Nothing that comes is kept: neighbours, destinations, prefixes and routers
 * are in tables of lwIP that have their size from the start, and what it
 * allocates (packets that wait for a neighbour, fragments, groups of addresses
 * that a router gave, connections) is over when minutes have gone by.  6.7
 * million frames left 4312 bytes in use each time, the sockets' own.  Groups of
 * 16 addresses and what the C library keeps for a thread fit in this.
 */
#define LEAK 16384u
#define SENT_MAX 256  /* frames that wait to be heard */
#define VISIT_MAX 64u /* frames of one visit to the bus */
#define CALLS_MAX 40u

static struct unit unit = { .num = 0 };
static struct host host;
static const struct stack_sock *sock; /* its functions */
static void *stack;
static int listener, udp, raw4, raw6, conn[HOST_CONNS];
static unsigned inputs, sends, warps, calls;
static uint8_t last[FRAME_SIZE]; /* the frame sent last, as it was sent */
static size_t last_n;
static uint64_t frames;

#define MUST(cond) \
	do { \
		if (!(cond)) \
			fuzz_fail("%s:%d: %s", __FILE__, __LINE__, #cond); \
	} while (0)

/* ---- the unit ------------------------------------------------------------ */

/* What lwIP sent and nobody has heard yet: it is inside then. */
static struct pkt out[SENT_MAX];
static unsigned out_from, out_n;

void
unit_refused(struct unit *u, unsigned reason)
{
	(void)u;
	if (wall_text(reason) == NULL)
		fuzz_fail("refused for reason %u, which is none", reason);
}

int
unit_output(struct unit *u, const struct iovec *iov, int n, uint32_t len)
{
	struct pkt *p = &out[(out_from + out_n) % SENT_MAX];
	uint32_t total = 0;
	int i;

	(void)u;
	for (i = 0; i < n; i++)
		total += (uint32_t)iov[i].iov_len;
	if (total != len)
		fuzz_fail("%u bytes in pieces, %u said", total, len);
	if (out_n == SENT_MAX || len > sizeof(p->b))
		return SHMBUS_EGIVENUP; /* the bus is full */
	for (i = 0, p->n = 0; i < n; i++) {
		memcpy(p->b + p->n, iov[i].iov_base, iov[i].iov_len);
		p->n += iov[i].iov_len;
	}
	out_n++;
	return 0;
}

/* What netlink would have done to a unit; there is no such socket here. */
int
shmif_set_mtu(int ifnum, unsigned mtu)
{
	(void)ifnum;
	(void)mtu;
	return ENXIO;
}

int
shmif_set_mac(int ifnum, const uint8_t mac[6])
{
	(void)ifnum;
	(void)mac;
	return ENXIO;
}

int
shmif_up(int ifnum)
{
	(void)ifnum;
	return ENXIO;
}

int
shmif_down(int ifnum)
{
	(void)ifnum;
	return ENXIO;
}

/* What waits on the bus for the next visit. */
static struct pkt in_line[VISIT_MAX];
static unsigned in_n;

/* A visit: each frame comes in a block of exactly its size. */
void
unit_drain(struct unit *u)
{
	unsigned i;

	for (i = 0; i < in_n; i++) {
		const struct pkt *p = &in_line[i];
		uint8_t *data;
		void *buffer = the_stack.buffer(u, (uint32_t)p->n, &data);

		if (buffer == NULL)
			continue;
		memcpy(data, p->b, p->n);
		the_stack.input(u, buffer, data, (uint32_t)p->n);
	}
	in_n = 0;
}

/* A frame is put on the bus. */
static void
put_frame(const void *frame, size_t n)
{
	frames++;
	if (in_n == VISIT_MAX)
		the_stack.kick(&unit);
	memcpy(in_line[in_n].b, frame, n);
	in_line[in_n++].n = n;
}

void
host_send(struct host *h, const void *frame, size_t n)
{
	(void)h;
	put_frame(frame, n);
	the_stack.kick(&unit);
}

/* lwIP's own thread, which has timers too, may send at any time. */
static bool
take_sent(struct pkt *p)
{
	bool is;

	LOCK_TCPIP_CORE();
	is = out_n > 0;
	if (is) {
		*p = out[out_from];
		out_from = (out_from + 1) % SENT_MAX;
		out_n--;
	}
	UNLOCK_TCPIP_CORE();
	return is;
}

void
peer_read(struct host *h)
{
	struct pkt p;
	unsigned i;

	/* Hearing one may have more of them sent; not for ever. */
	for (i = 0; i < 4 * SENT_MAX && take_sent(&p); i++)
		peer_heard(h, p.b, p.n);
}

/* ---- time and life ------------------------------------------------------- */

static void
go_by(unsigned ms)
{
	unsigned i;

	for (i = 0; i < ms; i += STEP_MS) {
		warp_add((int64_t)STEP_MS * 1000000);
		LOCK_TCPIP_CORE();
		sys_check_timeouts();
		UNLOCK_TCPIP_CORE();
		peer_read(&host);
	}
}

static void
probe(struct host *h)
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
	peer_read(h);
}

/* It lives.  What hinders an answer, but time, is a fault. */
static void
check_alive(void)
{
	int i;

	probe(&host);
	for (i = 0; i < 10 && !host.probe_back; i++) {
		go_by(1000);
		probe(&host);
	}
	if (!host.probe_back)
		fuzz_fail("lwIP answers no more");
}

/* ---- sockets ------------------------------------------------------------- */

static int
open_socket(int domain, int type, int protocol, unsigned port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6,
		.sin6_port = lwip_htons((uint16_t)port) };
	int s = -1;

	MUST(sock->open(stack, domain, type, protocol, &s) == 0);
	if (port != 0)
		MUST(sock->bind(s, (struct sockaddr *)&any, sizeof(any)) == 0);
	return s;
}

static void
open_sockets(void)
{
	struct ip_mreq m4 = { .imr_multiaddr.s_addr = lwip_htonl(0xef010203) };
	struct ipv6_mreq m6 = { .ipv6mr_multiaddr.s6_addr = { 0xff,
				    2, [15] = 0x77 } };
	int i;

	listener = open_socket(AF_INET6, SOCK_STREAM, 0, HOST_PORT);
	MUST(sock->listen(listener, 5) == 0);
	udp = open_socket(AF_INET6, SOCK_DGRAM, 0, HOST_UDP);
	MUST(sock->set(udp, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m4, sizeof(m4)) ==
	    0);
	MUST(sock->set(udp, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m6, sizeof(m6)) ==
	    0);
	raw4 = open_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP, 0);
	raw6 = open_socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, 0);
	for (i = 0; i < HOST_CONNS; i++)
		conn[i] = -1;
}

/* Reads what there is.  False: the end, or an error. */
static bool
empty(int s)
{
	static uint8_t buf[70000];
	struct iovec iov = { buf, sizeof(buf) };
	struct sockaddr_storage from;
	socklen_t len;
	size_t n;
	int error;

	do {
		len = sizeof(from);
		error = sock->recv(s, &iov, 1, (struct sockaddr *)&from, &len,
		    NULL, &n);
	} while (error == 0 && (n != 0 || len != 0));
	return error == EAGAIN || (error == 0 && len != 0);
}

static void
drain(void)
{
	int s, i, j;

	while (sock->accept(listener, &s) == 0) {
		if (conn[HOST_CONNS - 1] != -1)
			sock->close(conn[HOST_CONNS - 1]);
		for (i = HOST_CONNS - 1; i > 0; i--)
			conn[i] = conn[i - 1];
		conn[0] = s;
	}
	for (i = j = 0; i < HOST_CONNS; i++) {
		if (conn[i] != -1 && !empty(conn[i])) {
			sock->close(conn[i]);
			conn[i] = -1;
		}
		if (conn[i] != -1)
			conn[j++] = conn[i];
	}
	for (; j < HOST_CONNS; j++)
		conn[j] = -1;
	/* An error that ICMP told is read first. */
	for (i = 0; i < 3; i++) {
		empty(udp);
		empty(raw4);
		empty(raw6);
	}
	peer_read(&host);
}

/* A connection from the peer. */
static void
open_flow(bool v6)
{
	if (peer_open(&host, v6, probe))
		drain();
}

static void
send_to(int s, const uint8_t address[16], unsigned port, unsigned n)
{
	static uint8_t data[65536] = { 8, 0, 0xf7, 0xff };
	struct iovec iov = { data, n };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
		.sin6_port = lwip_htons((uint16_t)port) };
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	size_t done_n;

	if (address != NULL) {
		memcpy(&to6.sin6_addr, address, 16);
		sock->send(s, &iov, 1, (struct sockaddr *)&to6, sizeof(to6),
		    NULL, &done_n);
	} else if (port != 0) {
		to4.sin_addr.s_addr = lwip_htonl(0x0a000002);
		sock->send(s, &iov, 1, (struct sockaddr *)&to4, sizeof(to4),
		    NULL, &done_n);
	} else {
		sock->send(s, &iov, 1, NULL, 0, NULL, &done_n);
	}
}

static void
call(unsigned op, unsigned arg)
{
	static const uint8_t you6[16] = { 0xfd, [11] = 0xff, 0xfe, [15] = 2 };
	static const uint8_t you4[16] = { [10] = 0xff, 0xff, 10, 0, 0, 2 };

	switch (op % SOCK_OPS) {
	case SOCK_SEND:
		if (conn[0] != -1)
			send_to(conn[0], NULL, 0, arg);
		break;
	case SOCK_SENDTO:
		send_to(udp, you4, 7, arg);
		break;
	case SOCK_SENDTO6:
		send_to(udp, you6, 7, arg);
		break;
	case SOCK_CLOSE:
		if (conn[0] != -1)
			sock->close(conn[0]);
		conn[0] = -1;
		break;
	case SOCK_SHUTDOWN:
		if (conn[0] != -1)
			sock->shutdown(conn[0], SHUT_WR);
		break;
	case SOCK_DOWN:
		the_stack.set_up(&unit, false);
		the_stack.set_up(&unit, true);
		break;
	case SOCK_OPEN:
		open_flow(arg & 1);
		break;
	case SOCK_RAW_ECHO:
		send_to(raw4, NULL, 1, 8 + arg % 1900);
		break;
	}
	peer_read(&host);
}

/* ---- inputs -------------------------------------------------------------- */

static void
send_last(void)
{
	if (sends == 0)
		return;
	sends--;
	host_send(&host, last, last_n);
	peer_read(&host);
}

/* These come in one visit: segments that follow each other may be merged. */
static void
again(struct input *in)
{
	unsigned n = in8(in), at = in16(in), step = in8(in);

	for (; n > 0 && at < last_n && sends > 0; n--, sends--) {
		last[at] = (uint8_t)(last[at] + step);
		host_patch(&host, last, &last_n, FIX_SUM);
		put_frame(last, last_n);
	}
	the_stack.kick(&unit);
	peer_read(&host);
}

static void
begin(unsigned which)
{
	sends = SENDS_MAX;
	warps = WARP_MAX;
	calls = CALLS_MAX;
	forwarding_set(which & 1);
	if (!host.flow.open)
		open_flow(which >> 1 & 1);
}

static void
end(void)
{
	drain();
	check_alive();
}

static void
record(unsigned op, const uint8_t *p, size_t n)
{
	struct input in = { p, n };
	unsigned arg;

	if (op < FRAME_OPS) {
		last_n = n < FRAME_SIZE ? n : FRAME_SIZE;
		memcpy(last, p, last_n);
		host_patch(&host, last, &last_n, op);
		send_last();
	} else if (op == OP_WARP) {
		arg = in16(&in) * 10;
		if (arg > warps)
			arg = warps;
		warps -= arg;
		go_by(arg);
	} else if (op == OP_AGAIN) {
		again(&in);
	} else if (op == OP_SOCKET && calls > 0) {
		calls--;
		arg = in8(&in);
		call(arg, in16(&in));
	} else if (op == OP_END) {
		end();
		begin(in8(&in));
	}
}

/* Nothing is left of what came: the memory is as it was. */
static void
settle(void)
{
	static size_t level;
	static unsigned times;
	const struct linger hard = { .l_onoff = 1 };
	size_t used;
	int i;

	drain();
	for (i = 0; i < HOST_CONNS; i++)
		if (conn[i] != -1) {
			sock->set(conn[i], SOL_SOCKET, SO_LINGER, &hard,
			    sizeof(hard));
			sock->close(conn[i]);
		}
	for (i = 0; i < HOST_CONNS; i++)
		conn[i] = -1;
	LOCK_TCPIP_CORE();
	while (tcp_active_pcbs != NULL)
		tcp_abort(tcp_active_pcbs);
	UNLOCK_TCPIP_CORE();
	host.flow.open = false;
	the_stack.set_up(&unit, false);
	go_by(QUIET_MS);
	drain();
	used = memory_used();
	if (times++ < 3 && used > level)
		level = used;
	if (used > level + LEAK)
		fuzz_fail("%zu bytes in use without a connection, %zu before",
		    used, level);
	the_stack.set_up(&unit, true);
	go_by(4000);
	inputs = 0;
}

static void
count_up(void)
{
	fprintf(stderr, "fuzz: %llu frames\n", (unsigned long long)frames);
}

static void
first(void)
{
	struct stack_setup how = { .mac = { 2, 0, 0, 0, 0, 1 },
		.mtu = 1500,
		.link = true,
		.autoconf = true };
	static const uint8_t v4[16] = { [10] = 0xff, 0xff, 10, 0, 0, 1 };
	static const uint8_t v6[16] = { 0xfd, [11] = 0xff, 0xfe, [15] = 1 };

	MUST(the_stack.find(&stack) == 0);
	MUST(the_stack.attach(&unit, stack, &how) == 0);
	MUST(the_stack.address(&unit, v4, 120, true) == 0);
	MUST(the_stack.address(&unit, v6, 64, true) == 0);
	the_stack.set_up(&unit, true);
	sock = the_stack.sock;
	host.next_port = 0xc000;
	host.probe = 0x70726f62;
	go_by(4000); /* the addresses are ours then */
	open_sockets();
	atexit(count_up);
}

/* After the last input of a replay. */
void
fuzz_end(void)
{
	memory_mine(true);
	settle();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool begun;
	struct input in = { data, size };
	const uint8_t *p;
	unsigned op;
	size_t n;

	memory_mine(true);
	if (!begun)
		first();
	begun = true;
	begin(in8(&in));
	while (in.n > 0) {
		op = in8(&in) % OPS;
		if (op == OP_STOP)
			break;
		n = in16(&in);
		p = in_bytes(&in, n, &n);
		record(op, p, n);
	}
	end();
	if (++inputs >= RENEW)
		settle();
	memory_mine(false);
	return 0;
}
