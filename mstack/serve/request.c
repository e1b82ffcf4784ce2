/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.c - what a supervisor may ask for
 */
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "mstack/serve/serve.h"

/* One request being done; what is not said is 0. */
struct turn {
	struct session *s;
	const struct mstack_request *q;
	const struct sockaddr *addr; /* NULL where there is none */
	const uint8_t *data;
	struct msock *m;
	int fd; /* that came with it, or -1; who uses it sets this to -1 */

	struct mstack_reply r;
	struct sockaddr_storage out_addr;
	uint8_t *out_data;
	int out_fd;    /* or -1; is closed after it was sent */
	bool out_pair; /* our end of M's pair goes, too */
	bool later;    /* the reply comes later */
};

/* What Linux says of a type that there is not. */
static int
wrong_kind(const int kind[3])
{
	if (kind[1] < 0 || kind[1] > SOCK_PACKET)
		return EINVAL;
	if ((kind[0] != AF_INET && kind[0] != AF_INET6) ||
	    kind[1] == SOCK_STREAM || kind[1] == SOCK_DGRAM ||
	    kind[1] == SOCK_RAW)
		return 0;
	return kind[2] < 0 || kind[2] > IPPROTO_MAX ? EINVAL : ESOCKTNOSUPPORT;
}

static int
do_socket(struct turn *t)
{
	struct server *sv = t->s->sv;
	const int kind[3] = { t->q->arg[0], t->q->arg[1], t->q->arg[2] };
	struct msock *m;
	int error, sock;

	if ((error = wrong_kind(kind)) != 0)
		return error;
	error = sv->ops->open(sv->stack, kind[0], kind[1], kind[2], &sock);
	if (error == 0)
		error = msock_new(sv, t->s, sock, kind, &m, &t->out_fd);
	if (error != 0)
		return error;
	msock_own(m, t->q->sock <= INT_MAX ? (int)t->q->sock : 0);
	t->r.sock = m->inode;
	t->m = m;
	t->out_pair = !m->stream;
	return 0;
}

/* Whether M has a port already, be it only because it has sent something. */
static bool
has_port(const struct msock *m)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof(a);

	if ((m->domain != AF_INET && m->domain != AF_INET6) ||
	    (m->type != SOCK_STREAM && m->type != SOCK_DGRAM))
		return false;
	/* It is at the same place in the addresses of both. */
	return m->sv->ops->name(m->sock, false, (struct sockaddr *)&a, &len) ==
	    0 &&
	    ((const struct sockaddr_in *)&a)->sin_port != 0;
}

/* The least that an address of M's family has; Linux asks for it first. */
static socklen_t
least_address(const struct msock *m)
{
	/* Without the scope, as RFC 2133 had it. */
	if (m->domain == AF_INET6)
		return offsetof(struct sockaddr_in6, sin6_scope_id);
	return m->domain == AF_INET ? sizeof(struct sockaddr_in) : 0;
}

static int
do_bind(struct turn *t)
{
	struct server *sv = t->s->sv;
	int error;

	if (t->addr == NULL || t->q->addrlen < least_address(t->m) ||
	    (has_port(t->m) && t->addr->sa_family == t->m->domain))
		return EINVAL;
	error = sv->ops->bind(t->m->sock, t->addr, t->q->addrlen);
	if (error == EADDRINUSE) {
		/* Perhaps a socket has it that was closed just now. */
		serve_catch_up(sv);
		error = sv->ops->bind(t->m->sock, t->addr, t->q->addrlen);
	}
	return error;
}

static int
do_connect(struct turn *t)
{
	bool waits = t->q->arg[0] == 0;
	int error, held = t->fd;

	if (t->q->addrlen < sizeof(t->addr->sa_family))
		return EINVAL;
	if (waits == (held != -1))
		return EINVAL;
	/* Perhaps a listener was closed just now. */
	serve_catch_up(t->s->sv);
	if (t->m->dead)
		return ESTALE;
	t->fd = -1;
	error = connect_begin(t->m, t->addr, t->q->addrlen, held);
	if (error == EINPROGRESS && waits) {
		/* Who asked before has gone: a thread waits for one reply. */
		t->m->asker = t->s;
		t->m->call = t->q->call;
		t->later = true;
	}
	if (error == EINPROGRESS || error == 0)
		msock_again(t->m);
	return error;
}

static int
do_listen(struct turn *t)
{
	int error;

	if (!t->m->stream)
		return EOPNOTSUPP;
	if (t->m->state != MSOCK_NEW && t->m->state != MSOCK_LISTENING)
		return EINVAL;
	error = t->s->sv->ops->listen(t->m->sock, t->q->arg[0]);
	if (error == EADDRINUSE) {
		serve_catch_up(t->s->sv);
		error = t->s->sv->ops->listen(t->m->sock, t->q->arg[0]);
	}
	if (error == 0) {
		listener_begin(t->m, t->q->arg[0]);
		t->out_pair = true;
		msock_again(t->m);
	}
	return error;
}

/* A connection whose both sides have ended is none any more, as in Linux. */
static bool
has_ended(const struct msock *m)
{
	return m->stream && m->state == MSOCK_OPEN && m->up_shut && m->down_end;
}

static int
name_of(struct turn *t, bool of_peer)
{
	socklen_t len = sizeof(t->out_addr);
	int error = of_peer && has_ended(t->m) ?
	    ENOTCONN :
	    t->s->sv->ops->name(t->m->sock, of_peer,
		(struct sockaddr *)&t->out_addr, &len);

	if (error == 0)
		t->r.addrlen = len < sizeof(t->out_addr) ?
		    len :
		    (socklen_t)sizeof(t->out_addr);
	return error;
}

static int
do_sockname(struct turn *t)
{
	return name_of(t, false);
}

static int
do_peername(struct turn *t)
{
	return name_of(t, true);
}

static int
do_setopt(struct turn *t)
{
	return option_set(t->m, t->q->arg[0], t->q->arg[1], t->data,
	    t->q->datalen);
}

static int
do_getopt(struct turn *t)
{
	socklen_t len = (socklen_t)t->q->arg[2];
	int error;

	if (t->q->arg[2] < 0)
		return EINVAL;
	if (len > CHUNK)
		len = CHUNK;
	memset(t->s->sv->buf, 0, len);
	error = option_get(t->m, t->q->arg[0], t->q->arg[1], t->s->sv->buf,
	    &len);
	if (error == 0) {
		t->r.datalen = len;
		t->out_data = t->s->sv->buf;
	}
	return error;
}

/*
 * What the supervisor then does to the pair is what counts, for who waits in
 * accept(), too; here is only whether it may, and a listener ends.
 */
static int
do_shutdown(struct turn *t)
{
	int how = t->q->arg[0], error;

	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return EINVAL;
	if (t->m->state == MSOCK_LISTENING) {
		t->r.value = 1;
		if (how == SHUT_WR)
			return 0;
		error = t->s->sv->ops->shutdown(t->m->sock, how);
		if (error == 0)
			t->m->state = MSOCK_NEW;
		return error;
	}
	if (t->m->stream && (t->m->state != MSOCK_OPEN || has_ended(t->m)))
		return ENOTCONN;
	t->m->fresh = false;
	if (how != SHUT_WR)
		t->m->shut_by_program = true;
	if (t->m->stream)
		return 0;
	return t->s->sv->ops->shutdown(t->m->sock, how);
}

static int
do_send(struct turn *t)
{
	struct stack_sock_control control = { .len = (size_t)t->q->arg[0] };
	struct iovec iov = { (void *)(uintptr_t)t->data, 0 };
	uint8_t room[MSTACK_CONTROL_MAX];
	size_t done = 0;
	int error;

	if (t->m->stream)
		return EISCONN;
	if (t->q->arg[0] < 0 || control.len > sizeof(room) ||
	    control.len > t->q->datalen)
		return EINVAL;
	iov.iov_len = t->q->datalen - control.len;
	/* Aligned. */
	memcpy(room, t->data + iov.iov_len, control.len);
	control.data = room;
	/* What the program wrote before goes before. */
	dgram_up(t->m);
	if (t->m->error != 0 && t->m->error != EMSGSIZE) {
		error = t->m->error;
		t->m->error = 0;
		return error;
	}
	error = t->s->sv->ops->send(t->m->sock, &iov, 1, t->addr, t->q->addrlen,
	    control.len == 0 ? NULL : &control, &done);
	t->r.value = (int32_t)done;
	if (t->m->domain == AF_NETLINK) {
		t->m->stack_in = true;
		dgram_down(t->m);
	}
	return error;
}

/*
 * Whether REQUEST may be passed on.  One whose structure has a pointer in it
 * may not: it is the program's.
 */
static bool
is_plain(unsigned long request)
{
	switch (request) {
	case SIOCATMARK:
	case SIOCGIFNAME:
	case SIOCGIFINDEX:
	case SIOCGIFFLAGS:
	case SIOCSIFFLAGS:
	case SIOCGIFADDR:
	case SIOCSIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
	case SIOCSIFNETMASK:
	case SIOCGIFMETRIC:
	case SIOCGIFMTU:
	case SIOCSIFMTU:
	case SIOCGIFHWADDR:
	case SIOCGIFTXQLEN:
		return true;
	default:
		return false;
	}
}

/* How much the program has written that its peer does not have. */
static int
do_outq(struct turn *t, uint8_t *room)
{
	struct msock *m = t->m;
	int there = 0, more = 0;

	if (m->state == MSOCK_LISTENING)
		return EINVAL;
	/* Datagrams are gone at once. */
	if (m->stream) {
		ioctl(m->pair, FIONREAD, &there);
		there -= there > 0 && m->stale;
		there += (int)(m->up.len - m->up.at);
		if (m->state == MSOCK_OPEN &&
		    t->s->sv->ops->ioctl(m->sock, SIOCOUTQ, &more) == 0 &&
		    more > 0)
			there += more;
		if (m->state != MSOCK_OPEN)
			there = 0;
	}
	memcpy(room, &there, sizeof(there));
	t->out_data = room;
	t->r.datalen = sizeof(there);
	return 0;
}

static int
do_ioctl(struct turn *t)
{
	static uint8_t room[MSTACK_DATA_MAX];
	union {
		struct ifreq ifreq;
		struct ifconf ifconf;
		struct arpreq arpreq;
		int number;
	} arg;
	unsigned long request = (uint32_t)t->q->arg[0];
	int error;

	if (t->q->datalen > sizeof(arg) && request != SIOCGIFCONF)
		return EINVAL;
	memset(&arg, 0, sizeof(arg));
	if (request == SIOCGIFCONF) {
		/* The data is how much room the program has. */
		if (t->q->datalen != sizeof(int))
			return EINVAL;
		memcpy(&arg.number, t->data, sizeof(int));
		if (arg.number < 0)
			return EINVAL;
		arg.ifconf.ifc_len = arg.number < (int)sizeof(room) ?
		    arg.number :
		    (int)sizeof(room);
		arg.ifconf.ifc_buf = (char *)room;
		error = t->s->sv->ops->ioctl(t->m->sock, request, &arg);
		t->out_data = room;
		if (arg.ifconf.ifc_len >= 0 &&
		    arg.ifconf.ifc_len <= (int)sizeof(room))
			t->r.datalen = (uint32_t)arg.ifconf.ifc_len;
		return error;
	}
	if (request == SIOCOUTQ)
		return do_outq(t, room);
	if (request == SIOCATMARK && t->m->stream) {
		/* What is urgent arrives in its place: there is no mark. */
		memset(room, 0, sizeof(int));
		t->out_data = room;
		t->r.datalen = sizeof(int);
		return 0;
	}
	if (!is_plain(request))
		return ENOTTY;
	memcpy(&arg, t->data, t->q->datalen);
	error = t->s->sv->ops->ioctl(t->m->sock, request, &arg);
	memcpy(room, &arg, sizeof(arg));
	t->out_data = room;
	t->r.datalen = t->q->datalen;
	return error;
}

/* What can be asked of a connection that was reset; see grave.c. */
static int
do_grave(struct turn *t, const struct grave *g)
{
	struct server *sv = t->s->sv;
	socklen_t len;
	int error;

	switch (t->q->op) {
	case MSTACK_SOCKNAME:
		t->out_addr = g->name;
		t->r.addrlen = g->len;
		return 0;
	case MSTACK_PEERNAME:
	case MSTACK_SHUTDOWN:
		return ENOTCONN;
	case MSTACK_SETOPT:
		len = t->q->datalen;
		memcpy(sv->buf, t->data, len < CHUNK ? len : CHUNK);
		return grave_option(sv, g, true, t->q->arg[0], t->q->arg[1],
		    sv->buf, &len);
	case MSTACK_GETOPT:
		if (t->q->arg[2] < 0)
			return EINVAL;
		len = (socklen_t)t->q->arg[2];
		if (len > CHUNK)
			len = CHUNK;
		memset(sv->buf, 0, len);
		error = grave_option(sv, g, false, t->q->arg[0], t->q->arg[1],
		    sv->buf, &len);
		if (error == 0) {
			t->r.datalen = len;
			t->out_data = sv->buf;
		}
		return error;
	default:
		return ESTALE;
	}
}

/* Whoever has the descriptor itself may use the socket. */
static int
do_adopt(struct turn *t)
{
	struct grave *g;
	struct stat st;
	struct msock *m;

	if (t->fd == -1)
		return EINVAL;
	if (fstat(t->fd, &st) != 0)
		return errno;
	if (!S_ISSOCK(st.st_mode))
		return ENOTSOCK;
	if ((m = msock_find(t->s->sv, NULL, st.st_ino)) != NULL)
		share_move(m, t->s);
	else if ((g = grave_find(t->s->sv, NULL, st.st_ino)) != NULL)
		g->session = t->s;
	else
		return ESTALE;
	t->r.sock = st.st_ino;
	return 0;
}

static const struct {
	int (*fn)(struct turn *t);
	bool named; /* it is about a socket */
} table[] = {
	[MSTACK_SOCKET] = { do_socket, false },
	[MSTACK_BIND] = { do_bind, true },
	[MSTACK_CONNECT] = { do_connect, true },
	[MSTACK_LISTEN] = { do_listen, true },
	[MSTACK_SOCKNAME] = { do_sockname, true },
	[MSTACK_PEERNAME] = { do_peername, true },
	[MSTACK_SETOPT] = { do_setopt, true },
	[MSTACK_GETOPT] = { do_getopt, true },
	[MSTACK_SHUTDOWN] = { do_shutdown, true },
	[MSTACK_SEND] = { do_send, true },
	[MSTACK_IOCTL] = { do_ioctl, true },
	[MSTACK_ADOPT] = { do_adopt, false },
};

void
session_request(struct session *s, const struct mstack_request *q,
    const uint8_t *addr, const uint8_t *data, int fd)
{
	struct sockaddr_storage in = { 0 };
	const struct grave *g;
	struct turn t = { .s = s,
		.q = q,
		.data = data,
		.fd = fd,
		.out_fd = -1,
		.r = { .call = q->call } };
	int error, fds[2];
	size_t n = 0;

	if (q->addrlen != 0) {
		/* Aligned, and with zeros behind it. */
		memcpy(&in, addr, q->addrlen);
		t.addr = (const struct sockaddr *)&in;
	}
	if (q->op >= sizeof(table) / sizeof(table[0]) ||
	    table[q->op].fn == NULL)
		error = ENOSYS;
	else if (table[q->op].named &&
	    (t.m = msock_find(s->sv, s, q->sock)) == NULL)
		error = (g = grave_find(s->sv, s, q->sock)) != NULL ?
		    do_grave(&t, g) :
		    ESTALE;
	else
		error = table[q->op].fn(&t);
	t.r.error = error;
	if (t.out_fd != -1)
		fds[n++] = t.out_fd;
	if (t.out_pair)
		fds[n++] = t.m->pair;
	if (!t.later)
		session_reply(s, &t.r, &t.out_addr, t.out_data, fds, n);
	if (t.out_fd != -1)
		close(t.out_fd);
	if (t.fd != -1)
		close(t.fd);
}
