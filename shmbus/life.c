/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * life.c - attaching and detaching
 *
 * The steps of attaching: open the file, or create it (file.c); map it
 * (guard.c); take a number (owner.c); take one's place in the ring (ring_join.c); fill
 * in one's entry (entry.c).
 */
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmbus/internal.h"

#define SPIN_DEFAULT_NS 20000
/* For how long "alive" is believed, first and at most. */
#define ALIVE_FOR_NS 1000000u
#define ALIVE_FOR_MAX_NS 64000000u
#define FLAGS_KNOWN \
	(SHMBUS_CREATE | SHMBUS_RDONLY | SHMBUS_PROMISC | SHMBUS_OLDEST)
/* Files up to this size are mapped with their page tables filled in. */
#define POPULATE_MAX (64u << 20)

/*
 * What the ring asks: whether OWNER is dead.  That it is alive is believed for
 * a millisecond, so that a reader that spins makes few system calls; and for
 * longer each time when that is asked again and again, as it is for as long as a
 * stopped process holds a slot.  Its death then costs that slot for so much
 * longer, and delays nobody.  That it is dead is never believed for longer than
 * this call: the number may belong to somebody else a moment later.
 */
static bool
env_dead(void *arg, unsigned owner)
{
	struct shmbus *b = arg;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	AO_t told = now - AO_load(&b->alive_at[owner]);
	AO_t believed = AO_load(&b->alive_for[owner]);

	if (told < believed)
		return false;
	if (!owner_is_alive(b, owner))
		return true;
	if (told > 2 * (AO_t)ALIVE_FOR_MAX_NS) /* nobody asked for some time */
		believed = ALIVE_FOR_NS;
	else if (believed < ALIVE_FOR_MAX_NS)
		believed *= 2;
	AO_store(&b->alive_for[owner], believed);
	AO_store(&b->alive_at[owner], now);
	return false;
}

/* What the ring asks: the time. */
static uint64_t
env_now(void *arg)
{
	(void)arg;
	return clock_ns(CLOCK_MONOTONIC);
}

/* Stores WANTED in MAC, or a random address if that is all zeros. */
static int
choose_mac(const uint8_t *wanted, uint8_t mac[6])
{
	static const uint8_t none[6];

	if (memcmp(wanted, none, sizeof(none)) != 0) {
		if (wanted[0] & 1) {
			why_set("the hardware address is a group address");
			return EINVAL;
		}
		memcpy(mac, wanted, 6);
		return 0;
	}
	mac[0] = 0xb2;
	mac[1] = 0xa0;
	return getrandom(mac + 2, 4, 0) == 4 ? 0 : errno;
}

/* Maps the file that is open as B->fd. */
static int
map_file(struct shmbus *b)
{
	int flags = b->geo.file_size <= POPULATE_MAX ? MAP_POPULATE : 0;
	struct stat st;

	if (fstat(b->fd, &st) == -1)
		return errno;
	b->dev = st.st_dev;
	b->ino = st.st_ino;
	b->mode = st.st_mode & 07777;
	return mapping_map(b->map, b->geo.file_size, b->rdonly, flags,
	    &b->base);
}

/* The path PATH, absolute, but with its symbolic links; NULL: no memory. */
static char *
absolute(const char *path)
{
	char *cwd, *whole = NULL;

	if (path[0] == '/')
		return strdup(path);
	if ((cwd = getcwd(NULL, 0)) == NULL)
		return realpath(path, NULL);
	if (asprintf(&whole, "%s/%s", cwd, path) == -1)
		whole = NULL;
	free(cwd);
	return whole;
}

/*
 * Stores in B->path where new attachments will look for the bus PATH, to be
 * checked from time to time.  Symbolic links are kept: one that leads elsewhere
 * later is what is to be noticed.  The links of /proc are not paths, but stand
 * for a descriptor, which may be closed or used for something else; where
 * they lead to a file that has a name, that is it.  A file without a name, as of
 * memfd_create(2), has no path: NULL.
 */
static int
note_path(struct shmbus *b, const char *path)
{
	char *real = realpath(path, NULL);
	struct stat st;

	if (real == NULL || stat(real, &st) == -1 || st.st_dev != b->dev ||
	    st.st_ino != b->ino) {
		free(real);
		/* Either it has no name, or it has lost it just now. */
		return fstat(b->fd, &st) == 0 && st.st_nlink == 0 ? 0 :
		    (b->path = absolute(path)) != NULL		  ? 0 :
								    ENOMEM;
	}
	if (strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/dev/", 5) == 0) {
		b->path = real;
		return 0;
	}
	free(real);
	return (b->path = absolute(path)) != NULL ? 0 : ENOMEM;
}

/* Opens the file, maps it, and takes a number. */
static int
open_bus(struct shmbus *b, const char *path, const struct shmbus_options *opt,
    unsigned *me)
{
	int error;

	error = file_open(path, opt->flags, &opt->geometry, false, &b->map,
	    &b->geo);
	if (error != 0)
		return error;
	b->fd = (int)AO_load(&b->map->fd);
	if ((error = map_file(b)) != 0 || (error = note_path(b, path)) != 0 ||
	    (!b->rdonly && (error = owner_take_number(b, me)) != 0)) {
		free(b->path);
		mapping_remove(b->map);
	}
	return error;
}

int
shmbus_attach(const char *path, const struct shmbus_options *opt,
    struct shmbus **bp)
{
	static const struct shmbus_options defaults;
	const struct ring_env env = { .dead = env_dead, .now = env_now };
	struct shmbus *b;
	unsigned me = SLOT_NOBODY;
	uint8_t mac[6];
	int error;

	if (opt == NULL)
		opt = &defaults;
	*bp = NULL;
	why_set("%s", "");
	if ((opt->flags & ~(unsigned)FLAGS_KNOWN) ||
	    ((opt->flags & SHMBUS_RDONLY) && (opt->flags & SHMBUS_CREATE))) {
		why_set("flags that are unknown, or to create read-only");
		return EINVAL;
	}
	if (posix_memalign((void **)&b, 128, sizeof(*b)) != 0) {
		why_set("%s", shmbus_strerror(ENOMEM));
		return ENOMEM;
	}
	memset(b, 0, sizeof(*b));
	b->rdonly = (opt->flags & SHMBUS_RDONLY) != 0;
	if ((error = choose_mac(opt->mac, mac)) != 0 ||
	    (error = open_bus(b, path, opt, &me)) != 0) {
		free(b);
		if (*shmbus_why() == '\0')
			why_set("%s", shmbus_strerror(error));
		return error;
	}
	walltime_init(&b->clock);
	ring_init(&b->ring, b->base, &b->geo, me, &env);
	b->ring.env.arg = b;
	b->entry = b->rdonly ? &b->spare : &b->ring.att[me];
	AO_store(&b->id, b->ring.hdr->id);
	b->ring.rx.promisc = b->rdonly || (opt->flags & SHMBUS_PROMISC);
	b->ring.rx.mac = mac_to_word(mac);
	AO_store(&b->ident,
	    mac_to_word(mac) | FORMAT_ATT_USED |
		(b->ring.rx.promisc ? FORMAT_ATT_PROMISC : 0));
	b->spin_ns = opt->spin_us == 0 ? SPIN_DEFAULT_NS :
	    opt->spin_us < 0	       ? 0 :
					 (int64_t)opt->spin_us * 1000;
	ring_join(&b->ring, (opt->flags & SHMBUS_OLDEST) != 0);
	b->next_check = clock_ns(CLOCK_MONOTONIC) + 1000000000u;
	b->next_reap = me + 1;
	if (!b->rdonly)
		entry_fill(b,
		    opt->name[0] != '\0' ? opt->name :
					   program_invocation_short_name);
	if (usable(b) != 0) { /* truncated since the header was checked */
		error = usable(b);
		why_set("%s", shmbus_strerror(error));
		shmbus_detach(b);
		return error;
	}
	*bp = b;
	return 0;
}

void
shmbus_detach(struct shmbus *b)
{
	if (b == NULL)
		return;
	helper_stop(b);
	if (usable(b) == 0 && !b->rdonly) {
		if (b->reserved)
			shmbus_cancel(b);
		entry_leave(b);
	}
	mapping_remove(b->map);
	free(b->path);
	free(b);
}
