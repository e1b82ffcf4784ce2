/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire.h - what the files of shmif_wire share (not installed)
 *
 * See the DOC block of core.c.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "shmbus/shmbus.h"
#include "wire/learn.h"
#include "wire/queue.h"
#include "wire/weather.h"

#define ENDS_MAX 32u
#define BATCH 64u
#define FRAME_MAX (SHMBUS_MTU_MAX + SHMBUS_HEADROOM)
#define SCRATCH ((size_t)256 << 10)
#define VLANS 4096u

/* ---- ends --------------------------------------------------------------- */

enum vlan_kind {
	VLAN_ANY,    /* frames pass as they are */
	VLAN_ACCESS, /* without tags, all in one VLAN */
	VLAN_TRUNK,  /* tagged, of the VLANs that are allowed */
};

/* What was asked for an end. */
struct settings {
	struct weather_want weather; /* of frames that leave by it */
	enum vlan_kind kind;
	uint16_t vlan; /* of an access port; native of a trunk, 0: none */
	uint8_t allowed[VLANS / 8];
};

/*
 * What is counted.  Of frames that came in:
 *	frames = local + loop + vlan_in + bad + those that were forwarded
 * and of those that were to leave:
 *	offered + duplicated = frames + cut + lost + black_hole + overrun +
 *	    too_long + down + full + failed + those that still wait
 */
struct counters {
	struct {
		uint64_t frames, bytes;
		uint64_t bad;	/* no Ethernet frames */
		uint64_t local; /* for a station on the same side */
		uint64_t loop;	/* came back another way */
		uint64_t vlan;	/* not of a VLAN of this port */
	} in;
	struct {
		uint64_t offered;
		uint64_t frames, bytes;
		uint64_t cut, lost, black_hole, overrun; /* weather */
		uint64_t duplicated, corrupted, reordered;
		uint64_t too_long; /* for the other end's MTU */
		uint64_t down;	   /* nobody was there */
		uint64_t full;	   /* the other side does not read */
		uint64_t failed;   /* the system, or the bus, refused it */
	} out;
	uint64_t connected; /* times */
};

struct wire;
struct end;

/* What an event loop calls when a descriptor is ready. */
struct watched {
	void (*ready)(struct watched *w, uint32_t events);
	struct end *end;
	int fd;
	uint32_t events; /* what it is watched for; 0: not at all */
};

/*
 * A kind of ends.  All are called under the wire's lock, but open and close.
 * Errors: 0 or -1 after a message.
 */
struct kind {
	const char *prefix; /* "tap:"; NULL: a bus */
	int (*open)(struct end *e);
	/* Sends the frames of e->out, counts them, and empties it. */
	void (*send)(struct end *e);
	void (*close)(struct end *e);
	/*
	 * Sees whether e->frame_max has grown, before a frame is called too
	 * long; NULL: it never does.
	 */
	void (*grown)(struct end *e);
};

/* Frames that wait for a descriptor. */
struct backlog {
	struct packet *first, **last;
	size_t frames, bytes;
	size_t done; /* bytes of the first that were written, with its head */
};

struct end {
	struct wire *wire;
	unsigned number; /* from 0 */
	const char *spec;
	const char *rest; /* of SPEC, behind the prefix */
	const struct kind *kind;
	struct settings set;
	struct weather weather;
	bool fine;	    /* no weather */
	struct queue later; /* frames that the weather delays */
	uint32_t frame_max; /* the longest that may leave */
	struct counters count;
	struct iovec out[BATCH];
	unsigned outs;
	/* bus */
	struct shmbus *bus;
	pthread_t thread;
	bool running;
	/* others */
	struct watched io;
	struct watched listener;
	struct watched tick; /* a timer: when to try again */
	struct backlog backlog;
	void *own; /* the kind's */
};

/* ---- the wire ----------------------------------------------------------- */

struct wire {
	pthread_mutex_t lock;
	unsigned n;
	struct end ends[ENDS_MAX];
	struct learn learn;
	uint64_t began_ns;
	uint64_t now_ns;   /* since then, of the present batch */
	uint64_t told_ns;  /* when a loop was last told of */
	uint64_t timer_at; /* when the timer expires; UINT64_MAX: never */
	int epoll, timer, stop;
	int status; /* once it stops */
	volatile bool quit;
	struct packet *spent; /* freed by core_flush() */
	size_t scratched;
	uint8_t scratch[SCRATCH];
	struct shmbus_geometry geometry; /* of buses that are created */
	const char *name;		 /* of attachments */
};

/* Nanoseconds since the wire began. */
uint64_t wire_now(const struct wire *w);
/* Ends the wire with STATUS.  Any thread. */
void wire_stop(struct wire *w, int status);

/* ---- core.c: under the lock ---------------------------------------------- */

/* A batch begins. */
void core_begin(struct wire *w);
/*
 * The frame of LEN bytes at DATA came in by E; SENDER tells stations of a bus
 * apart.  DATA has to stay until core_flush().
 */
void core_frame(struct end *e, const uint8_t *data, size_t len,
    unsigned sender);
/* Sends what is to leave now, and sets the timer. */
void core_flush(struct wire *w);
/* The timer has expired: frames are due. */
void core_due(struct wire *w);
/* Makes SET what holds for E. */
void core_set(struct end *e, const struct settings *set);

/* ---- ends ---------------------------------------------------------------- */

extern const struct kind kind_bus, kind_tap, kind_vde, kind_fd, kind_dgram,
    kind_stream;

/* Opens E, of the text SPEC.  0, or -1 after a message. */
int end_open(struct end *e, const char *spec);
void end_close(struct end *e);
/* Says what is wrong with E.  Returns -1. */
int end_complain(const struct end *e, const char *cause, const char *detail);
/* Lets the threads of buses begin.  0, or -1 after a message. */
int bus_start(struct wire *w);
void bus_stop_all(struct wire *w);

/* ---- backlog.c ----------------------------------------------------------- */

/*
 * Keeps the frame of LEN bytes at DATA, with what goes before it.  False: too many
 * wait already.
 */
bool backlog_add(struct backlog *b, const void *data, size_t len);
void backlog_drop_first(struct backlog *b);
/* Returns how many there were. */
size_t backlog_clear(struct backlog *b);

/* ---- loop.c -------------------------------------------------------------- */

/* Makes the timer TICK of an end, which is not set.  0, or -1 with errno. */
int loop_tick(struct end *e, void (*ready)(struct watched *w, uint32_t events));
/* Lets it expire once, NS from now. */
void loop_tick_in(struct end *e, uint64_t ns);
/* Closes W, and watches it no more. */
void loop_close(struct wire *wire, struct watched *w);
/* Watches W for EVENTS; 0: no more.  0, or -1 with errno. */
int loop_watch(struct wire *wire, struct watched *w, uint32_t events);
/* Runs until the wire is stopped.  Returns its status. */
int loop_run(struct wire *w);
/* What that is made of: before the first step (0, or -1 after a message), ... */
int loop_begin(struct wire *w);
/* ... and what is ready within TIMEOUT_MS.  False: the wire is stopped. */
bool loop_step(struct wire *w, int timeout_ms);

#endif /* WIRE_WIRE_H */
