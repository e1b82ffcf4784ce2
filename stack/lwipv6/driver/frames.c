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

void *
port_buffer(struct unit *u, uint32_t len, uint8_t **data)
{
	struct pbuf *p;

	(void)u;
	if (len > UINT16_MAX - ALIGN_SHIFT - ARRIVE_ROOM)
		return NULL;
	p = pbuf_alloc(PBUF_RAW, (uint16_t)(len + ALIGN_SHIFT + ARRIVE_ROOM),
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

enum stack_verdict
port_input(struct unit *u, void *buffer, uint8_t *data, uint32_t len)
{
	struct port *port = unit_port(u);
	struct netif *netif = &port->netif;
	struct pbuf *p = buffer;
	struct wall_result r;

	/*
	 * What is received may be as long as the stack can take, even where the
	 * MTU is smaller: that is a limit for what is sent, and so for the MSS.
	 */
	if (arrive_judge(port, data, &len, LWIPV6_MTU_MAX, &r) == WALL_DROP) {
		pbuf_free(p);
		unit_refused(u, r.reason);
		return STACK_REFUSED;
	}
	p->len = p->tot_len = (uint16_t)r.len;
	if (STACK_FIELD(netif->stack, STACK_PACKET_ACTIVE, uint16_t) != 0)
		eth_packet_mgmt(netif, p, 0);
	/* Promiscuous is for packet sockets: IP is not shown others' frames. */
	if (r.kind == WALL_KIND_OTHER ||
	    (!(data[0] & 1) && memcmp(data, netif->hwaddr, 6) != 0)) {
		pbuf_free(p);
		return STACK_TAKEN;
	}
	pbuf_header(p, -ETH_HLEN);
	return arrive(port, p, &r, false) ? STACK_ANSWERED : STACK_TAKEN;
}
