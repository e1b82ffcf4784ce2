/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl.h - lwIP looked at and set up from outside (not installed)
 */
#ifndef STACK_LWIP_CTL_H
#define STACK_LWIP_CTL_H

#include "shmif/stack_ctl.h"
#include "stack/lwip/port.h"

extern const struct stack_ctl lwip_ctl;

/* ---- ctl.c; with the core's lock ---------------------------------------- */

/* The interface that is called NAME, or NULL; and the name of NETIF. */
struct netif *ctl_netif(const char *name);
void ctl_name(const struct netif *netif, char name[SHMIF_NAME_MAX]);
/* An address of base/addr.h as lwIP's, and back. */
void ctl_to_lwip(const uint8_t ip[16], ip_addr_t *to);
void ctl_from_lwip(const ip_addr_t *from, uint8_t ip[16]);
/*
 * Adds or deletes an address of NETIF.  0, EADDRINUSE, EADDRNOTAVAIL, ENOMEM
 * (no room for another), EOPNOTSUPP (lwIP has one IPv4 address an interface,
 * and prefixes of 64 bits only).
 */
int ctl_change_address(struct netif *netif, const uint8_t ip[16],
    unsigned prefix, bool add);
/*
 * Returns EOPNOTSUPP, and keeps WHY, which is static, for whoever asks lacks()
 * on this thread.
 */
int ctl_lacks(const char *why);
/* NETIF is about to go. */
void ctl_forget(struct netif *netif);

/* ---- socks.c; see stack_ctl.h ------------------------------------------- */

int ctl_sockets(void *stack, struct ctl_sock **list, unsigned *n,
    unsigned *omitted);

/* ---- net.c, ping.c; see stack_ctl.h ------------------------------------- */

int ctl_route(void *stack, const struct ctl_route *r, bool add);
int ctl_routes(void *stack, struct ctl_route **list, unsigned *n);
int ctl_neigh(void *stack, int family, const char *name,
    struct ctl_neigh **list, unsigned *n);
int ctl_neigh_del(void *stack, const char *name, const uint8_t ip[16],
    bool published);
int ctl_neigh_add(void *stack, const char *name, const uint8_t ip[16],
    const uint8_t *mac, bool published);
/* NETIF is about to go: its fixed neighbours go, too. */
void ctl_neigh_forget(struct netif *netif);
int ctl_ping_begin(void *stack, const uint8_t ip[16], const char *name,
    ctl_pong *pong, void *arg, struct ctl_ping **ping);
int ctl_ping_send(struct ctl_ping *ping, unsigned seq, unsigned size,
    unsigned ttl);
void ctl_ping_end(struct ctl_ping *ping);

#endif /* STACK_LWIP_CTL_H */
