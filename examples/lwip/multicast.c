/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * multicast.c - joins groups of both versions of IP, and shows what they get
 *
 *	multicast bus.file 10.0.0.2/24,fd00::2/64 PORT 239.1.2.3 ff15::123
 *
 * lwIP reports its memberships to routers by IGMPv2 and MLDv1.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/igmp.h>
#include <lwip/mld6.h>
#include <lwip/tcpip.h>
#include <lwip/udp.h>

#include "common/host.h"

static void
received(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
    u16_t port)
{
	char text[1500];
	u16_t n = pbuf_copy_partial(p, text, sizeof(text), 0);

	(void)arg;
	(void)pcb;
	(void)port;
	printf("to %s ", ipaddr_ntoa(ip_current_dest_addr()));
	printf("from %s: %.*s\n", ipaddr_ntoa(from), (int)n, text);
	pbuf_free(p);
}

/* Joins GROUP or, if LEAVE, leaves it. */
static err_t
member(struct netif *netif, ip_addr_t *group, int leave)
{
	if (IP_IS_V4(group))
		return leave ? igmp_leavegroup_netif(netif, ip_2_ip4(group)) :
			       igmp_joingroup_netif(netif, ip_2_ip4(group));
	ip6_addr_assign_zone(ip_2_ip6(group), IP6_MULTICAST, netif);
	return leave ? mld6_leavegroup_netif(netif, ip_2_ip6(group)) :
		       mld6_joingroup_netif(netif, ip_2_ip6(group));
}

int
main(int argc, char **argv)
{
	struct udp_pcb *pcb;
	struct netif *netif;
	ip_addr_t group;
	int i, leave;

	if (argc < 5) {
		fprintf(stderr,
		    "usage: multicast bus.file ADDRESSES PORT GROUP...\n");
		return 2;
	}
	netif = host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	pcb = udp_new_ip_type(IPADDR_TYPE_ANY);
	if (pcb == NULL ||
	    udp_bind(pcb, IP_ANY_TYPE, (u16_t)atoi(argv[3])) != ERR_OK)
		errx(1, "cannot bind to port %s", argv[3]);
	udp_recv(pcb, received, NULL);
	UNLOCK_TCPIP_CORE();
	for (leave = 0; leave <= 1; leave++) {
		for (i = 4; i < argc; i++) {
			group = host_address(argv[i]);
			LOCK_TCPIP_CORE();
			if (member(netif, &group, leave) != ERR_OK)
				errx(1, "%s: not joined", argv[i]);
			UNLOCK_TCPIP_CORE();
		}
		if (!leave)
			host_wait(1);
	}
	return 0;
}
