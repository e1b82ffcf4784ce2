/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * udp.c - UDP that leaves the stack through sockets of the host
 *
 * DOC: The faults: see flow.c; besides, an error of the host's is told to IPv6
 * clients only, by what is no packet, and what is larger than the buffers of the
 * host's socket is taken for its end.
 *
 * The cure: a client's port and the port that it sends to are a flow, with a
 * socket of the host that is connected there, so that nobody else answers.  An
 * error of the host's becomes an ICMP error about the datagram that was sent
 * last.  A flow ends when it was not used for IDLE_MS, or IDLE_DNS_MS after an
 * answer of a name server, whose flows are used once.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/net_bytes.h"
#include "stack/lwipv6/packet.h"
#include "stack/lwipv6/slirp/slirp.h"
#include "stack/lwipv6/threads/threads.h"

#define IDLE_MS 240000
#define IDLE_DNS_MS 10000
#define DNS_PORT 53
#define DATAGRAM_MAX 65507u
#define BUDGET 16 /* datagrams in a row */
#define UDP_HLEN 8

void udp_remove(struct udp_pcb *);
err_t udp_sendto(struct udp_pcb *, struct pbuf *, struct ip_addr *, uint16_t);

static void udp_io(struct netif_fddata *fd, short revents);

static struct flow *
flow_of(const struct udp_pcb *pcb)
{
	struct netif_fddata *fd = pcb->slirp;

	return fd != NULL && fd->fun == udp_io ? fd->opaque : NULL;
}

/* Ends F and the stack's side of it. */
static void
end(struct flow *f)
{
	struct udp_pcb *pcb = f->udp;

	flow_free(f);
	pcb->slirp = NULL;
	udp_remove(pcb);
}

void
slirp_udp_evict(struct flow *f)
{
	end(f);
}

/* Tells the client of F that its last datagram failed by ERROR. */
static void
tell(struct flow *f, int error)
{
	struct stack *stack = f->fd->netif->stack;
	struct pbuf *p;

	if (f->quoted == 0 ||
	    (p = pbuf_alloc(PBUF_RAW, (uint16_t)f->quoted, PBUF_RAM)) == NULL)
		return;
	memcpy(p->payload, f->quote, f->quoted);
	icmp_dest_unreach(stack, p,
	    error == ECONNREFUSED     ? ICMP_FOR_PORT :
		error == EHOSTUNREACH ? ICMP_FOR_HOST :
					ICMP_FOR_NET);
	pbuf_free(p);
}

/* Whether ERROR says that a datagram did not arrive. */
static bool
is_told(int error)
{
	return error == ECONNREFUSED || error == EHOSTUNREACH ||
	    error == ENETUNREACH;
}

/* Passes on one datagram of the host's.  False: there is none. */
static bool
receive(struct flow *f)
{
	uint8_t buf[DATAGRAM_MAX]; /* a stack's thread has megabytes */
	struct udp_pcb *pcb = f->udp;
	struct pbuf *p;
	ssize_t n;

	n = recv(f->fd->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n == -1) {
		if (is_told(errno))
			tell(f, errno);
		return errno == EINTR;
	}
	flow_used(f, FLOW_UDP);
	f->until_ms = flow_now_ms() +
	    (pcb->local_port == DNS_PORT ? IDLE_DNS_MS : IDLE_MS);
	if (!(f->fd->netif->flags & NETIF_FLAG_UP) ||
	    (p = pbuf_alloc(PBUF_TRANSPORT, (uint16_t)n, PBUF_RAM)) == NULL)
		return true;
	memcpy(p->payload, buf, (size_t)n);
	udp_sendto(pcb, p, &pcb->remote_ip, pcb->remote_port);
	pbuf_free(p);
	return true;
}

/* Called by threads/fds.c: something happened, or with 0 a second is over. */
static void
udp_io(struct netif_fddata *fd, short revents)
{
	struct flow *f = fd->opaque;
	int i;

	if (f == NULL)
		return;
	for (i = 0; revents != 0 && i < BUDGET && receive(f); i++)
		continue;
	if (flow_now_ms() > f->until_ms)
		end(f);
}

/*
 * Replaces the library's: PCB was made for a datagram, the first one of its
 * flow, to where PCB is bound.
 */
EXPORT int
OURS(slirp_udp_bind)(struct udp_pcb *pcb, struct netif *netif, int flags)
{
	struct sockaddr_storage a;
	socklen_t len = slirp_address(&pcb->local_ip, pcb->local_port, &a);
	struct flow *f;
	int fd;

	(void)flags;
	pcb->slirp = NULL; /* the library takes that for an error */
	if ((fd = slirp_socket(&pcb->local_ip, SOCK_DGRAM)) == -1 ||
	    (f = flow_new(netif, FLOW_UDP, fd, udp_io, POLLIN)) == NULL)
		return 0;
	/* Where there is no route slirp_udp_recv() finds out, and tells. */
	(void)connect(fd, (struct sockaddr *)&a, len);
	f->udp = pcb;
	f->until_ms = flow_now_ms() + IDLE_MS;
	pcb->slirp = f->fd;
	return 0;
}

/* Remembers the headers of the datagram at whose data P is. */
static void
remember(struct flow *f, const struct pbuf *p, bool v4)
{
	unsigned n = (v4 ? 20u : 40u) + UDP_HLEN;
	const uint8_t *ip = (const uint8_t *)p->payload - n;
	const uint8_t *begin = (const uint8_t *)(p + 1);

	f->quoted = 0;
	/* The data of a buffer follows its head; options are not searched. */
	if (ip < begin || ip - begin > 256 || ip[0] != (v4 ? 0x45 : 0x60) ||
	    (v4 ? ip[9] : ip[6]) != 17)
		return;
	memcpy(f->quote, ip, n);
	f->quoted = n;
}

/* Replaces the library's: P came for PCB. */
EXPORT void
OURS(slirp_udp_recv)(void *arg, struct udp_pcb *pcb, struct pbuf *p,
    struct ip_addr *from, uint16_t port)
{
	struct flow *f = flow_of(pcb);
	struct sockaddr_storage a;
	struct msghdr m = { .msg_name = &a };
	struct iovec iov[64];
	struct pbuf *q;
	ssize_t sent;

	(void)arg;
	(void)from;
	(void)port;
	if (f == NULL || !(f->fd->netif->flags & NETIF_FLAG_UP))
		goto out;
	flow_used(f, FLOW_UDP);
	f->until_ms = flow_now_ms() + IDLE_MS;
	remember(f, p, ip_is_v4(&pcb->local_ip));
	m.msg_namelen = slirp_address(&pcb->local_ip, pcb->local_port, &a);
	m.msg_iov = iov;
	for (q = p; q != NULL && m.msg_iovlen < 64; q = q->next)
		iov[m.msg_iovlen++] = (struct iovec){ q->payload, q->len };
	if (q != NULL)
		goto out;
	sent = sendmsg(f->fd->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	/* An error of the datagram before this one is told first. */
	if (sent == -1 && errno == ECONNREFUSED) {
		tell(f, errno);
		sent = sendmsg(f->fd->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	if (sent == -1 && is_told(errno))
		tell(f, errno);
out:
	pbuf_free(p);
}
