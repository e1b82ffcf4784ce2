/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl/ping.c - echo requests from an lwipv6 stack
 *
 * DOC: A ping owns a raw control block of the library, which calls taken() on
 * the stack's thread for each ICMP packet of the family that comes in.  An
 * answer is known by a random identifier and by who it is from; when its
 * request left is remembered for the last SLOTS sequence numbers, and is the
 * beginning of the time that is reported.  Nothing waits.
 */
#include <sys/random.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "stack/lwipv6/ctl/ctl.h"

#define SLOTS 4096u /* requests whose time is remembered */
#define ECHO_HLEN 8u
#define TTL 64

enum { ECHO4 = 8, REPLY4 = 0, ECHO6 = 128, REPLY6 = 129 };
enum { EXPIRED4 = 11, EXPIRED6 = 3 };

struct raw_pcb *raw_new(struct stack *, uint16_t proto);
void raw_remove(struct raw_pcb *);
void raw_recv(struct raw_pcb *,
    void (*)(void *, struct raw_pcb *, struct pbuf *, struct ip_addr *,
	uint16_t),
    void *);
err_t ip_route_findpath(struct stack *, struct ip_addr *, struct ip_addr **,
    struct netif **, int *);
struct ip_addr_list *ip_route_select_source_ip(struct netif *,
    struct ip_addr *dst, struct ip_addr *hop);

struct ctl_ping {
	struct stack *stack;
	struct ip_addr dst;
	bool v4;
	char name[SHMIF_NAME_MAX]; /* of the interface to ask by, or "" */
	uint16_t id;
	ctl_pong *pong;
	void *arg;
	struct raw_pcb *pcb;
	uint64_t sent[SLOTS]; /* ns; by sequence number */
	/* of the request that is being sent */
	unsigned seq, size, ttl;
	int error;
};

/*
 * Whether the N bytes B, behind the header of an ICMP error, are the beginning of
 * a request of G's; *SEQ is its number.
 */
static bool
is_request(const struct ctl_ping *g, const uint8_t *b, unsigned n,
    unsigned *seq)
{
	unsigned skip = g->v4 ? 20 : 40;

	if (n < skip + ECHO_HLEN || b[0] >> 4 != (g->v4 ? 4 : 6))
		return false;
	if (g->v4)
		skip = (b[0] & 15u) * 4u;
	if (skip < 20 || n < skip + ECHO_HLEN ||
	    b[g->v4 ? 9 : 6] != (g->v4 ? 1 : 58) ||
	    (g->v4 ? memcmp(b + 16, &g->dst.addr[3], 4) :
		     memcmp(b + 24, &g->dst, 16)) != 0)
		return false;
	b += skip;
	*seq = (unsigned)b[6] << 8 | b[7];
	return b[0] == (g->v4 ? ECHO4 : ECHO6) && (b[4] << 8 | b[5]) == g->id;
}

/* Whether what G asks is several hosts: anybody may answer. */
static bool
is_many(const struct ctl_ping *g)
{
	return ip_is_group(&g->dst) || ip_is_broadcast(g->stack, &g->dst);
}

/* An ICMP packet came.  P, in one piece, is ours to free. */
static void
taken(void *arg, struct raw_pcb *pcb, struct pbuf *p, struct ip_addr *from,
    uint16_t proto)
{
	struct ctl_ping *g = arg;
	const uint8_t *b = p->payload;
	unsigned n = p->len, ttl, skip;
	uint64_t at = now_ns();
	struct ctl_answer a = { .expired = false };

	(void)pcb;
	(void)proto;
	if (n < 40 + ECHO_HLEN && !g->v4)
		goto out;
	if (g->v4 && n < 20 + ECHO_HLEN)
		goto out;
	ttl = g->v4 ? b[8] : b[7];
	skip = g->v4 ? (b[0] & 15u) * 4u : 40;
	if (b[0] >> 4 != (g->v4 ? 4 : 6) || n < skip + ECHO_HLEN)
		goto out;
	b += skip;
	n -= skip + ECHO_HLEN;
	a.seq = (unsigned)b[6] << 8 | b[7];
	a.expired = b[0] == (g->v4 ? EXPIRED4 : EXPIRED6);
	if (a.expired ? !is_request(g, b + ECHO_HLEN, n, &a.seq) :
			b[0] != (g->v4 ? REPLY4 : REPLY6) ||
		    (b[4] << 8 | b[5]) != g->id ||
		    (!is_many(g) && memcmp(from, &g->dst, sizeof(*from)) != 0))
		goto out;
	a.bytes = n;
	a.ttl = ttl;
	a.ns = at - g->sent[a.seq % SLOTS];
	memcpy(a.from, from, sizeof(a.from));
	if (g->sent[a.seq % SLOTS] != 0)
		g->pong(g->arg, &a);
out:
	pbuf_free(p);
}

static void
begin_fn(void *arg)
{
	struct ctl_ping *g = arg;

	g->pcb = raw_new(g->stack, g->v4 ? 1 : 58);
	if (g->pcb != NULL)
		raw_recv(g->pcb, taken, g);
}

int
ping_begin(void *stack, const uint8_t ip[16], const char *name, ctl_pong *pong,
    void *arg, struct ctl_ping **ping)
{
	struct ctl_ping *g = calloc(1, sizeof(*g));

	*ping = NULL;
	if (g == NULL)
		return ENOMEM;
	g->stack = stack;
	g->pong = pong;
	g->arg = arg;
	memcpy(&g->dst, ip, sizeof(g->dst));
	snprintf(g->name, sizeof(g->name), "%s", name);
	g->v4 = ip_is_v4(&g->dst);
	if (getrandom(&g->id, sizeof(g->id), 0) != sizeof(g->id) ||
	    thread_call(stack, begin_fn, g) != 0 || g->pcb == NULL) {
		free(g);
		return ENOMEM;
	}
	*ping = g;
	return 0;
}

/* RFC 1071, in 16-bit words of the network's order. */
static uint32_t
sum16(const uint8_t *p, size_t n, uint32_t sum)
{
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (i < n)
		sum += (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/*
 * The address to ask from over NETIF, or NULL: the one that shares DST's
 * prefix.  (The library would take a link-local one for a unique local DST.)
 */
static struct ip_addr *
source(struct netif *netif, struct ip_addr *dst, struct ip_addr *hop)
{
	struct ip_addr_list *el = ip_addr_list_maskfind(netif->addrs, dst);

	if (el == NULL)
		el = ip_route_select_source_ip(netif, dst, hop);
	return el != NULL ? &el->ipaddr : NULL;
}

/* By what interface G is sent, and whom it is handed to.  NULL: by none. */
static struct netif *
way(struct ctl_ping *g, struct ip_addr *dst, struct ip_addr **hop, int *flags)
{
	struct netif *netif;

	*hop = dst;
	*flags = 0;
	if (g->name[0] != '\0')
		return ctl_netif(g->stack, g->name);
	return ip_route_findpath(g->stack, dst, hop, &netif, flags) == ERR_OK ?
	    netif :
	    NULL;
}

static void
send_fn(void *arg)
{
	struct ctl_ping *g = arg;
	struct ip_addr dst = g->dst, *hop, *src;
	struct netif *netif;
	unsigned len = g->size + ECHO_HLEN, i;
	struct pbuf *p;
	uint32_t sum = 0;
	uint8_t *b;
	int flags;

	g->error = EHOSTUNREACH;
	if ((netif = way(g, &dst, &hop, &flags)) == NULL ||
	    (src = source(netif, &dst, hop)) == NULL)
		return;
	g->error = ENOMEM;
	if ((p = pbuf_alloc(PBUF_IP, (uint16_t)len, PBUF_RAM)) == NULL)
		return;
	b = p->payload;
	b[0] = g->v4 ? ECHO4 : ECHO6;
	b[1] = b[2] = b[3] = 0;
	b[4] = (uint8_t)(g->id >> 8);
	b[5] = (uint8_t)g->id;
	b[6] = (uint8_t)(g->seq >> 8);
	b[7] = (uint8_t)g->seq;
	for (i = 0; i < g->size; i++)
		b[ECHO_HLEN + i] = (uint8_t)i;
	if (!g->v4) {
		/* RFC 8200, 8.1 */
		sum = len + 58;
		sum = sum16((const uint8_t *)src, 16, sum);
		sum = sum16((const uint8_t *)&dst, 16, sum);
	}
	sum = ~sum16(b, len, sum);
	b[2] = (uint8_t)(sum >> 8);
	b[3] = (uint8_t)sum;
	g->sent[g->seq % SLOTS] = now_ns();
	/*
	 * What becomes of it is for the answers to tell: the library has an
	 * error for one that waits for its neighbour's address.
	 */
	ip_output_if(g->stack, p, src, &dst, (uint8_t)g->ttl, 0, g->v4 ? 1 : 58,
	    netif, hop, flags);
	g->error = 0;
	pbuf_free(p);
}

int
ping_send(struct ctl_ping *g, unsigned seq, unsigned size, unsigned ttl)
{
	g->ttl = ttl != 0 ? ttl : TTL;
	g->seq = seq & 0xffff;
	g->size = size;
	if (thread_call(g->stack, send_fn, g) != 0)
		return ENOMEM;
	return g->error;
}

static void
end_fn(void *arg)
{
	struct ctl_ping *g = arg;

	raw_remove(g->pcb);
}

void
ping_end(struct ctl_ping *g)
{
	while (thread_call(g->stack, end_fn, g) != 0)
		continue;
	free(g);
}
