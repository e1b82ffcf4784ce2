/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * layout.c - is the library that is loaded the one that this was built for?
 *
 * DOC: abi.h says where the library keeps what.  Before the first
 * interface is put on a stack each structure is looked at in a live instance:
 *
 *	netif	the stack's own lo0; then the library adds an interface of
 *		ours, in an oversized buffer full of a canary, whose init
 *		function looks at what was filled in and where, and refuses
 *	pbuf	allocated, its header moved, freed
 *	tcp_pcb	a new connection: its windows, callbacks set and found
 *	stack	its list of interfaces, its routes, its packet sockets
 *	udp_pcb, raw_pcb, and a tcp_pcb that listens, likewise
 *	tcpip_msg  as posted to a stack that is nothing but a queue
 *	radv	its defaults, and that nothing behind them is touched
 *
 * Where anything differs, a message names it, and no interface is made.  The
 * answer is kept for the life of the process.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "stack/lwipv6/driver/driver.h"

#define CANARY 0xa5
#define OVERSIZE 512

struct verdict {
	struct stack *stack;
	const char *wrong; /* the first thing that differs; NULL: none */
	bool initialised;
	bool called; /* try_inside() was */
	bool inside; /* the stack's thread began in our netif_init() */
};

/* Notes that WHAT does not hold. */
#define EXPECT(v, cond) \
	do { \
		if (!(cond) && (v)->wrong == NULL) \
			(v)->wrong = #cond; \
	} while (0)

/* ---- netif -------------------------------------------------------------- */

static void
look_at_lo0(struct verdict *v)
{
	const struct netif *lo = STACK_FIELD(v->stack, STACK_NETIF_LIST,
	    struct netif *);

	EXPECT(v, lo != NULL);
	if (lo == NULL)
		return;
	EXPECT(v, lo->name[0] == 'l' && lo->name[1] == 'o');
	EXPECT(v, lo->num == 0 && lo->link_type == 0);
	EXPECT(v, lo->stack == v->stack);
	EXPECT(v, lo->input == tcpip_input);
	EXPECT(v, (lo->flags & NETIF_FLAG_LOOPBACK) != 0);
	EXPECT(v, lo->addrs != NULL && lo->addrs->netif == lo);
}

static err_t
any_input(struct pbuf *p, struct netif *netif)
{
	(void)p;
	(void)netif;
	return ERR_OK;
}

static void
any_change(struct netif *netif, uint32_t type)
{
	(void)netif;
	(void)type;
}

/* Whether bytes FROM..TO-1 of BUF are untouched. */
static bool
untouched(const uint8_t *buf, size_t from, size_t to)
{
	for (; from < to; from++)
		if (buf[from] != CANARY)
			return false;
	return true;
}

/* The init function of the interface: looks at it, and refuses it. */
static err_t
refuse(struct netif *n)
{
	const uint8_t *raw = (const uint8_t *)n;
	struct verdict *v = n->state;
	const uint16_t flags = (CANARY << 8 | CANARY) | NETIF_FLAG_LINK_UP |
	    NETIF_FLAG_RUNNING;

	/* Where the library keeps state elsewhere this is the canary. */
	if ((uintptr_t)v == UINT64_C(0x0101010101010101) * CANARY || v == NULL)
		return ERR_IF;
	v->initialised = true;
	EXPECT(v, n->stack == v->stack);
	EXPECT(v, n->addrs == NULL && n->dhcp == NULL);
	EXPECT(v, n->input == any_input && n->change == any_change);
	EXPECT(v, n->netifctl == NULL);
	EXPECT(v, n->num == 0 && n->id != 0);
	EXPECT(v, n->flags == flags);
	EXPECT(v, untouched(raw, 0, offsetof(struct netif, addrs)));
	EXPECT(v,
	    untouched(raw, offsetof(struct netif, output),
		offsetof(struct netif, netifctl)));
	EXPECT(v,
	    untouched(raw, offsetof(struct netif, autoconf),
		offsetof(struct netif, num)));
	EXPECT(v,
	    untouched(raw, offsetof(struct netif, type),
		offsetof(struct netif, stack)));
	EXPECT(v, untouched(raw, sizeof(struct netif), OVERSIZE));
	return ERR_IF;
}

static int
try_netif(struct verdict *v)
{
	uint8_t *buf = malloc(OVERSIZE);

	if (buf == NULL)
		return ENOMEM;
	memset(buf, CANARY, OVERSIZE);
	EXPECT(v,
	    tcpip_netif_add(v->stack, (struct netif *)(void *)buf, v, refuse,
		any_input, any_change) == NULL);
	EXPECT(v, v->initialised);
	free(buf);
	return 0;
}

/* ---- the rest, on the stack's thread ------------------------------------ */

static void
try_pbuf(struct verdict *v)
{
	struct pbuf *p = pbuf_alloc(PBUF_IP, 100, PBUF_RAM);
	uint8_t *data;

	EXPECT(v, p != NULL);
	if (p == NULL)
		return;
	data = p->payload;
	EXPECT(v, p->next == NULL && p->ref == 1 && p->flags == 0);
	EXPECT(v, p->len == 100 && p->tot_len == 100);
	EXPECT(v, p->nat.track == NULL);
	EXPECT(v,
	    data == (uint8_t *)p + sizeof(*p) + PBUF_LINK_HLEN + PBUF_IP_HLEN);
	EXPECT(v, pbuf_header(p, 14) == 0 && p->payload == data - 14);
	EXPECT(v, p->len == 114 && p->tot_len == 114);
	EXPECT(v, pbuf_header(p, -14) == 0 && p->payload == data);
	EXPECT(v, pbuf_header(p, 100) != 0 && p->payload == data);
	pbuf_free(p);
}

static err_t
any_sent(void *arg, struct tcp_pcb *pcb, uint16_t len)
{
	(void)arg;
	(void)pcb;
	(void)len;
	return ERR_OK;
}

static err_t
any_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	(void)arg;
	(void)pcb;
	(void)p;
	return err;
}

static err_t
any_poll(void *arg, struct tcp_pcb *pcb)
{
	(void)arg;
	(void)pcb;
	return ERR_OK;
}

static err_t
any_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)arg;
	(void)pcb;
	return err;
}

static void
try_tcp(struct verdict *v)
{
	struct tcp_pcb *pcb = tcp_new(v->stack);

	EXPECT(v, pcb != NULL);
	if (pcb == NULL)
		return;
	EXPECT(v, pcb->stack == v->stack && pcb->state == TCP_CLOSED);
	EXPECT(v,
	    pcb->snd_buf == TCP_SND_BUF_THEIRS &&
		pcb->rcv_wnd == TCP_WINDOW_THEIRS);
	EXPECT(v, pcb->ours == 0 && pcb->said_ack == 0 && pcb->said_edge == 0);
	EXPECT(v, pcb->rttest == 0 && pcb->sv == 6 && pcb->rto == 6);
	EXPECT(v,
	    STACK_FIELD(v->stack, STACK_TCP_INPUT, struct tcp_pcb *) == NULL);
	EXPECT(v, pcb->tmr == STACK_FIELD(v->stack, STACK_TCP_TICKS, uint32_t));
	EXPECT(v, pcb->mss == 1488 && pcb->cwnd == 1);
	EXPECT(v,
	    pcb->snd_queuelen == 0 && pcb->unsent == NULL &&
		pcb->unacked == NULL);
	EXPECT(v, pcb->snd_nxt == pcb->lastack && pcb->slirp == NULL);
	tcp_arg(pcb, v);
	tcp_sent(pcb, any_sent);
	tcp_recv(pcb, any_recv);
	tcp_poll(pcb, any_poll, 77);
	EXPECT(v, pcb->callback_arg == v);
	EXPECT(v, pcb->sent == any_sent && pcb->recv == any_recv);
	EXPECT(v, pcb->poll == any_poll && pcb->pollinterval == 77);
	EXPECT(v, pcb->errf == NULL);
	tcp_close(pcb);
}

static void
any_dgram(void *arg, struct raw_pcb *pcb, struct pbuf *p, struct ip_addr *from,
    uint16_t port)
{
	(void)arg;
	(void)pcb;
	(void)p;
	(void)from;
	(void)port;
}

static void
any_udp(void *arg, struct udp_pcb *pcb, struct pbuf *p, struct ip_addr *from,
    uint16_t port)
{
	(void)arg;
	(void)pcb;
	(void)p;
	(void)from;
	(void)port;
}

static void
try_dgram(struct verdict *v)
{
	struct ip_addr lo = { { 0, 0, htonl(0xffff), htonl(0x7f000001) } };
	struct udp_pcb *udp = udp_new(v->stack);
	struct raw_pcb *raw = raw_new(v->stack, 253);

	EXPECT(v, udp != NULL && raw != NULL);
	if (v->wrong != NULL)
		return;
	udp_recv(udp, any_udp, v);
	EXPECT(v, udp->recv == any_udp && udp->recv_arg == v);
	udp->local_port = 4711;
	EXPECT(v, udp_connect(udp, &lo, 4712) == ERR_OK);
	EXPECT(v, udp->local_port == 4711 && udp->remote_port == 4712);
	EXPECT(v, udp->remote_ip.addr[3] == lo.addr[3]);
	EXPECT(v,
	    STACK_FIELD(v->stack, STACK_UDP_LIST, struct udp_pcb *) == udp);
	udp_remove(udp);
	raw_recv(raw, any_dgram, v);
	EXPECT(v, raw->recv == any_dgram && raw->recv_arg == v);
	EXPECT(v, raw->in_protocol == 253 && raw->so_options == 0);
	raw_remove(raw);
}

/* A listener, which is found at the head of the list of them. */
static void
try_listen(struct verdict *v)
{
	struct tcp_pcb *pcb = tcp_new(v->stack);

	EXPECT(v, pcb != NULL);
	if (pcb == NULL)
		return;
	pcb->local_port = 4711;
	pcb = tcp_listen(pcb);
	EXPECT(v, pcb != NULL);
	if (pcb == NULL)
		return;
	tcp_arg(pcb, v);
	tcp_accept(pcb, any_accept);
	EXPECT(v,
	    STACK_FIELD(v->stack, STACK_TCP_LISTEN, struct tcp_pcb *) == pcb);
	EXPECT(v, pcb->state == TCP_LISTEN && pcb->local_port == 4711);
	EXPECT(v, pcb->callback_arg == v && pcb->slirp == NULL);
	EXPECT(v, LISTENER_ACCEPT(pcb) == any_accept);
	tcp_close(pcb);
}

static void
try_stack(struct verdict *v)
{
	const struct netif *lo = STACK_FIELD(v->stack, STACK_NETIF_LIST,
	    struct netif *);
	const struct ip_route_list *r = STACK_FIELD(v->stack, STACK_ROUTE_HEAD,
	    struct ip_route_list *);
	uint16_t before = STACK_FIELD(v->stack, STACK_PACKET_ACTIVE, uint16_t);
	struct raw_pcb *packet;

	const struct sys_mbox *queue = STACK_FIELD(v->stack, STACK_QUEUE,
	    struct sys_mbox *);

	EXPECT(v, queue != NULL && mbox_ours(queue));
	for (; r != NULL && r->netif != lo; r = r->next)
		continue;
	EXPECT(v, r != NULL);
	EXPECT(v, before == 0 || before == 1);
	if ((packet = packet_new(v->stack, 0, 0)) != NULL) {
		EXPECT(v,
		    STACK_FIELD(v->stack, STACK_PACKET_ACTIVE, uint16_t) == 1);
		packet_remove(packet);
		EXPECT(v,
		    STACK_FIELD(v->stack, STACK_PACKET_ACTIVE, uint16_t) ==
			before);
	}
}

static void
no_timer(void *arg)
{
	(void)arg;
}

static void
try_timer(struct verdict *v)
{
	const struct sys_timeouts *list = sys_arch_timeouts();
	const struct sys_timeout *t;

	EXPECT(v, list != NULL);
	if (list == NULL)
		return;
	/* Behind all that there are: the last one. */
	sys_timeout(0x7fffffff, no_timer, v);
	for (t = list->next; t != NULL && t->next != NULL; t = t->next)
		continue;
	EXPECT(v, t != NULL && t->h == no_timer && t->arg == v);
	EXPECT(v, t != NULL && t->time > 0x70000000 && t->raw == 0);
	sys_untimeout(no_timer, v);
	for (t = list->next; t != NULL; t = t->next)
		EXPECT(v, t->h != no_timer);
}

/* Messages, as they are posted to a stack that is nothing but a queue. */
static void
try_messages(struct verdict *v)
{
	struct stack *fake = calloc(1, STACK_QUEUE + 4096);
	struct sys_mbox *queue = sys_mbox_new();
	struct netif netif = { .stack = fake };
	struct tcpip_msg *in = NULL, *call = NULL;
	struct pbuf *p = pbuf_alloc(PBUF_RAW, 10, PBUF_RAM);

	EXPECT(v, fake != NULL && queue != NULL && p != NULL);
	if (v->wrong != NULL) {
		free(fake);
		return;
	}
	STACK_FIELD(fake, STACK_QUEUE, struct sys_mbox *) = queue;
	EXPECT(v, tcpip_input(p, &netif) == ERR_OK);
	EXPECT(v, tcpip_callback(fake, no_timer, v, 0) == ERR_OK);
	EXPECT(v, mbox_waiting(queue) == 2);
	if (v->wrong != NULL)
		return; /* NOLINT(*.Malloc): who knows who has it by now */
	sys_arch_mbox_fetch(queue, (void **)&in, 0);
	sys_arch_mbox_fetch(queue, (void **)&call, 0);
	EXPECT(v, in->type == TCPIP_MSG_INPUT);
	EXPECT(v, in->in.p == p && in->in.netif == &netif);
	EXPECT(v, call->type == TCPIP_MSG_CALLBACK);
	EXPECT(v, call->call.fn == no_timer && call->call.arg == v);
	pbuf_free(p);
	memp_free(MEMP_TCPIP_MSG, in);
	memp_free(MEMP_TCPIP_MSG, call);
	sys_mbox_free(queue);
	free(fake);
}

/* What a router advertises, in buffers that are larger than it should be. */
static void
try_radv(struct verdict *v)
{
	union {
		struct radv r;
		struct radv_prefix p;
		uint8_t b[OVERSIZE];
	} u;

	memset(&u, CANARY, sizeof(u));
	ip_radv_data_init(&u.r);
	EXPECT(v, u.r.send == 0 && u.r.max_s == 600 && u.r.min_s == 198);
	EXPECT(v, u.r.rest_s == 3 && u.r.mtu == 0 && u.r.hop_limit == 64);
	EXPECT(v, u.r.lifetime == 1800 && u.r.source_link == 1);
	EXPECT(v, u.r.prefixes == NULL && u.r.initial == 0);
	EXPECT(v, untouched(u.b, sizeof(u.r), OVERSIZE));
	memset(&u, CANARY, sizeof(u));
	ip_radv_prefix_init(&u.p);
	EXPECT(v, u.p.next == NULL && u.p.len == 0);
	EXPECT(v, u.p.on_link == 1 && u.p.autonomous == 1);
	EXPECT(v, u.p.valid == 2592000 && u.p.preferred == 604800);
	EXPECT(v, untouched(u.b, sizeof(u.p), OVERSIZE));
}

static void
try_inside(void *arg)
{
	struct verdict *v = arg;

	v->called = true;
	v->inside = thread_inside(v->stack);
	if (v->inside)
		look_at_lo0(v);
	else
		v->wrong = "netif_init() is ours";
	if (v->wrong == NULL)
		try_pbuf(v);
	if (v->wrong == NULL)
		try_timer(v);
	if (v->wrong == NULL)
		try_tcp(v);
	if (v->wrong == NULL)
		try_dgram(v);
	if (v->wrong == NULL)
		try_listen(v);
	if (v->wrong == NULL)
		try_stack(v);
	if (v->wrong == NULL)
		try_messages(v);
	if (v->wrong == NULL)
		try_radv(v);
}

int
layout_check(struct stack *stack)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static bool good;
	struct verdict v = { .stack = stack };
	int error = 0;

	pthread_mutex_lock(&lock);
	if (good)
		goto out;
	error = try_netif(&v);
	if (error == 0 && v.wrong == NULL)
		error = thread_call(stack, try_inside, &v);
	if (v.wrong != NULL && v.called && !v.inside) {
		diag(DIAG_SETUP,
		    "liblwipv6: was loaded before libshmif and does not use "
		    "its functions; load libshmif first");
		error = ENOTSUP;
	} else if (v.wrong != NULL) {
		diag(DIAG_SETUP,
		    "liblwipv6: not the library that this was built for "
		    "(1.5a): %s does not hold",
		    v.wrong);
		error = ENOTSUP;
	}
	good = error == 0;
out:
	pthread_mutex_unlock(&lock);
	return error;
}
