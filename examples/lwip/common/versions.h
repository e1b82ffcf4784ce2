/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * versions.h - lwIP 2.1 as far as 2.2, for which these examples are written, has
 * functions of other names or arguments
 */
#ifndef EXAMPLES_VERSIONS_H
#define EXAMPLES_VERSIONS_H

#include <lwip/init.h>

/* What the function that gets mDNS's results is given. */
#define MDNS_RESULT \
	struct netif *netif, u8_t result, __attribute__((unused)) s8_t service

#if LWIP_VERSION_MAJOR == 2 && LWIP_VERSION_MINOR < 2
#undef MDNS_RESULT
#define MDNS_RESULT struct netif *netif, u8_t result
#define tftp_init_server tftp_init
/* Their answers are valid for two minutes. */
#define mdns_resp_add_netif(netif, host) mdns_resp_add_netif(netif, host, 120)
#define mdns_resp_add_service(netif, name, service, proto, port, text, arg) \
	mdns_resp_add_service(netif, name, service, proto, port, 120, text, arg)
#endif

#endif
