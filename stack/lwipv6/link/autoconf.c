/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * autoconf.c - autoconfiguration ends when an interface goes down
 *
 * DOC: The faults: when an interface goes down, ip_autoconf_stop() frees the
 * state of autoconfiguration, but the timer that sends router solicitations
 * goes on, and so, while nothing is configured yet, do those of duplicate
 * address detection, with the tentative addresses.  When an interface that is
 * up is set up once more, ip_autoconf_start() makes a second state beside the
 * first, with timers of its own.
 *
 * How they are seen: an interface set down within some seconds after it went
 * up, or destroyed, crashes the process in rtr_sol_timeout() or dad_timeout().
 *
 * The cure: the timers are taken back before the state is freed, tentative
 * addresses are freed, addresses that were configured go in any case; and what
 * is started already is not started again.
 */
#include "stack/lwipv6/link/link.h"

/* Frees tentative addresses, and what would promote them. */
static void
drop_tentative(struct netif *netif)
{
	struct ip_addr_list **tail = &netif->autoconf->tentative;

	while (*tail != NULL) {
		struct ip_addr_list *el = (*tail)->next;

		dad_remove_timer(el);
		ip_addr_list_del(tail, el);
		ip_addr_list_free(netif->stack, el);
	}
}

/* Replaces the library's; on the stack's thread. */
EXPORT void
OURS(ip_autoconf_start)(struct netif *netif)
{
	if (netif->autoconf == NULL)
		real()->ip_autoconf_start(netif);
}

/* Replaces the library's; on the stack's thread. */
EXPORT void
OURS(ip_autoconf_stop)(struct netif *netif)
{
	if (netif->autoconf == NULL)
		return;
	sys_untimeout(rtr_sol_timeout, netif);
	drop_tentative(netif);
	/* Otherwise the library would leave addresses configured before. */
	netif->autoconf->status = AUTOCONF_SUCC;
	real()->ip_autoconf_stop(netif);
}
