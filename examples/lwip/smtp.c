/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smtp.c - lwIP's SMTP client: sends a mail
 *
 *	smtp bus.file 10.0.0.2/24 SERVER FROM TO SUBJECT TEXT
 */
#include <err.h>
#include <stdio.h>

#include <lwip/apps/smtp.h>
#include <lwip/tcpip.h>

#include "common/host.h"

static void
finished(void *arg, u8_t result, u16_t answer, err_t error)
{
	(void)arg;
	fprintf(stderr, "result %u, server's answer %u, error %d\n", result,
	    answer, error);
	host_end(result != SMTP_RESULT_OK);
}

int
main(int argc, char **argv)
{
	err_t error;

	if (argc != 8) {
		fprintf(stderr,
		    "usage: smtp bus.file ADDRESSES SERVER FROM TO"
		    " SUBJECT TEXT\n");
		return 2;
	}
	host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	smtp_set_server_addr(argv[3]);
	error = smtp_send_mail(argv[4], argv[5], argv[6], argv[7], finished,
	    NULL);
	UNLOCK_TCPIP_CORE();
	if (error != ERR_OK)
		errx(1, "%s: lwIP's error %d", argv[3], error);
	return host_wait(0);
}
