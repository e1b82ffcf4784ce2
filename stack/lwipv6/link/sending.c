/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sending.c - frames from a port to the bus
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stack/lwipv6/link/link.h"
#include "stack/lwipv6/wall/wall.h"

#define ETH_HLEN 14
#define ETHERTYPE_IP4 0x0800u
#define ETHERTYPE_IP6 0x86ddu

/* Sends P, which is in too many pieces, as one. */
static err_t
send_copy(struct unit *u, const struct pbuf *p)
{
	struct iovec iov = { .iov_len = p->tot_len };
	uint32_t len = 0;
	int error;

	if ((iov.iov_base = malloc(p->tot_len)) == NULL)
		return ERR_MEM;
	for (; p != NULL && p->len <= iov.iov_len - len; p = p->next) {
		memcpy((char *)iov.iov_base + len, p->payload, p->len);
		len += p->len;
	}
	error = len == iov.iov_len ? unit_output(u, &iov, 1, len) : EINVAL;
	free(iov.iov_base);
	return error == 0 ? ERR_OK : ERR_IF;
}

err_t
link_output(struct netif *netif, struct pbuf *p)
{
	struct port *port = netif->state;
	struct iovec iov[UNIT_PIECES_MAX];
	struct unit *u = port->unit;
	uint32_t len = 0;
	struct pbuf *q;
	int n = 0;

	if (u == NULL || !(netif->flags & NETIF_FLAG_UP)) {
		if (u != NULL)
			atomic_fetch_add(&u->n.out_down, 1);
		return ERR_IF;
	}
	/* A SYN is short and in one piece. */
	if (p->len == p->tot_len && p->len < 128)
		wall_clamp_mss(p->payload, p->len, netif->mtu);
	if (p->tot_len > netif->mtu + WALL_HEADROOM)
		goto bad;
	for (q = p; q != NULL; q = q->next) {
		if (q->len == 0)
			continue;
		if (n == UNIT_PIECES_MAX)
			return send_copy(u, p);
		iov[n].iov_base = q->payload;
		iov[n++].iov_len = q->len;
		len += q->len;
		if (q->len == q->tot_len)
			break; /* the chain may go on with another packet */
	}
	if (len != p->tot_len)
		goto bad;
	return unit_output(u, iov, n, len) == 0 ? ERR_OK : ERR_IF;

bad:
	atomic_fetch_add(&u->n.out_errors, 1);
	return ERR_BUF;
}

err_t
link_send(struct port *port, struct pbuf *p)
{
	if (STACK_FIELD(port->netif.stack, STACK_PACKET_ACTIVE, uint16_t) != 0)
		eth_packet_mgmt(&port->netif, p, NETIF_PACKET_OUTGOING);
	return port->netif.linkoutput(&port->netif, p);
}

void
link_send_bytes(struct port *port, const uint8_t *frame, uint32_t len)
{
	struct pbuf *p = pbuf_alloc(PBUF_RAW, (uint16_t)len, PBUF_RAM);

	if (p == NULL)
		return;
	memcpy(p->payload, frame, len);
	link_send(port, p);
	pbuf_free(p);
}

bool
ip4_is_broadcast(const struct netif *netif, const struct ip_addr *dst)
{
	const struct ip_addr_list *tail = netif->addrs, *el;
	uint32_t ip = dst->addr[3];

	if (!ip_is_v4(dst))
		return false;
	if (ip == 0xffffffffu || ip == 0)
		return true;
	if (tail == NULL)
		return false;
	for (el = tail->next;; el = el->next) {
		uint32_t host = ~el->netmask.addr[3];

		if (ip_is_v4(&el->ipaddr) && ntohl(host) > 1 &&
		    ((ip ^ el->ipaddr.addr[3]) & ~host) == 0 &&
		    (ip & host) == host)
			return true;
		if (el == tail)
			return false;
	}
}

bool
link_group_mac(const struct port *port, const struct ip_addr *dst,
    uint8_t mac[6])
{
	const uint8_t *b = (const uint8_t *)dst;

	if (!ip_is_v4(dst)) {
		if (b[0] != 0xff)
			return false;
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, b + 12, 4);
	} else if ((b[12] & 0xf0) == 0xe0) {
		mac[0] = 0x01;
		mac[1] = 0x00;
		mac[2] = 0x5e;
		mac[3] = b[13] & 0x7f;
		memcpy(mac + 4, b + 14, 2);
	} else if (ip4_is_broadcast(&port->netif, dst)) {
		memset(mac, 0xff, 6);
	} else {
		return false;
	}
	return true;
}

/* ---- packets ------------------------------------------------------------- */

__thread uint8_t neigh_class;

err_t
neigh_output(struct netif *netif, struct pbuf *p, struct ip_addr *dst)
{
	struct port *port = port_of(netif);
	unsigned type = ip_is_v4(dst) ? ETHERTYPE_IP4 : ETHERTYPE_IP6;
	struct pbuf *head = p;
	uint8_t *f;
	err_t err;

	if (port == NULL || port->neigh == NULL ||
	    !(netif->flags & NETIF_FLAG_UP))
		return ERR_OK;
	if ((port->paths != NULL ||
		link_mtu(netif, type == ETHERTYPE_IP4) < netif->mtu) &&
	    above.path_exceeded(netif, p, dst, &err))
		return err;
	if (neigh_class != 0 && type == ETHERTYPE_IP6 && p->len >= 2) {
		f = p->payload;
		f[0] = (uint8_t)(0x60 | neigh_class >> 4);
		f[1] = (uint8_t)((f[1] & 15) | neigh_class << 4);
	}
	if (pbuf_header(p, ETH_HLEN) != 0) {
		head = pbuf_alloc(PBUF_RAW, ETH_HLEN, PBUF_RAM);
		if (head == NULL)
			return ERR_MEM;
		head->next = p;
		head->tot_len = (uint16_t)(head->tot_len + p->tot_len);
	}
	f = head->payload;
	memcpy(f + 6, netif->hwaddr, 6);
	f[12] = (uint8_t)(type >> 8);
	f[13] = (uint8_t)type;
	err = neigh_send(port, head, dst);
	if (head != p) {
		head->next = NULL;
		pbuf_free(head);
	}
	return err;
}
