/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * distance.c - TCP over a way with delay and loss, beside Linux on the same way
 *
 *	distance [-s seconds] [-r RTT,...] [-l LOSS,...] [-w window] [-c control]
 *		wire-program
 *
 * For each round trip (0,10,50,100 ms) and each share of frames that is lost
 * (0,1,3 %): the goodput of one connection between two stacks, and of one of
 * Linux.  WIRE-PROGRAM is shmif_wire(1).
 *
 * DOC: Theory of Operation
 *
 * The way is shmif_wire with "delay" and "loss": for the stacks it joins two
 * buses, for Linux two taps, each of which is in a network namespace of its own
 * (as root, and with ip(8); otherwise there is no figure).  Taps have no offloads
 * and the MTU of the bus.  Linux is as it comes: window scaling, SACK, timestamps,
 * and the congestion control CONTROL (cubic).  Its largest receive buffer is 6 MiB, which
 * is no limit on these ways but where nothing is lost; so there is a second
 * figure of it, with a receive buffer that makes its window as large as ours can
 * be (-w, in bytes).
 *
 * A cell is a process of its own: ours, then Linux, then Linux with that window.
 * The first second is not counted.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <lwipv6.h>
#include <shmif.h>

#include "base/clock.h"

#define PORT 80
#define WARM_S 1.0
#define CELLS_MAX 16

static double wanted = 4;
static const char *wire_program;
static const char *control = "cubic"; /* congestion control of Linux */
static int most_window = 1 << 20;
static _Atomic size_t received;

/* What one end is made of: a stack's calls, or the kernel's. */
struct calls {
	int (*accept)(int, struct sockaddr *, socklen_t *);
	ssize_t (*recv)(int, void *, size_t);
	ssize_t (*send)(int, const void *, size_t);
};

static ssize_t
stack_recv(int fd, void *b, size_t n)
{
	return lwip_recv(fd, b, (int)n, 0);
}

static ssize_t
stack_send(int fd, const void *b, size_t n)
{
	return lwip_send(fd, b, (int)n, 0);
}

static int
stack_accept(int fd, struct sockaddr *a, socklen_t *len)
{
	return lwip_accept(fd, a, len);
}

static int
linux_accept(int fd, struct sockaddr *a, socklen_t *len)
{
	return accept(fd, a, len);
}

static ssize_t
linux_recv(int fd, void *b, size_t n)
{
	return recv(fd, b, n, 0);
}

static ssize_t
linux_send(int fd, const void *b, size_t n)
{
	return send(fd, b, n, MSG_NOSIGNAL);
}

static const struct calls of_stack = { stack_accept, stack_recv, stack_send },
			  of_linux = { linux_accept, linux_recv, linux_send };

struct end {
	const struct calls *calls;
	int fd;
};

static void
must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "distance: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static double
seconds(void)
{
	return (double)now_ns() / 1e9;
}

static struct sockaddr_in
server(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(0x0a000001) };

	return sin;
}

static void *
serve(void *arg)
{
	static char b[1 << 18];
	const struct end *e = arg;
	int fd = e->calls->accept(e->fd, NULL, NULL);
	ssize_t n;

	must(fd != -1, "accept");
	while ((n = e->calls->recv(fd, b, sizeof(b))) > 0)
		received += (size_t)n;
	return NULL;
}

static void *
send_all(void *arg)
{
	static char b[1 << 18];
	const struct end *e = arg;

	while (e->calls->send(e->fd, b, sizeof(b)) > 0) {
	}
	return NULL;
}

/* Shows what is received from now on, and ends this process. */
static void
measure(void)
{
	size_t before;
	double t;

	usleep((useconds_t)(WARM_S * 1e6));
	before = received;
	t = seconds();
	usleep((useconds_t)(wanted * 1e6));
	printf(" %8.3f", (double)(received - before) / (seconds() - t) / 1e6);
	fflush(stdout);
	_exit(0);
}

/* ---- two stacks --------------------------------------------------------- */

/* In a child: one cell, on the buses at PATH. */
static void
cell(char path[2][64])
{
	static const char *const addr[] = { "10.0.0.1/24", "10.0.0.2/24" };
	static struct end from = { &of_stack, -1 }, to = { &of_stack, -1 };
	struct sockaddr_in sin = server();
	struct stack *stack[2];
	pthread_t thread;
	int i, u;

	for (i = 0; i < 2; i++) {
		must((stack[i] = lwip_add_stack(0)) != NULL, "stack");
		must(shmif_create_on(stack[i], path[i], &u) == 0 &&
			shmif_add_addr(u, addr[i]) == 0 && shmif_up(u) == 0,
		    "interface");
	}
	to.fd = lwip_msocket(stack[0], AF_INET, SOCK_STREAM, 0);
	must(lwip_bind(to.fd, (struct sockaddr *)&sin, sizeof(sin)) == 0,
	    "bind");
	must(lwip_listen(to.fd, 1) == 0, "listen");
	must(pthread_create(&thread, NULL, serve, &to) == 0, "thread");
	from.fd = lwip_msocket(stack[1], AF_INET, SOCK_STREAM, 0);
	for (i = 0; i < 20; i++)
		if (lwip_connect(from.fd, (struct sockaddr *)&sin,
			sizeof(sin)) == 0)
			break;
	must(i < 20, "connect");
	must(pthread_create(&thread, NULL, send_all, &from) == 0, "thread");
	measure();
}

/* Begins a wire between A and B.  The child's number. */
static pid_t
start_wire(const char *a, const char *b, unsigned rtt_ms, unsigned loss)
{
	char delay[32], share[32];
	pid_t pid;

	snprintf(delay, sizeof(delay), "%uus", rtt_ms * 500);
	snprintf(share, sizeof(share), "%u%%", loss);
	fflush(stdout);
	if ((pid = fork()) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execl(wire_program, wire_program, a, b, "limit", "20000",
		    "delay", delay, "loss", share, "seed", "7", (char *)NULL);
		must(0, wire_program);
	}
	must(pid != -1, "fork");
	return pid;
}

static void
ours(unsigned rtt_ms, unsigned loss)
{
	char path[2][64];
	pid_t wire, pid;
	int i;

	for (i = 0; i < 2; i++)
		snprintf(path[i], sizeof(path[i]), "/dev/shm/distance.%d.%d",
		    getpid(), i);
	wire = start_wire(path[0], path[1], rtt_ms, loss);
	if ((pid = fork()) == 0)
		cell(path);
	waitpid(pid, NULL, 0);
	kill(wire, SIGTERM);
	waitpid(wire, NULL, 0);
	for (i = 0; i < 2; i++)
		unlink(path[i]);
}

/* ---- Linux -------------------------------------------------------------- */

/* A tap NAME with ADDRESS, in the namespace of this process.  Its descriptor. */
static int
new_tap(const char *name, const char *address)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	char command[256];
	int fd = open("/dev/net/tun", O_RDWR);

	must(fd != -1, "/dev/net/tun");
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	must(ioctl(fd, TUNSETIFF, &r) == 0, name);
	snprintf(command, sizeof(command),
	    "ip addr add %s dev %s && ip link set %s up", address, name, name);
	must(system(command) == 0, command);
	return fd;
}

/* Enters a new namespace.  What setns() takes for it. */
static int
new_namespace(void)
{
	int fd;

	must(unshare(CLONE_NEWNET) == 0, "namespace");
	must((fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) != -1,
	    "namespace");
	return fd;
}

/* In a child, in the namespace IN: receives, and shows the figure. */
static void
linux_serve(int in, int window, int ready)
{
	static struct end to = { &of_linux, -1 };
	struct sockaddr_in sin = server();
	pthread_t thread;

	must(setns(in, CLONE_NEWNET) == 0, "namespace");
	to.fd = socket(AF_INET, SOCK_STREAM, 0);
	/* Twice of it is reserved, and half of that is the window. */
	if (window != 0)
		must(setsockopt(to.fd, SOL_SOCKET, SO_RCVBUFFORCE, &window,
			 sizeof(window)) == 0,
		    "receive buffer");
	must(bind(to.fd, (struct sockaddr *)&sin, sizeof(sin)) == 0, "bind");
	must(listen(to.fd, 1) == 0, "listen");
	must(pthread_create(&thread, NULL, serve, &to) == 0, "thread");
	must(write(ready, "", 1) == 1, "pipe");
	measure();
}

/* In a child, in the namespace IN: sends until it is killed. */
static void
linux_send_all(int in, int go)
{
	static struct end from = { &of_linux, -1 };
	struct sockaddr_in sin = server();
	char b;
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(setns(in, CLONE_NEWNET) == 0, "namespace");
	must(read(go, &b, 1) == 1, "pipe");
	from.fd = socket(AF_INET, SOCK_STREAM, 0);
	must(setsockopt(from.fd, IPPROTO_TCP, TCP_CONGESTION, control,
		 (socklen_t)strlen(control)) == 0,
	    control);
	for (i = 0; i < 20; i++)
		if (connect(from.fd, (struct sockaddr *)&sin, sizeof(sin)) == 0)
			break;
	must(i < 20, "connect");
	send_all(&from);
	_exit(0);
}

/* In a child: one cell. */
static void
linux_cell(unsigned rtt_ms, unsigned loss, int window)
{
	static const char *const address[] = { "10.0.0.1/24", "10.0.0.2/24" };
	int in[2], go[2], status, i;
	char path[2][16];
	pid_t wire, sender, receiver;

	for (i = 0; i < 2; i++) {
		in[i] = new_namespace();
		snprintf(path[i], sizeof(path[i]), "fd:%d",
		    new_tap(i == 0 ? "t0" : "t1", address[i]));
	}
	must(pipe(go) == 0, "pipe");
	wire = start_wire(path[0], path[1], rtt_ms, loss);
	if ((sender = fork()) == 0)
		linux_send_all(in[1], go[0]);
	if ((receiver = fork()) == 0)
		linux_serve(in[0], window, go[1]);
	waitpid(receiver, &status, 0);
	kill(sender, SIGKILL);
	waitpid(sender, NULL, 0);
	kill(wire, SIGTERM);
	waitpid(wire, NULL, 0);
	_exit(status != 0);
}

static void
theirs(unsigned rtt_ms, unsigned loss, int window)
{
	pid_t pid;
	int status;

	fflush(stdout);
	if ((pid = fork()) == 0)
		linux_cell(rtt_ms, loss, window);
	waitpid(pid, &status, 0);
	if (status != 0)
		printf(" %8s", "-");
	fflush(stdout);
}

/* ---- all ---------------------------------------------------------------- */

/* Reads numbers with commas between them into LIST.  How many. */
static unsigned
numbers(char *s, unsigned *list)
{
	unsigned n = 0;

	for (s = strtok(s, ","); s != NULL && n < CELLS_MAX;
	     s = strtok(NULL, ","))
		list[n++] = (unsigned)strtoul(s, NULL, 10);
	return n;
}

int
main(int argc, char **argv)
{
	unsigned rtts[CELLS_MAX] = { 0, 10, 50, 100 },
		 losses[CELLS_MAX] = { 0, 1, 3 }, nr = 4, nl = 3, i, k;
	int opt, with_linux = geteuid() == 0;

	while ((opt = getopt(argc, argv, "s:r:l:w:c:")) != -1) {
		if (opt == 's')
			wanted = atof(optarg);
		else if (opt == 'r')
			nr = numbers(optarg, rtts);
		else if (opt == 'l')
			nl = numbers(optarg, losses);
		else if (opt == 'c')
			control = optarg;
		else if (opt == 'w')
			most_window = atoi(optarg);
		else
			break;
	}
	if (opt != -1 || optind + 1 != argc || wanted <= 0 || nr == 0 ||
	    nl == 0) {
		fprintf(stderr,
		    "usage: distance [-s seconds] [-r RTT,...] [-l LOSS,...] "
		    "[-w window] [-c control] wire-program\n");
		return 2;
	}
	wire_program = argv[optind];
	printf("MB/s             ours    Linux  window of %d (%s)\n",
	    most_window, control);
	for (i = 0; i < nr; i++)
		for (k = 0; k < nl; k++) {
			printf("%3u ms %2u %%", rtts[i], losses[k]);
			ours(rtts[i], losses[k]);
			if (with_linux) {
				theirs(rtts[i], losses[k], 0);
				theirs(rtts[i], losses[k], most_window);
			}
			printf("\n");
		}
	return 0;
}
