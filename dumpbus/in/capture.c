/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture.c - reads a capture file
 *
 * A pcap, of either byte order and with microseconds or nanoseconds, is read by
 * libpcap, a pcapng by blocks.c; the first byte tells which it is.  The file is
 * opened here, so that it can be rewound.
 *
 * libpcap cuts packets that are longer than the snapshot length in the head of
 * the file, though they may be whole in it.  Therefore it is given a head that
 * has no such limit.
 */
#include <assert.h>
#include <errno.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dumpbus/in/in.h"

#define PCAPNG_FIRST 0x0a /* the first byte of a pcapng, and of no pcap */

/* Whether errno says that the signal to stop came while a pipe had nothing. */
static bool
interrupted(void)
{
	return stopped && errno == EINTR;
}

/* ---- the head of a pcap -------------------------------------------------- */

struct head {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snaplen, link;
};
static_assert(sizeof(struct head) == 24, "the head of a pcap");

/*
 * The bytes of the FCS behind each packet of the file that begins with H, as the
 * upper bits of the link type tell.
 */
static unsigned
head_fcs(const struct head *h)
{
	static const uint32_t ours[] = { 0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34 };
	uint32_t link = __builtin_bswap32(h->link);

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (h->magic == ours[i])
			link = h->link;
	/* In units of 2 bytes. */
	return link & 0x04000000 ? (link >> 28) * 2 : 0;
}

/* Takes the limit out of the head of C, which is at its beginning.  0 or -1. */
static int
unlimit(struct capture *c)
{
	struct head h = { 0 };
	const uint8_t *p = (const uint8_t *)&h;
	size_t n = fread(&h, 1, sizeof(h), c->f);

	if (n < sizeof(h) && ferror(c->f))
		return -1;
	if (n == sizeof(h)) {
		c->fcs = head_fcs(&h);
		h.snaplen = 0;
	}
	/* glibc takes back as many bytes as were read. */
	clearerr(c->f);
	while (n > 0)
		if (ungetc(p[--n], c->f) == EOF)
			return -1;
	return 0;
}

/* ---- beginning ----------------------------------------------------------- */

/* Makes libpcap read the file, which is at its beginning.  0, -1, or 1. */
static int
start_pcap(struct capture *c)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	const char *link;

	errno = 0;
	if (unlimit(c) != 0)
		snprintf(why, sizeof(why), "%s", strerror(errno));
	else
		c->pcap = pcap_fopen_offline_with_tstamp_precision(c->f,
		    PCAP_TSTAMP_PRECISION_NANO, why);
	if (c->pcap == NULL) {
		if (stopped)
			return 1;
		tool_complain(c->name, why, NULL);
		return -1;
	}
	if (pcap_datalink(c->pcap) == DLT_EN10MB)
		return 0;
	link = pcap_datalink_val_to_name(pcap_datalink(c->pcap));
	tool_complain(c->name, "not a capture of Ethernet frames",
	    link != NULL ? link : "an unknown link type");
	return -1;
}

/* Begins to read the file, which is at its beginning.  0, -1, or 1. */
static int
start(struct capture *c)
{
	int first;

	c->foreign = 0;
	c->held = false;
	setvbuf(c->f, NULL, _IOFBF, (size_t)256 * 1024);
	/* No other thread reads it: do without locks. */
	__fsetlocking(c->f, FSETLOCKING_BYCALLER);
	do {
		clearerr(c->f);
		errno = 0;
		first = getc(c->f);
	} while (first == EOF && errno == EINTR && !stopped);
	if (first == EOF && interrupted())
		return 1;
	if (first != EOF)
		ungetc(first, c->f);
	if (first != PCAPNG_FIRST)
		return start_pcap(c);
	if ((c->blocks = blocks_open(c->f)) != NULL)
		return 0;
	tool_complain(c->name, strerror(ENOMEM), NULL);
	return -1;
}

int
capture_open(struct capture *c, const char *file)
{
	struct stat st;

	memset(c, 0, sizeof(*c));
	if (strcmp(file, "-") == 0) {
		c->name = "standard input";
		c->f = stdin;
	} else {
		c->name = file;
		c->f = fopen(file, "rbe");
	}
	if (c->f == NULL && interrupted())
		return 1;
	if (c->f == NULL || fstat(fileno(c->f), &st) != 0) {
		tool_complain(c->name, strerror(errno), NULL);
		return -1;
	}
	if (S_ISDIR(st.st_mode)) {
		tool_complain(c->name, strerror(EISDIR), NULL);
		return -1;
	}
	/* Standard input can be a file that is not at its beginning. */
	c->again = S_ISREG(st.st_mode) && ftello(c->f) == 0;
	return start(c);
}

/* Ends libpcap's reading, and keeps the file, which it would close. */
static int
stop_pcap(struct capture *c)
{
	FILE *f;
	int fd = dup(fileno(c->f));

	if (fd == -1 || (f = fdopen(fd, "rb")) == NULL) {
		tool_complain(c->name, strerror(errno), NULL);
		if (fd != -1)
			close(fd);
		return -1;
	}
	pcap_close(c->pcap);
	c->pcap = NULL;
	c->f = f;
	return 0;
}

int
capture_rewind(struct capture *c)
{
	c->foreign = 0;
	if (c->blocks != NULL)
		blocks_close(c->blocks);
	else if (stop_pcap(c) != 0)
		return -1;
	c->blocks = NULL;
	if (fseeko(c->f, 0, SEEK_SET) != 0) {
		tool_complain(c->name, strerror(errno), NULL);
		return -1;
	}
	return start(c);
}

/* ---- packets ------------------------------------------------------------- */

/* The next packet, by libpcap, as blocks_next() returns it. */
static int
next_pcap(struct capture *c)
{
	struct packet *p = &c->packet;
	struct pcap_pkthdr *h;
	int result = pcap_next_ex(c->pcap, &h, &p->data);

	if (result != 1)
		return result == PCAP_ERROR_BREAK ? 0 : -1;
	p->caplen = h->caplen;
	p->len = h->len;
	p->time_ns = (uint64_t)h->ts.tv_sec * 1000000000u +
	    (uint64_t)h->ts.tv_usec;
	packet_cut(p, c->fcs);
	return 1;
}

/* The next packet: 1, 0, or -1. */
static int
next(struct capture *c)
{
	return c->blocks != NULL ?
	    blocks_next(c->blocks, &c->packet, &c->foreign) :
	    next_pcap(c);
}

int
capture_next(struct capture *c, const struct packet **p)
{
	int result = c->held ? 1 : next(c);

	c->held = false;
	*p = &c->packet;
	/* Who was told to stop has no use for what follows. */
	if (result != -1 || stopped)
		return result == 1 ? 1 : 0;
	tool_complain(c->name,
	    c->blocks != NULL ? blocks_why(c->blocks) : pcap_geterr(c->pcap),
	    NULL);
	return -1;
}

void
capture_hold(struct capture *c)
{
	c->held = true;
}

int
capture_scan(struct capture *c, uint32_t *longest, uint64_t *packets)
{
	const struct packet *p = &c->packet;

	*longest = 0;
	*packets = 0;
	/* What cannot be read is reported later, when it is to be sent. */
	while (!stopped && next(c) == 1) {
		if (p->caplen == p->len && p->len > *longest)
			*longest = p->len;
		++*packets;
	}
	return capture_rewind(c);
}

void
capture_close(struct capture *c)
{
	if (c->blocks != NULL)
		blocks_close(c->blocks);
	if (c->pcap != NULL)
		pcap_close(c->pcap);
	else if (c->f != NULL && c->f != stdin)
		fclose(c->f);
}
