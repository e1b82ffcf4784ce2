/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * delete.c - what a stack leaves behind when it is deleted
 *
 * DOC: The fault: lwip_del_stack() forgets its loopback interface, with its
 * addresses, all routes, and the mailbox of the stack's thread.  It forgets as
 * well the messages that were posted behind the one that ends the thread.
 *
 * How it is seen: every stack deleted costs two descriptors and some memory,
 * and now and then a socket that was being closed, with all that it had
 * received.
 *
 * The cure: what is queued when the end begins is done first (queue_finish()),
 * while all is there yet; then sockets are taken from the stack and post no
 * more.  netif_shutdown() is the last thing that a stack's thread does with
 * it; what may be queued by then (packets to itself) is freed.  When the
 * library's own netif_shutdown() is done, nobody is left who would use these.
 * (A program that goes on using a stack which it deletes uses freed memory in
 * any case: the library frees the stack itself next.)
 */
#include "stack/lwipv6/driver/driver.h"
#include "stack/lwipv6/slirp/slirp.h"

/* Frees the addresses and routes of NETIF. */
static void
strip(struct stack *stack, struct netif *netif)
{
	ip_route_list_delnetif(stack, netif);
	while (netif->addrs != NULL) {
		struct ip_addr_list *el = netif->addrs->next;

		ip_addr_list_del(&netif->addrs, el);
		ip_addr_list_free(stack, el);
	}
}

/* Replaces the library's; on the stack's thread. */
EXPORT void
OURS(netif_shutdown)(struct stack *stack)
{
	struct netif *lo = STACK_FIELD(stack, STACK_NETIF_LIST, struct netif *);

	slirp_end(stack);
	tick_end(stack);
	conn_table_end(stack);
	real()->netif_shutdown(stack);
	/* The first is the loopback interface, which nobody else knows. */
	if (lo != NULL && (lo->flags & NETIF_FLAG_LOOPBACK)) {
		STACK_FIELD(stack, STACK_NETIF_LIST, struct netif *) = lo->next;
		strip(stack, lo);
		mem_free(lo);
	}
	queue_free(stack);
}
