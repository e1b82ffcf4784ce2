/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udplite.c - UDP-Lite (RFC 3828): the checksum covers 8 bytes of data at most
 *
 *	udplite bus.file 10.0.0.2/24,fd00::2/64
 *	udplite bus.file 10.0.0.3/24,fd00::3/64 10.0.0.2 TEXT
 *
 * The first sends back what comes to port 7; the second sends and shows what
 * comes back.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include <lwip/tcpip.h>
#include <lwip/udp.h>

#include "common/host.h"

#define COVERED 16 /* bytes, with the header */

static int is_client;

static void
received(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
    u16_t port)
{
	char text[1500];
	u16_t n = pbuf_copy_partial(p, text, sizeof(text), 0);

	(void)arg;
	printf("%s: %.*s\n", ipaddr_ntoa(from), (int)n, text);
	if (is_client)
		host_end(0);
	else
		udp_sendto(pcb, p, from, port);
	pbuf_free(p);
}

int
main(int argc, char **argv)
{
	struct udp_pcb *pcb;
	ip_addr_t to;
	struct pbuf *p;

	if (argc != 3 && argc != 5) {
		fprintf(stderr,
		    "usage: udplite bus.file ADDRESSES [TO TEXT]\n");
		return 2;
	}
	is_client = argc == 5;
	host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	pcb = udp_new_ip_type(IPADDR_TYPE_ANY);
	if (pcb == NULL)
		errx(1, "no memory");
	udp_setflags(pcb, UDP_FLAGS_UDPLITE);
	pcb->chksum_len_tx = COVERED;
	pcb->chksum_len_rx = 8; /* the least that is taken: the header */
	udp_recv(pcb, received, NULL);
	if (udp_bind(pcb, IP_ANY_TYPE, is_client ? 0 : 7) != ERR_OK)
		errx(1, "cannot bind");
	if (is_client) {
		to = host_address(argv[3]);
		p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)strlen(argv[4]),
		    PBUF_RAM);
		if (p == NULL ||
		    pbuf_take(p, argv[4], (u16_t)strlen(argv[4])) != ERR_OK ||
		    udp_sendto(pcb, p, &to, 7) != ERR_OK)
			errx(1, "%s: not sent", argv[3]);
		pbuf_free(p);
	}
	UNLOCK_TCPIP_CORE();
	return host_wait(!is_client);
}
