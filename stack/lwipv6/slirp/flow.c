/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow.c - the sockets of the host that a slirp interface uses
 *
 * DOC: The faults: the library hands on the number of a new socket as a signed
 * char: 128 becomes -128, 256 becomes 0.  Nothing limits how many there are.
 * What it does with a connection that fails, and with its end, see tcp.c.
 *
 * How they are seen: after 60 TCP connections or 180 datagrams to different
 * ports a gateway reads, writes and closes descriptors that are not slirp's: its
 * control socket, the bus file, standard error.
 *
 * The cure: sockets are opened here.  A stack has at most as many flows as
 * flows_max() says; half of them may be TCP's, half UDP's, so that neither keeps
 * the other out.  Where one more is wanted, the UDP flow that was used least
 * recently gives way, or the TCP connection that has waited longest for the
 * host; connections that are open do not.  The last descriptors of the process
 * are left to others.  (Forwarded ports get their sockets from the library's
 * function still, which slirp_ctl() has replaced: one whose number does not fit
 * is not used.)
 *
 * Two designs were looked at: to move sockets to numbers below 128, which are
 * few and needed by others, and this.
 */
#include <sys/resource.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "stack/lwipv6/slirp/slirp.h"
#include "stack/lwipv6/threads/threads.h"

#define FLOWS_MAX 1024u /* of a stack */
#define FLOWS_MIN 16u
#define SPARED 64u /* descriptors that are left to others */
#define EACH 2u	   /* descriptors of a flow: see threads/fds.c */

TAILQ_HEAD(flow_list, flow);

/* The flows of one stack. */
struct flows {
	struct flows *next;
	const struct stack *stack;
	struct flow_list list[FLOW_KINDS];
	unsigned n[FLOW_KINDS];
};

static struct flows *all; /* entries are added and removed under LOCK */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct flows *
flows_find(const struct stack *stack)
{
	struct flows *f;

	pthread_mutex_lock(&lock);
	for (f = all; f != NULL && f->stack != stack; f = f->next)
		continue;
	pthread_mutex_unlock(&lock);
	return f;
}

/* The same; made where there is none.  NULL: no memory. */
static struct flows *
flows_get(const struct stack *stack)
{
	struct flows *f = flows_find(stack);
	int i;

	if (f != NULL || (f = calloc(1, sizeof(*f))) == NULL)
		return f;
	f->stack = stack;
	for (i = 0; i < FLOW_KINDS; i++)
		TAILQ_INIT(&f->list[i]);
	pthread_mutex_lock(&lock);
	f->next = all;
	all = f;
	pthread_mutex_unlock(&lock);
	return f;
}

/* How many descriptors the process may have. */
static unsigned
fds_max(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur > INT32_MAX)
		return INT32_MAX;
	return (unsigned)r.rlim_cur;
}

static unsigned
flows_max(void)
{
	unsigned fds = fds_max();
	unsigned n = fds > SPARED ? (fds - SPARED) / (EACH + 1) : 0;

	return n < FLOWS_MIN ? FLOWS_MIN : n > FLOWS_MAX ? FLOWS_MAX : n;
}

/* Ends a flow that gives way to one of KIND.  False: there is none. */
static bool
evict(struct flows *all_of, enum flow_kind kind)
{
	enum flow_kind from = kind == FLOW_UDP ? FLOW_UDP : FLOW_CONNECTING;
	struct flow *f = TAILQ_FIRST(&all_of->list[from]);

	if (f == NULL)
		return false;
	if (from == FLOW_UDP)
		slirp_udp_evict(f);
	else
		slirp_tcp_evict(f);
	return true;
}

/* Whether there is room for one more of KIND, made where it has to be. */
static bool
make_room(struct flows *all_of, enum flow_kind kind)
{
	const unsigned *n = all_of->n;
	unsigned used = kind == FLOW_UDP ? n[FLOW_UDP] :
					   n[FLOW_CONNECTING] + n[FLOW_OPEN];

	return used < flows_max() / 2 || evict(all_of, kind);
}

int
slirp_socket(const struct ip_addr *ip, int type)
{
	int fd = socket(ip_is_v4(ip) ? AF_INET : AF_INET6,
	    type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd != -1 && (unsigned)fd + SPARED > fds_max()) {
		close(fd);
		fd = -1;
		errno = EMFILE;
	}
	return fd;
}

socklen_t
slirp_address(const struct ip_addr *ip, uint16_t port,
    struct sockaddr_storage *a)
{
	struct sockaddr_in *a4 = (struct sockaddr_in *)a;
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)a;

	memset(a, 0, sizeof(*a));
	if (ip_is_v4(ip)) {
		a4->sin_family = AF_INET;
		a4->sin_port = htons(port);
		memcpy(&a4->sin_addr, &ip->addr[3], sizeof(a4->sin_addr));
		return sizeof(*a4);
	}
	a6->sin6_family = AF_INET6;
	a6->sin6_port = htons(port);
	memcpy(&a6->sin6_addr, ip, sizeof(a6->sin6_addr));
	return sizeof(*a6);
}

struct flow *
flow_adopt(struct netif_fddata *fd, enum flow_kind kind,
    void (*fun)(struct netif_fddata *, short))
{
	struct flows *all_of = flows_get(fd->netif->stack);
	struct flow *f;

	if (all_of == NULL || (f = calloc(1, sizeof(*f))) == NULL)
		return NULL;
	f->fd = fd;
	fd->opaque = f;
	fd->fun = fun;
	f->all = all_of;
	f->kind = kind;
	TAILQ_INSERT_TAIL(&all_of->list[kind], f, entry);
	all_of->n[kind]++;
	return f;
}

struct flow *
flow_new(struct netif *netif, enum flow_kind kind, int fd,
    void (*fun)(struct netif_fddata *, short), short events)
{
	struct flows *all_of = flows_get(netif->stack);
	struct netif_fddata *data = NULL;
	struct flow *f = NULL;

	if (all_of != NULL && make_room(all_of, kind))
		data = netif_addfd(netif, fd, fun, NULL, FDDATA_EACH_SECOND,
		    events);
	if (data != NULL)
		f = flow_adopt(data, kind, fun);
	if (f == NULL)
		close(fd); /* and it is watched no longer */
	return f;
}

void
flow_used(struct flow *f, enum flow_kind kind)
{
	TAILQ_REMOVE(&f->all->list[f->kind], f, entry);
	f->all->n[f->kind]--;
	f->kind = kind;
	f->all->n[kind]++;
	TAILQ_INSERT_TAIL(&f->all->list[kind], f, entry);
}

void
flow_free(struct flow *f)
{
	TAILQ_REMOVE(&f->all->list[f->kind], f, entry);
	f->all->n[f->kind]--;
	f->fd->opaque = NULL;
	close(f->fd->fd); /* threads/fds.c notices, and frees f->fd */
	netif_thread_wake(f->fd->netif->stack);
	if (f->to_host != NULL)
		pbuf_free(f->to_host);
	free(f->to_client);
	free(f);
}

void
flow_events(struct flow *f, short events)
{
	if (f->fd->events == events)
		return;
	__atomic_store_n(&f->fd->events, events, __ATOMIC_RELAXED);
	netif_thread_wake(f->fd->netif->stack);
}

int64_t
flow_now_ms(void)
{
	return (int64_t)(now_ns() / 1000000);
}

void
slirp_end(struct stack *stack)
{
	struct flows *f = flows_find(stack), **p;
	struct flow *one;
	int i;

	if (f == NULL)
		return;
	for (i = 0; i < FLOW_KINDS; i++)
		while ((one = TAILQ_FIRST(&f->list[i])) != NULL)
			/* NOLINTNEXTLINE(*.Malloc): it was taken off */
			flow_free(one);
	pthread_mutex_lock(&lock);
	for (p = &all; *p != f;)
		p = &(*p)->next;
	*p = f->next;
	pthread_mutex_unlock(&lock);
	free(f);
}

/* ---- the library's own sockets ------------------------------------------ */

enum { NETIFCTL_DGRAM = 0x100, NETIFCTL_STREAM = 0x101 };

static err_t (*their_ctl)(struct netif *, int, void *);

/* netif.netifctl of a slirp interface: a socket's number has to fit err_t. */
static err_t
slirp_ctl(struct netif *netif, int request, void *arg)
{
	int fd;

	if (request == NETIFCTL_CLEANUP)
		return their_ctl(netif, request, arg);
	if (request != NETIFCTL_STREAM && request != NETIFCTL_DGRAM)
		return ERR_OK;
	fd = socket(AF_INET6,
	    (request == NETIFCTL_STREAM ? SOCK_STREAM : SOCK_DGRAM) |
		SOCK_CLOEXEC,
	    0);
	if (fd > INT8_MAX) {
		close(fd);
		fd = -1;
	}
	return (err_t)fd;
}

/* Replaces the library's, which has an interface made. */
EXPORT err_t
OURS(slirpif_init)(struct netif *netif)
{
	err_t err = real()->slirpif_init(netif);

	if (err == ERR_OK) {
		their_ctl = netif->netifctl;
		netif->netifctl = slirp_ctl;
	}
	return err;
}
