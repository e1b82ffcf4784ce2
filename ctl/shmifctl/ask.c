/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ask.c - the server: its socket, a request, its replies
 *
 * See shmif_ctl(5) for what goes over the socket.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/shmifctl/shmifctl.h"
#include "ctl/wire.h"

/* ---- operations ---- */

struct json_object *
op_add(struct json_object *ops, const char *op)
{
	struct json_object *o = json_object_new_object();

	op_string(o, "op", op);
	json_object_array_add(ops, o);
	return o;
}

void
op_string(struct json_object *op, const char *key, const char *value)
{
	json_object_object_add(op, key,
	    value == NULL ? NULL : json_object_new_string(value));
}

void
op_bool(struct json_object *op, const char *key, bool value)
{
	json_object_object_add(op, key, json_object_new_boolean(value));
}

void
op_int(struct json_object *op, const char *key, int64_t value)
{
	json_object_object_add(op, key, json_object_new_int64(value));
}

/* ---- the socket ---- */

/* Fills in UN from URL. */
static int
url_parse(const char *url, struct sockaddr_un *un)
{
	char full[WIRE_PATH_MAX + 8];
	const char *path = url;
	struct stat st;

	if (url == NULL || url[0] == '\0')
		return complain(USAGE,
		    "which server? Use -s URL, or set "
		    "SHMIF_SERVER");
	/* A mere path is understood too: with a slash, or of a socket. */
	if (strchr(url, ':') == NULL && strlen(url) < WIRE_PATH_MAX &&
	    (strchr(url, '/') != NULL ||
		(stat(url, &st) == 0 && S_ISSOCK(st.st_mode)))) {
		snprintf(full, sizeof(full), "unix://%s", url);
		path = full;
	}
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	static_assert(sizeof(un->sun_path) == WIRE_PATH_MAX, "sockaddr_un");
	switch (wire_path(path, un->sun_path)) {
	case 0:
		return OK;
	case ENAMETOOLONG:
		return complain(FAILED,
		    "%s: name too long: a socket's has at most %d bytes", url,
		    WIRE_PATH_MAX - 1);
	default:
		return complain(FAILED,
		    "%s: not the URL of a server, as unix:///path is", url);
	}
}

static int
server_open(struct server *s, const char *url)
{
	struct sockaddr_un un;
	int status = url_parse(url, &un);

	if (status != OK)
		return status;
	s->url = url;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd == -1)
		return complain(FAILED, "socket: %s", strerror(errno));
	while (connect(s->fd, (struct sockaddr *)&un, sizeof(un)) == -1)
		if (errno != EINTR) {
			status = complain(FAILED, "%s: %s", url,
			    errno == ENOENT ? "no such server" :
				errno == ECONNREFUSED ?
					      "nobody serves this socket" :
					      strerror(errno));
			close(s->fd);
			return status;
		}
	return OK;
}

void
server_close(struct server *s)
{
	close(s->fd);
}

/*
 * Sends LEN bytes.  That the server has closed the connection is no failure:
 * what it said before it did tells more.
 */
static int
send_all(struct server *s, const void *buf, size_t len)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = send(s->fd, p, len, MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EPIPE || errno == ECONNRESET))
			return OK;
		if (n == -1)
			return complain(FAILED, "%s: %s", s->url,
			    strerror(errno));
		p += n;
		len -= (size_t)n;
	}
	return OK;
}

static int
receive_all(struct server *s, void *buf, size_t len)
{
	char *p = buf;

	while (len > 0) {
		ssize_t n = recv(s->fd, p, len, 0);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno != ECONNRESET)
			return complain(FAILED, "%s: %s", s->url,
			    strerror(errno));
		if (n <= 0)
			return complain(FAILED,
			    "%s: the server closed the connection", s->url);
		p += n;
		len -= (size_t)n;
	}
	return OK;
}

int
server_ask(struct server *s, const struct call *c, struct json_object *ops)
{
	struct json_object *request = json_object_new_object();
	const char *text;
	size_t len;
	int status;

	op_int(request, "id", 1);
	json_object_object_add(request, "do", ops);
	text = json_object_to_json_string_length(request,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	if (len > WIRE_REQUEST_MAX ||
	    json_object_array_length(ops) > WIRE_OPS_MAX)
		status = complain(FAILED,
		    "too many words: a call carries at most %d of them",
		    WIRE_OPS_MAX);
	else if ((status = server_open(s, c->url)) == OK) {
		/* In one piece: nobody has to wake up twice for it. */
		uint8_t message[WIRE_HEADER + WIRE_REQUEST_MAX];

		wire_put_head(message, (uint32_t)len);
		memcpy(message + WIRE_HEADER, text, len);
		status = send_all(s, message, WIRE_HEADER + len);
		if (status != OK)
			server_close(s);
	}
	json_object_put(request);
	return status;
}

/* Takes the LEN bytes at TEXT for JSON; NULL when they are not an object. */
static struct json_object *
parse(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(WIRE_DEPTH_MAX + 1);
	struct json_object *obj;

	json_tokener_set_flags(tok,
	    JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	obj = json_tokener_parse_ex(tok, text, (int)len);
	if (json_tokener_get_error(tok) != json_tokener_success ||
	    !json_object_is_type(obj, json_type_object)) {
		json_object_put(obj);
		obj = NULL;
	}
	json_tokener_free(tok);
	return obj;
}

/* Receives a message.  *TEXT, of *LEN bytes, is to be freed. */
static int
receive(struct server *s, char **text, size_t *len)
{
	uint8_t head[WIRE_HEADER] = { 0 };
	struct wire_head h;
	int status = receive_all(s, head, sizeof(head));

	if (status != OK)
		return status;
	switch (wire_get_head(head, WIRE_REPLY_MAX, &h)) {
	case 0:
		break;
	case EPROTONOSUPPORT:
		return complain(FAILED,
		    "%s: the server speaks version %u, this program %d", s->url,
		    h.version, WIRE_VERSION);
	default:
		return complain(FAILED, "%s: this is no server of a stack",
		    s->url);
	}
	*len = h.length;
	if ((*text = malloc(*len)) == NULL)
		return complain(FAILED, "%s", strerror(ENOMEM));
	if ((status = receive_all(s, *text, *len)) != OK)
		free(*text);
	return status;
}

int
server_reply(struct server *s, struct json_object **reply, bool *more)
{
	struct json_object *obj, *error = NULL;
	const char *why;
	char *text = NULL;
	size_t len = 0, n;
	int status = receive(s, &text, &len);

	if (status != OK)
		return status;
	obj = parse(text, len);
	free(text);
	if (get_bool(obj, "ok") && get_array(obj, "results", &n) != NULL) {
		if (more != NULL)
			*more = get_bool(obj, "more");
		*reply = obj;
		return OK;
	}
	json_object_object_get_ex(obj, "error", &error);
	why = get_string(error, "text");
	if (why[0] == '\0')
		status = complain(FAILED, "%s: makes no sense", s->url);
	else
		status = complain(FAILED, "%s", why);
	json_object_put(obj);
	return status;
}

bool
server_is_gone(struct server *s)
{
	char byte;
	ssize_t n;

	do
		n = recv(s->fd, &byte, 1, MSG_PEEK);
	while (n == -1 && errno == EINTR);
	return n == 0 || (n == -1 && errno == ECONNRESET);
}

void
server_gone(struct server *s)
{
	char buf[256];
	ssize_t n;

	do
		n = recv(s->fd, buf, sizeof(buf), 0);
	while (n > 0 || (n == -1 && errno == EINTR));
}

int
ask(const struct call *c, struct json_object *ops, bool all,
    struct json_object **result)
{
	struct json_object *reply = NULL, *results;
	struct server s = { .fd = -1 };
	size_t n;
	int status = server_ask(&s, c, ops);

	if (status != OK)
		return status;
	if ((status = server_reply(&s, &reply, NULL)) == OK) {
		results = get_array(reply, "results", &n);
		*result = json_object_get(
		    all ? results : json_object_array_get_idx(results, 0));
		json_object_put(reply);
	}
	server_close(&s);
	return status;
}
