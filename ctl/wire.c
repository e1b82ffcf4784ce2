/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire.c - the frame around each message of the control protocol
 */
#include <errno.h>
#include <string.h>

#include "ctl/wire.h"

static const char magic[4] = { 's', 'h', 'm', 'c' };

static void
put_le(uint8_t *p, uint32_t v, int bytes)
{
	int i;

	for (i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t
get_le(const uint8_t *p, int bytes)
{
	uint32_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | p[bytes];
	return v;
}

void
wire_put_head(uint8_t head[WIRE_HEADER], uint32_t length)
{
	memcpy(head, magic, sizeof(magic));
	put_le(head + 4, WIRE_VERSION, 2);
	put_le(head + 6, 0, 2);
	put_le(head + 8, length, 4);
}

int
wire_get_head(const uint8_t head[WIRE_HEADER], uint32_t max,
    struct wire_head *h)
{
	h->version = 0;
	h->length = 0;
	if (memcmp(head, magic, sizeof(magic)) != 0)
		return EPROTO;
	h->version = get_le(head + 4, 2);
	if (h->version != WIRE_VERSION)
		return EPROTONOSUPPORT;
	if (get_le(head + 6, 2) != 0)
		return EPROTO;
	h->length = get_le(head + 8, 4);
	return h->length == 0 || h->length > max ? EMSGSIZE : 0;
}

int
wire_path(const char *url, char path[WIRE_PATH_MAX])
{
	static const char scheme[] = "unix://";
	size_t len;

	if (url == NULL || strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return EINVAL;
	url += sizeof(scheme) - 1;
	len = strlen(url);
	if (len == 0 || url[len - 1] == '/')
		return EINVAL;
	if (len >= WIRE_PATH_MAX)
		return ENAMETOOLONG;
	memcpy(path, url, len + 1);
	return 0;
}
