/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wanted.c - which of a bus's frames are wanted: a filter, the newest, so many
 *
 * The filter comes first: what it does not let through is as if it had never
 * been on the bus.  The newest N of the rest are known only when all that was
 * there has been read; until then N frames are held back here.  What comes
 * after goes through.
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
 * Makes a filter, the only one, of the N words WORDS.  Returns NULL after it has
 * said why not.
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

/* W gives to S what O wants. */
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

/* The next frame, F.  0 or -1. */
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

/* All that was there has come: what is held back is the newest.  0 or -1. */
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
