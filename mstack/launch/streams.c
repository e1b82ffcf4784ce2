/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * streams.c - what a stream is, before the kernel moves its data
 *
 * DOC: To the kernel the pair of a stream is connected from its birth on.  So
 * where a call reads or writes, and comes to us, it is first asked whether there
 * is a connection: reading is ENOTCONN where there is none, and writing EPIPE,
 * as in Linux.  Only the server knows.  What it said is remembered, of the
 * sockets that listen and of those that are connected, by their inode: a socket
 * that is connected stays so until it is connected to nobody (AF_UNSPEC).  Each
 * table has one place for many inodes, so what is not remembered may be so all
 * the same.
 *
 * Which calls come: see filter.c.
 */
#include <sys/syscall.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "mstack/launch/launch.h"

static uint64_t *
place(uint64_t table[KNOWN], const struct call *c)
{
	return &table[c->inode % KNOWN];
}

bool
call_listens(const struct call *c)
{
	return *place(c->su->listeners, c) == c->inode;
}

void
call_know_listener(const struct call *c)
{
	*place(c->su->listeners, c) = c->inode;
}

void
call_know_connected(struct super *su, uint64_t inode)
{
	su->connected[inode % KNOWN] = inode;
}

void
call_forget(const struct call *c)
{
	if (call_listens(c))
		*place(c->su->listeners, c) = 0;
	if (*place(c->su->connected, c) == c->inode)
		*place(c->su->connected, c) = 0;
}

void
call_ask_listens(struct call *c, call_reply *fn)
{
	const int arg[3] = { SOL_SOCKET, SO_ACCEPTCONN, sizeof(int) };

	link_ask(c, MSTACK_GETOPT, arg, NULL, 0, NULL, 0, -1, fn);
}

bool
reply_listens(const struct mstack_reply *r, const uint8_t *data)
{
	int listens = 0;

	if (r->error == 0 && r->datalen == sizeof(listens))
		memcpy(&listens, data, sizeof(listens));
	return listens != 0;
}

/* ---- data --------------------------------------------------------------- */

void
call_answer_pipe(struct call *c, bool silent)
{
	if (!silent)
		syscall(SYS_tgkill, c->proc->tgid, c->tid, SIGPIPE);
	call_answer(c, EPIPE, 0);
}

int
call_error_said(const struct mstack_reply *r, const uint8_t *data)
{
	int error = 0;

	if (r->error == 0 && r->datalen == sizeof(error))
		memcpy(&error, data, sizeof(error));
	return error;
}

/* There is no connection: an error that waits comes first. */
static void
no_connection_reply(struct call *c, const struct mstack_reply *r,
    const uint8_t *data, int fd)
{
	int error = call_error_said(r, data);

	(void)fd;
	if (error != 0)
		call_answer(c, error, 0);
	else if (c->sends)
		call_answer_pipe(c, c->silent);
	else
		call_answer(c, ENOTCONN, 0);
}

static void
state_reply(struct call *c, const struct mstack_reply *r, const uint8_t *data,
    int fd)
{
	const int arg[3] = { SOL_SOCKET, SO_ERROR, sizeof(int) };
	uint8_t state = r->error == 0 && r->datalen > 0 ? data[0] : 0;

	(void)fd;
	if (state == TCP_LISTEN || state == TCP_CLOSE) {
		link_ask(c, MSTACK_GETOPT, arg, NULL, 0, NULL, 0, -1,
		    no_connection_reply);
		return;
	}
	/* Connected, or going to be, or it was: the pair knows what follows. */
	if (state == TCP_ESTABLISHED)
		call_know_connected(c->su, c->inode);
	c->go(c);
}

void
call_if_connected(struct call *c, bool sends, bool silent, call_go *go)
{
	/* The state is the first byte of this option's structure. */
	const int arg[3] = { IPPROTO_TCP, TCP_INFO, 1 };
	socklen_t len = sizeof(int);
	int error = 0;

	/* A reset is told to who writes, too; the kernel would say EPIPE. */
	if (sends &&
	    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
	    error != 0) {
		call_answer(c, error, 0);
		return;
	}

	c->go = go;
	c->sends = sends;
	c->silent = silent;
	if (c->link->fd == -1 || *place(c->su->connected, c) == c->inode)
		go(c);
	else
		link_ask(c, MSTACK_GETOPT, arg, NULL, 0, NULL, 0, -1,
		    state_reply);
}
