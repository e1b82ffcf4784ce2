/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.c - frames between lwIP and the bus
 *
 * DOC: A received frame is copied once, from the bus into the buffer (a pbuf
 * in one piece) that lwIP keeps until the program has read it.  A frame that
 * is sent is copied once as well, from the pieces of its chain into its slot
 * of the ring.
 *
 * What lwIP may see: frames for this interface, for everybody, or for a group.
 * Unicast for others comes only to a promiscuous attachment, and lwIP, which
 * looks at IP addresses alone, would take it for its own.
 */
#include <string.h>

#include <lwip/etharp.h>
#include <lwip/pbuf.h>
#include <lwip/prot/ip.h>
#include <lwip/snmp.h>
#include <netif/ethernet.h>

#include "stack/lwip/port.h"
#include "stack/lwip/wall.h"

#define ETH_HLEN 14u
#define ALIGN_SHIFT 2u /* puts the IP header on a 4-byte boundary, mostly */
/*
 * Zeros behind each frame: where a segment ends with the kind of a TCP option,
 * lwIP reads the length that would follow.
 */
#define TAIL 8u

/* ---- sending ------------------------------------------------------------ */

err_t
port_linkoutput(struct netif *netif, struct pbuf *p)
{
	struct iovec iov[UNIT_PIECES_MAX];
	struct port *port = netif->state;
	struct pbuf *one = NULL, *q;
	int n = 0;
	int error;

	if (port->unit == NULL || p->tot_len > netif->mtu + ETH_HLEN)
		return ERR_IF;
	if (pbuf_clen(p) > UNIT_PIECES_MAX) {
		if ((one = pbuf_clone(PBUF_RAW, PBUF_RAM, p)) == NULL)
			return ERR_MEM;
		p = one;
	}
	for (q = p; q != NULL; q = q->next) {
		if (q->len != 0) {
			iov[n].iov_base = q->payload;
			iov[n++].iov_len = q->len;
		}
		if (q->len == q->tot_len)
			break; /* the end of this packet, if not the chain's */
	}
	error = unit_output(port->unit, iov, n, p->tot_len);
	if (error == 0) {
		MIB2_STATS_NETIF_ADD(netif, ifoutoctets, p->tot_len);
		if (*(uint8_t *)p->payload & 1)
			MIB2_STATS_NETIF_INC(netif, ifoutnucastpkts);
		else
			MIB2_STATS_NETIF_INC(netif, ifoutucastpkts);
	} else {
		MIB2_STATS_NETIF_INC(netif, ifoutdiscards);
	}
	if (one != NULL)
		pbuf_free(one);
	/* TCP keeps what was not sent, and tries it again. */
	return error == 0 ? ERR_OK : ERR_MEM;
}

struct port *
port_of(const struct netif *netif)
{
	return netif != NULL && netif->linkoutput == port_linkoutput ?
	    netif->state :
	    NULL;
}

/* ---- receiving ---------------------------------------------------------- */

void *
port_buffer(struct unit *u, uint32_t len, uint8_t **data)
{
	struct pbuf *p;
	unsigned shift = ALIGN_SHIFT, tail = TAIL;

	(void)u;
	if (len > UINT16_MAX)
		return NULL; /* what a pbuf can count */
	/* A pbuf counts no further; its memory is rounded up to 8 bytes. */
	if (len > UINT16_MAX - ALIGN_SHIFT)
		shift = 0;
	if (tail > UINT16_MAX - len - shift)
		tail = UINT16_MAX - len - shift;
	p = pbuf_alloc(PBUF_RAW, (u16_t)(len + shift + tail), PBUF_RAM);
	if (p == NULL)
		return NULL;
	memset((uint8_t *)p->payload + len + shift, 0, tail);
	p->len = p->tot_len = (u16_t)(len + shift);
	pbuf_remove_header(p, shift);
	*data = p->payload;
	return p;
}

void
port_drop(void *buffer)
{
	pbuf_free(buffer);
}

/* Whether a frame may have ICMPv6 in it, or be the last part of such. */
static bool
may_tell_path(const uint8_t *frame, uint32_t len)
{
	const uint8_t *type = frame + 12, *next = frame + ETH_HLEN + 6;

	/* An 802.1Q tag, which lwIP passes over. */
	if (type[0] == 0x81 && type[1] == 0)
		return true;
	return type[0] == 0x86 && type[1] == 0xdd && len > ETH_HLEN + 6 &&
	    *next != IP_PROTO_TCP && *next != IP_PROTO_UDP;
}

enum stack_verdict
port_input(struct unit *u, void *buffer, uint8_t *data, uint32_t len)
{
	struct port *port = unit_port(u);
	struct netif *netif = &port->netif;
	enum wall_reason why = wall_judge(data, len);
	bool group, told;

	if (why != WALL_PASSES) {
		pbuf_free(buffer);
		unit_refused(u, why);
		return STACK_REFUSED;
	}
	group = data[0] & 1;
	MIB2_STATS_NETIF_ADD(netif, ifinoctets, len);
	if (!group && memcmp(data, netif->hwaddr, ETH_HWADDR_LEN) != 0) {
		pbuf_free(buffer);
		unit_refused(u, WALL_OTHER);
		return STACK_REFUSED;
	}
	if (group)
		MIB2_STATS_NETIF_INC(netif, ifinnucastpkts);
	else
		MIB2_STATS_NETIF_INC(netif, ifinucastpkts);
	if (!group && merge_takes(netif, &port->merge, buffer))
		return STACK_TAKEN;
	told = may_tell_path(data, len);
	ethernet_input(buffer, netif); /* frees it */
	if (told)
		hooks_path_floor();
	return STACK_TAKEN;
}
