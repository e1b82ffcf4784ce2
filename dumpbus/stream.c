/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.c - the records of a capture on their way into a file
 *
 * DOC: Chunks
 *
 * Records are put together in chunks of memory.  A chunk holds whole records
 * and is written with one call: so a file takes half the time that it takes
 * page by page, and more at a time would not be in the processor's cache any
 * longer when it is copied.
 *
 * DOC: A thread that writes
 *
 * Writing takes as long as it takes: pages have to be found for a file, a disk
 * is behind, the reader of a pipe sleeps.  A bus does not wait.  So while it is
 * followed, a thread of its own writes.  Full chunks stand in a queue before it,
 * and when the bus is idle one that is not full.  There are no more than
 * CHUNKS; then whoever fills them waits, and what the bus overwrites meanwhile
 * is lost.
 *
 * A chunk that was written is the next to be filled: while the thread keeps up
 * it is always the same two or three, which stay in the cache.  What is flushed
 * while it is behind goes behind the last chunk in the queue, if there is room,
 * so that many small flushes do not use up the memory.
 *
 * Where all processors are in use both have to wait for one.  Whoever reads the
 * bus needs it for a moment, but soon: he asks for short slices.  He who writes
 * need not run as soon as he is woken: SCHED_BATCH.
 *
 * A device is written to by the caller: /dev/null takes less time than it takes
 * to wake a thread, and there is no file that could be cut.
 *
 * DOC: What is whole
 *
 * What a chunk holds is whole, so the file is up to the end of the last one that
 * was written: stream_good().  After an error nothing more is written.
 *
 * DOC: Coming to an end
 *
 * What is in the queue is written before the end, which may take a while.  A
 * pipe whose reader does not take a PIECE in PATIENCE_S, after a signal has
 * come, is given up; a file is waited for.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "dumpbus/dump.h"

#define CHUNK ((size_t)256 * 1024)
#define CHUNKS 32u
#define PIECE ((size_t)64 * 1024)
#define PATIENCE_S 5u
#define SLICE_NS 100000 /* the shortest that there is */

struct chunk {
	struct chunk *next;
	size_t n;
	uint8_t p[CHUNK];
};

struct stream {
	int fd;
	bool apart;	      /* a thread writes */
	bool regular;	      /* to a regular file */
	struct chunk *memory; /* of all chunks */
	unsigned chunks;
	struct chunk *fill; /* is being filled; may be NULL */
	pthread_t thread;
	pthread_mutex_t mutex;	    /* stands before what follows */
	pthread_cond_t come;	    /* something, to the queue */
	pthread_cond_t gone;	    /* a piece, or the thread */
	struct chunk *first, *last; /* the queue */
	struct chunk *unused;
	unsigned waiting; /* for gone */
	bool end;	  /* nothing more will come to the queue */
	bool ended;	  /* the thread has */
	uint64_t pieces;  /* written */
	uint64_t good;
	int error;
};

/* A piece was written, or the thread has ended. */
static void
tell(struct stream *s)
{
	s->pieces++;
	if (s->waiting != 0)
		pthread_cond_signal(&s->gone);
}

/* Writes C.  Returns 0 or an errno value. */
static int
write_chunk(struct stream *s, const struct chunk *c)
{
	size_t at = 0;

	while (at < c->n) {
		size_t n = c->n - at;
		ssize_t did;

		if (!s->regular && n > PIECE)
			n = PIECE;
		did = write(s->fd, c->p + at, n);
		if (did <= 0)
			return did < 0 ? errno : EIO;
		at += (size_t)did;
		if (!s->regular && s->apart) {
			pthread_mutex_lock(&s->mutex);
			tell(s);
			pthread_mutex_unlock(&s->mutex);
		}
	}
	return 0;
}

/* The thread. */
static void *
write_all(void *arg)
{
	const struct sched_param none = { 0 };
	struct stream *s = arg;
	bool failed;

	sched_setscheduler(0, SCHED_BATCH, &none);
	pthread_mutex_lock(&s->mutex);
	while (s->error == 0 && (s->first != NULL || !s->end)) {
		struct chunk *c = s->first;
		int error;

		if (c == NULL) {
			pthread_cond_wait(&s->come, &s->mutex);
			continue;
		}
		s->first = c->next;
		if (s->first == NULL)
			s->last = NULL;
		pthread_mutex_unlock(&s->mutex);
		error = write_chunk(s, c);
		pthread_mutex_lock(&s->mutex);
		if (error == 0)
			s->good += c->n;
		if (s->error == 0)
			s->error = error;
		c->next = s->unused;
		s->unused = c;
		tell(s);
	}
	s->ended = true;
	failed = s->error != 0;
	tell(s);
	pthread_mutex_unlock(&s->mutex);
	if (failed)
		wake_reader();
	return NULL;
}

/*
 * Asks to be let onto a processor soon, for a short time, rather than late for a
 * long one, where Linux has that (6.12).
 */
static void
be_prompt(void)
{
	/* Whose policy is another one knows why; nobody gets less nice. */
	const int nice = getpriority(PRIO_PROCESS, 0);
	const struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = { .size = sizeof(attr), .nice = nice, .runtime = SLICE_NS };

	if (sched_getscheduler(0) == SCHED_OTHER)
		syscall(SYS_sched_setattr, 0, &attr, 0);
}

/* Starts the thread, which has nothing to do with signals.  0 or errno. */
static int
start(struct stream *s)
{
	pthread_condattr_t attr;
	sigset_t all, old;
	int error;

	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->come, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->gone, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&s->thread, NULL, write_all, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	be_prompt();
	return error;
}

/*
 * Gives S its chunks, and these their memory: where a page has to be found for
 * each dozen of frames the bus is faster.  0 or an errno value.
 */
static int
have_chunks(struct stream *s)
{
	struct chunk *c;
	unsigned i;

	s->chunks = s->apart ? CHUNKS : 1;
	c = mmap(NULL, s->chunks * sizeof(*c), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (c == MAP_FAILED)
		return errno;
	s->memory = c;
	for (i = 0; i < s->chunks; i++, c++) {
		c->next = s->unused;
		s->unused = c;
	}
	return 0;
}

static void
free_chunks(struct stream *s)
{
	if (s->memory != NULL)
		munmap(s->memory, s->chunks * sizeof(*s->memory));
}

/*
 * Records are to go into the file FD; FOLLOW: from a bus that does not wait.
 * Returns NULL with errno when that cannot be.
 */
struct stream *
stream_open(int fd, bool follow)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct stat st = { 0 };
	int error;

	if (s == NULL)
		return NULL;
	fstat(fd, &st);
	s->fd = fd;
	s->regular = S_ISREG(st.st_mode);
	s->apart = follow && !S_ISCHR(st.st_mode);
	error = have_chunks(s);
	if (error == 0 && s->apart)
		error = start(s);
	if (error == 0)
		return s;
	free_chunks(s);
	free(s);
	errno = error;
	return NULL;
}

/*
 * Waits for the thread to have written something, or to have ended.  The mutex
 * is locked.
 */
static void
await(struct stream *s)
{
	uint64_t before = s->pieces;
	unsigned patience = PATIENCE_S;

	s->waiting++;
	while (s->pieces == before) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		if (pthread_cond_timedwait(&s->gone, &s->mutex, &until) != 0 &&
		    stopped && !s->regular && patience-- == 0) {
			s->error = EINTR;
			break;
		}
	}
	s->waiting--;
}

/* Returns an empty chunk, or NULL with errno. */
static struct chunk *
empty_chunk(struct stream *s)
{
	struct chunk *c;

	while ((c = s->unused) == NULL && s->error == 0)
		await(s);
	if (s->error != 0) {
		errno = s->error;
		return NULL;
	}
	s->unused = c->next;
	c->next = NULL;
	c->n = 0;
	return c;
}

/*
 * Returns room for a record of N bytes, or NULL with errno; S owns it.  The
 * record is there when stream_did() says so.
 */
uint8_t *
stream_room(struct stream *s, size_t n)
{
	int error = 0;

	if (n > CHUNK) {
		errno = EMSGSIZE;
		return NULL;
	}
	if (s->fill != NULL && s->fill->n + n > CHUNK)
		error = stream_flush(s);
	if (error != 0) {
		errno = error;
		return NULL;
	}
	if (s->fill == NULL) {
		if (s->apart)
			pthread_mutex_lock(&s->mutex);
		s->fill = empty_chunk(s);
		if (s->apart)
			pthread_mutex_unlock(&s->mutex);
	}
	return s->fill == NULL ? NULL : s->fill->p + s->fill->n;
}

void
stream_did(struct stream *s, size_t n)
{
	s->fill->n += n;
}

/* Hands what has been filled to the thread.  Returns 0 or an errno value. */
static int
hand_over(struct stream *s)
{
	struct chunk *c = s->fill;
	int error;

	pthread_mutex_lock(&s->mutex);
	error = s->error;
	if (error == 0 && c != NULL && c->n != 0) {
		if (s->last == NULL) {
			s->first = s->last = c;
			s->fill = NULL;
		} else if (s->last->n + c->n <= CHUNK) {
			memcpy(s->last->p + s->last->n, c->p, c->n);
			s->last->n += c->n;
			c->n = 0;
		} else {
			s->last->next = c;
			s->last = c;
			s->fill = NULL;
		}
		pthread_cond_signal(&s->come);
	}
	pthread_mutex_unlock(&s->mutex);
	return error;
}

/*
 * What was put is on its way to the file.  Returns 0 or an errno value, that of
 * an earlier write perhaps.
 */
int
stream_flush(struct stream *s)
{
	if (s->apart)
		return hand_over(s);
	if (s->error == 0 && s->fill != NULL && s->fill->n != 0) {
		s->error = write_chunk(s, s->fill);
		if (s->error == 0)
			s->good += s->fill->n;
		s->fill->n = 0;
	}
	return s->error;
}

/* All is written, or will never be.  Returns 0 or an errno value. */
int
stream_end(struct stream *s)
{
	int error = stream_flush(s);

	if (!s->apart)
		return error;
	pthread_mutex_lock(&s->mutex);
	s->end = true;
	pthread_cond_signal(&s->come);
	while (!s->ended && s->error != EINTR)
		await(s);
	error = s->error;
	pthread_mutex_unlock(&s->mutex);
	return error;
}

/* After stream_end(): so many bytes of the file are whole records. */
uint64_t
stream_good(const struct stream *s)
{
	return s->good;
}

/* After stream_end().  Returns whether nobody has to do with the file now. */
bool
stream_free(struct stream *s)
{
	if (s->apart && !s->ended) {
		/* It writes for ever; it ends with the process. */
		pthread_detach(s->thread);
		return false;
	}
	if (s->apart) {
		pthread_join(s->thread, NULL);
		pthread_cond_destroy(&s->gone);
		pthread_cond_destroy(&s->come);
		pthread_mutex_destroy(&s->mutex);
	}
	free_chunks(s);
	free(s);
	return true;
}
