/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * httpget.c - lwIP's HTTP client: what it gets is written to standard output
 *
 *	httpget bus.file 10.0.0.2/24 10.0.0.1 80 /file [NAMESERVER]
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include <lwip/apps/http_client.h>
#include <lwip/dns.h>
#include <lwip/tcpip.h>

#include "common/host.h"

static err_t
received(void *arg, struct altcp_pcb *pcb, struct pbuf *p, err_t error)
{
	const struct pbuf *q;

	(void)arg;
	if (p == NULL)
		return error;
	for (q = p; q != NULL; q = q->next)
		fwrite(q->payload, 1, q->len, stdout);
	altcp_recved(pcb, p->tot_len);
	pbuf_free(p);
	return ERR_OK;
}

static void
finished(void *arg, httpc_result_t result, u32_t len, u32_t response,
    err_t error)
{
	(void)arg;
	fflush(stdout);
	fprintf(stderr, "result %d, response %u, %u bytes, error %d\n", result,
	    response, len, error);
	host_end(result != HTTPC_RESULT_OK || response != 200);
}

int
main(int argc, char **argv)
{
	static const httpc_connection_t settings = { .result_fn = finished };
	httpc_state_t *connection;
	ip_addr_t server;
	err_t error;

	if (argc != 6 && argc != 7) {
		fprintf(stderr,
		    "usage: httpget bus.file ADDRESSES HOST PORT"
		    " PATH [NAMESERVER]\n");
		return 2;
	}
	host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	if (argc == 7) {
		server = host_address(argv[6]);
		dns_setserver(0, &server);
	}
	error = httpc_get_file_dns(argv[3], (u16_t)atoi(argv[4]), argv[5],
	    &settings, received, NULL, &connection);
	UNLOCK_TCPIP_CORE();
	if (error != ERR_OK)
		errx(1, "%s: lwIP's error %d", argv[3], error);
	return host_wait(0);
}
