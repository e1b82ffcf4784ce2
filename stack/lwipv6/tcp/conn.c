/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conn.c - the connections of a stack, and how they are found
 *
 * DOC: The faults: the library keeps connections in lists, and walks along them
 * for each segment that comes, for each port that is chosen, and to take one out.
 * Those that end stay in TIME-WAIT for two minutes, in a list as well, whole.
 *
 * How they are seen: connecting and closing falls from 4950 times a second to
 * 1130 within eight seconds as TIME-WAIT fills; when all ports wait there each
 * connect takes 24 ms, and gets a port that is in use.
 *
 * The cure: our connections are not in the library's lists (slirp's are).  A
 * stack has a table of them:
 *   - by their two ends, in a hash table under a secret of the process's, which
 *     grows with what is in it.  The entry that was found last is looked at
 *     first, for segments come in trains.
 *   - by their local port, which is what bind() and connect() ask for.
 *   - in lists by what is to be done with them: a link each, so that none is
 *     searched for to be taken out, and a timer sees those that it is for.
 * Listeners are found by their port, too: one at the address itself is preferred
 * to one at all addresses.
 *
 * TIME-WAIT.  The connection is freed, and what has to be known of it is kept:
 * its ends and its numbers.  All wait for the same time, so they end in the order
 * in which they began.  There are WAITING_MAX at most; then the oldest goes
 * (Linux has such a bound, too).
 *
 * A pcb is freed by the library, mostly, which calls tcp_pcb_purge() for it
 * before that: there it leaves the table.  What must not be freed yet, for it is
 * in one of its callbacks, waits in the list of the dead for the slow timer
 * (slow.c).
 *
 * The library's timer, which drives ours, stops when nothing is in its lists.  While
 * something is in the table one pcb is there in TIME-WAIT, the keeper.
 */
#include <string.h>

#include "stack/lwipv6/tcp/conn.h"

/*
 * The analyzer takes what a list begins with, once it was taken out and freed,
 * for the same again.
 */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc) */

#define BUCKETS_FIRST 64u
#define WAITING_MAX 65536u
#define TIME_WAIT_TICKS 240u /* 2 MSL, of half a second */
#define LONG_AGO 1000u	     /* ticks; more than any timeout */

static __thread bool for_slirp;

void
conn_for_slirp(bool is)
{
	for_slirp = is;
}

/* ---- the table ----------------------------------------------------------- */

static struct conn_table *
known_table(struct stack *stack)
{
	void **slot = stack_slot(stack);

	return slot == NULL ? NULL : *slot;
}

struct conn_table *
conn_table(struct stack *stack)
{
	void **slot = stack_slot(stack);
	struct conn_table *t;

	if (slot == NULL || *slot != NULL)
		return slot == NULL ? NULL : *slot;
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return NULL;
	node_init(&t->open);
	node_init(&t->busy);
	node_init(&t->put_off);
	node_init(&t->probe);
	node_init(&t->half);
	node_init(&t->time_wait);
	node_init(&t->dead);
	*slot = t;
	return t;
}

/* Makes room for one more.  False: there is none, and no memory. */
static bool
grow(struct conn_table *t)
{
	uint32_t n = t->buckets == 0 ? BUCKETS_FIRST : 2 * t->buckets, i;
	struct found **more, *e;

	if (t->count < t->buckets)
		return true;
	if ((more = calloc(n, sizeof(*more))) == NULL)
		return t->buckets != 0; /* its chains get longer */
	for (i = 0; i < t->buckets; i++) {
		while ((e = t->bucket[i]) != NULL) {
			t->bucket[i] = e->chain;
			e->chain = more[e->hash & (n - 1)];
			more[e->hash & (n - 1)] = e;
		}
	}
	free(t->bucket);
	t->bucket = more;
	t->buckets = n;
	return true;
}

static bool
same_ends(const struct ends *a, const struct ends *b)
{
	return a->local_port == b->local_port &&
	    a->remote_port == b->remote_port &&
	    ip_same(&a->remote, &b->remote) && ip_same(&a->local, &b->local);
}

struct found *
conn_find(struct stack *stack, const struct ends *ends)
{
	struct conn_table *t = known_table(stack);
	struct found *e;
	uint64_t hash;

	if (t == NULL || t->count == 0)
		return NULL;
	if ((e = t->last) != NULL && same_ends(&e->ends, ends))
		return e;
	hash = isn_hash(ends, HASH_FIND);
	for (e = t->bucket[hash & (t->buckets - 1)]; e != NULL; e = e->chain)
		if (e->hash == hash && same_ends(&e->ends, ends))
			break;
	if (e != NULL)
		t->last = e;
	return e;
}

struct tcp_pcb *
conn_pcb(struct stack *stack, const struct ends *ends)
{
	struct found *e = conn_find(stack, ends);

	return e == NULL ? NULL : e->pcb;
}

/* Puts E, whose ends are known, into T.  False: there is no memory. */
static bool
enter(struct conn_table *t, struct found *e)
{
	struct node *list = port_list(&t->ports, e->ends.local_port, true);

	if (list == NULL || !grow(t))
		return false;
	e->hash = isn_hash(&e->ends, HASH_FIND);
	e->chain = t->bucket[e->hash & (t->buckets - 1)];
	t->bucket[e->hash & (t->buckets - 1)] = e;
	node_before(list, &e->port);
	t->count++;
	return true;
}

static void
leave(struct conn_table *t, struct found *e)
{
	struct found **at = &t->bucket[e->hash & (t->buckets - 1)];

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	node_out(&e->port);
	t->count--;
	if (t->last == e)
		t->last = NULL;
}

/* ---- the library's timer -------------------------------------------------- */

/* Has the library's timer run.  False: there is no memory. */
static bool
keep_running(struct stack *stack, struct conn_table *t)
{
	struct tcp_pcb **tw = &STACK_FIELD(stack, STACK_TCP_TW,
	    struct tcp_pcb *);

	if (t->keeper != NULL)
		return true;
	if ((t->keeper = tcp_new(stack)) == NULL)
		return false;
	t->keeper->state = TCP_TIME_WAIT;
	t->keeper->next = *tw;
	*tw = t->keeper;
	tcp_timer_needed(stack);
	return true;
}

void
conn_rest(struct stack *stack)
{
	struct conn_table *t = known_table(stack);

	if (t == NULL || t->keeper == NULL)
		return;
	t->keeper->tmr = STACK_FIELD(stack, STACK_TCP_TICKS, uint32_t);
	if (t->count == 0 && node_alone(&t->dead))
		tcp_abort(t->keeper); /* says nothing in TIME-WAIT */
}

/* ---- connections --------------------------------------------------------- */

struct conn *
conn_add(struct tcp_pcb *pcb)
{
	struct conn_table *t = conn_table(pcb->stack);
	struct ends ends = conn_ends(pcb);
	struct conn *c;

	if (pcb->conn != NULL)
		return pcb->conn;
	if (t == NULL || !keep_running(pcb->stack, t) ||
	    conn_find(pcb->stack, &ends) != NULL ||
	    (c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->e.ends = ends;
	c->e.pcb = pcb;
	if (!enter(t, &c->e)) {
		free(c);
		return NULL;
	}
	node_init(&c->busy);
	node_init(&c->put_off);
	node_init(&c->probe);
	node_init(&c->half);
	window_begin(c);
	c->cwnd = pcb->mss;
	c->ssthresh = UINT32_MAX; /* RFC 5681, 3.1: arbitrarily high */
	node_before(&t->open, &c->open);
	if (pcb->state == TCP_SYN_RCVD) {
		node_before(&t->half, &c->half);
		t->halves++;
	}
	pcb->conn = c;
	return c;
}

void
conn_whole(struct tcp_pcb *pcb)
{
	struct conn *c = conn_of(pcb);

	if (c == NULL || node_alone(&c->half))
		return;
	node_out(&c->half);
	known_table(pcb->stack)->halves--;
}

/* Takes C out of all lists. */
static void
conn_leave(struct conn *c)
{
	struct tcp_pcb *pcb = c->e.pcb;

	conn_whole(pcb);
	leave(known_table(pcb->stack), &c->e);
	node_out(&c->open);
	node_out(&c->busy);
	node_out(&c->put_off);
	node_out(&c->probe);
	pcb->conn = NULL;
}

void
conn_drop(struct tcp_pcb *pcb)
{
	struct conn *c = conn_of(pcb);
	struct conn_table *t;

	if (c != NULL) {
		conn_leave(c);
		free(c);
	} else if (pcb->state == TCP_TIME_WAIT &&
	    (t = known_table(pcb->stack)) != NULL && t->keeper == pcb) {
		t->keeper = NULL;
	}
}

bool
conn_uses(struct stack *stack, const struct ip_addr *ip, uint16_t port,
    const void *arg)
{
	struct conn_table *t = known_table(stack);
	struct node *l, *head;

	if (t == NULL)
		return false;
	EACH_AT_PORT(l, head, &t->ports, port)
	{
		const struct found *e = NODE_OF(l, struct found, port);

		if ((e->pcb == NULL || e->pcb->callback_arg != arg) &&
		    (ip_is_any(ip) || ip_same(ip, &e->ends.local)))
			return true;
	}
	return false;
}

/* ---- the end of one ------------------------------------------------------ */

void
conn_free_later(struct tcp_pcb *pcb)
{
	struct conn_table *t = known_table(pcb->stack);
	struct conn *c = conn_of(pcb);

	if (c != NULL) {
		/* Kept, as its place in the list of the dead. */
		conn_leave(c);
		node_before(&t->dead, &c->open);
	}
	tcp_pcb_purge(pcb);
	pcb->flags &= (uint8_t) ~(TCP_FLAG_ACK_DELAY | TCP_FLAG_ACK_NOW);
	if (c != NULL) {
		pcb->state = TCP_CLOSED;
		return;
	}
	/* It is in a list of the library's, whose timer frees it. */
	pcb->local_port = pcb->remote_port = 0;
	if (pcb->state != TCP_TIME_WAIT)
		pcb->state = TCP_FIN_WAIT_2;
	pcb->tmr = STACK_FIELD(pcb->stack, STACK_TCP_TICKS, uint32_t) -
	    LONG_AGO;
}

void
conn_end(struct tcp_pcb *pcb, err_t err)
{
	void (*errf)(void *, err_t) = pcb->errf;
	void *arg = pcb->callback_arg;

	conn_free_later(pcb);
	pcb->callback_arg = NULL;
	if (errf != NULL)
		errf(arg, err);
}

/* The library's way, for one in its list: PCB goes to the other one. */
static void
move_over(struct tcp_pcb *pcb)
{
	struct tcp_pcb **list = &STACK_FIELD(pcb->stack, STACK_TCP_ACTIVE,
	    struct tcp_pcb *);
	struct tcp_pcb **tw = &STACK_FIELD(pcb->stack, STACK_TCP_TW,
	    struct tcp_pcb *);

	while (*list != NULL && *list != pcb)
		list = &(*list)->next;
	if (*list == NULL)
		return;
	tcp_pcb_purge(pcb);
	*list = pcb->next;
	pcb->next = *tw;
	*tw = pcb;
	pcb->state = TCP_TIME_WAIT;
	pcb->tmr = STACK_FIELD(pcb->stack, STACK_TCP_TICKS, uint32_t);
}

static void
time_wait_begin(struct tcp_pcb *pcb, const struct conn *c)
{
	struct conn_table *t = known_table(pcb->stack);
	struct time_wait *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return;
	w->e.ends = conn_ends(pcb);
	w->snd_nxt = pcb->snd_max;
	w->rcv_nxt = pcb->rcv_nxt;
	w->window = window_field(c);
	w->ts = c->ts;
	w->ts_recent = c->ts_recent;
	w->ttl = pcb->ttl;
	w->tos = pcb->tos;
	w->since = STACK_FIELD(pcb->stack, STACK_TCP_TICKS, uint32_t);
	if (!enter(t, &w->e)) {
		free(w);
		return;
	}
	node_before(&t->time_wait, &w->age);
	if (t->waiting++ == WAITING_MAX)
		time_wait_drop(pcb->stack,
		    NODE_OF(t->time_wait.next, struct time_wait, age));
}

void
conn_time_wait(struct tcp_pcb *pcb)
{
	struct conn_table *t = known_table(pcb->stack);
	struct conn *c = conn_of(pcb);

	if (c == NULL) {
		if (pcb->state != TCP_TIME_WAIT)
			move_over(pcb);
		return;
	}
	conn_leave(c);
	node_before(&t->dead, &c->open);
	time_wait_begin(pcb, c);
	tcp_pcb_purge(pcb);
	pcb->state = TCP_TIME_WAIT;
}

/* ---- TIME-WAIT ----------------------------------------------------------- */

struct time_wait *
time_wait_of(struct found *e)
{
	return e == NULL || e->pcb != NULL ? NULL :
					     NODE_OF(e, struct time_wait, e);
}

void
time_wait_drop(struct stack *stack, struct time_wait *tw)
{
	struct conn_table *t = known_table(stack);

	leave(t, &tw->e);
	node_out(&tw->age);
	t->waiting--;
	free(tw);
}

void
time_wait_again(struct stack *stack, struct time_wait *tw)
{
	tw->since = STACK_FIELD(stack, STACK_TCP_TICKS, uint32_t);
	node_out(&tw->age);
	node_before(&known_table(stack)->time_wait, &tw->age);
}

void
time_wait_reap(struct stack *stack)
{
	struct conn_table *t = known_table(stack);
	uint32_t now = STACK_FIELD(stack, STACK_TCP_TICKS, uint32_t);

	while (t != NULL && !node_alone(&t->time_wait)) {
		struct time_wait *tw = NODE_OF(t->time_wait.next,
		    struct time_wait, age);

		if (now - tw->since <= TIME_WAIT_TICKS)
			break;
		time_wait_drop(stack, tw);
	}
}

/* ---- listeners ----------------------------------------------------------- */

/* Replaces the library's: PCB, which is freed, becomes one that listens. */
EXPORT struct tcp_pcb *
OURS(tcp_listen)(struct tcp_pcb *pcb)
{
	struct conn_table *t = for_slirp ? NULL : conn_table(pcb->stack);
	struct node *list = NULL;
	struct listener *l = NULL;

	if (pcb->state == TCP_LISTEN)
		return pcb;
	if (t != NULL &&
	    ((list = port_list(&t->listeners, pcb->local_port, true)) == NULL ||
		(l = calloc(1, sizeof(*l))) == NULL))
		return NULL;
	if ((pcb = real()->tcp_listen(pcb)) == NULL || l == NULL) {
		free(l);
		return pcb;
	}
	l->pcb = pcb;
	node_before(list, &l->port);
	return pcb;
}

void
listener_gone(struct tcp_pcb *pcb)
{
	struct conn_table *t = known_table(pcb->stack);
	struct node *l, *head;

	if (t == NULL)
		return;
	EACH_AT_PORT(l, head, &t->listeners, pcb->local_port)
	{
		struct listener *it = NODE_OF(l, struct listener, port);

		if (it->pcb == pcb) {
			node_out(&it->port);
			free(it);
			return;
		}
	}
}

struct tcp_pcb *
tcp_listener(struct stack *stack, const struct ip_addr *ip, uint16_t port)
{
	struct conn_table *t = known_table(stack);
	struct tcp_pcb *found = NULL;
	struct node *l, *head;

	if (t == NULL)
		return NULL;
	EACH_AT_PORT(l, head, &t->listeners, port)
	{
		struct tcp_pcb *pcb = NODE_OF(l, struct listener, port)->pcb;

		if (ip_same(&pcb->local_ip, ip))
			return pcb;
		if (ip_is_any(&pcb->local_ip))
			found = pcb;
	}
	return found;
}

void
conn_each_half(struct stack *stack, void (*fn)(struct tcp_pcb *, void *),
    void *arg)
{
	struct conn_table *t = known_table(stack);
	struct node *l, *next;

	for (l = t == NULL ? NULL : t->half.next; l != NULL && l != &t->half;
	     l = next) {
		next = l->next;
		fn(NODE_OF(l, struct conn, half)->e.pcb, arg);
	}
}

/* ---- the end of a stack -------------------------------------------------- */

void
conn_abort_all(struct stack *stack)
{
	struct conn_table *t = known_table(stack);

	while (t != NULL && !node_alone(&t->open))
		tcp_abort(NODE_OF(t->open.next, struct conn, open)->e.pcb);
}

void
conn_reap(struct stack *stack)
{
	struct conn_table *t = known_table(stack);

	while (t != NULL && !node_alone(&t->dead)) {
		struct conn *c = NODE_OF(t->dead.next, struct conn, open);
		struct tcp_pcb *pcb = c->e.pcb;

		node_out(&c->open);
		free(c);
		pcb->state = TCP_CLOSED;
		tcp_close(pcb); /* which frees what is closed */
	}
}

void
conn_table_end(struct stack *stack)
{
	void **slot = stack_slot(stack);
	struct conn_table *t = known_table(stack);
	struct node *l, *head;
	unsigned port;

	if (t == NULL)
		return;
	conn_abort_all(stack);
	conn_reap(stack);
	if (t->keeper != NULL)
		tcp_abort(t->keeper);
	while (!node_alone(&t->time_wait))
		time_wait_drop(stack,
		    NODE_OF(t->time_wait.next, struct time_wait, age));
	for (port = 0; port < 65536; port++) {
		head = port_list(&t->listeners, (uint16_t)port, false);
		while (head != NULL && (l = head->next) != head) {
			node_out(l);
			free(NODE_OF(l, struct listener, port));
		}
	}
	port_map_free(&t->listeners);
	port_map_free(&t->ports);
	port_map_free(&t->sockets);
	free(t->bucket);
	free(t);
	*slot = NULL;
}

/* NOLINTEND(clang-analyzer-unix.Malloc) */
