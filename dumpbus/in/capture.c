/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture.c - reads a capture file, by libpcap
 *
 * The formats are those that libpcap reads: pcap with microseconds or
 * nanoseconds and pcapng, of either byte order.  The file is opened here and
 * handed to libpcap, so that it can be rewound.
 */
#include <errno.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/stat.h>

#include "dumpbus/in/in.h"

/* Whether errno says that the signal to stop came while a pipe had nothing. */
static bool
interrupted(void)
{
	return stopped && errno == EINTR;
}

/* Makes libpcap read the file, which is at its beginning.  0, -1, or 1. */
static int
start(struct capture *c)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	const char *link;

	errno = 0;
	setvbuf(c->f, NULL, _IOFBF, (size_t)256 * 1024);
	/* No other thread reads it: do without locks. */
	__fsetlocking(c->f, FSETLOCKING_BYCALLER);
	c->pcap = pcap_fopen_offline_with_tstamp_precision(c->f,
	    PCAP_TSTAMP_PRECISION_NANO, why);
	if (c->pcap == NULL) {
		if (interrupted())
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
stop(struct capture *c)
{
	FILE *f;
	int fd = dup(fileno(c->f));

	if (fd == -1 || (f = fdopen(fd, "rb")) == NULL) {
		tool_complain(c->name, strerror(errno), NULL);
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
	if (stop(c) != 0)
		return -1;
	if (fseeko(c->f, 0, SEEK_SET) != 0) {
		tool_complain(c->name, strerror(errno), NULL);
		return -1;
	}
	return start(c);
}

int
capture_next(struct capture *c, const struct pcap_pkthdr **h,
    const uint8_t **data)
{
	struct pcap_pkthdr *header;

	errno = 0;
	switch (pcap_next_ex(c->pcap, &header, data)) {
	case 1:
		*h = header;
		return 1;
	case PCAP_ERROR_BREAK: /* the end */
		return 0;
	default:
		if (interrupted())
			return 0;
		tool_complain(c->name, pcap_geterr(c->pcap), NULL);
		return -1;
	}
}

int
capture_scan(struct capture *c, uint32_t *longest, uint64_t *packets)
{
	struct pcap_pkthdr *h;
	const uint8_t *data;

	*longest = 0;
	*packets = 0;
	/* What cannot be read is reported later, when it is to be sent. */
	while (!stopped && pcap_next_ex(c->pcap, &h, &data) == 1) {
		if (h->caplen == h->len && h->len > *longest)
			*longest = h->len;
		++*packets;
	}
	return capture_rewind(c);
}

void
capture_close(struct capture *c)
{
	if (c->pcap != NULL)
		pcap_close(c->pcap);
	else if (c->f != NULL && c->f != stdin)
		fclose(c->f);
}
