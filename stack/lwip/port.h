/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port.h - what the files of lwIP's driver share (not installed)
 */
#ifndef STACK_LWIP_PORT_H
#define STACK_LWIP_PORT_H

#include <stdbool.h>

#include <lwip/netif.h>
#include <lwip/opt.h>

#include "shmif/unit.h"

/* Segments that may be put together: merge.c. */
#define MERGE_MAX 64u

/* A row of segments that were received and not given to lwIP yet. */
struct merge {
	unsigned n;
	uint32_t len;	    /* of the IP packet that they become */
	uint32_t next, ack; /* the sequence number that continues it */
	uint8_t push;
	uint8_t window[2];
	struct pbuf *p[MERGE_MAX];
};

/* The stack's side of a unit. */
struct port {
	struct netif netif;
	struct unit *unit;
	struct merge merge;
	bool promisc;  /* as it was told */
	bool autoconf; /* IPv6 addresses from router advertisements */
};

/* ---- sys_arch.c --------------------------------------------------------- */

/* Whether the calling thread has the core's lock. */
bool core_inside(void);

/* ---- frames.c; all with the core's lock --------------------------------- */

/* The port of NETIF, or NULL where the interface is not ours. */
struct port *port_of(const struct netif *netif);
/* netif.linkoutput: sends a whole frame. */
err_t port_linkoutput(struct netif *netif, struct pbuf *p);
/* buffer(), drop() and input() of stack.h. */
void *port_buffer(struct unit *u, uint32_t len, uint8_t **data);
void port_drop(void *buffer);
enum stack_verdict port_input(struct unit *u, void *buffer, uint8_t *data,
    uint32_t len);

/* ---- merge.c; with the core's lock -------------------------------------- */

/*
 * A frame came for NETIF.  True: it is held in the row M, which was given to
 * lwIP first where this one does not continue it.
 */
bool merge_takes(struct netif *netif, struct merge *m, struct pbuf *p);
/* Gives lwIP what is held. */
void merge_end(struct netif *netif, struct merge *m);

/* ---- exit.c ------------------------------------------------------------- */

/* Has exit() wait for what was sent.  Once, when there is a stack. */
void exit_begin(void);
/* Waits, while there is progress, until what was sent is acknowledged. */
void exit_settle(void);

/* ---- hooks.c ------------------------------------------------------------ */

/* Makes the secret of sequence numbers.  Once, before there is a stack. */
void hooks_begin(void);
/* No path has less than IPv6 guarantees.  With the core's lock. */
void hooks_path_floor(void);
/* Whether the stack is a router. */
bool forwarding_get(void);
void forwarding_set(bool on);

#endif /* STACK_LWIP_PORT_H */
