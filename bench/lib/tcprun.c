/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcprun.c - one run of TCP between two stacks
 *
 * DOC: Theory of Operation
 *
 * Two processes, each with a stack of its own, forked before there is one.
 * The first listens, the second connects, and says with the first byte what
 * is to happen on the connection:
 *
 *	'b'	bulk: a stream of as many bytes as was agreed upon follows; the
 *		listener checks every one of them, then answers with one byte.
 *		The time until that has come back is what counts.
 *	'e'	echo: 64 bytes there and 64 back, as often as was agreed upon.
 *
 * The listener answers the last byte, and the connecting side waits for that
 * answer before anybody closes: the stack may lose what is still under way
 * then, and that is not what is measured here.
 *
 * The stream is a table of random bytes over and over, of a length that is
 * prime, so that no piece of it can be taken for the one before or after it
 * in a segment, a window or a buffer.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/common.h"
#include "bench/lib/tcprun.h"

#define PERIOD 65521u
#define PIECE 65536
#define ECHO 64
#define WARM_TRIPS 50u
#define PORT 7000
#define TIMEOUT_S 60u
#define MIB_PER_S 2u /* a run that is slower hangs */

/* What the two processes share. */
struct run {
	const char *where;
	tcp_attach_fn *attach;
	uint64_t bytes;
	size_t trips;
	struct gate listening, done;
	bool wrong; /* bytes that nobody sent */
	double seconds, p50, p99;
};

/* The stream from a byte I < PERIOD on, for PIECE bytes. */
static uint8_t pattern[PERIOD + PIECE];

static void
make_pattern(void)
{
	uint64_t x = 0x9e3779b97f4a7c15u;
	size_t i;

	for (i = 0; i < sizeof(pattern); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		pattern[i] = i < PERIOD ? (uint8_t)(x >> 32) :
					  pattern[i - PERIOD];
	}
}

/* ---- a stack ------------------------------------------------------------ */

/* Gives this process a stack of its own with the address 10.9.0.HOST. */
static struct stack *
stack_up(const struct run *r, unsigned host)
{
	struct ip_addr addr, mask;
	struct stack *stack;
	struct netif *nif;
	const char *why = "no interface";

	if ((nif = r->attach(r->where, &stack, &why)) == NULL)
		crew_fail("%s: %s", r->where, why);
	IP64_ADDR(&addr, 10, 9, 0, host);
	IP64_MASKADDR(&mask, 255, 255, 255, 0);
	if (lwip_add_addr(nif, &addr, &mask) < 0)
		crew_fail("%s: the address is refused", r->where);
	if (lwip_ifup(nif) < 0)
		crew_fail("%s: the interface stays down", r->where);
	return stack;
}

static struct sockaddr_in
address_of(unsigned host)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(10u << 24 | 9u << 16 | host) };

	return a;
}

static int
socket_on(struct stack *stack)
{
	int fd = lwip_msocket(stack, AF_INET, SOCK_STREAM, 0);

	if (fd == -1)
		crew_fail("socket: %s", strerror(errno));
	return fd;
}

static void
send_all(int fd, const void *buf, size_t n)
{
	const char *p = buf;

	while (n != 0) {
		ssize_t did = lwip_send(fd, p, (int)n, 0);

		if (did <= 0)
			crew_fail("send: %s", strerror(errno));
		p += did;
		n -= (size_t)did;
	}
}

/* Receives between 1 and N bytes. */
static size_t
receive(int fd, void *buf, size_t n)
{
	ssize_t did = lwip_recv(fd, buf, (int)n, 0);

	if (did < 0)
		crew_fail("receive: %s", strerror(errno));
	if (did == 0)
		crew_fail("receive: the stream ends too soon");
	return (size_t)did;
}

static void
receive_all(int fd, void *buf, size_t n)
{
	char *p = buf;

	while (n != 0) {
		size_t did = receive(fd, p, n);

		p += did;
		n -= did;
	}
}

/* ---- the listening process ---------------------------------------------- */

/* Checks the stream; answers when it was right to the last byte. */
static void
listen_bulk(struct run *r, int fd)
{
	static uint8_t buf[PIECE];
	uint64_t at = 0;

	while (at < r->bytes) {
		uint64_t left = r->bytes - at;
		size_t n = receive(fd, buf, left < PIECE ? left : PIECE);

		if (memcmp(buf, pattern + at % PERIOD, n) != 0) {
			r->wrong = true;
			crew_fail("wrong bytes in the %zu from %llu on", n,
			    (unsigned long long)at);
		}
		at += n;
	}
	send_all(fd, "!", 1);
}

static void
listen_echo(const struct run *r, int fd)
{
	char buf[ECHO];
	size_t i;

	for (i = 0; i < WARM_TRIPS + r->trips; i++) {
		receive_all(fd, buf, sizeof(buf));
		send_all(fd, buf, sizeof(buf));
	}
}

static void
listener(struct run *r)
{
	struct stack *stack = stack_up(r, 1);
	struct sockaddr_in at = address_of(1);
	int fd = socket_on(stack);
	int one = 1;
	int i;

	at.sin_addr.s_addr = htonl(INADDR_ANY);
	if (lwip_bind(fd, (struct sockaddr *)&at, sizeof(at)) == -1 ||
	    lwip_listen(fd, 2) == -1)
		crew_fail("listen: %s", strerror(errno));
	gate_pass(&r->listening, 2);
	for (i = 0; i < 2; i++) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		int con = lwip_accept(fd, (struct sockaddr *)&from, &len);
		char what;

		if (con == -1)
			crew_fail("accept: %s", strerror(errno));
		lwip_setsockopt(con, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one,
		    sizeof(one));
		receive_all(con, &what, 1);
		if (what == 'b')
			listen_bulk(r, con);
		else
			listen_echo(r, con);
	}
	gate_pass(&r->done, 2);
	/* Nothing is closed: both stacks go with their processes. */
}

/* ---- the connecting process --------------------------------------------- */

static int
connected(struct stack *stack, char what)
{
	struct sockaddr_in to = address_of(1);
	int fd = socket_on(stack);
	int one = 1;

	if (lwip_connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		crew_fail("connect: %s", strerror(errno));
	lwip_setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one,
	    sizeof(one));
	send_all(fd, &what, 1);
	return fd;
}

static void
connect_echo(struct run *r, int fd)
{
	double *us = calloc(r->trips, sizeof(*us));
	char there[ECHO], back[ECHO];
	size_t i;

	for (i = 0; i < WARM_TRIPS + r->trips; i++) {
		uint64_t t0 = now_ns();

		memset(there, (int)i, sizeof(there));
		send_all(fd, there, sizeof(there));
		receive_all(fd, back, sizeof(back));
		if (memcmp(there, back, sizeof(there)) != 0) {
			r->wrong = true;
			crew_fail("wrong bytes in echo %zu", i);
		}
		if (i >= WARM_TRIPS)
			us[i - WARM_TRIPS] = (double)(now_ns() - t0) / 1e3;
	}
	sort_values(us, r->trips);
	r->p50 = percentile(us, r->trips, 50);
	r->p99 = percentile(us, r->trips, 99);
	free(us);
}

static void
connect_bulk(struct run *r, int fd)
{
	uint64_t at = 0;
	uint64_t t0;
	char last;

	t0 = now_ns();
	while (at < r->bytes) {
		uint64_t left = r->bytes - at;
		size_t n = left < PIECE ? left : PIECE;

		send_all(fd, pattern + at % PERIOD, n);
		at += n;
	}
	receive_all(fd, &last, 1);
	r->seconds = (double)(now_ns() - t0) / 1e9;
}

static void
member(void *arg, unsigned number)
{
	struct run *r = arg;
	struct stack *stack;

	if (number == 0) {
		listener(r);
		return;
	}
	gate_pass(&r->listening, 2);
	stack = stack_up(r, 2);
	connect_echo(r, connected(stack, 'e'));
	connect_bulk(r, connected(stack, 'b'));
	gate_pass(&r->done, 2);
}

/* ---- a run -------------------------------------------------------------- */

static int
usage(const char *program)
{
	fprintf(stderr, "usage: %s [-m MiB] [-k trips] where\n", program);
	return TCP_USAGE;
}

int
tcp_run(int argc, char **argv, const char *program, tcp_attach_fn *attach)
{
	struct run *r = shared_new(sizeof(*r));
	unsigned long mib = 64, trips = 2000;
	const char *why;
	int opt;

	while ((opt = getopt(argc, argv, "m:k:")) != -1) {
		if (opt == 'm')
			mib = strtoul(optarg, NULL, 10);
		else if (opt == 'k')
			trips = strtoul(optarg, NULL, 10);
		else
			return usage(program);
	}
	if (optind != argc - 1 || mib - 1 >= 4096 || trips - 1 >= 10000000)
		return usage(program);
	r->where = argv[optind];
	r->attach = attach;
	r->bytes = (uint64_t)mib << 20;
	r->trips = trips;
	make_pattern();
	why = crew_run(member, r, 2, false,
	    TIMEOUT_S + (unsigned)mib / MIB_PER_S);
	if (why != NULL) {
		fprintf(stderr, "%s: %s: %s\n", program, r->where, why);
		return r->wrong ? TCP_WRONG_BYTES : TCP_FAILED;
	}
	printf("%.3f %.3f %.3f\n", (double)r->bytes * 1e-6 / r->seconds, r->p50,
	    r->p99);
	return TCP_OK;
}
