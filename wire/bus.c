/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus.c - an end that is a bus
 *
 * The attachment hears everything, and never itself.  Its receive side belongs to
 * the thread here; its send side to whoever has the wire's lock.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/tool.h"
#include "wire/wire.h"

#define BUFFERS ((size_t)1 << 20) /* bytes, unless frames are large */
#define SEND_TRIES 100u

static int
bus_open(struct end *e)
{
	struct shmbus_options how = { .geometry = e->wire->geometry,
		.flags = SHMBUS_CREATE | SHMBUS_PROMISC };
	struct shmbus_info info;
	int error;

	strncpy(how.name, e->wire->name, sizeof(how.name) - 1);
	error = shmbus_attach(e->rest, &how, &e->bus);
	if (error != 0)
		return end_complain(e, shmbus_strerror(error), shmbus_why());
	shmbus_info(e->bus, &info);
	e->frame_max = info.frame_max;
	return 0;
}

static void
bus_send(struct end *e)
{
	unsigned sent = 0, tries = 0;
	int error;

	/*
	 * If we were stopped while we sent, others went on without us.  What of
	 * a batch was not published is not known, unless it is all.
	 */
	do
		error = shmbus_send_batch(e->bus, e->out, e->outs, &sent);
	while (sent == 0 && (error == SHMBUS_EGIVENUP || error == ENOBUFS) &&
	    ++tries < SEND_TRIES);
	e->count.out.frames += sent;
	e->count.out.failed += e->outs - sent;
}

/* Receives by E until the wire ends. */
static void *
bus_main(void *arg)
{
	struct end *e = arg;
	struct wire *w = e->wire;
	struct shmbus_rx rx[BATCH];
	unsigned n = BATCH, got;
	uint8_t *bufs;
	int error = 0;

	while (n > 1 && n * (size_t)e->frame_max > 4 * BUFFERS)
		n /= 2;
	bufs = malloc(n * (size_t)e->frame_max);
	if (bufs == NULL) {
		end_complain(e, strerror(ENOMEM), NULL);
		wire_stop(w, 1);
		return NULL;
	}
	for (unsigned i = 0; i < n; i++) {
		rx[i].buf = bufs + i * (size_t)e->frame_max;
		rx[i].size = e->frame_max;
	}
	while (!w->quit && (error == 0 || error == ECANCELED)) {
		error = shmbus_wait(e->bus, -1);
		while (!w->quit &&
		    (error = shmbus_recv_batch(e->bus, rx, n, &got)) == 0) {
			pthread_mutex_lock(&w->lock);
			core_begin(w);
			for (unsigned i = 0; i < got; i++)
				core_frame(e, rx[i].buf,
				    rx[i].frame.len <= rx[i].size ?
					rx[i].frame.len :
					rx[i].size,
				    rx[i].frame.sender);
			core_flush(w);
			pthread_mutex_unlock(&w->lock);
		}
		if (error == EAGAIN)
			error = 0;
	}
	if (!w->quit) {
		end_complain(e, shmbus_strerror(error), NULL);
		wire_stop(w, 1);
	}
	free(bufs);
	return NULL;
}

int
bus_start(struct wire *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		struct end *e = &w->ends[i];
		int error;

		if (e->kind != &kind_bus)
			continue;
		error = pthread_create(&e->thread, NULL, bus_main, e);
		if (error != 0)
			return end_complain(e, "no thread", strerror(error));
		e->running = true;
	}
	return 0;
}

void
bus_stop_all(struct wire *w)
{
	w->quit = true;
	for (unsigned i = 0; i < w->n; i++) {
		struct end *e = &w->ends[i];

		if (!e->running)
			continue;
		shmbus_wake(e->bus);
		pthread_join(e->thread, NULL);
		e->running = false;
	}
}

static void
bus_close(struct end *e)
{
	shmbus_detach(e->bus);
	e->bus = NULL;
}

const struct kind kind_bus = { NULL, bus_open, bus_send, bus_close, NULL };
