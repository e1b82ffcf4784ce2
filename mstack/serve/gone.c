/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gone.c - whether the program has closed its end of a pair
 *
 * DOC: Our end hangs up when the other one is closed, but also when no byte can
 * go either way any more: a program may have shut its end down, and still ask
 * for the socket's options and names.  What tells the two apart is whether our
 * end's peer has an inode, which the kernel's socket monitoring says.  When it
 * is closed later our end has another event.
 */
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/stat.h>
#include <string.h>
#include <unistd.h>

#include "mstack/serve/serve.h"

/* Asks about the UNIX socket with inode INO.  False: that cannot be done. */
static bool
ask(struct server *sv, uint32_t ino)
{
	struct {
		struct nlmsghdr h;
		struct unix_diag_req q;
	} m = { .h = { .nlmsg_len = sizeof(m),
		    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		    .nlmsg_flags = NLM_F_REQUEST },
		.q = { .sdiag_family = AF_UNIX,
		    .udiag_states = UINT32_MAX,
		    .udiag_ino = ino,
		    .udiag_show = UDIAG_SHOW_PEER,
		    .udiag_cookie = { UINT32_MAX, UINT32_MAX } } };

	if (sv->diag == 0)
		sv->diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
		    NETLINK_SOCK_DIAG);
	return sv->diag > 0 &&
	    send(sv->diag, &m, sizeof(m), 0) == (ssize_t)sizeof(m);
}

bool
program_is_gone(struct msock *m)
{
	union {
		struct nlmsghdr h;
		uint8_t room[1024];
	} in;
	struct unix_diag_msg *said;
	const uint8_t *at, *end;
	struct rtattr a;
	struct stat st;
	uint32_t peer = 0;
	ssize_t n;

	if (!m->down_shut && !m->shut_by_program)
		return true; /* nothing else makes it hang up */
	if (fstat(m->pair, &st) != 0 || !ask(m->sv, (uint32_t)st.st_ino))
		return true;
	/* The answer is there when the question was sent. */
	n = recv(m->sv->diag, &in, sizeof(in), MSG_DONTWAIT);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(*said)) ||
	    in.h.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    in.h.nlmsg_len > (size_t)n)
		return true;
	said = NLMSG_DATA(&in.h);
	/* Attributes follow, each with its length. */
	at = (const uint8_t *)(said + 1);
	end = in.room + in.h.nlmsg_len;
	while (end - at >= (ptrdiff_t)sizeof(a)) {
		memcpy(&a, at, sizeof(a));
		if (a.rta_len < sizeof(a) || a.rta_len > end - at)
			break;
		if (a.rta_type == UNIX_DIAG_PEER &&
		    a.rta_len >= sizeof(a) + sizeof(peer))
			memcpy(&peer, at + sizeof(a), sizeof(peer));
		at += (a.rta_len + 3u) & ~3u;
	}
	return peer == 0;
}
