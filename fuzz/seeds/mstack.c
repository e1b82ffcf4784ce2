/* SPDX-License-Identifier: BSD-2-Clause */
/* mstack.c - seeds: each operation, on sockets of both kinds */
#include <sys/socket.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "mstack/wire.h"

static struct seed s;

static void
begin(unsigned script)
{
	unsigned i;

	s.n = 0;
	for (i = 0; i < 16; i++)
		put8(&s, script * (i + 1) + i / 3);
}

/* WHO: the supervisor, and twice the number of the socket. */
static void
request(unsigned who, enum mstack_op op, const uint32_t arg[3], unsigned kind,
    unsigned addrlen, unsigned datalen)
{
	unsigned i;

	put8(&s, 0);
	put8(&s, who);
	put8(&s, op);
	for (i = 0; i < 3; i++)
		put32le(&s, arg[i]);
	put8(&s, kind);
	put8(&s, addrlen);
	for (i = 0; i < addrlen; i++)
		put8(&s, i == 0 ? AF_INET : 0);
	put16le(&s, datalen);
	for (i = 0; i < datalen; i++)
		put8(&s, i);
}

static void
program(unsigned k, unsigned what, unsigned n)
{
	put8(&s, 6);
	put8(&s, k);
	put8(&s, what);
	if (what % 5 == 0) {
		put16le(&s, n);
		while (n-- > 0)
			put8(&s, n);
	}
}

/* All operations on a socket of TYPE, of one supervisor and then the other. */
static void
everything(unsigned type, unsigned script)
{
	const uint32_t make[3] = { AF_INET, type, 0 };
	const uint32_t option[3] = { SOL_SOCKET, SO_ERROR, 4 };
	const uint32_t waits[3] = { 0 }, not [3] = { 1 };
	const uint32_t list[3] = { 0x8912 };
	unsigned who;

	begin(script);
	request(0, MSTACK_SOCKET, make, 0, 0, 0);
	request(0, MSTACK_SOCKET, make, 0, 0, 0);
	for (who = 0; who < 2; who++) {
		request(who, MSTACK_BIND, waits, 0, 16, 0);
		request(who, MSTACK_CONNECT, waits, 0, 16, 0);
		request(who + 2, MSTACK_CONNECT, not, 1, 16, 0);
		put8(&s, 5);
		put8(&s, 0);
		program(0, 0, 300);
		program(0, 1, 0);
		request(who, MSTACK_SOCKNAME, waits, 0, 0, 0);
		request(who, MSTACK_PEERNAME, waits, 0, 0, 0);
		request(who, MSTACK_SETOPT, option, 0, 0, 4);
		request(who, MSTACK_GETOPT, option, 0, 0, 0);
		request(who, MSTACK_SEND, waits, 0, 16, 100);
		request(who, MSTACK_IOCTL, list, 0, 0, 4);
		request(who, MSTACK_SHUTDOWN, not, 0, 0, 0);
		request(who, MSTACK_LISTEN, waits, 0, 0, 0);
		program(0, 2 + 5, 0);
		request(who ^ 1, MSTACK_ADOPT, waits, 1, 0, 0);
	}
	program(0, 3, 0);
}

void
fuzz_seeds(fuzz_emit *emit)
{
	const uint32_t make[3] = { AF_INET, SOCK_STREAM, 0 };
	const uint32_t none[3] = { 0 };
	char name[32];
	unsigned i, kind;

	for (i = 0; i < 12; i++) {
		everything(SOCK_STREAM, i * 5);
		snprintf(name, sizeof(name), "stream-%u", i);
		emit(name, s.b, s.n);
		everything(SOCK_DGRAM, i * 5);
		snprintf(name, sizeof(name), "dgram-%u", i);
		emit(name, s.b, s.n);
		/* A listener, and its arrivals. */
		begin(i * 7);
		request(0, MSTACK_SOCKET, make, 0, 0, 0);
		request(0, MSTACK_LISTEN, none, 0, 0, 0);
		put8(&s, 5);
		put8(&s, 0);
		program(0, 1, 0);
		program(0, 3, 0);
		snprintf(name, sizeof(name), "listener-%u", i);
		emit(name, s.b, s.n);
	}
	for (kind = 0; kind < 6; kind++) {
		/* Descriptors of the wrong kind. */
		begin(kind);
		request(0, MSTACK_SOCKET, make, kind, 0, 0);
		request(1, MSTACK_ADOPT, none, kind, 0, 0);
		request(0, MSTACK_CONNECT, make, kind, 16, 0);
		request(0, MSTACK_CONNECT, none, kind, 16, 0);
		request(0, MSTACK_BIND, none, kind, 200, 0);
		snprintf(name, sizeof(name), "kind-%u", kind);
		emit(name, s.b, s.n);
	}
	begin(1);
	request(0, MSTACK_SOCKET, make, 0, 0, 0);
	put8(&s, 4);
	put8(&s, 47);
	for (i = 0; i < 47; i++)
		put8(&s, 255);
	request(0, MSTACK_SOCKNAME, none, 0, 0, 0);
	emit("half", s.b, s.n);
}
