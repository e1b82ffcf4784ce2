/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnl.c - netlink sockets, by what a stack can be asked and told
 *
 * DOC: A request is answered while it is sent: what it asks for is read from
 * the stack by struct stack_ctl, put into messages, and queued as datagrams,
 * each short enough for the buffers that programs have (getifaddrs(3): a page).
 * Nothing is told unasked: to groups, neither.
 *
 *	RTM_GETLINK, GETADDR, GETROUTE, GETNEIGH	dumps, and single links
 *							and routes
 *	RTM_NEWLINK, SETLINK	up, down, MTU, hardware address
 *	RTM_NEWADDR, DELADDR, NEWROUTE, DELROUTE, DELNEIGH
 *
 * All else is EOPNOTSUPP.  A request that fails is answered by the errno value
 * that Linux has for it.
 *
 * Any stack that fills struct stack_ctl can have it.
 * rtnl_verbs.c does what messages ask for.
 *
 * What a program sends is not trusted: each message and attribute is measured
 * before it is read, and what waits to be read is bounded.
 */
#include "shmif/rtnl_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX 65536u /* bytes that are sent at once */
#define DATAGRAM 3500u	   /* is full then; a message may follow */
#define QUEUED_MAX 4096u   /* datagrams that wait */

struct datagram {
	struct datagram *next;
	size_t len;
	uint8_t bytes[DATAGRAM + RTNL_MESSAGE];
};

struct rtnl {
	const struct stack_ctl *ctl;
	void *stack;
	uint32_t pid;
	struct datagram *first, *last;
	unsigned queued;
	bool failed; /* no memory for an answer, or no room */
};

/* ---- answers ------------------------------------------------------------- */

/* The datagram that has room for another message. */
static struct datagram *
room(struct rtnl *nl, bool fresh)
{
	struct datagram *d = nl->last;

	if (d != NULL && !fresh && d->len < DATAGRAM)
		return d;
	if (nl->queued == QUEUED_MAX || (d = calloc(1, sizeof(*d))) == NULL) {
		nl->failed = true;
		return NULL;
	}
	if (nl->last != NULL)
		nl->last->next = d;
	else
		nl->first = d;
	nl->last = d;
	nl->queued++;
	return d;
}

void
msg_begin(struct message *m, const struct request *r, unsigned type,
    unsigned flags, const void *body, size_t len)
{
	memset(m, 0, sizeof(*m));
	m->h.nlmsg_type = (uint16_t)type;
	m->h.nlmsg_flags = (uint16_t)flags;
	m->h.nlmsg_seq = r->h->nlmsg_seq;
	m->h.nlmsg_pid = r->nl->pid;
	memcpy(m->bytes + NLMSG_HDRLEN, body, len);
	m->h.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + NLMSG_ALIGN(len));
}

void
msg_attr(struct message *m, unsigned type, const void *data, size_t len)
{
	struct rtattr a = { .rta_type = (uint16_t)type,
		.rta_len = (uint16_t)RTA_LENGTH(len) };

	if (m->h.nlmsg_len + RTA_SPACE(len) > RTNL_MESSAGE)
		return; /* none is that long */
	memcpy(m->bytes + m->h.nlmsg_len, &a, sizeof(a));
	memcpy(m->bytes + m->h.nlmsg_len + RTA_LENGTH(0), data, len);
	m->h.nlmsg_len += (uint32_t)RTA_SPACE(len);
}

void
msg_end(struct rtnl *nl, struct message *m, bool fresh)
{
	struct datagram *d = room(nl, fresh);

	if (d == NULL)
		return;
	memcpy(m->bytes, &m->h, sizeof(m->h));
	memcpy(d->bytes + d->len, m->bytes, m->h.nlmsg_len);
	d->len += m->h.nlmsg_len;
}

/* That R went well, or ERROR. */
static void
answer_error(const struct request *r, int error)
{
	struct nlmsgerr e = { .error = -error, .msg = *r->h };
	struct message m;

	msg_begin(&m, r, NLMSG_ERROR, NLM_F_CAPPED, &e, sizeof(e));
	msg_end(r->nl, &m, true);
}

/* The end of a dump. */
static void
answer_done(const struct request *r)
{
	int none = 0;
	struct message m;

	msg_begin(&m, r, NLMSG_DONE, NLM_F_MULTI, &none, sizeof(none));
	msg_end(r->nl, &m, false);
}

/* ---- reading ------------------------------------------------------------- */

/* The attributes behind the first LEN bytes of R's body.  False: too short. */
static bool
read_attrs(struct request *r, size_t len)
{
	size_t n = r->h->nlmsg_len - NLMSG_HDRLEN, at;

	r->body = (const uint8_t *)r->h + NLMSG_HDRLEN;
	if (n < len)
		return false;
	for (at = NLMSG_ALIGN(len); at + sizeof(struct rtattr) <= n;) {
		const struct rtattr *a =
		    (const void *)((const uint8_t *)r->body + at);
		unsigned type = a->rta_type & (unsigned)NLA_TYPE_MASK;

		if (a->rta_len < sizeof(*a) || a->rta_len > n - at)
			return false;
		if (type < RTNL_ATTRS)
			r->attr[type] = a;
		at += RTA_ALIGN(a->rta_len);
	}
	return true;
}

bool
rtnl_is_dump(const struct request *r)
{
	return (r->h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
}

/* ---- requests ------------------------------------------------------------ */

static int
do_request(struct request *r)
{
	const struct verb *v = rtnl_verb(r->h->nlmsg_type);
	struct rtgenmsg generic;
	int error;

	if (v == NULL)
		return EOPNOTSUPP;
	/* getifaddrs(3) has the family of a dump only, in one byte. */
	if (!read_attrs(r, v->body)) {
		if (!rtnl_is_dump(r) ||
		    r->h->nlmsg_len < NLMSG_LENGTH(sizeof(generic)))
			return EINVAL;
		memset(&r->short_one, 0, sizeof(r->short_one));
		memcpy(&r->short_one, (const uint8_t *)r->h + NLMSG_HDRLEN,
		    sizeof(generic));
		memset(r->attr, 0, sizeof(r->attr));
		r->body = &r->short_one;
	}
	error = r->ctl->list(r->stack, NULL, &r->ifs, &r->n_ifs);
	if (error != 0)
		return error;
	error = v->fn(r);
	r->ctl->list_free(r->ifs, r->n_ifs);
	if (error == 0 && rtnl_is_dump(r))
		answer_done(r);
	return error;
}

/* The messages in the N bytes at P. */
static void
do_all(struct rtnl *nl, const uint8_t *p, size_t n)
{
	while (n >= NLMSG_HDRLEN) {
		const struct nlmsghdr *h = (const void *)p;
		struct request r = { .nl = nl,
			.ctl = nl->ctl,
			.stack = nl->stack,
			.h = h };
		bool dumps;
		int error;

		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > n)
			return;
		if ((h->nlmsg_flags & NLM_F_REQUEST) &&
		    h->nlmsg_type >= NLMSG_MIN_TYPE) {
			dumps = h->nlmsg_type % 4 == 2 && rtnl_is_dump(&r);
			error = do_request(&r);
			if (error != 0 ||
			    ((h->nlmsg_flags & NLM_F_ACK) && !dumps))
				answer_error(&r, error);
		} else if (h->nlmsg_flags & NLM_F_ACK) {
			answer_error(&r, 0);
		}
		if (NLMSG_ALIGN(h->nlmsg_len) >= n)
			return;
		p += NLMSG_ALIGN(h->nlmsg_len);
		n -= NLMSG_ALIGN(h->nlmsg_len);
	}
}

/* ---- sockets ------------------------------------------------------------- */

struct rtnl *
rtnl_new(const struct stack_ctl *ctl, void *stack, uint32_t pid)
{
	struct rtnl *nl = calloc(1, sizeof(*nl));

	if (nl == NULL)
		return NULL;
	nl->ctl = ctl;
	nl->stack = stack;
	nl->pid = pid;
	return nl;
}

/* Takes the first datagram off. */
static struct datagram *
take(struct rtnl *nl)
{
	struct datagram *d = nl->first;

	if (d == NULL)
		return NULL;
	if ((nl->first = d->next) == NULL)
		nl->last = NULL;
	nl->queued--;
	return d;
}

void
rtnl_free(struct rtnl *nl)
{
	struct datagram *d;

	while ((d = take(nl)) != NULL)
		free(d);
	free(nl);
}

int
rtnl_send(struct rtnl *nl, const struct iovec *iov, int n, size_t *done)
{
	size_t len = 0, at = 0;
	uint8_t *bytes;
	int i;

	*done = 0;
	for (i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (len > REQUEST_MAX)
		return EMSGSIZE;
	/* Aligned, as structures in it have to be. */
	if ((bytes = malloc(len + 1)) == NULL)
		return ENOBUFS;
	for (i = 0; i < n; i++) {
		memcpy(bytes + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	nl->failed = false;
	do_all(nl, bytes, len);
	free(bytes);
	*done = len;
	return nl->failed ? ENOBUFS : 0;
}

int
rtnl_recv(struct rtnl *nl, const struct iovec *iov, int n, size_t *done)
{
	struct datagram *d = take(nl);
	int i;

	*done = 0;
	if (d == NULL)
		return EAGAIN;
	for (i = 0; i < n && *done < d->len; i++) {
		size_t part = d->len - *done;

		if (part > iov[i].iov_len)
			part = iov[i].iov_len;
		memcpy(iov[i].iov_base, d->bytes + *done, part);
		*done += part;
	}
	free(d);
	return 0;
}

int
rtnl_bind(const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_nl a;

	if (len < (socklen_t)sizeof(a))
		return EINVAL;
	memcpy(&a, addr, sizeof(a));
	return a.nl_family != AF_NETLINK ? EINVAL : 0;
}

void
rtnl_name(const struct rtnl *nl, int peer, struct sockaddr *addr,
    socklen_t *len)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK,
		.nl_pid = peer ? 0 : nl->pid };

	memcpy(addr, &a, *len < sizeof(a) ? *len : sizeof(a));
	*len = sizeof(a);
}
