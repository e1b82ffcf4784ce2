/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memif.c - frames a second over DPDK's memif in copy mode, for comparison
 *
 *	memif [-j] <requests
 *
 * -j: for frames longer than 2048 bytes too.  See lib/request.h for what it
 * reads and says.
 *
 * DOC: Theory of Operation
 *
 * Two processes with an EAL each and no privileges: no huge pages, no PCI, and
 * a control socket without a name in the file system.  Sender and receiver sit
 * on the processors that ours sit on.  memif has backpressure: what does not
 * fit the sender offers again, so nothing is ever lost.  The sender sends
 * buffers that it took from its pool, where they lie ready filled, and that
 * are given back when they have been copied; the receiver looks at what it got
 * as ours does.  Between two runs both sleep.
 */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "bench/lib/common.h"
#include "bench/lib/request.h"

#define DESCRIPTORS 1024
#define BUFFERS 8191u
#define BUFFERS_JUMBO 4095u
#define ROOM 2048u
#define ROOM_JUMBO 9216u
#define WARM_MS 10u
#define LINK_S 10
#define ANY_NODE ((unsigned)SOCKET_ID_ANY)

static struct control {
	struct request r;
	struct gate gate;
	_Alignas(LINE) _Atomic unsigned stop;
	_Atomic bool listening;
	uint64_t sent;
} * c;
static struct rte_mempool *pool;
static bool jumbo;

/* The reason why there is nothing to be measured, as an answer. */
static __attribute__((noreturn, format(printf, 1, 2))) void
give_up(const char *fmt, ...)
{
	char why[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	answer_why(why);
	exit(1);
}

/* The EAL makes a folder, whatever one tells it. */
static char folder[4096];

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
folder_remove(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
folder_make(void)
{
	const char *dir = getenv("BENCH_DIR");

	snprintf(folder, sizeof(folder), "%s/memif.XXXXXX",
	    dir != NULL && *dir != '\0' ? dir : "/tmp");
	if (mkdtemp(folder) == NULL)
		give_up("%s: %s", folder, strerror(errno));
	setenv("RUNTIME_DIRECTORY", folder, 1);
}

/* Brings up this side, member SIDE, of the pair that NAME names. */
static void
come_up(const char *name, unsigned side)
{
	char cpu[16], prefix[16], vdev[200];
	char *argv[] = { "memif", "-l", cpu, "--no-huge", "-m", "128",
		"--no-pci", "--no-shconf", "--no-telemetry", "--iova-mode=va",
		"--log-level=lib.*:critical", "--log-level=pmd.*:critical",
		"--file-prefix", prefix, "--vdev", vdev, NULL };
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_link link = { 0 };
	uint32_t room = jumbo ? ROOM_JUMBO : ROOM;
	int i, error;

	snprintf(cpu, sizeof(cpu), "%u", crew_cpu(side));
	snprintf(prefix, sizeof(prefix), "side%u", side);
	snprintf(vdev, sizeof(vdev),
	    "net_memif0,role=%s,id=0,socket=%s,socket-abstract=yes,bsize=%u",
	    side == 0 ? "server" : "client", name, room);
	if (rte_eal_init(sizeof(argv) / sizeof(*argv) - 1, argv) < 0)
		give_up("EAL: %s", rte_strerror(rte_errno));
	if (rte_eth_dev_count_avail() == 0)
		give_up("DPDK has no memif driver here");
	pool = rte_pktmbuf_pool_create("frames",
	    jumbo ? BUFFERS_JUMBO : BUFFERS, 256, 0,
	    (uint16_t)(room + RTE_PKTMBUF_HEADROOM), SOCKET_ID_ANY);
	if (pool == NULL)
		give_up("no buffers: %s", rte_strerror(rte_errno));
	/* A client that is there first asks once, and never again. */
	for (i = 0; side == 1 && !c->listening; i++) {
		if (i == LINK_S * 1000)
			give_up("memif: the other side does not come up");
		usleep(1000);
	}
	if ((error = rte_eth_dev_configure(0, 1, 1, &conf)) != 0 ||
	    (error = rte_eth_rx_queue_setup(0, 0, DESCRIPTORS, ANY_NODE, NULL,
		 pool)) != 0 ||
	    (error = rte_eth_tx_queue_setup(0, 0, DESCRIPTORS, ANY_NODE,
		 NULL)) != 0 ||
	    (error = rte_eth_dev_start(0)) != 0)
		give_up("memif: %s", rte_strerror(-error));
	if (side == 0)
		c->listening = true;
	for (i = 0; link.link_status != RTE_ETH_LINK_UP; i++) {
		if (i == LINK_S * 1000)
			give_up("memif: the link does not come up");
		usleep(1000);
		rte_eth_link_get_nowait(0, &link);
	}
}

/* ---- sender ------------------------------------------------------------- */

/* Writes what a frame of ours has to every buffer of the pool. */
static void
fill(struct rte_mempool *mp, void *arg, void *obj, unsigned i)
{
	struct rte_mbuf *m = obj;

	(void)mp;
	(void)arg;
	(void)i;
	memset(rte_pktmbuf_mtod(m, char *), 0, jumbo ? ROOM_JUMBO : ROOM);
	memset(rte_pktmbuf_mtod(m, char *), 0xff, 6);
}

static void
send_run(unsigned run)
{
	struct rte_mbuf *m[BATCH_MAX];
	uint16_t n = (uint16_t)c->r.batch;
	uint64_t sent = 0;
	unsigned i;

	gate_pass(&c->gate, 4 * run + 2);
	while (!atomic_load_explicit(&c->stop, memory_order_relaxed)) {
		uint16_t done = 0;
		unsigned spins = 0;

		if (rte_pktmbuf_alloc_bulk(pool, m, n) != 0)
			give_up("no buffers left");
		for (i = 0; i < n; i++) {
			m[i]->data_len = (uint16_t)c->r.size;
			m[i]->pkt_len = c->r.size;
		}
		for (;;) {
			done = (uint16_t)(done +
			    rte_eth_tx_burst(0, 0, m + done,
				(uint16_t)(n - done)));
			if (done == n ||
			    atomic_load_explicit(&c->stop,
				memory_order_relaxed))
				break;
			spin(&spins);
		}
		sent += done;
		if (done < n)
			rte_pktmbuf_free_bulk(m + done, (unsigned)(n - done));
	}
	c->sent = sent;
	gate_pass(&c->gate, 4 * run + 4);
}

/* ---- receiver ----------------------------------------------------------- */

/* Receives for as long as was asked for; the frames a second. */
static double
receive_run(unsigned run, uint64_t *all)
{
	struct rte_mbuf *m[READ_BATCH];
	uint64_t got = 0, n0 = 0, t0 = 0, warm;
	unsigned spins = 0, turn, i;
	double rate = 0;

	gate_pass(&c->gate, 4 * run + 2);
	warm = now_ns() + WARM_MS * 1000000u;
	for (turn = 0;; turn++) {
		uint16_t n = rte_eth_rx_burst(0, 0, m, READ_BATCH);

		for (i = 0; i < n; i++)
			if (m[i]->pkt_len != c->r.size ||
			    *rte_pktmbuf_mtod_offset(m[i], char *,
				c->r.size - 1) != 0)
				give_up("a frame that nobody sent");
		if (n != 0)
			rte_pktmbuf_free_bulk(m, n);
		else if (c->stop && c->gate.come >= 4 * run + 3)
			break; /* the sender is done, and there was no more */
		else
			spin(&spins);
		got += n;
		if ((turn % 16 == 0 || n == 0) && !c->stop) {
			uint64_t t = now_ns();

			if (t0 == 0 && t >= warm) {
				t0 = t;
				n0 = got;
			} else if (t0 != 0 &&
			    t >= t0 + c->r.ms * (uint64_t)1000000) {
				rate = (double)(got - n0) * 1e9 /
				    (double)(t - t0);
				c->stop = 1;
			}
		}
	}
	gate_pass(&c->gate, 4 * run + 4);
	*all = got;
	return rate;
}

int
main(int argc, char **argv)
{
	pid_t parent = getpid();
	struct request r;
	char name[64];
	unsigned run = 0;
	int wake[2];
	pid_t pid;
	int opt;

	while ((opt = getopt(argc, argv, "j")) != -1)
		if (opt == 'j')
			jumbo = true;
		else
			return 2;
	request_begin();
	c = shared_new(sizeof(*c));
	cpu_count(); /* noted before the EAL pins anybody */
	snprintf(name, sizeof(name), "shmbus-bench-%d", (int)parent);
	folder_make();
	if (pipe(wake) == -1 || (pid = fork()) == -1)
		give_up("%s", strerror(errno));
	if (pid == 0) {
		char byte;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		close(wake[1]);
		come_up(name, 0);
		rte_mempool_obj_iter(pool, fill, NULL);
		while (read(wake[0], &byte, 1) == 1)
			send_run(run++);
		_exit(0);
	}
	atexit(folder_remove);
	close(wake[0]);
	come_up(name, 1);
	folder_remove(); /* the other one is up, too */
	while (request_read(&r)) {
		uint64_t got = 0;
		double rate;

		if (r.size > (jumbo ? ROOM_JUMBO : ROOM) ||
		    r.batch > BATCH_MAX) {
			answer_why("more than it was started for");
			continue;
		}
		c->r = r;
		c->stop = 0;
		if (write(wake[1], "", 1) != 1)
			give_up("the sender is gone");
		rate = receive_run(run++, &got);
		answer(rate, c->sent, got);
	}
	close(wake[1]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}
