/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * groups.h - the groups of an interface; private to groups.c, igmp.c and mld.c
 */
#ifndef SHMIF_LWIPV6_GROUPS_H
#define SHMIF_LWIPV6_GROUPS_H

#include "stack/lwipv6/link/link.h"

/* What is told of a group, RFC 3376, 4.2.12, and RFC 3810, 5.2.12. */
enum record {
	IS_INCLUDE = 1,
	IS_EXCLUDE,
	TO_INCLUDE,
	TO_EXCLUDE,
	ALLOW,
	BLOCK,
};

/* A source that is heard since lately, or not any more: LEFT reports say so. */
struct change {
	struct ip_addr ip;
	uint8_t left;
};
#define CHANGES_MAX (2 * GROUP_SOURCES_MAX)

struct share {
	struct share *next;
	uint32_t serial; /* identifies it: no other one ever has it */
	struct source_filter filter;
};

/* A group, while somebody belongs to it or it has to be told. */
struct member {
	struct member *next;
	struct ip_addr group;
	struct share *shares; /* NULL: nobody's any more */
	struct source_filter now;
	uint8_t mode_left; /* reports that tell its mode, not its changes */
	unsigned changes;
	struct change change[CHANGES_MAX];
	unsigned due;	 /* seconds until it is told as it is; 0: not asked */
	bool about_some; /* only these sources are asked about: */
	unsigned asked_n;
	struct ip_addr asked[GROUP_SOURCES_MAX];
	bool ours; /* of the old versions: we were the last to report it */
	bool said; /* it was told in this second */
};

/* Of one family. */
struct group_side {
	unsigned due;	 /* seconds until all are told; 0: not asked */
	bool said;	 /* in this second */
	uint8_t robust;	 /* how often a change is told */
	unsigned old;	 /* seconds for which an older querier is assumed; */
	unsigned oldest; /* of IPv4 also one of the first version */
};

struct own_group {
	struct ip_addr group;
	uint32_t serial;
	bool used;
};
#define OWN_MAX 80u

struct group_table {
	struct member *list;
	struct group_side side[2]; /* IPv4, IPv6 */
	struct own_group own[OWN_MAX];
	unsigned owns;
	bool nobody; /* IPv6 was told from ::, the address being unsure */
};

/* ---- groups.c ------------------------------------------------------------ */

struct member *group_find(const struct group_table *t,
    const struct ip_addr *group);
/* Of PORT; made where there is none; NULL: there is no memory. */
struct group_table *group_table_of(struct port *port);
/* Up to, but not including, N. */
uint32_t group_random(uint32_t n);
struct group_side *group_side_of(struct group_table *t,
    const struct ip_addr *group);
/* Whether an old version is spoken. */
bool group_is_old(const struct group_side *s);
/* M is reported, or, LEAVE, left by the old version that is spoken. */
void group_tell_old(struct port *port, struct member *m, bool leave);

/* ---- group_ours.c -------------------------------------------------------- */

bool filter_has(const struct source_filter *f, const struct ip_addr *ip);
/* Whether it is told to others that GROUP has members. */
bool group_is_told(const struct ip_addr *group);

/* ---- group_tell.c -------------------------------------------------------- */

/* What a query of either family says, as far as it is used. */
struct group_query {
	bool v4;
	unsigned version;      /* 1, 2, 3 of IGMP; 1, 2 of MLD */
	struct ip_addr group;  /* 0.0.0.0 or ::, all of them */
	unsigned tenths;       /* within which to answer */
	unsigned robust;       /* 0: not said */
	const uint8_t *source; /* addresses of the family */
	unsigned sources;
};
void group_asked(struct port *port, const struct group_query *q);
/* Somebody else reports GROUP by an old version. */
void group_reported(struct port *port, const struct ip_addr *group);

/* A report in the making. */
#define REPORT_MAX 1400u
struct report {
	struct port *port;
	bool v4;
	unsigned records, len;
	uint8_t b[REPORT_MAX];
};
void report_begin(struct report *r, struct port *port, bool v4);
/* Adds to R what is heard of M: ALL, or what was asked. */
void report_state(struct report *r, const struct member *m, bool all);
/* Adds to R what has changed of M, once. */
void report_changes(struct report *r, struct member *m);
/* Sends R, if there is something in it, and empties it. */
void report_flush(struct report *r);

/* ---- igmp.c, mld.c ------------------------------------------------------- */

/*
 * Send a message about GROUP by an old version: its members are here, or, LEAVE,
 * are not any more.
 */
void igmp_old(struct port *port, const struct ip_addr *group, bool leave);
void mld_old(struct port *port, const struct ip_addr *group, bool leave);
/* Send the N records of LEN bytes at B. */
void igmp_send(struct port *port, const uint8_t *b, unsigned len, unsigned n);
void mld_send(struct port *port, const uint8_t *b, unsigned len, unsigned n);

#endif /* SHMIF_LWIPV6_GROUPS_H */
