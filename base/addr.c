/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * addr.c - addresses in bytes, and their text
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"

static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

/* A number of at most three digits; -1 where it is none. */
static int
small_number(const char *p)
{
	int v = 0;
	size_t n = strlen(p);

	if (n == 0 || n > 3)
		return -1;
	for (; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return -1;
		v = v * 10 + (*p - '0');
	}
	return v;
}

bool
addr_is_v4(const uint8_t ip[16])
{
	return memcmp(ip, mapped, sizeof(mapped)) == 0;
}

void
addr_from_v4(const void *v4, uint8_t ip[16])
{
	memcpy(ip, mapped, sizeof(mapped));
	memcpy(ip + sizeof(mapped), v4, 4);
}

bool
addr_parse(const char *text, uint8_t ip[16], unsigned *prefix)
{
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char host[INET6_ADDRSTRLEN];
	int base = 0, max = 128, n;

	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, ip + 12) == 1) {
		memcpy(ip, mapped, sizeof(mapped));
		base = 96;
		max = 32;
	} else if (inet_pton(AF_INET6, host, ip) != 1 || addr_is_v4(ip)) {
		return false;
	}
	*prefix = ADDR_PREFIX_NONE;
	if (slash == NULL)
		return true;
	n = small_number(slash + 1);
	if (n < 0 || n > max)
		return false;
	*prefix = (unsigned)(base + n);
	return true;
}

bool
mac_parse(const char *text, uint8_t mac[6])
{
	int end = -1;

	/* sscanf() alone would take signs and white space, too. */
	if (strlen(text) >= MAC_TEXT ||
	    strspn(text, "0123456789abcdefABCDEF:") != strlen(text))
		return false;
	(void)sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0],
	    &mac[1], &mac[2], &mac[3], &mac[4], &mac[5], &end);
	return end != -1 && text[end] == '\0';
}

const char *
mac_text(const uint8_t mac[6], char text[MAC_TEXT])
{
	snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
	    mac[1], mac[2], mac[3], mac[4], mac[5]);
	return text;
}
