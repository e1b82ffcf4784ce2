/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.c - what became of the bus file while it is in use
 */
#include <sys/stat.h>
#include <errno.h>
#include <string.h>

#include "shmbus/internal.h"

/*
 * Called when the header shows another id than when B attached.  Either the
 * file was emptied and made a bus anew under its users, or somebody scribbled.
 * B can go on with a new bus of the same geometry, once its entry is in the
 * new table; it cannot go on with one of another geometry.  A header that is
 * not that of a bus does not concern those who are attached.  Returns whether
 * B can go on.
 */
static bool
bus_made_anew(struct shmbus *b, uint64_t size)
{
	struct format_header h;
	struct ring_geometry g;
	char why[8];

	memcpy(&h, b->ring.hdr, sizeof(h));
	if (ring_check(&h, size, &g, why, sizeof(why)) != 0)
		return true;
	if (g.mtu != b->geo.mtu || g.slots != b->geo.slots)
		return false;
	AO_store(&b->id, h.id);
	if (!b->rdonly)
		entry_announce(b);
	return true;
}

int
shmbus_check(struct shmbus *b)
{
	struct stat st;
	int error;

	if ((error = usable(b)) != 0)
		return error;
	if (fstat(b->fd, &st) == 0 &&
	    ((uint64_t)st.st_size < b->geo.file_size ||
		(b->ring.hdr->id != AO_load(&b->id) &&
		    !bus_made_anew(b, (uint64_t)st.st_size)))) {
		AO_store(&b->map->broken, 1);
		return SHMBUS_ETRUNC;
	}
	if (stat(b->path, &st) == -1)
		return errno == ENOENT || errno == ENOTDIR ? ENOENT : 0;
	if (st.st_dev != b->dev || st.st_ino != b->ino)
		return SHMBUS_EREPLACED;
	return 0;
}
