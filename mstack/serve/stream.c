/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.c - the bytes of a connection, up to the stack and down to the program
 *
 * DOC: A pair of UNIX stream sockets behaves as a TCP connection does but for
 * one thing: a reset.  The kernel gives a program ECONNRESET when the other end
 * of its pair is closed with bytes in it that were not read.  So to pass on a
 * reset that came from the network, a byte has to be there.  The first one is
 * put there when the pair is made.  From then on the last byte that the program
 * sent is left where it is when it goes up (it is looked at, not taken), and
 * taken before the ones that follow it.  It stays when the program sends no
 * more: an orderly end from the network is passed on by shutdown(2), to which a
 * byte that is there does not matter.  STALE says that it is there.
 *
 * What the byte costs.  The kernel keeps the whole buffer in which it came, and
 * counts that as in use of the program's send buffer; and it wakes a program
 * that waits for room when no more than a quarter of that is in use.  What is
 * written is put into buffers of 36 KiB at most, but the pages of sendfile(2)
 * and splice(2) into ones that hold as much as a call gave, up to half the send
 * buffer.  With such a one the program would wait for ever.  So it has more room
 * than usual (ROOM), of which the 16 pages that sendfile(2) moves at once are
 * less than a quarter; and where more than SMALL bytes were read the kernel is
 * asked (peer.c).  If the program cannot write the byte is taken, and a reset
 * is an end of file until the program has sent something more.
 *
 * Two other designs were looked at.  To take the byte whenever much was read
 * needs no question, and forgets the resets of whoever sends much.  To keep a
 * descriptor of the program's end, and to write a byte there when the reset has
 * come, would need none of this; but then nobody learns that the program has
 * closed it.
 *
 * The same in the other direction is the kernel's doing: a program that closes
 * its end with bytes unread leaves ECONNRESET on our end, and the connection is
 * reset (RUDE).
 */
#include <sys/ioctl.h>
#include <errno.h>
#include <string.h>

#include "mstack/serve/serve.h"

#define BUDGET 16 /* chunks of one direction before others have their turn */
#define ROOM (160 << 10) /* the kernel doubles it */
#define SMALL 16384u	 /* a buffer of so many bytes is not in the way */
#define MESSAGE 2048u	 /* bytes that are looked at before they are taken */

/* The stack takes no more of this connection. */
static void
up_failed(struct msock *m, int error)
{
	if (m->error == 0)
		m->error = error;
	m->up_lost = true;
	rest_drop(&m->up);
}

/* ---- up ----------------------------------------------------------------- */

void
stream_set_room(int end)
{
	const int room = ROOM;

	setsockopt(end, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

bool
stream_prepare(struct msock *m, int end)
{
	stream_set_room(end);
	m->stale = send(end, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
	return m->stale;
}

/* Takes the byte that was left. */
static void
take_stale(struct msock *m)
{
	uint8_t byte;

	if (m->stale && recv(m->pair, &byte, 1, MSG_DONTWAIT) == 1)
		m->stale = false;
}

/* All but the stale byte was read: it goes where it is in the way. */
static void
leave_stale(struct msock *m)
{
	m->stale = true;
	if (m->run > SMALL && !program_can_write(m))
		take_stale(m);
	m->run = 0;
}

/*
 * Reads ALL bytes, which are all that is there, with one call that looks and one
 * that takes: messages come one by one, and calls are what they cost.  False:
 * that is not possible, as where a byte among them is urgent.  Else *LEN bytes
 * are at *DATA.
 */
static bool
read_message(struct msock *m, size_t all, const uint8_t **data, size_t *len)
{
	uint8_t *buf = m->sv->buf;
	size_t stale = m->stale;
	ssize_t n;

	if (recv(m->pair, buf, all, MSG_DONTWAIT | MSG_PEEK) != (ssize_t)all ||
	    (n = recv(m->pair, buf, all - 1, MSG_DONTWAIT)) <= 0)
		return false;
	*data = buf + stale;
	m->stale = false;
	if ((size_t)n < all - 1) {
		*len = (size_t)n - stale;
		m->run += *len;
		return true;
	}
	*len = all - stale;
	m->run += *len;
	m->pair_in = false; /* an edge tells of more */
	leave_stale(m);
	return true;
}

/*
 * Reads what the program sent.  Returns the number of bytes, which begin at
 * *DATA, or 0: there is none, or the end.
 */
static size_t
read_pair(struct msock *m, const uint8_t **data)
{
	uint8_t *buf = m->sv->buf;
	int there = 0, stale = m->stale;
	size_t len;
	ssize_t n;

	*data = buf;
	ioctl(m->pair, FIONREAD, &there);
	if (stale && there <= 1 && !m->hup) {
		m->pair_in = false;
		m->run = 0;
		m->up_end = m->rdhup;
		return 0;
	}
	/* Who sends no more leaves nothing behind. */
	if (!m->rdhup && there > 1 && (unsigned)there < MESSAGE &&
	    read_message(m, (size_t)there, data, &len))
		return len;
	take_stale(m);
	there -= stale;
	if (!m->rdhup && there > 0 && (unsigned)there <= CHUNK) {
		n = there > 1 ?
		    recv(m->pair, buf, (size_t)there - 1, MSG_DONTWAIT) :
		    0;
		if (n == there - 1 &&
		    recv(m->pair, buf + n, 1, MSG_DONTWAIT | MSG_PEEK) == 1) {
			m->run += (size_t)there;
			leave_stale(m);
			return (size_t)there;
		}
	} else {
		n = recv(m->pair, buf, CHUNK, MSG_DONTWAIT);
	}
	if (n > 0) {
		m->run += (size_t)n;
		return (size_t)n;
	}
	m->run = 0;
	if (n == -1 && errno == EINTR)
		return 0;
	m->pair_in = false;
	if (n == 0) {
		m->up_end = true;
	} else if (errno != EAGAIN) {
		m->rude = errno == ECONNRESET;
		m->up_end = true;
		m->hup = true;
	}
	return 0;
}

/* Gives LEN bytes to the stack, or keeps them. */
static void
give_stack(struct msock *m, const uint8_t *data, size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)data, len };
	size_t done = 0;
	int error;

	if (m->up_lost)
		return;
	do {
		error = m->sv->ops->send(m->sock, &iov, 1, NULL, 0, NULL,
		    &done);
	} while (error == EAGAIN && msock_wait(m, false));
	if (error != 0 && error != EAGAIN) {
		up_failed(m, error);
		return;
	}
	if (done < len && !rest_keep(&m->up, data + done, len - done))
		up_failed(m, ENOBUFS);
}

/* Once more what was kept.  Whether it is gone. */
static bool
give_rest(struct msock *m)
{
	struct iovec iov;
	size_t done;
	int error;

	while (m->up.data != NULL && m->stack_out) {
		iov.iov_base = m->up.data + m->up.at;
		iov.iov_len = m->up.len - m->up.at;
		error = m->sv->ops->send(m->sock, &iov, 1, NULL, 0, NULL,
		    &done);
		if (error == EAGAIN) {
			if (!msock_wait(m, false))
				break;
		} else if (error != 0) {
			up_failed(m, error);
		} else if ((m->up.at += done) == m->up.len) {
			rest_drop(&m->up);
		}
	}
	return m->up.data == NULL;
}

void
stream_up(struct msock *m)
{
	const uint8_t *data;
	int budget = BUDGET;
	size_t n;

	if (m->dead)
		return;
	/* Where the stack has no room for the rest its bell is set. */
	while (give_rest(m) && m->pair_in && !m->up_end) {
		if (budget-- == 0) {
			msock_again(m);
			return;
		}
		if ((n = read_pair(m, &data)) != 0)
			give_stack(m, data, n);
	}
	if (m->up_end && m->up.data == NULL && !m->up_shut && !m->hup) {
		m->up_shut = true;
		m->sv->ops->shutdown(m->sock, SHUT_WR);
	}
	/*
	 * The other host had ended its side in order, and the program knows;
	 * then it refused what the program sent.  Nothing more will come down,
	 * so it is told here, by closing the pair: who writes has EPIPE, as in
	 * Linux, and so nothing may be left in it.
	 */
	if (m->up_lost && m->down_shut && !m->hup) {
		while (recv(m->pair, m->sv->buf, CHUNK, MSG_DONTWAIT) > 0)
			continue;
		grave_dig(m);
		msock_end(m);
	}
}

/* ---- down --------------------------------------------------------------- */

/* Gives LEN bytes to the program; how many it took. */
static size_t
give_program(struct msock *m, const uint8_t *data, size_t len)
{
	ssize_t n;

	if (m->down_lost || m->hup)
		return len;
	n = send(m->pair, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0)
		return (size_t)n;
	if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
		msock_full(m);
		return 0;
	}
	/* Said once; it must not look like an orderly end to who reads next. */
	if (errno == ECONNRESET)
		m->rude = m->hup = true;
	m->down_lost = true;
	return len;
}

/* Reads a chunk from the stack, and gives it on. */
static void
move_down(struct msock *m)
{
	struct iovec iov = { m->sv->buf, CHUNK };
	size_t n = 0, done;
	int error;

	do {
		error = m->sv->ops->recv(m->sock, &iov, 1, NULL, NULL, NULL,
		    &n);
	} while (error == EAGAIN && msock_wait(m, true));
	if (error == EAGAIN)
		return;
	if (error != 0 && m->error == 0)
		m->error = error;
	if (error != 0 || n == 0) {
		m->down_end = true;
		return;
	}
	done = give_program(m, m->sv->buf, n);
	if (done < n && !rest_keep(&m->down, m->sv->buf + done, n - done)) {
		m->error = ENOBUFS;
		m->down_end = true;
	}
}

/* Nothing more comes from the stack, and the program has all there was. */
static void
end_down(struct msock *m)
{
	m->down_shut = true;
	if (m->error == 0) {
		shutdown(m->pair, SHUT_WR);
		return;
	}
	/* Closing the pair tells it the reset; see the DOC block. */
	grave_dig(m);
	msock_end(m);
}

bool
stream_move_down(struct msock *m)
{
	int budget = BUDGET;

	for (;;) {
		if (m->down.data != NULL) {
			if (!m->pair_out && !m->down_lost && !m->hup)
				return true;
			m->pair_out = true;
			m->down.at += give_program(m, m->down.data + m->down.at,
			    m->down.len - m->down.at);
			if (m->down.at < m->down.len && m->pair_out)
				continue;
			if (m->down.at < m->down.len)
				return true;
			rest_drop(&m->down);
		}
		if (!m->stack_in || m->down_end)
			break;
		if (budget-- == 0) {
			msock_again(m);
			return true;
		}
		move_down(m);
	}
	return !m->down_end || m->down.data != NULL || m->down_shut || m->hup;
}

void
stream_down(struct msock *m)
{
	if (!stream_move_down(m))
		end_down(m);
}
