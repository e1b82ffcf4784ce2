/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mqtt.c - lwIP's MQTT client: shows what is published, or publishes
 *
 *	mqtt bus.file 10.0.0.2/24 BROKER TOPIC [MESSAGE]
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include <lwip/apps/mqtt.h>
#include <lwip/tcpip.h>

#include "common/host.h"

static void
told(void *arg, const char *about, u32_t len)
{
	(void)arg;
	printf("%s (%u): ", about, len);
}

/* A message comes in pieces. */
static void
piece(void *arg, const u8_t *data, u16_t len, u8_t flags)
{
	(void)arg;
	fwrite(data, 1, len, stdout);
	if (flags & MQTT_DATA_FLAG_LAST)
		puts("");
}

static void
subscribed(void *arg, err_t error)
{
	(void)arg;
	if (error == ERR_OK)
		puts("ready");
	else
		host_end(1);
}

static void
published(void *arg, err_t error)
{
	(void)arg;
	host_end(error != ERR_OK);
}

static void
connected(mqtt_client_t *client, void *arg, mqtt_connection_status_t status)
{
	char **argv = arg;
	err_t error;

	if (status != MQTT_CONNECT_ACCEPTED) {
		fprintf(stderr, "mqtt: connection ended: %d\n", status);
		host_end(1);
		return;
	}
	mqtt_set_inpub_callback(client, told, piece, NULL);
	error = argv[5] == NULL ?
	    mqtt_subscribe(client, argv[4], 1, subscribed, client) :
	    mqtt_publish(client, argv[4], argv[5], (u16_t)strlen(argv[5]), 1, 0,
		published, client);
	if (error != ERR_OK)
		host_end(1);
}

int
main(int argc, char **argv)
{
	static const struct mqtt_connect_client_info_t info = { .client_id = "",
		.keep_alive = 30 };
	mqtt_client_t *client;
	ip_addr_t broker;
	err_t error;
	int status;

	if (argc != 5 && argc != 6)
		errx(2,
		    "usage: mqtt bus.file ADDRESSES BROKER TOPIC [MESSAGE]");
	broker = host_address(argv[3]);
	host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	client = mqtt_client_new();
	error = mqtt_client_connect(client, &broker, MQTT_PORT, connected, argv,
	    &info);
	UNLOCK_TCPIP_CORE();
	if (error != ERR_OK)
		errx(1, "%s: lwIP's error %d", argv[3], error);
	status = host_wait(0);
	LOCK_TCPIP_CORE();
	mqtt_disconnect(client);
	mqtt_client_free(client);
	UNLOCK_TCPIP_CORE();
	return status;
}
