/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sntp.c - lwIP's SNTP client: what time a server says it is
 *
 *	sntp bus.file 10.0.0.2/24 SERVER
 */
#include <stdio.h>
#include <time.h>

#include <lwip/apps/sntp.h>
#include <lwip/tcpip.h>

#include "common/host.h"

/* lwIP calls it; a firmware would set its clock here. */
void
shmif_lwip_time(u32_t seconds, u32_t microseconds)
{
	time_t t = (time_t)seconds;
	char text[64];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	printf("%u %s.%06u\n", seconds, text, microseconds);
	host_end(0);
}

int
main(int argc, char **argv)
{
	ip_addr_t server;

	if (argc != 4) {
		fprintf(stderr, "usage: sntp bus.file ADDRESSES SERVER\n");
		return 2;
	}
	server = host_address(argv[3]);
	host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	sntp_setoperatingmode(SNTP_OPMODE_POLL);
	sntp_setserver(0, &server);
	sntp_init();
	UNLOCK_TCPIP_CORE();
	return host_wait(0);
}
