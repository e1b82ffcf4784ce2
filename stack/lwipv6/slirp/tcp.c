/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp.c - TCP connections that leave the stack through sockets of the host
 *
 * DOC: The faults: when connect() fails at once the library frees the SYN and
 * the listener twice, and goes on watching the socket of what it has freed.
 * What follows the FIN of one side is lost, since it takes that for the end of
 * both.  Data that the host has not taken yet when the connection ends is lost
 * as well.
 *
 * How they are seen: one connection to where the host has no route kills the
 * gateway.  A client that ends its request by shutdown() waits for ever.
 *
 * The cure: the library still finds out that a segment is for slirp, makes a
 * listener for a SYN and calls slirp_tcp_fconnect(); what follows is done here.
 *
 *	CONNECTING --host answers--> OPEN --both ended--> (gone)
 *	    |                          |
 *	    +--host refuses: RST or ICMP error to the client
 *
 * While connecting the flow has the listener, which keeps the SYN.  When the
 * host has answered the SYN is given to the library once more, which makes the
 * connection of it and calls slirp_tcp_update_listen2data().  What the client
 * sends meanwhile, as the same SYN again, does not come here (tcp/input.c).
 *
 * Once open, bytes go both ways, with no more kept here than the client's window
 * (TO_HOST) and one read (TO_CLIENT).  The end of each direction is passed on
 * when all before it was.  When the stack's side is gone and TO_HOST is not
 * empty yet, the flow goes on alone for LINGER_MS at most.
 *
 * Nothing is aborted within a callback of tcp_input(), which goes on using the
 * connection: the socket is watched instead, and reports the error once more.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/packet.h"
#include "stack/lwipv6/slirp/slirp.h"
#include "stack/lwipv6/threads/threads.h"

#define CONNECT_MS 60000
#define LINGER_MS 60000
#define READ_MAX 16384u
#define SLIRP_NOFD 1u /* of slirp_state: no socket yet */

int ip_build_piphdr(void *pseudo, struct pbuf *p, struct ip_addr *src4,
    struct ip_addr *dst4);
void pbuf_cat(struct pbuf *, struct pbuf *);

/* The library's struct pseudo_iphdr. */
struct pseudo {
	uint8_t version;
	uint16_t hlen, proto;
	struct ip_addr *src, *dst;
};

static void tcp_io(struct netif_fddata *fd, short revents);

/* The flow of PCB, or NULL. */
static struct flow *
flow_of(const struct tcp_pcb *pcb)
{
	struct netif_fddata *fd = pcb->slirp;

	return fd != NULL && fd->fun == tcp_io ? fd->opaque : NULL;
}

/* Ends F, and has the host see a reset. */
static void
reset_host(struct flow *f)
{
	const struct linger now = { .l_onoff = 1 };

	setsockopt(f->fd->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	flow_free(f);
}

/* Ends F, and resets the client.  Not within tcp_input(). */
static void
reset_client(struct flow *f)
{
	struct tcp_pcb *pcb = f->tcp;

	if (pcb != NULL) {
		pcb->slirp = NULL;
		f->tcp = NULL;
	}
	reset_host(f);
	if (pcb != NULL)
		tcp_abort(pcb);
}

/* ---- while the host connects -------------------------------------------- */

/* Tells the sender of SYN, a packet, that connecting failed by ERROR. */
static void
refuse(struct stack *stack, struct pbuf *syn, int error)
{
	const uint8_t *ip = syn->payload, *tcp;
	struct ip_addr src = ip_sender(ip), dst = ip_target(ip);

	tcp = ip + (ip[0] >> 4 == 4 ? (ip[0] & 15u) * 4u : 40u);
	switch (error) {
	case ENETUNREACH:
	case ENETDOWN:
		icmp_dest_unreach(stack, syn, ICMP_FOR_NET);
		break;
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ETIMEDOUT:
		icmp_dest_unreach(stack, syn, ICMP_FOR_HOST);
		break;
	default:
		tcp_rst(stack, 0, be32(tcp + 4) + 1, &dst, &src,
		    (uint16_t)be16(tcp + 2), (uint16_t)be16(tcp));
		break;
	}
}

/* LISTENER ends, since connecting failed by ERROR; 0: nobody is told. */
static void
end_listener(struct tcp_pcb *listener, int error)
{
	struct stack *stack = listener->stack;
	struct pbuf *syn = LISTENER_SYN(listener);

	LISTENER_SYN(listener) = NULL;
	listener->slirp = NULL;
	tcp_close(listener);
	if (syn == NULL)
		return;
	if (error != 0)
		refuse(stack, syn, error);
	pbuf_free(syn);
}

/* F, which connects, ends by ERROR. */
static void
fail(struct flow *f, int error)
{
	struct tcp_pcb *listener = f->listener;

	f->listener = NULL;
	flow_free(f);
	end_listener(listener, error);
}

void
slirp_tcp_evict(struct flow *f)
{
	fail(f, 0);
}

/* The host has answered: the SYN is what the library goes on with. */
static void
connected(struct flow *f)
{
	struct tcp_pcb *listener = f->listener;
	struct netif *netif = f->fd->netif;
	struct stack *stack = netif->stack;
	struct ip_addr src4, dst4;
	struct ip_addr_list *to;
	struct pseudo pseudo;
	struct pbuf *syn;

	flow_used(f, FLOW_OPEN);
	f->until_ms = 0;
	flow_events(f, 0);
	syn = LISTENER_SYN(listener);
	LISTENER_SYN(listener) = NULL;
	if ((to = ip_addr_list_alloc(stack)) == NULL) {
		pbuf_free(syn);
		fail(f, 0);
		return;
	}
	ip_build_piphdr(&pseudo, syn, &src4, &dst4);
	memset(to, 0, sizeof(*to));
	to->netif = netif;
	to->ipaddr = *pseudo.dst;
	f->listener = NULL; /* the library frees it, whatever becomes of SYN */
	tcp_input(syn, to, &pseudo, netif);
	ip_addr_list_free(stack, to);
	if (f->tcp == NULL)
		flow_free(f); /* there was no memory for a connection */
}

/* Looks what became of connecting. */
static void
connecting_io(struct flow *f)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(f->fd->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	if (error != 0)
		fail(f, error);
	else if (getpeername(f->fd->fd, (struct sockaddr *)&peer, &len) == 0)
		connected(f);
	else if (flow_now_ms() > f->until_ms)
		fail(f, ETIMEDOUT);
}

/*
 * Replaces the library's: LISTENER was made for a SYN, which it keeps, to DST
 * and PORT by NETIF.  Returns 0: the library is done with it.
 */
EXPORT int
OURS(slirp_tcp_fconnect)(struct tcp_pcb *listener, uint16_t port,
    struct ip_addr *dst, struct netif *netif)
{
	struct sockaddr_storage a;
	socklen_t len;
	struct flow *f;
	int fd, error;

	listener->slirp_state |= SLIRP_NOFD;
	if (!(netif->flags & NETIF_FLAG_UP)) {
		end_listener(listener, ENETUNREACH);
		return 0;
	}
	if ((fd = slirp_socket(dst, SOCK_STREAM)) == -1 ||
	    (f = flow_new(netif, FLOW_CONNECTING, fd, tcp_io, POLLOUT)) ==
		NULL) {
		end_listener(listener, 0); /* it is tried again */
		return 0;
	}
	len = slirp_address(dst, port, &a);
	error = connect(fd, (struct sockaddr *)&a, len) == 0 ? 0 : errno;
	if (error != 0 && error != EINPROGRESS) {
		flow_free(f);
		end_listener(listener, error);
		return 0;
	}
	f->listener = listener;
	f->until_ms = flow_now_ms() + CONNECT_MS;
	listener->slirp = f->fd;
	listener->slirp_state &= ~SLIRP_NOFD;
	return 0;
}

/*
 * Replaces the library's: PCB was made of the listener that has its socket, or
 * for a port that is forwarded.  Also called for connections that are not
 * slirp's.
 */
EXPORT void
OURS(slirp_tcp_update_listen2data)(struct tcp_pcb *pcb)
{
	struct netif_fddata *fd = pcb->slirp;
	struct flow *f = flow_of(pcb);

	if (fd == NULL)
		return;
	if (f == NULL && (f = flow_adopt(fd, FLOW_OPEN, tcp_io)) == NULL)
		return;
	f->tcp = pcb;
	flow_events(f, POLLIN);
}

/* ---- from the client to the host ---------------------------------------- */

/* Takes N bytes off the chain P.  Returns what is left; NULL: nothing. */
static struct pbuf *
take_off(struct pbuf *p, size_t n)
{
	struct pbuf *next;

	while (p != NULL && n >= p->len) {
		n -= p->len;
		next = p->next;
		if (next != NULL)
			pbuf_ref(next);
		pbuf_free(p);
		p = next;
	}
	if (p != NULL && n > 0)
		pbuf_header(p, (int16_t) - (int)n);
	return p;
}

/* Writes what there is.  0, EAGAIN or what failed. */
static int
write_host(struct flow *f)
{
	ssize_t n;

	while (f->to_host != NULL) {
		n = send(f->fd->fd, f->to_host->payload, f->to_host->len,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1)
			return errno == EINTR ? EAGAIN : errno;
		if (f->tcp != NULL)
			tcp_recved(f->tcp, (uint16_t)n);
		f->to_host = take_off(f->to_host, (size_t)n);
	}
	if (f->client_fin && !f->shut) {
		shutdown(f->fd->fd, SHUT_WR);
		f->shut = true;
	}
	return 0;
}

/* The same, and waits for the rest. */
static int
push_host(struct flow *f)
{
	int error = write_host(f);

	flow_events(f,
	    (short)((f->fd->events & ~POLLOUT) | (error != 0 ? POLLOUT : 0)));
	return error == EAGAIN ? 0 : error;
}

/*
 * Replaces the library's: P came in order, or with NULL a FIN, for PCB.  From
 * within tcp_input().
 */
EXPORT err_t
OURS(slirp_tcp_recv)(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct flow *f = flow_of(pcb);

	(void)arg;
	(void)err;
	if (f == NULL) {
		if (p != NULL)
			pbuf_free(p);
		return ERR_OK;
	}
	if (p == NULL)
		f->client_fin = true;
	else if (f->to_host == NULL)
		f->to_host = p;
	else
		pbuf_cat(f->to_host, p);
	if (f->kind == FLOW_OPEN)
		push_host(f); /* what fails is reported by the socket */
	return ERR_OK;
}

/* ---- from the host to the client ---------------------------------------- */

/* Hands on what was read, and the end.  Returns whether more can be read. */
static bool
write_client(struct flow *f)
{
	struct tcp_pcb *pcb = f->tcp;

	if (f->client_len > 0) {
		if (tcp_write(pcb, f->to_client, f->client_len, 1) != ERR_OK)
			return false;
		f->client_len = 0;
		tcp_output(pcb);
	}
	/*
	 * The library takes an acknowledgement of all that was sent for one of
	 * the FIN, though that may wait behind data yet: nothing may.
	 */
	if (f->host_fin && !f->closed && pcb->unsent == NULL &&
	    pcb->unacked == NULL)
		f->closed = tcp_close(pcb) == ERR_OK;
	return !f->host_fin && pcb->snd_buf > 0;
}

/* Reads what the client has room for.  0 or what failed. */
static int
read_host(struct flow *f)
{
	ssize_t n;
	size_t most;

	while (write_client(f)) {
		most = f->tcp->snd_buf < READ_MAX ? f->tcp->snd_buf : READ_MAX;
		if (f->to_client == NULL &&
		    (f->to_client = malloc(READ_MAX)) == NULL)
			return ENOMEM;
		n = recv(f->fd->fd, f->to_client, most, MSG_DONTWAIT);
		if (n == -1)
			return errno == EAGAIN || errno == EINTR ? 0 : errno;
		f->client_len = (uint16_t)n;
		f->host_fin = n == 0;
	}
	/* Until sent() there is no room, or nothing more comes. */
	flow_events(f, (short)(f->fd->events & ~POLLIN));
	return 0;
}

/* Replaces the library's: the peer of PCB has acknowledged something. */
EXPORT err_t
OURS(slirp_tcp_sent)(void *arg, struct tcp_pcb *pcb, uint16_t len)
{
	struct flow *f = flow_of(pcb);

	(void)arg;
	(void)len;
	if (f != NULL && f->kind == FLOW_OPEN && !f->closed && write_client(f))
		flow_events(f, (short)(f->fd->events | POLLIN));
	return ERR_OK;
}

/* ---- both ---------------------------------------------------------------- */

/* An event of the socket of an open connection. */
static void
open_io(struct flow *f, short revents)
{
	int error = 0;

	if (revents & POLLOUT)
		error = push_host(f);
	if (error == 0 && (revents & POLLIN) && f->tcp != NULL)
		error = read_host(f);
	if (error != 0) {
		reset_client(f);
		return;
	}
	if (f->tcp != NULL && f->host_fin && !f->closed)
		write_client(f); /* there was no room for the FIN */
	if (f->tcp == NULL &&
	    (f->to_host == NULL || flow_now_ms() > f->until_ms))
		flow_free(f);
}

/* Called by threads/fds.c: something happened, or with 0 a second is over. */
static void
tcp_io(struct netif_fddata *fd, short revents)
{
	struct flow *f = fd->opaque;

	if (f == NULL)
		return;
	if (f->kind == FLOW_CONNECTING)
		connecting_io(f);
	else
		open_io(f, revents);
}

/* Replaces the library's: PCB is at its end. */
EXPORT void
OURS(slirp_tcp_close)(struct tcp_pcb *pcb)
{
	struct stack *stack = pcb->stack;
	struct flow *f = flow_of(pcb);

	if (f == NULL) {
		real()->slirp_tcp_close(pcb);
		netif_thread_wake(stack);
		return;
	}
	pcb->slirp = NULL;
	f->tcp = NULL;
	if (!f->client_fin && !f->host_fin) {
		reset_host(f); /* it was reset, or given up */
	} else if (f->to_host == NULL || write_host(f) != EAGAIN) {
		flow_free(f);
	} else {
		f->until_ms = flow_now_ms() + LINGER_MS;
		flow_events(f, POLLOUT);
	}
}
