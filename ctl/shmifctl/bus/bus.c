/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus.c - a bus and who is attached to it
 *
 * Needs no server: it looks at the file, which takes the right to read it, and
 * nobody notices.  All that the file says may be a lie.
 *
 * DOC: bus PATH wait N
 *
 * Waits until N attachments or more are alive; with 0, until none is.  The file is looked at 50 times a second.  To wait for a frame instead would not
 * do: who attaches and who dies sends none.  A file that is not there yet, or is
 * no bus yet, is waited for too, and the path is opened anew each time: whoever
 * attaches after the file was replaced is on another bus.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/number.h"
#include "ctl/shmifctl/bus/bus.h"

#define TIME_TEXT 40

/* A counter, what it is called in JSON, and what it counts. */
static const struct {
	const char *name, *help;
	size_t offset;
} counters[] = {
#define COUNTER(name, help) #name, help, offsetof(struct shmbus_stats, name)
	{ COUNTER(tx_frames, "Frames sent.") },
	{ COUNTER(tx_bytes, "Bytes of frames sent.") },
	{ COUNTER(tx_failed, "Frames that could not be sent.") },
	{ COUNTER(rx_frames, "Frames received.") },
	{ COUNTER(rx_bytes, "Bytes of frames received.") },
	{ COUNTER(rx_skipped, "Frames passed over, for others.") },
	{ COUNTER(rx_lost, "Frames overwritten before they were read.") },
	{ COUNTER(rx_bad, "Frames that made no sense.") },
	{ COUNTER(gave_up, "Writers that were given up on.") },
	{ COUNTER(wakeups, "Times that it was woken.") },
	{ COUNTER(rung, "Times that it rang.") },
#undef COUNTER
};
#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

const char *
bus_counter_name(size_t i)
{
	return i < COUNTERS ? counters[i].name : NULL;
}

const char *
bus_counter_help(size_t i)
{
	return i < COUNTERS ? counters[i].help : NULL;
}

uint64_t
bus_counter(const struct shmbus_peer *p, size_t i)
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
		printf("%s %" PRIu64 " %s", i == 0 ? "" : ",",
		    bus_counter(p, i), counters[i].name);
	putchar('\n');
}

/* How many of the COUNT attachments PEERS are alive. */
static unsigned
living(const struct shmbus_peer *peers, unsigned count)
{
	unsigned alive = 0;

	for (unsigned i = 0; i < count; i++)
		alive += peers[i].alive != 0;
	return alive;
}

static void
put_bus(const char *path, const struct shmbus_info *info, unsigned alive,
    unsigned dead)
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
	       " bytes, %" PRIu64 " positions used, %u attached",
	    info->file_size, info->frame_max, info->tail, alive + dead);
	if (dead != 0)
		printf(": %u alive, %u dead", alive, dead);
	putchar('\n');
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
		    number(bus_counter(p, i)));
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
	op_int(o, "alive", living(peers, count));
	op_int(o, "dead", count - living(peers, count));
	put_json(o);
	json_object_put(o);
}

/* Says why PATH is not to be had as a bus: ERROR, and what the library noted. */
static int
refused(const char *path, int error)
{
	const char *why = shmbus_why(), *what = shmbus_strerror(error);

	if (why[0] == '\0' || strncmp(why, what, strlen(what)) == 0)
		return complain(FAILED, "%s: %s", path,
		    why[0] == '\0' ? what : why);
	return complain(FAILED, "%s: %s: %s", path, what, why);
}

/*
 * Looks at the bus PATH.  PEERS is of SHMBUS_ATTACH_MAX, of which *COUNT are
 * filled in.  Returns 0 or an errno value; *OPENED: it was a bus at first.
 */
static int
look_at(const char *path, struct shmbus_info *info, struct shmbus_peer *peers,
    unsigned *count, bool *opened)
{
	struct shmbus_options how = { .flags = SHMBUS_RDONLY };
	struct shmbus *b;
	int error;

	*count = 0;
	if ((error = shmbus_attach(path, &how, &b)) != 0) {
		*opened = false;
		return error;
	}
	*opened = true;
	shmbus_info(b, info);
	if ((error = shmbus_list(b, peers, SHMBUS_ATTACH_MAX, count)) == 0)
		error = shmbus_check(b);
	if (*count > SHMBUS_ATTACH_MAX)
		*count = SHMBUS_ATTACH_MAX;
	/* That the path leads elsewhere by now is no news of this bus. */
	if (error == SHMBUS_EREPLACED || error == ENOENT)
		error = 0;
	shmbus_detach(b);
	return error;
}

static int
bus_show(const struct call *c, const char *path, bool metrics)
{
	static struct shmbus_peer peers[SHMBUS_ATTACH_MAX];
	struct shmbus_info info;
	unsigned count, alive;
	bool opened;
	int error;

	if ((error = look_at(path, &info, peers, &count, &opened)) != 0)
		return opened ?
		    complain(FAILED, "%s: %s", path, shmbus_strerror(error)) :
		    refused(path, error);
	if (metrics) {
		put_bus_metrics(path, &info, peers, count);
		return OK;
	}
	if (c->json) {
		put_bus_json(path, &info, peers, count);
		return OK;
	}
	alive = living(peers, count);
	put_bus(path, &info, alive, count - alive);
	for (unsigned i = 0; i < count; i++)
		put_peer(&peers[i], c->verbose);
	return OK;
}

/* The permissions that TEXT is, octal, in *MODE. */
static int
parse_mode(const char *text, uint32_t *mode)
{
	size_t n = strlen(text);

	if (n == 0 || n > 4 || strspn(text, "01234567") != n ||
	    (*mode = (uint32_t)strtoul(text, NULL, 8)) == 0 || *mode > 0777)
		return complain(FAILED,
		    "bus: mode %s: permissions are octal, from 1 to 777", text);
	return OK;
}

/* create [mtu N] [slots N] [mode MODE]: makes the bus PATH. */
static int
bus_create(const char *path, int argc, char **argv)
{
	struct shmbus_geometry geo = { 0 };
	uint64_t n = 0;
	int error, status;

	for (int i = 0; i < argc; i += 2) {
		bool mtu = strcmp(argv[i], "mtu") == 0;

		if (!mtu && strcmp(argv[i], "slots") != 0 &&
		    strcmp(argv[i], "mode") != 0)
			return complain(USAGE,
			    "bus create: %s: unknown word: mtu, slots and mode "
			    "are known",
			    argv[i]);
		if (i + 1 == argc)
			return complain(USAGE, "bus create: %s wants a number",
			    argv[i]);
		if (strcmp(argv[i], "mode") == 0) {
			if ((status = parse_mode(argv[i + 1], &geo.mode)) != OK)
				return status;
		} else if (!number_parse(argv[i + 1], UINT32_MAX, &n) || n == 0)
			return complain(FAILED, "bus: %s %s: not a number",
			    argv[i], argv[i + 1]);
		else if (mtu)
			geo.mtu = (uint32_t)n;
		else
			geo.slots = (uint32_t)n;
	}
	error = shmbus_create(path, &geo);
	return error == 0 ? OK : refused(path, error);
}

/* Whether a file about which the library says ERROR may become a bus yet. */
static bool
may_become(int error)
{
	return error == ENOENT || error == SHMBUS_ENOTBUS;
}

/* wait N [timeout S]: until N attachments are alive, or with 0, until none is. */
static int
bus_wait(const char *path, int argc, char **argv)
{
	static struct shmbus_peer peers[SHMBUS_ATTACH_MAX];
	const struct timespec nap = { .tv_nsec = 20000000 };
	struct shmbus_info info;
	uint64_t wanted = 0, end = UINT64_MAX;
	unsigned count, alive;
	bool opened;
	long ms;
	int error, status;

	if (argc == 0)
		return complain(USAGE, "bus wait: for how many?");
	if (!number_parse(argv[0], SHMBUS_ATTACH_MAX, &wanted))
		return complain(FAILED,
		    "bus wait: %s: it is a number from 0 to %u", argv[0],
		    SHMBUS_ATTACH_MAX);
	if (argc > 1 && (argc != 3 || strcmp(argv[1], "timeout") != 0))
		return complain(USAGE,
		    "bus wait: N and, if wanted, timeout SECONDS it is");
	if (argc == 3) {
		if ((status = text_seconds("bus wait: timeout", argv[2], 0,
			 1000000, &ms)) != OK)
			return status;
		end = now_ns() + (uint64_t)ms * 1000000u;
	}
	for (;;) {
		error = look_at(path, &info, peers, &count, &opened);
		alive = living(peers, count);
		if (error != 0 && !may_become(error))
			return opened ? complain(FAILED, "%s: %s", path,
					    shmbus_strerror(error)) :
					refused(path, error);
		if (error == 0 && (wanted == 0 ? alive == 0 : alive >= wanted))
			return OK;
		/* Nobody is attached to a bus that is not there. */
		if (error == ENOENT && wanted == 0)
			return OK;
		if (now_ns() >= end)
			break;
		nanosleep(&nap, NULL);
	}
	if (error != 0)
		return refused(path, error);
	return complain(FAILED, "%s: %u alive, %u dead after %s s", path, alive,
	    count - alive, argv[2]);
}

int
verb_bus(const struct call *c, int argc, char **argv)
{
	bool metrics = false;
	int error;

	if (argc == 0)
		return complain(USAGE, "bus: which file?");
	if ((error = shmbus_guard()) != 0)
		return complain(FAILED, "SIGBUS: %s", shmbus_strerror(error));
	/* A limit on the size of files is an error that is said. */
	signal(SIGXFSZ, SIG_IGN);
	if (argc > 2 && strcmp(argv[argc - 2], "-o") == 0) {
		if (strcmp(argv[argc - 1], "metrics") != 0)
			return complain(USAGE, "bus: -o %s: metrics it is",
			    argv[argc - 1]);
		metrics = true;
		argc -= 2;
	}
	if (argc == 1 || (argc == 2 && strcmp(argv[1], "show") == 0))
		return bus_show(c, argv[0], metrics);
	if (metrics)
		return complain(USAGE, "bus: -o goes with show");
	if (strcmp(argv[1], "create") == 0)
		return bus_create(argv[0], argc - 2, argv + 2);
	if (strcmp(argv[1], "wait") == 0)
		return bus_wait(argv[0], argc - 2, argv + 2);
	return complain(USAGE,
	    "bus: %s: unknown word: show, create and wait are known", argv[1]);
}
