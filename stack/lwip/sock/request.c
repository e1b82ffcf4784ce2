/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.c - ioctl(2) about interfaces, on lwIP's
 *
 * DOC: What is asked is answered from what shmifctl would show; what is
 * to be changed here is whether an interface is up.
 */
#include "stack/lwip/sock/sock.h"

#include <sys/ioctl.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>

#include <lwip/prot/ethernet.h>

#include "stack/lwip/ctl.h"

/* Puts an IPv4 address into A. */
static void
put_address(struct sockaddr *a, uint32_t address)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	in.sin_addr.s_addr = address;
	memset(a, 0, sizeof(*a));
	memcpy(a, &in, sizeof(in));
}

static short
flags_of(const struct netif *netif)
{
	int flags = IFF_MULTICAST;

	if (netif_is_up(netif))
		flags |= IFF_UP;
	if (netif_is_link_up(netif))
		flags |= IFF_RUNNING;
	if (port_of(netif) == NULL)
		flags |= IFF_LOOPBACK;
	else if (netif->flags & NETIF_FLAG_BROADCAST)
		flags |= IFF_BROADCAST;
	return (short)flags;
}

/* SIOCGIFCONF: interfaces with an IPv4 address, as many as there is room for. */
static int
list(struct ifconf *conf)
{
	struct ifreq r;
	struct netif *netif;
	int at = 0;

	NETIF_FOREACH(netif)
	{
		if (ip4_addr_isany(netif_ip4_addr(netif)))
			continue;
		if (at + (int)sizeof(r) > conf->ifc_len)
			break;
		memset(&r, 0, sizeof(r));
		ctl_name(netif, r.ifr_name);
		put_address(&r.ifr_addr, netif_ip4_addr(netif)->addr);
		memcpy(conf->ifc_buf + at, &r, sizeof(r));
		at += (int)sizeof(r);
	}
	conf->ifc_len = at;
	return 0;
}

/* A question about NETIF. */
static int
ask(struct netif *netif, unsigned long request, struct ifreq *r)
{
	uint32_t own = netif_ip4_addr(netif)->addr;
	uint32_t mask = netif_ip4_netmask(netif)->addr;
	bool has = own != 0;

	switch (request) {
	case SIOCGIFINDEX:
		r->ifr_ifindex = netif_get_index(netif);
		return 0;
	case SIOCGIFFLAGS:
		r->ifr_flags = flags_of(netif);
		return 0;
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
		put_address(&r->ifr_addr, own);
		return has ? 0 : EADDRNOTAVAIL;
	case SIOCGIFBRDADDR:
		put_address(&r->ifr_broadaddr,
		    netif->flags & NETIF_FLAG_BROADCAST ? own | ~mask : 0);
		return has ? 0 : EADDRNOTAVAIL;
	case SIOCGIFNETMASK:
		put_address(&r->ifr_netmask, mask);
		return has ? 0 : EADDRNOTAVAIL;
	case SIOCGIFMETRIC:
		r->ifr_metric = 0;
		return 0;
	case SIOCGIFMTU:
		r->ifr_mtu = netif->mtu;
		if (port_of(netif) == NULL)
			r->ifr_mtu = 65535; /* lwIP's loop has none */
		return 0;
	case SIOCGIFTXQLEN:
		r->ifr_qlen = 0;
		return 0;
	case SIOCGIFHWADDR:
		memset(&r->ifr_hwaddr, 0, sizeof(r->ifr_hwaddr));
		r->ifr_hwaddr.sa_family = port_of(netif) == NULL ?
		    ARPHRD_LOOPBACK :
		    ARPHRD_ETHER;
		if (port_of(netif) != NULL)
			memcpy(r->ifr_hwaddr.sa_data, netif->hwaddr,
			    ETH_HWADDR_LEN);
		return 0;
	case SIOCSIFFLAGS:
		if (r->ifr_flags & IFF_UP)
			netif_set_up(netif);
		else
			netif_set_down(netif);
		return 0;
	case SIOCSIFADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFMTU:
		return EOPNOTSUPP;
	default:
		return ENOTTY;
	}
}

static int
do_it(unsigned long request, void *arg)
{
	struct ifreq *r = arg;
	char name[SHMIF_NAME_MAX] = "";
	struct netif *netif;

	if (request == SIOCATMARK) {
		*(int *)arg = 0;
		return 0;
	}
	if (request == SIOCGIFCONF)
		return list(arg);
	if (request == SIOCGIFNAME) {
		netif = r->ifr_ifindex > 0 && r->ifr_ifindex <= UINT8_MAX ?
		    netif_get_by_index((u8_t)r->ifr_ifindex) :
		    NULL;
		if (netif == NULL)
			return ENODEV;
		memset(r->ifr_name, 0, sizeof(r->ifr_name));
		ctl_name(netif, name);
		memcpy(r->ifr_name, name, sizeof(r->ifr_name) - 1);
		return 0;
	}
	memcpy(name, r->ifr_name,
	    sizeof(name) < IFNAMSIZ ? sizeof(name) - 1 : IFNAMSIZ - 1);
	if ((netif = ctl_netif(name)) == NULL)
		return ENODEV;
	return ask(netif, request, r);
}

int
sock_request(struct sock *s, unsigned long request, void *arg)
{
	int error;

	(void)s;
	LOCK_TCPIP_CORE();
	error = do_it(request, arg);
	UNLOCK_TCPIP_CORE();
	return error;
}
