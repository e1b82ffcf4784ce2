/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * told.c - what ICMP says of packets that a socket has sent
 *
 * DOC: lwIP counts messages that say "unreachable", and does nothing.  Two raw
 * pcbs see them as well: one for ICMP, one for ICMPv6.  A message has the
 * beginning of the packet that it is about.  Its addresses and ports name a
 * socket, which must be connected to that peer; for TCP the sequence number
 * must be that of its SYN, and only an attempt to connect ends by it, since
 * anybody might send such a message (RFC 5927).  A datagram socket is told of
 * what will not pass by itself (port or protocol unreachable, forbidden), or
 * of all with IP_RECVERR, as in Linux.
 */
#include "base/net_bytes.h"
#include "stack/lwip/sock/sock.h"

#include <errno.h>
#include <string.h>

#include <lwip/inet_chksum.h>
#include <lwip/ip6.h>
#include <lwip/priv/tcp_priv.h>

#define SAID_MAX 128 /* bytes of a message that are looked at */

/* The packet that a message is about. */
struct about {
	ip_addr_t to;
	uint8_t protocol;
	const uint8_t *ports; /* at least 8 bytes */
	int error;
	bool hard;
};

/* ---- finding the socket -------------------------------------------------- */

static void
tell_datagrams(const struct about *a)
{
	struct udp_pcb *pcb;
	struct sock *s;

	for (pcb = udp_pcbs; pcb != NULL; pcb = pcb->next) {
		if (pcb->local_port != be16(a->ports) ||
		    pcb->remote_port != be16(a->ports + 2) ||
		    (s = dgram_of(pcb)) == NULL || !s->connected ||
		    !ip_addr_cmp_zoneless(&pcb->remote_ip, &a->to))
			continue;
		if (!a->hard && !s->w.recverr && !s->w.recverr6)
			continue;
		s->error = a->error;
		sock_ring(s);
	}
}

static void
tell_stream(const struct about *a)
{
	struct tcp_pcb *pcb;
	struct sock *s;

	for (pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
		if (pcb->state == SYN_SENT &&
		    pcb->local_port == be16(a->ports) &&
		    pcb->remote_port == be16(a->ports + 2) &&
		    pcb->lastack == be32(a->ports + 4) &&
		    ip_addr_cmp_zoneless(&pcb->remote_ip, &a->to) &&
		    (s = stream_of(pcb)) != NULL) {
			stream_refused(s, a->error);
			return;
		}
	}
}

static void
tell(const struct about *a)
{
	if (a->protocol == IP_PROTO_UDP || a->protocol == IP_PROTO_UDPLITE)
		tell_datagrams(a);
	else if (a->protocol == IP_PROTO_TCP)
		tell_stream(a);
}

/* ---- reading messages ---------------------------------------------------- */

/* Copies the message, which is behind the headers of P, and checks its sum. */
static size_t
copy_message(struct pbuf *p, uint8_t said[SAID_MAX], bool v6)
{
	uint16_t skip = ip_current_header_tot_len(), sum;

	if (p->tot_len <= skip || pbuf_remove_header(p, skip) != 0)
		return 0;
	sum = v6 ? ip6_chksum_pseudo(p, IP6_NEXTH_ICMP6, p->tot_len,
		       ip6_current_src_addr(), ip6_current_dest_addr()) :
		   inet_chksum_pbuf(p);
	pbuf_add_header_force(p, skip);
	if (sum != 0)
		return 0;
	return pbuf_copy_partial(p, said, SAID_MAX, skip);
}

/* Destination unreachable, by its code. */
struct reason {
	int error;
	bool hard;
};

static const struct reason unreachable4[] = {
	{ ENETUNREACH, false },
	{ EHOSTUNREACH, false },
	{ ENOPROTOOPT, true },
	{ ECONNREFUSED, true },
	{ 0, false }, /* too long: lwIP has no path MTU for IPv4 */
	{ EOPNOTSUPP, false },
	{ ENETUNREACH, true },
	{ EHOSTDOWN, true },
	{ ENONET, true },
	{ ENETUNREACH, true },
	{ EHOSTUNREACH, true },
	{ ENETUNREACH, false },
	{ EHOSTUNREACH, false },
	{ EHOSTUNREACH, true },
	{ EHOSTUNREACH, true },
	{ EHOSTUNREACH, true },
};

static const struct reason unreachable6[] = {
	{ ENETUNREACH, false },
	{ EACCES, true },
	{ EHOSTUNREACH, false },
	{ EHOSTUNREACH, false },
	{ ECONNREFUSED, true },
	{ EACCES, true },
	{ EACCES, true },
};

/*
 * What the message M says, into A; false: no error.  UNREACHABLE and EXCEEDED are
 * its protocol's types, WHY is for the N codes of the first.
 */
static bool
explain(struct about *a, const uint8_t *m, unsigned unreachable,
    const struct reason *why, size_t n, unsigned exceeded)
{
	if (m[0] == unreachable && m[1] < n) {
		a->error = why[m[1]].error;
		a->hard = why[m[1]].hard;
	} else if (m[0] == exceeded) {
		a->error = EHOSTUNREACH;
	}
	return a->error != 0;
}

static u8_t
said4(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
	uint8_t m[SAID_MAX];
	size_t n = copy_message(p, m, false), header;
	const uint8_t *packet = m + 8;
	struct about a;

	(void)arg;
	(void)pcb;
	(void)from;
	memset(&a, 0, sizeof(a));
	if (n < 8 + 20 + 8 || packet[0] >> 4 != 4)
		return 0;
	header = (size_t)4 * (packet[0] & 15);
	if (header < 20 || n < 8 + header + 8)
		return 0;
	if (be16(packet + 6) & 0x1fff)
		return 0; /* a later fragment has no ports */
	if (!explain(&a, m, 3, unreachable4,
		sizeof(unreachable4) / sizeof(*unreachable4), 11))
		return 0;
	IP_SET_TYPE_VAL(a.to, IPADDR_TYPE_V4);
	memcpy(&ip_2_ip4(&a.to)->addr, packet + 16, 4);
	a.protocol = packet[9];
	a.ports = packet + header;
	tell(&a);
	return 0;
}

static u8_t
said6(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
	uint8_t m[SAID_MAX];
	size_t n = copy_message(p, m, true), header = 40;
	const uint8_t *packet = m + 8;
	struct about a;

	(void)arg;
	(void)pcb;
	(void)from;
	memset(&a, 0, sizeof(a));
	if (n < 8 + 40 + 8 || packet[0] >> 4 != 6)
		return 0;
	a.protocol = packet[6];
	if (a.protocol == IP6_NEXTH_FRAGMENT) {
		if (n < 8 + 48 + 8 || be16(packet + 42) & 0xfff8)
			return 0;
		a.protocol = packet[40];
		header = 48;
	}
	if (!explain(&a, m, 1, unreachable6,
		sizeof(unreachable6) / sizeof(*unreachable6), 3))
		return 0;
	IP_SET_TYPE_VAL(a.to, IPADDR_TYPE_V6);
	memcpy(ip_2_ip6(&a.to)->addr, packet + 24, 16);
	a.ports = packet + header;
	tell(&a);
	return 0;
}

void
told_begin(void)
{
	static struct raw_pcb *v4, *v6;

	if (v4 == NULL &&
	    (v4 = raw_new_ip_type(IPADDR_TYPE_V4, IP_PROTO_ICMP)) != NULL)
		raw_recv(v4, said4, NULL);
	if (v6 == NULL &&
	    (v6 = raw_new_ip_type(IPADDR_TYPE_V6, IP6_NEXTH_ICMP6)) != NULL)
		raw_recv(v6, said6, NULL);
}
