/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * groups.c - the groups that an interface belongs to
 *
 * DOC: The fault: the library knows no groups of IPv4: it does not join any,
 * takes what is sent to one for a packet to be forwarded, and does not speak
 * IGMP or MLD, so that a bridge which listens for reports sends it nothing.
 *
 * The cure: an interface has a list of groups (struct member), each with who
 * belongs to it (struct share): the sockets that have joined it
 * (sock/kind/multicast.c), and of IPv6 the interface itself, for the
 * solicited-node groups of its addresses and, as a router, for ff02::2.  What
 * comes for another group is dropped.
 *
 * A share has a filter: the sources that it hears, or all but some.  What the
 * interface hears follows from all shares by RFC 3376, 3.2.
 *
 * Told is that by IGMPv3 (RFC 3376) and MLDv2 (RFC 3810), which have the same
 * states; igmp.c and mld.c have the messages:
 *
 *	change	What is heard differs: it is told at once, and again in each of
 *		the next seconds until it was told ROBUST times, or as often as
 *		a querier says.  A new mode (include, exclude) is told with all
 *		sources, and otherwise the sources that came and went.
 *	query	A router or a bridge asks for all, a group, or some sources of
 *		it: answered at a random time within what the query allows,
 *		counted in seconds.  What is due within the first goes at once,
 *		but nothing is told twice in one.
 *
 * Where a querier speaks an older version, that is spoken (IGMPv2, RFC 2236;
 * IGMPv1; MLDv1, RFC 2710) until it was not heard for OLD_S seconds: a group is
 * reported when it is joined, twice; and on a query, unless somebody else has
 * answered before; and its last member leaves it with a message if the last
 * report was ours.  Sources are not told then, but heard as before.
 *
 * Not told are 224.0.0.1, ff02::1 and groups that are no larger than the host.
 *
 * All is bounded: GROUP_SOURCES_MAX sources in a filter, CHANGES_MAX that are
 * told one by one (with more the mode is told anew).
 */
#include <sys/random.h>
#include <stdlib.h>
#include <string.h>

#include "stack/lwipv6/link/groups.h"

#define ROBUST 2u
#define UNSOLICITED_S 10u

uint32_t
group_random(uint32_t n)
{
	uint32_t r = 0;

	if (n < 2 || getrandom(&r, sizeof(r), 0) != sizeof(r))
		return 0;
	return r % n;
}

struct member *
group_find(const struct group_table *t, const struct ip_addr *group)
{
	struct member *m = t == NULL ? NULL : t->list;

	while (m != NULL && !ip_same(&m->group, group))
		m = m->next;
	return m;
}

/* ---- changes ------------------------------------------------------------- */

struct group_side *
group_side_of(struct group_table *t, const struct ip_addr *group)
{
	return &t->side[!ip_is_v4(group)];
}

bool
group_is_old(const struct group_side *s)
{
	return s->old != 0 || s->oldest != 0;
}

void
group_tell_old(struct port *port, struct member *m, bool leave)
{
	const struct group_side *s = group_side_of(port->groups, &m->group);

	m->due = 0;
	if (!group_is_told(&m->group) ||
	    (leave && (!m->ours || s->oldest != 0)))
		return;
	m->ours = m->said = !leave;
	(ip_is_v4(&m->group) ? igmp_old : mld_old)(port, &m->group, leave);
}

/* What the interface hears of M, from all shares: RFC 3376, 3.2. */
static struct source_filter
merge(const struct member *m)
{
	struct source_filter f = { .include = true };
	const struct share *s, *first = NULL;
	unsigned i, n;

	for (s = m->shares; s != NULL; s = s->next)
		if (!s->filter.include && first == NULL)
			first = s;
	if (first != NULL) {
		f = first->filter; /* what all of these exclude */
		for (s = m->shares; s != NULL; s = s->next) {
			for (i = n = 0; i < f.n; i++)
				if (!group_hears(&s->filter, &f.src[i]))
					f.src[n++] = f.src[i];
			f.n = (uint16_t)n;
		}
		return f;
	}
	for (s = m->shares; s != NULL; s = s->next)
		for (i = 0; i < s->filter.n; i++) {
			if (filter_has(&f, &s->filter.src[i]))
				continue;
			if (f.n == GROUP_SOURCES_MAX) {
				/* Too many: all, and sockets choose. */
				f.include = false;
				f.n = 0;
				return f;
			}
			f.src[f.n++] = s->filter.src[i];
		}
	return f;
}

/* Notes that IP is heard of M, or not any more. */
static void
note_change(struct member *m, const struct ip_addr *ip, uint8_t robust)
{
	unsigned i;

	for (i = 0; i < m->changes && !ip_same(&m->change[i].ip, ip);)
		i++;
	if (i == CHANGES_MAX) {
		m->changes = 0;
		m->mode_left = robust;
		return;
	}
	if (i == m->changes)
		m->changes++;
	m->change[i] = (struct change){ *ip, robust };
}

/* What M hears may be another thing: tells that. */
static void
changed(struct port *port, struct member *m)
{
	struct group_side *side = group_side_of(port->groups, &m->group);
	struct source_filter was = m->now;
	bool before = !was.include || was.n != 0, after;
	struct report r;
	unsigned i;

	m->now = merge(m);
	after = !m->now.include || m->now.n != 0;
	if (!group_is_told(&m->group))
		return;
	if (group_is_old(side)) {
		if (after && !before) {
			group_tell_old(port, m, false);
			m->due = 1 + group_random(UNSOLICITED_S);
		} else if (before && !after) {
			group_tell_old(port, m, true);
		}
		return;
	}
	if (was.include != m->now.include) {
		m->changes = 0;
		m->mode_left = side->robust;
	} else {
		for (i = 0; i < was.n; i++)
			if (!filter_has(&m->now, &was.src[i]))
				note_change(m, &was.src[i], side->robust);
		for (i = 0; i < m->now.n; i++)
			if (!filter_has(&was, &m->now.src[i]))
				note_change(m, &m->now.src[i], side->robust);
		if (m->mode_left != 0)
			m->mode_left = side->robust;
	}
	if (m->mode_left == 0 && m->changes == 0)
		return;
	report_begin(&r, port, ip_is_v4(&m->group));
	report_changes(&r, m);
	report_flush(&r);
}

struct group_table *
group_table_of(struct port *port)
{
	struct group_table *t = port->groups;

	if (t == NULL && (t = calloc(1, sizeof(*t))) != NULL) {
		t->side[0].robust = t->side[1].robust = ROBUST;
		port->groups = t;
	}
	return t;
}

uint32_t
group_join(struct port *port, const struct ip_addr *group,
    const struct source_filter *f)
{
	static _Atomic uint32_t serial;
	struct group_table *t = group_table_of(port);
	struct share *s;
	struct member *m;

	if (t == NULL || (s = calloc(1, sizeof(*s))) == NULL)
		return 0;
	if ((m = group_find(t, group)) == NULL) {
		if ((m = calloc(1, sizeof(*m))) == NULL) {
			free(s);
			return 0;
		}
		m->group = *group;
		m->now.include = true; /* nothing */
		m->next = t->list;
		t->list = m;
	}
	while ((s->serial = ++serial) == 0)
		;
	if (f != NULL)
		s->filter = *f;
	s->next = m->shares;
	m->shares = s;
	changed(port, m);
	return s->serial;
}

/* Where the share SERIAL hangs, of *MP; or NULL. */
static struct share **
find_share(struct group_table *t, uint32_t serial, struct member **mp)
{
	struct share **sp;
	struct member *m;

	for (m = t == NULL ? NULL : t->list; m != NULL; m = m->next)
		for (sp = &m->shares; *sp != NULL; sp = &(*sp)->next)
			if ((*sp)->serial == serial) {
				*mp = m;
				return sp;
			}
	return NULL;
}

void
group_filter(struct port *port, uint32_t serial, const struct source_filter *f)
{
	struct member *m;
	struct share **sp = find_share(port->groups, serial, &m);

	if (sp == NULL)
		return;
	(*sp)->filter = *f;
	changed(port, m);
}

/* Frees the members that are nobody's and told. */
static void
sweep(struct group_table *t)
{
	struct member **mp, *m;

	for (mp = &t->list; (m = *mp) != NULL;)
		if (m->shares == NULL &&
		    (group_is_old(group_side_of(t, &m->group)) ||
			(m->mode_left == 0 && m->changes == 0))) {
			*mp = m->next;
			free(m);
		} else {
			mp = &m->next;
		}
}

void
group_leave(struct port *port, uint32_t serial)
{
	struct member *m;
	struct share **sp = find_share(port->groups, serial, &m), *s;

	if (sp == NULL)
		return;
	s = *sp;
	*sp = s->next;
	free(s);
	changed(port, m);
	sweep(port->groups);
}

/* ---- time ---------------------------------------------------------------- */

/* Tells what has changed, and, STATE, what is due, of a family. */
static void
tell_new(struct port *port, bool v4, bool state)
{
	struct group_table *t = port->groups;
	struct report r;
	struct member *m;

	report_begin(&r, port, v4);
	for (m = t->list; m != NULL; m = m->next) {
		if (ip_is_v4(&m->group) != v4)
			continue;
		if (m->mode_left != 0 || m->changes != 0)
			report_changes(&r, m);
		if (!state)
			continue;
		if (t->side[!v4].due == 1 || m->due == 1)
			report_state(&r, m, t->side[!v4].due == 1);
		if (m->due != 0 && --m->due == 0)
			m->about_some = false;
	}
	report_flush(&r);
	if (state && t->side[!v4].due != 0)
		t->side[!v4].due--;
}

static void
tell_due_old(struct port *port, bool v4)
{
	struct member *m;

	for (m = port->groups->list; m != NULL; m = m->next) {
		if (ip_is_v4(&m->group) != v4)
			continue;
		m->mode_left = 0;
		m->changes = 0;
		if (m->due != 0 && --m->due == 0 && m->shares != NULL)
			group_tell_old(port, m, false);
	}
	port->groups->side[!v4].due = 0;
}

void
group_again(struct port *port)
{
	struct group_table *t = port->groups;
	struct member *m;
	unsigned v6;

	group_own(port);
	for (m = t == NULL ? NULL : t->list; m != NULL; m = m->next) {
		if (m->shares == NULL || !group_is_told(&m->group))
			continue;
		if (group_is_old(group_side_of(t, &m->group))) {
			group_tell_old(port, m, false);
			m->due = 1 + group_random(UNSOLICITED_S);
		} else {
			m->changes = 0;
			m->mode_left = group_side_of(t, &m->group)->robust;
		}
	}
	for (v6 = 0; t != NULL && v6 < 2; v6++)
		if (!group_is_old(&t->side[v6]))
			tell_new(port, v6 == 0, false);
}

void
group_timer(struct port *port)
{
	struct group_table *t = port->groups;
	struct ip_addr own_ll = { { htonl(0xfe800000) } };
	struct member *m;
	unsigned v6;

	group_own(port);
	if (t == NULL)
		return;
	prefixes_identify(&port->netif, &own_ll);
	for (m = t->list; m != NULL; m = m->next) {
		m->said = false;
		/* RFC 3590, 4: told again from an address. */
		if (t->nobody && !dad_is_unsure(port, &own_ll) &&
		    !ip_is_v4(&m->group) && m->shares != NULL &&
		    m->mode_left == 0 && group_is_told(&m->group))
			m->mode_left = 1;
	}
	if (!dad_is_unsure(port, &own_ll))
		t->nobody = false;
	for (v6 = 0; v6 < 2; v6++) {
		struct group_side *s = &t->side[v6];

		s->said = false;
		if (group_is_old(s))
			tell_due_old(port, v6 == 0);
		else
			tell_new(port, v6 == 0, true);
		s->old -= s->old != 0;
		s->oldest -= s->oldest != 0;
	}
	sweep(t);
}

void
group_reported(struct port *port, const struct ip_addr *group)
{
	struct member *m = group_find(port->groups, group);

	if (m == NULL || !group_is_old(group_side_of(port->groups, group)))
		return;
	m->due = 0;
	m->ours = false;
}

void
group_free(struct port *port)
{
	struct member *m;
	struct share *s;

	if (port->groups == NULL)
		return;
	while ((m = port->groups->list) != NULL) {
		port->groups->list = m->next;
		while ((s = m->shares) != NULL) {
			m->shares = s->next;
			free(s);
		}
		free(m);
	}
	free(port->groups);
	port->groups = NULL;
}
