/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c - what words on a command line may be: numbers, addresses,
 * masks, paths, names
 *
 * Nothing here asks anybody: names of hosts are not looked up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/number.h"
#include "base/utf8.h"
#include "ctl/shmifctl/shmifctl.h"

int
addr_width(const struct addr *a)
{
	return a->family == AF_INET ? 32 : 128;
}

/* Whether A has bits set behind its prefix. */
bool
addr_host_bits(const struct addr *a)
{
	for (int i = a->prefix; i < addr_width(a); i++)
		if (a->bytes[i / 8] & 0x80 >> i % 8)
			return true;
	return false;
}

/* Copies the LEN bytes at FROM; false when they do not fit. */
static bool
copy_part(char *to, size_t size, const char *from, size_t len)
{
	if (len >= size)
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

/*
 * Takes TEXT for ADDRESS[%INTERFACE][/PREFIX], of FAMILY or with AF_UNSPEC of
 * either.
 */
int
text_addr(const char *text, int family, struct addr *a)
{
	char host[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "%/");
	const char *rest = text + len;
	uint64_t n;

	memset(a, 0, sizeof(*a));
	a->prefix = -1;
	a->family = memchr(text, ':', len) != NULL ? AF_INET6 : AF_INET;
	if ((family != AF_UNSPEC && family != a->family) ||
	    !copy_part(host, sizeof(host), text, len) ||
	    inet_pton(a->family, host, a->bytes) != 1)
		return complain(FAILED, "%s: not an %s address", text,
		    family == AF_INET	   ? "IPv4" :
			family == AF_INET6 ? "IPv6" :
					     "IP");
	if (*rest == '%') {
		len = strcspn(++rest, "/");
		if (a->family != AF_INET6 ||
		    !copy_part(a->zone, sizeof(a->zone), rest, len) ||
		    !text_ifname(a->zone, false))
			return complain(FAILED,
			    "%s: not an interface behind the %%", text);
		rest += len;
	}
	if (*rest == '/') {
		if (!number_parse(rest + 1, (unsigned long)addr_width(a), &n))
			return complain(FAILED,
			    "%s: the prefix is a number from 0 to %d", text,
			    addr_width(a));
		a->prefix = (int)n;
	}
	return OK;
}

/* Writes A, with its prefix if it has one.  Returns TEXT. */
const char *
addr_text(const struct addr *a, char text[ADDR_TEXT])
{
	inet_ntop(a->family, a->bytes, text, ADDR_TEXT);
	if (a->prefix >= 0)
		snprintf(text + strlen(text), 5, "/%hhu", (uint8_t)a->prefix);
	return text;
}

/* Takes TEXT for an IPv4 netmask, 255.255.255.0 or 0xffffff00. */
int
text_mask(const char *text, int *prefix)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	struct in_addr in;
	uint32_t zeros;
	bool good;

	if (strncasecmp(text, "0x", 2) == 0) {
		good = strlen(text) == 10 && strspn(text + 2, digits) == 8;
		zeros = ~(uint32_t)strtoul(text, NULL, 16);
	} else {
		good = inet_pton(AF_INET, text, &in) == 1;
		zeros = good ? ~ntohl(in.s_addr) : 0;
	}
	/* Ones, then zeros: inverted it is one less than a power of two. */
	if (!good || (zeros & (zeros + 1)) != 0)
		return complain(FAILED, "%s: not a netmask", text);
	*prefix = 32 - __builtin_popcount(zeros);
	return OK;
}

/* Takes TEXT for the hardware address of one station, and writes it out. */
int
text_mac(const char *text, char mac[MAC_TEXT])
{
	static const uint8_t zero[6];
	uint8_t m[6];

	if (!mac_parse(text, m))
		return complain(FAILED, "%s: not a hardware address", text);
	if ((m[0] & 1) != 0 || memcmp(m, zero, sizeof(m)) == 0)
		return complain(FAILED,
		    "%s: not the hardware address of an interface", text);
	mac_text(m, mac);
	return OK;
}

/* Whether TEXT is UTF-8, which JSON has to be. */
bool
text_utf8(const char *text)
{
	size_t n = 1;

	for (; *text != '\0' && n != 0; text += n)
		n = utf8_length(text);
	return n != 0;
}

/*
 * Makes TEXT, a path seen from here, one that is the same from everywhere.
 * *PATH is to be freed.
 */
int
text_path(const char *text, char **path)
{
	char here[PATH_MAX];

	while (strncmp(text, "./", 2) == 0)
		for (text += 2; text[0] == '/' && text[1] != '\0';)
			text++;
	if (text[0] == '\0')
		return complain(FAILED, "a path that is empty");
	if (!text_utf8(text))
		return complain(FAILED, "%s: not UTF-8", text);
	if (text[0] == '/')
		here[0] = '\0';
	else if (getcwd(here, sizeof(here)) == NULL || here[0] != '/')
		return complain(FAILED,
		    "%s: the folder that this is in cannot be told", text);
	else if (!text_utf8(here))
		return complain(FAILED, "%s: in a folder that is not UTF-8",
		    text);
	if (asprintf(path, "%s%s%s", here,
		here[0] == '\0' || here[1] == '\0' ? "" : "/", text) == -1)
		return complain(FAILED, "%s", strerror(ENOMEM));
	if (strlen(*path) >= PATH_MAX) {
		free(*path);
		return complain(FAILED, "%s: %s", text, strerror(ENAMETOOLONG));
	}
	return OK;
}

bool
text_ifname(const char *text, bool kind)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	size_t n = strspn(text, letters);
	size_t digits = strspn(text + n, "0123456789");

	return n > 0 && n + digits < IFNAME_TEXT && text[n + digits] == '\0' &&
	    (digits > 0 || kind) &&
	    /* shmif01 is not another name of shmif1. */
	    (digits < 2 || text[n] != '0');
}

int
text_seconds(const char *what, const char *text, long min_ms, long max_s,
    long *ms)
{
	char *end;
	double s = strtod(text, &end);

	if (text[0] == '\0' || strspn(text, "0123456789.") != strlen(text) ||
	    *end != '\0' || s * 1000 < (double)min_ms || s > (double)max_s)
		return complain(FAILED, "%s %s: it is seconds, from %g to %ld",
		    what, text, (double)min_ms / 1000, max_s);
	*ms = (long)(s * 1000 + 0.5);
	return OK;
}
