/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl/kinds.c - the kinds of interfaces that an lwipv6 stack has, in one table
 */
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>

#include "stack/lwipv6/ctl/ctl.h"

#define DIGIT_MAX 9 /* the library shows a number as one digit */

err_t vdeif_init(struct netif *);
err_t tapif_init(struct netif *);
err_t tunif_init(struct netif *);

/* In the order in which a list of several kinds is made. */
static const struct kind kinds[] = {
	{ .seam = { "vd", "vde", DIGIT_MAX, true, true },
	    .init = vdeif_init,
	    .mtu_max = LWIPV6_MTU_MAX,
	    .has_mac = true,
	    .autoconf = true,
	    .promisc = true },
	{ .seam = { "tn", "tun", DIGIT_MAX, true, true },
	    .init = tunif_init,
	    .tun_flags = IFF_TUN | IFF_NO_PI,
	    .mtu_max = LWIPV6_MTU_MAX,
	    .autoconf = true },
	{ .seam = { "tp", "tap", DIGIT_MAX, true, true },
	    .init = tapif_init,
	    .tun_flags = IFF_TAP | IFF_NO_PI,
	    .mtu_max = LWIPV6_MTU_MAX,
	    .has_mac = true,
	    .autoconf = true,
	    .promisc = true },
	{ .seam = { "sl", "slirp", DIGIT_MAX, false, false },
	    .init = slirpif_init,
	    .queued = true,
	    .mtu_max = UINT16_MAX },
	/* Not made here: units, and what a stack has from its beginning. */
	{ .seam = { "sh", "shmif", 0, false, false },
	    .mtu_max = LWIPV6_MTU_MAX,
	    .has_mac = true,
	    .autoconf = true },
	{ .seam = { "lo", "loopback", 0, false, false } },
	{ .seam = { "", "other", 0, false, false },
	    .mtu_max = LWIPV6_MTU_MAX,
	    .has_mac = true,
	    .autoconf = true },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct ctl_kind *
kind_seam(unsigned i)
{
	return i < KINDS && kinds[i].init != NULL ? &kinds[i].seam : NULL;
}

const struct kind *
kind_named(const char letters[2])
{
	size_t i;

	for (i = 0; i < KINDS - 1; i++)
		if (memcmp(kinds[i].seam.name, letters, 2) == 0)
			break;
	return &kinds[i];
}

const struct kind *
kind_of(const struct netif *netif)
{
	return kind_named(netif->name);
}
