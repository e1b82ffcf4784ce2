/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer.c - what a bus is compared with: one run over it
 *
 * DOC: Theory of Operation
 *
 * memif is a program of its own, asked by lines (see request.h).  The others
 * are pairs of descriptors, and a crew of two uses them as one would who wants
 * them fast: sendmmsg(2) and recvmmsg(2) with up to 32 frames a call, and a
 * receiver that sleeps when there is nothing.  Sender, receiver, their
 * processors and their watch are as for a bus.  Only the frames a second of VDE,
 * where there is a third process, are measured with the kernel placing all
 * three: it does so better than we would.  (For round trips it puts them on one
 * processor, and nobody is woken on another one.)
 *
 * Where frames can be lost and none shall be, the sender has at most WINDOW of
 * them under way, which is what the sockets' buffers hold, and waits for half
 * of them to be received.  If they are not, for PATIENCE_MS, they are lost, and
 * it goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sched.h>
#include <unistd.h>

#include "bench/lib/common.h"
#include "bench/lib/peer.h"
#include "bench/lib/sockets.h"

#define CALL_MAX 32u
#define WARM_MS 10u
#define TIMEOUT_S 60u
#define WINDOW 128u
#define PATIENCE_MS 20u
#define SILENCE_MS 20 /* after which no more is to come */

static struct kind {
	const char *name;
	sockets_fn *open; /* NULL: a program */
	bool loses;
	bool third; /* there is a process between the two */
	bool tried;
	char why[200]; /* it cannot run */
	struct ends ends;
} kinds[PEERS] = {
	[PEER_MEMIF] = { .name = "memif" },
	[PEER_SEQPACKET] = { .name = "seqpacket", .open = seqpacket_open },
	[PEER_MCAST] = { .name = "mcast", .open = mcast_open, .loses = true },
	[PEER_VETH] = { .name = "veth", .open = veth_open, .loses = true },
	[PEER_VDE] = { .name = "vde",
	    .open = vde_open_pair,
	    .loses = true,
	    .third = true },
};

const char *
peer_name(enum peer p)
{
	return kinds[p].name;
}

bool
peer_loses(enum peer p)
{
	return kinds[p].loses;
}

/* ---- memif -------------------------------------------------------------- */

/* For frames up to 2048 bytes, and for longer ones. */
static struct program {
	pid_t pid;
	FILE *to, *from;
	char why[200];
} memif[2];

static __attribute__((noreturn)) void
become_memif(const char *path, bool jumbo, int in, int out, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	if (freopen("/dev/null", "w", stderr) == NULL)
		_exit(1);
	execl(path, path, jumbo ? "-j" : (char *)NULL, (char *)NULL);
	_exit(127);
}

static void
memif_start(struct program *m, bool jumbo)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);
	pid_t parent = getpid();
	int in[2], out[2];

	path[n > 0 ? n : 0] = '\0';
	if (strrchr(path, '/') != NULL)
		strcpy(strrchr(path, '/'), "/memif");
	if (access(path, X_OK) == -1) {
		snprintf(m->why, sizeof(m->why),
		    "DPDK was not there when this was built "
		    "(make bench-deps)");
		return;
	}
	cpu_count(); /* noted before anyone is pinned */
	if (pipe2(in, O_CLOEXEC) == -1 || pipe2(out, O_CLOEXEC) == -1)
		return;
	fflush(NULL);
	if ((m->pid = fork()) == 0)
		become_memif(path, jumbo, in[0], out[1], parent);
	close(in[0]);
	close(out[1]);
	m->to = fdopen(in[1], "w");
	m->from = fdopen(out[0], "r");
}

static const char *
memif_run(uint32_t size, unsigned batch, unsigned ms, struct peer_rate *out)
{
	bool jumbo = size > 2048;
	struct program *m = &memif[jumbo];
	unsigned long long sent, received;
	char line[200] = "";
	struct pollfd p;

	if (m->pid == 0 && m->why[0] == '\0')
		memif_start(m, jumbo);
	if (m->why[0] != '\0')
		return m->why;
	signal(SIGPIPE, SIG_IGN);
	fprintf(m->to, "%u %u %u\n", size, batch, ms);
	fflush(m->to);
	p = (struct pollfd){ .fd = fileno(m->from), .events = POLLIN };
	if (poll(&p, 1, (int)(TIMEOUT_S * 1000 + ms)) != 1 ||
	    fgets(line, sizeof(line), m->from) == NULL)
		snprintf(line, sizeof(line), "- it says nothing");
	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%lf %llu %llu", &out->rate, &sent, &received) != 3) {
		snprintf(m->why, sizeof(m->why), "%s",
		    strncmp(line, "- ", 2) == 0 ? line + 2 : line);
		return m->why;
	}
	out->lost = sent > received ?
	    (double)(sent - received) * 100 / (double)sent :
	    0;
	return NULL;
}

void
peers_stop(void)
{
	unsigned i, k;

	for (i = 0; i < 2; i++) {
		struct program *m = &memif[i];

		if (m->pid == 0)
			continue;
		/* It ends with its input; or else with us. */
		fclose(m->to);
		fclose(m->from);
		for (k = 0; k < 1000; k++) {
			if (waitpid(m->pid, NULL, WNOHANG) == m->pid)
				break;
			usleep(1000);
		}
		m->pid = 0;
	}
}

/* ---- sockets: frames a second ------------------------------------------- */

struct stream {
	struct gate gate;
	_Alignas(LINE) _Atomic unsigned stop;
	_Alignas(LINE) _Atomic uint64_t sent;
	_Alignas(LINE) _Atomic uint64_t got;
	_Atomic bool done;
	const struct kind *kind;
	uint32_t size;
	unsigned batch, ms;
	bool window;
	double rate;
};

static void
patience(int fd, int ms)
{
	struct timeval t = { .tv_usec = ms * 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

/* Waits until half of what is under way has arrived, or is lost. */
static void
heed_window(const struct stream *s, uint64_t sent, uint64_t *forget)
{
	uint64_t until = 0;

	if (sent - *forget -
		atomic_load_explicit(&s->got, memory_order_acquire) <
	    WINDOW)
		return;
	while (!s->stop) {
		uint64_t got = atomic_load_explicit(&s->got,
		    memory_order_acquire);

		if (sent - *forget - got <= WINDOW / 2)
			return;
		if (until == 0)
			until = now_ns() + PATIENCE_MS * 1000000u;
		else if (now_ns() > until)
			*forget = sent - got;
		sched_yield();
	}
}

static void
stream_out(struct stream *s)
{
	static uint8_t frame[65536];
	struct ends e = s->kind->ends;
	struct mmsghdr m[CALL_MAX] = { 0 };
	struct iovec iov = { frame, s->size };
	uint64_t sent = 0, forget = 0;
	unsigned i;

	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\xb2\xa0\0\0\0\x1\x88\xb5", 8);
	for (i = 0; i < CALL_MAX; i++) {
		m[i].msg_hdr.msg_iov = &iov;
		m[i].msg_hdr.msg_iovlen = 1;
		m[i].msg_hdr.msg_name = e.to_len != 0 ? &e.to : NULL;
		m[i].msg_hdr.msg_namelen = e.to_len;
	}
	patience(e.fds[0], SILENCE_MS);
	gate_pass(&s->gate, 2);
	while (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
		int n;

		if (s->window)
			heed_window(s, sent, &forget);
		if (s->batch > 1)
			n = sendmmsg(e.fds[0], m, s->batch, 0);
		else
			n = sendto(e.fds[0], frame, s->size, 0,
				e.to_len != 0 ? (struct sockaddr *)&e.to : NULL,
				e.to_len) == -1 ?
			    -1 :
			    1;
		if (n > 0)
			sent += (unsigned)n;
		else if (errno == EAGAIN || errno == ENOBUFS)
			sched_yield(); /* it was told, and nothing is lost */
		else
			crew_fail("send: %s", strerror(errno));
	}
	s->sent = sent;
	s->done = true;
}

static void
stream_in(struct stream *s)
{
	static uint8_t bufs[CALL_MAX][65536];
	int fd = s->kind->ends.fds[1];
	struct mmsghdr m[CALL_MAX] = { 0 };
	struct iovec iov[CALL_MAX];
	uint64_t got = 0, t0 = 0, n0 = 0, warm, t;
	int i, n;

	for (i = 0; i < (int)CALL_MAX; i++) {
		iov[i] = (struct iovec){ bufs[i], sizeof(bufs[i]) };
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	/* What was under way when the last run was over. */
	while (recv(fd, bufs[0], sizeof(bufs[0]), MSG_DONTWAIT) >= 0)
		;
	patience(fd, SILENCE_MS);
	gate_pass(&s->gate, 2);
	warm = now_ns() + WARM_MS * 1000000u;
	for (;;) {
		bool last = s->done;

		n = recvmmsg(fd, m, CALL_MAX, MSG_WAITFORONE, NULL);
		t = now_ns();
		if (n == -1 && errno != EAGAIN && errno != EINTR)
			crew_fail("receive: %s", strerror(errno));
		for (i = 0; i < n; i++)
			if (m[i].msg_len == s->size)
				got++;
		atomic_store_explicit(&s->got, got, memory_order_release);
		if (n <= 0 && last)
			break;
		if (s->rate != 0 || s->stop)
			continue;
		if (t0 == 0 && t >= warm) {
			t0 = t;
			n0 = got;
		} else if (t0 != 0 && t >= t0 + s->ms * (uint64_t)1000000) {
			s->rate = (double)(got - n0) * 1e9 / (double)(t - t0);
			s->stop = 1;
		}
	}
}

static void
stream_member(void *arg, unsigned member)
{
	if (member == 0)
		stream_out(arg);
	else
		stream_in(arg);
}

/* NULL, or why this kind of sockets cannot be had. */
static const char *
opened(struct kind *k)
{
	if (!k->tried) {
		const char *why = k->open(&k->ends);

		if (why != NULL)
			snprintf(k->why, sizeof(k->why), "%s", why);
	}
	k->tried = true;
	return k->why[0] != '\0' ? k->why : NULL;
}

const char *
peer_run(enum peer p, uint32_t size, unsigned batch, unsigned ms, bool flood,
    struct peer_rate *out)
{
	struct kind *k = &kinds[p];
	struct stream *s;
	const char *why;

	*out = (struct peer_rate){ 0 };
	if (k->open == NULL)
		return memif_run(size, batch, ms, out);
	if ((why = opened(k)) != NULL)
		return why;
	s = shared_new(sizeof(*s));
	s->kind = k;
	s->size = size;
	s->batch = batch < CALL_MAX ? batch : CALL_MAX;
	s->ms = ms;
	s->window = k->loses && !flood;
	why = crew_run(stream_member, s, 2, !k->third, TIMEOUT_S);
	out->rate = s->rate;
	if (why == NULL && s->got == 0)
		why = "no frame of this size arrives";
	if (s->sent > s->got)
		out->lost = (double)(s->sent - s->got) * 100 / (double)s->sent;
	shared_free(s, sizeof(*s));
	return why;
}

/* ---- sockets: round trips ----------------------------------------------- */

#define TRIP_SIZE 64u
#define TRIP_WARM 200u

struct relay {
	struct gate gate;
	_Atomic bool over;
	const struct kind *kind;
	size_t n;
	_Alignas(LINE) double trips[];
};

/* Sends frame number TRIP of MEMBER. */
static void
serve(const struct relay *r, unsigned member, uint64_t trip)
{
	const struct ends *e = &r->kind->ends;
	uint8_t frame[TRIP_SIZE] = { 0 };

	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\xb2\xa0\0\0\0", 5);
	frame[11] = (uint8_t)(member + 1);
	frame[12] = 0x88;
	frame[13] = 0xb5;
	memcpy(frame + 16, &trip, sizeof(trip));
	if (sendto(e->fds[member], frame, sizeof(frame), 0,
		e->to_len != 0 ? (const struct sockaddr *)&e->to : NULL,
		e->to_len) == -1 &&
	    errno != EAGAIN && errno != ENOBUFS)
		crew_fail("send: %s", strerror(errno));
}

/*
 * Waits for the other one's frame, of trip number TRIP; returns its number, or
 * UINT64_MAX when it seems to be lost.
 */
static uint64_t
await(const struct relay *r, unsigned member, uint64_t trip)
{
	uint8_t frame[TRIP_SIZE];
	uint64_t number;

	for (;;) {
		ssize_t n = recv(r->kind->ends.fds[member], frame,
		    sizeof(frame), 0);

		if (n == -1)
			return UINT64_MAX;
		/* To a group one sends to oneself, too. */
		if (n != TRIP_SIZE || frame[11] == member + 1)
			continue;
		memcpy(&number, frame + 16, sizeof(number));
		if (number >= trip)
			return number;
	}
}

static void
relay_member(void *arg, unsigned member)
{
	struct relay *r = arg;
	double cost = clock_cost_ns();
	uint64_t i, got;

	patience(r->kind->ends.fds[member], SILENCE_MS);
	gate_pass(&r->gate, 2);
	while (member == 1 && !r->over)
		if ((got = await(r, member, 0)) != UINT64_MAX)
			serve(r, member, got);
	for (i = 0; member == 0 && i < TRIP_WARM + r->n; i++) {
		uint64_t t0 = now_ns();

		do
			serve(r, member, i);
		while (await(r, member, i) != i && !r->over);
		if (i >= TRIP_WARM)
			r->trips[i - TRIP_WARM] = (double)(now_ns() - t0) -
			    cost;
	}
	r->over = true;
}

const char *
peer_trips(enum peer p, double *trips, size_t n)
{
	size_t bytes = sizeof(struct relay) + n * sizeof(double);
	struct kind *k = &kinds[p];
	struct relay *r;
	const char *why;

	if (k->open == NULL)
		return "a program that never sleeps";
	if ((why = opened(k)) != NULL)
		return why;
	r = shared_new(bytes);
	r->kind = k;
	r->n = n;
	why = crew_run(relay_member, r, 2, true, TIMEOUT_S);
	memcpy(trips, r->trips, n * sizeof(double));
	shared_free(r, bytes);
	return why;
}
