/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plot.c - a picture of a bus's traffic over time, and of who talks to whom
 *
 * DOC: Two tables are kept while frames come, both of a size that no frame can
 * change:
 *
 *  - bins of time.  They are narrow at first; when a frame comes that is behind
 *    the last one, two bins each become one, and all are twice as wide.  So any
 *    span of time fits, and half of the bins or more are in use.
 *  - pairs of hardware addresses, with the first IPv4 address that was seen of
 *    each.  What is beyond PAIRS is counted as of others.
 *
 * At the end gnuplot draws them: it reads a script from a pipe, and what it writes
 * is looked at here, for it does not tell that it could not; the file takes its
 * name when it is complete (outfile.c).  All text in the
 * script is numbers and addresses, but for the name of the bus, which is cleaned
 * and quoted.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/utf8.h"
#include "dumpbus/dump.h"

#define GNUPLOT "gnuplot"
#define BINS 512u
#define FIRST_WIDTH_NS 1000000u
#define PAIRS 512u
#define SHOWN 12u /* pairs that are drawn; the rest is one more */
#define NAME_MAX_SHOWN 120
#define CHUNK 65536u
#define PICTURE_MAX (16u << 20)

struct pair {
	uint8_t mac[2][6]; /* whose frames, and for whom */
	uint8_t ip[2][4];  /* 0: none was seen */
	uint64_t bytes, frames;
};

struct plot {
	const char *path, *bus;
	uint64_t begin_ns, width_ns; /* of the first bin, and of each */
	uint64_t frames;
	uint64_t bin[BINS]; /* bytes */
	struct pair pair[PAIRS];
	unsigned pairs;
	struct pair others;
};

extern char **environ;

/* Runs gnuplot with descriptors IN and OUT, -1: none.  0 or an errno value. */
static int
run(char *const argv[], int in, int out, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t ends;
	int error;

	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	/* As it was before main.c had its way with them. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGPIPE);
	sigaddset(&ends, SIGXFSZ);
	posix_spawnattr_setsigdefault(&attr, &ends);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	if (in != -1)
		posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
	else
		posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null",
		    O_RDONLY, 0);
	if (out != -1)
		posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	else
		posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO,
		    "/dev/null", O_WRONLY, 0);
	error = posix_spawnp(pid, GNUPLOT, &fa, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	return error;
}

/* Whether the process PID ends well. */
static bool
ends_well(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct plot *
plot_open(const char *path, const char *bus)
{
	char *argv[] = { (char[]){ GNUPLOT }, (char[]){ "--version" }, NULL };
	struct plot *p;
	pid_t pid;

	/* Better said now than after a day of following. */
	if (run(argv, -1, -1, &pid) != 0 || !ends_well(pid)) {
		tool_complain("--plot", "it needs gnuplot, which is not there",
		    "Debian has it in gnuplot-nox");
		return NULL;
	}
	if ((p = calloc(1, sizeof(*p))) == NULL) {
		tool_complain("memory", strerror(ENOMEM), NULL);
		return NULL;
	}
	p->path = path;
	p->bus = bus;
	p->width_ns = FIRST_WIDTH_NS;
	return p;
}

void
plot_free(struct plot *p)
{
	free(p);
}

/* Puts two bins each into one. */
static void
widen(struct plot *p)
{
	unsigned i;

	for (i = 0; i < BINS / 2; i++)
		p->bin[i] = p->bin[2 * (size_t)i] + p->bin[2 * (size_t)i + 1];
	memset(p->bin + BINS / 2, 0, sizeof(p->bin) / 2);
	p->width_ns *= 2;
}

static void
count_time(struct plot *p, const struct shmbus_frame *f)
{
	uint64_t at;

	if (p->frames == 1)
		p->begin_ns = f->time_ns;
	/* Those of other senders may have been sent a little before. */
	at = f->time_ns < p->begin_ns ? 0 : f->time_ns - p->begin_ns;
	while (at / p->width_ns >= BINS && p->width_ns <= UINT64_MAX / 4)
		widen(p);
	if (at / p->width_ns < BINS)
		p->bin[at / p->width_ns] += f->len;
}

/* The pair that F is of. */
static struct pair *
find_pair(struct plot *p, const uint8_t *dst, const uint8_t *src)
{
	struct pair *a;
	unsigned i;

	for (i = 0; i < p->pairs; i++) {
		a = &p->pair[i];
		if (memcmp(a->mac[0], src, 6) == 0 &&
		    memcmp(a->mac[1], dst, 6) == 0)
			return a;
	}
	if (p->pairs == PAIRS)
		return &p->others;
	a = &p->pair[p->pairs++];
	memcpy(a->mac[0], src, 6);
	memcpy(a->mac[1], dst, 6);
	return a;
}

/* The IPv4 address of END (0: the sender) in the frame F, or NULL. */
static const uint8_t *
ip_of(const uint8_t *f, size_t len, unsigned end)
{
	if (len >= 34 && f[12] == 0x08 && f[13] == 0x00 && f[14] >> 4 == 4)
		return f + (end == 0 ? 26 : 30);
	if (len >= 42 && f[12] == 0x08 && f[13] == 0x06 && end == 0)
		return f + 28;
	return NULL;
}

void
plot_frame(struct plot *p, const struct shmbus_frame *f)
{
	static const uint8_t none[4];
	const uint8_t *data = f->data, *ip;
	struct pair *a;
	unsigned end;

	p->frames++;
	count_time(p, f);
	if (f->len < 14)
		return;
	a = find_pair(p, data, data + 6);
	a->bytes += f->len;
	a->frames++;
	for (end = 0; end < 2 && a != &p->others; end++)
		if (memcmp(a->ip[end], none, sizeof(none)) == 0 &&
		    (ip = ip_of(data, f->len, end)) != NULL)
			memcpy(a->ip[end], ip, sizeof(none));
}

/* ---- drawing ------------------------------------------------------------- */

static int
by_bytes(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return x->bytes < y->bytes ? 1 : -(x->bytes > y->bytes);
}

/* TEXT in the quotes of gnuplot. */
static void
put_quoted(FILE *to, const char *text)
{
	char clean[NAME_MAX_SHOWN + 1];
	const char *c;

	utf8_clean(clean, text,
	    strlen(text) < NAME_MAX_SHOWN ? strlen(text) : NAME_MAX_SHOWN);
	putc('\'', to);
	for (c = clean; *c != '\0'; c++) {
		if (*c == '\'')
			putc('\'', to);
		putc(*c, to);
	}
	putc('\'', to);
}

/* One of the ends of A. */
static const char *
end_text(const struct pair *a, unsigned end, char text[MAC_TEXT])
{
	static const uint8_t none[4];
	const uint8_t *ip = a->ip[end];

	if (a->mac[end][0] == 0xff)
		snprintf(text, MAC_TEXT, "all");
	else if (memcmp(ip, none, sizeof(none)) != 0 && !(a->mac[end][0] & 1))
		snprintf(text, MAC_TEXT, "%u.%u.%u.%u", ip[0], ip[1], ip[2],
		    ip[3]);
	else
		mac_text(a->mac[end], text);
	return text;
}

static void
put_pair(FILE *to, const struct pair *a, const char *instead)
{
	char from[MAC_TEXT], whom[MAC_TEXT];

	if (instead != NULL)
		fprintf(to, "\"%s\" %" PRIu64 "\n", instead, a->bytes);
	else
		fprintf(to, "\"%s to %s\" %" PRIu64 "\n", end_text(a, 0, from),
		    end_text(a, 1, whom), a->bytes);
}

/* The script, with the data in it. */
static void
put_script(FILE *to, struct plot *p)
{
	const double width = (double)p->width_ns / 1e9;
	/* Nothing has no range. */
	const char *top = p->frames == 0 ? "1" : "*";
	struct pair rest = p->others;
	unsigned i, last = BINS;

	qsort(p->pair, p->pairs, sizeof(*p->pair), by_bytes);
	for (i = SHOWN; i < p->pairs; i++)
		rest.bytes += p->pair[i].bytes;
	while (last > 1 && p->bin[last - 1] == 0)
		last--;
	fputs("$rate << EOD\n", to);
	for (i = 0; i < last; i++)
		fprintf(to, "%.9g %.9g\n", ((double)i + 0.5) * width,
		    (double)p->bin[i] / width);
	fputs("EOD\n$pairs << EOD\n", to);
	for (i = 0; i < p->pairs && i < SHOWN; i++)
		put_pair(to, &p->pair[i], NULL);
	if (rest.bytes != 0 || p->pairs == 0)
		put_pair(to, &rest, p->pairs == 0 ? "nobody" : "others");
	fputs("EOD\nset terminal svg noenhanced size 900,760 font 'sans,12'\n"
	      "set multiplot layout 2,1 title ",
	    to);
	put_quoted(to, p->bus);
	fprintf(to,
	    "\nset style fill solid 0.6\nset grid ytics\nset xlabel 's'\n"
	    "set ylabel 'bytes/s'\nset format y '%%.1s %%c'\nunset key\n"
	    "set title 'traffic: %" PRIu64 " frames'\n"
	    "set yrange [0:%s]\nset xrange [0:%.9g]\nset boxwidth %.9g\n"
	    "plot $rate using 1:2 with boxes lc rgb '#3465a4'\n"
	    "set title 'who talks to whom'\nunset ylabel\nset xlabel 'bytes'\n"
	    "set xrange [0:%s]\nset yrange [*:*] reverse\nset offsets 0,0,1,1\n"
	    "set format x '%%.1s %%c'\nunset grid\nset grid xtics\n"
	    "plot $pairs using ($2/2):0:($2/2):(0.35):ytic(1) "
	    "with boxxyerror lc rgb '#f57900'\nunset multiplot\n",
	    p->frames, top, (double)last * width, width, top);
}

/* A picture, as gnuplot wrote it. */
struct picture {
	char *data;
	size_t n, room;
};

/* Reads all of FD into P.  0 or an errno value. */
static int
read_all(int fd, struct picture *p)
{
	ssize_t n;

	for (;;) {
		if (p->room - p->n < CHUNK) {
			char *more = p->room < PICTURE_MAX ?
			    realloc(p->data, 2 * p->room + CHUNK) :
			    NULL;

			if (more == NULL)
				return ENOMEM;
			p->data = more;
			p->room = 2 * p->room + CHUNK;
		}
		n = read(fd, p->data + p->n, CHUNK);
		if (n == 0)
			return 0;
		if (n == -1 && errno != EINTR)
			return errno;
		if (n > 0)
			p->n += (size_t)n;
	}
}

/* Whether P is all of a picture: gnuplot's status does not tell. */
static bool
is_whole(const struct picture *p)
{
	static const char end[] = "</svg>";
	size_t n = p->n;

	while (n > 0 && p->data[n - 1] == '\n')
		n--;
	return n >= sizeof(end) - 1 &&
	    memcmp(p->data + n - (sizeof(end) - 1), end, sizeof(end) - 1) == 0;
}

/*
 * Has gnuplot draw PIC, from whose memory the caller frees.  The script fits into
 * a pipe, so that nobody waits for the other.  0, or an errno value: EPROTO,
 * gnuplot has failed.
 */
static int
draw(struct plot *p, struct picture *pic)
{
	char *argv[] = { (char[]){ GNUPLOT }, (char[]){ "-d" }, (char[]){ "-" },
		NULL };
	int in[2], out[2], error;
	pid_t pid;
	FILE *to;

	if (pipe2(in, O_CLOEXEC) != 0)
		return errno;
	if (pipe2(out, O_CLOEXEC) != 0) {
		error = errno;
		close(in[0]);
		close(in[1]);
		return error;
	}
	error = run(argv, in[0], out[1], &pid);
	close(in[0]);
	close(out[1]);
	if (error == 0) {
		if ((to = fdopen(in[1], "w")) != NULL) {
			put_script(to, p);
			fclose(to);
		} else {
			close(in[1]);
		}
		error = read_all(out[0], pic);
	} else {
		close(in[1]);
		close(out[0]);
		return error;
	}
	close(out[0]);
	if ((!ends_well(pid) || !is_whole(pic)) && error == 0)
		error = EPROTO;
	return error;
}

/* Writes PIC to FD.  0 or an errno value. */
static int
write_all(int fd, const struct picture *pic)
{
	size_t at = 0;
	ssize_t n;

	while (at < pic->n) {
		n = write(fd, pic->data + at, pic->n - at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? EIO : errno;
		at += (size_t)n;
	}
	return 0;
}

int
plot_draw(struct plot *p)
{
	bool out = strcmp(p->path, "-") == 0;
	struct outfile file = { NULL };
	struct picture pic = { NULL, 0, 0 };
	int fd = STDOUT_FILENO, error;

	error = draw(p, &pic);
	if (error == 0 && !out &&
	    (fd = outfile_open(&file, p->path, false)) == -1)
		error = errno;
	if (error == 0)
		error = write_all(fd, &pic);
	if (error == 0 && !out && outfile_complete(&file, fd) != 0)
		error = errno;
	if (error != 0)
		tool_complain(out ? "standard output" : p->path,
		    error == EPROTO ? "gnuplot has failed" : strerror(error),
		    NULL);
	outfile_free(&file);
	free(pic.data);
	return error == 0 ? 0 : -1;
}
