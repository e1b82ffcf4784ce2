/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iperf.c - lwIP's iperf 2: a server, or ten seconds as a client of SERVER
 *
 *	iperf bus.file 10.0.0.2/24 [SERVER]
 */
#include <err.h>
#include <stdio.h>

#include <lwip/apps/lwiperf.h>
#include <lwip/tcpip.h>

#include "common/host.h"

static void
finished(void *arg, enum lwiperf_report_type type, const ip_addr_t *local,
    u16_t local_port, const ip_addr_t *remote, u16_t remote_port, u32_t bytes,
    u32_t ms, u32_t kbits)
{
	(void)local;
	(void)local_port;
	printf("%s:%u: result %d, %u bytes in %u ms, %u kbit/s\n",
	    ipaddr_ntoa(remote), remote_port, type, bytes, ms, kbits);
	if (arg != NULL)
		host_end(type != LWIPERF_TCP_DONE_CLIENT);
}

int
main(int argc, char **argv)
{
	static int is_client = 1;
	ip_addr_t server;
	void *session;

	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: iperf bus.file ADDRESSES [SERVER]\n");
		return 2;
	}
	host(argv[1], argv[2]);
	if (argc == 4)
		server = host_address(argv[3]);
	LOCK_TCPIP_CORE();
	session = argc == 3 ?
	    lwiperf_start_tcp_server_default(finished, NULL) :
	    lwiperf_start_tcp_client_default(&server, finished, &is_client);
	UNLOCK_TCPIP_CORE();
	if (session == NULL)
		errx(1, "lwIP has no session to spare");
	return host_wait(argc == 3);
}
