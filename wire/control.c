/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.c - the socket by which a wire is looked at and changed
 *
 * DOC: The messages are those of shmif_ctl(5); the operations are "show", and
 * "set", whose "words" are an array of words.  All operations of a request are
 * done or none: words are applied to a copy of all settings, which is taken over
 * in the end.
 *
 * What a client may cost is bounded: one request at a time, of WIRE_REQUEST_MAX
 * bytes, and no further one is read before the reply has been taken.  There are
 * CLIENTS_MAX of them at most; one more takes the place of the one that was
 * silent for longest.  The socket is 0600, and who connects has to be this user
 * or root.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tool.h"
#include "ctl/place.h"
#include "ctl/reply.h"
#include "wire/control.h"
#include "wire/words.h"

#define CLIENTS_MAX 16u
#define IN_MAX (WIRE_HEADER + WIRE_REQUEST_MAX)

struct client {
	struct watched io; /* first: it is what the loop knows */
	uint64_t heard;	   /* a count */
	size_t have;
	char *out;
	size_t out_len, out_done;
	uint8_t in[IN_MAX];
};

static struct {
	struct wire *wire;
	struct place place;
	struct watched listener;
	struct client *clients[CLIENTS_MAX];
	uint64_t heard;
} control = { .place.fd = -1 };

/* ---- requests --------------------------------------------------------------- */

/* Applies the operation "set" to SET.  0, or -1 with WHY. */
static int
do_set(struct settings *set, struct json_object *op, char *why, size_t size)
{
	const char *words[WIRE_OPS_MAX];
	struct json_object *list;
	size_t n;

	if (json_object_object_length(op) != 2 ||
	    !json_object_object_get_ex(op, "words", &list) ||
	    !json_object_is_type(list, json_type_array) ||
	    (n = json_object_array_length(list)) == 0 || n > WIRE_OPS_MAX) {
		snprintf(why, size, "set: an array of 1 to %d words",
		    WIRE_OPS_MAX);
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!json_object_is_type(o, json_type_string)) {
			snprintf(why, size, "set: a word is a string");
			return -1;
		}
		words[i] = json_object_get_string(o);
	}
	return words_apply(set, control.wire->n, words, (unsigned)n,
	    wire_now(control.wire), why, size);
}

/* Does the operations of DO. */
static struct json_object *
do_all(int64_t id, struct json_object *list)
{
	struct wire *w = control.wire;
	struct settings *set = calloc(w->n, sizeof(*set));
	struct json_object *results = json_object_new_array(), *op, *o;
	size_t n = json_object_array_length(list);
	bool changed = false;
	char why[200];

	if (set == NULL) {
		json_object_put(results);
		return reply_error(id, -1, ENOMEM, strerror(ENOMEM));
	}
	for (unsigned i = 0; i < w->n; i++)
		set[i] = w->ends[i].set;
	for (size_t i = 0; i < n; i++) {
		const char *name = "";

		op = json_object_array_get_idx(list, i);
		if (json_object_is_type(op, json_type_object) &&
		    json_object_object_get_ex(op, "op", &o) &&
		    json_object_is_type(o, json_type_string))
			name = json_object_get_string(o);
		if (strcmp(name, "show") == 0 &&
		    json_object_object_length(op) == 1) {
			json_object_array_add(results, NULL); /* see below */
			continue;
		}
		snprintf(why, sizeof(why),
		    "show and set are what is done here");
		if (strcmp(name, "set") != 0 ||
		    do_set(set, op, why, sizeof(why)) != 0) {
			json_object_put(results);
			free(set);
			return reply_error(id, (int)i, EINVAL, why);
		}
		changed = true;
		json_object_array_add(results, json_object_new_object());
	}
	for (unsigned i = 0; changed && i < w->n; i++)
		core_set(&w->ends[i], &set[i]);
	free(set);
	/* What is shown is what it is after all changes. */
	for (size_t i = 0; i < n; i++)
		if (json_object_array_get_idx(results, i) == NULL)
			json_object_array_put_idx(results, i, show_json(w));
	return reply_ok(id, results, false);
}

/* What is to be replied to the LEN bytes at TEXT. */
static struct json_object *
request(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(WIRE_DEPTH_MAX + 1);
	struct json_object *r, *o, *list, *reply;
	int64_t id = -1;
	size_t n;

	json_tokener_set_flags(tok,
	    JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	r = json_tokener_parse_ex(tok, text, (int)len);
	if (json_tokener_get_error(tok) != json_tokener_success ||
	    !json_object_is_type(r, json_type_object) ||
	    !json_object_object_get_ex(r, "id", &o) ||
	    !json_object_is_type(o, json_type_int) ||
	    (id = json_object_get_int64(o)) < 0 || id > REPLY_ID_MAX ||
	    !json_object_object_get_ex(r, "do", &list) ||
	    !json_object_is_type(list, json_type_array) ||
	    (n = json_object_array_length(list)) == 0 || n > WIRE_OPS_MAX)
		reply = reply_error(id >= 0 && id <= REPLY_ID_MAX ? id : -1, -1,
		    EINVAL, "a request has an id and 1 to 64 operations");
	else
		reply = do_all(id, list);
	json_tokener_free(tok);
	json_object_put(r);
	return reply;
}

/* ---- clients ----------------------------------------------------------------- */

static void
drop(struct client *c)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (control.clients[i] == c)
			control.clients[i] = NULL;
	loop_close(control.wire, &c->io);
	free(c->out);
	free(c);
}

/* Makes a message of OBJ, which is freed.  False: there is no memory. */
static bool
put_reply(struct client *c, struct json_object *obj)
{
	size_t len;
	const char *text = json_object_to_json_string_length(obj,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

	c->out = text == NULL || len > WIRE_REPLY_MAX ?
	    NULL :
	    malloc(WIRE_HEADER + len);
	if (c->out != NULL) {
		wire_put_head((uint8_t *)c->out, (uint32_t)len);
		memcpy(c->out + WIRE_HEADER, text, len);
		c->out_len = WIRE_HEADER + len;
		c->out_done = 0;
	}
	json_object_put(obj);
	return c->out != NULL;
}

/* Sends what is to be replied.  False: the client is gone. */
static bool
flush(struct client *c)
{
	while (c->out != NULL) {
		ssize_t n = send(c->io.fd, c->out + c->out_done,
		    c->out_len - c->out_done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN;
		c->out_done += (size_t)n;
		if (c->out_done == c->out_len) {
			free(c->out);
			c->out = NULL;
		}
	}
	return true;
}

/* Does the requests that have come whole.  False: C is to be dropped. */
static bool
work(struct client *c)
{
	struct wire_head h;

	while (c->out == NULL && c->have >= WIRE_HEADER) {
		if (wire_get_head(c->in, WIRE_REQUEST_MAX, &h) != 0)
			return false;
		if (c->have < WIRE_HEADER + h.length)
			break;
		if (!put_reply(c,
			request((const char *)c->in + WIRE_HEADER, h.length)))
			return false;
		c->have -= WIRE_HEADER + h.length;
		memmove(c->in, c->in + WIRE_HEADER + h.length, c->have);
		if (!flush(c))
			return false;
	}
	return true;
}

static void
client_ready(struct watched *io, uint32_t events)
{
	struct client *c = (struct client *)io;
	bool lives = true;
	ssize_t n;

	c->heard = ++control.heard;
	if (events & EPOLLOUT)
		lives = flush(c);
	if (lives && c->out == NULL && (events & ~(uint32_t)EPOLLOUT)) {
		n = recv(io->fd, c->in + c->have, IN_MAX - c->have,
		    MSG_DONTWAIT);
		if (n > 0)
			c->have += (size_t)n;
		else
			lives = n == -1 && (errno == EAGAIN || errno == EINTR);
	}
	lives = lives && work(c) &&
	    loop_watch(control.wire, io, c->out ? EPOLLOUT : EPOLLIN) == 0;
	if (!lives)
		drop(c);
}

/* A place for one more client: free, or that of the most silent one. */
static unsigned
find_place(void)
{
	unsigned oldest = 0;

	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		if (control.clients[i] == NULL)
			return i;
		if (control.clients[i]->heard < control.clients[oldest]->heard)
			oldest = i;
	}
	return oldest;
}

static void
let_in(struct watched *w, uint32_t events)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	struct client *c;
	unsigned i;

	(void)events;
	if (fd == -1)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
	    (peer.uid != geteuid() && peer.uid != 0) ||
	    (c = calloc(1, sizeof(*c))) == NULL) {
		close(fd);
		return;
	}
	i = find_place();
	if (control.clients[i] != NULL) {
		/* An event of it may be pending: its descriptor ends it. */
		shutdown(control.clients[i]->io.fd, SHUT_RDWR);
		close(fd);
		free(c);
		return;
	}
	c->io.fd = fd;
	c->io.ready = client_ready;
	c->heard = ++control.heard;
	control.clients[i] = c;
	if (loop_watch(control.wire, &c->io, EPOLLIN) != 0)
		drop(c);
}

int
control_open(struct wire *w, const char *url)
{
	char path[WIRE_PATH_MAX];
	int error = wire_path(url, path);

	if (error == EINVAL)
		tool_complain(url, "not a URL, as unix:///path is", NULL);
	else if (error != 0)
		tool_complain(url, strerror(error), NULL);
	else if ((error = place_take(&control.place, path)) != 0)
		tool_complain(url,
		    error == EADDRINUSE ?
			"somebody listens there" :
			error == EEXIST ?
			"something that is no socket is there" :
			strerror(error),
		    NULL);
	if (error != 0)
		return -1;
	control.wire = w;
	control.listener.fd = control.place.fd;
	control.listener.ready = let_in;
	if (loop_watch(w, &control.listener, EPOLLIN) != 0) {
		tool_complain(url, strerror(errno), NULL);
		return -1;
	}
	return 0;
}

void
control_close(struct wire *w)
{
	if (control.wire == NULL)
		return;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (control.clients[i] != NULL)
			drop(control.clients[i]);
	(void)loop_watch(w, &control.listener, 0);
	place_leave(&control.place);
	control.wire = NULL;
}
