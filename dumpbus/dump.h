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

#include "base/tool.h"
#include "shmbus/shmbus.h"

struct options {
	const char *bus; /* path of the bus file */
	const char
	    *out; /* path of the pcap, "-": standard output; NULL: text */
	uint64_t file_bytes;   /* a new file before there are more; 0: none */
	uint64_t file_seconds; /* a new one when so much time passed; 0: none */
	uint64_t files;	       /* the newest so many are kept; 0: all */
	bool pcapng;	       /* what is written is one of these, not a pcap */
	bool header;
	bool follow;
	bool oldest;	 /* when following: begin with what is there */
	uint64_t newest; /* so many of what is there; 0: all of them */
	struct bpf_program *filter; /* NULL: all frames */
	bool attach;		    /* as others do, to be seen and woken */
	uint64_t count; /* give out so many frames; 0: no such limit */
};

/* Where frames go to: a capture or lines of text. */
struct sink;

/* Somebody who had an attachment's number. */
struct sender {
	uint32_t number;
	bool known; /* else only the number is */
	bool has_mac;
	uint8_t mac[6];
	char name[SHMBUS_NAME_MAX];
	uint64_t attached_ns;
	uint64_t since_ns; /* what was sent from then on is his */
	/* for pcapng.c: the file that has him as an interface, and which */
	uint64_t file;
	uint32_t interface;
};
struct senders;

/* What a capture's records go through, into a file. */
struct stream;

/* Stands between a bus and a sink. */
struct held;
struct wanted {
	const struct options *o;
	struct sink *sink;
	uint64_t given; /* frames */
	bool enough;	/* no more are wanted */
	bool hold;	/* frames are held back */
	uint64_t held;
	struct held *first, **end;
};

/* A pcapng that is being written. */
struct pcapng {
	uint64_t file; /* counts them, from 1 */
	uint32_t interfaces;
	uint32_t frame_max;
	uint64_t last_ns; /* when the last frame was sent */
};

/* main.c */
extern volatile sig_atomic_t stopped; /* a signal asked to come to an end */
void wake_reader(void);		      /* from its sleep, from any thread */

/* read.c */
int read_bus(struct shmbus *b, const struct options *o, struct sink *s);

/* wanted.c */
struct bpf_program *filter_compile(char **words, int n);
void wanted_begin(struct wanted *w, const struct options *o, struct sink *s);
int wanted_frame(struct wanted *w, const struct shmbus_frame *f);
int wanted_release(struct wanted *w);

/* netbsd.c */
/*
 * Does what O asks for with a bus of NetBSD's shmif.  *IS_ONE: whether it is
 * one; if not, nothing was said.
 */
int netbsd_read(const struct options *o, bool *is_one);

/* swapped.c */
int swapped_read(const struct options *o);

/* sink.c */
int sink_open(struct sink **s, const struct options *o, uint32_t frame_max);
int sink_frame(struct sink *s, const struct shmbus_frame *f);
int sink_flush(struct sink *s);
int sink_idle(struct sink *s);
void sink_end_line(struct sink *s);
/* So many frames were lost on the way to S, up to now. */
void sink_lost(struct sink *s, uint64_t lost);
/* Who is who for S, or NULL when that is nothing to it. */
struct senders *sink_senders(struct sink *s);
int sink_close(struct sink *s, bool complete);
void sink_unlink(void);

/* senders.c */
struct senders *senders_new(void);
void senders_free(struct senders *s);
void senders_put(struct senders *s, const struct sender *who);
void senders_look(struct senders *s, struct shmbus *b, bool idle);
struct sender *senders_find(struct senders *s, uint32_t number, uint64_t ns);

/* stream.c: errors are errno values here */
struct stream *stream_open(int fd, bool follow);
uint8_t *stream_room(struct stream *s, size_t n);
void stream_did(struct stream *s, size_t n);
int stream_flush(struct stream *s);
int stream_end(struct stream *s);
uint64_t stream_good(const struct stream *s);
bool stream_free(struct stream *s);

/* pcapng.c: 0, or -1 with errno */
int pcapng_begin(struct pcapng *ng, struct stream *to, const char *bus,
    uint32_t frame_max);
int pcapng_frame(struct pcapng *ng, struct stream *to,
    const struct shmbus_frame *fr, struct sender *who);
int pcapng_end(struct pcapng *ng, struct stream *to, uint64_t lost);

/* print.c */
#define TIME_TEXT 48 /* bytes that time_text() may fill */
const char *time_text(char text[TIME_TEXT], uint64_t ns);
void print_frame(FILE *f, const struct shmbus_frame *frame);

/* header.c */
void safe_name(char *to, const char name[SHMBUS_NAME_MAX]);
int header_print(struct shmbus *b, const char *path);

#endif /* DUMP_H */
