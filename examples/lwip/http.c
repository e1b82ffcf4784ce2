/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.c - lwIP's web server: the files of a folder, and two things made here
 *
 *	http bus.file 10.0.0.2/24,fd00::2/64 FOLDER
 *
 * In files whose names end in .shtml, .shtm or .ssi, <!--#visits--> is replaced
 * by a number that grows and <!--#name--> by what was told by
 * /greet.cgi?name=WHO, which answers with /greet.shtml.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <lwip/apps/httpd.h>
#include <lwip/tcpip.h>

#include "common/folder.h"
#include "common/host.h"

static char name[64] = "nobody";
static unsigned visits;

/* What is put in the place of tag number TAG. */
static u16_t
include(int tag, char *to, int size)
{
	int n = tag == 0 ? snprintf(to, (size_t)size, "%s", name) :
			   snprintf(to, (size_t)size, "%u", ++visits);

	return (u16_t)(n < size ? n : size - 1);
}

/* Letters and digits only: nothing that a browser would take for more. */
static const char *
greet(int handler, int n, char *keys[], char *values[])
{
	size_t len = 0;
	const char *c;

	(void)handler;
	while (n-- > 0)
		if (strcmp(keys[n], "name") == 0 && values[n] != NULL)
			for (c = values[n]; *c != '\0'; c++)
				if (isalnum((unsigned char)*c) &&
				    len < sizeof(name) - 1)
					name[len++] = *c;
	name[len] = '\0';
	return "/greet.shtml";
}

int
main(int argc, char **argv)
{
	static const char *tags[] = { "name", "visits" };
	static const tCGI programs[] = { { "/greet.cgi", greet } };

	if (argc != 4) {
		fprintf(stderr, "usage: http bus.file ADDRESSES FOLDER\n");
		return 2;
	}
	folder_is(argv[3]);
	host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	httpd_init();
	http_set_ssi_handler(include, tags, 2);
	http_set_cgi_handlers(programs, 1);
	UNLOCK_TCPIP_CORE();
	return host_wait(1);
}
