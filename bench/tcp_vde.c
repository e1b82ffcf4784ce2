/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_vde.c - one run of TCP over a VDE switch; see lib/tcprun.h
 *
 *	tcp_vde [-m MiB] [-k trips] folder-of-the-switch
 *
 * Linked with liblwipv6 alone, as a user of it would: nothing of ours is in
 * the way, and nothing of ours helps.
 */
#include <unistd.h>

#include "bench/lib/tcprun.h"

static struct netif *
attach(const char *where, struct stack **stack, const char **why)
{
	char path[4096];
	struct netif *nif;

	snprintf(path, sizeof(path), "%s", where); /* it wants to write there */
	if ((*stack = lwip_add_stack(0)) == NULL) {
		*why = "no stack";
		return NULL;
	}
	/* Its hardware address is rand(), seeded before the processes parted. */
	srand((unsigned)getpid());
	if ((nif = lwip_add_vdeif(*stack, path, 0)) == NULL)
		*why = "the stack has no interface for it; is there a switch?";
	return nif;
}

int
main(int argc, char **argv)
{
	return tcp_run(argc, argv, "tcp_vde", attach);
}
