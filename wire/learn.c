/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * learn.c - where stations are
 *
 * DOC: The table has LEARN_SETS sets of LEARN_WAYS places.  The station that was
 * silent for longest loses its place: who sends from many invented addresses
 * makes frames go to all ends, no more.
 *
 * DOC: Loops
 *
 * Two wires between the same two buses would send each broadcast around for
 * ever.  What gives a loop away is a frame with the bytes of one that has been
 * here within LEARN_LOOP_NS whose source is known to be elsewhere: at another
 * end, or at the same one but sent by another participant of the bus, namely the
 * other wire.  It is dropped, and the station stays where it was.
 *
 * Why the second is needed: a wire may hear the copy at its one end before the
 * original at its other one.  It believes the copy then, and hands it on to where
 * it came from.  There the other wire hears it, from the wrong sender.  A bus has
 * one order, so whoever is attached to the bus of the station heard the station
 * first there: no frame comes through that bus a second time.
 *
 * A station that moves is believed at once, as its frames are others; and so is
 * one that sends the same frame again and again from one place.  The other design,
 * a protocol by which bridges choose a tree, needs frames on quiet buses, and time
 * before the first frame may pass.
 */
#include <string.h>

#include "wire/learn.h"

static uint64_t
key_of(const uint8_t *mac, unsigned vlan)
{
	uint64_t key = (uint64_t)1 << 63 | (uint64_t)vlan << 48;

	for (unsigned i = 0; i < 6; i++)
		key |= (uint64_t)mac[i] << 8 * (5 - i);
	return key;
}

static size_t
set_of(uint64_t key)
{
	return (size_t)(key * 0x9e3779b97f4a7c15u >> 40) % LEARN_SETS;
}

bool
learn_source(struct learn *l, const uint8_t *mac, unsigned vlan, unsigned end,
    unsigned sender, uint64_t hash, uint64_t now_ns)
{
	uint64_t key = key_of(mac, vlan);
	struct station *set = l->table[set_of(key)], *s = NULL;
	size_t place = (size_t)(hash >> 32) % LEARN_SEEN;
	bool again;

	if (mac[0] & 1)
		return true; /* not a station's */
	again = l->seen[place].hash == hash &&
	    now_ns - l->seen[place].at_ns < LEARN_LOOP_NS;
	for (unsigned i = 0; i < LEARN_WAYS; i++)
		if (set[i].key == key) {
			s = &set[i];
			break;
		} else if (s == NULL || set[i].heard_ns < s->heard_ns) {
			s = &set[i];
		}
	if (s->key == key && (s->end != end || s->sender != sender) && again &&
	    now_ns - s->heard_ns < LEARN_LOOP_NS)
		return false;
	*s = (struct station){ .key = key,
		.heard_ns = now_ns,
		.sender = sender,
		.end = end };
	l->seen[place].hash = hash;
	l->seen[place].at_ns = now_ns;
	return true;
}

int
learn_find(const struct learn *l, const uint8_t *mac, unsigned vlan,
    uint64_t now_ns)
{
	uint64_t key = key_of(mac, vlan);
	const struct station *set = l->table[set_of(key)];

	if (mac[0] & 1)
		return -1;
	for (unsigned i = 0; i < LEARN_WAYS; i++)
		if (set[i].key == key &&
		    now_ns - set[i].heard_ns < LEARN_AGE_NS)
			return (int)set[i].end;
	return -1;
}

/* Mixes the 8 bytes at P into H. */
static uint64_t
mix(uint64_t h, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	h = (h ^ v) * 0x9fb21c651e98df25u;
	return h ^ h >> 32;
}

uint64_t
learn_hash(const uint8_t *addresses, const uint8_t *data, size_t len)
{
	uint64_t h = mix(0x8ebc6af09c88c6e3u ^ len, addresses);
	uint8_t rest[8] = { 0 };
	size_t i;

	h = mix(h, addresses + 4);
	/*
	 * Of a long frame its beginning, where all headers are, and its end.  A
	 * frame that is like another in these is only suspected if its source
	 * is somewhere else as well.
	 */
	for (i = 0; i + 8 <= len && i < 96; i += 8)
		h = mix(h, data + i);
	if (len >= 8)
		return mix(h, data + len - 8);
	memcpy(rest, data, len);
	return mix(h, rest);
}
