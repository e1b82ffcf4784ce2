/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crew.c - the processes of a test that kills and stops its own
 *
 * The parent keeps a list of its children and buries each itself, so that a pid
 * in the list is never somebody else's.  What children have to say goes through
 * memory that all share; they print nothing and leave by _exit().
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/lib/crew.h"
#include "tests/lib/stamp.h"

#define CREW_MAX 512
#define KEPT 8u

static struct {
	_Atomic unsigned count;
	char text[KEPT][240];
} * notes;

static volatile pid_t crew[CREW_MAX];
static char folder[128];
static bool folder_mine; /* the members of the crew use it, and leave it */
static uint64_t seed;

unsigned long
crew_number(const char *name, unsigned long value)
{
	const char *s = getenv(name);

	return s != NULL && *s != '\0' ? strtoul(s, NULL, 0) : value;
}

unsigned
crew_scale(unsigned value)
{
	const char *san = getenv("SHMIF_SAN");

	return san != NULL && *san != '\0' ? value / 8 + 1 : value;
}

void *
crew_shared(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

/* ---- beginning and end --------------------------------------------------- */

/* Kills what is left of the crew; safe in a signal handler. */
static void
kill_all(void)
{
	int i;

	for (i = 0; i < CREW_MAX; i++)
		if (crew[i] > 0)
			kill(crew[i], SIGKILL);
	for (i = 0; i < CREW_MAX; i++)
		if (crew[i] > 0) {
			while (waitpid(crew[i], NULL, __WALL) == -1 &&
			    errno == EINTR)
				;
			crew[i] = 0;
		}
}

/* Removes the folder and the files in it. */
static void
remove_folder(void)
{
	char path[512];
	struct dirent *e;
	DIR *d;

	if (!folder_mine || (d = opendir(folder)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		unlink(path);
	}
	closedir(d);
	rmdir(folder);
	folder[0] = '\0';
	folder_mine = false;
}

/* Whoever ends the test early (its time is over) leaves nothing behind. */
static void
on_end(int sig)
{
	kill_all();
	remove_folder();
	signal(sig, SIG_DFL);
	raise(sig);
}

int
crew_begin(void **state)
{
	const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" :
	    getenv("TMPDIR") != NULL			? getenv("TMPDIR") :
							  "/tmp";
	struct timespec t;

	(void)state;
	notes = crew_shared(sizeof(*notes));
	snprintf(folder, sizeof(folder), "%s/shmbus-test-XXXXXX", tmp);
	if (mkdtemp(folder) == NULL) {
		perror(folder);
		folder[0] = '\0';
		return -1;
	}
	folder_mine = true;
	clock_gettime(CLOCK_REALTIME, &t);
	seed = crew_number("SEED",
	    (unsigned long)t.tv_nsec ^ (unsigned long)getpid() << 32);
	printf("# SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	signal(SIGTERM, on_end);
	signal(SIGINT, on_end);
	signal(SIGHUP, on_end);
	signal(SIGPIPE, on_end);
	signal(SIGALRM, on_end);
	return 0;
}

int
crew_end(void **state)
{
	(void)state;
	kill_all();
	remove_folder();
	return 0;
}

uint64_t
crew_seed(void)
{
	return seed;
}

const char *
crew_path(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* ---- complaints ---------------------------------------------------------- */

void
complain(const char *fmt, ...)
{
	unsigned n = atomic_fetch_add(&notes->count, 1);
	va_list ap;

	if (n >= KEPT)
		return;
	va_start(ap, fmt);
	vsnprintf(notes->text[n], sizeof(notes->text[n]), fmt, ap);
	va_end(ap);
}

bool
complained(void)
{
	return atomic_load(&notes->count) != 0;
}

const char *
complaints(void)
{
	static char all[sizeof(notes->text) + 64];
	unsigned n = atomic_exchange(&notes->count, 0);
	size_t at = 0;
	unsigned i;

	if (n == 0)
		return NULL;
	for (i = 0; i < n && i < KEPT; i++)
		at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s",
		    i == 0 ? "" : "\n", notes->text[i]);
	if (n > KEPT)
		snprintf(all + at, sizeof(all) - at, "\nand %u more", n - KEPT);
	memset(notes->text, 0, sizeof(notes->text));
	return all;
}

/* ---- processes ----------------------------------------------------------- */

pid_t
crew_start(void (*body)(void *arg), void *arg)
{
	/* cmocka's handlers would go on with the tests, in the child. */
	static const int ours[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGALRM,
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS };
	pid_t parent = getpid();
	pid_t pid;
	int i;

	for (i = 0; i < CREW_MAX && crew[i] != 0; i++)
		;
	if (i == CREW_MAX) {
		complain("too many processes");
		return -1;
	}
	fflush(stdout);
	pid = fork();
	if (pid == -1) {
		complain("fork: %s", strerror(errno));
		return -1;
	}
	if (pid == 0) {
		for (i = 0; i < CREW_MAX; i++)
			crew[i] = 0;
		folder_mine = false;
		for (i = 0; i < (int)(sizeof(ours) / sizeof(ours[0])); i++)
			signal(ours[i], SIG_DFL);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		body(arg);
		_exit(0);
	}
	crew[i] = pid;
	return pid;
}

void
crew_buried(pid_t pid)
{
	int i;

	for (i = 0; i < CREW_MAX; i++)
		if (crew[i] == pid)
			crew[i] = 0;
}

/* Waits for PID's end.  Returns its status. */
static int
bury(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, __WALL) == -1 && errno == EINTR)
		;
	crew_buried(pid);
	return status;
}

void
crew_kill(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (WIFSTOPPED(bury(pid)))
		kill(pid, SIGKILL);
}

void
crew_join(pid_t pid)
{
	uint64_t end = crew_now() + CREW_PATIENCE * 1000000000ull;
	siginfo_t info;
	int status;

	if (pid <= 0)
		return;
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)pid, &info,
			WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
		    info.si_pid == pid)
			break;
		if (crew_now() > end) {
			complain("process %d does not end", (int)pid);
			crew_kill(pid);
			return;
		}
		crew_nap(200000);
	}
	status = bury(pid);
	if (WIFSIGNALED(status))
		complain("a process died of signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		complain("a process ended with status %#x", status);
}

bool
crew_stopped(pid_t pid)
{
	uint64_t end = crew_now() + CREW_PATIENCE * 1000000000ull;
	siginfo_t info;

	while (crew_now() < end) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)pid, &info,
			WSTOPPED | WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid == pid) {
			if (info.si_code != CLD_STOPPED)
				break;
			waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG);
			return true;
		}
		crew_nap(50000);
	}
	complain("process %d did not stop", (int)pid);
	return false;
}

void
crew_stop(pid_t pid)
{
	kill(pid, SIGSTOP);
	crew_stopped(pid);
}

void
crew_cont(pid_t pid)
{
	kill(pid, SIGCONT);
}

/* ---- time ---------------------------------------------------------------- */

uint64_t
crew_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

void
crew_nap(uint64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u) };

	nanosleep(&t, NULL);
}

bool
crew_await(const _Atomic uint64_t *word, uint64_t value)
{
	uint64_t end = crew_now() + CREW_PATIENCE * 1000000000ull;

	while (atomic_load(word) < value) {
		if (complained())
			return false;
		if (crew_now() > end) {
			complain("nothing happens: %llu, not yet %llu",
			    (unsigned long long)atomic_load(word),
			    (unsigned long long)value);
			return false;
		}
		crew_nap(100000);
	}
	return true;
}

/* ---- on a bus ------------------------------------------------------------ */

void
crew_bus(const char *name, uint32_t slots, uint32_t mtu)
{
	struct shmbus_geometry geo = { .mtu = mtu, .slots = slots };
	const char *path = crew_path(name);
	int error;

	unlink(path);
	if ((error = shmbus_create(path, &geo)) != 0)
		complain("%s: %s", path, shmbus_why());
}

struct shmbus *
crew_attach(const char *path, uint32_t who, unsigned flags)
{
	struct shmbus_options opt = { .flags = flags };
	struct shmbus *b;
	int error;

	stamp_mac(opt.mac, who);
	snprintf(opt.name, sizeof(opt.name), "crew%u", (unsigned)who);
	if ((error = shmbus_attach(path, &opt, &b)) != 0)
		complain("attach %u: %s: %s", (unsigned)who,
		    shmbus_strerror(error), shmbus_why());
	return b;
}
