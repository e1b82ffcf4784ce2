/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * addr.c - addresses in 16 bytes, and their text
 */
#include <arpa/inet.h>
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
