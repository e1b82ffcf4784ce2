/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sockets.h - the kernel's ways to carry frames between two processes
 */
#ifndef BENCH_SOCKETS_H
#define BENCH_SOCKETS_H

#include <sys/socket.h>

/*
 * Both ends of one: blocking descriptors that take and give whole frames with
 * send(2) and recv(2).
 */
struct ends {
	int fds[2];
	struct sockaddr_storage to; /* where one sends to */
	socklen_t to_len;	    /* 0: the descriptors know */
};

/* Opens them.  Each returns NULL, or why it cannot be: static. */
typedef const char *sockets_fn(struct ends *e);

/* A pair of UNIX sockets. */
sockets_fn seqpacket_open;
/* UDP to a group on the loopback interface, as "qemu -netdev socket,mcast". */
sockets_fn mcast_open;
/*
 * AF_PACKET on both ends of a veth, in a network namespace that is gone when
 * the descriptors are.
 */
sockets_fn veth_open;
/* Two ports of the VDE switch that BENCH_VDE in the environment names. */
sockets_fn vde_open_pair;
/* A port of the switch at URL, which lives until we end. */
const char *vde_open_port(const char *url, int *fd);

#endif /* BENCH_SOCKETS_H */
