/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.c - frames from the bus to a port
 *
 * DOC: A frame is in a buffer of the stack's own kind (a pbuf in one
 * piece, PBUF_RAM) before anybody judges it; the IP header is aligned to 8
 * bytes there, and four bytes are to spare for an MSS option.  wall.c says
 * what the stack may see.  Neighbour solicitations, ARP and address
 * resolution are done here (link/neighbours.c), because the library has one
 * table of ten entries for all interfaces of the process, without a lock.
 */
#include <string.h>

#include "stack/lwipv6/driver/driver.h"
#include "stack/lwipv6/wall/wall.h"

#define ETH_HLEN 14
#define ALIGN_SHIFT 2 /* puts the IP header on an 8-byte boundary */
#define MSS_ROOM 4    /* for wall_add_mss() */

void *
port_buffer(struct unit *u, uint32_t len, uint8_t **data)
{
	struct pbuf *p;

	(void)u;
	if (len > UINT16_MAX - ALIGN_SHIFT - MSS_ROOM)
		return NULL;
	p = pbuf_alloc(PBUF_RAW, (uint16_t)(len + ALIGN_SHIFT + MSS_ROOM),
	    PBUF_RAM);
	if (p == NULL)
		return NULL;
	p->payload = (uint8_t *)p->payload + ALIGN_SHIFT;
	p->len = p->tot_len = (uint16_t)len;
	*data = p->payload;
	return p;
}

void
port_drop(void *buffer)
{
	pbuf_free(buffer);
}

/*
 * Judges a frame; a SYN without MSS option gets one.  May change *LEN.  What
 * is received may be as long as the stack can take, even where the MTU is
 * smaller: that is a limit for what is sent, and so for the MSS.
 */
static enum wall_verdict
judge(const struct port *port, uint8_t *data, uint32_t *len,
    struct wall_result *r)
{
	unsigned mtu = port->netif.mtu;
	size_t grown;

	if (wall_check(data, *len, LWIPV6_MTU_MAX, r) == WALL_DROP &&
	    r->reason == WALL_TCP_NO_MSS) {
		grown = wall_add_mss(data, *len, *len + MSS_ROOM, mtu);
		if (grown != 0) {
			*len = (uint32_t)grown;
			wall_check(data, *len, LWIPV6_MTU_MAX, r);
		}
	}
	if (mtu < LWIPV6_MTU_MAX && r->verdict == WALL_PASS)
		wall_clamp_mss(data, *len, mtu);
	return r->verdict;
}

enum stack_verdict
port_input(struct unit *u, void *buffer, uint8_t *data, uint32_t len)
{
	struct port *port = unit_port(u);
	struct netif *netif = &port->netif;
	enum stack_verdict verdict = STACK_TAKEN;
	struct pbuf *p = buffer;
	struct wall_result r;

	if (judge(port, data, &len, &r) == WALL_DROP) {
		pbuf_free(p);
		return STACK_REFUSED;
	}
	p->len = p->tot_len = (uint16_t)r.len;
	if (STACK_FIELD(netif->stack, STACK_PACKET_ACTIVE, uint16_t) != 0)
		eth_packet_mgmt(netif, p, 0);
	/* Promiscuous is for packet sockets: IP is not shown others' frames. */
	if (!(data[0] & 1) && memcmp(data, netif->hwaddr, 6) != 0)
		goto done;
	if (r.solicits) {
		if (nd_solicited(port, data, r.len, r.target, r.source))
			verdict = STACK_ANSWERED;
	} else if (r.kind == WALL_KIND_ARP) {
		arp_input(port, data, r.len);
	} else if (r.fragment && reass_input(port, p)) {
		return STACK_TAKEN;
	} else if (r.kind == WALL_KIND_IP4 || r.kind == WALL_KIND_IP6) {
		pbuf_header(p, -ETH_HLEN);
		ip_input(p, netif);
		return STACK_TAKEN;
	}
done:
	pbuf_free(p);
	return verdict;
}
