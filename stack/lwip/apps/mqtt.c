/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mqtt.c - lwIP's MQTT client gets whole messages
 *
 * DOC: Theory of Operation
 *
 * lwIP's parser keeps what it has of a message in a buffer of
 * MQTT_VAR_HEADER_BUFFER_LEN bytes.  What has come of it before is overwritten
 * when more comes in another segment: bytes are lost, and others are taken for
 * the topic.  A length that does not end within four bytes, as MQTT has it, is
 * written on behind the buffer, and after 255 bytes it is an endless loop.  A
 * SUBACK that is too short takes a request out of the queue for ever.
 *
 * So this stands between the connection and the parser, whose file is compiled
 * with altcp_recv() and altcp_err() of here (arch/mqtt.h).  The parser is given
 * the header of a message and as much of the message as its buffer has room
 * for, in one piece; then, where the message is longer, pieces that fill the
 * buffer again, and the rest.  This is what it does right.  A header that is
 * none, or a message that is too short for what it says it is, ends the
 * connection, as if the broker had.
 *
 * The parser, or the program that it calls, may end the connection meanwhile:
 * then the stream is only marked, and freed by who has it in use.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/altcp.h>
#include <lwip/apps/mqtt.h>
#include <lwip/apps/mqtt_opts.h>
#include <lwip/pbuf.h>
#include <lwip/priv/altcp_priv.h>

#include <arch/mqtt.h>
#undef altcp_recv
#undef altcp_err

#define HEADER_MAX \
	5u /* of MQTT 3.1.1: the kind, and up to four of the length */

struct stream {
	struct stream *next;
	struct altcp_pcb *conn;
	void *arg; /* of the connection: the client */
	altcp_recv_fn recv;
	altcp_err_fn err;
	bool busy, gone;
	uint8_t header; /* bytes; 0: it is not whole yet */
	uint32_t left;	/* of the message, behind what is held */
	uint16_t n, want;
	uint8_t held[MQTT_VAR_HEADER_BUFFER_LEN + HEADER_MAX];
};

static struct stream *streams; /* under the core's lock */

/* ---- messages ------------------------------------------------------------ */

/* The bytes that a message of this kind has at least, behind its header. */
static uint32_t
least(uint8_t kind)
{
	switch (kind >> 4) {
	case 13: /* PINGRESP */
		return 0;
	case 9: /* SUBACK */
		return 3;
	default:
		return 2;
	}
}

/*
 * Another byte of a header has come; when it is the last, says how much follows
 * in this piece.  False: this is not MQTT.
 */
static bool
take_header(struct stream *s)
{
	uint32_t length = 0, room;
	unsigned i;

	if (s->n < 2)
		return true;
	if ((s->held[s->n - 1] & 0x80) != 0)
		return s->n < HEADER_MAX;
	for (i = 1; i < s->n; i++)
		length |= (uint32_t)(s->held[i] & 0x7f) << (7 * (i - 1));
	if (length < least(s->held[0]))
		return false;
	s->header = (uint8_t)s->n;
	room = MQTT_VAR_HEADER_BUFFER_LEN - s->header;
	if (room > length)
		room = length;
	s->want = (uint16_t)(s->n + room);
	s->left = length - room;
	return true;
}

/* What is held goes to the parser.  False: there is no memory. */
static bool
give(struct stream *s)
{
	uint32_t room = MQTT_VAR_HEADER_BUFFER_LEN - s->header;
	struct pbuf *p = pbuf_alloc(PBUF_RAW, s->n, PBUF_RAM);

	if (p == NULL)
		return false;
	pbuf_take(p, s->held, s->n);
	s->n = 0;
	if (s->left == 0) {
		s->header = 0;
		s->want = 0;
	} else {
		s->want = (uint16_t)(s->left < room ? s->left : room);
		s->left -= s->want;
	}
	s->recv(s->arg, s->conn, p, ERR_OK);
	return true;
}

/* Takes what there is in P.  False: the connection must end. */
static bool
take(struct stream *s, struct pbuf *p)
{
	uint16_t at = 0, n;

	while (!s->gone && at < p->tot_len) {
		if (s->header == 0) {
			s->held[s->n++] = pbuf_get_at(p, at++);
			if (!take_header(s))
				return false;
			if (s->header == 0)
				continue;
		} else {
			n = (uint16_t)(s->want - s->n);
			n = pbuf_copy_partial(p, s->held + s->n, n, at);
			s->n = (uint16_t)(s->n + n);
			at = (uint16_t)(at + n);
		}
		if (s->n == s->want && !give(s))
			return false;
	}
	return true;
}

/* ---- streams ------------------------------------------------------------- */

static struct stream *
stream_of(const struct altcp_pcb *conn)
{
	struct stream *s = streams;

	while (s != NULL && s->conn != conn)
		s = s->next;
	return s;
}

static struct stream *
stream_new(struct altcp_pcb *conn)
{
	struct stream *s = stream_of(conn);

	if (s != NULL)
		return s;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->conn = conn;
	s->arg = conn->arg;
	s->next = streams;
	streams = s;
	return s;
}

static void
stream_drop(struct stream *s)
{
	struct stream **at = &streams;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->gone = true;
	if (!s->busy)
		free(s);
}

static err_t
on_recv(void *arg, struct altcp_pcb *conn, struct pbuf *p, err_t error)
{
	struct stream *s = stream_of(conn);
	bool well = true;

	if (s == NULL) {
		if (p != NULL)
			pbuf_free(p);
		return ERR_OK;
	}
	if (p == NULL || error != ERR_OK)
		return s->recv(arg, conn, p, error);
	s->busy = true;
	well = take(s, p);
	pbuf_free(p);
	s->busy = false;
	if (s->gone)
		free(s);
	else if (!well)
		s->recv(arg, conn, NULL, ERR_OK);
	return ERR_OK;
}

static void
on_err(void *arg, err_t error)
{
	struct stream *s = streams;
	altcp_err_fn err;

	while (s != NULL && s->arg != arg)
		s = s->next;
	if (s == NULL)
		return;
	err = s->err;
	stream_drop(s);
	if (err != NULL)
		err(arg, error);
}

void
shmif_lwip_mqtt_recv(struct altcp_pcb *conn, altcp_recv_fn fn)
{
	struct stream *s = fn != NULL ? stream_new(conn) : stream_of(conn);

	if (s != NULL && fn != NULL)
		s->recv = fn;
	else if (s != NULL)
		stream_drop(s);
	/* Without a stream nothing can be read: no memory, or the end. */
	altcp_recv(conn, fn != NULL ? on_recv : NULL);
}

void
shmif_lwip_mqtt_err(struct altcp_pcb *conn, altcp_err_fn fn)
{
	struct stream *s = fn != NULL ? stream_new(conn) : NULL;

	if (s != NULL)
		s->err = fn;
	altcp_err(conn, s != NULL ? on_err : fn);
}
