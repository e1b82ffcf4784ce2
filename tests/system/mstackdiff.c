/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mstackdiff - random programs of socket calls
 *
 * usage: mstackdiff SEED COUNT
 *
 * DOC: Runs COUNT programs, of the seeds from SEED on, and prints what each
 * call gave, one line a call.  Run by itself its sockets are the kernel's, run
 * under mstack they are a stack's; what is printed is to be the same.
 *
 * A program is a sequence of random calls on at most OBJECTS sockets, of one
 * family, on the loopback address.  Its calls depend on the seed and on what
 * was printed before, never on time: of each socket is known what is under way
 * to it (bytes, datagrams, connections, an end), and sw_settle() waits for that
 * before the next call.  So calls never wait but where something is known to
 * come.  Ports are shown as whose they are.
 *
 * What differs by design, and is in mstack(1), is not done here or not shown:
 * writing natively to a connection that was reset (EPIPE instead of
 * ECONNRESET), resets for who has sent nothing, ICMP errors by recv(2).
 */
#include <sys/uio.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/sockworld.h"

#define STEPS 24
#define WAIT_MS 30000

static void
wait_for(const struct obj *o, short events)
{
	struct pollfd p = { .fd = o->fd, .events = events };

	poll(&p, 1, WAIT_MS);
}

/* A connection of O to the listener L, and who accepts it. */
static void
do_connection(struct obj *o, struct obj *l)
{
	struct sockaddr_storage a;
	socklen_t len = sw_make_address(&a, l->port, 0);
	int flags = PICK(0, SOCK_NONBLOCK, SOCK_CLOEXEC), fd, error = -1;
	struct obj *s;
	uint8_t byte = 7;

	sw_say("connect %d to %d nonblock %d", sw_index_of(o), sw_index_of(l),
	    o->nonblock);
	sw_result(connect(o->fd, (struct sockaddr *)&a, len));
	if (o->nonblock) {
		wait_for(o, POLLOUT);
		len = sizeof(error);
		getsockopt(o->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		sw_say("SO_ERROR %d\n", error);
		if (sw_rnd(3) == 0) {
			sw_say("connect again");
			len = sw_make_address(&a, l->port, 0);
			sw_result(connect(o->fd, (struct sockaddr *)&a, len));
		}
	}
	sw_learn_port(o);
	o->state = CONNECTED;
	wait_for(l, POLLIN);
	/* What is not stored is no port that anybody has. */
	memset(&a, 1, sizeof(a));
	len = (socklen_t)PICK(sizeof(a), sizeof(a), 16, 28, 4, 0);
	fd = accept4(l->fd, (struct sockaddr *)&a, &len, flags);
	sw_say("accept %d fd %d fl %d", sw_index_of(l), fcntl(fd, F_GETFD),
	    fcntl(fd, F_GETFL) & O_NONBLOCK);
	sw_show_address(&a, len);
	if (fd == -1) {
		sw_result(-1);
		return;
	}
	if ((s = sw_new_object(fd, true, CONNECTED)) == NULL) {
		sw_say(" no room\n");
		o->state = BROKEN;
		o->fin = true;
		close(o->fd);
		o->state = FREE;
		return;
	}
	s->nonblock = (flags & SOCK_NONBLOCK) != 0;
	sw_learn_port(s);
	s->peer = sw_index_of(o);
	o->peer = sw_index_of(s);
	sw_say(" = %d\n", sw_index_of(s));
	/* Both have sent something: see mstack(1) for those who have not. */
	(void)!write(s->fd, &byte, 1);
	(void)!write(o->fd, &byte, 1);
	wait_for(o, POLLIN);
	wait_for(s, POLLIN);
	(void)!read(o->fd, &byte, 1);
	(void)!read(s->fd, &byte, 1);
}

static void
do_connect(struct obj *o)
{
	struct obj *l = sw_choose(sw_is_listener), *d = sw_choose(sw_is_dgram);
	struct sockaddr_storage a;
	socklen_t len;

	if (o->stream && l != NULL && (o->state == NEW || o->state == BOUND)) {
		do_connection(o, l);
		return;
	}
	if (o->stream && o->state != CONNECTED && o->state != LISTENING)
		return;
	if (o->stream)
		len = sw_make_address(&a, 9, 0);
	else
		len = sw_make_address(&a, d->port, 0);
	/* What fails here gives it a port on Linux, and UNSPEC takes that. */
	if (!o->stream && o->port == 0 && d->port == 0)
		return;
	if (sw_rnd(6) == 0 && (o->stream || o->port != 0))
		len = (socklen_t)PICK(0, 1, 2, 8);
	else if (!o->stream && o->state == BOUND && sw_rnd(5) == 0) {
		a.ss_family = AF_UNSPEC;
	} else if (!o->stream && d->port == 0)
		return;
	/* AF_UNSPEC of two bytes is one, too. */
	sw_say("connect %d to %d len %u", sw_index_of(o),
	    sw_index_of(d == NULL ? o : d), len);
	if (sw_result(connect(o->fd, (struct sockaddr *)&a, len)) != 0 ||
	    o->stream)
		return;
	if (a.ss_family == AF_UNSPEC) {
		/* On Linux it may have lost its port. */
		close(o->fd);
		o->state = FREE;
		sw_forget(o);
		return;
	}
	o->to_peer = true;
	o->peer = sw_index_of(d);
	sw_learn_port(o);
}

/* Fills the message's data; its length. */
static size_t
make_data(bool stream)
{
	size_t n = (size_t)PICK(0, 1, 2, 100, 1000, 1472, 4000, 9000), i;

	if (stream && n == 0)
		n = 3;
	for (i = 0; i < n; i++)
		sw_data[i] = (uint8_t)sw_rnd(256);
	return n;
}

/* Sends LEN bytes in one of the ways there are.  TO: NULL, or an address. */
static long
send_somehow(struct obj *o, size_t len, struct sockaddr_storage *to,
    socklen_t tolen)
{
	struct iovec iov[3] = { { sw_data, len / 3 }, { sw_data + len / 3, 0 },
		{ sw_data + len / 3, len - len / 3 } };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = iov,
				 .msg_iovlen = 3,
				 .msg_name = to,
				 .msg_namelen = tolen } };
	/* Natively written by who has no peer it is lost; see mstack(1). */
	int how = o->stream || o->to_peer || to != NULL ? PICK(0, 1, 2, 3) :
							  PICK(2, 3);
	long r;

	sw_say("send %d how %d len %zu to %d", sw_index_of(o), how, len,
	    to != NULL);
	switch (how) {
	case 0:
		if (to == NULL)
			return sw_result(write(o->fd, sw_data, len));
		/* fall through */
	case 1:
		return sw_result(sendto(o->fd, sw_data, len, MSG_NOSIGNAL,
		    (struct sockaddr *)to, tolen));
	case 2:
		return sw_result(sendmsg(o->fd, &m.msg_hdr, MSG_NOSIGNAL));
	default:
		r = sendmmsg(o->fd, &m, 1, MSG_NOSIGNAL);
		sw_result(r);
		return r == 1 ? (long)m.msg_len : r;
	}
}

static void
do_send_stream(struct obj *o)
{
	size_t len = make_data(true);
	struct obj *p = o->peer == -1 ? NULL : &sw_all[o->peer];
	struct sockaddr_storage a;
	socklen_t tolen = 0;
	bool addressed = sw_rnd(4) == 0;
	long r;

	/* What the other one does not take would be a reset. */
	if (p == NULL || p->shut_rd || p->owed + len > 30000)
		return;
	if (addressed)
		tolen = sw_make_address(&a, 9, 0);
	r = send_somehow(o, len, addressed ? &a : NULL, tolen);
	if (r > 0)
		p->owed += (size_t)r;
}

static void
do_send_dgram(struct obj *o)
{
	struct obj *d = sw_choose(sw_is_dgram), *p;
	struct sockaddr_storage a;
	size_t len = make_data(false);
	socklen_t tolen = 0;
	bool addressed = sw_rnd(2) == 0;
	long r;

	if (addressed && d->port == 0)
		return;
	if (addressed)
		tolen = sw_make_address(&a, d->port, 0);
	p = addressed ? d : o->peer == -1 ? NULL : &sw_all[o->peer];
	if (p != NULL && (p->queue >= 8 || p->state == FREE))
		return;
	if (!addressed && o->to_peer && p == NULL)
		return; /* it would be refused */
	/* Likewise: who is connected to somebody else hears nobody. */
	if (o->to_peer && p != NULL && o->peer == sw_index_of(p) &&
	    p->to_peer && p->peer != sw_index_of(o))
		return;
	if (!addressed && o->port == 0)
		return; /* it fails, and on Linux has a port then */
	if (p != NULL && p->shut_rd)
		return;
	/* One that fails has given it a port on Linux. */
	if (sw_rnd(8) == 0 && addressed && o->port != 0)
		tolen = (socklen_t)PICK(1, 2, 8);
	r = send_somehow(o, len, addressed ? &a : NULL, tolen);
	if (r == -1)
		return;
	sw_learn_port(o);
	if (p == NULL || (p->to_peer && p->peer != sw_index_of(o)))
		return;
	p->len[p->queue++] = len;
}

static void
took(struct obj *o)
{
	memmove(o->len, o->len + 1, sizeof(o->len) - sizeof(o->len[0]));
	o->queue--;
}

/* Receives in one of the ways there are. */
static void
do_recv(struct obj *o)
{
	size_t room = (size_t)PICK(1, 10, 1000, ROOM), first;
	struct iovec iov[2];
	struct sockaddr_storage a;
	union {
		uint8_t room[CMSG_SPACE(64)];
		struct cmsghdr align;
	} control;
	struct mmsghdr m[2];
	socklen_t len = sizeof(a), namelen;
	int how = PICK(0, 1, 2, 3, 4), flags = 0;
	bool there = o->stream ? o->owed > 0 || o->fin || o->shut_rd :
				 o->queue > 0;
	long r;

	/* See mstack(1): it would wait; and here it would not. */
	if ((o->stream && o->state != CONNECTED) || (!o->stream && o->shut_rd))
		return;
	if (sw_rnd(4) == 0)
		flags |= MSG_PEEK;
	if (sw_rnd(5) == 0)
		flags |= MSG_TRUNC;
	if (o->stream && (flags & MSG_TRUNC))
		flags &= ~MSG_PEEK; /* the kernel says different things */
	if (o->stream && o->owed != 0 && sw_rnd(4) == 0) {
		flags |= MSG_WAITALL;
		if (room > o->owed)
			room = o->owed;
	}
	if (!there)
		flags |= MSG_DONTWAIT;
	if (how == 0 && flags != 0)
		how = 1;
	memset(sw_got, 0, sizeof(sw_got));
	memset(&a, 0, sizeof(a));
	memset(m, 0, sizeof(m));
	first = sw_rnd((unsigned)room + 1);
	iov[0] = (struct iovec){ sw_got, first };
	iov[1] = (struct iovec){ sw_got + first, room - first };
	m[0].msg_hdr = (struct msghdr){ .msg_iov = iov,
		.msg_iovlen = 2,
		.msg_name = &a,
		.msg_namelen = sizeof(a),
		.msg_control = sw_rnd(2) ? &control : NULL,
		.msg_controllen = sizeof(control) };
	sw_say("recv %d how %d room %zu flags %x", sw_index_of(o), how, room,
	    flags);
	switch (how) {
	case 0:
		r = read(o->fd, sw_got, room);
		break;
	case 1:
		r = recv(o->fd, sw_got, room, flags);
		break;
	case 2:
		namelen = len = (socklen_t)PICK(sizeof(a), 16, 3, 0);
		r = recvfrom(o->fd, sw_got, room, flags, (struct sockaddr *)&a,
		    &len);
		/* Half a port may be somebody's. */
		if (r >= 0 && namelen < sizeof(struct sockaddr_in))
			sw_say(" len %u", len);
		else if (r >= 0)
			sw_show_address(&a, len);
		break;
	case 3:
		r = recvmsg(o->fd, &m[0].msg_hdr, flags);
		break;
	default:
		r = recvmmsg(o->fd, m, 1, flags, NULL);
		if (r == 1)
			r = m[0].msg_len;
		break;
	}
	if (how >= 3 && r >= 0) {
		sw_show_address(&a, m[0].msg_hdr.msg_namelen);
		sw_say(" flags %x control %zu", m[0].msg_hdr.msg_flags,
		    m[0].msg_hdr.msg_controllen);
	}
	/* Of a stream the kernel copies nothing with MSG_TRUNC, a stack does. */
	if (r >= 0 && !(o->stream && (flags & MSG_TRUNC)))
		sw_say(" sum %08x", sw_sum(sw_got, sizeof(sw_got)));
	sw_result(r);
	if (r == -1 || (flags & MSG_PEEK))
		return;
	if (o->stream)
		o->owed -= (size_t)r;
	else if (o->queue > 0)
		took(o);
}

/* Several datagrams at once, as many as are there. */
static void
do_recvmmsg(struct obj *o)
{
	struct mmsghdr m[4];
	struct iovec iov[4];
	unsigned n = sw_rnd(4) + 1, i;
	int flags = PICK(0, MSG_WAITFORONE, MSG_DONTWAIT), r;

	if (o->stream || o->queue == 0 || o->shut_rd)
		return;
	if (n > o->queue)
		n = o->queue;
	/* One of them is there; the others come. */
	if (flags != 0)
		n = 1;
	memset(m, 0, sizeof(m));
	for (i = 0; i < n; i++) {
		iov[i] = (struct iovec){ sw_got + i * 10000, 10000 };
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	if (o->nonblock)
		sw_set_nonblock(o, false);
	sw_say("recvmmsg %d n %u flags %x", sw_index_of(o), n, flags);
	r = recvmmsg(o->fd, m, n, flags, NULL);
	for (i = 0; r > 0 && i < (unsigned)r; i++, took(o))
		sw_say(" %u %08x", m[i].msg_len,
		    sw_sum(iov[i].iov_base, m[i].msg_len));
	sw_result(r);
}

static void
do_shutdown(struct obj *o)
{
	int how = PICK(SHUT_RD, SHUT_WR, SHUT_WR, SHUT_RDWR, 3, -1);
	struct obj *p = o->peer == -1 ? NULL : &sw_all[o->peer];
	bool was = o->shut_wr;

	if (o->fin && o->shut_wr)
		return; /* at some time it is not connected any more */
	/* Others would not reach it any more, or it them: reset. */
	if (o->state == LISTENING || (how == SHUT_RD && o->stream && p != NULL))
		return;
	if (how == SHUT_RDWR && o->stream && (o->owed > 0 || !o->fin))
		return;
	if (!o->stream && o->queue > 0)
		return;
	sw_say("shutdown %d %d", sw_index_of(o), how);
	if (sw_result(shutdown(o->fd, how)) != 0) {
		if (how < SHUT_RD || how > SHUT_RDWR)
			return;
		/* It failed, and still the kernel's is half shut down. */
		close(o->fd);
		o->state = FREE;
		sw_forget(o);
		return;
	}
	o->shut_wr |= how != SHUT_RD;
	o->shut_rd |= how != SHUT_WR;
	if (o->stream && p != NULL && o->shut_wr && !was)
		p->fin = true;
}

static void
do_close(struct obj *o)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	bool reset = o->stream && o->state == CONNECTED &&
	    (o->owed > 0 || sw_rnd(4) == 0);
	struct obj *p = o->peer == -1 ? NULL : &sw_all[o->peer];

	sw_say("close %d reset %d", sw_index_of(o), reset);
	if (reset)
		setsockopt(o->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	sw_result(close(o->fd));
	o->state = FREE;
	sw_forget(o);
	if (!o->stream || p == NULL)
		return;
	if (reset && p->fin) {
		/* On a stack it is seen when something is written. */
		close(p->fd);
		p->state = FREE;
		sw_forget(p);
	} else if (reset) {
		p->state = BROKEN;
	}
	p->fin = true;
}

/* What a connection that was reset says, once. */
static void
do_broken(struct obj *o)
{
	long r, n = 0;

	do {
		r = recv(o->fd, sw_got, sizeof(sw_got), MSG_DONTWAIT);
		n += r > 0 ? r : 0;
	} while (r > 0);
	sw_say("broken %d rest %d", sw_index_of(o),
	    n >= (long)o->owed || n == 0);
	sw_result(r);
	sw_say("broken %d then", sw_index_of(o));
	sw_result(recv(o->fd, sw_got, sizeof(sw_got), MSG_DONTWAIT));
	close(o->fd);
	o->state = FREE;
}

/* ---- programs ----------------------------------------------------------- */

static void
step(void)
{
	struct obj *o;
	unsigned what = sw_rnd(100);

	sw_settle();
	o = sw_choose(sw_is_any);
	if (what < 10 || o == NULL) {
		sw_do_socket();
		return;
	}
	if (o->state == BROKEN) {
		do_broken(o);
		return;
	}
	if (what < 12)
		sw_do_wrong_socket();
	else if (what < 20)
		sw_do_bind(o);
	else if (what < 26)
		sw_do_listen(o);
	else if (what < 36)
		do_connect(o);
	else if (what < 52 && sw_is_open(o) && !o->shut_wr)
		do_send_stream(o);
	else if (what < 52 && !o->stream)
		do_send_dgram(o);
	else if (what < 66)
		do_recv(o);
	else if (what < 69)
		do_recvmmsg(o);
	else if (what < 72)
		do_shutdown(o);
	else if (what < 75)
		do_close(o);
	else if (what < 79)
		sw_do_name(o);
	else if (what < 85)
		sw_do_option(o);
	else if (what < 89)
		sw_do_poll(o);
	else if (what < 91)
		sw_do_epoll(o);
	else if (what < 94)
		sw_do_fionread(o);
	else if (what < 96)
		sw_do_dup(o);
	else if (what < 98)
		sw_do_pass(o);
	else
		sw_do_fork(o);
}

/* A listener and a connection to it, as most programs have. */
static void
begin(void)
{
	struct sockaddr_storage a;
	socklen_t len = sw_make_address(&a, 0, 0);
	struct obj *l = sw_new_object(socket(sw_family, SOCK_STREAM, 0), true,
	    NEW);
	struct obj *o = sw_new_object(socket(sw_family, SOCK_STREAM, 0), true,
	    NEW);
	int one = 1;

	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(l->fd, (struct sockaddr *)&a, len) != 0 ||
	    listen(l->fd, 5) != 0) {
		perror("no listener");
		exit(1);
	}
	l->state = LISTENING;
	sw_learn_port(l);
	if (sw_rnd(2))
		sw_set_nonblock(o, true);
	do_connection(o, l);
}

static void
program(uint64_t seed)
{
	int i;

	sw_begin_random(seed);
	sw_family = sw_rnd(3) == 0 ? AF_INET6 : AF_INET;
	sw_say("program %llu family %d\n", (unsigned long long)seed, sw_family);
	if (sw_rnd(4) != 0)
		begin();
	for (i = 0; i < STEPS; i++)
		step();
	sw_settle();
	for (i = 0; i < OBJECTS; i++)
		if (sw_all[i].state != FREE) {
			close(sw_all[i].fd);
			sw_all[i].state = FREE;
		}
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	uint64_t seed, i, count;

	if (argc != 3) {
		fprintf(stderr, "usage: mstackdiff SEED COUNT\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	seed = strtoull(argv[1], NULL, 10);
	count = strtoull(argv[2], NULL, 10);
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < count; i++) {
		/* What waits for ever is a difference, too. */
		alarm(WAIT_MS / 1000 * 2);
		program(seed + i);
	}
	return 0;
}
