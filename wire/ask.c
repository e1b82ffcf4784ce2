/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ask.c - the other end of the control socket
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/tool.h"
#include "ctl/wire.h"
#include "wire/control.h"

/* Connects to URL.  The descriptor, or -1 after a message. */
static int
dial(const char *url)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char path[WIRE_PATH_MAX];
	int fd;

	if (wire_path(url, path) != 0) {
		tool_complain(url, "not a URL, as unix:///path is", NULL);
		return -1;
	}
	strcpy(to.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1 &&
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	tool_complain(url,
	    errno == ENOENT	      ? "no such wire" :
		errno == ECONNREFUSED ? "nobody serves this socket" :
					strerror(errno),
	    NULL);
	if (fd != -1)
		close(fd);
	return -1;
}

/* Receives LEN bytes.  False: they do not come. */
static bool
receive(int fd, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len > 0) {
		ssize_t n = recv(fd, p, len, 0);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* Sends REQUEST and takes the reply; NULL after a message. */
static struct json_object *
converse(int fd, const char *url, struct json_object *request)
{
	struct json_object *reply = NULL;
	struct json_tokener *tok;
	uint8_t head[WIRE_HEADER];
	struct wire_head h = { 0 };
	char *text = NULL;
	size_t len;
	const char *out = json_object_to_json_string_length(request,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	struct iovec iov[2] = { { head, sizeof(head) },
		{ (void *)(uintptr_t)out, len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	if (len > WIRE_REQUEST_MAX) {
		tool_say("too many words");
		return NULL;
	}
	wire_put_head(head, (uint32_t)len);
	if (sendmsg(fd, &m, MSG_NOSIGNAL) != (ssize_t)(WIRE_HEADER + len) ||
	    !receive(fd, head, sizeof(head))) {
		tool_complain(url, "the wire closed the connection", NULL);
		return NULL;
	}
	if (wire_get_head(head, WIRE_REPLY_MAX, &h) != 0 ||
	    (text = malloc(h.length)) == NULL || !receive(fd, text, h.length)) {
		free(text);
		tool_complain(url, "this is no wire", NULL);
		return NULL;
	}
	tok = json_tokener_new_ex(WIRE_DEPTH_MAX + 1);
	json_tokener_set_flags(tok,
	    JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	reply = json_tokener_parse_ex(tok, text, (int)h.length);
	json_tokener_free(tok);
	free(text);
	if (!json_object_is_type(reply, json_type_object)) {
		tool_complain(url, "this is no wire", NULL);
		json_object_put(reply);
		return NULL;
	}
	return reply;
}

/* Prints what REPLY has.  Returns the exit status. */
static int
print(const char *url, struct json_object *reply, bool json, bool quiet)
{
	struct json_object *m, *e;

	if (json_object_object_get_ex(reply, "results", &m) &&
	    json_object_is_type(m, json_type_array)) {
		m = json_object_array_get_idx(m, 0);
		if (quiet)
			return 0;
		if (json)
			puts(json_object_to_json_string_ext(m,
			    JSON_C_TO_STRING_PRETTY |
				JSON_C_TO_STRING_NOSLASHESCAPE));
		else
			show_text(m);
		return tool_flush() == 0 ? 0 : 1;
	}
	if (json_object_object_get_ex(reply, "error", &e) &&
	    json_object_object_get_ex(e, "text", &m) &&
	    json_object_is_type(m, json_type_string))
		tool_say("%s", json_object_get_string(m));
	else
		tool_complain(url, "makes no sense", NULL);
	return 1;
}

int
ask(const char *url, const char *const *words, unsigned n, bool json)
{
	struct json_object *request = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct json_object *op = json_object_new_object(), *reply;
	struct json_object *array;
	bool show = n == 1 && strcmp(words[0], "show") == 0;
	int status = 1, fd;

	json_object_object_add(request, "id", json_object_new_int(1));
	json_object_object_add(op, "op",
	    json_object_new_string(show ? "show" : "set"));
	if (!show) {
		array = json_object_new_array();
		for (unsigned i = 0; i < n; i++)
			json_object_array_add(array,
			    json_object_new_string(words[i]));
		json_object_object_add(op, "words", array);
	}
	json_object_array_add(list, op);
	json_object_object_add(request, "do", list);
	if ((fd = dial(url)) != -1) {
		reply = converse(fd, url, request);
		if (reply != NULL)
			status = print(url, reply, json, !show);
		json_object_put(reply);
		close(fd);
	}
	json_object_put(request);
	return status;
}
