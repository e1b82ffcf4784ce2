/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * merge.c - received segments of TCP that follow each other become one
 *
 * DOC: Theory of Operation
 *
 * What lwIP does for a segment costs the same whether it has 1460 bytes or 60
 * KB: it looks for the connection, walks along the queue of what is not
 * acknowledged, tells the program, and acknowledges every second one, each of
 * which costs the peer as much.  The frames that one visit to the bus brings
 * are mostly a row of segments of one connection.  So they are put together,
 * before lwIP sees them, to one that is as long as an IP packet may be: it has
 * the headers of the first, the acknowledgement and the window of the last,
 * and the bytes of all.  Linux calls this generic receive offload.
 *
 * A row is held for one connection at a time, and never longer than the visit
 * lasts: merge_end() gives lwIP what is held.  What does not continue the row
 * and belongs to the same connection ends the row first, so nothing overtakes
 * anything within a connection.
 *
 * Only what changes nothing is put together: bytes that lwIP expects next on a
 * connection that has nothing out of order, so that a loss is seen by lwIP,
 * and told to the peer, segment by segment; no flags but ACK and PSH; the same
 * options, or none; an acknowledgement that does not go back.  Whatever the
 * code does not expect (fragments, options of IP, extension headers, bytes
 * behind the packet) goes its way alone.
 *
 * The checksums are verified here, frame by frame, and need not be once more:
 * the interface's flags say so for as long as lwIP handles the row.  lwIP
 * acknowledges at once what had more than one segment, as it would have: it
 * cannot know, so it is told.
 */
#include <string.h>

#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/prot/ip.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>
#include <lwip/priv/tcp_priv.h>
#include <netif/ethernet.h>

#include "base/checksum.h"
#include "base/net_bytes.h"
#include "stack/lwip/port.h"

#define ETH_HLEN 14u
#define IP4_HLEN 20u
#define LOOK_MAX 8 /* connections that are looked at to find one */

/* A frame with a segment, taken apart; all of it lies in the frame. */
struct segment {
	uint8_t *ip, *tcp;
	uint32_t ip_len, tcp_len; /* bytes of each header */
	uint32_t len;		  /* of what is carried */
	uint32_t seq, ack;
	bool v6;
};

/* ---- what a frame is ----------------------------------------------------- */

/* Whether the IP packet in the N bytes at S->ip is whole, and has TCP alone. */
static bool
is_plain(struct segment *s, uint32_t n)
{
	const uint8_t *ip = s->ip;

	if (s->v6) {
		s->ip_len = IP6_HLEN;
		return n >= IP6_HLEN && ip[0] >> 4 == 6 &&
		    ip[6] == IP_PROTO_TCP && be16(ip + 4) == n - IP6_HLEN;
	}
	s->ip_len = IP4_HLEN;
	return n >= IP4_HLEN && ip[0] == 0x45 && be16(ip + 2) == n &&
	    (be16(ip + 6) & ~IP_DF) == 0 && ip[9] == IP_PROTO_TCP &&
	    checksum_fold(checksum_add(ip, IP4_HLEN)) == 0xffff;
}

/* Whether the checksum of the segment, N bytes, is right. */
static bool
sum_is_right(const struct segment *s, uint32_t n)
{
	uint8_t pseudo[4] = { 0, IP_PROTO_TCP, (uint8_t)(n >> 8), (uint8_t)n };
	/* The two addresses are side by side. */
	const uint8_t *from = s->v6 ? s->ip + 8 : s->ip + 12;
	uint64_t sum = checksum_add(from, s->v6 ? 32 : 8);

	sum += checksum_add(pseudo, sizeof(pseudo));
	return checksum_fold(sum + checksum_add(s->tcp, n)) == 0xffff;
}

/* Takes the frame of LEN bytes apart.  False: it goes its way alone. */
static bool
read_segment(uint8_t *frame, uint32_t len, struct segment *s)
{
	unsigned type = be16(frame + 12);
	uint32_t n;

	s->v6 = type == ETHTYPE_IPV6;
	s->ip = frame + ETH_HLEN;
	if ((type != ETHTYPE_IP && !s->v6) || !is_plain(s, len - ETH_HLEN))
		return false;
	s->tcp = s->ip + s->ip_len;
	n = len - ETH_HLEN - s->ip_len;
	if (n < TCP_HLEN)
		return false;
	s->tcp_len = s->tcp[12] / 16u * 4u;
	if (s->tcp_len < TCP_HLEN || n <= s->tcp_len)
		return false;
	s->len = n - s->tcp_len;
	s->seq = be32(s->tcp + 4);
	s->ack = be32(s->tcp + 8);
	return (s->tcp[13] & ~(TCP_ACK | TCP_PSH)) == 0 &&
	    (s->tcp[13] & TCP_ACK) != 0 && sum_is_right(s, n);
}

/* ---- its connection ------------------------------------------------------ */

static bool
is_address(const ip_addr_t *a, const uint8_t *bytes, bool v6)
{
	if (v6)
		return IP_IS_V6(a) && memcmp(ip_2_ip6(a)->addr, bytes, 16) == 0;
	return IP_IS_V4(a) && memcmp(&ip_2_ip4(a)->addr, bytes, 4) == 0;
}

/* The connection of S, if it is among those that were used last. */
static struct tcp_pcb *
connection_of(const struct segment *s)
{
	const uint8_t *from = s->v6 ? s->ip + 8 : s->ip + 12;
	unsigned their_port = be16(s->tcp), our_port = be16(s->tcp + 2);
	struct tcp_pcb *pcb = tcp_active_pcbs;
	int i;

	for (i = 0; pcb != NULL && i < LOOK_MAX; pcb = pcb->next, i++)
		if (pcb->remote_port == their_port &&
		    pcb->local_port == our_port &&
		    is_address(&pcb->remote_ip, from, s->v6) &&
		    is_address(&pcb->local_ip, from + (s->v6 ? 16 : 4), s->v6))
			return pcb;
	return NULL;
}

/* Whether S is what lwIP waits for, and nothing else came yet. */
static bool
is_next(const struct segment *s)
{
	const struct tcp_pcb *pcb = connection_of(s);

	return pcb != NULL && pcb->state == ESTABLISHED &&
	    pcb->rcv_nxt == s->seq && pcb->ooseq == NULL &&
	    pcb->refused_data == NULL;
}

/* ---- the row ------------------------------------------------------------- */

/* Whether S belongs to the connection of the row that begins with HEAD. */
static bool
same_connection(const struct segment *head, const struct segment *s)
{
	return head->v6 == s->v6 && memcmp(head->tcp, s->tcp, 4) == 0 &&
	    memcmp(head->ip + (s->v6 ? 8 : 12), s->ip + (s->v6 ? 8 : 12),
		s->v6 ? 32 : 8) == 0;
}

/* Whether S continues the row of M. */
static bool
continues(const struct merge *m, const struct segment *head,
    const struct segment *s)
{
	return m->n < MERGE_MAX && s->seq == m->next &&
	    /* what a buffer can count */
	    ETH_HLEN + m->len + s->len <= UINT16_MAX &&
	    (int32_t)(s->ack - m->ack) >= 0 && s->tcp_len == head->tcp_len &&
	    memcmp(s->tcp + TCP_HLEN, head->tcp + TCP_HLEN,
		s->tcp_len - TCP_HLEN) == 0 &&
	    /* as sensitive as IP says: class, and marks of congestion */
	    (s->v6 ? memcmp(s->ip, head->ip, 4) == 0 : s->ip[1] == head->ip[1]);
}

/* The head of the row of M. */
static struct segment
head_of(const struct merge *m)
{
	struct segment s;

	/* It was taken apart before, and nothing but its numbers changed. */
	s.ip = (uint8_t *)m->p[0]->payload + ETH_HLEN;
	s.v6 = be16(s.ip - 2) == ETHTYPE_IPV6;
	s.ip_len = s.v6 ? IP6_HLEN : IP4_HLEN;
	s.tcp = s.ip + s.ip_len;
	s.tcp_len = s.tcp[12] / 16u * 4u;
	s.seq = be32(s.tcp + 4);
	s.ack = be32(s.tcp + 8);
	s.len = m->p[0]->len - ETH_HLEN - s.ip_len - s.tcp_len;
	return s;
}

/* Has P and S begin the row or continue it. */
static void
hold(struct merge *m, struct pbuf *p, const struct segment *s)
{
	if (m->n == 0)
		m->len = s->ip_len + s->tcp_len;
	m->p[m->n++] = p;
	m->len += s->len;
	m->next = s->seq + s->len;
	m->ack = s->ack;
	m->push |= s->tcp[13] & TCP_PSH;
	memcpy(m->window, s->tcp + 14, sizeof(m->window));
}

/* Makes one packet of the row.  Its head is the first buffer. */
static struct pbuf *
join(struct merge *m, const struct segment *head)
{
	unsigned i;

	for (i = m->n - 1; i > 0; i--) {
		struct pbuf *p = m->p[i], *before = m->p[i - 1];

		/* Of one length: so are the headers of all. */
		if (i == m->n - 1)
			pbuf_remove_header(p,
			    ETH_HLEN + head->ip_len + head->tcp_len);
		if (i > 1)
			pbuf_remove_header(before,
			    ETH_HLEN + head->ip_len + head->tcp_len);
		before->next = p;
		before->tot_len = (u16_t)(before->len + p->tot_len);
	}
	if (head->v6) {
		put16(head->ip + 4, m->len - IP6_HLEN);
	} else {
		put16(head->ip + 2, m->len);
		put16(head->ip + 10, 0);
		i = checksum_fold(checksum_add(head->ip, IP4_HLEN)) ^ 0xffffu;
		memcpy(head->ip + 10, &(uint16_t){ (uint16_t)i }, 2);
	}
	put32(head->tcp + 8, m->ack);
	head->tcp[13] |= m->push;
	memcpy(head->tcp + 14, m->window, sizeof(m->window));
	return m->p[0];
}

void
merge_end(struct netif *netif, struct merge *m)
{
	u16_t flags = netif->chksum_flags;
	struct segment head;
	struct tcp_pcb *pcb;
	uint8_t headers[ETH_HLEN + IP6_HLEN + TCP_HLEN];
	unsigned n = m->n;
	struct pbuf *p;

	if (n == 0)
		return;
	head = head_of(m);
	p = join(m, &head);
	*m = (struct merge){ 0 };
	/* They say whose it was, when the buffer may be gone. */
	memcpy(headers, p->payload, ETH_HLEN + head.ip_len + TCP_HLEN);
	netif->chksum_flags = flags &
	    (u16_t) ~(NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_IP);
	ethernet_input(p, netif);
	netif->chksum_flags = flags;
	if (n == 1)
		return;
	head.ip = headers + ETH_HLEN;
	head.tcp = head.ip + head.ip_len;
	if ((pcb = connection_of(&head)) != NULL &&
	    (pcb->flags & TF_ACK_DELAY) != 0) {
		tcp_ack_now(pcb);
		tcp_output(pcb);
	}
}

bool
merge_takes(struct netif *netif, struct merge *m, struct pbuf *p)
{
	uint8_t *frame = p->payload;
	struct segment s, head;

	/* What follows expects one piece, as all that comes from the bus is. */
	if (p->next != NULL || p->len < ETH_HLEN)
		return false;
	if (!read_segment(frame, p->len, &s)) {
		/* It may be of the same connection: what is held is before. */
		merge_end(netif, m);
		return false;
	}
	if (m->n > 0) {
		head = head_of(m);
		if (same_connection(&head, &s) && continues(m, &head, &s)) {
			hold(m, p, &s);
			return true;
		}
		merge_end(netif, m);
	}
	if (!is_next(&s))
		return false;
	hold(m, p, &s);
	return true;
}
