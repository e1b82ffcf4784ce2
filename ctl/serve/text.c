/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c - addresses as text
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "ctl/serve/server.h"

const char *
ip_text(const uint8_t ip[16], char text[ADDR_TEXT])
{
	bool v4 = addr_is_v4(ip);

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip + 12 : ip, text, ADDR_TEXT);
	return v4 ? "inet" : "inet6";
}

unsigned
prefix_shown(const uint8_t ip[16], unsigned prefix)
{
	if (!addr_is_v4(ip))
		return prefix;
	return prefix < 96 ? 0 : prefix - 96;
}

bool
dst_parse(const char *text, uint8_t ip[16], unsigned *prefix)
{
	if (strcmp(text, "default") == 0)
		text = "0.0.0.0/0";
	else if (strcmp(text, "default6") == 0)
		text = "::/0";
	if (!addr_parse(text, ip, prefix))
		return false;
	if (*prefix == ADDR_PREFIX_NONE)
		*prefix = 128;
	return true;
}

void
plain(const char *text, char *to, size_t size)
{
	size_t i;

	for (i = 0; text[i] != '\0' && i + 1 < size; i++)
		to[i] = (unsigned char)text[i] < 32 || text[i] == 127 ? '?' :
									text[i];
	to[i] = '\0';
}
