/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * protocols.c - the list of protocol families that -o has
 *
 * DOC: Items, comma separated, each of which adds families to a set or, with a
 * minus sign, takes them away.  A set begins empty, so that "ipv4" is IPv4
 * alone; but a list whose first item takes away begins with all, so that
 * "-unix" is all but UNIX.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "mstack/launch/launch.h"

#define BIT(family) (UINT64_C(1) << (family))
#define IP (BIT(AF_INET) | BIT(AF_INET6) | BIT(AF_NETLINK) | BIT(AF_PACKET))

static const struct {
	const char *name, *letter;
	uint64_t families;
} names[] = {
	{ "all", NULL, FAMILIES_ALL },
	{ "unix", "u", BIT(AF_UNIX) },
	{ "ipv4", "4", BIT(AF_INET) },
	{ "ipv6", "6", BIT(AF_INET6) },
	{ "netlink", "n", BIT(AF_NETLINK) },
	{ "packet", "p", BIT(AF_PACKET) },
	{ "bluetooth", "b", BIT(AF_BLUETOOTH) },
	{ "irda", "i", BIT(AF_IRDA) },
	{ "ip", NULL, IP },
};

/* What ITEM, without a sign, stands for; 0: nothing. */
static uint64_t
meaning(const char *item)
{
	unsigned long n;
	char *end;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(item, names[i].name) == 0 ||
		    (names[i].letter != NULL &&
			strcmp(item, names[i].letter) == 0))
			return names[i].families;
	if (item[0] != '#' || item[1] < '0' || item[1] > '9')
		return 0;
	n = strtoul(item + 1, &end, 10);
	return *end == '\0' && n < 64 ? BIT(n) : 0;
}

bool
protocols_parse(const char *list, uint64_t *families, char bad[32])
{
	bool first = true, add;
	const char *at = list;
	char item[32];
	uint64_t some;
	size_t len;

	*families = 0;
	for (;;) {
		len = strcspn(at, ",");
		snprintf(bad, 32, "%.*s", (int)len, at);
		if (len == 0 || len >= sizeof(item))
			return false;
		memcpy(item, at, len);
		item[len] = '\0';
		add = item[0] != '-';
		if (first && !add)
			*families = FAMILIES_ALL;
		first = false;
		some = meaning(item + (item[0] == '-' || item[0] == '+'));
		if (some == 0)
			return false;
		if (add)
			*families |= some;
		else
			*families &= ~some;
		if (at[len] == '\0')
			return true;
		at += len + 1;
	}
}
