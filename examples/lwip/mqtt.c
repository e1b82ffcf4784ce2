/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mqtt.c - lwIP's MQTT client: shows what is published, or publishes
 *
 *	mqtt bus.file 10.0.0.2/24 BROKER TOPIC
 *	mqtt bus.file 10.0.0.2/24 BROKER TOPIC MESSAGE
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include <lwip/apps/mqtt.h>
#include <lwip/tcpip.h>

#include "common/host.h"

static const char *topic, *message;

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
	mqtt_disconnect(arg);
	host_end(error != ERR_OK);
}

static void
connected(mqtt_client_t *client, void *arg, mqtt_connection_status_t status)
{
	err_t error;

	(void)arg;
	if (status != MQTT_CONNECT_ACCEPTED) {
		fprintf(stderr, "mqtt: connection ended: %d\n", status);
		host_end(1);
		return;
	}
	mqtt_set_inpub_callback(client, told, piece, NULL);
	error = message == NULL ?
	    mqtt_subscribe(client, topic, 1, subscribed, client) :
	    mqtt_publish(client, topic, message, (u16_t)strlen(message), 1, 0,
		published, client);
	if (error != ERR_OK)
		host_end(1);
}

int
main(int argc, char **argv)
{
	static const struct mqtt_connect_client_info_t info = { .client_id = "",
		.keep_alive = 30 };
	ip_addr_t broker;
	err_t error;

	if (argc != 5 && argc != 6) {
		fprintf(stderr,
		    "usage: mqtt bus.file ADDRESSES BROKER TOPIC [MESSAGE]\n");
		return 2;
	}
	broker = host_address(argv[3]);
	topic = argv[4];
	message = argv[5];
	host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	error = mqtt_client_connect(mqtt_client_new(), &broker, MQTT_PORT,
	    connected, NULL, &info);
	UNLOCK_TCPIP_CORE();
	if (error != ERR_OK)
		errx(1, "%s: lwIP's error %d", argv[3], error);
	return host_wait(0);
}
