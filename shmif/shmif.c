/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif.c - what programs do with units
 *
 * DOC: A unit is made, moved from bus to bus, set up and removed here, under
 * its lock ctl; table.c tells how it is found, and how it goes.
 */
#include <sys/random.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "shmif/unit.h"

#define FLAGS_KNOWN \
	(SHMIF_NOCREATE | SHMIF_NOAUTOCONF | SHMIF_RADV | SHMIF_PROMISC)

/* ---- things done on the stack's thread ---------------------------------- */

enum what { SET_MAC, SET_MTU, SET_LINK, SET_PROMISC };

struct change {
	struct unit *u;
	enum what what;
	unsigned value;
	const uint8_t *mac;
};

static void
change_fn(void *arg)
{
	struct change *c = arg;
	const struct stack_ops *ops = c->u->ops;

	switch (c->what) {
	case SET_MAC:
		ops->set_mac(c->u, c->mac);
		break;
	case SET_MTU:
		ops->set_mtu(c->u, (uint16_t)c->value);
		break;
	case SET_LINK:
		ops->set_link(c->u, c->value != 0);
		break;
	case SET_PROMISC:
		ops->set_promisc(c->u, c->value != 0);
		break;
	}
}

static int
change(struct unit *u, enum what what, unsigned value, const uint8_t *mac)
{
	struct change c = { u, what, value, mac };

	return u->ops->call(u, change_fn, &c);
}

/* The largest MTU on link L. */
static unsigned
mtu_limit(const struct unit *u, const struct link *l)
{
	unsigned max = u->ops->mtu_max;

	return l->bus != NULL && l->bus_mtu < max ? l->bus_mtu : max;
}

/* The MTU that U is to have on link L. */
static unsigned
mtu_on(const struct unit *u, const struct link *l)
{
	unsigned limit = mtu_limit(u, l);

	return u->mtu_wanted != 0 && u->mtu_wanted < limit ? u->mtu_wanted :
							     limit;
}

/* ---- life --------------------------------------------------------------- */

static int
check_options(const char *path, const struct shmif_options *o)
{
	if ((path != NULL && *path == '\0') ||
	    (o->flags & ~(unsigned)FLAGS_KNOWN) || (o->mac[0] & 1))
		return EINVAL;
	if (o->mtu != 0 &&
	    (o->mtu < SHMIF_MTU_MIN || o->mtu > the_stack.mtu_max))
		return EMSGSIZE;
	/* Before a bus is created that cannot carry it. */
	if (o->bus_mtu != 0 && o->mtu > o->bus_mtu)
		return EMSGSIZE;
	return 0;
}

/* Fills in how unit U attaches to its bus. */
static void
bus_options(const struct unit *u, const struct shmif_options *o,
    struct shmbus_options *b)
{
	memset(b, 0, sizeof(*b));
	b->flags = (o->flags & SHMIF_NOCREATE ? 0 : SHMBUS_CREATE) |
	    (u->promisc ? SHMBUS_PROMISC : 0);
	b->geometry.mtu = o->bus_mtu;
	b->geometry.slots = o->bus_slots;
	b->geometry.mode = o->bus_mode;
	/*
	 * The receive thread does not spin: it would keep a core from the
	 * stack's thread and from the program's.  Two processes on two cores,
	 * round trip of one byte over TCP: 71 us without, 82 us with 5 us of
	 * spinning, 108 us with 20, 270 us with 100.
	 */
	b->spin_us = -1;
	memcpy(b->mac, u->mac, sizeof(b->mac));
}

/* Makes unit NUM on STACK, its link set but not started. */
static int
build(int num, void *stack, const char *path, const struct shmif_options *o,
    struct unit **up)
{
	struct stack_setup how = { .num = num };
	struct shmbus_options b;
	struct link *l;
	struct unit *u;
	int error;

	if ((error = unit_new(&u, &the_stack, stack, num)) != 0)
		return error;
	u->mtu_wanted = o->mtu;
	u->promisc = (o->flags & SHMIF_PROMISC) != 0;
	memcpy(u->mac, o->mac, sizeof(u->mac));
	if ((u->mac[0] | u->mac[1] | u->mac[2] | u->mac[3] | u->mac[4] |
		u->mac[5]) == 0) {
		u->mac[0] = 0xb2;
		u->mac[1] = 0xa0;
		if (getrandom(u->mac + 2, 4, 0) != 4) {
			error = EIO;
			goto fail;
		}
	}
	bus_options(u, o, &b);
	if ((error = unit_link_new(u, path, &b, &l)) != 0)
		goto fail;
	unit_set_link(u, l);
	if (u->mtu_wanted > mtu_limit(u, l)) {
		error = EMSGSIZE;
		goto fail;
	}
	memcpy(how.mac, u->mac, sizeof(how.mac));
	how.mtu = (uint16_t)mtu_on(u, l);
	how.link = l->bus != NULL;
	how.promisc = u->promisc;
	how.autoconf = !(o->flags & SHMIF_NOAUTOCONF);
	how.radv = (o->flags & SHMIF_RADV) != 0;
	if ((error = u->ops->attach(u, stack, &how)) != 0)
		goto fail;
	*up = u;
	return 0;
fail:
	unit_free(u);
	return error;
}

int
unit_create(const char *path, const struct shmif_options *opt, int want,
    int *ifnum)
{
	static const struct shmif_options defaults;
	struct unit *u = NULL;
	void *stack;
	int error;
	int num;

	if (opt == NULL)
		opt = &defaults;
	if (ifnum == NULL)
		return EINVAL;
	if ((error = check_options(path, opt)) != 0)
		return error;
	stack = opt->stack;
	if (stack == NULL && (error = the_stack.find(&stack)) != 0)
		return error;
	if ((num = table_reserve(want)) == -1)
		return want == -1 ? EMFILE : EEXIST;
	if ((error = build(num, stack, path, opt, &u)) != 0) {
		table_release(num);
		return error;
	}
	pthread_mutex_lock(&u->ctl);
	unit_start(u);
	table_publish(num, u);
	pthread_mutex_unlock(&u->ctl);
	*ifnum = num;
	return 0;
}

int
shmif_create_opt(const char *path, const struct shmif_options *opt, int *ifnum)
{
	return unit_create(path, opt, -1, ifnum);
}

int
shmif_create(const char *path, int *ifnum)
{
	return shmif_create_opt(path, NULL, ifnum);
}

int
shmif_create_on(struct stack *stack, const char *path, int *ifnum)
{
	const struct shmif_options opt = { .stack = stack };

	if (stack == NULL)
		return EINVAL;
	return shmif_create_opt(path, &opt, ifnum);
}

/*
 * Moves U to the bus PATH, which may be NULL; or, when it is not PLUGGED, to
 * nowhere, with PATH as the link string.  FLAGS is for bus_options().
 */
static int
reconnect(struct unit *u, const char *path, bool plugged, unsigned flags)
{
	const struct shmif_options o = { .flags = flags };
	struct shmbus_options b;
	struct link *l;
	int error;

	bus_options(u, &o, &b);
	error = unit_link_new(u, path, plugged ? &b : NULL, &l);
	if (error != 0)
		return error;
	unit_stop(u, false);
	unit_set_link(u, l);
	change(u, SET_MTU, mtu_on(u, l), NULL);
	unit_start(u);
	change(u, SET_LINK, l->bus != NULL, NULL);
	return 0;
}

int
shmif_linkstr(int ifnum, const char *path)
{
	struct unit *u;
	int error;

	if (path != NULL && *path == '\0')
		return EINVAL;
	if ((error = unit_hold(ifnum, &u)) != 0)
		return error;
	if (path != NULL && u->link->bus != NULL &&
	    strcmp(path, u->link->path) == 0 && shmbus_check(u->link->bus) == 0)
		error = EISCONN;
	else
		error = reconnect(u, path, path != NULL, 0);
	unit_drop(u);
	return error;
}

int
shmif_set_media(int ifnum, int on)
{
	struct unit *u;
	char *path;
	int error;

	if ((error = unit_hold(ifnum, &u)) != 0)
		return error;
	if (u->link->path[0] == '\0') {
		error = ENOTCONN;
	} else if ((u->link->bus != NULL) != (on != 0)) {
		/* The link that has the string now goes. */
		path = strdup(u->link->path);
		error = path == NULL ?
		    ENOMEM :
		    reconnect(u, path, on != 0, SHMIF_NOCREATE);
		free(path);
	}
	unit_drop(u);
	return error;
}

int
shmif_destroy(int ifnum)
{
	struct unit *u;
	int error;

	if ((error = unit_hold(ifnum, &u)) != 0)
		return error;
	u->dead = true;
	table_unpublish(u->num);
	unit_stop(u, false);
	u->ops->detach(u);
	unit_leave(u);
	table_release(u->num);
	unit_put(u);
	unit_drop(u);
	return 0;
}

void
unit_orphaned(struct unit *u)
{
	pthread_mutex_lock(&u->ctl);
	u->dead = true;
	table_unpublish(u->num);
	unit_stop(u, true);
	unit_leave(u);
	table_release(u->num);
	pthread_mutex_unlock(&u->ctl);
	unit_put(u);
}

/* ---- configuration ------------------------------------------------------ */

static int
set_up(int ifnum, bool up)
{
	struct unit *u;
	int error;

	if ((error = unit_hold(ifnum, &u)) != 0)
		return error;
	u->ops->set_up(u, up);
	unit_drop(u);
	return 0;
}

int
shmif_up(int ifnum)
{
	return set_up(ifnum, true);
}

int
shmif_down(int ifnum)
{
	return set_up(ifnum, false);
}

static int
address(int ifnum, const char *text, bool add)
{
	uint8_t ip[16];
	unsigned prefix;
	struct unit *u;
	int error;

	if (text == NULL || !addr_parse(text, ip, &prefix))
		return EINVAL;
	if (prefix == ADDR_PREFIX_NONE)
		prefix = 128;
	if ((error = unit_hold(ifnum, &u)) != 0)
		return error;
	error = u->ops->address(u, ip, prefix, add);
	unit_drop(u);
	return error;
}

int
shmif_add_addr(int ifnum, const char *addr)
{
	return address(ifnum, addr, true);
}

int
shmif_del_addr(int ifnum, const char *addr)
{
	return address(ifnum, addr, false);
}

int
shmif_set_mac(int ifnum, const uint8_t mac[6])
{
	static const uint8_t none[6];
	struct unit *u;
	int error;

	if (mac == NULL || (mac[0] & 1) || memcmp(mac, none, 6) == 0)
		return EINVAL;
	if ((error = unit_hold(ifnum, &u)) != 0)
		return error;
	/* The bus first: the stack announces it, and may be answered at once. */
	if (u->link->bus != NULL)
		shmbus_set_mac(u->link->bus, mac);
	if ((error = change(u, SET_MAC, 0, mac)) == 0)
		memcpy(u->mac, mac, sizeof(u->mac));
	else if (u->link->bus != NULL)
		shmbus_set_mac(u->link->bus, u->mac);
	unit_drop(u);
	return error;
}

int
shmif_set_mtu(int ifnum, unsigned mtu)
{
	struct unit *u;
	int error;

	if ((error = unit_hold(ifnum, &u)) != 0)
		return error;
	if (mtu != 0 && (mtu < SHMIF_MTU_MIN || mtu > mtu_limit(u, u->link))) {
		error = EMSGSIZE;
	} else {
		u->mtu_wanted = mtu;
		error = change(u, SET_MTU, mtu_on(u, u->link), NULL);
	}
	unit_drop(u);
	return error;
}

unsigned
unit_mtu_wanted(int n)
{
	unsigned wanted = 0;
	struct unit *u;

	if (unit_hold(n, &u) == 0) {
		wanted = u->mtu_wanted;
		unit_drop(u);
	}
	return wanted;
}

int
shmif_set_promisc(int ifnum, int on)
{
	struct unit *u;
	int error;

	if ((error = unit_hold(ifnum, &u)) != 0)
		return error;
	if ((error = change(u, SET_PROMISC, on != 0, NULL)) == 0) {
		u->promisc = on != 0;
		if (u->link->bus != NULL)
			shmbus_set_promisc(u->link->bus, on);
	}
	unit_drop(u);
	return error;
}
