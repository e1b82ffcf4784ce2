/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dump.h - what the files of shmif_dumpbus have of each other
 *
 * ERRORS.  Functions that return int return 0, or -1 after they have said on
 * stderr what went wrong and with what.
 */
#ifndef DUMP_H
#define DUMP_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "say.h"
#include "shmbus.h"

struct options {
	const char *bus; /* path of the bus file */
	const char
	    *out; /* path of the pcap, "-": standard output; NULL: text */
	bool header;
	bool follow;
	bool attach;	/* as others do, to be seen and woken */
	uint64_t count; /* end after so many frames; 0: no such limit */
};

/* Where frames go to: a pcap or lines of text. */
struct sink;

/* main.c */
extern volatile sig_atomic_t stopped; /* a signal asked to come to an end */

/* read.c */
int read_bus(struct shmbus *b, const struct options *o, struct sink *s);

/* netbsd.c */
/*
 * Does what O asks for with a bus of NetBSD's shmif.  *IS_ONE: whether it is
 * one; if not, nothing was said.
 */
int netbsd_read(const struct options *o, bool *is_one);

/* sink.c */
int sink_open(struct sink **s, const struct options *o, uint32_t frame_max);
int sink_frame(struct sink *s, const struct shmbus_frame *f);
int sink_flush(struct sink *s);
int sink_close(struct sink *s, bool complete);
void sink_unlink(void);

/* print.c */
#define TIME_TEXT 48 /* bytes that time_text() may fill */
const char *time_text(char text[TIME_TEXT], uint64_t ns);
void print_frame(FILE *f, const struct shmbus_frame *frame);

/* header.c */
int header_print(struct shmbus *b, const char *path);

#endif /* DUMP_H */
