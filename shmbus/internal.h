/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * internal.h - an attachment, as the files of libshmbus share it
 */
#ifndef SHMBUS_INTERNAL_H
#define SHMBUS_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/clock.h"
#include "shmbus/ring.h"
#include "shmbus/shmbus.h"
#include "shmbus/walltime.h"

/* What guard.c keeps of a mapping; never freed, so that a signal may look. */
struct mapping {
	struct mapping *next;
	AO_t base; /* 0: unused */
	AO_t len;
	AO_t readonly;
	AO_t broken; /* pages were cut off and have been replaced by zeros */
	AO_t forked; /* this process is a child of the one that attached */
	AO_t fd;     /* to be closed in a child; ~0: none */
};

#define BELL_CACHE 64u

/* bell.c: the sender's private memory of whom to wake. */
struct bell {
	uint64_t changes; /* of the table, when the cache was filled */
	struct {
		uint64_t mac;
		uint64_t map[FORMAT_MAP_WORDS];
	} cache[BELL_CACHE];
	uint64_t rung[FORMAT_ATTACHMENTS]; /* last door value rung for */
	uint64_t rings;
};

/* poll.c: the helper thread of those who want a descriptor. */
struct helper {
	bool running;
	int eventfd;
	pthread_t thread;
	AO_t users; /* the receive side is the user's, not the helper's */
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
	bool reserved; /* a reservation is open */
	struct ring_claim claim;
	uint32_t claim_len;
	struct ring_frame peek; /* what shmbus_peek() showed */
	bool peeked;
	void *base;
	struct ring_geometry geo;
	struct mapping *map;
	char *path; /* absolute */
	dev_t dev;
	ino_t ino;
	mode_t mode; /* when it attached */
	int64_t spin_ns;
	unsigned heels;	   /* bus.c: how long to keep off, in pauses */
	bool caught_up;	   /* bus.c: the last call received all there was */
	uint64_t heels_tx; /* bus.c: own frames sent by then */
	AO_t cancel;	   /* shmbus_wake() was called */
	AO_t ident;	   /* MAC and promiscuity as set last; see look() */
	AO_t id;	   /* of the bus, as it was last seen */
	struct format_attachment *entry; /* on the bus, or spare */
	struct format_attachment spare;	 /* of one who may only read */
	uint64_t wakeups;
	uint64_t next_check; /* when to look after the file again */
	unsigned next_reap;
	struct helper helper;
	AO_t alive_at[FORMAT_ATTACHMENTS]; /* when it was last seen alive */
};

/* error.c */
void why_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* file.c */
int file_open(const char *path, unsigned flags,
    const struct shmbus_geometry *geo, bool exclusive, int *fdp,
    struct ring_geometry *g);
int file_again(const char *path, bool rdonly, int fd, int *fdp);
int file_lock(int fd, int64_t byte, bool on);
bool file_locked(int fd, int64_t byte);

/* guard.c */
void guard_lock(void);
void guard_unlock(void);
struct mapping *guard_add(void *base, size_t len, bool readonly, int fd);
void guard_remove(struct mapping *m);

/* bell.c */
void bell_frame(struct shmbus *b, const void *frame, uint64_t pos);
void bell_frames(struct shmbus *b, const struct iovec *frames, unsigned n,
    uint64_t pos);
void bell_door(struct format_attachment *a);
int bell_sleep(struct shmbus *b, uint64_t timeout_ns);

/* wait.c */
int wait_frame(struct shmbus *b, int64_t timeout_ns);

/* bus.c */
int look(struct shmbus *b, struct ring_frame *f);
void show_rx(struct shmbus *b);

/* poll.c */
bool helper_owns(const struct shmbus *b);
void helper_stop(struct shmbus *b);

/* attach.c */
void reap(struct shmbus *b);
void read_stats(const struct format_attachment *a, struct shmbus_stats *st);

/* 0 while B can be used; SHMBUS_EFORKED, SHMBUS_ETRUNC. */
static inline int
usable(const struct shmbus *b)
{
	if (__builtin_expect(AO_load(&b->map->forked) != 0, 0))
		return SHMBUS_EFORKED;
	if (__builtin_expect(AO_load(&b->map->broken) != 0, 0))
		return SHMBUS_ETRUNC;
	return 0;
}

/* Whether anybody sleeps, after something was published. */
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

/* Tells the processor that this is a spin. */
static inline void
relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* A hardware address as an attachment's ident has it. */
static inline AO_t
mac_to_word(const uint8_t mac[6])
{
	AO_t w = 0;
	int i;

	for (i = 0; i < 6; i++)
		w = w << 8 | mac[i];
	return w << 16;
}

#endif /* SHMBUS_INTERNAL_H */
