/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core.c - a bridge of ends
 *
 * DOC: Theory of Operation
 *
 * An end is whatever carries Ethernet: a bus, a tap, a socket.  What comes in by
 * one leaves by the end where its destination is known to be, or by all others.
 *
 * Each bus has a thread that waits for frames there (bus.c); one more thread, the
 * loop, waits for all descriptors and the timer.  Whoever has got frames takes
 * the wire's lock and hands the batch on by itself: it learns, judges, sends.  So
 * a frame between two buses is touched by one thread, which was woken for it, and
 * a round trip over the wire has two more wake-ups than one without.  No thread
 * waits for anything while it has the lock: all sends return at once.
 *
 * Another design would have one thread for all.  Nothing lets one thread sleep on
 * the doorbells of two buses and on descriptors without a helper thread for each
 * bus, which is two more wake-ups for each frame.  And a lock for each end, where
 * there are two: the ends' order and the table of stations have to be locked all
 * the same, and an uncontended lock for up to 64 frames costs nothing.
 *
 * DOC: Whose memory
 *
 * A frame that came in stays where its receiver put it until core_flush(), and is
 * sent from there.  It was copied once, out of the bus: a frame in the slots of a
 * bus may be overwritten while it is read, which is only known afterwards, and by
 * then it would be published on the other bus.  What the weather delays is copied
 * once more; what gets or loses a VLAN tag is put together in SCRATCH.
 *
 * DOC: VLANs
 *
 * Inside a frame has a VLAN, 0 for none, and no tag.  An access port gives each
 * frame without a tag its VLAN and refuses those with one.  A trunk takes those
 * with the tag of a VLAN that is allowed, and those without for its native one,
 * if it has one.  An end of which nothing was said takes all.  On the way out an
 * access port has frames of its VLAN only, without a tag, a trunk those that are
 * allowed, and others have all, with a tag unless the VLAN is 0.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/net_bytes.h"
#include "base/tool.h"
#include "wire/wire.h"

#define HEADER 14u
#define TAG 4u
#define TYPE_VLAN 0x8100u
#define TELL_NS (10u * (uint64_t)1000000000u)

/* A frame that came in. */
struct frame {
	const uint8_t *data; /* as it came */
	size_t len;
	bool tagged;
	uint16_t tci;  /* of the tag: priority and VLAN */
	uint16_t vlan; /* inside */
};

uint64_t
wire_now(const struct wire *w)
{
	return now_ns() - w->began_ns;
}

/* ---- out ----------------------------------------------------------------- */

static void
send_out(struct end *e)
{
	if (e->outs > 0)
		e->kind->send(e);
	e->outs = 0;
}

/* Puts LEN bytes at DATA among those that leave by E at the next flush. */
static void
put_out(struct end *e, const uint8_t *data, size_t len)
{
	if (e->outs == BATCH)
		send_out(e);
	e->out[e->outs].iov_base = (void *)(uintptr_t)data;
	e->out[e->outs++].iov_len = len;
}

static void
send_all(struct wire *w)
{
	for (unsigned i = 0; i < w->n; i++)
		send_out(&w->ends[i]);
	w->scratched = 0;
}

/* Room for LEN bytes until the next flush. */
static uint8_t *
scratch(struct wire *w, size_t len)
{
	uint8_t *p;

	if (w->scratched + len > SCRATCH)
		send_all(w);
	p = w->scratch + w->scratched;
	w->scratched += len;
	return p;
}

/* Sets the timer to the earliest frame that waits. */
static void
set_timer(struct wire *w)
{
	uint64_t first = UINT64_MAX, at;
	struct itimerspec t = { 0 };

	for (unsigned i = 0; i < w->n; i++) {
		uint64_t due = later_due(&w->ends[i].later);

		first = due < first ? due : first;
	}
	if (first == w->timer_at)
		return;
	w->timer_at = first;
	if (first != UINT64_MAX) {
		at = first + w->began_ns;
		t.it_value.tv_sec = (time_t)(at / 1000000000u);
		t.it_value.tv_nsec = (long)(at % 1000000000u);
	}
	timerfd_settime(w->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

void
core_begin(struct wire *w)
{
	w->now_ns = wire_now(w);
}

void
core_flush(struct wire *w)
{
	struct packet *p;

	send_all(w);
	while ((p = w->spent) != NULL) {
		w->spent = p->next;
		free(p);
	}
	set_timer(w);
}

void
core_due(struct wire *w)
{
	w->timer_at = 0; /* it has expired: to be set again in any case */
	for (unsigned i = 0; i < w->n; i++) {
		struct end *e = &w->ends[i];
		struct packet *p;

		while ((p = later_take(&e->later, w->now_ns)) != NULL) {
			put_out(e, p->data, p->len);
			p->next = w->spent;
			w->spent = p;
		}
	}
}

/* ---- weather ------------------------------------------------------------- */

/* Counts what happened to a frame.  False: it is no more. */
static bool
count_fate(struct end *e, const struct weather_fate *f)
{
	switch (f->end) {
	case WEATHER_CUT:
		e->count.out.cut++;
		return false;
	case WEATHER_MTU:
		e->count.out.black_hole++;
		return false;
	case WEATHER_LOST:
		e->count.out.lost++;
		return false;
	case WEATHER_FULL:
		e->count.out.overrun++;
		return false;
	case WEATHER_PASSES:
		break;
	}
	e->count.out.duplicated += f->copies - 1 + f->second_full;
	e->count.out.overrun += f->second_full;
	e->count.out.corrupted += f->corrupt;
	e->count.out.reordered += f->reordered;
	return true;
}

/* What is to leave by E meets the weather. */
static void
weather_out(struct end *e, const uint8_t *data, size_t len)
{
	struct wire *w = e->wire;
	struct weather_fate f;
	size_t head = data[12] == 0x81 && data[13] == 0 ? HEADER + TAG : HEADER;

	weather_judge(&e->weather, len, len > head ? len - head : 0, e->later.n,
	    w->now_ns, &f);
	if (!count_fate(e, &f))
		return;
	if (f.corrupt) {
		uint8_t *copy = scratch(w, len);

		memcpy(copy, data, len);
		copy[f.bit / 8] ^= (uint8_t)(1u << f.bit % 8);
		data = copy;
	}
	for (unsigned i = 0; i < f.copies; i++)
		if (f.due_ns[i] <= w->now_ns)
			put_out(e, data, len);
		else if (!later_put(&e->later, later_packet(data, len),
			     f.due_ns[i]))
			e->count.out.overrun++;
}

static void
out(struct end *e, const uint8_t *data, size_t len)
{
	e->count.out.offered++;
	if (len > e->frame_max && e->kind->grown != NULL)
		e->kind->grown(e);
	if (len > e->frame_max)
		e->count.out.too_long++;
	else if (e->fine)
		put_out(e, data, len);
	else
		weather_out(e, data, len);
}

/* ---- VLANs --------------------------------------------------------------- */

static bool
is_allowed(const struct settings *s, unsigned vlan)
{
	return s->allowed[vlan / 8] >> vlan % 8 & 1;
}

/* Finds out in which VLAN F is that came in by E.  False: in none. */
static bool
vlan_in(const struct end *e, struct frame *f)
{
	const struct settings *s = &e->set;
	const uint8_t *p = f->data + 12;
	uint16_t id = 0;

	f->tagged = p[0] == TYPE_VLAN >> 8 && p[1] == (TYPE_VLAN & 0xff) &&
	    f->len >= HEADER + TAG;
	f->tci = f->tagged ? (uint16_t)be16(p + 2) : 0;
	id = f->tci & 0xfff;
	f->vlan = id;
	switch (s->kind) {
	case VLAN_ACCESS: /* a tag of VLAN 0 says no more than a priority */
		f->vlan = s->vlan;
		return id == 0 || !f->tagged;
	case VLAN_TRUNK:
		if (id == 0)
			f->vlan = s->vlan;
		return f->vlan != 0 && (id == 0 || is_allowed(s, id));
	case VLAN_ANY:
		break;
	}
	return true;
}

/* Whether frames of VLAN leave by E, and with its tag (*TAGGED). */
static bool
vlan_out(const struct end *e, unsigned vlan, bool *tagged)
{
	const struct settings *s = &e->set;

	switch (s->kind) {
	case VLAN_ACCESS:
		*tagged = false;
		return vlan == s->vlan;
	case VLAN_TRUNK:
		*tagged = vlan != s->vlan;
		return vlan != 0 && (vlan == s->vlan || is_allowed(s, vlan));
	case VLAN_ANY:
		break;
	}
	*tagged = vlan != 0;
	return true;
}

/* Lets F leave by E, if its VLAN does. */
static void
frame_out(struct end *e, const struct frame *f)
{
	size_t old = f->tagged ? TAG : 0, len;
	uint16_t tci = (uint16_t)((f->tci & 0xf000) | f->vlan);
	uint8_t *p;
	bool tag;

	if (!vlan_out(e, f->vlan, &tag))
		return;
	/* A tag of VLAN 0 goes on where nothing is said of VLANs. */
	if (f->tagged && f->vlan == 0 && e->set.kind == VLAN_ANY)
		tag = true;
	if (tag == f->tagged && (!tag || tci == f->tci)) {
		out(e, f->data, f->len);
		return;
	}
	len = f->len - old + (tag ? TAG : 0);
	p = scratch(e->wire, len);
	memcpy(p, f->data, 12);
	if (tag) {
		p[12] = TYPE_VLAN >> 8;
		p[13] = TYPE_VLAN & 0xff;
		p[14] = (uint8_t)(tci >> 8);
		p[15] = (uint8_t)tci;
	}
	memcpy(p + 12 + (tag ? TAG : 0), f->data + 12 + old, f->len - 12 - old);
	out(e, p, len);
}

/* ---- in ------------------------------------------------------------------ */

/* A loop was found: says so now and then. */
static void
tell_loop(struct end *e, const uint8_t *mac)
{
	struct wire *w = e->wire;
	char text[MAC_TEXT];

	if (w->told_ns != 0 && w->now_ns - w->told_ns < TELL_NS)
		return;
	w->told_ns = w->now_ns + 1;
	tool_say("%s: a loop: frames of %s come back here by another way; they "
		 "are dropped",
	    e->spec, mac_text(mac, text));
}

void
core_frame(struct end *e, const uint8_t *data, size_t len, unsigned sender)
{
	struct frame f = { .data = data, .len = len };
	struct wire *w = e->wire;
	size_t skip;
	int to;

	e->count.in.frames++;
	e->count.in.bytes += len;
	if (len < HEADER) {
		e->count.in.bad++;
		return;
	}
	if (!vlan_in(e, &f)) {
		e->count.in.vlan++;
		return;
	}
	skip = f.tagged ? HEADER - 2 + TAG : HEADER - 2;
	if (!learn_source(&w->learn, data + 6, f.vlan, e->number, sender,
		learn_hash(data, data + skip, len - skip), w->now_ns)) {
		e->count.in.loop++;
		tell_loop(e, data + 6);
		return;
	}
	to = learn_find(&w->learn, data, f.vlan, w->now_ns);
	if (to == (int)e->number) {
		e->count.in.local++;
	} else if (to >= 0) {
		frame_out(&w->ends[to], &f);
	} else {
		for (unsigned i = 0; i < w->n; i++)
			if (i != e->number)
				frame_out(&w->ends[i], &f);
	}
}

/* ---- settings ------------------------------------------------------------ */

void
core_set(struct end *e, const struct settings *set)
{
	struct weather_want *now = &e->weather.want;
	bool anew = set->weather.seeded || e->weather.n == 0;

	e->set = *set;
	e->set.weather.seeded = false;
	if (anew)
		weather_begin(&e->weather, &set->weather, e->number);
	else
		*now = set->weather;
	e->fine = weather_is_fine(&set->weather);
}
