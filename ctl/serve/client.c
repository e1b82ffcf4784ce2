/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client.c - one connection of the control server
 *
 * DOC: What a client can cost is bounded.  In: one message at a time, header
 * and at most 64 kB; what it sends beyond stays in its socket.  Out: no
 * further request is done, nor read, before the reply to the last one was
 * taken, so there is one reply of at most 4 MB, but for the answers to a ping,
 * which are left out while others wait; and all replies that wait make up
 * 64 MB at most.  Time: a connection is ended when a message stays incomplete, or
 * when nobody takes a reply.
 */
#include <sys/socket.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mstack/serve/mstack_serve.h"
#include "shmif/stack.h"
#include "ctl/serve/client.h"

#define CHUNK 16384u
#define IN_MAX (WIRE_HEADER + WIRE_REQUEST_MAX)

int64_t
clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + 1;
}

struct client *
client_new(struct clients *all, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->fd = fd;
	c->next = all->first;
	all->first = c;
	all->n++;
	return c;
}

void
client_free(struct clients *all, struct client *c)
{
	struct client **p = &all->first;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	all->n--;
	all->out_all -= c->out_size;
	if (c->fd != -1)
		close(c->fd);
	free(c->in);
	free(c->out);
	free(c);
}

/* ---- out ---------------------------------------------------------------- */

/*
 * Makes room in OUT for N more bytes. False: the bounds do not allow it, or
 * there is no memory.
 */
static bool
out_room(struct clients *all, struct client *c, size_t n)
{
	size_t size = c->out_off + c->out_len + n;
	uint8_t *p;

	if (c->out_off != 0) {
		memmove(c->out, c->out + c->out_off, c->out_len);
		c->out_off = 0;
		size = c->out_len + n;
	}
	if (size <= c->out_size)
		return true;
	if (all->out_all - c->out_size + size > OUT_ALL_MAX ||
	    (p = realloc(c->out, size)) == NULL)
		return false;
	all->out_all += size - c->out_size;
	c->out = p;
	c->out_size = size;
	return true;
}

void
client_reply(struct clients *all, struct client *c, struct json_object *reply)
{
	uint8_t head[WIRE_HEADER];
	const char *text;
	size_t len;

	if (reply == NULL ||
	    (text = json_object_to_json_string_length(reply,
		 JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
		 &len)) == NULL) {
		c->dead = true;
		json_object_put(reply);
		return;
	}
	if (len > WIRE_REPLY_MAX) {
		json_object_put(reply);
		reply = reply_error(all->env.id, -1, EMSGSIZE,
		    "the reply is too long");
		text = json_object_to_json_string_length(reply,
		    JSON_C_TO_STRING_PLAIN, &len);
	}
	if (text == NULL || len > WIRE_REPLY_MAX ||
	    !out_room(all, c, WIRE_HEADER + len)) {
		c->dead = true;
	} else {
		wire_put_head(head, (uint32_t)len);
		memcpy(c->out + c->out_len, head, sizeof(head));
		memcpy(c->out + c->out_len + sizeof(head), text, len);
		if (c->out_len == 0)
			c->stuck_ms = clock_ms();
		c->out_len += sizeof(head) + len;
	}
	json_object_put(reply);
}

void
client_flush(struct clients *all, struct client *c)
{
	ssize_t n;

	while (c->out_len > 0 && !c->dead) {
		n = send(c->fd, c->out + c->out_off, c->out_len,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1) {
			if (errno == EINTR)
				continue;
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				c->dead = true;
			return;
		}
		c->out_off += (size_t)n;
		c->out_len -= (size_t)n;
		c->stuck_ms = clock_ms();
	}
	if (c->out_len > 0)
		return;
	/* A buffer that was large for one reply is given back. */
	c->out_off = 0;
	c->stuck_ms = 0;
	if (c->out_size > CHUNK) {
		free(c->out);
		c->out = NULL;
		all->out_all -= c->out_size;
		c->out_size = 0;
	}
	if (c->hang_up)
		c->dead = true;
}

/* ---- in ----------------------------------------------------------------- */

bool
client_feed(struct client *c, const void *data, size_t len)
{
	size_t size = c->in_len + len;
	uint8_t *p;

	if (size > c->in_size) {
		if ((p = realloc(c->in, size)) == NULL)
			return false;
		c->in = p;
		c->in_size = size;
	}
	memcpy(c->in + c->in_len, data, len);
	c->in_len = size;
	c->partial_ms = clock_ms();
	return true;
}

/* Refuses the message; no further one of this connection will be read. */
static void
refuse(struct clients *all, struct client *c, int error, const char *text)
{
	c->hang_up = true;
	c->in_len = 0;
	c->partial_ms = 0;
	client_reply(all, c, reply_error(-1, -1, error, text));
}

/*
 * The length of the message at the beginning of IN, with its header. 0: it is
 * not known yet, or the message was refused.
 */
static size_t
message_length(struct clients *all, struct client *c)
{
	struct wire_head h;
	char text[100];

	if (c->in_len < WIRE_HEADER)
		return 0;
	switch (wire_get_head(c->in, WIRE_REQUEST_MAX, &h)) {
	case 0:
		return WIRE_HEADER + h.length;
	case EPROTONOSUPPORT:
		snprintf(text, sizeof(text),
		    "version %u of the protocol is not spoken here, but %d",
		    h.version, WIRE_VERSION);
		refuse(all, c, EPROTONOSUPPORT, text);
		return 0;
	case EMSGSIZE:
		refuse(all, c, EMSGSIZE, "a request of 1 to 65536 bytes");
		return 0;
	default:
		refuse(all, c, EPROTO, "not a message of this protocol");
		return 0;
	}
}

static void
one_request(struct clients *all, struct client *c, size_t len)
{
	struct json_object *reply;
	bool fatal;

	reply = request_do(&all->env, (const char *)c->in + WIRE_HEADER,
	    len - WIRE_HEADER, &fatal);
	if (fatal)
		c->hang_up = true;
	c->leaves = all->env.hand_over;
	memmove(c->in, c->in + len, c->in_len - len);
	c->in_len -= len;
	c->partial_ms = c->in_len > 0 ? clock_ms() : 0;
	if (c->in_len == 0 && c->in_size > CHUNK) {
		free(c->in);
		c->in = NULL;
		c->in_size = 0;
	}
	if (all->env.ping_wanted && reply == NULL) {
		c->asks = true;
		c->wish = all->env.ping;
		c->wish_id = all->env.id;
	} else {
		client_reply(all, c, reply);
	}
}

/* The connection is no longer one of the control protocol. */
static void
hand_over(struct clients *all, struct client *c)
{
	mstack_serve_session(the_stack.sock, all->env.stack, c->fd);
	c->fd = -1;
	c->dead = true;
}

void
client_work(struct clients *all, struct client *c, int budget)
{
	size_t len;

	c->more = false;
	while (!c->dead && !c->hang_up && !c->leaves && !c->asks &&
	    c->ping == NULL && c->out_len == 0) {
		len = message_length(all, c);
		if (len == 0 || c->in_len < len)
			break;
		if (budget-- == 0) {
			c->more = true;
			return;
		}
		one_request(all, c, len);
		client_flush(all, c);
		if (all->env.halt)
			return;
	}
	client_flush(all, c);
	if (c->leaves && c->out_len == 0 && !c->dead)
		hand_over(all, c);
	if (c->eof && c->out_len == 0 && !c->asks && c->ping == NULL)
		c->dead = true;
}

void
client_read(struct client *c)
{
	uint8_t buf[CHUNK];
	size_t room = IN_MAX - c->in_len;
	ssize_t n;

	if (room == 0)
		return;
	n = recv(c->fd, buf, room < sizeof(buf) ? room : sizeof(buf),
	    MSG_DONTWAIT);
	if (n == 0)
		c->eof = true;
	else if (n > 0)
		c->dead |= !client_feed(c, buf, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		c->dead = true;
}
