/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl.c - fuzz target: what a control socket is told
 *
 * DOC: The code of the server from the bytes that a client sends to the calls
 * that it makes is the real one; in place of units and a stack there is a table
 * that does as it is told (fuzz/fake), so that hundreds of thousands of requests
 * a minute can be done.
 *
 * An input: a byte FAIL, a byte CUT, then messages that end with a newline.
 * What begins with "!" goes to the connection as it is, the rest with a proper
 * header before it.  The FAILth call that changes something fails, so that
 * what was done before is undone; CUT is into how many pieces the bytes are
 * cut on their way.
 *
 * What must hold: a request that is refused leaves the table as it was before
 * it, to the bit; every message has one reply, of JSON, that can be read back;
 * a connection keeps no more than it is allowed to.
 */
#include <sys/socket.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fake/fake.h"
#include "fuzz/fuzz.h"
#include "ctl/serve/pings.h"
#include "shmif/stack.h"

/* The socket that the server listens at: there is none. */
void
place_leave(struct place *p)
{
	(void)p;
}

/* ---- a conversation ------------------------------------------------------ */

static struct clients all;
static struct pings pings = { .all = &all, .wake = -1 };
static int there; /* the client's end */
static unsigned long messages;

static void
say_how_many(void)
{
	fprintf(stderr, "fuzz: %lu messages\n", messages);
}

/* Whether a reply came; *OK: it says so, or that it could not undo. */
static bool
reply(bool *ok)
{
	static char buf[WIRE_REPLY_MAX];
	struct json_object *o, *v;
	struct wire_head h;
	uint8_t head[WIRE_HEADER];
	ssize_t n = recv(there, head, sizeof(head), MSG_DONTWAIT);

	if (n <= 0)
		return false;
	if (n != WIRE_HEADER || wire_get_head(head, WIRE_REPLY_MAX, &h) != 0)
		fuzz_fail("half a header");
	if (recv(there, buf, h.length, MSG_WAITALL) != (ssize_t)h.length)
		fuzz_fail("half a reply");
	if (memchr(buf, '\0', h.length) != NULL ||
	    memchr(buf, '\n', h.length) != NULL)
		fuzz_fail("not one line");
	buf[h.length] = '\0';
	if ((o = json_tokener_parse(buf)) == NULL)
		fuzz_fail("not JSON: %s", buf);
	if (!json_object_object_get_ex(o, "ok", &v))
		fuzz_fail("neither ok nor not: %s", buf);
	*ok = json_object_get_boolean(v);
	/* The call that was made to fail may have been one that undoes. */
	if (fake_failed && strstr(buf, "; not undone: ") != NULL)
		*ok = true;
	json_object_put(o);
	return true;
}

/* Sends DATA in CUT pieces, and looks at what comes of it. */
static void
message(struct client *c, const uint8_t *data, size_t n, unsigned cut)
{
	struct fake before = fake;
	size_t piece = n / (cut + 1) + 1, at, len;
	bool ok = false;
	int i;

	if (messages++ == 0)
		atexit(say_how_many);
	fake_failed = false;
	for (at = 0; at < n && !c->dead && !c->hang_up; at += len) {
		len = n - at < piece ? n - at : piece;
		if (!client_feed(c, data + at, len))
			abort();
		client_work(&all, c, 16);
		if (c->asks)
			pings_begin(&pings, c);
		if (c->in_len > WIRE_HEADER + WIRE_REQUEST_MAX + piece)
			fuzz_fail("%zu bytes are kept", c->in_len);
	}
	/* A ping is over when its time is, or its client is gone. */
	for (i = 0; i < 3 && c->ping != NULL; i++)
		pings_work(&pings);
	pings_cancel(&pings, c);
	client_flush(&all, c);
	for (i = 0; reply(&ok); i++)
		if (!ok && i == 0 && data[0] != '!' &&
		    memcmp(&before, &fake, sizeof(fake)) != 0)
			fuzz_fail("refused, but something was changed");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t framed[WIRE_HEADER + WIRE_REQUEST_MAX + 10];
	struct input in = { data, size };
	unsigned cut;
	struct client *c = NULL;
	int fd[2];

	memset(&fake, 0, sizeof(fake));
	fake_add("lo0", NULL);
	fake_fail_in = in8(&in);
	cut = in8(&in) % 8;
	if (env_init(&all.env) != 0)
		abort();
	all.env.url = "unix://fuzz";
	while (in.n > 0) {
		const uint8_t *end = memchr(in.p, '\n', in.n);
		size_t n = end != NULL ? (size_t)(end - in.p) : in.n;

		if (c == NULL) {
			if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
				abort();
			there = fd[1];
			if ((c = client_new(&all, fd[0])) == NULL)
				abort();
		}
		if (n > 0 && in.p[0] == '!') {
			message(c, in.p + 1, n - 1, cut);
		} else if (n > 0 && n <= WIRE_REQUEST_MAX) {
			wire_put_head(framed, (uint32_t)n);
			memcpy(framed + WIRE_HEADER, in.p, n);
			message(c, framed, WIRE_HEADER + n, cut);
		}
		in.p += n + (end != NULL);
		in.n -= n + (end != NULL);
		if (c->dead || c->hang_up) {
			client_free(&all, c);
			close(there);
			c = NULL;
		}
	}
	if (c != NULL) {
		client_free(&all, c);
		close(there);
	}
	if (all.n != 0 || all.out_all != 0 || pings.n != 0)
		fuzz_fail("something is left");
	return 0;
}
