/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * group_tell.c - reports of groups, and answers to queries; see groups.c
 */
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/link/groups.h"

#define ROBUST_MAX 7u
#define OLDEST_S 400u
#define OLD_S 260u

/* ---- reports ------------------------------------------------------------- */

void
report_flush(struct report *r)
{
	if (r->records != 0)
		(r->v4 ? igmp_send : mld_send)(r->port, r->b, r->len,
		    r->records);
	r->records = r->len = 0;
}

void
report_begin(struct report *r, struct port *port, bool v4)
{
	r->port = port;
	r->v4 = v4;
	r->records = r->len = 0;
}

/* Adds a record of GROUP with N sources to R. */
static void
report_add(struct report *r, enum record type, const struct ip_addr *group,
    const struct ip_addr *src, unsigned n)
{
	unsigned size = r->v4 ? 4 : 16, skip = 16 - size, head = 4 + size, i;
	unsigned most = link_mtu(&r->port->netif, r->v4) - 56;
	uint8_t *b;

	if (most > REPORT_MAX)
		most = REPORT_MAX;
	if (r->len + head + n * size > most)
		report_flush(r);
	if (head > most)
		return;
	if (n > (most - head) / size)
		n = (most - head) / size; /* RFC 3376, 4.2.16 */
	b = r->b + r->len;
	b[0] = (uint8_t)type;
	b[1] = 0;
	put16(b + 2, n);
	memcpy(b + 4, (const uint8_t *)group + skip, size);
	for (i = 0; i < n; i++)
		memcpy(b + head + (size_t)i * size,
		    (const uint8_t *)&src[i] + skip, size);
	r->len += head + n * size;
	r->records++;
}

void
report_state(struct report *r, const struct member *m, bool all)
{
	struct ip_addr list[GROUP_SOURCES_MAX];
	unsigned i, n = 0;

	if (m->shares == NULL || !group_is_told(&m->group))
		return;
	if (all || !m->about_some) {
		if (!m->now.include || m->now.n != 0)
			report_add(r, m->now.include ? IS_INCLUDE : IS_EXCLUDE,
			    &m->group, m->now.src, m->now.n);
		return;
	}
	for (i = 0; i < m->asked_n; i++)
		if (group_hears(&m->now, &m->asked[i]))
			list[n++] = m->asked[i];
	if (n != 0)
		report_add(r, IS_INCLUDE, &m->group, list, n);
}

static void
add_sources(struct report *r, struct member *m, enum record type)
{
	struct ip_addr list[CHANGES_MAX];
	unsigned i, n = 0;

	for (i = 0; i < m->changes; i++)
		if (group_hears(&m->now, &m->change[i].ip) == (type == ALLOW))
			list[n++] = m->change[i].ip;
	if (n != 0)
		report_add(r, type, &m->group, list, n);
}

void
report_changes(struct report *r, struct member *m)
{
	unsigned i, n = 0;

	if (m->mode_left != 0) {
		m->mode_left--;
		report_add(r, m->now.include ? TO_INCLUDE : TO_EXCLUDE,
		    &m->group, m->now.src, m->now.n);
		return;
	}
	add_sources(r, m, ALLOW);
	add_sources(r, m, BLOCK);
	for (i = 0; i < m->changes; i++)
		if (--m->change[i].left != 0)
			m->change[n++] = m->change[i];
	m->changes = n;
}

/* ---- queries ------------------------------------------------------------- */

/* When to answer a query, in seconds; 0: at once. */
static unsigned
when(const struct group_query *q, bool said)
{
	return said ? 1 : group_random(q->tenths / 10);
}

static void
ask_old(struct port *port, const struct group_query *q)
{
	struct member *m;

	for (m = port->groups->list; m != NULL; m = m->next) {
		unsigned s;

		if (ip_is_v4(&m->group) != q->v4 || m->shares == NULL ||
		    (!ip_is_any(&q->group) && !ip_same(&m->group, &q->group)))
			continue;
		s = when(q, m->said);
		if (s == 0)
			group_tell_old(port, m, false);
		else if (m->due == 0 || m->due > s)
			m->due = s;
	}
}

/* Q asks for the member M, or sources of it. */
static void
ask_one(struct port *port, const struct group_query *q, struct member *m)
{
	unsigned size = q->v4 ? 4 : 16, s = when(q, m->said), i;
	struct report r;

	if (m->due == 0) {
		m->about_some = q->sources != 0;
		m->asked_n = 0;
	}
	if (q->sources == 0 || m->asked_n + q->sources > GROUP_SOURCES_MAX)
		m->about_some = false; /* all of it */
	for (i = 0; m->about_some && i < q->sources; i++) {
		struct ip_addr ip = { { 0, 0, htonl(0xffff), 0 } };

		memcpy((uint8_t *)&ip + 16 - size, q->source + (size_t)i * size,
		    size);
		m->asked[m->asked_n++] = ip;
	}
	if (s != 0) {
		m->due = m->due == 0 || m->due > s ? s : m->due;
		return;
	}
	report_begin(&r, port, q->v4);
	report_state(&r, m, false);
	report_flush(&r);
	m->due = 0;
	m->about_some = false;
	m->said = true;
}

void
group_asked(struct port *port, const struct group_query *q)
{
	struct group_side *s;
	struct member *m;
	struct report r;
	unsigned at;

	if (group_table_of(port) == NULL)
		return;
	s = &port->groups->side[!q->v4];
	if (q->v4 && q->version == 1)
		s->oldest = OLDEST_S;
	else if (q->version == (q->v4 ? 2 : 1))
		s->old = OLD_S;
	if (q->robust != 0)
		s->robust = (uint8_t)(q->robust > ROBUST_MAX ? ROBUST_MAX :
							       q->robust);
	if (group_is_old(s)) {
		ask_old(port, q);
		return;
	}
	if (!ip_is_any(&q->group)) {
		if ((m = group_find(port->groups, &q->group)) != NULL &&
		    m->shares != NULL)
			ask_one(port, q, m);
		return;
	}
	at = when(q, s->said);
	if (at != 0) {
		s->due = s->due == 0 || s->due > at ? at : s->due;
		return;
	}
	s->said = true;
	s->due = 0;
	report_begin(&r, port, q->v4);
	for (m = port->groups->list; m != NULL; m = m->next)
		if (ip_is_v4(&m->group) == q->v4)
			report_state(&r, m, true);
	report_flush(&r);
}
