/* SPDX-License-Identifier: BSD-2-Clause */
/* lwipapps.h - what inputs of the target lwipapps are made of */
#ifndef FUZZ_LWIPAPPS_H
#define FUZZ_LWIPAPPS_H

enum app {
	APP_SNMP,
	APP_TFTP,
	APP_NETBIOS,
	APP_MDNS,
	APP_DNS,
	APP_SNTP,
	APP_DHCP,
	APP_DHCP6,
	APP_HTTPD,
	APP_HTTPS,
	APP_IPERF,
	APP_MQTT,
	APP_HTTPC,
	APP_SMTP,
	APP_PROXY,
	APPS,
	APP_FIRST_TCP = APP_HTTPD
};

/* The lowest three bits of a record's first byte; any other one: bytes. */
enum op { OP_BYTES, OP_WARP, OP_CLOSE };

/* The others, of a datagram. */
enum datagram {
	DATAGRAM_REPEATS = 8, /* repeats what its question says */
	DATAGRAM_PIECES = 16, /* comes in pieces */
	DATAGRAM_ALONE = 32   /* from another port, and for this host only */
};

#endif /* FUZZ_LWIPAPPS_H */
