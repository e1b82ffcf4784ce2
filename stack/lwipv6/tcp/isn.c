/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * isn.c - a new connection is not taken for an old one
 *
 * DOC: The faults: every process begins with the same local port (4097) and
 * with initial sequence numbers that count from 6510 by the stack's ticks.  A
 * connection in TIME-WAIT answers a new SYN as if it were an old segment.
 *
 * How they are seen: a client runs, ends, and is started again within two
 * minutes: it has the address, port and sequence number of the connection that
 * its server still keeps in TIME-WAIT, and cannot connect.
 *
 * The cure, all three of it:
 *   - local ports go up from a random one (RFC 6056, 3.3.3), those of RFC
 *     6335's dynamic range, and another one each time while there are any;
 *   - initial sequence numbers grow by one each four microseconds (RFC 9293,
 *     3.4.1) on from a number that all processes of this machine have in
 *     common, for as long as it runs (its boot id), so that the next process
 *     goes on where the last one was;
 *   - a SYN beyond what was received ends TIME-WAIT (screen.c).
 *
 * One more, since it is the same place: the answer to a SYN is acknowledged by
 * a timer, up to 250 ms later; where the server speaks first every connection
 * waits for that.  Here it is acknowledged at once.
 *
 * That is done around tcp_input(): see input.c.
 *
 * The library asks twice for the number of one connection and takes it that
 * the second is not the smaller one.
 */
#include <sys/random.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stack/lwipv6/tcp/tcp.h"

#define PORT_FIRST 49152u
#define PORTS 16384u
#define TRIES 256
#define FLAG_SYN 0x02
#define FLAG_RST 0x04
#define FLAG_ACK 0x10

static uint32_t base;	      /* of sequence numbers */
static atomic_uint next_port; /* from PORT_FIRST on, modulo PORTS */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Chooses where ports and numbers begin. */
static void
begin(void)
{
	char id[64] = "";
	uint32_t start, h = 2166136261u; /* FNV-1a */
	ssize_t n = 0, i;
	int fd;

	if (getrandom(&start, sizeof(start), 0) != (ssize_t)sizeof(start))
		start = (uint32_t)time(NULL) * 7919u + (uint32_t)getpid();
	next_port = start;
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		n = read(fd, id, sizeof(id));
		close(fd);
	}
	for (i = 0; i < n; i++)
		h = (h ^ (uint8_t)id[i]) * 16777619u;
	base = h;
}

/* Replaces the library's: the initial sequence number of a connection. */
EXPORT uint32_t
OURS(tcp_next_iss)(struct stack *stack)
{
	struct timespec t;

	(void)stack;
	pthread_once(&once, begin);
	clock_gettime(CLOCK_MONOTONIC, &t);
	return base + (uint32_t)t.tv_sec * 250000u +
	    (uint32_t)(t.tv_nsec / 4000);
}

/* Replaces the library's: PCB, with a local port or without, connects. */
EXPORT err_t
OURS(tcp_connect)(struct tcp_pcb *pcb, struct ip_addr *ip, uint16_t port,
    err_t (*connected)(void *, struct tcp_pcb *, err_t))
{
	int i;

	pthread_once(&once, begin);
	for (i = 0; pcb->local_port == 0 && i < TRIES; i++)
		tcp_bind(pcb, &pcb->local_ip,
		    (uint16_t)(PORT_FIRST + next_port++ % PORTS));
	return real()->tcp_connect(pcb, ip, port, connected);
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
