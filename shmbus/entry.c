/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach.c - attachments: taking a number, being alive, leaving, being listed
 *
 * DOC: Theory of Operation
 *
 * Attachment i holds a write lock on byte i of a range far beyond the file's
 * end, by an open file description lock.  Taking the first byte that is free
 * is attaching; the kernel lets go of it when the process ends, however it
 * ends, and anybody may ask whether it is held, across PID namespaces too.
 * No number is ever in doubt, and no lock is in memory.
 *
 * Whoever takes a number first clears up after its last owner, who is dead
 * (the lock says so): the slots it was writing to, its place in the sleeping
 * map (ring_join(), enter()).
 *
 * A number that nobody takes again is cleared up by reap(): a second look a
 * second at a few entries, by everybody who waits; it takes the dead one's
 * lock while it does.  The entry stays to be seen, marked as dead.
 */
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmbus/internal.h"

#define SPIN_DEFAULT_NS 20000
#define ALIVE_FOR_NS 1000000u /* how long "alive" is believed */
#define REAP_AT_ONCE 8u
#define FLAGS_KNOWN \
	(SHMBUS_CREATE | SHMBUS_RDONLY | SHMBUS_PROMISC | SHMBUS_OLDEST)
/* Smaller files are mapped with their page tables filled in. */
#define POPULATE_MAX (64u << 20)

/* ---- what the ring asks ------------------------------------------------- */

/*
 * Whether OWNER is dead.  That it is alive is believed for a millisecond, so
 * that a reader's spinning makes few system calls; that it is dead never is:
 * the number may be somebody else's a moment later.
 */
static bool
env_dead(void *arg, unsigned owner)
{
	struct shmbus *b = arg;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (now - AO_load(&b->alive_at[owner]) < ALIVE_FOR_NS)
		return false;
	if (!file_locked(b->fd, FORMAT_LOCK_ATTACH + owner))
		return true;
	AO_store(&b->alive_at[owner], now);
	return false;
}

static uint64_t
env_now(void *arg)
{
	(void)arg;
	return clock_ns(CLOCK_MONOTONIC);
}

/* ---- the entry ---------------------------------------------------------- */

static void
mac_from_word(AO_t ident, uint8_t mac[6])
{
	int i;

	for (i = 0; i < 6; i++)
		mac[i] = (uint8_t)(ident >> (56 - 8 * i));
}

/*
 * Takes the address and mode set last to the table.  Two threads may do so at
 * once: whoever was overtaken does it again.
 */
static void
announce(struct shmbus *b)
{
	struct format_header *hdr = b->ring.hdr;
	unsigned i = b->ring.me;
	AO_t bit = (AO_t)1 << i % 64;
	AO_t ident;

	do {
		ident = AO_load(&b->ident);
		if (ident & FORMAT_ATT_PROMISC)
			AO_or_full(&hdr->promisc[i / 64], bit);
		else
			AO_and_full(&hdr->promisc[i / 64], ~bit);
		AO_store_full(&b->entry->ident, ident);
		AO_fetch_and_add1_full(&hdr->changes);
	} while (AO_load(&b->ident) != ident);
}

/* Clears what a dead attachment I has left in the maps. */
static void
clear_maps(struct format_header *hdr, unsigned i)
{
	AO_t bit = (AO_t)1 << i % 64;

	AO_and_full(&hdr->sleeping[i / 64], ~bit);
	AO_and_full(&hdr->promisc[i / 64], ~bit);
}

/* Fills in the entry of the number just taken. */
static void
enter(struct shmbus *b, const char *name)
{
	unsigned i = b->ring.me;
	struct format_attachment *a = b->entry;
	AO_t words[4] = { 0 };

	AO_store(&a->ident, 0);
	clear_maps(b->ring.hdr, i);
	AO_store(&a->door, (AO_load(&a->door) | 1) + 1); /* awake */
	AO_store(&a->hint, 0);
	AO_store(&a->since_ns, clock_ns(CLOCK_REALTIME));
	AO_store(&a->pid, (AO_t)getpid());
	memcpy(words, name, strnlen(name, sizeof(words) - 1));
	for (i = 0; i < 4; i++)
		AO_store(&a->name[i], words[i]);
	AO_store(&a->tx_seq, b->ring.tx.seq);
	AO_store(&a->tx_first, b->ring.tx.seq);
	AO_store(&a->tx_bytes, 0);
	AO_store(&a->tx_failed, 0);
	AO_store(&a->rung, 0);
	AO_store(&a->rx_cursor, b->ring.rx.cursor);
	AO_store(&a->rx_frames, 0);
	AO_store(&a->rx_bytes, 0);
	AO_store(&a->rx_skipped, 0);
	AO_store(&a->rx_lost, 0);
	AO_store(&a->rx_bad, 0);
	AO_store(&a->gave_up, 0);
	AO_store(&a->wakeups, 0);
	announce(b);
}

/* Takes the first free number.  Returns 0, SHMBUS_EFULL, or an errno value. */
static int
take_number(int fd, unsigned *me)
{
	unsigned i;

	for (i = 0; i < FORMAT_ATTACHMENTS; i++) {
		int error = file_lock(fd, FORMAT_LOCK_ATTACH + i, true);

		if (error != EAGAIN) {
			*me = i;
			return error;
		}
	}
	why_set("%u are attached already", FORMAT_ATTACHMENTS);
	return SHMBUS_EFULL;
}

/*
 * Clears up after a few of those who died and whose number nobody took since.
 */
void
reap(struct shmbus *b)
{
	unsigned n;
	unsigned done = 0;

	if (b->rdonly)
		return;
	for (n = 0; n < FORMAT_ATTACHMENTS && done < REAP_AT_ONCE; n++) {
		unsigned i = b->next_reap++ % FORMAT_ATTACHMENTS;
		struct format_attachment *a = &b->ring.att[i];
		AO_t ident = AO_load(&a->ident);

		if (i == b->ring.me || !(ident & FORMAT_ATT_USED))
			continue;
		done++;
		if (file_locked(b->fd, FORMAT_LOCK_ATTACH + i) ||
		    file_lock(b->fd, FORMAT_LOCK_ATTACH + i, true) != 0)
			continue;
		clear_maps(b->ring.hdr, i);
		AO_store_release(&a->ident,
		    (AO_load(&a->ident) & ~(AO_t)FORMAT_ATT_USED) |
			FORMAT_ATT_DEAD);
		AO_fetch_and_add1_full(&b->ring.hdr->changes);
		file_lock(b->fd, FORMAT_LOCK_ATTACH + i, false);
	}
}

/* ---- attach, detach ----------------------------------------------------- */

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
	int prot = b->rdonly ? PROT_READ : PROT_READ | PROT_WRITE;
	int flags = MAP_SHARED;
	struct stat st;

	if (b->geo.file_size <= POPULATE_MAX)
		flags |= MAP_POPULATE;
	if (fstat(b->fd, &st) == -1)
		return errno;
	b->dev = st.st_dev;
	b->ino = st.st_ino;
	b->mode = st.st_mode & 07777;
	b->base = mmap(NULL, b->geo.file_size, prot, flags, b->fd, 0);
	if (b->base == MAP_FAILED)
		return errno;
	b->map = guard_add(b->base, b->geo.file_size, b->rdonly, b->fd);
	if (b->map == NULL) {
		munmap(b->base, b->geo.file_size);
		return ENOMEM;
	}
	return 0;
}

/*
 * Opens, locks and maps.  What file_open() gives may have been inherited by a
 * child of another thread, which would keep the number's lock; so that which
 * is locked is opened once more, with forks kept away until it is entered in
 * the list of guard.c.
 */
static int
open_bus(struct shmbus *b, const char *path, const struct shmbus_options *opt,
    unsigned *me)
{
	int first;
	int error;

	error = file_open(path, opt->flags, &opt->geometry, false, &first,
	    &b->geo);
	if (error != 0)
		return error;
	guard_lock();
	error = file_again(path, b->rdonly, first, &b->fd);
	if (error == EACCES) { /* it has just been made with such a mode */
		b->fd = first;
		first = -1;
		error = 0;
	}
	if (error == 0 &&
	    ((!b->rdonly && (error = take_number(b->fd, me)) != 0) ||
		((b->path = realpath(path, NULL)) == NULL &&
		    (error = errno) != 0) ||
		(error = map_file(b)) != 0)) {
		free(b->path);
		close(b->fd);
	}
	guard_unlock();
	if (first != -1)
		close(first);
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
		enter(b,
		    opt->name[0] != '\0' ? opt->name :
					   program_invocation_short_name);
	if (usable(b) != 0) { /* truncated between the check and now */
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
		clear_maps(b->ring.hdr, b->ring.me);
		AO_store_release(&b->entry->ident, 0);
		AO_fetch_and_add1_full(&b->ring.hdr->changes);
	}
	guard_remove(b->map);
	free(b->path);
	free(b);
}

/* ---- asked and told ----------------------------------------------------- */

int
shmbus_index(const struct shmbus *b)
{
	return b->rdonly ? -1 : (int)b->ring.me;
}

void
shmbus_mac(const struct shmbus *b, uint8_t mac[6])
{
	mac_from_word(AO_load(&b->ident), mac);
}

/* Replaces the bits of MASK in the own ident, and tells everybody. */
static int
change_ident(struct shmbus *b, AO_t mask, AO_t bits)
{
	AO_t old;
	int error;

	if ((error = usable(b)) != 0)
		return error;
	if (b->rdonly)
		return EACCES;
	do
		old = AO_load(&b->ident);
	while (!AO_compare_and_swap_full(&b->ident, old, (old & ~mask) | bits));
	announce(b);
	return 0;
}

int
shmbus_set_mac(struct shmbus *b, const uint8_t mac[6])
{
	static const uint8_t none[6];

	if ((mac[0] & 1) || memcmp(mac, none, sizeof(none)) == 0)
		return EINVAL;
	return change_ident(b, ~(AO_t)0xffff, mac_to_word(mac));
}

int
shmbus_set_promisc(struct shmbus *b, int on)
{
	return change_ident(b, FORMAT_ATT_PROMISC, on ? FORMAT_ATT_PROMISC : 0);
}

void
shmbus_info(const struct shmbus *b, struct shmbus_info *info)
{
	const struct format_header *h = b->ring.hdr;

	memset(info, 0, sizeof(*info));
	info->geometry.mtu = b->geo.mtu;
	info->geometry.slots = b->geo.slots;
	info->geometry.mode = b->mode;
	info->frame_max = b->geo.frame_max;
	info->version = FORMAT_VERSION;
	info->file_size = b->geo.file_size;
	if (usable(b) != 0)
		return;
	info->created_ns = h->created_ns;
	info->id = h->id;
	info->tail = AO_load(&h->tail);
	if (info->tail >= b->geo.slots) /* laps begin with 1 */
		info->tail -= b->geo.slots;
}

/* The counters of the entry A. */
void
read_stats(const struct format_attachment *a, struct shmbus_stats *st)
{
	st->tx_frames = AO_load(&a->tx_seq) - AO_load(&a->tx_first);
	st->tx_bytes = AO_load(&a->tx_bytes);
	st->tx_failed = AO_load(&a->tx_failed);
	st->rx_frames = AO_load(&a->rx_frames);
	st->rx_bytes = AO_load(&a->rx_bytes);
	st->rx_skipped = AO_load(&a->rx_skipped);
	st->rx_lost = AO_load(&a->rx_lost);
	st->rx_bad = AO_load(&a->rx_bad);
	st->gave_up = AO_load(&a->gave_up);
	st->wakeups = AO_load(&a->wakeups);
	st->rung = AO_load(&a->rung);
}

static void
read_peer(struct shmbus *b, unsigned i, AO_t ident, struct shmbus_peer *p)
{
	const struct format_attachment *a = &b->ring.att[i];
	AO_t words[4];
	unsigned c;

	p->index = i;
	p->alive = i == b->ring.me ||
	    file_locked(b->fd, FORMAT_LOCK_ATTACH + i);
	p->promisc = (ident & FORMAT_ATT_PROMISC) != 0;
	p->pid = (int32_t)AO_load(&a->pid);
	mac_from_word(ident, p->mac);
	for (c = 0; c < 4; c++)
		words[c] = AO_load(&a->name[c]);
	memcpy(p->name, words, sizeof(p->name));
	p->name[sizeof(p->name) - 1] = '\0';
	for (c = 0; p->name[c] != '\0'; c++)
		if (p->name[c] < ' ' || p->name[c] > '~')
			p->name[c] = '?';
	p->since_ns = AO_load(&a->since_ns);
	read_stats(a, &p->stats);
}

int
shmbus_list(struct shmbus *b, struct shmbus_peer *peers, unsigned n,
    unsigned *count)
{
	unsigned i;
	int error;

	*count = 0;
	if ((error = usable(b)) != 0)
		return error;
	for (i = 0; i < FORMAT_ATTACHMENTS; i++) {
		AO_t ident = AO_load_acquire(&b->ring.att[i].ident);

		if (!(ident & (FORMAT_ATT_USED | FORMAT_ATT_DEAD)))
			continue;
		if (*count < n)
			read_peer(b, i, ident, &peers[*count]);
		++*count;
	}
	return usable(b);
}

/*
 * The header shows another id than when B attached: the file was emptied and
 * made a bus anew under its users, or somebody scribbled.  A bus of the same
 * geometry serves, once it knows B; one of another does not; and a header that
 * is no bus's is of no concern to those who are attached.  Returns whether B
 * can go on.
 */
static bool
meet_again(struct shmbus *b, uint64_t size)
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
		announce(b);
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
		    !meet_again(b, (uint64_t)st.st_size)))) {
		AO_store(&b->map->broken, 1);
		return SHMBUS_ETRUNC;
	}
	if (stat(b->path, &st) == -1)
		return errno == ENOENT || errno == ENOTDIR ? ENOENT : 0;
	if (st.st_dev != b->dev || st.st_ino != b->ino)
		return SHMBUS_EREPLACED;
	return 0;
}
