/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loop.c - the thread that waits for descriptors and the timer
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/tool.h"
#include "wire/wire.h"

#define EVENTS 32

int
loop_watch(struct wire *wire, struct watched *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };
	int op = events == 0 ? EPOLL_CTL_DEL :
	    w->events == 0   ? EPOLL_CTL_ADD :
			       EPOLL_CTL_MOD;

	if (w->events == events)
		return 0;
	if (epoll_ctl(wire->epoll, op, w->fd, &ev) != 0)
		return -1;
	w->events = events;
	return 0;
}

void
loop_close(struct wire *wire, struct watched *w)
{
	if (w->fd == -1)
		return;
	(void)loop_watch(wire, w, 0);
	close(w->fd);
	w->fd = -1;
}

int
loop_tick(struct end *e, void (*ready)(struct watched *w, uint32_t events))
{
	e->tick.fd = timerfd_create(CLOCK_MONOTONIC,
	    TFD_CLOEXEC | TFD_NONBLOCK);
	e->tick.ready = ready;
	return e->tick.fd == -1 ? -1 : loop_watch(e->wire, &e->tick, EPOLLIN);
}

void
loop_tick_in(struct end *e, uint64_t ns)
{
	struct itimerspec t = { .it_value.tv_nsec = (long)ns };

	timerfd_settime(e->tick.fd, 0, &t, NULL);
}

void
wire_stop(struct wire *w, int status)
{
	if (status != 0)
		w->status = status;
	eventfd_write(w->stop, 1);
}

static void
timer_ready(struct wire *w)
{
	uint64_t times;

	(void)!read(w->timer, &times, sizeof(times));
	core_begin(w);
	core_due(w);
	core_flush(w);
}

int
loop_begin(struct wire *w)
{
	struct epoll_event timer = { .events = EPOLLIN, .data.ptr = &w->timer };
	struct epoll_event stop = { .events = EPOLLIN, .data.ptr = &w->stop };

	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->timer, &timer) != 0 ||
	    epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->stop, &stop) != 0) {
		tool_complain("epoll", strerror(errno), NULL);
		return -1;
	}
	return 0;
}

bool
loop_step(struct wire *w, int timeout_ms)
{
	struct epoll_event ev[EVENTS];
	bool stopped = false;
	int n = epoll_wait(w->epoll, ev, EVENTS, timeout_ms);

	if (n == -1)
		return errno == EINTR;
	pthread_mutex_lock(&w->lock);
	for (int i = 0; i < n; i++) {
		struct watched *it = ev[i].data.ptr;

		if (ev[i].data.ptr == &w->stop)
			stopped = true;
		else if (ev[i].data.ptr == &w->timer)
			timer_ready(w);
		else if (it->events != 0)
			it->ready(it, ev[i].events);
	}
	pthread_mutex_unlock(&w->lock);
	return !stopped;
}

int
loop_run(struct wire *w)
{
	if (loop_begin(w) != 0)
		return 1;
	while (loop_step(w, -1))
		;
	return w->status;
}
