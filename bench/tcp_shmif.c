/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_shmif.c - one run of TCP over a bus; see lib/tcprun.h
 *
 *	tcp_shmif [-m MiB] [-k trips] bus
 */
#include <shmbus.h>
#include <shmif.h>

#include "bench/lib/tcprun.h"

static struct netif *
attach(const char *where, struct stack **stack, const char **why)
{
	int ifnum;
	int error;

	if ((error = shmif_create(where, &ifnum)) != 0) {
		*why = *shmbus_why() ? shmbus_why() : shmbus_strerror(error);
		return NULL;
	}
	*stack = shmif_stack(ifnum);
	return shmif_netif(ifnum);
}

int
main(int argc, char **argv)
{
	return tcp_run(argc, argv, "tcp_shmif", attach);
}
