/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/mqtt.h - read before lwIP's mqtt.c, which is given whole messages:
 *	see stack/lwip/apps/mqtt.c
 */
#ifndef SHMIF_LWIP_MQTT_H
#define SHMIF_LWIP_MQTT_H

#include <lwip/altcp.h>

void shmif_lwip_mqtt_recv(struct altcp_pcb *conn, altcp_recv_fn fn);
void shmif_lwip_mqtt_err(struct altcp_pcb *conn, altcp_err_fn fn);
#define altcp_recv(conn, fn) shmif_lwip_mqtt_recv(conn, fn)
#define altcp_err(conn, fn) shmif_lwip_mqtt_err(conn, fn)

#endif /* SHMIF_LWIP_MQTT_H */
