/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmbus.h - an Ethernet segment in a memory-mapped regular file
 *
 * Whoever may open the file may attach to it; whoever is attached sees every
 * frame that the others send.  There is no daemon and no lock: a participant
 * that is killed or stopped at any instruction never holds up another one.
 * File permissions are the access control.
 *
 * ERRORS.  Every function that returns int returns 0 or a positive errno
 * value; errno itself tells nothing, and is not preserved.  Values with a
 * meaning of their own here are listed with SHMBUS_E* below; shmbus_strerror()
 * has a text for each and shmbus_why() the particulars of the calling thread's
 * last failure.
 *
 * THREADS.  An attachment has two sides, and each side belongs to one thread
 * at a time; the sides are independent of each other:
 *
 *   side      functions                                   exclusion
 *   send      send, sendv, send_batch,                    one thread at a time
 *             reserve, commit, cancel
 *   receive   recv, recv_batch, peek, take, skip,         one thread at a time
 *             wait, fd, fd_done
 *   any       wake, set_mac, set_promisc, stats, list,    none needed
 *             info, check, mac, index
 *   life      attach, detach                              detach: no other call
 *                                                         on it running or to
 *                                                         come
 *
 * After fork() the child has no part in the parent's attachments: every call
 * that can say so returns EOWNERDEAD there; shmbus_detach() frees its memory.
 *
 * SIGNALS.  A process that truncates the file makes the others' next access
 * to the missing pages raise SIGBUS.  See shmbus_guard().
 */
#ifndef SHMBUS_H
#define SHMBUS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
/* Functions and structures of one name, as stat(2) has them, are meant. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif

/* What the bus calls its limits. */
#define SHMBUS_MTU_MIN 68u    /* RFC 791: every IPv4 link carries 68 */
#define SHMBUS_MTU_MAX 65521u /* 65535 less the Ethernet header */
#define SHMBUS_MTU_DEFAULT 1500u
#define SHMBUS_SLOTS_MIN 16u /* a power of two, both bounds included */
#define SHMBUS_SLOTS_MAX (1u << 20)
#define SHMBUS_SLOTS_DEFAULT 2048u /* fewer if they were above 40 MiB */
#define SHMBUS_HEADROOM 18u	   /* Ethernet header and one 802.1Q tag */
#define SHMBUS_FRAME_MIN 14u	   /* an Ethernet header; no padding needed */
#define SHMBUS_ATTACH_MAX 256u	   /* attachments to one bus */
#define SHMBUS_SHARE_MAX 64u	   /* frames that share a position, at most */
#define SHMBUS_NAME_MAX 32u	   /* bytes of a name, its final NUL included */
#define SHMBUS_PATIENCE_NS 2000000u /* how long a silent writer is waited for */

/* errno values with a meaning of their own. */
#define SHMBUS_ENOTBUS EMEDIUMTYPE	/* the file is not a bus */
#define SHMBUS_EVERSION EPROTONOSUPPORT /* a bus of another version */
#define SHMBUS_EORDER EPROTOTYPE	/* a bus of the other byte order */
#define SHMBUS_ETRUNC ENODATA		/* shorter than its header says */
#define SHMBUS_EDAMAGED EUCLEAN		/* the header contradicts itself */
#define SHMBUS_ERANGE ERANGE		/* geometry out of range */
#define SHMBUS_EREPLACED ESTALE		/* the path is another file by now */
#define SHMBUS_EFULL EUSERS		/* SHMBUS_ATTACH_MAX are attached */
#define SHMBUS_EGIVENUP ETIMEDOUT	/* this writer was given up on */
#define SHMBUS_EFORKED EOWNERDEAD	/* the attachment is the parent's */

/* An attachment.  Opaque. */
struct shmbus;

/*
 * Geometry, chosen by whoever creates the file; a later attacher takes the
 * file's.  A field left 0 takes its default.
 */
struct shmbus_geometry {
	uint32_t mtu;	/* SHMBUS_MTU_MIN..MAX; the longest frame is mtu + 18 */
	uint32_t slots; /* frames that the ring remembers, a power of two */
	uint32_t mode;	/* of the file, as chmod(2); 0: 0600 */
};

enum shmbus_flags {
	SHMBUS_CREATE = 1 << 0,	 /* create the file where there is none, or
				    where it is empty */
	SHMBUS_RDONLY = 1 << 1,	 /* capture only: needs no more than read
				    permission, occupies no attachment */
	SHMBUS_PROMISC = 1 << 2, /* receive others' unicast too */
	SHMBUS_OLDEST = 1 << 3	 /* begin with the oldest frame in the ring
				    instead of the next one sent */
};

struct shmbus_options {
	struct shmbus_geometry geometry; /* used when creating */
	unsigned flags;			 /* enum shmbus_flags */
	uint8_t mac[6]; /* all zero: b2:a0 and four random bytes */
	char name
	    [SHMBUS_NAME_MAX]; /* shown by shmbus_list(); "": the program's */
	int32_t spin_us;       /* how long wait() spins before it sleeps; 0: the
			    default, negative: not at all */
};

/* A frame as received. */
struct shmbus_frame {
	const uint8_t *data; /* its bytes; see the function that filled it */
	uint32_t len;	     /* its length as sent */
	uint32_t sender;     /* attachment number of the sender */
	uint64_t time_ns;    /* when it was sent, CLOCK_REALTIME */
	uint64_t position;   /* its place in the order of the bus; frames of one
				batch may share it */
};

/* One receive buffer of a batch. */
struct shmbus_rx {
	void *buf;		   /* in: where to copy to */
	uint32_t size;		   /* in: bytes there */
	struct shmbus_frame frame; /* out: data == buf; len may exceed size,
				      then only size bytes were copied */
};

/* Counters of one attachment.  All only grow. */
struct shmbus_stats {
	uint64_t tx_frames; /* published */
	uint64_t tx_bytes;
	uint64_t tx_failed; /* sends that returned SHMBUS_EGIVENUP or ENOBUFS */
	uint64_t rx_frames; /* delivered */
	uint64_t rx_bytes;
	uint64_t rx_skipped; /* not copied: meant for somebody else, or
				shmbus_skip(); also those that passed while it
				slept and nobody rang for it */
	uint64_t rx_lost;    /* overwritten before they could be read */
	uint64_t rx_bad;     /* slots whose header lied; nothing delivered */
	uint64_t gave_up;    /* writers this reader gave up on */
	uint64_t wakeups;    /* times it was woken from sleep */
	uint64_t rung;	     /* system calls made to wake others */
};

/* One attachment as others see it. */
struct shmbus_peer {
	uint32_t index; /* its number, 0..SHMBUS_ATTACH_MAX-1 */
	int alive;	/* 0: it died without detaching; not yet reused.  Where
			   the kernel cannot tell it is taken to be alive. */
	int promisc;
	int32_t pid; /* in its own PID namespace */
	uint8_t mac[6];
	char name[SHMBUS_NAME_MAX]; /* printable ASCII, NUL-terminated */
	uint64_t since_ns;	    /* when it attached, CLOCK_REALTIME */
	struct shmbus_stats stats;
};

struct shmbus_info {
	struct shmbus_geometry geometry;
	uint32_t frame_max; /* longest frame in bytes: mtu + 18 */
	uint32_t version;   /* of the file's format */
	uint64_t file_size;
	uint64_t created_ns; /* CLOCK_REALTIME */
	uint64_t id;	     /* random, chosen at creation */
	uint64_t tail;	     /* positions handed out so far */
};

/* ---- life -------------------------------------------------------------- */

/*
 * Creates the bus file PATH with geometry GEO (NULL: all defaults).  All of
 * its space is allocated now.  On failure no file is left behind.
 * Errors: EEXIST (also when PATH is a bus already), SHMBUS_ERANGE, ENOSPC,
 * ENAMETOOLONG, ENOENT (no such folder), EACCES, EISDIR, ENODEV (not a regular
 * file, or the file system has no shared mappings), EOPNOTSUPP (it has no open
 * file description locks), EFBIG, EDQUOT, EBUSY (another process is creating it and does not
 * get on), EINVAL (PATH is NULL or empty), and what open(2) and
 * posix_fallocate(3) give.
 */
int shmbus_create(const char *path, const struct shmbus_geometry *geo);

/*
 * Attaches to the bus file PATH.  OPT may be NULL (attach read-write, do not
 * create).  On success *B is the attachment, to be freed by shmbus_detach().
 * Errors: those of shmbus_create() but EEXIST when SHMBUS_CREATE is set, and
 * ENOENT, EACCES, SHMBUS_ENOTBUS, SHMBUS_EVERSION, SHMBUS_EORDER,
 * SHMBUS_ETRUNC, SHMBUS_EDAMAGED, SHMBUS_EFULL, EINVAL, ENOMEM, ENOLCK.
 */
int shmbus_attach(const char *path, const struct shmbus_options *opt,
    struct shmbus **b);

/* Detaches and frees B.  NULL is allowed.  The file stays. */
void shmbus_detach(struct shmbus *b);

/* ---- send -------------------------------------------------------------- */

/*
 * Publishes one frame (Ethernet header first, no FCS).  Never waits for
 * anybody.  0 means published: every reader that is not lapped gets it.
 * Errors: EMSGSIZE (shorter than 14 bytes or longer than frame_max),
 * SHMBUS_EGIVENUP (the calling thread was stopped inside the call for so long
 * that the others went on without it; not published; may be sent again),
 * ENOBUFS (every slot is held by a stopped writer), EACCES (a read-only
 * attachment), EBUSY (a reservation is open), SHMBUS_ETRUNC, SHMBUS_EFORKED.
 */
int shmbus_send(struct shmbus *b, const void *frame, size_t len);
/* The same of N pieces that make one frame. */
int shmbus_sendv(struct shmbus *b, const struct iovec *iov, int n);
/*
 * Publishes N frames, each one an iovec, in their order, with one time stamp;
 * doorbells are rung once for up to 64 of them.  Short ones share slots, which
 * is several times as fast as sending them singly.  *SENT (may be NULL) is the
 * number published; frames that were given up on are left out, and the first
 * error is returned after all have been tried.  A length that EMSGSIZE refuses
 * sends nothing.
 */
int shmbus_send_batch(struct shmbus *b, const struct iovec *frames, unsigned n,
    unsigned *sent);
/*
 * Reserves a slot for a frame of up to LEN bytes, to be built in place at
 * *DATA, then published by shmbus_commit() with its final length or given
 * back by shmbus_cancel().  One at a time.  A reservation that is held for
 * longer than SHMBUS_PATIENCE_NS is given up on by readers, and the commit
 * then says SHMBUS_EGIVENUP.  Errors as for shmbus_send(); of shmbus_commit()
 * also EINVAL (no reservation is open).  After EMSGSIZE from shmbus_commit()
 * the reservation is still open, after any other it is not.
 */
int shmbus_reserve(struct shmbus *b, size_t len, void **data);
int shmbus_commit(struct shmbus *b, size_t len);
void shmbus_cancel(struct shmbus *b);

/* ---- receive ----------------------------------------------------------- */

/*
 * Copies the next frame for this attachment to BUF.  FRAME (may be NULL) is
 * filled in, its data pointing to BUF; where frame->len exceeds SIZE only
 * SIZE bytes were copied.  One's own frames, and unicast for others unless
 * promiscuous, are passed over.
 * Errors: EAGAIN (nothing there), SHMBUS_ETRUNC, SHMBUS_EFORKED.
 */
int shmbus_recv(struct shmbus *b, void *buf, size_t size,
    struct shmbus_frame *frame);
/*
 * The same for up to N frames; *GOT is how many there were.  0 when at least
 * one, else EAGAIN.
 */
int shmbus_recv_batch(struct shmbus *b, struct shmbus_rx *rx, unsigned n,
    unsigned *got);
/*
 * Shows the next frame in place, without copying: FRAME->data points into
 * the bus, where the frame may be overwritten at any time.  Treat what is
 * read there as untrusted, and act on it only after shmbus_take() or
 * shmbus_skip() has returned 0.  Errors as for shmbus_recv().
 */
int shmbus_peek(struct shmbus *b, struct shmbus_frame *frame);
/*
 * Copies the peeked frame's first SIZE bytes (at most) to BUF and goes on.
 * ESTALE: it was overwritten meanwhile, counted as lost; what BUF holds is to
 * be thrown away.  EINVAL: nothing was peeked.
 */
int shmbus_take(struct shmbus *b, void *buf, size_t size);
/* Goes on without copying.  ESTALE, EINVAL: as shmbus_take(). */
int shmbus_skip(struct shmbus *b);

/*
 * Waits until there may be something to receive, for at most TIMEOUT_NS
 * (negative: for ever; 0: does not wait).  It may return 0 although nothing is
 * there.
 * Errors: ETIMEDOUT, ECANCELED (shmbus_wake() was called), SHMBUS_ETRUNC,
 * SHMBUS_EFORKED; never EINTR.
 */
int shmbus_wait(struct shmbus *b, int64_t timeout_ns);
/*
 * Makes the present or else the next shmbus_wait() on B that finds no frame
 * return ECANCELED; with shmbus_fd(), the descriptor readable.
 */
void shmbus_wake(struct shmbus *b);
/*
 * For event loops: *FD is a descriptor that becomes readable when there may
 * be something to receive.  Receive until EAGAIN, then call shmbus_fd_done()
 * before polling again; do not read from or close the descriptor.  From the
 * first call on shmbus_wait() on B is refused with EBUSY.  A helper
 * thread does the waiting, which the first shmbus_fd_done() starts; with
 * SHMBUS_FD=io_uring in the environment the kernel does, where it can wait for a
 * futex by io_uring.
 * Errors: EMFILE, ENFILE, EAGAIN, ENOMEM, SHMBUS_EFORKED.
 */
int shmbus_fd(struct shmbus *b, int *fd);
void shmbus_fd_done(struct shmbus *b);

/* ---- any --------------------------------------------------------------- */

int shmbus_index(const struct shmbus *b); /* -1: read-only */
void shmbus_mac(const struct shmbus *b, uint8_t mac[6]);
/*
 * Errors: EINVAL (a group address, or all zero), EACCES (read-only
 * attachment), SHMBUS_ETRUNC, SHMBUS_EFORKED.
 */
int shmbus_set_mac(struct shmbus *b, const uint8_t mac[6]);
int shmbus_set_promisc(struct shmbus *b, int on);
/*
 * B's own counters, as of the last call on either side.  rx_lost is exact once
 * B has received all there was (a receive call said EAGAIN).
 */
void shmbus_stats(struct shmbus *b, struct shmbus_stats *st);
void shmbus_info(const struct shmbus *b, struct shmbus_info *info);
/*
 * Lists who is attached: fills up to N entries of PEERS, *COUNT is how many
 * there are.  What the entries say comes from the file and is not to be
 * trusted beyond that.
 */
int shmbus_list(struct shmbus *b, struct shmbus_peer *peers, unsigned n,
    unsigned *count);
/*
 * Checks what became of the file: 0, SHMBUS_ETRUNC (it became shorter, or was then made a
 * bus of another geometry: the bus is dead), ENOSPC (a page of it could not be
 * had: likewise), SHMBUS_EFORKED,
 * SHMBUS_EREPLACED (the path names another file: this one goes on, but new
 * attachers meet elsewhere), ENOENT (the path is gone: likewise).
 * shmbus_wait() does it about once a second.
 */
int shmbus_check(struct shmbus *b);

/*
 * Installs a SIGBUS handler that turns an access to a page which somebody
 * cut off from a bus file into SHMBUS_ETRUNC.  Other SIGBUS go to the handler
 * that was there before.  Call it once, before threads that use a bus; a
 * library does not do it on its own.  Returns 0 or what sigaction(2) gives.
 */
int shmbus_guard(void);

/* A text for an error of this library, or strerror()'s.  Static. */
const char *shmbus_strerror(int error);
/*
 * What exactly the calling thread's last failed shmbus_create() or
 * shmbus_attach() met, for instance "version 3, this library reads 1".  Never
 * NULL; belongs to the thread, until its next such call.
 */
const char *shmbus_why(void);

#ifdef __cplusplus
#pragma GCC diagnostic pop
}
#endif
#endif /* SHMBUS_H */
