/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnl_priv.h - what rtnl.c and rtnl_verbs.c share (not installed)
 */
#ifndef SHMIF_RTNL_PRIV_H
#define SHMIF_RTNL_PRIV_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>

#include "shmif/stack_ctl.h"
#include "shmif/rtnl.h"

#define RTNL_MESSAGE 512u /* bytes that one message may have */
#define RTNL_ATTRS 64u	  /* types of attributes that are looked at */

/* A request, and where its attributes are. */
struct request {
	struct rtnl *nl;
	const struct stack_ctl *ctl;
	void *stack;
	const struct nlmsghdr *h;
	const void *body; /* what follows the header; as long as TYPE wants */
	/* A body that was sent in part only, as long as the longest. */
	union {
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct rtmsg route;
		struct ndmsg neigh;
	} short_one;
	const struct rtattr *attr[RTNL_ATTRS];
	struct ctl_if *ifs;
	unsigned n_ifs;
};

/* A message under construction. */
struct message {
	uint8_t bytes[RTNL_MESSAGE];
	struct nlmsghdr h;
};

/* ---- rtnl.c ------------------------------------------------------------- */

/* Begins an answer to R with the structure BODY. */
void msg_begin(struct message *m, const struct request *r, unsigned type,
    unsigned flags, const void *body, size_t len);
void msg_attr(struct message *m, unsigned type, const void *data, size_t len);
/* Queues it; FRESH: as a datagram of its own. */
void msg_end(struct rtnl *nl, struct message *m, bool fresh);
bool rtnl_is_dump(const struct request *r);

/* ---- rtnl_verbs.c -------------------------------------------------------- */

struct verb {
	unsigned type;
	size_t body; /* the length of its structure */
	int (*fn)(struct request *r);
};

/* What is done for a message of TYPE; NULL: nothing. */
const struct verb *rtnl_verb(unsigned type);

#endif /* SHMIF_RTNL_PRIV_H */
