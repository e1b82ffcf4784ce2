/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.c - control messages: what comes and goes beside a datagram
 *
 * DOC: lwIP tells of a datagram only while it hands it over, so what a socket has
 * asked for (WANTS) is noted then, in struct beside, which waits in the queue
 * with the datagram.  What a program sends beside its data (struct wish) holds
 * for this datagram: source, interface, TTL, and TOS, which lwIP takes from the
 * pcb: it has another value for the time of the call, under the core's lock.
 *
 * The messages themselves are shmif/beside.c's.
 */
#include "stack/lwip/sock/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/netif.h>

#include "shmif/beside.h"

/* ---- options ------------------------------------------------------------- */

static uint8_t
bit_of(const struct sock *s, int level, int name)
{
	return s->kind == SOCK_NL ?
	    0 :
	    beside_bit(level, name, s->domain == AF_INET6);
}

bool
control_is_option(const struct sock *s, int level, int name)
{
	return bit_of(s, level, name) != 0;
}

void
control_set(struct sock *s, int level, int name, bool on)
{
	s->w.wants = beside_set(s->w.wants, bit_of(s, level, name), on);
}

bool
control_get(const struct sock *s, int level, int name)
{
	return (s->w.wants & bit_of(s, level, name)) != 0;
}

/* ---- what comes ---------------------------------------------------------- */

/* IP as messages have it. */
static struct in6_addr
in6_of(const ip_addr_t *ip)
{
	struct in6_addr in6 = { 0 };

	if (IP_IS_V6(ip)) {
		memcpy(&in6, ip_2_ip6(ip)->addr, sizeof(in6));
	} else {
		in6.s6_addr32[2] = htonl(0xffff);
		in6.s6_addr32[3] = ip_2_ip4(ip)->addr;
	}
	return in6;
}

struct beside *
control_note(const struct sock *s)
{
	struct netif *in = ip_current_input_netif();
	const ip_addr_t *to = ip_current_dest_addr();
	struct beside *b;

	if (s->w.wants == 0 || in == NULL ||
	    (b = calloc(1, sizeof(*b))) == NULL)
		return NULL;
	clock_gettime(CLOCK_REALTIME, &b->at);
	b->to = b->own = in6_of(to);
	b->interface = netif_get_index(in);
	if (ip_current_is_v6()) {
		b->ttl = IP6H_HOPLIM(ip6_current_header());
		b->tos = (int)IP6H_TC(ip6_current_header());
		return b;
	}
	b->v4 = true;
	b->ttl = IPH_TTL(ip4_current_header());
	b->tos = IPH_TOS(ip4_current_header());
	if (ip_addr_ismulticast(to) || ip4_addr_isbroadcast(ip_2_ip4(to), in))
		b->own = in6_of(netif_ip_addr4(in));
	return b;
}

void
control_give(const struct sock *s, struct beside *b,
    struct stack_sock_control *to)
{
	if (b != NULL && to != NULL)
		beside_tell(b, s->w.wants, to);
	free(b);
}

/* ---- what goes ----------------------------------------------------------- */

/* Whether packets may be sent from where B says, in W then.  0 or the error. */
static int
wish_source(const struct sock *s, const struct beside_wish *b, struct wish *w)
{
	struct sockaddr_in6 from = { .sin6_family = AF_INET6,
		.sin6_addr = b->from,
		.sin6_scope_id = (uint32_t)b->interface };
	uint16_t port;

	if (b->v4)
		ip_addr_set_ip4_u32_val(w->from, b->from.s6_addr32[3]);
	else if (address_get(s, (struct sockaddr *)&from, sizeof(from),
		     &w->from, &port) != 0)
		return EINVAL;
	if (b->interface != 0 &&
	    (b->interface < 0 || b->interface > UINT8_MAX ||
		netif_get_by_index((u8_t)b->interface) == NULL))
		return ENODEV;
	w->interface = (uint8_t)b->interface;
	w->has_from = !ip_addr_isany_val(w->from);
	if (!w->has_from)
		return 0;
	if (ip_addr_ismulticast(&w->from))
		return EINVAL;
	if (address_is_ours(&w->from))
		return 0;
	return IP_IS_V4_VAL(w->from) ? ENETUNREACH : EINVAL;
}

int
control_read(const struct sock *s, const struct stack_sock_control *control,
    struct wish *w)
{
	struct beside_wish b;
	int error = 0;

	*w = (struct wish){ .ttl = -1, .tos = -1 };
	if (control == NULL)
		return 0;
	error = beside_read(control->data, control->len, s->domain == AF_INET6,
	    &b);
	w->ttl = b.ttl;
	w->tos = b.tos;
	return error != 0 || !b.has_info ? error : wish_source(s, &b, w);
}

/* The interface by which a packet to TO goes, as W wants it; or NULL. */
static struct netif *
way(const struct sock *s, const struct wish *w, const ip_addr_t *to)
{
	struct netif *netif;
	ip_addr_t any;
	int i;

	if (w->interface != 0)
		return netif_get_by_index(w->interface);
	if (s->w.device != 0)
		return netif_get_by_index(s->w.device);
	if (ip_addr_ismulticast(to))
		NETIF_FOREACH(netif)
		{
			if (IP_IS_V4(to) && w->has_from &&
			    ip4_addr_cmp(netif_ip4_addr(netif),
				ip_2_ip4(&w->from)))
				return netif;
			for (i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
				if (!IP_IS_V4(to) && w->has_from &&
				    ip6_addr_cmp_zoneless(netif_ip6_addr(netif,
							      i),
					ip_2_ip6(&w->from)))
					return netif;
		}
	ip_addr_set_any(IP_IS_V6(to), &any);
	return ip_route(&any, to);
}

err_t
control_send(struct sock *s, const struct wish *w, struct pbuf *p,
    const ip_addr_t *to, uint16_t port)
{
	struct ip_pcb *pcb = s->pcb.ip;
	u8_t ttl = pcb->ttl, tos = pcb->tos;
	const ip_addr_t *from = NULL;
	struct netif *netif = NULL;
	err_t err;

	if (w->interface != 0 || w->has_from) {
		if ((netif = way(s, w, to)) == NULL)
			return ERR_RTE;
		from = w->has_from ? &w->from :
		    !ip_addr_isany(&pcb->local_ip) &&
			!ip_addr_ismulticast(&pcb->local_ip) ?
				     &pcb->local_ip :
				     ip_netif_get_local_ip(netif, to);
		if (from == NULL)
			return ERR_RTE;
		if (IP_IS_V4(from) != IP_IS_V4(to))
			return ERR_VAL;
	}
	if (w->ttl >= 0)
		pcb->ttl = (u8_t)w->ttl;
	if (w->tos >= 0)
		pcb->tos = (u8_t)w->tos;
	if (netif == NULL && s->kind == SOCK_UDP)
		err = udp_sendto(s->pcb.udp, p, to, port);
	else if (netif == NULL)
		err = raw_sendto(s->pcb.raw, p, to);
	else if (s->kind == SOCK_UDP)
		err = udp_sendto_if_src(s->pcb.udp, p, to, port, netif, from);
	else
		err = raw_sendto_if_src(s->pcb.raw, p, to, netif, from);
	pcb->ttl = ttl;
	pcb->tos = tos;
	return err;
}
