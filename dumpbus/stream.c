/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.c - buffers a capture's records and writes them to its file
 *
 * DOC: Chunks
 *
 * Records are collected in chunks of memory.  A chunk holds only whole records
 * and is written with one call, which takes half the time of writing page by
 * page.  A larger chunk would have left the processor's cache before it is
 * copied.
 *
 * DOC: The thread that writes
 *
 * How long a write takes cannot be known: the kernel must find pages for a file,
 * a disk may be slow, the reader of a pipe may sleep.  The bus does not wait for
 * us.  Therefore a thread of its own writes while a bus is followed.  Full
 * chunks are put in its queue; if the bus is idle, one that is not full is put
 * there too.  There are at most CHUNKS chunks.  When all are in use the reader
 * of the bus waits, and the frames that the bus overwrites meanwhile are lost.
 *
 * The chunk that was written last is filled next: while the thread keeps up,
 * two or three chunks are used in turn and stay in the cache.  If the thread is
 * behind, what is flushed is appended to the last chunk in the queue as long as
 * there is room, so that many small flushes do not use up the chunks.
 *
 * When all processors are busy, both threads wait for one.  The thread that
 * reads the bus needs a processor for a short time but soon: it asks for short
 * time slices.  The thread that writes need not run as soon as it is woken: it
 * uses SCHED_BATCH.
 *
 * A character device is written to by the reader itself, without a thread: to
 * write to /dev/null takes less time than to wake a thread, and there is no file
 * that would have to be cut back.
 *
 * DOC: How much of the file is whole
 *
 * Chunks hold only whole records, so the file is whole up to the end of the last
 * chunk that was written.  Of a chunk that could be written only in part, because
 * the file system is full, the records are counted that were: a small file system
 * may be full before one chunk is.  stream_good() tells the number of bytes.
 * After an error nothing more is written.
 *
 * DOC: The end
 *
 * At the end the queue is written, which may take a while.  After a signal a
 * pipe is given up if its reader takes no PIECE for PATIENCE_S; a regular file
 * is always waited for.
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
	bool apart;	      /* a thread of its own writes */
	bool regular;	      /* FD is a regular file */
	struct chunk *memory; /* the chunks, an array */
	unsigned chunks;
	struct chunk *fill; /* the one that is being filled; may be NULL */
	pthread_t thread;
	pthread_mutex_t mutex; /* protects the members that follow */
	pthread_cond_t come;   /* the queue has got a chunk, or an end */
	pthread_cond_t gone;   /* a piece was written, or the thread ended */
	struct chunk *first, *last; /* the queue */
	struct chunk *unused;
	unsigned waiting; /* how many wait for GONE */
	bool end;	  /* nothing more will be put into the queue */
	bool ended;	  /* the thread has ended */
	uint64_t pieces;  /* written so far */
	uint64_t good;	  /* stream_good() */
	record_bytes *record;
	int error;
};

/* Tells a waiter that a piece was written, or that the thread has ended. */
static void
tell(struct stream *s)
{
	s->pieces++;
	if (s->waiting != 0)
		pthread_cond_signal(&s->gone);
}

/* How many of the first N bytes of C are whole records. */
static size_t
whole_bytes(const struct stream *s, const struct chunk *c, size_t n)
{
	size_t at = 0, bytes;

	while (at < n) {
		bytes = s->record(c->p + at, s->good == 0 && at == 0);
		if (bytes > n - at)
			break;
		at += bytes;
	}
	return at;
}

/* Writes C.  *GOOD is how much of it is whole.  Returns 0 or an errno value. */
static int
write_chunk(struct stream *s, const struct chunk *c, size_t *good)
{
	size_t at = 0;

	while (at < c->n) {
		size_t n = c->n - at;
		ssize_t did;

		if (!s->regular && n > PIECE)
			n = PIECE;
		did = write(s->fd, c->p + at, n);
		if (did <= 0) {
			int error = did < 0 ? errno : EIO;

			*good = whole_bytes(s, c, at);
			return error;
		}
		at += (size_t)did;
		if (!s->regular && s->apart) {
			pthread_mutex_lock(&s->mutex);
			tell(s);
			pthread_mutex_unlock(&s->mutex);
		}
	}
	*good = c->n;
	return 0;
}

/* The thread: writes the chunks of the queue until the end or an error. */
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
		size_t good = 0;
		int error;

		if (c == NULL) {
			pthread_cond_wait(&s->come, &s->mutex);
			continue;
		}
		s->first = c->next;
		if (s->first == NULL)
			s->last = NULL;
		pthread_mutex_unlock(&s->mutex);
		error = write_chunk(s, c, &good);
		pthread_mutex_lock(&s->mutex);
		s->good += good;
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
 * Asks the scheduler for short time slices, so that this thread gets a processor
 * sooner.  Linux has that since 6.12.
 */
static void
be_prompt(void)
{
	/* Another policy was chosen by somebody; and "nice" stays as it is. */
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

/* Starts the thread, with all signals blocked.  0 or an errno value. */
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
 * Allocates the chunks of S, with their pages: if each page were allocated at
 * its first use, we would be slower than the bus.  0 or an errno value.
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
 * Begins to write records to the file FD.  FOLLOW tells that they come from a
 * bus that is followed, which does not wait.  Returns NULL with errno.
 */
struct stream *
stream_open(int fd, bool follow, record_bytes *record)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct stat st = { 0 };
	int error;

	if (s == NULL)
		return NULL;
	fstat(fd, &st);
	s->fd = fd;
	s->record = record;
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
 * Waits until the thread has written a piece or has ended.  The caller holds the
 * mutex.
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
 * Returns room for a record of N bytes, or NULL with errno; S owns it.  When the
 * record has been put there, stream_did() has to be called.
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

/* Puts the chunk being filled into the queue.  Returns 0 or an errno value. */
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
 * Writes all records, or makes the thread do that soon.  Returns 0 or an errno
 * value, which may be that of an earlier write.
 */
int
stream_flush(struct stream *s)
{
	if (s->apart)
		return hand_over(s);
	if (s->error == 0 && s->fill != NULL && s->fill->n != 0) {
		size_t good = 0;

		s->error = write_chunk(s, s->fill, &good);
		s->good += good;
		s->fill->n = 0;
	}
	return s->error;
}

/*
 * Waits until all records are written, or until it is known that they never will
 * be.  Returns 0 or an errno value.
 */
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

/* After stream_end(): how many bytes of the file are whole records. */
uint64_t
stream_good(const struct stream *s)
{
	return s->good;
}

/*
 * Frees S, after stream_end().  Returns whether FD may be closed: false if the
 * thread hangs in a write to it.
 */
bool
stream_free(struct stream *s)
{
	if (s->apart && !s->ended) {
		/* Its write does not return; it ends with the process. */
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
