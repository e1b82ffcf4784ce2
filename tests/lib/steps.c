/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * steps.c - holding a process at a chosen instruction of libshmbus
 *
 * DOC: how
 *
 * "At any instruction" is what the bus promises, and random signals hit a few
 * of them only.  So a process is traced: once step by step, to learn which
 * instructions of the library an action passes; then, for each of those, a
 * fresh process runs up to a breakpoint there and is held.  A process that a
 * tracer holds is as good as one that SIGSTOP holds.
 *
 * Parent and child come from one fork(), so addresses are the same in all.
 */
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/crew.h"
#include "tests/lib/steps.h"

#define RECORD_MAX 60000u /* steps; what comes after is left out */

/* What the child of this process is asked to do. */
struct task {
	void (*body)(void *arg);
	void *arg;
};

/* In the child. */
static bool traced;
static bool recording; /* it is to stop at the end, too */
static bool begun;
static uintptr_t text_from, text_to;

#if defined(__x86_64__)
#define PC(regs) ((regs).rip)
#define BREAK_LEN 1
#define BREAK_MASK 0xfful
#define BREAK_CODE 0xccul
#endif

#ifdef PC

/* Finds the executable segment that holds shmbus_send(). */
static int
find_text(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t want = (uintptr_t)&shmbus_send;
	int i;

	(void)size;
	(void)arg;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && (p->p_flags & PF_X) &&
		    want >= from && want - from < p->p_memsz) {
			text_from = from;
			text_to = from + p->p_memsz;
			return 1;
		}
	}
	return 0;
}

static void
traced_body(void *arg)
{
	struct task *t = arg;

	traced = true;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
		_exit(77);
	t->body(t->arg);
}

/*
 * Waits for the next stop.  Returns its signal, or -1: PID has ended.  If
 * neither comes, the test is over: see crew_begin().
 */
static int
next_stop(pid_t pid)
{
	int status;

	alarm((unsigned)CREW_PATIENCE);
	while (waitpid(pid, &status, __WALL) == -1)
		if (errno != EINTR) {
			alarm(0);
			return -1;
		}
	alarm(0);
	if (WIFSTOPPED(status))
		return WSTOPSIG(status);
	crew_buried(pid);
	if (WIFSIGNALED(status))
		complain("a traced process died of signal %d",
		    WTERMSIG(status));
	return -1;
}

/* Starts BODY and brings it to steps_begin().  Returns its pid or 0. */
static pid_t
start(void (*body)(void *arg), void *arg)
{
	struct task t = { body, arg };
	pid_t pid = crew_start(traced_body, &t);
	int sig;

	if (pid <= 0)
		return 0;
	while ((sig = next_stop(pid)) != SIGSTOP) {
		if (sig == -1)
			return 0;
		ptrace(PTRACE_CONT, pid, NULL, (void *)(long)sig);
	}
	return pid;
}

static uintptr_t
where(pid_t pid)
{
	struct user_regs_struct regs;

	memset(&regs, 0, sizeof(regs));
	ptrace(PTRACE_GETREGS, pid, NULL, &regs);
	return PC(regs);
}

static void
trace_nothing(void *arg)
{
	(void)arg;
	steps_begin();
}

bool
steps_possible(void)
{
	static int known;
	pid_t pid;

	if (known == 0) {
		dl_iterate_phdr(find_text, NULL);
		pid = start(trace_nothing, NULL);
		known = pid != 0 && text_to != 0 ? 1 : -1;
		crew_kill(pid);
	}
	return known == 1;
}

bool
steps_record(struct steps *s, void (*body)(void *arg), void *arg)
{
	unsigned char *seen = calloc(1, text_to - text_from);
	unsigned n = 0;
	pid_t pid;
	int sig;

	s->n = 0;
	recording = true;
	pid = start(body, arg);
	recording = false;
	if (pid == 0 || seen == NULL) {
		free(seen);
		return false;
	}
	for (; n < RECORD_MAX; n++) {
		uintptr_t pc = where(pid);

		if (pc >= text_from && pc < text_to && !seen[pc - text_from] &&
		    s->n < STEPS_MAX) {
			seen[pc - text_from] = 1;
			s->pc[s->n++] = pc;
		}
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == -1 ||
		    (sig = next_stop(pid)) != SIGTRAP)
			break;
	}
	free(seen);
	if (n != RECORD_MAX && sig != SIGSTOP) {
		complain("recording: %u steps, signal %d", n, sig);
		if (sig != -1)
			crew_kill(pid);
		return false;
	}
	crew_kill(pid);
	return s->n != 0;
}

pid_t
steps_hold(uintptr_t pc, unsigned hit, void (*body)(void *arg), void *arg)
{
	pid_t pid = start(body, arg);
	struct user_regs_struct regs;
	long word, trap;

	if (pid == 0)
		return 0;
	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, pid, (void *)pc, NULL);
	trap = (long)(((unsigned long)word & ~BREAK_MASK) | BREAK_CODE);
	while (where(pid) != pc || --hit != 0) {
		int sig;

		/* Over the instruction where it stands, then the trap. */
		if (where(pid) == pc &&
		    (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == -1 ||
			next_stop(pid) == -1))
			return 0;
		ptrace(PTRACE_POKETEXT, pid, (void *)pc, (void *)trap);
		ptrace(PTRACE_CONT, pid, NULL, NULL);
		if ((sig = next_stop(pid)) == -1)
			return 0;
		ptrace(PTRACE_POKETEXT, pid, (void *)pc, (void *)word);
		if (sig != SIGTRAP) {
			complain("a traced process got signal %d", sig);
			crew_kill(pid);
			return 0;
		}
		ptrace(PTRACE_GETREGS, pid, NULL, &regs);
		PC(regs) -= BREAK_LEN;
		ptrace(PTRACE_SETREGS, pid, NULL, &regs);
	}
	return pid;
}

void
steps_release(pid_t pid)
{
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

#else /* another processor */

bool
steps_possible(void)
{
	return false;
}

bool
steps_record(struct steps *s, void (*body)(void *arg), void *arg)
{
	(void)body;
	(void)arg;
	s->n = 0;
	return false;
}

pid_t
steps_hold(uintptr_t pc, unsigned hit, void (*body)(void *arg), void *arg)
{
	(void)pc;
	(void)hit;
	(void)body;
	(void)arg;
	return 0;
}

void
steps_release(pid_t pid)
{
	(void)pid;
}

#endif

void
steps_begin(void)
{
	begun = traced;
	if (traced)
		raise(SIGSTOP);
}

void
steps_end(void)
{
	if (begun && recording)
		raise(SIGSTOP);
}
