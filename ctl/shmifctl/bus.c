/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus.c - a bus and who is attached to it
 *
 * Needs no server: it looks at the file, which takes the right to read it, and
 * nobody notices.  All that the file says may be a lie.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shmbus/shmbus.h"
#include "ctl/shmifctl/shmifctl.h"

#define TIME_TEXT 40

/* A counter, and what it is called in JSON. */
static const struct {
	const char *name;
	size_t offset;
} counters[] = {
#define COUNTER(name) #name, offsetof(struct shmbus_stats, name)
	{ COUNTER(tx_frames) },
	{ COUNTER(tx_bytes) },
	{ COUNTER(tx_failed) },
	{ COUNTER(rx_frames) },
	{ COUNTER(rx_bytes) },
	{ COUNTER(rx_skipped) },
	{ COUNTER(rx_lost) },
	{ COUNTER(rx_bad) },
	{ COUNTER(gave_up) },
	{ COUNTER(wakeups) },
	{ COUNTER(rung) },
#undef COUNTER
};
#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

static uint64_t
counter(const struct shmbus_peer *p, size_t i)
{
	uint64_t n;

	memcpy(&n, (const char *)&p->stats + counters[i].offset, sizeof(n));
	return n;
}

/* NS, CLOCK_REALTIME, as local time with seconds. */
static const char *
time_text(char text[TIME_TEXT], uint64_t ns)
{
	time_t t = (time_t)(ns / 1000000000u);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(text, TIME_TEXT, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(text, TIME_TEXT, "%" PRId64, (int64_t)t);
	return text;
}

static void
put_peer(const struct shmbus_peer *p, bool verbose)
{
	char mac[MAC_TEXT], since[TIME_TEXT];

	printf("%u: ", p->index);
	put_clean(stdout, p->name);
	printf(" %s%s pid %" PRId32 "\n\tether %s since %s\n",
	    p->alive ? "alive" : "dead", p->promisc ? " promisc" : "", p->pid,
	    mac_text(p->mac, mac), time_text(since, p->since_ns));
	printf("\tsent %" PRIu64 " frames, %" PRIu64 " bytes; received %" PRIu64
	       " frames, %" PRIu64 " bytes; lost %" PRIu64 " frames\n",
	    p->stats.tx_frames, p->stats.tx_bytes, p->stats.rx_frames,
	    p->stats.rx_bytes, p->stats.rx_lost);
	if (!verbose)
		return;
	printf("\tcounters");
	for (size_t i = 0; i < COUNTERS; i++)
		printf("%s %" PRIu64 " %s", i == 0 ? "" : ",", counter(p, i),
		    counters[i].name);
	putchar('\n');
}

static void
put_bus(const char *path, const struct shmbus_info *info, unsigned count)
{
	char created[TIME_TEXT];

	put_clean(stdout, path);
	printf(": version %" PRIu32 " mtu %" PRIu32 " slots %" PRIu32
	       " mode %04" PRIo32 "\n",
	    info->version, info->geometry.mtu, info->geometry.slots,
	    info->geometry.mode);
	printf("\tid %016" PRIx64 " created %s\n", info->id,
	    time_text(created, info->created_ns));
	printf("\tsize %" PRIu64 " bytes, longest frame %" PRIu32
	       " bytes, %" PRIu64 " positions used, %u attached\n",
	    info->file_size, info->frame_max, info->tail, count);
}

/* A number that is 64 bits wide and has no sign. */
static struct json_object *
number(uint64_t n)
{
	return json_object_new_uint64(n);
}

static struct json_object *
peer_json(const struct shmbus_peer *p)
{
	struct json_object *o = json_object_new_object();
	char mac[MAC_TEXT];

	op_int(o, "index", p->index);
	op_string(o, "name", p->name);
	op_string(o, "mac", mac_text(p->mac, mac));
	op_int(o, "pid", p->pid);
	op_bool(o, "alive", p->alive != 0);
	op_bool(o, "promisc", p->promisc != 0);
	json_object_object_add(o, "since_ns", number(p->since_ns));
	for (size_t i = 0; i < COUNTERS; i++)
		json_object_object_add(o, counters[i].name,
		    number(counter(p, i)));
	return o;
}

static void
put_bus_json(const char *path, const struct shmbus_info *info,
    const struct shmbus_peer *peers, unsigned count)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();
	char id[17];

	snprintf(id, sizeof(id), "%016" PRIx64, info->id);
	op_string(o, "path", path);
	op_int(o, "version", info->version);
	op_string(o, "id", id);
	json_object_object_add(o, "created_ns", number(info->created_ns));
	op_int(o, "mtu", info->geometry.mtu);
	op_int(o, "slots", info->geometry.slots);
	op_int(o, "mode", info->geometry.mode);
	op_int(o, "frame_max", info->frame_max);
	json_object_object_add(o, "size", number(info->file_size));
	json_object_object_add(o, "tail", number(info->tail));
	for (unsigned i = 0; i < count; i++)
		json_object_array_add(list, peer_json(&peers[i]));
	json_object_object_add(o, "attached", list);
	put_json(o);
	json_object_put(o);
}

int
verb_bus(const struct call *c, int argc, char **argv)
{
	static struct shmbus_peer peers[SHMBUS_ATTACH_MAX];
	struct shmbus_options how = { .flags = SHMBUS_RDONLY };
	struct shmbus_info info;
	struct shmbus *b;
	unsigned count = 0;
	int error, status = OK;

	if (argc != 1)
		return complain(USAGE,
		    argc == 0 ? "bus: which file?" : "bus: one file, please");
	if ((error = shmbus_guard()) != 0)
		return complain(FAILED, "SIGBUS: %s", shmbus_strerror(error));
	if ((error = shmbus_attach(argv[0], &how, &b)) != 0) {
		const char *why = shmbus_why(), *what = shmbus_strerror(error);

		return strncmp(why, what, strlen(what)) == 0 || why[0] == '\0' ?
		    complain(FAILED, "%s: %s", argv[0],
			why[0] == '\0' ? what : why) :
		    complain(FAILED, "%s: %s: %s", argv[0], what, why);
	}
	shmbus_info(b, &info);
	if ((error = shmbus_list(b, peers, SHMBUS_ATTACH_MAX, &count)) == 0)
		error = shmbus_check(b);
	if (count > SHMBUS_ATTACH_MAX)
		count = SHMBUS_ATTACH_MAX;
	/* That the path leads elsewhere by now is no news of this bus. */
	if (error != 0 && error != SHMBUS_EREPLACED && error != ENOENT)
		status = complain(FAILED, "%s: %s", argv[0],
		    shmbus_strerror(error));
	else if (c->json)
		put_bus_json(argv[0], &info, peers, count);
	else {
		put_bus(argv[0], &info, count);
		for (unsigned i = 0; i < count; i++)
			put_peer(&peers[i], c->verbose);
	}
	shmbus_detach(b);
	return status;
}
