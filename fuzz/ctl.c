/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl.c - fuzz target: what a control socket is told
 *
 * DOC: The code of the server from the bytes that a client sends to the calls
 * that it makes is the real one; below, in place of units and a stack, is a
 * table that does as it is told (stack_ctl.h and shmif.h, as far as the server
 * uses them), so that hundreds of thousands of requests a minute can be done.
 *
 * An input: a byte FAIL, a byte CUT, then messages that end with a newline.
 * What begins with "!" goes to the connection as it is, the rest with a proper
 * header before it.  The FAILth call that changes something fails, so that
 * what was done before is undone; CUT is into how many pieces the bytes are
 * cut on their way.
 *
 * What must hold: a request that is refused leaves the table as it was before
 * it, to the bit; every message has one reply, of JSON, that can be read back;
 * a connection keeps no more than it is allowed to.
 */
#include <sys/socket.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shmif.h>

#include "fuzz.h"
#include "server/client.h"
#include "stack.h"
#include "unit.h"

#define IFS 12
#define ADDRS 6
#define ROUTES 12

/* ---- the table ---------------------------------------------------------- */

struct fake_if {
	bool there, up, promisc, autoconf, dhcp, plugged;
	char name[SHMIF_NAME_MAX];
	char path[300];
	unsigned mtu, mtu_wanted;
	uint8_t mac[6];
	unsigned addrs;
	struct ctl_addr addr[ADDRS];
};

static struct fake {
	struct fake_if f[IFS];
	struct ctl_route route[ROUTES];
	unsigned routes;
	bool forwarding;
} fake;

static unsigned fail_in; /* 0: no more */
static bool failed;	 /* in this message */
static int one_stack;

/* Whether it is time for something to fail. */
static bool
fails(void)
{
	bool now = fail_in > 0 && --fail_in == 0;

	failed |= now;
	return now;
}

static struct fake_if *
find(const char *name)
{
	int i;

	for (i = 0; i < IFS; i++)
		if (fake.f[i].there && strcmp(fake.f[i].name, name) == 0)
			return &fake.f[i];
	return NULL;
}

static struct fake_if *
unit(int n)
{
	char name[24];

	snprintf(name, sizeof(name), "shmif%d", n);
	return find(name);
}

/* A new one called NAME; its place is that of no other. */
static struct fake_if *
add(const char *name, const char *path)
{
	struct fake_if *f;
	int i;

	for (i = 0; i < IFS && fake.f[i].there; i++)
		continue;
	if (i == IFS)
		return NULL;
	f = &fake.f[i];
	memset(f, 0, sizeof(*f));
	f->there = true;
	f->mtu = 1500;
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->path, sizeof(f->path), "%s", path != NULL ? path : "");
	f->plugged = path != NULL;
	f->mac[0] = 2;
	return f;
}

static void
take(struct fake_if *f)
{
	memset(f, 0, sizeof(*f)); /* to the bit */
}

/* ---- units -------------------------------------------------------------- */

int
unit_create(const char *path, const struct shmif_options *opt, int want,
    int *ifnum)
{
	char name[SHMIF_NAME_MAX];
	struct fake_if *f;
	int n = want;

	if (n == -1)
		for (n = 0; unit(n) != NULL; n++)
			continue;
	if (unit(n) != NULL)
		return EEXIST;
	if (path != NULL && strlen(path) >= sizeof(f->path))
		return ENAMETOOLONG;
	if (fails())
		return ENOMEM;
	snprintf(name, sizeof(name), "shmif%d", n);
	if ((f = add(name, path)) == NULL)
		return EMFILE;
	if (opt->mtu != 0)
		f->mtu = f->mtu_wanted = opt->mtu;
	f->promisc = (opt->flags & SHMIF_PROMISC) != 0;
	*ifnum = n;
	return 0;
}

int
shmif_destroy(int n)
{
	struct fake_if *f = unit(n);

	if (f == NULL)
		return ENXIO;
	take(f);
	return 0;
}

int
shmif_linkstr(int n, const char *path)
{
	struct fake_if *f = unit(n);

	if (f == NULL)
		return ENXIO;
	if (path != NULL && f->plugged && strcmp(path, f->path) == 0)
		return EISCONN;
	if (path != NULL && strlen(path) >= sizeof(f->path))
		return ENAMETOOLONG;
	if (fails())
		return ENOENT;
	memset(f->path, 0, sizeof(f->path));
	snprintf(f->path, sizeof(f->path), "%s", path != NULL ? path : "");
	f->plugged = path != NULL;
	return 0;
}

int
shmif_set_media(int n, int on)
{
	struct fake_if *f = unit(n);

	if (f == NULL)
		return ENXIO;
	if (f->path[0] == '\0')
		return ENOTCONN;
	if (fails())
		return ENOENT;
	f->plugged = on != 0;
	return 0;
}

int
shmif_info(int n, struct shmif_info *info)
{
	struct fake_if *f = unit(n);

	memset(info, 0, sizeof(*info));
	if (f == NULL)
		return ENXIO;
	info->connected = f->plugged;
	info->attachment = f->plugged ? 0 : -1;
	return 0;
}

int
shmif_path(int n, char *path, size_t size)
{
	struct fake_if *f = unit(n);

	if (f == NULL)
		return ENXIO;
	if (f->path[0] == '\0')
		return ENOTCONN;
	if (strlen(f->path) >= size)
		return ERANGE;
	strcpy(path, f->path);
	return 0;
}

int
shmif_set_mtu(int n, unsigned mtu)
{
	struct fake_if *f = unit(n);

	if (f == NULL)
		return ENXIO;
	if ((mtu != 0 && mtu < SHMIF_MTU_MIN) || mtu > SHMIF_MTU_MAX || fails())
		return EMSGSIZE;
	f->mtu_wanted = mtu;
	f->mtu = mtu != 0 ? mtu : 1500;
	return 0;
}

unsigned
unit_mtu_wanted(int n)
{
	return unit(n) != NULL ? unit(n)->mtu_wanted : 0;
}

int
shmif_mac(int n, uint8_t mac[6])
{
	if (unit(n) == NULL)
		return ENXIO;
	memcpy(mac, unit(n)->mac, 6);
	return 0;
}

int
shmif_set_mac(int n, const uint8_t mac[6])
{
	if (unit(n) == NULL)
		return ENXIO;
	if (fails())
		return ENOMEM;
	memcpy(unit(n)->mac, mac, 6);
	return 0;
}

int
shmif_set_promisc(int n, int on)
{
	if (unit(n) == NULL)
		return ENXIO;
	if (fails())
		return ENOMEM;
	unit(n)->promisc = on != 0;
	return 0;
}

int
shmif_stats(int n, struct shmif_stats *st)
{
	memset(st, 0, sizeof(*st));
	return unit(n) != NULL ? 0 : ENXIO;
}

int
shmif_next(int n)
{
	for (n++; n < SHMIF_UNITS_MAX; n++)
		if (unit(n) != NULL)
			return n;
	return -1;
}

int
shmif_name(int n, char *name, size_t size)
{
	snprintf(name, size, "shmif%d", n);
	return unit(n) != NULL ? 0 : ENXIO;
}

struct stack *
shmif_stack(int n)
{
	return unit(n) != NULL ? (struct stack *)(void *)&one_stack : NULL;
}

/* ---- the stack ---------------------------------------------------------- */

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
	if (name != NULL && find(name) == NULL)
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

static bool
fake_is_foreign(const char *name)
{
	return strncmp(name, "vd", 2) == 0 || strncmp(name, "sl", 2) == 0;
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
	if (find(first) != NULL)
		return EEXIST;
	if (path != NULL && strlen(path) >= sizeof(fake.f[0].path))
		return ENAMETOOLONG;
	if (fails() || add(first, path) == NULL)
		return EIO;
	strcpy(made, first);
	return 0;
}

static int
fake_destroy(void *stack, const char *name)
{
	struct fake_if *f = find(name);

	(void)stack;
	if (f == NULL)
		return ENXIO;
	take(f);
	return 0;
}

/* Sets a flag or a number of the interface NAME. */
#define SETTER(fn, type, field) \
	static int fn(void *stack, const char *name, type v) \
	{ \
		(void)stack; \
		if (find(name) == NULL) \
			return ENXIO; \
		if (fails()) \
			return ENOMEM; \
		find(name)->field = v; \
		return 0; \
	}
SETTER(fake_up, bool, up)
SETTER(fake_mtu, unsigned, mtu)
SETTER(fake_promisc, bool, promisc)
SETTER(fake_autoconf, bool, autoconf)

static int
fake_dhcp(void *stack, const char *name, bool on)
{
	struct fake_if *f = find(name);

	(void)stack;
	if (f == NULL)
		return ENXIO;
	if (fails())
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
	struct fake_if *f = find(name);
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
	if (fails() || (on && f->addrs == ADDRS))
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
	if (fails() || (on && fake.routes == ROUTES))
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
	(*list)[1].known = true;
	*n = 2;
	return 0;
}

static int
fake_neigh_del(void *stack, const char *name, const uint8_t ip[16])
{
	(void)stack;
	(void)name;
	return ip[15] == 0 ? ESRCH : 0;
}

static bool
fake_forwarding(void *stack)
{
	(void)stack;
	return fake.forwarding;
}

static void
fake_set_forwarding(void *stack, bool on)
{
	(void)stack;
	fake.forwarding = on;
}

static int
fake_radv(void *stack, const char *file)
{
	(void)stack;
	return file[0] == '/' ? 0 : ENOENT;
}

/* A ping that is answered at once, twice where the size is odd. */
struct ctl_ping {
	ctl_pong *pong;
	void *arg;
};

static int
fake_ping_begin(void *stack, const uint8_t ip[16], ctl_pong *pong, void *arg,
    struct ctl_ping **ping)
{
	(void)stack;
	if (ip[15] == 0)
		return ENOMEM;
	if ((*ping = calloc(1, sizeof(**ping))) == NULL)
		abort();
	**ping = (struct ctl_ping){ pong, arg };
	return 0;
}

static int
fake_ping_send(struct ctl_ping *p, unsigned seq, unsigned size)
{
	if (size == 60000)
		return EMSGSIZE;
	p->pong(p->arg, seq, size, 64, 1000);
	if (size % 2)
		p->pong(p->arg, seq, size, 64, 2000);
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
	.is_foreign = fake_is_foreign,
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
	.forwarding = fake_forwarding,
	.set_forwarding = fake_set_forwarding,
	.radv = fake_radv,
	.ping_begin = fake_ping_begin,
	.ping_send = fake_ping_send,
	.ping_end = fake_ping_end,
};
static const struct stack_ops fake_ops = { .name = "fake", .ctl = &fake_ctl };
const struct stack_ops *const the_stack = &fake_ops;

void
place_leave(struct place *p)
{
	(void)p;
}

/* ---- a conversation ------------------------------------------------------ */

static struct clients all = { .wake = -1, .epoll = -1 };
static int there; /* the client's end */
static unsigned long messages;

static void
say_how_many(void)
{
	fprintf(stderr, "fuzz: %lu messages\n", messages);
}

/* Whether a reply came; *OK: it says so, or that it could not undo. */
static bool
reply(bool *ok)
{
	static char buf[WIRE_REPLY_MAX];
	struct json_object *o, *v;
	struct wire_head h;
	uint8_t head[WIRE_HEADER];
	ssize_t n = recv(there, head, sizeof(head), MSG_DONTWAIT);

	if (n <= 0)
		return false;
	if (n != WIRE_HEADER || wire_get_head(head, WIRE_REPLY_MAX, &h) != 0)
		fuzz_fail("half a header");
	if (recv(there, buf, h.length, MSG_WAITALL) != (ssize_t)h.length)
		fuzz_fail("half a reply");
	if (memchr(buf, '\0', h.length) != NULL ||
	    memchr(buf, '\n', h.length) != NULL)
		fuzz_fail("not one line");
	buf[h.length] = '\0';
	if ((o = json_tokener_parse(buf)) == NULL)
		fuzz_fail("not JSON: %s", buf);
	if (!json_object_object_get_ex(o, "ok", &v))
		fuzz_fail("neither ok nor not: %s", buf);
	*ok = json_object_get_boolean(v);
	/* The call that was made to fail may have been one that undoes. */
	if (failed && strstr(buf, "; not undone: ") != NULL)
		*ok = true;
	json_object_put(o);
	return true;
}

/* Sends DATA in CUT pieces, and looks at what comes of it. */
static void
message(struct client *c, const uint8_t *data, size_t n, unsigned cut)
{
	struct fake before = fake;
	size_t piece = n / (cut + 1) + 1, at, len;
	bool ok = false;
	int i;

	if (messages++ == 0)
		atexit(say_how_many);
	failed = false;
	for (at = 0; at < n && !c->dead && !c->hang_up; at += len) {
		len = n - at < piece ? n - at : piece;
		if (!client_feed(&all, c, data + at, len))
			abort();
		client_work(&all, c, 16);
		if (c->in_len > WIRE_HEADER + WIRE_REQUEST_MAX + piece)
			fuzz_fail("%zu bytes are kept", c->in_len);
	}
	/* A ping is over when its time is, or its client is gone. */
	for (i = 0; i < 3 && c->ping != NULL; i++)
		pings_work(&all);
	pings_cancel(&all, c);
	client_flush(&all, c);
	for (i = 0; reply(&ok); i++)
		if (!ok && i == 0 && data[0] != '!' &&
		    memcmp(&before, &fake, sizeof(fake)) != 0)
			fuzz_fail("refused, but something was changed");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t framed[WIRE_HEADER + WIRE_REQUEST_MAX + 10];
	struct input in = { data, size };
	unsigned cut;
	struct client *c = NULL;
	int fd[2];

	memset(&fake, 0, sizeof(fake));
	add("lo0", NULL);
	fail_in = in8(&in);
	cut = in8(&in) % 8;
	all.env = (struct env){ .stack = &one_stack,
		.stack_name = "fake",
		.ctl = &fake_ctl,
		.url = "unix://fuzz" };
	while (in.n > 0) {
		const uint8_t *end = memchr(in.p, '\n', in.n);
		size_t n = end != NULL ? (size_t)(end - in.p) : in.n;

		if (c == NULL) {
			if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
				abort();
			there = fd[1];
			if ((c = client_new(&all, fd[0])) == NULL)
				abort();
		}
		if (n > 0 && in.p[0] == '!') {
			message(c, in.p + 1, n - 1, cut);
		} else if (n > 0 && n <= WIRE_REQUEST_MAX) {
			wire_put_head(framed, (uint32_t)n);
			memcpy(framed + WIRE_HEADER, in.p, n);
			message(c, framed, WIRE_HEADER + n, cut);
		}
		in.p += n + (end != NULL);
		in.n -= n + (end != NULL);
		if (c->dead || c->hang_up) {
			client_free(&all, c);
			close(there);
			c = NULL;
		}
	}
	if (c != NULL) {
		client_free(&all, c);
		close(there);
	}
	if (all.n != 0 || all.out_all != 0 || all.n_pings != 0)
		fuzz_fail("something is left");
	return 0;
}
