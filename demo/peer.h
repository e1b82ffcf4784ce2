/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer.h - a process that is a TCP/IP stack on a bus, and does as it is told,
 *	the same for either stack
 *
 *	peer_STACK BUS ADDRESS/PREFIX ...
 *
 * Then reads commands, a line each, and answers each with a line that begins
 * with "ok" or "failed":
 *
 *	ping ADDRESS COUNT SIZE    echo requests, one after the other
 *	serve FILE                 on TCP port 8000, IPv4 and IPv6
 *	fetch ADDRESS FILE         from there into FILE
 *	count                      frames in and out
 *
 * It ends with its standard input.
 *
 * Whoever includes this has included the headers of its stack before, and has
 * what is asked for under "the stack".
 */
#ifndef DEMO_PEER_H
#define DEMO_PEER_H

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <shmbus.h>
#include <shmif.h>

#define PORT 8000
#define PIECE 65536
#define PING_MAX 60000
#define ECHO_REQUEST 8
#define ECHO_REPLY 0
#define ECHO_REQUEST6 128
#define ECHO_REPLY6 129

/* ---- the stack: peer_STACK.c -------------------------------------------- */

/*
 * The type in which it counts bytes is stack_len.  stack_htons() and stack_pton()
 * are its own, and stack_sized(TO, N) notes in a sockaddr_storage that it has N
 * bytes, where it wants that.
 */

/* A socket of the stack that unit UNIT is on. */
static int stack_socket(int unit, int family, int type, int protocol);
/* Whether it fills in the checksum of ICMPv6 itself, where there is 0. */
static const bool stack_sums6;
/* Waits until the addresses of UNIT can be used. */
static void stack_ready(int unit);

/* ---- answers ------------------------------------------------------------ */

static int unit;

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "peer: %s: %s\n", what, why);
	exit(1);
}

static void
answer(bool ok, const char *fmt, ...)
{
	va_list ap;

	fputs(ok ? "ok: " : "failed: ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/*
 * The socket address of TEXT (NULL: of any) and PORT into *TO, of either
 * family.  Returns its length, or 0 where it is none.
 */
static socklen_t
stack_address(const char *text, int family, unsigned port,
    struct sockaddr_storage *to)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	bool is4 = family == AF_INET;
	void *ip = is4 ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr;
	socklen_t n = is4 ? sizeof(*v4) : sizeof(*v6);

	memset(to, 0, sizeof(*to));
	stack_sized(to, n);
	to->ss_family = (sa_family_t)family;
	if (is4)
		v4->sin_port = stack_htons((uint16_t)port);
	else
		v6->sin6_port = stack_htons((uint16_t)port);
	return text == NULL || stack_pton(family, text, ip) == 1 ? n : 0;
}

/* The 16 bytes of the IPv6 address TEXT.  False: it is none. */
static bool
stack_bytes(const char *text, uint8_t bytes[16])
{
	return stack_pton(AF_INET6, text, bytes) == 1;
}

static int
family_of(const char *text)
{
	return strchr(text, ':') ? AF_INET6 : AF_INET;
}

/* ---- ping --------------------------------------------------------------- */

/*
 * One for each family: a raw socket and the thread that listens to it, both
 * for as long as the process lives.
 */
struct pinger {
	int fd;
	int family;
	bool running;
	sem_t got;
	/* What is being waited for; written before it is sent. */
	_Atomic size_t size;
	_Atomic unsigned answered; /* the last one that came back right */
};

static struct pinger pinger4 = { .family = AF_INET };
static struct pinger pinger6 = { .family = AF_INET6 };

/* The internet checksum of N bytes, added to SUM. */
static uint32_t
add_up(const void *bytes, size_t n, uint32_t sum)
{
	const uint8_t *p = bytes;
	size_t i;

	for (i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The byte at I of echo request SEQ, to be found again in the answer. */
static uint8_t
body(unsigned seq, size_t i)
{
	return (uint8_t)(i * 7 + seq);
}

/* Listens to a pinger's answers, for ever. */
static __attribute__((noreturn)) void *
ping_listen(void *arg)
{
	struct pinger *p = arg;
	uint8_t *buf = malloc(PING_MAX + 128);

	for (;;) {
		ssize_t n = lwip_recv(p->fd, buf, PING_MAX + 128, 0);
		uint8_t *icmp = buf;
		uint8_t type = p->family == AF_INET ? ECHO_REPLY : ECHO_REPLY6;
		unsigned seq;
		size_t i;

		if (n <= 0)
			die("raw socket", "cannot receive");
		/* IPv4 comes with its header; of lwIP IPv6 does, too. */
		if (p->family == AF_INET)
			icmp += (buf[0] & 15) * 4;
		else if (buf[0] >> 4 == 6)
			icmp += 40;
		n -= icmp - buf;
		if (n != (ssize_t)(8 + p->size) || icmp[0] != type ||
		    (icmp[4] << 8 | icmp[5]) != (uint16_t)getpid())
			continue;
		seq = (unsigned)(icmp[6] << 8 | icmp[7]);
		for (i = 0; i < (size_t)n - 8; i++)
			if (icmp[8 + i] != body(seq, i))
				break;
		if (i < (size_t)n - 8)
			continue;
		p->answered = seq;
		sem_post(&p->got);
	}
}

/* The pinger of FAMILY, made at its first use. */
static struct pinger *
pinger_of(int family)
{
	struct pinger *p = family == AF_INET ? &pinger4 : &pinger6;
	pthread_t thread;

	if (p->running)
		return p;
	p->fd = stack_socket(unit, family, SOCK_RAW,
	    family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (p->fd == -1)
		die("raw socket", strerror(errno));
	sem_init(&p->got, 0, 0);
	if (pthread_create(&thread, NULL, ping_listen, p) != 0)
		die("raw socket", "no thread");
	p->running = true;
	return p;
}

/* The source address that an IPv6 peer will see: one of our own. */
static void
own_address(char **own, int n, uint8_t src[16])
{
	int i;

	memset(src, 0, 16);
	for (i = 0; i < n; i++) {
		char host[64];

		snprintf(host, sizeof(host), "%.*s", (int)strcspn(own[i], "/"),
		    own[i]);
		if (family_of(host) == AF_INET6)
			stack_bytes(host, src);
	}
}

/* Fills in the echo request SEQ of SIZE bytes to TO. */
static void
ping_make(uint8_t *packet, unsigned seq, size_t size, char **own, int n_own,
    const char *to)
{
	uint16_t id = (uint16_t)getpid();
	uint32_t check = 0;
	size_t i;

	memset(packet, 0, 8);
	packet[0] = ECHO_REQUEST;
	packet[4] = (uint8_t)(id >> 8);
	packet[5] = (uint8_t)id;
	packet[6] = (uint8_t)(seq >> 8);
	packet[7] = (uint8_t)seq;
	for (i = 0; i < size; i++)
		packet[8 + i] = body(seq, i);
	if (family_of(to) == AF_INET6) { /* pseudo header, RFC 8200 8.1 */
		uint8_t src[16], dst[16];

		packet[0] = ECHO_REQUEST6;
		own_address(own, n_own, src);
		stack_bytes(to, dst);
		check = add_up(src, 16, IPPROTO_ICMPV6);
		check = add_up(dst, 16, check);
		check += (uint32_t)(8 + size);
	}
	check = add_up(packet, 8 + size, check);
	if (family_of(to) == AF_INET6 && stack_sums6)
		return;
	packet[2] = (uint8_t)(~check >> 8);
	packet[3] = (uint8_t)~check;
}

static void
ping(char **own, int n_own, const char *host, unsigned count, size_t size)
{
	static uint8_t packet[8 + PING_MAX];
	double worst = 0, best = 1e9, sum = 0;
	struct sockaddr_storage to;
	socklen_t len = stack_address(host, family_of(host), 0, &to);
	unsigned seq, good = 0;
	struct pinger *p;

	if (len == 0 || size > PING_MAX) {
		answer(false, "ping %s: not an address, or too long", host);
		return;
	}
	p = pinger_of(family_of(host));
	p->size = size;
	for (seq = 1; seq <= count; seq++) {
		struct timespec until;
		double t0, ms;

		ping_make(packet, seq, size, own, n_own, host);
		p->answered = 0;
		t0 = now();
		if (lwip_sendto(p->fd, packet, (stack_len)(8 + size), 0,
			(struct sockaddr *)&to, len) == -1)
			continue;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += 2;
		while (
		    p->answered != seq && sem_timedwait(&p->got, &until) == 0)
			;
		if (p->answered != seq)
			continue;
		ms = (now() - t0) * 1e3;
		good++;
		sum += ms;
		worst = ms > worst ? ms : worst;
		best = ms < best ? ms : best;
	}
	answer(good == count,
	    "%u of %u answers from %s, %zu bytes each, %.3f/%.3f/%.3f ms "
	    "(min/mean/max)",
	    good, count, host, size, good ? best : 0, good ? sum / good : 0,
	    worst);
}

/* ---- serve and fetch ---------------------------------------------------- */

static const char *served;

/* Sends the file to one client. */
static void
serve_one(int fd)
{
	static __thread char buf[PIECE];
	FILE *f = fopen(served, "r");
	size_t n;

	while (f != NULL && (n = fread(buf, 1, sizeof(buf), f)) > 0) {
		size_t done = 0;

		while (done < n) {
			ssize_t w = lwip_send(fd, buf + done,
			    (stack_len)(n - done), 0);

			if (w <= 0)
				goto out;
			done += (size_t)w;
		}
	}
out:
	if (f != NULL)
		fclose(f);
	lwip_close(fd);
}

static void *
serve_main(void *arg)
{
	int fd = *(int *)arg;

	for (;;) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof(peer);
		int client = lwip_accept(fd, (struct sockaddr *)&peer, &len);

		if (client != -1)
			serve_one(client);
	}
	return NULL;
}

static void
serve(const char *file)
{
	static int fd;
	struct sockaddr_storage any;
	socklen_t len = stack_address(NULL, AF_INET6, PORT, &any);
	pthread_t thread;

	if (access(file, R_OK) == -1) {
		answer(false, "%s: %s", file, strerror(errno));
		return;
	}
	served = strdup(file);
	/* One socket hears both families. */
	fd = stack_socket(unit, AF_INET6, SOCK_STREAM, 0);
	if (fd == -1 || lwip_bind(fd, (struct sockaddr *)&any, len) == -1 ||
	    lwip_listen(fd, 5) == -1 ||
	    pthread_create(&thread, NULL, serve_main, &fd) != 0) {
		answer(false, "cannot listen: %s", strerror(errno));
		return;
	}
	answer(true, "serving %s on port %d", file, PORT);
}

static void
fetch(const char *host, const char *file)
{
	static char buf[PIECE];
	struct sockaddr_storage to;
	socklen_t len = stack_address(host, family_of(host), PORT, &to);
	FILE *f = fopen(file, "w");
	double t0 = now();
	size_t total = 0;
	ssize_t n;
	int fd;

	if (len == 0 || f == NULL) {
		answer(false, "fetch %s %s: %s", host, file,
		    len ? strerror(errno) : "not an address");
		return;
	}
	fd = stack_socket(unit, family_of(host), SOCK_STREAM, 0);
	if (fd == -1 || lwip_connect(fd, (struct sockaddr *)&to, len) == -1) {
		answer(false, "connect to %s: %s", host, strerror(errno));
		return;
	}
	while ((n = lwip_recv(fd, buf, sizeof(buf), 0)) > 0) {
		if (fwrite(buf, 1, (size_t)n, f) != (size_t)n)
			die(file, strerror(errno));
		total += (size_t)n;
	}
	lwip_close(fd);
	if (fclose(f) != 0)
		die(file, strerror(errno));
	answer(n == 0, "%zu bytes from %s in %.2f s, %.1f MB/s", total, host,
	    now() - t0, (double)total / (now() - t0) * 1e-6);
}

static void
count(void)
{
	struct shmif_stats st;

	shmif_stats(unit, &st);
	answer(st.in_lost == 0,
	    "frames in %llu, out %llu; for others %llu, refused %llu, "
	    "lost %llu",
	    (unsigned long long)st.in_frames, (unsigned long long)st.out_frames,
	    (unsigned long long)st.in_skipped,
	    (unsigned long long)st.in_refused, (unsigned long long)st.in_lost);
}

int
main(int argc, char **argv)
{
	static char line[4096], word[4096];
	unsigned number;
	size_t size;
	int error;
	int i;

	if (argc < 3) {
		fprintf(stderr, "usage: peer bus address/prefix ...\n");
		return 2;
	}
	shmbus_guard();
	if ((error = shmif_create(argv[1], &unit)) != 0)
		die(argv[1], shmbus_why());
	for (i = 2; i < argc; i++)
		if ((error = shmif_add_addr(unit, argv[i])) != 0)
			die(argv[i], strerror(error));
	if ((error = shmif_up(unit)) != 0)
		die("up", strerror(error));
	stack_ready(unit);
	answer(true, "attached to %s", argv[1]);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		char host[64];

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "ping %63s %u %zu", host, &number, &size) == 3)
			ping(argv + 2, argc - 2, host, number, size);
		else if (sscanf(line, "serve %4095[^\n]", word) == 1)
			serve(word);
		else if (sscanf(line, "fetch %63s %4095[^\n]", host, word) == 2)
			fetch(host, word);
		else if (strcmp(line, "count") == 0)
			count();
		else
			answer(false, "not a command: %s", line);
	}
	return 0;
}

#endif /* DEMO_PEER_H */
