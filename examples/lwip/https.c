/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * https.c - lwIP's web server over TLS, by altcp_tls and mbedTLS
 *
 *	https bus.file 10.0.0.2/24 FOLDER cert.pem key.pem
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include <lwip/altcp_tls.h>
#include <lwip/apps/httpd.h>
#include <lwip/tcpip.h>

#include "common/folder.h"
#include "common/host.h"

#if LWIP_ALTCP_TLS
/* The file PATH with a NUL behind it, which mbedTLS wants of PEM and counts. */
static u8_t *
contents(const char *path, size_t *len)
{
	u8_t *text = calloc(1, 65536);
	FILE *f = fopen(path, "r");

	if (text == NULL || f == NULL)
		err(1, "%s", path);
	*len = fread(text, 1, 65535, f) + 1;
	fclose(f);
	return text;
}

int
main(int argc, char **argv)
{
	struct altcp_tls_config *config;
	u8_t *cert, *key;
	size_t cert_len, key_len;

	if (argc != 6) {
		fprintf(stderr,
		    "usage: https bus.file ADDRESSES FOLDER CERT KEY\n");
		return 2;
	}
	folder_is(argv[3]);
	cert = contents(argv[4], &cert_len);
	key = contents(argv[5], &key_len);
	host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	config = altcp_tls_create_config_server_privkey_cert(key, key_len, NULL,
	    0, cert, cert_len);
	if (config != NULL)
		httpd_inits(config);
	UNLOCK_TCPIP_CORE();
	free(cert);
	free(key);
	if (config == NULL)
		errx(1, "%s, %s: not a certificate and its key", argv[4],
		    argv[5]);
	return host_wait(1);
}
#else
int
main(void)
{
	fprintf(stderr, "https: this build has no mbedTLS\n");
	return 77;
}
#endif
