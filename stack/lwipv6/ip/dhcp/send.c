/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dhcp/send.c - what a client of DHCP says, on its way
 *
 * A client without an address, which the stack has no source and no route for,
 * sends whole frames; one that has an address and knows its server sends by the
 * stack's IP.
 */
#include <sys/random.h>
#include <string.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/ip/dhcp/message.h"
#include "stack/lwipv6/ip/ip.h"

#define ETH_HLEN 14u
#define IP4_HLEN 20u
#define UDP_HLEN 8u
#define PROTO_UDP 17
#define TTL 64

/* P is a message with room for its headers: sends it FROM to TO by unicast. */
static void
send_unicast(struct port *port, struct pbuf *p, uint32_t from, uint32_t to)
{
	struct ip_addr src = { { 0, 0, htonl(0xffff), htonl(from) } };
	struct ip_addr dst = { { 0, 0, htonl(0xffff), htonl(to) } };
	uint8_t *h;
	uint16_t sum;

	if (pbuf_header(p, UDP_HLEN) != 0)
		return;
	h = p->payload;
	put16(h, DHCP_CLIENT_PORT);
	put16(h + 2, DHCP_SERVER_PORT);
	put16(h + 4, p->tot_len);
	put16(h + 6, 0);
	sum = inet6_chksum_pseudo(p, &src, &dst, PROTO_UDP, p->tot_len);
	if (sum == 0)
		sum = 0xffff; /* RFC 768: 0 says that there is none */
	memcpy(h + 6, &sum, sizeof(sum));
	ip_output(port->netif.stack, p, &src, &dst, TTL, 0, PROTO_UDP);
}

/* The message MSG from the address FROM, which may be 0, to everybody. */
static void
send_broadcast(struct port *port, const uint8_t *msg, uint32_t from)
{
	uint8_t f[ETH_HLEN + IP4_HLEN + UDP_HLEN + DHCP_SIZE] = { 0 };
	uint8_t *ip = f + ETH_HLEN, *udp = ip + IP4_HLEN;
	unsigned len = UDP_HLEN + DHCP_SIZE;
	uint16_t id = 0;

	(void)!getrandom(&id, sizeof(id), 0);
	memset(f, 0xff, 6);
	memcpy(f + 6, port->netif.hwaddr, 6);
	put16(f + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, IP4_HLEN + len);
	put16(ip + 4, id);
	ip[8] = TTL;
	ip[9] = PROTO_UDP;
	put32(ip + 12, from);
	put32(ip + 16, UINT32_MAX);
	put16(ip + 10, ~fold(sum16(ip, IP4_HLEN, 0)));
	put16(udp, DHCP_CLIENT_PORT);
	put16(udp + 2, DHCP_SERVER_PORT);
	put16(udp + 4, len);
	memcpy(udp + UDP_HLEN, msg, DHCP_SIZE);
	put16(udp + 6,
	    ~fold(sum16(ip + 12, 8, sum16(udp, len, len + PROTO_UDP))));
	link_send_bytes(port, f, sizeof(f));
}

void
dhcp_send(struct port *port, const struct dhcp_say *say, uint32_t from,
    uint32_t to)
{
	struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, DHCP_SIZE, PBUF_RAM);

	if (p == NULL)
		return; /* it is said again */
	dhcp_write(p->payload, say);
	if (to != 0)
		send_unicast(port, p, from, to);
	else
		send_broadcast(port, p->payload, from);
	pbuf_free(p);
}
