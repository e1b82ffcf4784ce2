/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnl.h - netlink sockets, by what a stack can be asked and told (not installed)
 *
 * What stack_ctl.h tells of a stack and does to it, in the words of
 * rtnetlink(7): for ip(8), getifaddrs(3) and their like under mstack.
 *
 * Threads: any but the stack's, and not with its lock; calls for one socket are
 * made by one thread at a time.
 *
 * ERRORS: 0 or a positive errno value.
 */
#ifndef SHMIF_RTNL_H
#define SHMIF_RTNL_H

#include <sys/socket.h>
#include <sys/uio.h>
#include <stddef.h>
#include <stdint.h>

struct stack_ctl;
struct rtnl;

/* A socket with the port PID.  NULL: no memory. */
struct rtnl *rtnl_new(const struct stack_ctl *ctl, void *stack, uint32_t pid);
void rtnl_free(struct rtnl *nl);
/*
 * Does what the messages ask for; the answers are there when it returns.
 * EINVAL: they are none.  ENOBUFS: too many, or too many answers that nobody
 * reads.
 */
int rtnl_send(struct rtnl *nl, const struct iovec *iov, int n, size_t *done);
/* The next answer, cut off where there is no room.  EAGAIN: there is none. */
int rtnl_recv(struct rtnl *nl, const struct iovec *iov, int n, size_t *done);
/*
 * Whether ADDR can be bound to, or connected to.  Groups may be joined, as
 * programs do that only want to know of changes; nothing is told to them.
 */
int rtnl_bind(const struct sockaddr *addr, socklen_t len);
/* Its own address, and the kernel's: PEER. */
void rtnl_name(const struct rtnl *nl, int peer, struct sockaddr *addr,
    socklen_t *len);

#endif /* SHMIF_RTNL_H */
