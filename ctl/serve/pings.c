/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pings.c - pings that clients asked for
 *
 * DOC: Requests are sent by the server's thread when they are due.  Answers
 * come on the stack's thread, which puts them into a ring of the ping's own
 * and wakes the server; when the ring is full they are counted as lost.  A
 * ping is over when all its answers came, or its time is up, or its client is
 * gone.
 */
#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ctl/serve/pings.h"

#define RING 1024u
#define OUT_MAX 65536u /* waiting bytes; with more, answers are only counted */

struct ping_run {
	struct ping_run *next;
	struct client *client;
	struct ctl_ping *ping;
	struct ping_wish wish;
	int64_t id;
	unsigned sent, received, duplicates;
	int64_t due_ms; /* when the next request is sent, or the ping ends */
	uint64_t min_ns, max_ns, sum_ns;
	uint8_t seen[65536 / 8];
	int wake;
	pthread_mutex_t lock;
	struct ctl_answer ring[RING]; /* under lock */
	unsigned head, tail;	      /* under lock */
};

/* On the stack's thread. */
static void
pong_came(void *arg, const struct ctl_answer *answer)
{
	struct ping_run *r = arg;

	pthread_mutex_lock(&r->lock);
	if (r->head - r->tail < RING)
		r->ring[r->head++ % RING] = *answer;
	pthread_mutex_unlock(&r->lock);
	eventfd_write(r->wake, 1);
}

static void
run_free(struct pings *p, struct ping_run *r)
{
	struct ping_run **q = &p->first;

	while (*q != r)
		q = &(*q)->next;
	*q = r->next;
	p->n--;
	r->client->ping = NULL;
	p->all->env.ctl->ping_end(r->ping);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void
pings_cancel(struct pings *p, struct client *c)
{
	if (c->ping != NULL)
		run_free(p, c->ping);
}

void
pings_begin(struct pings *p, struct client *c)
{
	struct clients *all = p->all;
	struct ping_run *r = NULL;
	int error = ENOMEM;

	c->asks = false;
	if (p->n >= PINGS_MAX) {
		client_reply(all, c,
		    reply_error(c->wish_id, 0, EBUSY,
			"64 pings are running already"));
		return;
	}
	if ((r = calloc(1, sizeof(*r))) == NULL)
		goto fail;
	r->client = c;
	r->wish = c->wish;
	r->id = c->wish_id;
	r->wake = p->wake;
	r->min_ns = UINT64_MAX;
	r->due_ms = clock_ms();
	pthread_mutex_init(&r->lock, NULL);
	error = all->env.ctl->ping_begin(all->env.stack, r->wish.ip,
	    r->wish.name, pong_came, r, &r->ping);
	if (error != 0) {
		pthread_mutex_destroy(&r->lock);
		goto fail;
	}
	r->next = p->first;
	p->first = r;
	p->n++;
	c->ping = r;
	return;
fail:
	free(r);
	client_reply(all, c,
	    reply_error(c->wish_id, 0, error, error_text(error)));
}

static void
add_int(struct json_object *o, const char *name, uint64_t v)
{
	json_object_object_add(o, name, json_object_new_int64((int64_t)v));
}

/* Microseconds, with a tenth. */
static void
add_us(struct json_object *o, const char *name, uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%.1f", (double)ns / 1000);
	json_object_object_add(o, name,
	    json_object_new_double_s((double)ns / 1000, text));
}

/* Whether several hosts may answer R. */
static bool
is_group(const struct ping_run *r)
{
	const uint8_t *ip = r->wish.ip;

	return addr_is_v4(ip) ? ip[12] >> 4 == 0xe : ip[0] == 0xff;
}

/* Reports P, which came for request SEQ; AGAIN: it had an answer before. */
static void
report(struct clients *all, struct ping_run *r, const struct ctl_answer *p,
    uint64_t seq, bool again)
{
	struct json_object *o;
	char from[ADDR_TEXT];

	if (r->client->out_len > OUT_MAX)
		return;
	o = json_object_new_object();
	add_int(o, "seq", seq);
	if (p->expired)
		json_object_object_add(o, "expired",
		    json_object_new_boolean(true));
	else
		add_int(o, "bytes", p->bytes);
	if (again)
		json_object_object_add(o, "duplicate",
		    json_object_new_boolean(true));
	add_us(o, "time_us", p->ns);
	if (!p->expired)
		add_int(o, "ttl", p->ttl);
	ip_text(p->from, from);
	json_object_object_add(o, "from", json_object_new_string(from));
	client_reply(all, r->client, reply_one(r->id, o, true));
}

/* Counts an answer, and reports it. */
static void
take(struct clients *all, struct ping_run *r, const struct ctl_answer *p)
{
	uint8_t *byte = &r->seen[(p->seq & 0xffff) / 8];
	uint8_t bit = (uint8_t)(1 << p->seq % 8);
	uint64_t seq;

	if (r->sent == 0)
		return;
	/* The ICMP header has only the lower 16 bits of the number. */
	seq = r->sent - 1 - ((r->sent - 1 - p->seq) & 0xffff);
	if (p->expired) {
		report(all, r, p, seq, false);
		return;
	}
	if (*byte & bit) {
		r->duplicates++;
		report(all, r, p, seq, true);
		return;
	}
	*byte |= bit;
	r->received++;
	r->sum_ns += p->ns;
	if (p->ns < r->min_ns)
		r->min_ns = p->ns;
	if (p->ns > r->max_ns)
		r->max_ns = p->ns;
	report(all, r, p, seq, false);
}

static void
take_all(struct clients *all, struct ping_run *r)
{
	struct ctl_answer p;

	for (;;) {
		pthread_mutex_lock(&r->lock);
		if (r->head == r->tail) {
			pthread_mutex_unlock(&r->lock);
			return;
		}
		p = r->ring[r->tail++ % RING];
		pthread_mutex_unlock(&r->lock);
		take(all, r, &p);
	}
}

/* Sends a request.  False: the ping is over, and its client was told. */
static bool
send_one(struct clients *all, struct ping_run *r)
{
	unsigned seq = r->sent & 0xffff;
	int error;

	r->seen[seq / 8] &= (uint8_t) ~(1 << seq % 8);
	error = all->env.ctl->ping_send(r->ping, seq, r->wish.size,
	    r->wish.ttl);
	if (error != 0 && r->sent == 0) {
		client_reply(all, r->client,
		    reply_error(r->id, 0, error, error_text(error)));
		return false;
	}
	r->sent++;
	return true;
}

static void
report_end(struct clients *all, struct ping_run *r)
{
	struct json_object *o = json_object_new_object();

	add_int(o, "sent", r->sent);
	add_int(o, "received", r->received);
	add_int(o, "duplicates", r->duplicates);
	if (r->received > 0) {
		add_us(o, "min_us", r->min_ns);
		add_us(o, "avg_us", r->sum_ns / r->received);
		add_us(o, "max_us", r->max_ns);
	}
	client_reply(all, r->client, reply_one(r->id, o, false));
}

/* What is due for R.  False: it is over. */
static bool
work(struct clients *all, struct ping_run *r, int64_t now)
{
	take_all(all, r);
	if (r->sent == r->wish.count &&
	    ((r->received == r->sent && !is_group(r)) || now >= r->due_ms)) {
		report_end(all, r);
		return false;
	}
	if (now < r->due_ms)
		return true;
	if (!send_one(all, r))
		return false;
	r->due_ms = now +
	    (r->sent == r->wish.count ? r->wish.timeout_ms :
					r->wish.interval_ms);
	return true;
}

int
pings_work(struct pings *p)
{
	struct clients *all = p->all;
	struct ping_run *r, *next;
	int64_t now = clock_ms(), wait = -1;

	for (r = p->first; r != NULL; r = next) {
		struct client *c = r->client;

		next = r->next;
		if (!work(all, r, now)) {
			run_free(p, r);
			c->more =
			    true; /* another request of it may wait in IN */
		} else if (wait == -1 || r->due_ms - now < wait) {
			wait = r->due_ms > now ? r->due_ms - now : 0;
		}
		client_flush(all, c);
	}
	return (int)wait;
}
