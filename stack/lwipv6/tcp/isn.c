/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * isn.c - a new connection is not taken for an old one
 *
 * DOC: The faults: every process begins with the same local port (4097) and
 * with initial sequence numbers that count from 6510 by the stack's ticks, for
 * all of its connections.
 *
 * How they are seen: a client runs, ends, and is started again within two
 * minutes: it has the address, port and sequence number of the connection that
 * its server still keeps in TIME-WAIT, and cannot connect.  And who knows when a
 * process began knows its numbers: he can speak for its peers.
 *
 * The cure, all three of it:
 *   - local ports go up from a random one (RFC 6056, 3.3.3), those of RFC
 *     6335's dynamic range, and another one each time while there are any;
 *   - an initial sequence number is RFC 6528's: a clock of four microseconds
 *     plus a hash of the two addresses and ports under a secret of the process's
 *     own.  Between the same two it goes up; what it is between any others tells
 *     nothing about it;
 *   - a SYN beyond what was received ends TIME-WAIT, and one below it is answered
 *     by an ACK, which a connection that is being opened resets, and asks again
 *     at once (screen.c): the next process has another secret, and may be below.
 *
 * One more, since it is the same place: the answer to a SYN is acknowledged by
 * a timer, up to 250 ms later; where the server speaks first every connection
 * waits for that.  Here it is acknowledged at once (input.c calls isn_after()).
 *
 * The library asks for a number without saying for which connection.  Who makes
 * it ask says that before, by isn_set(); it is asked twice for one connection,
 * and the library takes it that the second number is not the smaller one.
 */
#include <sys/auxv.h>
#include <sys/random.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/siphash.h"
#include "stack/lwipv6/tcp/tcp.h"

#define PORT_FIRST 49152u
#define PORTS 16384u
#define TRIES 256
#define CLOCK_NS 4000u
#define FLAG_SYN 0x02
#define FLAG_RST 0x04
#define FLAG_ACK 0x10

static uint8_t secret[16];
static atomic_uint next_port; /* from PORT_FIRST on, modulo PORTS */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* What the library is told when it asks; of the calling thread. */
static __thread struct {
	bool set;
	uint32_t iss;
} answer;

/* Chooses a secret, and where ports begin. */
static void
begin(void)
{
	const void *kernels;

	/* The kernel gave every process 16 random bytes as well. */
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret) &&
	    (kernels = (const void *)getauxval(AT_RANDOM)) != NULL)
		memcpy(secret, kernels, sizeof(secret));
	next_port = (unsigned)siphash(secret, "port", 4);
}

uint64_t
isn_hash(const struct ends *e, uint64_t what)
{
	struct {
		struct ip_addr local, remote;
		uint16_t local_port, remote_port;
		uint32_t none;
		uint64_t what;
	} in = { e->local, e->remote, e->local_port, e->remote_port, 0, what };

	static_assert(sizeof(in) == 48, "nothing is between its fields");
	pthread_once(&once, begin);
	return siphash(secret, &in, sizeof(in));
}

uint32_t
isn_new(const struct ends *e)
{
	return (uint32_t)(isn_hash(e, 0) + now_ns() / CLOCK_NS);
}

void
isn_set(uint32_t iss)
{
	answer.set = true;
	answer.iss = iss;
}

void
isn_clear(void)
{
	answer.set = false;
}

/* Replaces the library's: the initial sequence number of a connection. */
EXPORT uint32_t
OURS(tcp_next_iss)(struct stack *stack)
{
	static const struct ends nobody;

	(void)stack;
	/* It gets another one when it is known who it is for. */
	return answer.set ? answer.iss : isn_new(&nobody);
}

/* Replaces the library's: PCB, with a local port or without, connects. */
EXPORT err_t
OURS(tcp_connect)(struct tcp_pcb *pcb, struct ip_addr *ip, uint16_t port,
    err_t (*connected)(void *, struct tcp_pcb *, err_t))
{
	struct ends e = { .remote_port = port };
	err_t err;
	int i;

	pthread_once(&once, begin);
	for (i = 0; pcb->local_port == 0 && i < TRIES; i++)
		tcp_bind(pcb, &pcb->local_ip,
		    (uint16_t)(PORT_FIRST + next_port++ % PORTS));
	e.local = pcb->local_ip;
	e.local_port = pcb->local_port;
	if (ip != NULL)
		e.remote = *ip;
	isn_set(isn_new(&e));
	/* Its first number is on a scale of its own. */
	pcb->snd_max = answer.iss - 1;
	pcb->snd_wl2 = answer.iss - 1;
	err = real()->tcp_connect(pcb, ip, port, connected);
	isn_clear();
	return err;
}

void
isn_after(struct stack *stack, const struct tcp_pcb *pcb, unsigned flags)
{
	struct tcp_pcb *first = STACK_FIELD(stack, STACK_TCP_ACTIVE,
	    struct tcp_pcb *);

	/* The connection that got something is moved to the front. */
	if ((flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) ==
		(FLAG_SYN | FLAG_ACK) &&
	    first == pcb && first->state == TCP_ESTABLISHED)
		tcp_ack_delayed(first);
}
