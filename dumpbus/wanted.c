/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wanted.c - chooses the frames to show: by a filter, the newest N, at most N
 *
 * The filter comes first: a frame that it rejects is not counted anywhere.
 * Which frames are the newest N of the rest is known only when all frames that
 * were there at the start have been read.  Until then the last N are held back
 * here; later frames are passed on at once.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "dumpbus/dump.h"

/* A frame that is held back. */
struct held {
	struct held *next;
	struct shmbus_frame frame;
	uint8_t data[];
};

/*
 * Compiles the filter expression that consists of the N words WORDS.  There is
 * one filter in a process.  Returns NULL, after a message, if it is not valid.
 */
struct bpf_program *
filter_compile(char **words, int n)
{
	static struct bpf_program the_only;
	struct bpf_program *filter = &the_only;
	pcap_t *p = pcap_open_dead(DLT_EN10MB, 65535 + 18);
	size_t size = 1;
	char *text;

	for (int i = 0; i < n; i++)
		size += strlen(words[i]) + 1;
	text = malloc(size);
	if (p == NULL || text == NULL) {
		tool_complain("filter", strerror(ENOMEM), NULL);
		exit(1);
	}
	text[0] = '\0';
	for (int i = 0; i < n; i++) {
		strcat(text, i == 0 ? "" : " ");
		strcat(text, words[i]);
	}
	if (pcap_compile(p, filter, text, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		tool_complain("filter", pcap_geterr(p), NULL);
		filter = NULL;
	}
	pcap_close(p);
	free(text);
	return filter;
}

static bool
passes(const struct options *o, const struct shmbus_frame *f)
{
	struct pcap_pkthdr h = { .caplen = f->len, .len = f->len };

	return o->filter == NULL ||
	    pcap_offline_filter(o->filter, &h, f->data) != 0;
}

/* Prepares W to pass to S the frames that O asks for. */
void
wanted_begin(struct wanted *w, const struct options *o, struct sink *s)
{
	*w = (struct wanted){ .o = o, .sink = s };
	w->end = &w->first;
	w->hold = o->newest != 0;
}

static int
hand_on(struct wanted *w, const struct shmbus_frame *f)
{
	if (w->enough)
		return 0;
	if (sink_frame(w->sink, f) != 0)
		return -1;
	w->given++;
	w->enough = w->given == w->o->count;
	return 0;
}

static void
drop_first(struct wanted *w)
{
	struct held *h = w->first;

	w->first = h->next;
	if (w->first == NULL)
		w->end = &w->first;
	w->held--;
	free(h);
}

/* Takes F, the next frame of the bus.  0 or -1. */
int
wanted_frame(struct wanted *w, const struct shmbus_frame *f)
{
	struct held *h;

	if (!passes(w->o, f))
		return 0;
	if (!w->hold)
		return hand_on(w, f);
	if (w->held == w->o->newest)
		drop_first(w);
	h = malloc(sizeof(*h) + f->len);
	if (h == NULL) {
		tool_complain(w->o->bus, strerror(ENOMEM), NULL);
		return -1;
	}
	h->next = NULL;
	h->frame = *f;
	h->frame.data = h->data;
	memcpy(h->data, f->data, f->len);
	*w->end = h;
	w->end = &h->next;
	w->held++;
	return 0;
}

/*
 * Tells W that all frames that were there at the start have come: those held
 * back are the newest, and go to the sink.  0 or -1.
 */
int
wanted_release(struct wanted *w)
{
	int err = 0;

	w->hold = false;
	while (w->first != NULL) {
		if (err == 0)
			err = hand_on(w, &w->first->frame);
		drop_first(w);
	}
	return err;
}
