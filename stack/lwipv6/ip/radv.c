/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * radv.c - router advertisements
 *
 * DOC: The faults: the library advertises from a link-local address that it
 * makes up, dropping a byte of the hardware address, whatever addresses the
 * interface has.  It says that it is a default router whether it forwards or
 * not.  What is configured on an interface that is up has no effect until that
 * goes up again.  Asked by somebody while UnicastOnly is set it answers to an
 * address that it has never stored, by way of an interface likewise.
 *
 * How they are seen: a host that takes its default route from an advertisement
 * asks in vain for the hardware address of that router; a solicitation ends the
 * process.
 *
 * The cure: RFC 4861, 6.2.  An advertisement comes from a link-local address
 * of the interface, and is put off while there is none yet.  The router's
 * lifetime is 0 while the stack does not forward.  There is one when the
 * interface goes up or is configured anew, and then one after a random time
 * between the two intervals, the first three not more than INITIAL_MAX_S apart.
 * A solicitation is answered to all after up to DELAY_MS, but not within
 * MinDelayBetweenRAs of the one before; with UnicastOnly, to its sender.
 *
 * The configuration is the library's, and the library reads it from the file.
 */
#include <sys/random.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/ip.h"

#define INITIAL 3
#define INITIAL_MAX_S 16u
#define DELAY_MS 500u
#define RETRY_MS 1000u
#define IP6_HLEN 40u
#define RA_HLEN 16u
#define MTU_LEN 8u
#define LINK_LEN 8u
#define PREFIX_LEN 32u
#define PREFIXES_MAX 36u /* that fit into an MTU of 1280 */
#define RA_MAX (RA_HLEN + MTU_LEN + LINK_LEN + PREFIXES_MAX * PREFIX_LEN)
#define PROTO_ICMP6 58
#define TYPE_RA 134

/* ---- one advertisement -------------------------------------------------- */

/* Builds it.  Returns its length. */
static unsigned
build(const struct netif *netif, uint8_t *b)
{
	const struct radv *r = netif->radv;
	const struct radv_prefix *prefix;
	uint8_t *o = b + RA_HLEN;
	unsigned n = 0;

	memset(b, 0, RA_MAX);
	b[0] = TYPE_RA;
	b[4] = r->hop_limit;
	b[5] = (uint8_t)((r->managed ? 0x80 : 0) | (r->other ? 0x40 : 0));
	if (lwip_stack_flags_get(netif->stack) & STACK_FORWARDING)
		put16(b + 6, r->lifetime);
	put32(b + 8, r->reachable);
	put32(b + 12, r->retrans);
	if (r->mtu != 0) {
		o[0] = 5;
		o[1] = 1;
		put32(o + 4, r->mtu);
		o += MTU_LEN;
	}
	for (prefix = r->prefixes; prefix != NULL && n < PREFIXES_MAX;
	     prefix = prefix->next, n++) {
		o[0] = 3;
		o[1] = 4;
		o[2] = prefix->len;
		o[3] = (uint8_t)((prefix->on_link ? 0x80 : 0) |
		    (prefix->autonomous ? 0x40 : 0));
		put32(o + 4, prefix->valid);
		put32(o + 8, prefix->preferred);
		memcpy(o + 16, &prefix->ip, 16);
		o += PREFIX_LEN;
	}
	if (r->source_link && netif->hwaddr_len == 6) {
		o[0] = 1;
		o[1] = 1;
		memcpy(o + 2, netif->hwaddr, 6);
		o += LINK_LEN;
	}
	return (unsigned)(o - b);
}

/* A link-local address of NETIF, or NULL. */
static struct ip_addr *
link_local(const struct netif *netif)
{
	struct ip_addr_list *tail = netif->addrs, *el = tail;

	while (el != NULL) {
		if (ip_is_link_local(&el->ipaddr))
			return &el->ipaddr;
		el = el->next == tail ? NULL : el->next;
	}
	return NULL;
}

/* Sends one to DST.  False: there is no address yet to send it from. */
static bool
advertise(struct netif *netif, struct ip_addr *dst)
{
	struct ip_addr *src = link_local(netif);
	uint8_t b[RA_MAX];
	unsigned len;
	struct pbuf *p;
	uint16_t sum;

	if (src == NULL)
		return false;
	len = build(netif, b);
	if ((p = pbuf_alloc(PBUF_IP, (uint16_t)len, PBUF_RAM)) == NULL)
		return false;
	memcpy(p->payload, b, len);
	sum = inet6_chksum_pseudo(p, src, dst, PROTO_ICMP6, len);
	memcpy((uint8_t *)p->payload + 2, &sum, sizeof(sum));
	ip_output_if(netif->stack, p, src, dst, 255, 0, PROTO_ICMP6, netif, dst,
	    0);
	pbuf_free(p);
	return true;
}

/* ---- when --------------------------------------------------------------- */

/* A random number from 0 to MAX. */
static uint32_t
up_to(uint32_t max)
{
	uint32_t x;

	if (max == UINT32_MAX || getrandom(&x, sizeof(x), 0) != sizeof(x))
		return max;
	return x % (max + 1);
}

static void due(void *arg);

static void
advertise_in(struct netif *netif, uint32_t ms)
{
	sys_untimeout(due, netif);
	sys_timeout(ms, due, netif);
}

/* The last one is long enough ago. */
static void
rested(void *arg)
{
	struct netif *netif = arg;
	struct radv *r = netif->radv;

	r->resting = 0;
	if (r->asked)
		advertise_in(netif, up_to(DELAY_MS));
}

/* One to all is due. */
static void
due(void *arg)
{
	struct ip_addr all = { { htonl(0xff020000), 0, 0, htonl(1) } };
	struct netif *netif = arg;
	struct radv *r = netif->radv;
	uint32_t s = r->min_s;

	if (!advertise(netif, &all)) {
		advertise_in(netif, RETRY_MS);
		return;
	}
	r->asked = 0;
	r->resting = 1;
	sys_untimeout(rested, netif);
	sys_timeout(r->rest_s * 1000, rested, netif);
	if (r->max_s > s)
		s += up_to(r->max_s - s);
	if (r->initial > 0 && --r->initial > 0 && s > INITIAL_MAX_S)
		s = INITIAL_MAX_S;
	advertise_in(netif, s * 1000);
}

/* Replaces the library's: NETIF goes down.  On the stack's thread, like all. */
EXPORT void
OURS(ip_radv_stop)(struct netif *netif)
{
	sys_untimeout(due, netif);
	sys_untimeout(rested, netif);
}

/* Replaces the library's: NETIF has come up, or is to begin again. */
EXPORT void
OURS(ip_radv_start)(struct netif *netif)
{
	struct radv *r = netif->radv;

	ip_radv_stop(netif);
	if (r == NULL || !r->send)
		return;
	r->initial = INITIAL;
	r->asked = r->resting = 0;
	due(netif);
}

/* Replaces the library's: a solicitation P has come, IP and ICMP its headers. */
EXPORT void
OURS(ip_radv_handle_rs)(struct netif *netif, struct pbuf *p, const uint8_t *ip,
    const uint8_t *icmp)
{
	static const uint8_t none[16];
	struct radv *r = netif->radv;
	struct ip_addr src;

	(void)p;
	if (r == NULL || !r->send || !(netif->flags & NETIF_FLAG_RADV) ||
	    !(netif->flags & NETIF_FLAG_UP) || icmp[1] != 0 || ip[7] != 255)
		return;
	if (r->unicast_only && memcmp(ip + 8, none, sizeof(none)) != 0) {
		memcpy(&src, ip + 8, sizeof(src));
		advertise(netif, &src);
	} else if (!r->asked) {
		r->asked = 1;
		if (!r->resting)
			advertise_in(netif, up_to(DELAY_MS));
	}
}

/* ---- configuration ------------------------------------------------------ */

struct loading {
	struct stack *stack;
	FILE *file;
};

static void
load(void *arg)
{
	const struct loading *l = arg;
	struct netif *n;

	errno = 0; /* the library takes an old one for a number too large */
	real()->radv_load_config(l->stack, l->file);
	for (n = STACK_FIELD(l->stack, STACK_NETIF_LIST, struct netif *);
	     n != NULL; n = n->next)
		if (n->radv != NULL && (n->flags & NETIF_FLAG_RADV) &&
		    (n->flags & NETIF_FLAG_UP))
			ip_radv_start(n);
}

/* Replaces the library's, which does it on any thread: reads FILE. */
EXPORT void
OURS(radv_load_config)(struct stack *stack, FILE *file)
{
	struct loading l = { .stack = stack, .file = file };

	if (thread_inside(stack))
		load(&l);
	else
		thread_call(stack, load, &l);
}
