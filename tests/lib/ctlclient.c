/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctlclient.c - a client of the control server, for tests
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/ctlclient.h"

#define HEAD 12
#define PATIENCE_MS 60000
#define REPLY_MAX (5u << 20)

int
ctl_connect(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd != -1 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == -1) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static bool
send_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

bool
ctl_send_raw(int fd, const char magic[4], unsigned version, unsigned reserved,
    uint32_t length, const void *data, size_t len)
{
	unsigned char *b = malloc(HEAD + len);
	bool ok;
	int i;

	if (b == NULL)
		return false;
	memcpy(b, magic, 4);
	for (i = 0; i < 2; i++) {
		b[4 + i] = (unsigned char)(version >> 8 * i);
		b[6 + i] = (unsigned char)(reserved >> 8 * i);
	}
	for (i = 0; i < 4; i++)
		b[8 + i] = (unsigned char)(length >> 8 * i);
	memcpy(b + HEAD, data, len);
	/* At once: the other side may hang up when it has seen the header. */
	ok = send_all(fd, b, HEAD + len);
	free(b);
	return ok;
}

bool
ctl_send(int fd, const char *json)
{
	size_t n = strlen(json);

	return ctl_send_raw(fd, "shmc", 1, 0, (uint32_t)n, json, n);
}

static bool
get(int fd, void *data, size_t len, bool *late)
{
	char *p = data;

	while (len > 0) {
		struct pollfd f = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&f, 1, PATIENCE_MS) != 1) {
			if (late != NULL)
				*late = true;
			return false;
		}
		if ((n = read(fd, p, len)) <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

char *
ctl_recv(int fd, bool *late)
{
	unsigned char h[HEAD];
	uint32_t len;
	char *text;

	if (late != NULL)
		*late = false;
	if (!get(fd, h, sizeof(h), late))
		return NULL;
	len = (uint32_t)h[8] | (uint32_t)h[9] << 8 | (uint32_t)h[10] << 16 |
	    (uint32_t)h[11] << 24;
	if (memcmp(h, "shmc\1\0\0\0", 8) != 0 || len > REPLY_MAX) {
		fprintf(stderr, "# not a reply\n");
		return NULL;
	}
	text = calloc(1, (size_t)len + 1);
	if (text != NULL && !get(fd, text, len, late)) {
		free(text);
		text = NULL;
	}
	return text;
}

char *
ctl_ask(int fd, const char *json)
{
	return ctl_send(fd, json) ? ctl_recv(fd, NULL) : NULL;
}

char *
ctl_ask_at(const char *path, const char *json)
{
	int fd = ctl_connect(path);
	char *reply;

	if (fd == -1)
		return NULL;
	reply = ctl_ask(fd, json);
	close(fd);
	return reply;
}

bool
ctl_says(const char *path, const char *ops, const char *wanted)
{
	size_t size = strlen(ops) + 40;
	char *q = malloc(size), *reply;
	bool ok;

	snprintf(q, size, "{\"id\":1,\"do\":[%s]}", ops);
	reply = ctl_ask_at(path, q);
	ok = reply != NULL && strstr(reply, wanted) != NULL;
	if (!ok)
		fprintf(stderr, "# %s\n#  says %s\n#  wanted %s\n", q,
		    reply == NULL ? "nothing" : reply, wanted);
	free(reply);
	free(q);
	return ok;
}

bool
ctl_hung_up(int fd)
{
	bool late;
	char *reply = ctl_recv(fd, &late);

	free(reply);
	return reply == NULL && !late;
}
