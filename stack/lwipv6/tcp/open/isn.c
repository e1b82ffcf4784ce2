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
 * A port is free where no connection has it with the same peer: RFC 6056, 2.3.
 * Where one is in TIME-WAIT with the same peer it is ended by the new one, whose
 * numbers are beyond its own.  So ports last for as many connections as one
 * likes, and to find one is a matter of one look.
 *
 * The library asks for a number without saying for which connection.  Who makes
 * it ask says that before, by isn_set(); it is asked twice for one connection,
 * and the library takes it that the second number is not the smaller one.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "stack/lwipv6/tcp/segment.h"

#define PORT_FIRST 49152u
#define PORTS 16384u
#define CLOCK_NS 4000u
#define FAR 65536u /* further than any window */

static atomic_uint next_port; /* from PORT_FIRST on, modulo PORTS */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* What the library is told when it asks; of the calling thread. */
static __thread struct {
	bool set;
	uint32_t iss;
} answer;

/* Chooses where ports begin. */
static void
begin(void)
{
	static const struct ends nobody;

	next_port = (unsigned)isn_hash(&nobody, HASH_PORT);
}

uint32_t
isn_new(const struct ends *e)
{
	return (uint32_t)(isn_hash(e, HASH_ISN) + now_ns() / CLOCK_NS);
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

/*
 * Whether E can be the ends of a new connection of STACK: none has them, and
 * nobody else is bound to the local port.
 */
static bool
is_free(struct stack *stack, const struct ends *e)
{
	return conn_pcb(stack, e) == NULL &&
	    (above.local_port_free == NULL ||
		above.local_port_free(stack, &e->local, e->local_port));
}

/*
 * Gives PCB a local port for a connection between E.  False: all are taken.
 * Ports go round, so that one in TIME-WAIT which is used again is the oldest.
 */
static bool
choose_port(struct tcp_pcb *pcb, struct ends *e)
{
	unsigned i;

	for (i = 0; pcb->local_port == 0 && i < PORTS; i++) {
		e->local_port = (uint16_t)(PORT_FIRST + next_port++ % PORTS);
		if (is_free(pcb->stack, e))
			pcb->local_port = e->local_port;
	}
	return pcb->local_port != 0;
}

/*
 * The same by the library's lists, where its own functions are used.
 */
static bool
choose_by_lists(struct tcp_pcb *pcb)
{
	unsigned i;

	for (i = 0; pcb->local_port == 0 && i < PORTS; i++)
		tcp_bind(pcb, &pcb->local_ip,
		    (uint16_t)(PORT_FIRST + next_port++ % PORTS));
	return pcb->local_port != 0;
}

/*
 * The first number of a connection between E.  What is left of one before it
 * ends, and the new one is beyond all that it has sent: RFC 6191, 2, where
 * there are no timestamps.
 */
static uint32_t
first_number(struct stack *stack, const struct ends *e)
{
	struct time_wait *tw = time_wait_of(conn_find(stack, e));
	uint32_t iss = isn_new(e);

	if (tw == NULL)
		return iss;
	if (!seq_before(tw->snd_nxt + FAR, iss))
		iss = tw->snd_nxt + FAR;
	time_wait_drop(stack, tw);
	return iss;
}

/* Replaces the library's: PCB, with a local port or without, connects. */
EXPORT err_t
OURS(tcp_connect)(struct tcp_pcb *pcb, struct ip_addr *ip, uint16_t port,
    err_t (*connected)(void *, struct tcp_pcb *, err_t))
{
	struct ends e = { .remote_port = port };
	bool ours = switch_group_on("recover");
	err_t err;

	pthread_once(&once, begin);
	if (ip == NULL)
		return ERR_VAL;
	e.remote = *ip;
	if (ours && ip_is_any(&pcb->local_ip) &&
	    ip_route_from(pcb->stack, ip, NULL, &pcb->local_ip) != 0)
		return ERR_RTE;
	e.local = pcb->local_ip;
	if (!(ours ? choose_port(pcb, &e) : choose_by_lists(pcb)))
		return ERR_USE;
	e.local_port = pcb->local_port;
	if (ours && conn_pcb(pcb->stack, &e) != NULL)
		return ERR_USE;
	isn_set(ours ? first_number(pcb->stack, &e) : isn_new(&e));
	/* Its first number is on a scale of its own. */
	pcb->snd_max = answer.iss - 1;
	pcb->snd_wl2 = answer.iss - 1;
	err = real()->tcp_connect(pcb, ip, port, connected);
	isn_clear();
	if (ours && conn_of(pcb) == NULL && err == ERR_OK)
		err = ERR_MEM;
	return err;
}
