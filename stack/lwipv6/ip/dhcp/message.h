/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dhcp/message.h - messages of DHCP (RFC 2131, RFC 2132); private to this folder
 *
 * Pure functions on bytes, but for dhcp_send().  Addresses are in host order.
 */
#ifndef SHMIF_LWIPV6_DHCP_MESSAGE_H
#define SHMIF_LWIPV6_DHCP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DHCP_DISCOVER = 1,
	DHCP_OFFER,
	DHCP_REQUEST,
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE
};
#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define DHCP_FOREVER UINT32_MAX
#define DHCP_SIZE 300u /* of what is sent: the least of BOOTP (RFC 1542, 2.1) */

/* What a client says. */
struct dhcp_say {
	uint8_t type;
	uint32_t xid;
	uint16_t secs;
	bool broadcast; /* it cannot be answered at an address yet */
	uint32_t ciaddr;
	uint32_t requested, server; /* options; 0: none */
	uint8_t mac[6];
};
/* Writes DHCP_SIZE bytes. */
void dhcp_write(uint8_t *to, const struct dhcp_say *say);

struct port;
/*
 * dhcp/send.c: sends SAY from the address FROM, which may be 0, to the server TO;
 * 0: to everybody.
 */
void dhcp_send(struct port *port, const struct dhcp_say *say, uint32_t from,
    uint32_t to);

/* A route of option 121; HOP 0: the network is on the link. */
struct dhcp_route {
	uint32_t net, mask, hop;
};
#define DHCP_ROUTES 16u
#define DHCP_DNS 4u

/* What a server says. */
struct dhcp_answer {
	uint8_t type;
	uint32_t yiaddr, server;
	uint32_t mask, router;	/* router 0: none */
	uint32_t lease, t1, t2; /* seconds */
	uint16_t mtu;		/* 0: not said */
	struct dhcp_route route[DHCP_ROUTES];
	unsigned routes;
	uint32_t dns[DHCP_DNS];
	unsigned dns_n;
};
/*
 * Reads an answer to XID and MAC in the N bytes at P.  False: it is none, or one
 * that cannot be true.
 */
bool dhcp_read(const uint8_t *p, size_t n, uint32_t xid, const uint8_t mac[6],
    struct dhcp_answer *a);

#endif /* SHMIF_LWIPV6_DHCP_MESSAGE_H */
