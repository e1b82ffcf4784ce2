/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sink.c - the output: a capture, or lines of text
 *
 * DOC: The reader's end is ours
 *
 * If the reader of a pipe goes away, it has read all that it wanted: Wireshark
 * ends every capture so.  Then nothing more is written, and that is no failure.
 * While nothing is sent on the bus no write would find that out; so the reader
 * of the bus asks sink_over() now and then.
 *
 * DOC: Many files
 *
 * With a limit on size or time there are many files.  Each takes its name when it
 * is complete, also when following (see outfile.c).  A new one is begun by the
 * first frame that does not belong to the old one any more.  If the clock is set
 * back meanwhile, a file spans what it had spanned until then and what it spans
 * by the new time.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "dumpbus/dump.h"

#define CAPTURE_HEAD 512u /* a file's bytes besides its frames, at most */
#define FRAME_HEAD 256u	  /* of a frame's head and its sender's interface */

/* On a terminal the progress of a capture is shown if it gets larger than this. */
#define PROGRESS_BYTES (8u << 20)
#define PROGRESS_NS 250000000u
/* Frames of several senders may be out of order by less. */
#define SET_BACK_NS 1000000000u

struct sink {
	int fd;		  /* -1: no file is open */
	const char *name; /* for messages */
	uint32_t frame_max;
	const struct options *o;
	bool text;		 /* lines of text, on standard output */
	struct plot *plot;	 /* a picture instead; or NULL */
	struct stream *to;	 /* of a capture */
	struct senders *senders; /* of a pcapng; else NULL */
	struct pcapng ng;
	uint64_t lost;
	uint64_t all_frames; /* in all files */
	uint64_t all_bytes;
	bool terminal;		/* the progress is shown */
	uint64_t next_progress; /* show it again at so many bytes */
	uint64_t progress_ns;	/* when it was shown last */
	bool line;		/* it was shown, and its line is not ended */
	char *numbered;	   /* with limits: the file's name with its number */
	uint64_t files;	   /* begun so far */
	uint64_t frames;   /* in this file */
	uint64_t bytes;	   /* in this file, at most */
	uint64_t first_ns; /* when its first frame was sent */
	uint64_t last_ns;  /* and the last one */
	struct outfile file;
	bool over; /* its reader went away, or a signal came first */
};

/* Frees S, but does not touch its file. */
static void
sink_free(struct sink *s)
{
	senders_free(s->senders);
	plot_free(s->plot);
	outfile_free(&s->file);
	free(s->numbered);
	if (s->to != NULL)
		stream_free(s->to);
	free(s);
}

static void
print_progress(const struct sink *s, const char *end)
{
	fprintf(stderr, "\r%s: %" PRIu64 " frames, %" PRIu64 " MB%s", s->o->out,
	    s->all_frames, s->all_bytes / 1000000, end);
	fflush(stderr);
}

/* Ends the line of the progress, so that a message gets a line of its own. */
void
sink_end_line(struct sink *s)
{
	if (s->line)
		print_progress(s, "\n");
	s->line = false;
}

/*
 * Writing to S, or opening it, failed with errno.  Says so, unless nobody wants
 * any more.  Returns -1.
 */
static int
write_failed(struct sink *s)
{
	int err = errno;

	sink_end_line(s);
	if (err == EPIPE || (err == EINTR && s->to == NULL))
		s->over = true;
	if (s->over)
		return -1;
	tool_complain(s->name, strerror(err), NULL);
	return -1;
}

/* What a pcap begins with. */
struct pcap_head {
	uint32_t magic; /* that of nanoseconds */
	uint16_t major, minor;
	uint32_t zone, accuracy, snaplen, link;
};

/* The bytes of a record of a pcap, or of its head. */
static size_t
pcap_record(const uint8_t *p, bool first)
{
	uint32_t n;

	if (first)
		return sizeof(struct pcap_head);
	memcpy(&n, p + 8, sizeof(n));
	return 16 + (size_t)n;
}

/* Begins a pcap.  0, or -1 with errno. */
static int
pcap_begin(struct sink *s)
{
	const struct pcap_head head = { 0xa1b23c4d, 2, 4, 0, 0, s->frame_max,
		1 /* Ethernet */ };
	uint8_t *room = stream_room(s->to, sizeof(head));

	if (room == NULL)
		return -1;
	memcpy(room, &head, sizeof(head));
	stream_did(s->to, sizeof(head));
	return 0;
}

/* Writes F to a pcap.  0, or -1 with errno. */
static int
pcap_frame(struct sink *s, const struct shmbus_frame *f)
{
	const uint32_t head[4] = {
		(uint32_t)(f->time_ns / 1000000000u),
		(uint32_t)(f->time_ns % 1000000000u),
		f->len, /* as captured */
		f->len,
	};
	uint8_t *room = stream_room(s->to, sizeof(head) + f->len);

	if (room == NULL)
		return -1;
	memcpy(room, head, sizeof(head));
	memcpy(room + sizeof(head), f->data, f->len);
	stream_did(s->to, sizeof(head) + f->len);
	return 0;
}

/* Begins a capture in the file of S, which is open.  0 or -1. */
static int
start_capture(struct sink *s)
{
	s->to = stream_open(s->fd, s->o->follow,
	    s->o->pcapng ? pcapng_record : pcap_record);
	if (s->to == NULL)
		return write_failed(s);
	if (!s->o->pcapng)
		return pcap_begin(s) == 0 ? 0 : write_failed(s);
	if (s->senders == NULL)
		s->senders = senders_new();
	if (s->senders == NULL ||
	    pcapng_begin(&s->ng, s->to, s->o->bus, s->frame_max) != 0)
		return write_failed(s);
	return 0;
}

/* Whether there may be more than one file. */
static bool
limited(const struct options *o)
{
	return o->file_bytes != 0 || o->file_seconds != 0;
}

/* Makes the name of the next file: its number has leading zeros. */
static void
next_name(struct sink *s)
{
	uint64_t n = s->files++;
	int width = 1;

	if (s->o->files != 0) {
		n %= s->o->files;
		for (uint64_t last = s->o->files - 1; last >= 10; last /= 10)
			width++;
	}
	sprintf(s->numbered, "%s%0*" PRIu64, s->o->out, width, n);
	s->name = s->numbered;
}

/* Whether the next file would be the bus file itself. */
static bool
is_bus(const struct sink *s)
{
	struct stat bus, out;

	return stat(s->o->bus, &bus) == 0 && stat(s->name, &out) == 0 &&
	    bus.st_dev == out.st_dev && bus.st_ino == out.st_ino;
}

/* Opens the file, or the next one, and begins a capture there.  0 or -1. */
static int
open_file(struct sink *s)
{
	if (s->numbered != NULL)
		next_name(s);
	else if (strcmp(s->o->out, "-") != 0)
		s->name = s->o->out;
	if (s->numbered != NULL && is_bus(s)) {
		tool_complain(s->name, "is the bus file itself", NULL);
		return -1;
	}
	if (s->name == s->o->out || s->name == s->numbered) {
		s->fd = outfile_open(&s->file, s->name,
		    s->o->follow && s->numbered == NULL);
		if (s->fd < 0)
			return write_failed(s);
	}
	if (isatty(s->fd)) {
		tool_complain(s->name, "is a terminal: a capture is not text",
		    NULL);
		return -1;
	}
	s->frames = 0;
	s->bytes = CAPTURE_HEAD;
	return start_capture(s);
}

/*
 * Opens the sink that O asks for; FRAME_MAX is the longest frame to come.  On
 * success *RESULT is to be given to sink_close().  Returns 0 or -1; 1 if a
 * signal to stop came before the output, a FIFO, had a reader.
 */
int
sink_open(struct sink **result, const struct options *o, uint32_t frame_max)
{
	struct sink *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL) {
		tool_complain("memory", strerror(ENOMEM), NULL);
		return -1;
	}
	s->fd = STDOUT_FILENO;
	s->name = "standard output";
	s->o = o;
	s->frame_max = frame_max;
	s->text = o->out == NULL && o->plot == NULL;
	if (o->plot != NULL) {
		s->fd = -1;
		if ((s->plot = plot_open(o->plot, o->bus)) == NULL)
			goto failed;
	}
	if (o->out == NULL) {
		*result = s;
		return 0;
	}
	if (limited(o)) {
		s->numbered = malloc(strlen(o->out) + 24);
		if (s->numbered == NULL) {
			write_failed(s);
			goto failed;
		}
	}
	if (open_file(s) != 0)
		goto failed;
	/* The reader of a pipe or a device may show its own progress. */
	s->terminal = (s->file.path != NULL || s->file.cut) &&
	    isatty(STDERR_FILENO);
	s->next_progress = PROGRESS_BYTES;
	*result = s;
	return 0;
failed:
	err = s->over ? 1 : -1;
	sink_free(s);
	return err;
}

/*
 * Writes what is buffered; when following, a thread does that soon.  Returns 0
 * or -1.
 */
int
sink_flush(struct sink *s)
{
	if (s->text)
		return fflush(stdout) != 0 || ferror(stdout) ? write_failed(s) :
							       0;
	if (s->fd < 0 || (errno = stream_flush(s->to)) == 0)
		return 0;
	return write_failed(s);
}

/*
 * Ends S's capture.  COMPLETE tells that everything was written; otherwise
 * nothing half-written is left.  Returns 0 or -1.
 */
static int
close_file(struct sink *s, bool complete)
{
	int err = 0;

	if (complete && s->senders != NULL &&
	    pcapng_end(&s->ng, s->to, s->lost) != 0) {
		err = write_failed(s);
		complete = false;
	}
	if (s->to != NULL && (errno = stream_end(s->to)) != 0 && complete) {
		err = write_failed(s);
		complete = false;
	}
	if (complete && outfile_complete(&s->file, s->fd) != 0)
		err = write_failed(s);
	if (!complete && s->file.cut && s->to != NULL &&
	    ftruncate(s->fd, (off_t)stream_good(s->to)) != 0)
		err = write_failed(s);
	if ((s->to == NULL || stream_free(s->to)) && close(s->fd) != 0 &&
	    complete)
		err = write_failed(s);
	s->to = NULL;
	s->fd = -1;
	outfile_free(&s->file);
	return err;
}

/* Bytes that F takes in a file, at most. */
static uint64_t
frame_bytes(const struct sink *s, const struct shmbus_frame *f)
{
	return f->len + (s->senders == NULL ? 16 : FRAME_HEAD);
}

/*
 * It is NS now.  If that is well before the last frame, the clock was set back:
 * then the first frame is taken to be as much earlier.
 */
static void
follow_clock(struct sink *s, uint64_t ns)
{
	uint64_t back = s->last_ns - ns;

	if (s->frames != 0 && ns < s->last_ns && back > SET_BACK_NS) {
		s->first_ns = s->first_ns > back ? s->first_ns - back : 0;
		s->last_ns = ns;
	}
}

/*
 * With limits: closes the file if F exceeds its limits, and opens the next one
 * if none is open.  Returns 0 or -1.
 */
static int
turn_page(struct sink *s, const struct shmbus_frame *f)
{
	const struct options *o = s->o;
	uint64_t bytes = frame_bytes(s, f);

	follow_clock(s, f->time_ns);
	if (s->fd >= 0 && s->frames != 0 &&
	    ((o->file_bytes != 0 && s->bytes + bytes > o->file_bytes) ||
		(o->file_seconds != 0 && f->time_ns > s->first_ns &&
		    (f->time_ns - s->first_ns) / 1000000000u >=
			o->file_seconds)) &&
	    close_file(s, true) != 0)
		return -1;
	if (s->fd < 0 && open_file(s) != 0)
		return -1;
	if (s->frames++ == 0)
		s->first_ns = s->last_ns = f->time_ns;
	if (f->time_ns > s->last_ns)
		s->last_ns = f->time_ns;
	s->bytes += bytes;
	return 0;
}

/* Counts F, and shows the progress of a large capture on a terminal. */
static void
progress(struct sink *s, const struct shmbus_frame *f)
{
	s->all_frames++;
	s->all_bytes += f->len;
	if (!s->terminal || s->all_bytes < s->next_progress)
		return;
	s->next_progress = s->all_bytes + (1u << 20);
	uint64_t now = now_ns();
	if (s->line && now - s->progress_ns < PROGRESS_NS)
		return;
	s->progress_ns = now;
	s->line = true;
	print_progress(s, "");
}

/* Writes one frame.  Returns 0 or -1. */
int
sink_frame(struct sink *s, const struct shmbus_frame *f)
{
	int err;

	if (s->numbered != NULL && turn_page(s, f) != 0)
		return -1;
	if (s->text) {
		print_frame(stdout, f);
		err = ferror(stdout);
	} else if (s->plot != NULL) {
		plot_frame(s->plot, f);
		err = 0;
	} else if (s->senders != NULL) {
		err = pcapng_frame(&s->ng, s->to, f,
		    senders_find(s->senders, f->sender, f->time_ns));
	} else {
		err = pcap_frame(s, f);
	}
	if (err != 0)
		return write_failed(s);
	progress(s, f);
	return 0;
}

void
sink_lost(struct sink *s, uint64_t lost)
{
	s->lost = lost;
}

struct senders *
sink_senders(struct sink *s)
{
	return s->senders;
}

/*
 * Closes the file if its time is over, although no frame has come to do that.
 * Returns 0 or -1.
 */
int
sink_idle(struct sink *s)
{
	struct timespec t;

	if (!s->o->follow || s->numbered == NULL || s->fd < 0 ||
	    s->frames == 0 || s->o->file_seconds == 0)
		return 0;
	clock_gettime(CLOCK_REALTIME, &t);
	follow_clock(s, (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
	uint64_t first = s->first_ns / 1000000000u;
	if ((uint64_t)t.tv_sec <= first ||
	    (uint64_t)t.tv_sec - first <= s->o->file_seconds)
		return 0;
	return close_file(s, true);
}

/* Whether the reader of S, a pipe, has gone away. */
bool
sink_over(struct sink *s)
{
	struct pollfd p = { .fd = s->fd };
	struct stat st;

	if (!s->over && s->fd >= 0 && fstat(s->fd, &st) == 0 &&
	    (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		s->over = poll(&p, 1, 0) == 1 &&
		    (p.revents & (POLLERR | POLLHUP)) != 0;
	return s->over;
}

bool
as_expected(const struct options *o, uint64_t given)
{
	char text[80];

	if (given >= o->expect)
		return true;
	snprintf(text, sizeof(text),
	    "%" PRIu64 " frame%s expected, %" PRIu64 " came", o->expect,
	    o->expect == 1 ? "" : "s", given);
	tool_complain(o->bus, text, NULL);
	return false;
}

/*
 * Ends S, and frees it.  COMPLETE tells that everything was written; otherwise
 * nothing half-written is left.  Returns 0 if everything was, or if the reader
 * went away, and -1 if not.
 */
int
sink_close(struct sink *s, bool complete)
{
	int err = 0;

	if (s->text && fclose(stdout) != 0 && complete)
		err = write_failed(s);
	if (s->plot != NULL && complete)
		err = plot_draw(s->plot);
	else if (!s->text && s->fd >= 0)
		err = close_file(s, complete);
	if (!complete)
		err = -1;
	if (s->over)
		err = 0;
	sink_end_line(s);
	/* The output is whole, though it is less than was expected. */
	if (err == 0 && !as_expected(s->o, s->all_frames))
		err = -1;
	sink_free(s);
	return err;
}
