/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * header.c - what shmif_dumpbus -h shows: the bus and who is attached to it
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/addr.h"
#include "base/utf8.h"
#include "dumpbus/dump.h"

/* Copies NAME, which comes from the file, as UTF-8. */
void
safe_name(char *to, const char name[SHMBUS_NAME_MAX])
{
	utf8_clean(to, name, SHMBUS_NAME_MAX - 1);
}

/* One attachment, in four lines. */
static void
peer_print(const struct shmbus_peer *p)
{
	const struct shmbus_stats *st = &p->stats;
	char name[SHMBUS_NAME_MAX], since[TIME_TEXT], mac[MAC_TEXT];

	safe_name(name, p->name);
	printf("%3u  %s  %s%s  pid %" PRId32 "  name %s\n", p->index,
	    mac_text(p->mac, mac), p->alive ? "alive" : "dead",
	    p->promisc ? "  promiscuous" : "", p->pid, name);
	printf("     since %s\n", time_text(since, p->since_ns));
	printf("     sent %" PRIu64 " frames, %" PRIu64 " bytes, %" PRIu64
	       " failed; rang %" PRIu64 " times\n",
	    st->tx_frames, st->tx_bytes, st->tx_failed, st->rung);
	printf("     received %" PRIu64 " frames, %" PRIu64 " bytes; %" PRIu64
	       " skipped, %" PRIu64 " lost, %" PRIu64 " bad; gave up %" PRIu64
	       " times, woke %" PRIu64 " times\n",
	    st->rx_frames, st->rx_bytes, st->rx_skipped, st->rx_lost,
	    st->rx_bad, st->gave_up, st->wakeups);
}

/* Prints the geometry of B and its attachments.  Returns 0 or -1. */
int
header_print(struct shmbus *b, const char *path)
{
	static struct shmbus_peer peers[SHMBUS_ATTACH_MAX];
	struct shmbus_info info;
	char created[TIME_TEXT];
	unsigned count = 0, alive = 0;
	int err;

	shmbus_info(b, &info);
	if ((err = shmbus_list(b, peers, SHMBUS_ATTACH_MAX, &count)) == 0)
		err = shmbus_check(b);
	/* Even if the path leads to another file now, this bus can be shown. */
	if (err != 0 && err != SHMBUS_EREPLACED && err != ENOENT) {
		tool_complain(path, shmbus_strerror(err), NULL);
		return -1;
	}
	printf("version   %" PRIu32 "\n", info.version);
	printf("id        %016" PRIx64 "\n", info.id);
	printf("created   %s\n", time_text(created, info.created_ns));
	printf("mtu       %" PRIu32 "\n", info.geometry.mtu);
	printf("frame     at most %" PRIu32 " bytes\n", info.frame_max);
	printf("slots     %" PRIu32 "\n", info.geometry.slots);
	printf("mode      %04" PRIo32 "\n", info.geometry.mode);
	printf("size      %" PRIu64 " bytes\n", info.file_size);
	printf("tail      %" PRIu64 "\n", info.tail);
	if (count > SHMBUS_ATTACH_MAX)
		count = SHMBUS_ATTACH_MAX;
	for (unsigned i = 0; i < count; i++)
		alive += peers[i].alive != 0;
	printf("attached  %u", count);
	if (alive != count)
		printf(": %u alive, %u dead", alive, count - alive);
	putchar('\n');
	for (unsigned i = 0; i < count; i++)
		peer_print(&peers[i]);
	return tool_flush();
}
