/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer.c - what the kernel knows of the program's end of a pair
 *
 * DOC: The server does not have the program's end, so what it has to know of it
 * the kernel's socket monitoring says, by the inode.
 *
 * Whether it is closed.  Our end hangs up when the other one is closed, but also
 * when no byte can go either way any more: a program may have shut its end
 * down, and still ask for the socket's options and names.  What tells the two
 * apart is whether our end's peer has an inode.  When it is closed later our end
 * has another event.
 *
 * Whether it can be written to.  The kernel says so to a program while less than
 * a quarter of its send buffer is in use, and in use is memory, not bytes: see
 * stream.c.
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

/* Asks for SHOW of the UNIX socket INO.  False: that cannot be done. */
static bool
ask(struct server *sv, uint32_t ino, uint32_t show)
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
		    .udiag_show = show,
		    .udiag_cookie = { UINT32_MAX, UINT32_MAX } } };

	if (sv->diag == 0)
		sv->diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
		    NETLINK_SOCK_DIAG);
	return sv->diag > 0 &&
	    send(sv->diag, &m, sizeof(m), 0) == (ssize_t)sizeof(m);
}

/*
 * Stores the attribute TYPE, which SHOW asks for, of the UNIX socket INO in TO,
 * or zeros where it has none.  False: the kernel does not know such a socket,
 * or says nothing.
 */
static bool
attribute(struct server *sv, uint32_t ino, uint32_t show, unsigned type,
    void *to, size_t size)
{
	union {
		struct nlmsghdr h;
		uint8_t room[1024];
	} in;
	struct unix_diag_msg *said;
	const uint8_t *at, *end;
	struct rtattr a;
	ssize_t n;

	memset(to, 0, size);
	if (!ask(sv, ino, show))
		return false;
	/* The answer is there when the question was sent. */
	n = recv(sv->diag, &in, sizeof(in), MSG_DONTWAIT);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(*said)) ||
	    in.h.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    in.h.nlmsg_len > (size_t)n)
		return false;
	said = NLMSG_DATA(&in.h);
	/* Attributes follow, each with its length. */
	at = (const uint8_t *)(said + 1);
	end = in.room + in.h.nlmsg_len;
	while (end - at >= (ptrdiff_t)sizeof(a)) {
		memcpy(&a, at, sizeof(a));
		if (a.rta_len < sizeof(a) || a.rta_len > end - at)
			break;
		if (a.rta_type == type && a.rta_len >= sizeof(a) + size)
			memcpy(to, at + sizeof(a), size);
		at += (a.rta_len + 3u) & ~3u;
	}
	return true;
}

bool
program_is_gone(struct msock *m)
{
	struct stat st;
	uint32_t peer;

	if (!m->down_shut && !m->shut_by_program)
		return true; /* nothing else makes it hang up */
	return fstat(m->pair, &st) != 0 ||
	    !attribute(m->sv, (uint32_t)st.st_ino, UDIAG_SHOW_PEER,
		UNIX_DIAG_PEER, &peer, sizeof(peer)) ||
	    peer == 0;
}

bool
program_can_write(struct msock *m)
{
	uint32_t mem[SK_MEMINFO_SNDBUF + 1];

	return attribute(m->sv, (uint32_t)m->inode, UDIAG_SHOW_MEMINFO,
		   UNIX_DIAG_MEMINFO, mem, sizeof(mem)) &&
	    mem[SK_MEMINFO_WMEM_ALLOC] <= mem[SK_MEMINFO_SNDBUF] / 4;
}
