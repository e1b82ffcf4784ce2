/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * entry.c - the table of attachments
 *
 * DOC: Theory of Operation
 *
 * Whoever takes a number (owner.c) first cleans up after its last owner, who is
 * dead, for the number was free: the slots it was writing to (ring_join()), its
 * bits in the two maps (entry_fill()).
 *
 * After an owner whose number nobody takes again, entry_reap() cleans up:
 * everybody who waits examines a few entries about once a second, and holds the
 * dead one's lock while it does.  The entry stays in the table, marked as dead,
 * for shmbus_list() to show.
 *
 * Somebody else may write to an entry, or to the maps: then senders would not
 * find its owner, and not wake it.  So the owner compares what others need to
 * wake it before it sleeps (entry_is_shown()), and all of its entry about once a
 * second (entry_keep()), and puts it right.  A bit of a number without an owner
 * is cleared by entry_reap().
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shmbus/internal.h"

/* How many entries with an owner one call of entry_reap() examines. */
#define REAP_AT_ONCE 8u

static void
mac_from_word(AO_t ident, uint8_t mac[6])
{
	int i;

	for (i = 0; i < 6; i++)
		mac[i] = (uint8_t)(ident >> (56 - 8 * i));
}

/*
 * Writes the address and mode set last to the table.  Two threads may do so at
 * once: the one that finds that the other has set them meanwhile writes them
 * again.
 */
void
entry_announce(struct shmbus *b)
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

/* Clears the bits of attachment I, which is dead or leaves, in both maps. */
static void
clear_maps(struct format_header *hdr, unsigned i)
{
	AO_t bit = (AO_t)1 << i % 64;

	AO_and_full(&hdr->sleeping[i / 64], ~bit);
	AO_and_full(&hdr->promisc[i / 64], ~bit);
}

/* Whether the table shows the address and mode of B as they were set last. */
bool
entry_is_shown(const struct shmbus *b)
{
	const struct format_header *hdr = b->ring.hdr;
	unsigned i = b->ring.me;
	AO_t ident = AO_load(&b->ident);

	return AO_load(&b->entry->ident) == ident &&
	    (AO_load(&hdr->promisc[i / 64]) >> i % 64 & 1) ==
	    ((ident & FORMAT_ATT_PROMISC) != 0);
}

/* Writes *TO unless it is VALUE already: the line is not taken from others. */
static void
keep(AO_t *to, AO_t value)
{
	if (AO_load(to) != value)
		AO_store(to, value);
}

/*
 * Puts B's entry right if somebody else has written to it.  For the receive
 * side, while it is awake; the other counters are written all the time.
 */
void
entry_keep(struct shmbus *b)
{
	struct format_attachment *a = b->entry;
	AO_t door, bit = (AO_t)1 << b->ring.me % 64;
	unsigned i;

	if (b->rdonly)
		return;
	owner_keep(b);
	keep(&a->since_ns, b->shown.since_ns);
	keep(&a->pid, b->shown.pid);
	for (i = 0; i < 4; i++)
		keep(&a->name[i], b->shown.name[i]);
	keep(&a->tx_first, b->ring.tx.joined);
	door = AO_load(&a->door);
	if (door & 1)
		AO_compare_and_swap_full(&a->door, door, door + 1);
	if (AO_load(&b->ring.hdr->sleeping[b->ring.me / 64]) & bit)
		AO_and_full(&b->ring.hdr->sleeping[b->ring.me / 64], ~bit);
	if (!entry_is_shown(b))
		entry_announce(b);
}

/* Fills in the entry of the number that B has just taken. */
void
entry_fill(struct shmbus *b, const char *name)
{
	unsigned i = b->ring.me;
	struct format_attachment *a = b->entry;

	/* While ident still names the dead owner; see ring_join(). */
	AO_store(&a->tx_first, b->ring.tx.seq);
	AO_store_release(&a->tx_seq, b->ring.tx.seq);
	AO_store_release(&a->ident, 0);
	clear_maps(b->ring.hdr, i);
	AO_store(&a->door, (AO_load(&a->door) | 1) + 1); /* even: awake */
	AO_store(&a->hint, 0);
	b->shown.since_ns = clock_ns(CLOCK_REALTIME);
	b->shown.pid = (AO_t)getpid();
	memcpy(b->shown.name, name, strnlen(name, sizeof(b->shown.name) - 1));
	AO_store(&a->since_ns, b->shown.since_ns);
	AO_store(&a->pid, b->shown.pid);
	for (i = 0; i < 4; i++)
		AO_store(&a->name[i], b->shown.name[i]);
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
	entry_announce(b);
}

/* Takes B, which detaches, out of the table. */
void
entry_leave(struct shmbus *b)
{
	clear_maps(b->ring.hdr, b->ring.me);
	AO_store_release(&b->entry->ident, 0);
	AO_fetch_and_add1_full(&b->ring.hdr->changes);
	owner_leave(b);
}

/* Whether number I has a bit in one of the maps. */
static bool
in_maps(const struct format_header *hdr, unsigned i)
{
	return ((AO_load(&hdr->sleeping[i / 64]) |
		    AO_load(&hdr->promisc[i / 64])) >>
		       i % 64 &
		   1) != 0;
}

/*
 * Examines a few entries, and cleans up after owners who died and whose number
 * nobody has taken since; and where somebody has set bits of a number that
 * nobody has.
 */
void
entry_reap(struct shmbus *b)
{
	unsigned n;
	unsigned done = 0;

	if (b->rdonly)
		return;
	for (n = 0; n < FORMAT_ATTACHMENTS && done < REAP_AT_ONCE; n++) {
		unsigned i = b->next_reap++ % FORMAT_ATTACHMENTS;
		struct format_attachment *a = &b->ring.att[i];
		AO_t ident = AO_load(&a->ident);
		bool locked;

		if (i == b->ring.me ||
		    (!(ident & FORMAT_ATT_USED) && !in_maps(b->ring.hdr, i)))
			continue;
		done += (ident & FORMAT_ATT_USED) != 0;
		if (owner_is_alive(b, i))
			continue;
		/*
		 * If it is refused, a reader has a read lock, or somebody takes
		 * the number right now: that one puts its entry right.
		 */
		locked = file_lock(b->fd, FORMAT_LOCK_ATTACH + i,
			     LOCK_TO_WRITE) == 0;
		if (!locked && owner_is_alive(b, i))
			continue;
		clear_maps(b->ring.hdr, i);
		if (ident & FORMAT_ATT_USED)
			AO_compare_and_swap_full(&a->ident, ident,
			    (ident & ~(AO_t)FORMAT_ATT_USED) | FORMAT_ATT_DEAD);
		AO_fetch_and_add1_full(&b->ring.hdr->changes);
		if (locked)
			file_lock(b->fd, FORMAT_LOCK_ATTACH + i, LOCK_NONE);
	}
}

/* ---- what users ask and set --------------------------------------------- */

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

/* Replaces the bits of MASK in the own ident, there and in the table. */
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
	entry_announce(b);
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

/* Reads the counters of the entry A. */
static void
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

void
shmbus_stats(struct shmbus *b, struct shmbus_stats *st)
{
	int error = usable(b);

	memset(st, 0, sizeof(*st));
	if (error == SHMBUS_EFORKED)
		return;
	if (error == 0 || b->rdonly) {
		read_stats(b->entry, st);
		return;
	}
	/* The entry was cut off with the file's end: show the originals. */
	st->tx_frames = b->ring.tx.seq - b->ring.tx.joined;
	st->tx_bytes = b->ring.tx.bytes;
	st->tx_failed = b->ring.tx.failed;
	st->rx_frames = b->ring.rx.frames;
	st->rx_bytes = b->ring.rx.bytes;
	st->rx_skipped = b->ring.rx.skipped;
	st->rx_lost = b->ring.rx.lost;
	st->rx_bad = b->ring.rx.bad;
	st->gave_up = b->ring.rx.gave_up;
	st->wakeups = b->wakeups;
	st->rung = b->bell.rings;
}

/* Fills in P from entry I, whose ident is IDENT. */
static void
read_peer(struct shmbus *b, unsigned i, AO_t ident, struct shmbus_peer *p)
{
	const struct format_attachment *a = &b->ring.att[i];
	AO_t words[4];
	unsigned c;

	p->index = i;
	p->alive = i == b->ring.me || owner_is_alive(b, i);
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
