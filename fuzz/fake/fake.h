/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fake.h - units and a stack that do as they are told, for the target ctl
 *
 * They stand in for unit.h, shmif.h and stack_ctl.h as far as the server uses
 * them.  All that can be changed is in one table, to the bit: two that are
 * alike hold the same bytes.
 */
#ifndef FUZZ_FAKE_H
#define FUZZ_FAKE_H

#include <shmif.h>

#include "shmif/stack_ctl.h"

#define IFS 12
#define FAKE_MTU_MAX 1500
#define ADDRS 6
#define ROUTES 12

struct fake_if {
	bool there, up, promisc, autoconf, dhcp, plugged;
	char name[SHMIF_NAME_MAX];
	char path[300];
	unsigned mtu, mtu_wanted;
	uint8_t mac[6];
	unsigned addrs;
	struct ctl_addr addr[ADDRS];
};

struct fake {
	struct fake_if f[IFS];
	struct ctl_route route[ROUTES];
	unsigned routes;
	bool forwarding;
};
extern struct fake fake;

/* In how many calls that change something one fails; 0: never. */
extern unsigned fake_fail_in;
extern bool fake_failed; /* one did, since this was set to false */
extern int fake_stack;	 /* the stack's address */

/* Whether it is time for something to fail. */
bool fake_fails(void);
/* The interface NAME, or the unit N; or NULL. */
struct fake_if *fake_find(const char *name);
struct fake_if *fake_unit(int n);
/* A new one called NAME; its place is that of no other.  Or NULL. */
struct fake_if *fake_add(const char *name, const char *path);
void fake_take(struct fake_if *f);

#endif /* FUZZ_FAKE_H */
