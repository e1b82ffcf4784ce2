/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack.c - a stack that is a table
 */
#include <errno.h>
#include <sys/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fake/fake.h"
#include "shmif/stack.h"

static void
list_free(struct ctl_if *list, unsigned n)
{
	while (n > 0)
		free(list[--n].addr);
	free(list);
}

static int
fake_list(void *stack, const char *name, struct ctl_if **list, unsigned *n)
{
	struct ctl_if *l;
	unsigned k = 0;
	int i;

	(void)stack;
	*n = 0;
	if (name != NULL && fake_find(name) == NULL)
		return ENXIO;
	if ((l = calloc(IFS + 1, sizeof(*l))) == NULL)
		return ENOMEM;
	for (i = 0; i < IFS; i++) {
		const struct fake_if *f = &fake.f[i];
		struct ctl_if *c = &l[k];

		if (!f->there || (name != NULL && strcmp(name, f->name) != 0))
			continue;
		k++;
		snprintf(c->name, sizeof(c->name), "%s", f->name);
		c->kind = "fake";
		c->unit = strncmp(f->name, "shmif", 5) == 0 ?
		    atoi(f->name + 5) :
		    -1;
		c->up = f->up;
		c->promisc = f->promisc;
		c->autoconf = f->autoconf;
		c->dhcp = f->dhcp;
		c->broadcast = true;
		c->mtu = (uint16_t)f->mtu;
		c->addr = calloc(ADDRS, sizeof(*c->addr));
		if (c->addr == NULL)
			abort();
		memcpy(c->addr, f->addr, sizeof(f->addr));
		c->addrs = f->addrs;
	}
	*list = l;
	*n = k;
	return 0;
}

static const struct ctl_kind *
fake_kind(unsigned i)
{
	static const struct ctl_kind kinds[] = {
		{ "vd", "vde", 9, true, true },
		{ "sl", "slirp", 9, false, false },
	};

	return i < sizeof(kinds) / sizeof(kinds[0]) ? &kinds[i] : NULL;
}

static int
fake_find_stack(void **stack)
{
	*stack = &fake_stack;
	return 0;
}

static int
fake_create(void *stack, const char *name, const char *path, unsigned flags,
    char made[SHMIF_NAME_MAX])
{
	char first[SHMIF_NAME_MAX];

	(void)stack;
	(void)flags;
	snprintf(first, sizeof(first), "%s%s", name,
	    strlen(name) == 2 ? "0" : "");
	if (fake_find(first) != NULL)
		return EEXIST;
	if (path != NULL && strlen(path) >= sizeof(fake.f[0].path))
		return ENAMETOOLONG;
	if (fake_fails() || fake_add(first, path) == NULL)
		return EIO;
	strcpy(made, first);
	return 0;
}

static int
fake_destroy(void *stack, const char *name)
{
	struct fake_if *f = fake_find(name);

	(void)stack;
	if (f == NULL)
		return ENXIO;
	fake_take(f);
	return 0;
}

/* Sets a flag or a number of the interface NAME. */
#define SETTER(fn, type, field) \
	static int fn(void *stack, const char *name, type v) \
	{ \
		(void)stack; \
		if (fake_find(name) == NULL) \
			return ENXIO; \
		if (fake_fails()) \
			return ENOMEM; \
		fake_find(name)->field = v; \
		return 0; \
	}
SETTER(fake_up, bool, up)
SETTER(fake_mtu, unsigned, mtu)
SETTER(fake_promisc, bool, promisc)
SETTER(fake_autoconf, bool, autoconf)

static int
fake_dhcp(void *stack, const char *name, bool on)
{
	struct fake_if *f = fake_find(name);

	(void)stack;
	if (f == NULL)
		return ENXIO;
	if (fake_fails())
		return ENOMEM;
	f->dhcp = on;
	f->up |= on;
	return 0;
}

/* Their order shall not depend on how they came to be there. */
static int
by_address(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ctl_addr));
}

static int
by_route(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ctl_route));
}

static int
fake_address(void *stack, const char *name, const uint8_t ip[16],
    unsigned prefix, bool on)
{
	struct fake_if *f = fake_find(name);
	unsigned i;

	(void)stack;
	if (f == NULL)
		return ENXIO;
	for (i = 0; i < f->addrs; i++)
		if (memcmp(f->addr[i].ip, ip, 16) == 0 &&
		    f->addr[i].prefix == prefix)
			break;
	if (on && i < f->addrs)
		return EADDRINUSE;
	if (!on && i == f->addrs)
		return EADDRNOTAVAIL;
	if (fake_fails() || (on && f->addrs == ADDRS))
		return ENOMEM;
	if (on) {
		memcpy(f->addr[i].ip, ip, 16);
		f->addr[i].prefix = (uint8_t)prefix;
		f->addrs++;
	} else {
		f->addr[i] = f->addr[--f->addrs];
		memset(&f->addr[f->addrs], 0, sizeof(f->addr[0]));
	}
	qsort(f->addr, f->addrs, sizeof(f->addr[0]), by_address);
	return 0;
}

static int
fake_route(void *stack, const struct ctl_route *r, bool on)
{
	unsigned i;

	(void)stack;
	for (i = 0; i < fake.routes; i++)
		if (memcmp(&fake.route[i], r, sizeof(*r)) == 0)
			break;
	if (on && i < fake.routes)
		return EEXIST;
	if (!on && i == fake.routes)
		return ESRCH;
	if (fake_fails() || (on && fake.routes == ROUTES))
		return ENOMEM;
	if (on) {
		fake.route[fake.routes++] = *r;
	} else {
		fake.route[i] = fake.route[--fake.routes];
		memset(&fake.route[fake.routes], 0, sizeof(*r));
	}
	qsort(fake.route, fake.routes, sizeof(*r), by_route);
	return 0;
}

static int
fake_routes(void *stack, struct ctl_route **list, unsigned *n)
{
	(void)stack;
	if ((*list = calloc(ROUTES, sizeof(**list))) == NULL)
		abort();
	memcpy(*list, fake.route, sizeof(fake.route));
	*n = fake.routes;
	return 0;
}

static int
fake_neigh(void *stack, int family, const char *name, struct ctl_neigh **list,
    unsigned *n)
{
	(void)stack;
	(void)family;
	(void)name;
	if ((*list = calloc(2, sizeof(**list))) == NULL)
		abort();
	(*list)[1].known = (*list)[1].fixed = true;
	*n = 2;
	return 0;
}

static int
fake_neigh_del(void *stack, const char *name, const uint8_t ip[16],
    bool published)
{
	(void)stack;
	(void)name;
	(void)published;
	return ip[15] == 0 ? ESRCH : 0;
}

static int
fake_neigh_add(void *stack, const char *name, const uint8_t ip[16],
    const uint8_t *mac, bool published)
{
	(void)stack;
	(void)name;
	(void)mac;
	return published || ip[15] != 0 ? 0 : EADDRINUSE;
}

static int
fake_sockets(void *stack, struct ctl_sock **list, unsigned *n,
    unsigned *omitted)
{
	static const struct ctl_sock some[] = {
		{ .family = AF_INET, .owner = 1, .has_queues = true },
		{ .type = CTL_NETLINK, .number = -1, .owner = -1 },
		{ .type = CTL_RAW, .state = CTL_SOCK_TIME_WAIT },
	};

	(void)stack;
	if ((*list = malloc(sizeof(some))) == NULL)
		abort();
	memcpy(*list, some, sizeof(some));
	*n = sizeof(some) / sizeof(some[0]);
	*omitted = 7;
	return 0;
}

static bool
fake_forwarding(void *stack)
{
	(void)stack;
	return fake.forwarding;
}

static int
fake_set_forwarding(void *stack, bool on)
{
	(void)stack;
	fake.forwarding = on;
	return 0;
}

static int
fake_radv(void *stack, const char *file, char *why, size_t size)
{
	(void)stack;
	snprintf(why, size, "%s", file[0] == '.' ? "line 1: not so" : "");
	return file[0] == '/' ? 0 : ENOENT;
}

/* A ping that is answered at once, twice where the size is odd. */
struct ctl_ping {
	ctl_pong *pong;
	void *arg;
};

static int
fake_ping_begin(void *stack, const uint8_t ip[16], const char *name,
    ctl_pong *pong, void *arg, struct ctl_ping **ping)
{
	(void)stack;
	(void)name;
	if (ip[15] == 0)
		return ENOMEM;
	if ((*ping = calloc(1, sizeof(**ping))) == NULL)
		abort();
	**ping = (struct ctl_ping){ pong, arg };
	return 0;
}

static int
fake_ping_send(struct ctl_ping *p, unsigned seq, unsigned size, unsigned ttl)
{
	const struct ctl_answer answer = { .seq = seq,
		.bytes = size,
		.ttl = 64,
		.ns = 1000,
		.expired = ttl == 1 };

	if (size == 60000)
		return EMSGSIZE;
	p->pong(p->arg, &answer);
	if (size % 2)
		p->pong(p->arg, &answer);
	return 0;
}

static void
fake_ping_end(struct ctl_ping *p)
{
	free(p);
}

static const struct stack_ctl fake_ctl = {
	.list = fake_list,
	.list_free = list_free,
	.kind = fake_kind,
	.create = fake_create,
	.destroy = fake_destroy,
	.set_up = fake_up,
	.set_mtu = fake_mtu,
	.set_promisc = fake_promisc,
	.set_autoconf = fake_autoconf,
	.set_dhcp = fake_dhcp,
	.address = fake_address,
	.route = fake_route,
	.routes = fake_routes,
	.neigh = fake_neigh,
	.neigh_del = fake_neigh_del,
	.neigh_add = fake_neigh_add,
	.sockets = fake_sockets,
	.forwarding = fake_forwarding,
	.set_forwarding = fake_set_forwarding,
	.radv = fake_radv,
	.ping_begin = fake_ping_begin,
	.ping_send = fake_ping_send,
	.ping_end = fake_ping_end,
};
const struct stack_ops the_stack = { .name = "fake",
	.mtu_max = FAKE_MTU_MAX,
	.find = fake_find_stack,
	.ctl = &fake_ctl };
