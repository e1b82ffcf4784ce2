/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ping.c - echo requests from lwIP
 *
 * DOC: A ping owns a raw control block, which calls taken() with the core's
 * lock for each ICMP packet of the family that comes in.  An answer is known by
 * a random identifier and by who it is from; when its request left is
 * remembered for the last SLOTS sequence numbers, and is the beginning of the
 * time that is reported.  Nothing waits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/icmp6.h>
#include <lwip/inet_chksum.h>
#include <lwip/ip.h>
#include <lwip/prot/icmp.h>
#include <lwip/prot/ip4.h>
#include <lwip/raw.h>
#include <lwip/tcpip.h>

#include "base/clock.h"
#include "base/net_bytes.h"
#include "stack/lwip/ctl.h"

#define SLOTS 4096u /* requests whose time is remembered */
#define ECHO_HLEN 8u

struct ctl_ping {
	ip_addr_t dst;
	char name[SHMIF_NAME_MAX]; /* of the interface to ask by, or "" */
	uint16_t id;
	ctl_pong *pong;
	void *arg;
	struct raw_pcb *pcb;
	uint64_t sent[SLOTS]; /* ns; by sequence number */
};

/*
 * Whether the N bytes B, behind the header of an ICMP error, are the beginning of
 * a request of G's; *SEQ is its number.
 */
static bool
is_request(const struct ctl_ping *g, const uint8_t *b, unsigned n,
    unsigned *seq)
{
	bool v6 = IP_IS_V6(&g->dst);
	unsigned skip = v6 ? 40 : 20;

	if (n < skip + ECHO_HLEN || b[0] >> 4 != (v6 ? 6 : 4))
		return false;
	if (!v6)
		skip = (b[0] & 15u) * 4;
	if (skip < 20 || n < skip + ECHO_HLEN ||
	    (v6 ? memcmp(b + 24, ip_2_ip6(&g->dst)->addr, 16) :
		  memcmp(b + 16, &ip_2_ip4(&g->dst)->addr, 4)) != 0)
		return false;
	b += skip;
	*seq = be16(b + 6);
	return b[0] == (v6 ? (int)ICMP6_TYPE_EREQ : ICMP_ECHO) &&
	    be16(b + 4) == g->id;
}

/* A packet came: 1 where it was an answer, and is freed. */
static u8_t
taken(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
	struct ctl_ping *g = arg;
	uint8_t head[60 + ECHO_HLEN + 60 + ECHO_HLEN];
	struct ctl_answer a = { .expired = false };
	bool v6 = IP_IS_V6(&g->dst);
	unsigned n = p->tot_len, skip, have;
	uint64_t at = now_ns();

	(void)pcb;
	if ((have = pbuf_copy_partial(p, head, sizeof(head), 0)) < 20)
		return 0;
	skip = v6 ? 40 : (head[0] & 15u) * 4;
	a.ttl = v6 ? head[7] : head[8];
	if (have < skip + ECHO_HLEN || skip < 20)
		return 0;
	a.seq = be16(head + skip + 6);
	a.expired = head[skip] == (v6 ? (int)ICMP6_TYPE_TE : ICMP_TE);
	if (a.expired ? !is_request(g, head + skip + ECHO_HLEN,
			    have - skip - ECHO_HLEN, &a.seq) :
			!ip_addr_cmp_zoneless(from, &g->dst) ||
		    head[skip] != (v6 ? (int)ICMP6_TYPE_EREP : ICMP_ER) ||
		    be16(head + skip + 4) != g->id)
		return 0;
	if (g->sent[a.seq % SLOTS] == 0)
		return 0;
	a.bytes = n - skip - ECHO_HLEN;
	a.ns = at - g->sent[a.seq % SLOTS];
	ctl_from_lwip(from, a.from);
	g->pong(g->arg, &a);
	if (a.expired)
		return 0; /* others may want to know, too */
	pbuf_free(p);
	return 1;
}

int
ctl_ping_begin(void *stack, const uint8_t ip[16], const char *name,
    ctl_pong *pong, void *arg, struct ctl_ping **ping)
{
	struct ctl_ping *g = calloc(1, sizeof(*g));

	(void)stack;
	*ping = NULL;
	if (g == NULL)
		return ENOMEM;
	g->pong = pong;
	g->arg = arg;
	g->id = (uint16_t)LWIP_RAND();
	ctl_to_lwip(ip, &g->dst);
	snprintf(g->name, sizeof(g->name), "%s", name);
	LOCK_TCPIP_CORE();
	g->pcb = raw_new_ip_type(IP_GET_TYPE(&g->dst),
	    IP_IS_V6_VAL(g->dst) ? IP6_NEXTH_ICMP6 : IP_PROTO_ICMP);
	if (g->pcb != NULL) {
		raw_recv(g->pcb, taken, g);
		if (IP_IS_V6_VAL(g->dst)) {
			g->pcb->chksum_reqd = 1; /* RFC 3542, 3.1 */
			g->pcb->chksum_offset = 2;
		}
	}
	UNLOCK_TCPIP_CORE();
	if (g->pcb == NULL) {
		free(g);
		return ENOMEM;
	}
	*ping = g;
	return 0;
}

static int
send_with_lock(struct ctl_ping *g, unsigned seq, unsigned size, unsigned ttl)
{
	const ip_addr_t *src;
	struct netif *netif;
	struct pbuf *p;
	uint8_t *b;
	unsigned i;
	err_t err;

	if (g->name[0] != '\0')
		netif = ctl_netif(g->name);
	else
		netif = ip_route(IP_ADDR_ANY, &g->dst);
	if (netif == NULL || !netif_is_up(netif))
		return EHOSTUNREACH;
	if (IP_IS_V6_VAL(g->dst))
		ip6_addr_assign_zone(ip_2_ip6(&g->dst), IP6_UNICAST, netif);
	src = ip_netif_get_local_ip(netif, &g->dst);
	if (src == NULL || ip_addr_isany(src))
		return EHOSTUNREACH;
	p = pbuf_alloc(PBUF_IP, (u16_t)(size + ECHO_HLEN), PBUF_RAM);
	if (p == NULL)
		return ENOMEM;
	b = p->payload;
	memset(b, 0, ECHO_HLEN);
	b[0] = IP_IS_V6_VAL(g->dst) ? (uint8_t)ICMP6_TYPE_EREQ : ICMP_ECHO;
	put16(b + 4, g->id);
	put16(b + 6, seq);
	for (i = 0; i < size; i++)
		b[ECHO_HLEN + i] = (uint8_t)i;
	if (!IP_IS_V6_VAL(g->dst)) {
		uint16_t sum = inet_chksum(b, p->len);

		memcpy(b + 2, &sum, sizeof(sum));
	}
	g->pcb->ttl = (u8_t)(ttl != 0 ? ttl : RAW_TTL);
	g->sent[seq % SLOTS] = now_ns();
	err = raw_sendto_if_src(g->pcb, p, &g->dst, netif, src);
	pbuf_free(p);
	return err == ERR_MEM || err == ERR_BUF ? ENOMEM :
	    err == ERR_OK			? 0 :
						  EHOSTUNREACH;
}

int
ctl_ping_send(struct ctl_ping *g, unsigned seq, unsigned size, unsigned ttl)
{
	int error;

	if (size > UINT16_MAX - 60 - ECHO_HLEN)
		return EMSGSIZE;
	LOCK_TCPIP_CORE();
	error = send_with_lock(g, seq & 0xffff, size, ttl);
	UNLOCK_TCPIP_CORE();
	return error;
}

void
ctl_ping_end(struct ctl_ping *g)
{
	LOCK_TCPIP_CORE();
	raw_remove(g->pcb);
	UNLOCK_TCPIP_CORE();
	free(g);
}
