/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * internal.h - an attachment, and what each file of libshmbus offers the others
 *
 * The files, and which of them calls which: always one that stands above it
 * in this list, so that there is no circle.
 *
 *   error     why_set(): the particulars of a failure; texts for errors
 *   geometry  \
 *   ring_*     } ring.h: the ring of slots, without a system call
 *   walltime  walltime.h: the time of each frame
 *   guard     the list of open files and mappings; fork() and SIGBUS
 *   file      the bus file: opened, created, checked; its byte locks
 *   owner     the numbers: taking one, and who is alive
 *   entry     the table: addresses, counters, cleaning up after the dead
 *   receive   shmbus.h's side "receive", but for waiting
 *   bell      doorbells: sleeping, and waking those who are addressed
 *   send      shmbus.h's side "send"
 *   wait      shmbus_wait(): spins, then sleeps by way of bell; shmbus_check(),
 *             what became of the file
 *   futexfd   a futex that makes a descriptor readable, by io_uring
 *   poll      shmbus_fd(): sleeps by way of bell and futexfd; or else a helper
 *             thread that waits by way of wait
 *   life      shmbus_attach() and shmbus_detach(), which use all of these
 *
 * What receive, bell, wait and poll all need of the receive side is inline at
 * the end of this file.
 */
#ifndef SHMBUS_INTERNAL_H
#define SHMBUS_INTERNAL_H

#include <errno.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/clock.h"
#include "shmbus/ring.h"
#include "shmbus/shmbus.h"
#include "shmbus/walltime.h"

/*
 * What guard.c keeps of a mapping.  It is never freed, so that a signal handler
 * may read it at any time.
 */
struct mapping {
	struct mapping *next;
	AO_t base; /* its address; 0: not mapped */
	AO_t len;
	AO_t readonly;
	AO_t
	    broken; /* why a page was replaced by zeros, an errno value; or 0 */
	AO_t forked; /* this process is a child of the one that attached */
	AO_t fd;     /* the open file; a forked child closes it; ~0: none */
};

#define BELL_CACHE 64u

/* bell.c: the sending side's private memory of whom to wake. */
struct bell {
	uint64_t changes; /* the table's count of changes when the cache was
			     emptied */
	uint64_t filled;  /* the time of that */
	struct {
		uint64_t mac;
		uint64_t map[FORMAT_MAP_WORDS];
	} cache[BELL_CACHE];
	uint64_t rung[FORMAT_ATTACHMENTS]; /* the door value rung for last */
	uint64_t rings; /* system calls made to wake others */
};

/* bell.c: what the receive side noted when it lay down. */
struct nap {
	AO_t door;   /* what its door shows while nobody has rung */
	bool hidden; /* a frame may be hidden behind a pending position */
};

/* poll/futexfd.c: see there. */
struct futexfd {
	int ring;  /* -1: there is none */
	int event; /* readable when the futex was woken; the caller's */
	void *map, *sqes;
	size_t map_size, sqes_size;
	unsigned *sq_tail, *sq_array, *cq_head, *cq_tail;
	struct io_uring_cqe *cqes;
	unsigned sq_mask, cq_mask;
	unsigned waits; /* that the kernel has */
};

/* poll/poll.c: what waits while the user polls a descriptor. */
struct helper {
	bool running;  /* shmbus_fd() was called */
	bool threaded; /* a thread waits, or is to */
	bool started;  /* the thread */
	int epoll;     /* the user's descriptor: it has the following three */
	int eventfd;
	int timer;   /* threaded: -1 */
	int inotify; /* of the bus file; -1: there is none */
	struct futexfd futex;
	pthread_t thread;
	AO_t users; /* 1: the receive side is the user's, 0: the helper's */
	AO_t quit;
	pthread_mutex_t lock;
	pthread_cond_t cond;
};

struct shmbus {
	struct ring ring;
	struct bell bell;
	struct walltime clock; /* the sending side's */
	int fd;
	bool rdonly;
	bool reserved;		 /* a reservation is open: */
	struct ring_claim claim; /* its slot */
	uint32_t claim_len;	 /* and the length that was asked for */
	struct ring_frame peek;	 /* what shmbus_peek() showed */
	bool peeked;		 /* it can still be taken */
	void *base;
	struct ring_geometry geo;
	struct mapping *map;
	char *path; /* absolute */
	dev_t dev;
	ino_t ino;
	mode_t mode; /* when it attached */
	int64_t spin_ns;
	/* receive.c: see back_off() */
	unsigned backoff_spins;
	bool caught_up;	     /* the last call received all there was */
	uint64_t backoff_tx; /* own frames sent by then */
	unsigned empty;	     /* how often there was nothing to receive */
	AO_t asleep;	 /* bell.c: the receive side sleeps, or is about to */
	struct nap nap;	 /* and what it noted then */
	AO_t cancel;	 /* shmbus_wake() was called */
	AO_t ident;	 /* address and mode set last, as the entry has them */
	AO_t id;	 /* of the bus, as the header showed it last */
	AO_t claim_word; /* owner.c: our claim in the table, 0: none */
	struct format_attachment *entry; /* in the table; or else: */
	struct format_attachment spare;	 /* for one who may only read */
	struct format_attachment shown;	 /* entry.c: what is constant in it */
	uint64_t wakeups;
	uint64_t next_check; /* wait.c: when to check the file again */
	unsigned next_reap;  /* entry.c: which number to examine next */
	struct helper helper;
	/* life.c: when each owner's lock was last seen to be held */
	AO_t alive_at[FORMAT_ATTACHMENTS];
	AO_t alive_for[FORMAT_ATTACHMENTS]; /* and how long it is believed */
};

/* ---- error.c ------------------------------------------------------------ */

/*
 * Notes the particulars of the calling thread's failure.  They are shown behind
 * the text of the error; or alone, where they begin with that.
 */
void why_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- file.c ------------------------------------------------------------- */

int file_open(const char *path, unsigned flags,
    const struct shmbus_geometry *geo, bool exclusive, struct mapping **mp,
    struct ring_geometry *g);
enum file_lock { LOCK_NONE, LOCK_TO_READ, LOCK_TO_WRITE };
int file_lock(int fd, int64_t byte, enum file_lock what);
bool file_locked(int fd, int64_t byte, bool to_read);
int file_lock_failed(int error);

/* ---- guard.c ------------------------------------------------------------ */

int mapping_open(const char *path, int flags, mode_t mode, struct mapping **mp);
int mapping_map(struct mapping *m, size_t len, bool readonly, int flags,
    void **base);
/* Says that mmap() failed by ERROR; returns the error to be given to users. */
int mapping_failed(int error);
void mapping_remove(struct mapping *m);
/* Whether ERROR, of usable() or shmbus_check(), says that a bus is dead. */
static inline bool
is_dead(int error)
{
	return error == SHMBUS_ETRUNC || error == ENOSPC;
}

/* ---- owner.c ------------------------------------------------------------ */

int owner_take_number(struct shmbus *b, unsigned *me);
bool owner_is_alive(const struct shmbus *b, unsigned i);
void owner_keep(struct shmbus *b);
void owner_leave(struct shmbus *b);

/* ---- entry.c ------------------------------------------------------------ */

void entry_fill(struct shmbus *b, const char *name);
void entry_announce(struct shmbus *b);
bool entry_is_shown(const struct shmbus *b);
void entry_keep(struct shmbus *b);
void entry_leave(struct shmbus *b);
void entry_reap(struct shmbus *b);

/* ---- bell.c ------------------------------------------------------------- */

void bell_frame(struct shmbus *b, const void *frame, uint64_t pos);
void bell_frames(struct shmbus *b, const struct iovec *frames, unsigned n,
    uint64_t pos);
void bell_door(struct format_attachment *a);
uint32_t *bell_futex(struct format_attachment *a);
int bell_lie_down(struct shmbus *b);
uint64_t bell_patience(struct shmbus *b, uint64_t timeout_ns);
bool bell_get_up(struct shmbus *b, bool slept);
int bell_sleep(struct shmbus *b, uint64_t timeout_ns);

/* ---- wait.c ------------------------------------------------------------- */

int wait_keep_house(struct shmbus *b, uint64_t now);
int wait_frame(struct shmbus *b, int64_t timeout_ns);

/* ---- poll/poll.c ------------------------------------------------------------- */

void helper_stop(struct shmbus *b);
bool helper_gives_up(struct shmbus *b);

/* ---- poll/futexfd.c ---------------------------------------------------------- */

int futexfd_open(struct futexfd *f, int event);
int futexfd_wait(struct futexfd *f, uint32_t *futex, uint32_t value);
void futexfd_close(struct futexfd *f, bool forked);

/* ---- what several of them need ------------------------------------------ */

/*
 * Returns 0 while B can be used, else SHMBUS_EFORKED, SHMBUS_ETRUNC or ENOSPC.
 */
static inline int
usable(const struct shmbus *b)
{
	if (__builtin_expect(AO_load(&b->map->forked) != 0, 0))
		return SHMBUS_EFORKED;
	/* The error itself; see guard.c. */
	return (int)AO_load(&b->map->broken);
}

/* Whether anybody sleeps; asked after something was published. */
static inline bool
bell_anybody(const struct ring *r)
{
	AO_t any = 0;
	unsigned i;

	ring_fence(); /* ring:publish */
	for (i = 0; i < FORMAT_MAP_WORDS; i++)
		any |= AO_load(&r->hdr->sleeping[i]);
	return any != 0;
}

/* Tells the processor that this is a loop that only waits. */
static inline void
relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Returns a hardware address as the ident of an attachment has it. */
static inline AO_t
mac_to_word(const uint8_t mac[6])
{
	AO_t w = 0;
	int i;

	for (i = 0; i < 6; i++)
		w = w << 8 | mac[i];
	return w << 16;
}

/* ---- the receive side, for receive, bell, wait and poll ----------------- */

/*
 * Whether the receive side is not the user's while a descriptor is polled; see
 * poll.c.
 */
static inline bool
helper_owns(struct shmbus *b)
{
	return b->helper.running && AO_load_acquire(&b->helper.users) == 0 &&
	    !helper_gives_up(b);
}

/*
 * Lets the ring know the address and mode that were set last, by whichever
 * thread.
 */
static inline void
use_address(struct shmbus *b)
{
	AO_t ident = AO_load(&b->ident);

	b->ring.rx.mac = ident & ~(AO_t)0xffff;
	b->ring.rx.promisc = (ident & FORMAT_ATT_PROMISC) != 0;
}

/* ring_look(), with the address and mode that were set last. */
static inline int
look(struct shmbus *b, struct ring_frame *f)
{
	use_address(b);
	return ring_look(&b->ring, f);
}

/* Copies the receive side's counters to the entry, for others to read. */
static inline void
show_rx(struct shmbus *b)
{
	struct format_attachment *a = b->entry;

	AO_store_release(&a->rx_cursor, b->ring.rx.cursor);
	AO_store(&a->rx_frames, b->ring.rx.frames);
	AO_store(&a->rx_bytes, b->ring.rx.bytes);
	AO_store(&a->rx_skipped, b->ring.rx.skipped);
	AO_store(&a->rx_lost, b->ring.rx.lost);
	AO_store(&a->rx_bad, b->ring.rx.bad);
	AO_store(&a->gave_up, b->ring.rx.gave_up);
	AO_store(&a->wakeups, b->wakeups);
}

#endif /* SHMBUS_INTERNAL_H */
