/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sockets.c - the kernel's ways to carry frames between two processes
 *
 * DOC: Theory of Operation
 *
 * A namespace is made by a child, which opens the sockets in there, hands them
 * to us and is gone: the namespace lives for as long as the sockets do, and
 * nothing has to be removed, whatever ends us.  Where we are not root the child
 * tries to be it in a user namespace of its own.
 *
 * Buffers are as large as the system allows without being asked to change.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/lib/sockets.h"

/* IEEE 802: for local experiments. */
#define ETHERTYPE 0x88b5

static char why[200];

static __attribute__((format(printf, 1, 2))) const char *
because(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return why;
}

static void
make_room(int fd)
{
	int bytes = 4 << 20;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static const char *
shut(int fds[2], const char *what)
{
	const char *text = because("%s: %s", what, strerror(errno));
	int i;

	for (i = 0; i < 2; i++)
		if (fds[i] != -1)
			close(fds[i]);
	return text;
}

const char *
seqpacket_open(struct ends *e)
{
	int *fds = e->fds;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == -1)
		return because("socketpair: %s", strerror(errno));
	make_room(fds[0]);
	make_room(fds[1]);
	return NULL;
}

/* ---- multicast ---------------------------------------------------------- */

const char *
mcast_open(struct ends *e)
{
	int *fds = e->fds;
	struct sockaddr_in group = { .sin_family = AF_INET };
	struct ip_mreqn lo = { .imr_address.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(group);
	int i, one = 1;

	fds[0] = fds[1] = -1;
	/* RFC 2365: of this organization; a group of this process. */
	group.sin_addr.s_addr = htonl(
	    0xefc00000u | ((uint32_t)getpid() & 0x3ffffu));
	lo.imr_multiaddr = group.sin_addr;
	lo.imr_ifindex = (int)if_nametoindex("lo");
	for (i = 0; i < 2; i++) {
		int fd = fds[i] = socket(AF_INET, SOCK_DGRAM, 0);

		if (fd == -1)
			return shut(fds, "socket");
		make_room(fd);
		/* The second takes the port that the first was given. */
		if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one,
			sizeof(one)) == -1 ||
		    bind(fd, (struct sockaddr *)&group, sizeof(group)) == -1 ||
		    getsockname(fd, (struct sockaddr *)&group, &len) == -1)
			return shut(fds, "bind");
		if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &lo,
			sizeof(lo)) == -1 ||
		    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &lo,
			sizeof(lo)) == -1)
			return shut(fds, "multicast");
	}
	/* Connected they would hear nothing: nobody sends from the group. */
	memcpy(&e->to, &group, sizeof(group));
	e->to_len = sizeof(group);
	return NULL;
}

/* ---- veth --------------------------------------------------------------- */

/*
 * A network namespace in a user namespace in which we are root, also after
 * exec.  0, or -1.
 */
static int
unshare_as_root(void)
{
	char map[64];
	int fd, len = snprintf(map, sizeof(map), "0 %u 1\n", geteuid());
	ssize_t n;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1 ||
	    (fd = open("/proc/self/uid_map", O_WRONLY)) == -1)
		return -1;
	n = write(fd, map, (size_t)len);
	close(fd);
	return n == len ? 0 : -1;
}

/* In the child: the namespace and what is in it. */
static const char *
veth_make(int fds[2])
{
	static const char *const script =
	    "exec >/dev/null 2>&1; "
	    "for f in all default; do "
	    "echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done; "
	    "ip link add bench0 mtu 9100 type veth peer name bench1 mtu 9100 "
	    "&& ip link set bench0 up && ip link set bench1 up";
	int i, one = 1;

	fds[0] = fds[1] = -1;
	if (unshare(CLONE_NEWNET) == -1 && unshare_as_root() == -1)
		return because("no network namespace without being root: %s",
		    strerror(errno));
	if (system(script) != 0)
		return because("ip(8) makes no veth here");
	for (i = 0; i < 2; i++) {
		struct sockaddr_ll to = { .sll_family = AF_PACKET,
			.sll_protocol = htons(ETHERTYPE),
			.sll_ifindex = (int)if_nametoindex(
			    i == 0 ? "bench0" : "bench1") };
		int fd = fds[i] = socket(AF_PACKET, SOCK_RAW, 0);

		if (fd == -1)
			return shut(fds, "AF_PACKET");
		make_room(fd);
		/* Where it is not known it is slower, that is all. */
		setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one,
		    sizeof(one));
		if (bind(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
			return shut(fds, "bind");
	}
	return NULL;
}

/* The child's half: makes it, and sends the descriptors or the reason. */
static __attribute__((noreturn)) void
veth_child(int to)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} u = { 0 };
	char text[sizeof(why)] = "";
	struct iovec iov = { text, sizeof(text) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[2];
	const char *reason = veth_make(fds);

	if (reason != NULL) {
		snprintf(text, sizeof(text), "%s", reason);
	} else {
		msg.msg_control = &u;
		msg.msg_controllen = sizeof(u);
		u.h.cmsg_level = SOL_SOCKET;
		u.h.cmsg_type = SCM_RIGHTS;
		u.h.cmsg_len = CMSG_LEN(2 * sizeof(int));
		memcpy(CMSG_DATA(&u.h), fds, 2 * sizeof(int));
	}
	_exit(sendmsg(to, &msg, 0) == -1);
}

const char *
veth_open(struct ends *e)
{
	int *fds = e->fds;
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} u = { 0 };
	char text[sizeof(why)] = "";
	struct iovec iov = { text, sizeof(text) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &u,
		.msg_controllen = sizeof(u) };
	int via[2];
	ssize_t n;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, via) == -1)
		return because("socketpair: %s", strerror(errno));
	fflush(NULL);
	if ((pid = fork()) == 0) {
		close(via[0]);
		veth_child(via[1]);
	}
	close(via[1]);
	n = pid == -1 ? -1 : recvmsg(via[0], &msg, MSG_CMSG_CLOEXEC);
	close(via[0]);
	if (pid != -1)
		waitpid(pid, NULL, 0);
	if (n <= 0)
		return because("the one who makes the namespace failed");
	if (msg.msg_controllen < u.h.cmsg_len || u.h.cmsg_type != SCM_RIGHTS)
		return because("%s", text);
	memcpy(fds, CMSG_DATA(&u.h), 2 * sizeof(int));
	return NULL;
}

/* ---- VDE ---------------------------------------------------------------- */

/* As its header has them; the library need not be there. */
typedef void *vde_open_fn(char *where, char *who, int version, void *args);
typedef int vde_datafd_fn(void *conn);

const char *
vde_open_port(const char *url, int *fd)
{
	char where[4096], who[] = "bench";
	struct sockaddr_storage other;
	socklen_t len = sizeof(other);
	vde_open_fn *open_real;
	vde_datafd_fn *datafd;
	void *lib, *conn;

	if ((lib = dlopen("libvdeplug.so.2", RTLD_NOW)) == NULL)
		return because("%s", dlerror());
	*(void **)&open_real = dlsym(lib, "vde_open_real");
	*(void **)&datafd = dlsym(lib, "vde_datafd");
	if (open_real == NULL || datafd == NULL)
		return because("libvdeplug.so.2 is not what it was");
	snprintf(where, sizeof(where), "%s", url);
	/* Lives until we end. */
	if ((conn = open_real(where, who, 1, NULL)) == NULL)
		return because("%s: %s", url, strerror(errno));
	*fd = datafd(conn);
	make_room(*fd);
	if (getpeername(*fd, (struct sockaddr *)&other, &len) == -1)
		return because("libvdeplug's socket: %s", strerror(errno));
	if (fcntl(*fd, F_SETFL, 0) == -1)
		return because("fcntl: %s", strerror(errno));
	return NULL;
}

const char *
vde_open_pair(struct ends *e)
{
	const char *sw = getenv("BENCH_VDE"), *text = NULL;

	if (sw == NULL || *sw == '\0') {
		text = getenv("BENCH_VDE_WHY");
		return because("%s",
		    text != NULL && *text != '\0' ?
			text :
			"BENCH_VDE names no switch");
	}
	for (int i = 0; i < 2 && text == NULL; i++)
		text = vde_open_port(sw, &e->fds[i]);
	return text;
}
