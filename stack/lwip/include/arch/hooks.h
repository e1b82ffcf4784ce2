/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/hooks.h - where lwIP asks the driver; see hooks.c and routes.c
 */
#ifndef SHMIF_LWIP_HOOKS_H
#define SHMIF_LWIP_HOOKS_H

#include <lwip/ip_addr.h>

#ifdef __cplusplus
extern "C" {
#endif

struct netif;
struct pbuf;

/* Whether packets are forwarded between interfaces. */
int shmif_lwip_forwards(void);
/* 1: P was taken, because it would be forwarded and must not be. */
int shmif_lwip_ip4_input(struct pbuf *p, struct netif *in);
int shmif_lwip_ip6_input(struct pbuf *p, struct netif *in);
/* The initial sequence number of a connection: RFC 6528. */
u32_t shmif_lwip_isn(const ip_addr_t *local_ip, u16_t local_port,
    const ip_addr_t *remote_ip, u16_t remote_port);

/* Where a packet goes, where that is not for lwIP to tell; see routes.c. */
struct netif *shmif_lwip_route4(const ip4_addr_t *dst);
const ip4_addr_t *shmif_lwip_gateway4(struct netif *netif,
    const ip4_addr_t *dst);
struct netif *shmif_lwip_route6(const ip6_addr_t *dst);
const ip6_addr_t *shmif_lwip_gateway6(struct netif *netif,
    const ip6_addr_t *dst);

#ifdef __cplusplus
}
#endif

#endif /* SHMIF_LWIP_HOOKS_H */
