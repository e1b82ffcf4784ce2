/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talk_ask.h - talk.h, the side that asks and measures
 */
#ifndef BENCH_LIB_TALK_ASK_H
#define BENCH_LIB_TALK_ASK_H

/* ---- who asks ----------------------------------------------------------- */

static int
talk_dial(const char *peer, unsigned port)
{
	union talk_at a;
	socklen_t len = talk_address(peer, port, &a);
	int s = talk_socket(&a, SOCK_STREAM);

	if (lwip_connect(s, &a.any, len) != 0)
		err(1, "connect to %s", peer);
	return s;
}

/* A connection on which W has been said. */
static int
talk_ask(const char *peer, unsigned port, const struct talk_wish *w)
{
	int s = talk_dial(peer, port);

	talk_now(s);
	talk_put(s, w, sizeof(*w));
	return s;
}

static struct talk_told
talk_hear(int s)
{
	struct talk_told t;

	talk_get(s, &t, sizeof(t));
	lwip_close(s);
	return t;
}

static int
talk_by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double *
talk_times(size_t n)
{
	double *us = calloc(n + TALK_WARM, sizeof(*us));

	if (us == NULL)
		err(1, NULL);
	return us;
}

/* The last N of the N + TALK_WARM values, sorted. */
static const double *
talk_sorted(double *us, size_t n)
{
	qsort(us + TALK_WARM, n, sizeof(*us), talk_by_value);
	return us + TALK_WARM;
}

static void
talk_bulk(const char *peer, unsigned port, uint64_t n)
{
	struct talk_wish w = { .what = TALK_BULK, .n = n };
	int s = talk_ask(peer, port, &w);
	uint64_t t0 = now_ns(), cpu = talk_cpu_ns();
	struct talk_told t;

	talk_pour(s, n);
	t = talk_hear(s);
	t0 = now_ns() - t0;
	cpu = talk_cpu_ns() - cpu;
	printf("%.3f %.4f %.4f\n", talk_rate(n, t0) / 1e6,
	    (double)cpu / (double)n, (double)t.cpu_ns / (double)n);
}

static void
talk_both(const char *peer, unsigned port, uint64_t n)
{
	struct talk_wish w = { .what = TALK_BOTH, .n = n };
	int s = talk_ask(peer, port, &w);
	uint64_t t0 = now_ns();

	talk_exchange(s, n);
	talk_hear(s);
	printf("%.3f\n", talk_rate(2 * n, now_ns() - t0) / 1e6);
}

static void *
talk_stream_run(void *arg)
{
	struct talk_pourer *p = arg;

	talk_pour(p->s, p->n);
	talk_hear(p->s);
	return NULL;
}

static void
talk_streams(const char *peer, unsigned port, unsigned k, uint64_t n)
{
	struct talk_wish w = { .what = TALK_BULK, .apart = 1, .n = n / k };
	struct talk_pourer p[TALK_STREAMS_MAX];
	uint64_t t0;
	unsigned i;

	for (i = 0; i < k; i++) {
		p[i].s = talk_ask(peer, port, &w);
		p[i].n = w.n;
	}
	t0 = now_ns();
	for (i = 0; i < k; i++)
		if (pthread_create(&p[i].thread, NULL, talk_stream_run,
			&p[i]) != 0)
			errx(1, "no thread");
	for (i = 0; i < k; i++)
		pthread_join(p[i].thread, NULL);
	printf("%.3f\n", talk_rate(w.n * k, now_ns() - t0) / 1e6);
}

static void
talk_echo(const char *peer, unsigned port, size_t n)
{
	struct talk_wish w = { .what = TALK_ECHO, .n = n + TALK_WARM };
	uint8_t buf[TALK_TRIP] = { 0 };
	double *us = talk_times(n), sum = 0;
	int s = talk_ask(peer, port, &w);
	const double *v;
	uint64_t t0;
	size_t i;

	for (i = 0; i < n + TALK_WARM; i++) {
		t0 = now_ns();
		talk_put(s, buf, sizeof(buf));
		talk_get(s, buf, sizeof(buf));
		us[i] = (double)(now_ns() - t0) / 1e3;
		sum += i < TALK_WARM ? 0 : us[i];
	}
	talk_hear(s);
	v = talk_sorted(us, n);
	printf("%.3f %.3f %.3f %.3f\n", v[n / 2], v[n * 99 / 100],
	    v[n * 999 / 1000], sum / (double)n);
	free(us);
}

static void
talk_open(const char *peer, unsigned port, size_t n)
{
	double *us = talk_times(n);
	uint64_t begin = 0, t0;
	size_t i;

	for (i = 0; i < n + TALK_WARM; i++) {
		t0 = now_ns();
		if (i == TALK_WARM)
			begin = t0;
		lwip_close(talk_dial(peer, port));
		us[i] = (double)(now_ns() - t0) / 1e3;
	}
	begin = now_ns() - begin;
	printf("%.3f %.1f\n", talk_sorted(us, n)[n / 2], talk_rate(n, begin));
	free(us);
}

static void
talk_visit(const char *peer, unsigned port, size_t n)
{
	struct talk_wish w = { .what = TALK_NOTHING };
	uint64_t t0 = 0;
	char c;
	size_t i;
	int s;

	for (i = 0; i < n + TALK_WARM; i++) {
		if (i == TALK_WARM)
			t0 = now_ns();
		s = talk_ask(peer, port, &w);
		if (talk_get_some(s, &c, 1) != 0)
			errx(1, "an answer that nobody asked for");
		lwip_close(s);
	}
	printf("%.1f\n", talk_rate(n, now_ns() - t0));
}

static void
talk_datagrams(const char *peer, unsigned port, unsigned size, uint64_t n)
{
	struct talk_wish w = { .what = TALK_UDP,
		.size = size,
		.port = port,
		.n = n };
	static const uint8_t zeros[TALK_DATAGRAM_MAX];
	int tcp = talk_ask(peer, port, &w), s;
	struct talk_told t;
	uint64_t i, t0;
	union talk_at a;
	socklen_t len = talk_address(peer, port, &a);
	char ready;

	s = talk_socket(&a, SOCK_DGRAM);
	if (lwip_connect(s, &a.any, len) != 0)
		err(1, "connect to %s", peer);
	talk_get(tcp, &ready, 1);
	t0 = now_ns();
	/* What there is no room for is lost like what is lost on the way. */
	for (i = 0; i < n; i++)
		if (lwip_send(s, zeros, (talk_len)size, 0) < 0 &&
		    errno != ENOBUFS && errno != ENOMEM && errno != EAGAIN)
			err(1, "send");
	t0 = now_ns() - t0;
	t = talk_hear(tcp);
	lwip_close(s);
	printf("%.1f %.3f %.1f\n", talk_rate(t.n, t.ns),
	    100 - 100 * (double)t.n / (double)n, talk_rate(n, t0));
}

/* The number from 1 to MAX behind the ":" of WHAT. */
static unsigned
talk_number(const char *what, unsigned long max)
{
	unsigned long n = strtoul(strchr(what, ':') + 1, NULL, 10);

	if (n - 1 >= max)
		errx(2, "%s: not from 1 to %lu", what, max);
	return (unsigned)n;
}

static void
talk_do(const char *peer, unsigned port, const char *what, unsigned long n)
{
	if (strcmp(what, "bulk") == 0)
		talk_bulk(peer, port, (uint64_t)n << 20);
	else if (strcmp(what, "both") == 0)
		talk_both(peer, port, (uint64_t)n << 20);
	else if (strncmp(what, "streams:", 8) == 0)
		talk_streams(peer, port, talk_number(what, TALK_STREAMS_MAX),
		    (uint64_t)n << 20);
	else if (strcmp(what, "echo") == 0)
		talk_echo(peer, port, n);
	else if (strcmp(what, "open") == 0)
		talk_open(peer, port, n);
	else if (strcmp(what, "visit") == 0)
		talk_visit(peer, port, n);
	else if (strncmp(what, "udp:", 4) == 0)
		talk_datagrams(peer, port, talk_number(what, TALK_DATAGRAM_MAX),
		    n);
	else
		errx(2, "%s: see bench/lib/talk.h", what);
}

#endif /* BENCH_LIB_TALK_ASK_H */
