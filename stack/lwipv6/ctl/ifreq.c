/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl/ifreq.c - ioctl(2) of other programs that ask about interfaces
 *
 * DOC: The fault: the library knows neither SIOCGIFNETMASK nor SIOCGIFBRDADDR
 * (ENOSYS), nor the length of a queue; an interface that is not there is EINVAL;
 * and SIOCGIFCONF has interfaces by names that shmifctl does not know.
 *
 * How it is seen: ifconfig(8) shows an interface by half and fails; dnsmasq and
 * others find no network.
 *
 * The cure: for programs with sockets of stack_sock.h such a question is answered
 * from what shmifctl would show.  What changes something is the library's, with
 * what ioctl.c cures.
 */
#include <sys/ioctl.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <string.h>

#include "stack/lwipv6/ctl/ctl.h"

/* The first IPv4 address of C, or NULL. */
static const struct ctl_addr *
first_v4(const struct ctl_if *c)
{
	unsigned i;

	for (i = 0; i < c->addrs; i++)
		if (addr_is_v4(c->addr[i].ip))
			return &c->addr[i];
	return NULL;
}

/* Puts the IPv4 address V4, in network byte order, into A. */
static void
put_v4(struct sockaddr *a, uint32_t v4)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	in.sin_addr.s_addr = v4;
	memset(a, 0, sizeof(*a));
	memcpy(a, &in, sizeof(in));
}

/* A question about the address, OWN, of C. */
static int
ask_address(const struct ctl_if *c, const struct ctl_addr *own,
    unsigned long request, struct ifreq *r)
{
	unsigned bits = own->prefix < 96 ? 0 : own->prefix - 96u;
	uint32_t mask = htonl(bits == 0 ? 0 : UINT32_MAX << (32 - bits)), v4;

	memcpy(&v4, own->ip + 12, sizeof(v4));
	if (request == SIOCGIFNETMASK)
		put_v4(&r->ifr_netmask, mask);
	else if (request == SIOCGIFBRDADDR)
		put_v4(&r->ifr_broadaddr, c->broadcast ? v4 | ~mask : 0);
	else
		put_v4(&r->ifr_addr, v4);
	return 0;
}

static short
flags_of(const struct ctl_if *c)
{
	unsigned flags = IFF_MULTICAST;

	flags |= c->up ? IFF_UP : 0;
	flags |= c->running ? IFF_RUNNING : 0;
	flags |= c->loopback ? IFF_LOOPBACK : 0;
	flags |= c->broadcast ? IFF_BROADCAST : 0;
	flags |= c->promisc ? IFF_PROMISC : 0;
	return (short)flags;
}

/* A question about C. */
static int
ask(const struct ctl_if *c, unsigned long request, struct ifreq *r)
{
	const struct ctl_addr *own = first_v4(c);

	switch (request) {
	case SIOCGIFINDEX:
		r->ifr_ifindex = (int)c->index;
		return 0;
	case SIOCGIFFLAGS:
		r->ifr_flags = flags_of(c);
		return 0;
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
		return own == NULL ? EADDRNOTAVAIL :
				     ask_address(c, own, request, r);
	case SIOCGIFMETRIC:
		r->ifr_metric = 0;
		return 0;
	case SIOCGIFMTU:
		r->ifr_mtu = c->mtu;
		return 0;
	case SIOCGIFTXQLEN:
		r->ifr_qlen = 0;
		return 0;
	case SIOCGIFHWADDR:
		memset(&r->ifr_hwaddr, 0, sizeof(r->ifr_hwaddr));
		r->ifr_hwaddr.sa_family = c->loopback ? ARPHRD_LOOPBACK :
							ARPHRD_ETHER;
		if (c->has_mac && !c->loopback)
			memcpy(r->ifr_hwaddr.sa_data, c->mac, sizeof(c->mac));
		return 0;
	default:
		return ENOTTY;
	}
}

static void
put_name(const struct ctl_if *c, struct ifreq *r)
{
	static_assert(SHMIF_NAME_MAX <= IFNAMSIZ, "names fit");

	memset(r->ifr_name, 0, sizeof(r->ifr_name));
	memcpy(r->ifr_name, c->name, sizeof(c->name));
}

/* SIOCGIFCONF: those of N with an IPv4 address, as many as there is room for. */
static void
list(const struct ctl_if *ifs, unsigned n, struct ifconf *conf)
{
	const struct ctl_addr *own;
	struct ifreq r;
	int at = 0;

	for (; n > 0; n--, ifs++) {
		if ((own = first_v4(ifs)) == NULL)
			continue;
		if (at + (int)sizeof(r) > conf->ifc_len)
			break;
		memset(&r, 0, sizeof(r));
		put_name(ifs, &r);
		ask_address(ifs, own, SIOCGIFADDR, &r);
		memcpy(conf->ifc_buf + at, &r, sizeof(r));
		at += (int)sizeof(r);
	}
	conf->ifc_len = at;
}

int
ifreq_ask(void *stack, unsigned long request, void *arg)
{
	struct ifreq *r = arg;
	struct ctl_if *ifs;
	int error = ENODEV;
	unsigned n, i;

	switch (request) {
	case SIOCGIFNAME:
	case SIOCGIFCONF:
	case SIOCGIFINDEX:
	case SIOCGIFFLAGS:
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFMETRIC:
	case SIOCGIFMTU:
	case SIOCGIFTXQLEN:
	case SIOCGIFHWADDR:
		break;
	default:
		return ENOTTY;
	}
	if (stack == NULL)
		return ENETDOWN;
	if (stack_ctl_lwipv6.list(stack, NULL, &ifs, &n) != 0)
		return ENOMEM;
	if (request == SIOCGIFCONF) {
		list(ifs, n, arg);
		error = 0;
	}
	for (i = 0; i < n && request != SIOCGIFCONF; i++)
		if (request == SIOCGIFNAME ?
			r->ifr_ifindex == (int)ifs[i].index :
			strncmp(r->ifr_name, ifs[i].name, IFNAMSIZ) == 0)
			break;
	if (request == SIOCGIFNAME && i < n) {
		put_name(&ifs[i], r);
		error = 0;
	} else if (request != SIOCGIFCONF && i < n) {
		error = ask(&ifs[i], request, r);
	}
	stack_ctl_lwipv6.list_free(ifs, n);
	return error;
}
