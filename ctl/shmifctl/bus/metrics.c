/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * metrics.c - a bus in the format of OpenMetrics, for Prometheus
 *
 * DOC: A metric is a name with a type, and samples that differ by their labels;
 * all samples of one stand together.  So there is a pass over the attachments
 * for each counter.  Names do not change: dashboards are made of them.
 *
 * What is in labels is what others wrote into the file: it is made UTF-8
 * without controls, and quoted as the format wants it.  Numbers are given whole;
 * who reads them as floating point loses what is beyond 2^53.
 */
#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "ctl/shmifctl/bus/bus.h"

#define LABEL 4200 /* bytes of a label's value: a path */

static void
put_label(const char *name, const char *value)
{
	char clean[LABEL];
	size_t n = strlen(value);

	utf8_clean(clean, value, n < LABEL - 1 ? n : LABEL - 1);
	printf("%s=\"", name);
	for (const char *p = clean; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			putchar('\\');
		putchar(*p);
	}
	putchar('"');
}

static void
put_head(const char *name, const char *type, const char *help)
{
	printf("# TYPE shmif_%s %s\n# HELP shmif_%s %s\n", name, type, name,
	    help);
}

/* One number of the bus PATH. */
static void
put_one(const char *path, const char *name, const char *type, const char *help,
    uint64_t value)
{
	put_head(name, type, help);
	printf("shmif_%s%s{", name,
	    strcmp(type, "counter") == 0 ? "_total" : "");
	put_label("bus", path);
	printf("} %" PRIu64 "\n", value);
}

/* Begins a sample of the attachment P. */
static void
put_peer(const char *path, const char *name, const char *suffix,
    const struct shmbus_peer *p)
{
	char mac[MAC_TEXT];

	printf("shmif_%s%s{", name, suffix);
	put_label("bus", path);
	printf(",attachment=\"%u\",", p->index);
	put_label("name", p->name);
	putchar(',');
	put_label("mac", mac_text(p->mac, mac));
	printf(",pid=\"%" PRId32 "\"} ", p->pid);
}

static void
put_counter(const char *path, size_t i, const struct shmbus_peer *peers,
    unsigned count)
{
	const char *name = bus_counter_name(i);
	char whole[64];

	snprintf(whole, sizeof(whole), "attachment_%s", name);
	put_head(whole, "counter", bus_counter_help(i));
	for (unsigned k = 0; k < count; k++) {
		put_peer(path, whole, "_total", &peers[k]);
		printf("%" PRIu64 "\n", bus_counter(&peers[k], i));
	}
}

void
put_bus_metrics(const char *path, const struct shmbus_info *info,
    const struct shmbus_peer *peers, unsigned count)
{
	unsigned alive = 0;

	for (unsigned k = 0; k < count; k++)
		alive += peers[k].alive != 0;
	put_one(path, "bus_positions", "counter",
	    "Positions of the ring that were handed out.", info->tail);
	put_one(path, "bus_slots", "gauge", "Slots of the ring.",
	    info->geometry.slots);
	put_one(path, "bus_mtu_bytes", "gauge", "MTU of the bus.",
	    info->geometry.mtu);
	put_one(path, "bus_file_bytes", "gauge", "Size of the file.",
	    info->file_size);
	put_one(path, "bus_alive", "gauge", "Attachments that are alive.",
	    alive);
	put_one(path, "bus_dead", "gauge",
	    "Attachments that have died without leaving.", count - alive);
	for (size_t i = 0; bus_counter_name(i) != NULL; i++)
		put_counter(path, i, peers, count);
	put_head("attachment_up", "gauge", "Whether the attachment is alive.");
	for (unsigned k = 0; k < count; k++) {
		put_peer(path, "attachment_up", "", &peers[k]);
		printf("%d\n", peers[k].alive != 0);
	}
	put_head("attachment_since_seconds", "gauge",
	    "When it attached, in seconds since 1970.");
	for (unsigned k = 0; k < count; k++) {
		put_peer(path, "attachment_since_seconds", "", &peers[k]);
		printf("%" PRIu64 ".%09" PRIu64 "\n",
		    peers[k].since_ns / 1000000000u,
		    peers[k].since_ns % 1000000000u);
	}
	puts("# EOF");
}
