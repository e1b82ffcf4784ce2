/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.c - TCP, for the sockets of other programs
 */
#include "stack/lwip/sock/sock.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <lwip/priv/tcp_priv.h>

/* ---- a pcb and its socket ------------------------------------------------ */

/* The socket lets go of its pcb, which lwIP ends by itself. */
static struct tcp_pcb *
let_go(struct sock *s)
{
	struct tcp_pcb *pcb = s->pcb.tcp;

	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
	s->pcb.ip = NULL;
	return pcb;
}

/*
 * Both ends were told: lwIP would free the pcb some time later, and say
 * nothing.
 */
static void
let_go_at_end(struct sock *s)
{
	if (s->pcb.tcp != NULL && s->eof && s->write_shut &&
	    (s->pcb.tcp->state == TIME_WAIT || s->pcb.tcp->state == CLOSING))
		let_go(s);
}

/* tcp_recv: bytes came, or with P NULL the peer's end. */
static err_t
came(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct sock *s = arg;

	(void)err;
	if (p == NULL) {
		s->eof = true;
		let_go_at_end(s);
	} else if (s->read_shut) {
		tcp_recved(pcb, p->tot_len);
		pbuf_free(p);
	} else if (!sock_put(s, &(struct item){ .p = p })) {
		return ERR_MEM; /* it is given once more later */
	}
	sock_ring(s);
	return ERR_OK;
}

static err_t
sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	(void)pcb;
	(void)len;
	sock_ring(arg);
	return ERR_OK;
}

/* tcp_err: the pcb is no more. */
static void
failed(void *arg, err_t err)
{
	struct sock *s = arg;

	s->pcb.ip = NULL;
	if (s->state == SOCK_CONNECTING) {
		s->state = SOCK_NEW;
		s->error = err == ERR_RST ? ECONNREFUSED : ETIMEDOUT;
	} else if (err == ERR_RST) {
		s->error = s->eof ? EPIPE : ECONNRESET;
	} else if (err != ERR_CLSD) {
		s->error = ETIMEDOUT;
	}
	sock_ring(s);
}

static void
set_callbacks(struct sock *s)
{
	tcp_arg(s->pcb.tcp, s);
	tcp_recv(s->pcb.tcp, came);
	tcp_sent(s->pcb.tcp, sent);
	tcp_err(s->pcb.tcp, failed);
}

/* There is a connection. */
static void
open_now(struct sock *s)
{
	s->state = SOCK_OPEN;
	s->local = s->pcb.tcp->local_ip;
	s->local_port = s->pcb.tcp->local_port;
	s->remote = s->pcb.tcp->remote_ip;
	s->remote_port = s->pcb.tcp->remote_port;
}

static err_t
connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct sock *s = arg;

	(void)pcb;
	(void)err;
	open_now(s);
	sock_ring(s);
	return ERR_OK;
}

/* IP as it is bound to: any of both versions is a type of its own. */
static ip_addr_t
as_bound(const struct sock *s, const ip_addr_t *ip)
{
	ip_addr_t to = *ip;

	if (ip_addr_isany(ip))
		IP_SET_TYPE_VAL(to, address_type(s));
	return to;
}

int
stream_make(struct sock *s)
{
	ip_addr_t ip;
	err_t err = ERR_OK;

	if (s->pcb.ip != NULL)
		return 0;
	if ((s->pcb.tcp = tcp_new_ip_type(address_type(s))) == NULL)
		return ENOMEM;
	set_callbacks(s);
	option_apply(s);
	if (s->bound) {
		ip = as_bound(s, &s->bind_ip);
		err = tcp_bind(s->pcb.tcp, &ip, s->bind_port);
	}
	if (err != ERR_OK)
		tcp_close(let_go(s));
	return sock_errno(err);
}

struct sock *
stream_of(const struct tcp_pcb *pcb)
{
	return pcb->errf == failed ? pcb->callback_arg : NULL;
}

void
stream_refused(struct sock *s, int error)
{
	tcp_close(let_go(s));
	s->state = SOCK_NEW;
	s->error = error;
	sock_ring(s);
}

/* ---- connections --------------------------------------------------------- */

/*
 * Whether one of the list PCB has PORT at an address that is in the way of TO,
 * where one of them is that of both versions of IP: lwIP compares those of one
 * version only.
 */
static bool
is_in_the_way(const struct tcp_pcb *mine, const struct tcp_pcb *pcb,
    const ip_addr_t *to, uint16_t port)
{
	for (; pcb != NULL; pcb = pcb->next)
		if (pcb != mine && pcb->local_port == port &&
		    ((IP_IS_ANY_TYPE_VAL(pcb->local_ip) && IP_IS_V6(to)) ||
			(IP_IS_ANY_TYPE_VAL(*to) &&
			    IP_IS_V6(&pcb->local_ip))) &&
		    !(ip_get_option(pcb, SOF_REUSEADDR) &&
			ip_get_option(mine, SOF_REUSEADDR)))
			return true;
	return false;
}

int
stream_bind(struct sock *s, const ip_addr_t *ip, uint16_t port)
{
	ip_addr_t to = as_bound(s, ip);
	int error;

	if (s->state != SOCK_NEW || s->bound)
		return EINVAL;
	if ((error = stream_make(s)) != 0)
		return error;
	if (port != 0 &&
	    (is_in_the_way(s->pcb.tcp, tcp_bound_pcbs, &to, port) ||
		is_in_the_way(s->pcb.tcp, tcp_listen_pcbs.pcbs, &to, port)))
		return EADDRINUSE;
	error = sock_errno(tcp_bind(s->pcb.tcp, &to, port));
	if (error != 0)
		return error == ENOBUFS ? EADDRINUSE : error; /* no port */
	s->bound = true;
	s->bind_ip = *ip;
	s->bind_port = s->pcb.tcp->local_port;
	return 0;
}

int
stream_connect(struct sock *s, const ip_addr_t *ip, uint16_t port)
{
	int error;

	if (s->state == SOCK_CONNECTING)
		return EALREADY;
	if (s->state != SOCK_NEW)
		return EISCONN;
	if (ip_addr_ismulticast(ip))
		return ENETUNREACH;
	if (s->bound && !ip_addr_isany(&s->bind_ip) &&
	    IP_GET_TYPE(&s->bind_ip) != IP_GET_TYPE(ip))
		return EAFNOSUPPORT;
	if ((error = stream_make(s)) != 0)
		return error;
	s->error = 0;
	s->remote = *ip;
	s->remote_port = port;
	error = sock_errno(tcp_connect(s->pcb.tcp, ip, port, connected));
	if (error == 0) {
		s->state = SOCK_CONNECTING;
		return EINPROGRESS;
	}
	/* It knows a peer now, which it must not. */
	tcp_close(let_go(s));
	return error == ENOBUFS || error == EADDRINUSE ? EADDRNOTAVAIL : error;
}

/* The connection, or what waits for one, is no more. */
static void
end(struct sock *s, bool reset)
{
	struct tcp_pcb *pcb;

	if (s->pcb.ip == NULL)
		return;
	if (s->state == SOCK_LISTENING) {
		tcp_arg(s->pcb.tcp, NULL);
		tcp_accept(s->pcb.tcp, NULL);
		tcp_close(s->pcb.tcp);
		s->pcb.ip = NULL;
		return;
	}
	pcb = let_go(s);
	if ((reset && s->state == SOCK_OPEN) || tcp_close(pcb) != ERR_OK)
		tcp_abort(pcb);
}

int
stream_disconnect(struct sock *s)
{
	end(s, true);
	sock_empty(s);
	s->state = SOCK_NEW;
	s->error = 0;
	s->eof = s->read_shut = s->write_shut = false;
	return 0;
}

void
stream_close(struct sock *s)
{
	/* What was not read is answered by a reset, as it should be. */
	end(s, s->w.linger && s->w.linger_time == 0);
	if (s->state == SOCK_LISTENING)
		sock_empty(s);
}

/* tcp_accept: there is a connection. */
static err_t
arrived(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct sock *s = arg, *made;

	if (s == NULL || pcb == NULL || err != ERR_OK)
		return ERR_VAL;
	made = sock_new(s->domain, s->type, s->protocol, SOCK_TCP);
	if (made == NULL)
		return ERR_MEM;
	made->w = s->w;
	made->owner = -1;
	made->pcb.tcp = pcb;
	open_now(made);
	if (!sock_put(s, &(struct item){ .made = made })) {
		made->pcb.ip = NULL;
		sock_free(made);
		return ERR_MEM;
	}
	set_callbacks(made);
	option_apply(made);
	/* It counts against the backlog until it is accepted. */
	tcp_backlog_delayed(pcb);
	sock_ring(s);
	return ERR_OK;
}

struct sock *
stream_of_listener(const struct tcp_pcb_listen *pcb)
{
	return pcb->accept == arrived ? pcb->callback_arg : NULL;
}

int
stream_listen(struct sock *s, int backlog)
{
	/* The kernel's queue holds one more than it is told. */
	u8_t most = backlog < 0 || backlog >= UCHAR_MAX ? UCHAR_MAX :
							  (u8_t)(backlog + 1);
	struct tcp_pcb *pcb;
	ip_addr_t any;
	int error;
	err_t err;

	if (s->state == SOCK_LISTENING) {
		tcp_backlog_set(s->pcb.listen, most);
		return 0;
	}
	if (s->state != SOCK_NEW)
		return EINVAL;
	if ((error = stream_make(s)) != 0)
		return error;
	if (!s->bound) {
		ip_addr_set_any(s->domain == AF_INET6, &any);
		if ((error = stream_bind(s, &any, 0)) != 0)
			return error;
	}
	tcp_arg(s->pcb.tcp, s);
	pcb = tcp_listen_with_backlog_and_err(s->pcb.tcp, most, &err);
	if (pcb == NULL)
		return sock_errno(err);
	s->pcb.tcp = pcb;
	s->state = SOCK_LISTENING;
	s->error = 0;
	tcp_arg(pcb, s);
	tcp_accept(pcb, arrived);
	return 0;
}

int
stream_accept(struct sock *s, struct sock **made)
{
	if (s->state != SOCK_LISTENING)
		return EINVAL;
	if (s->first == NULL)
		return EAGAIN;
	*made = sock_take(s).made;
	(*made)->owner = s->owner;
	if ((*made)->pcb.tcp != NULL)
		tcp_backlog_accepted((*made)->pcb.tcp);
	return 0;
}

int
stream_shutdown(struct sock *s, int how)
{
	if (s->state == SOCK_LISTENING && how != SHUT_WR)
		return stream_disconnect(s);
	if (s->state != SOCK_OPEN)
		return ENOTCONN;
	if (how != SHUT_RD && !s->write_shut) {
		s->write_shut = true;
		if (s->pcb.tcp != NULL)
			tcp_shutdown(s->pcb.tcp, 0, 1);
		let_go_at_end(s);
	}
	if (how != SHUT_WR)
		s->read_shut = true;
	sock_ring(s);
	return 0;
}

/* ---- bytes --------------------------------------------------------------- */

bool
stream_writable(const struct sock *s)
{
	return s->pcb.tcp != NULL && s->pcb.tcp->snd_buf > TCP_SNDLOWAT &&
	    tcp_sndqueuelen(s->pcb.tcp) < TCP_SNDQUEUELOWAT;
}

/* As much of DATA as there is room for; *DONE grows by that. */
static err_t
write_some(struct tcp_pcb *pcb, const uint8_t *data, size_t len, bool more,
    size_t *done)
{
	size_t at, n;
	err_t err;

	for (at = 0; at < len; at += n) {
		n = len - at;
		if (n > UINT16_MAX)
			n = UINT16_MAX;
		if (n > tcp_sndbuf(pcb))
			n = tcp_sndbuf(pcb);
		if (n == 0)
			return ERR_MEM;
		err = tcp_write(pcb, data + at, (u16_t)n,
		    TCP_WRITE_FLAG_COPY |
			(more || at + n < len ? TCP_WRITE_FLAG_MORE : 0));
		if (err != ERR_OK)
			return err;
		*done += n;
	}
	return ERR_OK;
}

int
stream_send(struct sock *s, const struct iovec *iov, int n, size_t *done)
{
	err_t err = ERR_OK;
	int i;

	*done = 0;
	if (s->error != 0)
		return sock_take_error(s);
	if (s->state == SOCK_CONNECTING)
		return EAGAIN;
	if (s->state != SOCK_OPEN || s->pcb.tcp == NULL || s->write_shut)
		return EPIPE;
	for (i = 0; i < n && err == ERR_OK; i++)
		err = write_some(s->pcb.tcp, iov[i].iov_base, iov[i].iov_len,
		    i + 1 < n, done);
	tcp_output(s->pcb.tcp);
	if (err == ERR_OK || *done > 0)
		return 0;
	return err == ERR_MEM || err == ERR_BUF ? EAGAIN :
	    err == ERR_CONN			? EPIPE :
						  sock_errno(err);
}

/* Copies from the first buffer of the queue into ROOM bytes at TO. */
static size_t
read_some(struct sock *s, uint8_t *to, size_t room)
{
	struct pbuf *p = s->first->p;
	size_t n = p->tot_len < room ? p->tot_len : room;

	pbuf_copy_partial(p, to, (u16_t)n, 0);
	if (n == p->tot_len) {
		sock_take(s);
		pbuf_free(p);
		return n;
	}
	s->bytes -= n;
	s->first->p = pbuf_free_header(p, (u16_t)n);
	return n;
}

/* The peer may send as much more. */
static void
open_window(struct sock *s, size_t n)
{
	u16_t part;

	while (s->pcb.tcp != NULL && n > 0) {
		part = n > UINT16_MAX ? UINT16_MAX : (u16_t)n;
		tcp_recved(s->pcb.tcp, part);
		n -= part;
	}
}

int
stream_recv(struct sock *s, const struct iovec *iov, int n, size_t *done)
{
	size_t at;
	int i;

	*done = 0;
	if (s->state == SOCK_LISTENING ||
	    (s->state == SOCK_NEW && s->error == 0))
		return ENOTCONN;
	for (i = 0; i < n; i++)
		for (at = 0; at < iov[i].iov_len && s->first != NULL;) {
			size_t got = read_some(s,
			    (uint8_t *)iov[i].iov_base + at,
			    iov[i].iov_len - at);

			at += got;
			*done += got;
		}
	if (*done > 0) {
		open_window(s, *done);
		return 0;
	}
	if (s->error != 0)
		return sock_take_error(s);
	if (s->eof || s->read_shut ||
	    (s->state == SOCK_OPEN && s->pcb.tcp == NULL))
		return 0;
	return EAGAIN;
}
