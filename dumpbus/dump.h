/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dump.h - what the files of shmif_dumpbus share
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
	const char *plot;      /* path of a picture instead; "-"; NULL */
	uint64_t file_bytes;   /* size limit of one file; 0: no limit */
	uint64_t file_seconds; /* the time one file spans; 0: no limit */
	uint64_t files;	       /* keep the newest so many; 0: all of them */
	bool pcapng;	       /* write a pcapng, not a pcap */
	bool header;
	bool follow;
	bool oldest;	 /* when following: begin with the oldest frame */
	uint64_t newest; /* show only the newest so many; 0: all of them */
	struct bpf_program *filter; /* NULL: every frame passes */
	bool attach;	 /* with an entry in the table, visible to others */
	uint64_t count;	 /* stop after so many frames; 0: no limit */
	uint64_t expect; /* it is a failure if there are fewer; 0: it is not */
	uint64_t timeout_ms; /* do not follow for longer; 0: no limit */
};

/* The output: a capture file, or lines of text. */
struct sink;

/* An attachment that sends or has sent frames. */
struct sender {
	uint32_t number; /* its index in the bus's table */
	bool known;	 /* false: nothing is known but the number */
	bool has_mac;
	uint8_t mac[6];
	char name[SHMBUS_NAME_MAX];
	uint64_t attached_ns;
	uint64_t since_ns; /* frames sent from then on are its own */
	/* For pcapng.c: its interface number, valid in the file FILE. */
	uint64_t file;
	uint32_t interface;
};
struct senders;

/* The buffers between a capture's records and its file. */
struct stream;

/* Chooses which frames of a bus go to the sink. */
struct held;
struct wanted {
	const struct options *o;
	struct sink *sink;
	uint64_t given; /* frames handed to the sink */
	bool enough;	/* no more frames are wanted */
	bool hold;	/* frames are held back */
	uint64_t held;	/* how many are */
	struct held *first, **end;
};

/* A pcapng that is being written. */
struct pcapng {
	uint64_t file; /* the number of this file, from 1 */
	uint32_t interfaces;
	uint32_t frame_max;
	uint64_t last_ns; /* when the last frame was sent */
};

/* main.c */
extern volatile sig_atomic_t stopped; /* a signal asked us to stop */
void wake_reader(void); /* interrupts its sleep; any thread may call it */

/* read.c */
int read_bus(struct shmbus *b, const struct options *o, struct sink *s);

/* wanted.c */
struct bpf_program *filter_compile(char **words, int n);
void wanted_begin(struct wanted *w, const struct options *o, struct sink *s);
int wanted_frame(struct wanted *w, const struct shmbus_frame *f);
int wanted_release(struct wanted *w);

/* netbsd.c */
/*
 * Shows a bus of NetBSD's shmif as O says.  *IS_ONE tells whether the file is
 * such a bus; if it is not, no message was printed.
 */
int netbsd_read(const struct options *o, bool *is_one);

/* swapped.c */
int swapped_read(const struct options *o);

/* sink.c */
int sink_open(struct sink **s, const struct options *o, uint32_t frame_max);
int sink_frame(struct sink *s, const struct shmbus_frame *f);
int sink_flush(struct sink *s);
int sink_idle(struct sink *s);
bool sink_over(struct sink *s);
void sink_end_line(struct sink *s);
/* LOST frames have been lost so far; the capture records the number. */
void sink_lost(struct sink *s, uint64_t lost);
/* The senders that S records, or NULL if its format has no place for them. */
struct senders *sink_senders(struct sink *s);
int sink_close(struct sink *s, bool complete);
/* Whether the GIVEN frames are as many as were expected; else says so. */
bool as_expected(const struct options *o, uint64_t given);

/* outfile.c */
struct outfile {
	char *path; /* of the complete file; NULL: written in place */
	char *half; /* its name until then; NULL: it has none */
	bool cut;   /* written in place, and can be cut back */
};
/*
 * Opens the file NAME for a capture, or what will take its place.  Returns a
 * descriptor, or -1 with errno; F is to be given to outfile_free() in any case.
 */
int outfile_open(struct outfile *f, const char *name, bool in_place);
/* All was written to FD, which outfile_open() returned.  0, or -1 with errno. */
int outfile_complete(struct outfile *f, int fd);
/* What is not complete by now is removed. */
void outfile_free(struct outfile *f);
/* The same, for a signal handler that ends the process. */
void outfile_unlink(void);

/* senders.c */
struct senders *senders_new(void);
void senders_free(struct senders *s);
void senders_put(struct senders *s, const struct sender *who);
void senders_look(struct senders *s, struct shmbus *b, bool idle);
struct sender *senders_find(struct senders *s, uint32_t number, uint64_t ns);

/* stream.c: functions that return int return 0 or an errno value */
/* The bytes of the record at P, which is the FIRST of a file. */
typedef size_t record_bytes(const uint8_t *p, bool first);
struct stream *stream_open(int fd, bool follow, record_bytes *record);
uint8_t *stream_room(struct stream *s, size_t n);
void stream_did(struct stream *s, size_t n);
int stream_flush(struct stream *s);
int stream_end(struct stream *s);
uint64_t stream_good(const struct stream *s);
bool stream_free(struct stream *s);

/* pcapng.c: functions return 0, or -1 with errno */
int pcapng_begin(struct pcapng *ng, struct stream *to, const char *bus,
    uint32_t frame_max);
int pcapng_frame(struct pcapng *ng, struct stream *to,
    const struct shmbus_frame *fr, struct sender *who);
int pcapng_end(struct pcapng *ng, struct stream *to, uint64_t lost);
record_bytes pcapng_record;

/* plot.c */
struct plot;
/* NULL: there is no gnuplot, or no memory; which was said. */
struct plot *plot_open(const char *path, const char *bus);
void plot_frame(struct plot *p, const struct shmbus_frame *f);
/* Draws what was counted. */
int plot_draw(struct plot *p);
void plot_free(struct plot *p);

/* print.c */
#define TIME_TEXT 48 /* size of time_text()'s buffer */
const char *time_text(char text[TIME_TEXT], uint64_t ns);
void print_frame(FILE *f, const struct shmbus_frame *frame);

/* header.c */
void safe_name(char *to, const char name[SHMBUS_NAME_MAX]);
int header_print(struct shmbus *b, const char *path);

#endif /* DUMP_H */
