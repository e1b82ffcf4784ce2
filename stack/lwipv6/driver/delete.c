/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * delete.c - what a stack leaves behind when it is deleted
 *
 * DOC: The fault: lwip_del_stack() forgets its loopback interface, with its
 * addresses, all routes, and the mailbox of the stack's thread; and what is in
 * that behind the message to end, posted while others before it were handled.
 *
 * How it is seen: every stack deleted costs two descriptors and some memory,
 * and now and then a socket that was being closed, with all that it had
 * received.
 *
 * The cure: what is queued when the end begins is done first (queue_finish()),
 * while all is there yet; then sockets are taken from the stack and post no
 * more.  netif_shutdown() is the last thing that a stack's thread does with
 * it; what may be queued by then (packets to itself) is freed.  When the library's own is done, nobody is left who would use these.  (A
 * program that goes on using a stack which it deletes has lost already: the
 * library frees the stack itself next.)
 */
#include "stack/lwipv6/port.h"

/* The next message of QUEUE, or NULL. */
static struct tcpip_msg *
next(struct sys_mbox *queue)
{
	void *msg = NULL;

	if (mbox_waiting(queue) > 0)
		sys_arch_mbox_fetch(queue, &msg, 1);
	return msg;
}

/* Does what MSG says, of the kinds that may come at any time. */
static void
do_message(struct tcpip_msg *msg)
{
	switch (msg->type) {
	case TCPIP_MSG_INPUT:
		ip_input(msg->in.p, msg->in.netif);
		break;
	case TCPIP_MSG_CALLBACK:
	case TCPIP_MSG_SYNC_CALLBACK:
		msg->call.fn(msg->call.arg);
		if (msg->type == TCPIP_MSG_SYNC_CALLBACK)
			sys_sem_signal(*msg->call.sem);
		break;
	default:
		break;
	}
	memp_free(MEMP_TCPIP_MSG, msg);
}

void
queue_finish(struct stack *stack)
{
	struct sys_mbox *queue = STACK_FIELD(stack, STACK_QUEUE,
	    struct sys_mbox *);
	unsigned n = mbox_waiting(queue);
	struct tcpip_msg *msg;

	/* Not what these post: that could go on for ever. */
	while (n-- > 0 && (msg = next(queue)) != NULL)
		do_message(msg);
}

/* Frees what is in QUEUE, when there is nobody to do it. */
static void
drop_queue(struct sys_mbox *queue)
{
	struct tcpip_msg *msg;

	while ((msg = next(queue)) != NULL) {
		if (msg->type == TCPIP_MSG_INPUT)
			pbuf_free(msg->in.p);
		memp_free(MEMP_TCPIP_MSG, msg);
	}
}

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
	struct sys_mbox **queue = &STACK_FIELD(stack, STACK_QUEUE,
	    struct sys_mbox *);

	recover_end(stack);
	real()->netif_shutdown(stack);
	/* The first is the loopback interface, which nobody else knows. */
	if (lo != NULL && (lo->flags & NETIF_FLAG_LOOPBACK)) {
		STACK_FIELD(stack, STACK_NETIF_LIST, struct netif *) = lo->next;
		strip(stack, lo);
		mem_free(lo);
	}
	drop_queue(*queue);
	sys_mbox_free(*queue);
	*queue = NULL;
}
