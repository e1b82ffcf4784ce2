/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arp.c - ARP packets (RFC 826, RFC 5227)
 *
 * What follows from them is the business of neighbours.c, dad.c and proxy.c.
 *
 * An address that is new on the bus, or comes back to it, is announced once
 * nobody else was found to have it (dad.c): by a gratuitous ARP request (RFC
 * 5227, 2.3) or an unsolicited advertisement (RFC 4861, 7.2.6).  A program that
 * was started again has another hardware address, and its neighbours would go
 * on for FRESH_S with the old one.
 */
#include <string.h>

#include "stack/lwipv6/link/link.h"

#define ARP_LEN 42u
#define ARP_REQUEST 1
#define ARP_REPLY 2

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t none[6];

/*
 * An ARP packet from the interface: FROM is at MAC, or with NULL at the
 * interface.
 */
static void
send_arp(struct port *port, unsigned op, const uint8_t to[6],
    const uint8_t target[6], const struct ip_addr *from, const uint8_t *mac,
    uint32_t dst)
{
	const uint8_t *own = port->netif.hwaddr;
	uint8_t f[ARP_LEN] = { [12] = 0x08,
		0x06,
		0,
		1,
		0x08,
		0x00,
		6,
		4,
		0,
		(uint8_t)op };

	memcpy(f, to, 6);
	memcpy(f + 6, own, 6);
	memcpy(f + 22, mac != NULL ? mac : own, 6);
	memcpy(f + 28, &from->addr[3], 4);
	memcpy(f + 32, target, 6);
	memcpy(f + 38, &dst, 4);
	link_send_bytes(port, f, sizeof(f));
}

void
arp_input(struct port *port, const uint8_t *frame, uint32_t len)
{
	struct ip_addr sender = { { 0, 0, htonl(0xffff), 0 } };
	struct ip_addr target = sender;
	struct ip_addr_list *mine;
	const uint8_t *mac = NULL;

	if (len < ARP_LEN)
		return;
	memcpy(&sender.addr[3], frame + 28, 4);
	memcpy(&target.addr[3], frame + 38, 4);
	dad_other(port, &sender, frame + 22, false);
	if (sender.addr[3] == 0)
		dad_other(port, &target, frame + 22, true);
	mine = ip_addr_list_find(port->netif.addrs, &target, NULL);
	/* Who probes, or announces, is the one for whom others might answer. */
	if (mine == NULL && sender.addr[3] != 0 && !ip_same(&sender, &target))
		mac = proxy_find(port, &target);
	if (ip_addr_list_find(port->netif.addrs, &sender, NULL) == NULL)
		neigh_learn(port, &sender, frame + 22,
		    mine != NULL || mac != NULL);
	if ((mine != NULL || mac != NULL) && frame[21] == ARP_REQUEST)
		send_arp(port, ARP_REPLY, frame + 22, frame + 22, &target, mac,
		    sender.addr[3]);
}

void
arp_probe(struct port *port, const struct ip_addr *ip)
{
	static const struct ip_addr nobody;

	send_arp(port, ARP_REQUEST, broadcast, none, &nobody, NULL,
	    ip->addr[3]);
}

void
arp_announce(struct port *port, const struct ip_addr *ip)
{
	send_arp(port, ARP_REQUEST, broadcast, none, ip, NULL, ip->addr[3]);
}

void
arp_ask(struct port *port, const struct ip_addr *from, const struct ip_addr *ip,
    const uint8_t to[6])
{
	send_arp(port, ARP_REQUEST, to, none, from, NULL, ip->addr[3]);
}

void
neigh_announce(struct port *port, const struct ip_addr *ip)
{
	if (port->neigh == NULL || !(port->netif.flags & NETIF_FLAG_UP))
		return;
	if (ip_is_v4(ip))
		arp_announce(port, ip);
	else
		nd_announce(port, ip);
}

void
neigh_announce_all(struct port *port)
{
	const struct ip_addr_list *tail = port->netif.addrs, *el = tail;

	while (el != NULL) {
		neigh_announce(port, &el->ipaddr);
		el = el->next == tail ? NULL : el->next;
	}
}
