/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diag.c - diagnostics of the library, on standard error
 *
 * DOC: Most messages come from a stack's thread, and others on the bus decide
 * how many.  Standard error may be a pipe that nobody reads, so writing there
 * may block for ever; and its flags are shared with other processes, so it cannot
 * be made non-blocking.
 *
 * So whoever has something to say puts the line into a queue of QUEUE lines,
 * under a lock that is never held while writing, and goes on.  A thread, which is
 * made for the first line, writes.  A line is dropped and counted when the queue
 * is full or DIAG_RATE lines of its kind were said in this second; the number
 * is said once, by the thread, when the second is over.
 *
 * Two designs were looked at: to ask poll() before writing blocks all the same
 * when somebody else writes in between; a second open file by /proc does not
 * exist for sockets.
 *
 * Where standard error is a regular file, which no reader holds up, and nothing
 * waits before it, a line is written at once.  So are lines of DIAG_SETUP, the
 * last that is heard of a program that cannot begin, if poll() says that there is
 * room: nobody waits for their thread.  At exit the thread has EXIT_MS to write what is left.  After a
 * fork the child begins anew.
 *
 * The last DIAG_KEPT lines are remembered, for the control server to show.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"

#define QUEUE 64u
#define LINE 512u
#define SECOND_NS 1000000000u
#define EXIT_MS 300

static const char *const kind_text[DIAG_KINDS] = {
	"about the library",
	"about bus files",
	"about addresses that others have, too",
	"about interfaces whose other end is gone",
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work; /* by CLOCK_MONOTONIC */
	bool prepared;	     /* WORK was made */
	bool running;	     /* the thread is there */
	bool writing;
	unsigned head, tail; /* of LINES */
	char line[QUEUE][LINE];
	struct {
		uint64_t since; /* its second began */
		unsigned said;	/* in it */
		unsigned more;	/* dropped */
	} kind[DIAG_KINDS];
	uint64_t kept_n; /* lines said so far */
	struct kept {
		uint64_t time_ns;
		char text[LINE];
	} kept[DIAG_KEPT];
} d = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Writes LINE.  What cannot be written is lost. */
static void
put(const char *line)
{
	size_t len = strlen(line);

	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, line, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		line += n;
		len -= (size_t)n;
	}
}

/* Remembers LINE, which begins with the name of a program; locked. */
static void
keep(const char *line)
{
	struct kept *k = &d.kept[d.kept_n++ % DIAG_KEPT];
	const char *text = strstr(line, ": ");

	k->time_ns = clock_ns(CLOCK_REALTIME);
	snprintf(k->text, sizeof(k->text), "%s",
	    text != NULL ? text + 2 : line);
	k->text[strcspn(k->text, "\n")] = '\0';
}

void
diag_look(uint64_t since,
    void (*fn)(void *arg, uint64_t n, uint64_t time_ns, const char *text),
    void *arg)
{
	uint64_t n;

	pthread_mutex_lock(&d.lock);
	n = d.kept_n > DIAG_KEPT ? d.kept_n - DIAG_KEPT : 0;
	for (n = n > since ? n : since; n < d.kept_n; n++)
		fn(arg, n + 1, d.kept[n % DIAG_KEPT].time_ns,
		    d.kept[n % DIAG_KEPT].text);
	pthread_mutex_unlock(&d.lock);
}

/* Puts "N more" of the kinds whose second is over into the queue; locked. */
static void
say_more(uint64_t now)
{
	int i;

	for (i = 0; i < DIAG_KINDS; i++) {
		if (now - d.kind[i].since < SECOND_NS)
			continue;
		if (d.kind[i].more > 0 && d.head - d.tail < QUEUE) {
			snprintf(d.line[d.head++ % QUEUE], LINE,
			    "%s: %u more messages %s\n",
			    program_invocation_short_name, d.kind[i].more,
			    kind_text[i]);
			keep(d.line[(d.head - 1) % QUEUE]);
			d.kind[i].more = 0;
		}
		d.kind[i].said = 0;
	}
}

/* When the first number of dropped lines is due; 0: there is none.  Locked. */
static uint64_t
due(void)
{
	uint64_t first = 0;
	int i;

	for (i = 0; i < DIAG_KINDS; i++)
		if (d.kind[i].more > 0 &&
		    (first == 0 || d.kind[i].since + SECOND_NS < first))
			first = d.kind[i].since + SECOND_NS;
	return first;
}

static void *
diag_main(void *arg)
{
	char line[LINE];
	struct timespec t;
	uint64_t at;

	(void)arg;
	pthread_mutex_lock(&d.lock);
	for (;;) {
		say_more(now_ns());
		if (d.head != d.tail) {
			memcpy(line, d.line[d.tail++ % QUEUE], LINE);
			d.writing = true;
			pthread_mutex_unlock(&d.lock);
			put(line);
			pthread_mutex_lock(&d.lock);
			d.writing = false;
		} else if ((at = due()) != 0) {
			t.tv_sec = (time_t)(at / SECOND_NS);
			t.tv_nsec = (long)(at % SECOND_NS);
			pthread_cond_timedwait(&d.work, &d.lock, &t);
		} else {
			pthread_cond_wait(&d.work, &d.lock);
		}
	}
	return NULL;
}

/* At exit: what was said is written, if somebody reads. */
static void
finish(void)
{
	bool busy = true;
	int i;

	for (i = 0; busy && i < EXIT_MS; i++) {
		pthread_mutex_lock(&d.lock);
		busy = d.running && (d.writing || d.head != d.tail);
		pthread_mutex_unlock(&d.lock);
		if (busy)
			usleep(1000);
	}
}

static void
in_child(void)
{
	pthread_mutex_init(&d.lock, NULL);
	d.prepared = d.running = d.writing = false;
	d.tail = d.head;
}

/* Makes the thread where there is none.  False: it cannot be; locked. */
static bool
begin(void)
{
	static bool once;
	pthread_condattr_t attr;
	pthread_t thread;
	sigset_t all, old;

	if (d.running)
		return true;
	if (!d.prepared) {
		pthread_condattr_init(&attr);
		pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
		pthread_cond_init(&d.work, &attr);
		pthread_condattr_destroy(&attr);
		d.prepared = true;
	}
	if (!once) {
		once = true;
		atexit(finish);
		pthread_atfork(NULL, NULL, in_child);
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	d.running = pthread_create(&thread, NULL, diag_main, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (d.running)
		pthread_detach(thread);
	return d.running;
}

/* Whether a line of KIND can be written without a thread. */
static bool
may_write(enum diag_kind kind)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	struct stat st;

	if (d.head != d.tail || d.writing)
		return false; /* it would overtake others */
	if (fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		return true;
	return kind == DIAG_SETUP && poll(&p, 1, 0) == 1 &&
	    (p.revents & POLLOUT);
}

void
diag(enum diag_kind kind, const char *fmt, ...)
{
	char line[LINE];
	uint64_t now = now_ns();
	va_list ap;
	size_t len;

	snprintf(line, sizeof(line), "%s: ",
	    kind == DIAG_SETUP ? "shmif" : program_invocation_short_name);
	len = strlen(line);
	va_start(ap, fmt);
	vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	va_end(ap);
	len = strlen(line);
	if (len > LINE - 2)
		len = LINE - 2;
	/* A path may have anything in it: one line is what is said. */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 32 || line[i] == 127)
			line[i] = '?';
	strcpy(line + len, "\n");

	pthread_mutex_lock(&d.lock);
	if (now - d.kind[kind].since >= SECOND_NS) {
		say_more(now);
		d.kind[kind].since = now;
		d.kind[kind].said = 0;
	}
	if (d.kind[kind].said < DIAG_RATE && may_write(kind)) {
		d.kind[kind].said++;
		keep(line);
		pthread_mutex_unlock(&d.lock);
		put(line);
		return;
	}
	if (d.kind[kind].said < DIAG_RATE && d.head - d.tail < QUEUE &&
	    begin()) {
		memcpy(d.line[d.head++ % QUEUE], line, LINE);
		keep(line);
		d.kind[kind].said++;
	} else {
		d.kind[kind].more++;
		begin(); /* which says how many */
	}
	if (d.running)
		pthread_cond_signal(&d.work);
	pthread_mutex_unlock(&d.lock);
}
