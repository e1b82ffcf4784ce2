/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * in.h - what the files of shmif_pcapin share
 *
 * ERRORS.  Functions that return int return 0, or -1 after they have said on
 * stderr what went wrong and with what.
 */
#ifndef IN_H
#define IN_H

#include <pcap/pcap.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/tool.h"
#include "shmbus/shmbus.h"

struct options {
	const char *file; /* the capture, "-": standard input */
	const char *bus;  /* path of the bus file */
	double rate;	  /* as a multiple of the recorded rate; 0: no limit */
	uint64_t count;	  /* stop after so many frames sent; 0: no limit */
	bool loop;
	bool wait;
	bool verbose;
	/* Of a bus that is created; 0: chosen to suit the capture. */
	struct shmbus_geometry geometry;
};

extern volatile sig_atomic_t stopped; /* a signal asked us to stop */

/* ---- a packet ----------------------------------------------------------- */

struct packet {
	const uint8_t *data; /* if no bus can carry it: not valid */
	uint32_t caplen;     /* bytes of it that are in the file */
	uint32_t len;	     /* bytes that it had */
	uint64_t time_ns;    /* since 1970 */
};

/* Takes the FCS, the last bytes of what P had, out of it. */
void packet_cut(struct packet *p, unsigned fcs);

/* ---- blocks.c: a pcapng being read -------------------------------------- */

struct blocks;

/* NULL: no memory. */
struct blocks *blocks_open(FILE *f);
/*
 * The next Ethernet packet, valid until the next call: 1; 0: there is none, or a
 * signal to stop came; -1: blocks_why() tells what is wrong.  Packets of other
 * link types are counted in *FOREIGN.
 */
int blocks_next(struct blocks *b, struct packet *p, uint64_t *foreign);
const char *blocks_why(const struct blocks *b);
void blocks_close(struct blocks *b);

/* ---- capture.c: a capture file being read ------------------------------- */

struct capture {
	const char *name; /* for messages */
	FILE *f;
	pcap_t *pcap;	       /* of a pcap */
	unsigned fcs;	       /* bytes of the FCS behind each of its packets */
	struct blocks *blocks; /* of a pcapng */
	bool again;	       /* the file can be rewound */
	uint64_t foreign;      /* packets so far that are no Ethernet frames */
	struct packet packet;  /* the last one */
	bool held;	       /* capture_next() returns it once more */
};

/* 1: a signal to stop came before there was anything to read. */
int capture_open(struct capture *c, const char *file);
/* From the beginning.  0 or -1. */
int capture_rewind(struct capture *c);
/* The next Ethernet packet: 1, 0 at the end, -1. */
int capture_next(struct capture *c, const struct packet **p);
/* What capture_next() returned last it will return once more. */
void capture_hold(struct capture *c);
/*
 * The longest packet that is there whole, and how many packets there are, as
 * far as they can be read.  C is at its beginning before and after.  0 or -1.
 */
int capture_scan(struct capture *c, uint32_t *longest, uint64_t *packets);
void capture_close(struct capture *c);

/* ---- pace.c: when to send ----------------------------------------------- */

#define PACE_READERS 64u /* how many readers are waited for at a time */

struct pace {
	double rate;
	bool begun;
	uint64_t first_ns; /* time stamp of the first packet */
	uint64_t begin_ns; /* when it was sent, CLOCK_MONOTONIC */

	struct shmbus *bus; /* its readers are waited for; NULL: no waiting */
	uint64_t ahead;	    /* how many frames we may be ahead of a reader */
	uint64_t sent;
	uint64_t look_at; /* look at the readers when so many were sent */
	struct pace_reader {
		uint32_t index;
		uint64_t since_ns; /* tells owners of the same index apart */
		uint64_t base;	   /* the frames it had seen when we first
				      found it, minus those we had sent */
		uint64_t seen;
		uint64_t moved_ns; /* when its count last changed */
	} readers[PACE_READERS];
	unsigned n;
};

/* Waits until there is another attachment than B.  0 or -1. */
int pace_await_reader(struct shmbus *b, const char *bus);
/*
 * Waits until the packet with time stamp TIME_NS is due and, if P->bus is set,
 * until no reader is too far behind.  A signal (STOPPED) ends the wait.
 */
void pace_wait(struct pace *p, uint64_t time_ns);

#endif /* IN_H */
