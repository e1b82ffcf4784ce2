/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl/ctl.c - an lwipv6 stack looked at and set up from outside
 *
 * DOC: Lists of the stack belong to its thread, so each function here has its
 * work done there by thread_call(), and what is looked at is copied there.
 * What the library posts to its own thread and waits for (netif_set_up() of
 * an interface) cannot be called there: for that the interface is found on the
 * stack's thread and used outside; it stays, because the one thread of the
 * server is what removes interfaces.
 *
 * Names: lwipv6 has two letters and a number; sh is shmif to everybody else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "stack/lwipv6/ctl/ctl.h"

#define DEPRECATED 0x20 /* IFA_F_DEPRECATED, as link/prefixes.c sets it */

/* ---- names --------------------------------------------------------------- */

void
ctl_name(const struct netif *netif, char name[SHMIF_NAME_MAX])
{
	if (netif->name[0] == 's' && netif->name[1] == 'h')
		unit_name(netif->num, name);
	else
		snprintf(name, SHMIF_NAME_MAX, "%c%c%u", netif->name[0],
		    netif->name[1], netif->num);
}

bool
ctl_split_name(const char *name, char letters[2], int *num)
{
	unsigned long n = 0;
	const char *p;

	*num = unit_number(name);
	if (*num != -1) {
		letters[0] = 's';
		letters[1] = 'h';
		return true;
	}
	if (strlen(name) < 2 ||
	    strncmp(name, UNIT_NAME, sizeof(UNIT_NAME) - 1) == 0)
		return false;
	memcpy(letters, name, 2);
	p = name + 2;
	if (*p == '\0')
		return true;
	if (strlen(p) > 3 || (p[0] == '0' && p[1] != '\0'))
		return false;
	for (; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return false;
		n = n * 10 + (unsigned long)(*p - '0');
	}
	*num = (int)n;
	return n <= 255;
}

struct netif *
ctl_netif(struct stack *stack, const char *name)
{
	struct netif *netif;
	char letters[2];
	int num;

	if (!ctl_split_name(name, letters, &num) || num == -1)
		return NULL;
	for (netif = STACK_FIELD(stack, STACK_NETIF_LIST, struct netif *);
	     netif != NULL; netif = netif->next)
		if (memcmp(netif->name, letters, 2) == 0 && netif->num == num)
			break;
	return netif;
}

/* ---- one job on the stack's thread --------------------------------------- */

static void
job_fn(void *arg)
{
	struct ctl_job *j = arg;

	if (j->name != NULL) {
		j->netif = ctl_netif(j->stack, j->name);
		if (j->netif == NULL) {
			j->error = ENXIO;
			return;
		}
	}
	j->error = j->fn(j);
}

int
ctl_run(struct ctl_job *j)
{
	if (thread_call(j->stack, job_fn, j) != 0)
		return ENOMEM;
	return j->error;
}

static int
found(struct ctl_job *j)
{
	(void)j;
	return 0;
}

/* ---- interfaces ---------------------------------------------------------- */

unsigned
ctl_prefix(const struct ip_addr *mask)
{
	const uint8_t *m = (const uint8_t *)mask;
	unsigned n = 0;

	while (n < 128 && (m[n / 8] & 0x80 >> n % 8))
		n++;
	return n;
}

static int
copy_addresses(const struct netif *netif, struct ctl_if *c)
{
	const struct ip_addr_list *tail = netif->addrs, *el;
	unsigned n = 0;

	if (tail == NULL)
		return 0;
	el = tail;
	do {
		n++;
		el = el->next;
	} while (el != tail);
	if ((c->addr = calloc(n, sizeof(*c->addr))) == NULL)
		return ENOMEM;
	for (el = tail->next; c->addrs < n; el = el->next) {
		struct ctl_addr *a = &c->addr[c->addrs++];

		memcpy(a->ip, &el->ipaddr, sizeof(a->ip));
		a->prefix = (uint8_t)ctl_prefix(&el->netmask);
		/*
		 * Only an address that follows from an advertisement has a
		 * lifetime.
		 */
		a->origin = el->info.flag == 0 ? CTL_MANUAL : CTL_AUTO;
		if (port_of(netif) != NULL &&
		    dad_is_unsure(port_of(netif), &el->ipaddr))
			a->state = CTL_TENTATIVE;
		else if (el->flags & DEPRECATED)
			a->state = CTL_DEPRECATED;
	}
	return 0;
}

static_assert(DAD_CONFLICTS == CTL_CONFLICTS, "conflicts");

static void
copy_conflicts(const struct port *port, struct ctl_if *c)
{
	struct dad_conflict list[DAD_CONFLICTS];
	uint64_t now = now_ns();
	unsigned i;

	c->conflicts = dad_look(port, list);
	for (i = 0; i < c->conflicts; i++) {
		memcpy(c->conflict[i].ip, &list[i].ip, 16);
		memcpy(c->conflict[i].mac, list[i].mac, 6);
		c->conflict[i].kept = list[i].kept;
		c->conflict[i].age_s = (uint32_t)((now - list[i].at_ns) /
		    1000000000u);
	}
}

/* The servers of names that PORT was told of. */
static void
copy_dns(const struct port *port, struct ctl_if *c)
{
	struct ip_addr list[CTL_DNS / 2];
	unsigned n, i, dhcp;

	for (dhcp = 0; dhcp < 2; dhcp++) {
		n = dhcp ? dhcp_dns(port, list, CTL_DNS / 2) :
			   ra_dns(port, list, CTL_DNS / 2);
		for (i = 0; i < n; i++) {
			memcpy(c->dns[c->dns_n].ip, &list[i], 16);
			c->dns[c->dns_n++].dhcp = dhcp;
		}
	}
}

static int
copy_if(const struct netif *netif, struct ctl_if *c)
{
	const struct kind *kind = kind_of(netif);

	ctl_name(netif, c->name);
	c->kind = kind->seam.shown;
	c->unit = port_of(netif) != NULL ? netif->num : -1;
	c->up = netif->flags & NETIF_FLAG_UP;
	c->running = (netif->flags & NETIF_FLAG_LINK_UP) != 0;
	c->promisc = (netif->flags & NETIF_FLAG_PROMISC) != 0;
	c->broadcast = (netif->flags & NETIF_FLAG_BROADCAST) != 0;
	c->loopback = (netif->flags & NETIF_FLAG_LOOPBACK) != 0;
	c->autoconf = (netif->flags & NETIF_FLAG_AUTOCONF) != 0;
	c->dhcp = (netif->flags & NETIF_FLAG_DHCP) != 0;
	c->has_mac = netif->hwaddr_len == 6 && kind->has_mac;
	memcpy(c->mac, netif->hwaddr, sizeof(c->mac));
	/* The loopback interface has no limit but that of a packet. */
	c->mtu = netif->mtu != 0 ? netif->mtu : UINT16_MAX;
	c->index = netif->id;
	foreign_path(netif, c->path, sizeof(c->path));
	if (port_of(netif) != NULL) {
		c->redirects = !port_of(netif)->no_redirects;
		copy_conflicts(port_of(netif), c);
		copy_dns(port_of(netif), c);
		if (link_mtu(netif, true) < netif->mtu)
			c->mtu4 = (uint16_t)link_mtu(netif, true);
		if (link_mtu(netif, false) < netif->mtu)
			c->mtu6 = (uint16_t)link_mtu(netif, false);
	}
	return copy_addresses(netif, c);
}

static void
list_free(struct ctl_if *list, unsigned n)
{
	while (n > 0)
		free(list[--n].addr);
	free(list);
}

static int
list_fn(struct ctl_job *j)
{
	struct netif *netif = STACK_FIELD(j->stack, STACK_NETIF_LIST,
	    struct netif *);
	struct netif *first = netif;
	struct ctl_if *list;
	unsigned n = 0;

	if (j->netif != NULL) {
		n = 1;
		first = j->netif;
	} else {
		for (; netif != NULL; netif = netif->next)
			n++;
	}
	if ((list = calloc(n + 1, sizeof(*list))) == NULL)
		return ENOMEM;
	for (netif = first; j->n < n; netif = netif->next)
		if (copy_if(netif, &list[j->n++]) != 0) {
			list_free(list, j->n);
			return ENOMEM;
		}
	j->list = list;
	return 0;
}

static int
ctl_list(void *stack, const char *name, struct ctl_if **list, unsigned *n)
{
	struct ctl_job j = { .stack = stack, .name = name, .fn = list_fn };
	int error = ctl_run(&j);

	*list = j.list;
	*n = error == 0 ? j.n : 0;
	return error;
}

static int
ctl_set_up(void *stack, const char *name, bool up)
{
	struct ctl_job j = { .stack = stack, .name = name, .fn = found };
	int error = ctl_run(&j);

	if (error != 0)
		return error;
	if (up == ((j.netif->flags & NETIF_FLAG_UP) != 0))
		return 0;
	if (up)
		netif_set_up(j.netif, 0);
	else
		netif_set_down(j.netif);
	return 0;
}

static int
mtu_fn(struct ctl_job *j)
{
	unsigned max = kind_of(j->netif)->mtu_max;

	if (max == 0)
		return EOPNOTSUPP;
	if (j->value == 0)
		j->value = max;
	if (j->value < SHMIF_MTU_MIN || j->value > max)
		return EMSGSIZE;
	j->netif->mtu = (uint16_t)j->value;
	return 0;
}

static int
ctl_set_mtu(void *stack, const char *name, unsigned mtu)
{
	struct ctl_job j = { .stack = stack,
		.name = name,
		.fn = mtu_fn,
		.value = mtu };

	return ctl_run(&j);
}

static int
promisc_fn(struct ctl_job *j)
{
	if (!kind_of(j->netif)->promisc)
		return EOPNOTSUPP;
	if (j->on)
		j->netif->flags |= NETIF_FLAG_PROMISC;
	else
		j->netif->flags &= (uint16_t)~NETIF_FLAG_PROMISC;
	return 0;
}

static int
ctl_set_promisc(void *stack, const char *name, bool on)
{
	struct ctl_job j = { .stack = stack,
		.name = name,
		.fn = promisc_fn,
		.on = on };

	return ctl_run(&j);
}

static bool
has_link_local(const struct netif *netif)
{
	const struct ip_addr_list *tail = netif->addrs, *el = tail;

	while (el != NULL && !ip_is_link_local(&el->ipaddr))
		el = el->next == tail ? NULL : el->next;
	return el != NULL;
}

static int
autoconf_fn(struct ctl_job *j)
{
	struct netif *netif = j->netif;
	struct ip_addr ip = { { htonl(0xfe800000) } };
	struct ip_addr mask = { { UINT32_MAX, UINT32_MAX } };

	if (!kind_of(netif)->autoconf)
		return EOPNOTSUPP;
	if (j->on) {
		netif->flags |= NETIF_FLAG_AUTOCONF;
		if (netif->flags & NETIF_FLAG_UP)
			ip_autoconf_start(netif);
	} else {
		ip_autoconf_stop(netif);
		netif->flags &= (uint16_t)~NETIF_FLAG_AUTOCONF;
		/* RFC 4291, 2.1: there is always a link-local one. */
		if (port_of(netif) != NULL && !has_link_local(netif)) {
			prefixes_identify(netif, &ip);
			netif_add_addr(netif, &ip, &mask);
		}
	}
	return 0;
}

static int
ctl_set_autoconf(void *stack, const char *name, bool on)
{
	struct ctl_job j = { .stack = stack,
		.name = name,
		.fn = autoconf_fn,
		.on = on };

	return ctl_run(&j);
}

static int
redirects_fn(struct ctl_job *j)
{
	struct port *port = port_of(j->netif);

	if (port == NULL)
		return EOPNOTSUPP;
	port->no_redirects = !j->on;
	if (!j->on)
		redirect_free(port);
	return 0;
}

static int
ctl_set_redirects(void *stack, const char *name, bool on)
{
	struct ctl_job j = { .stack = stack,
		.name = name,
		.fn = redirects_fn,
		.on = on };

	return ctl_run(&j);
}

/*
 * A DHCP client that runs is left alone. Going up starts one only the first
 * time, so where the interface is up already it is started here.
 */
static int
dhcp_fn(struct ctl_job *j)
{
	struct netif *netif = j->netif;

	if (!kind_of(netif)->autoconf || netif->hwaddr_len != 6)
		return EOPNOTSUPP;
	if (j->on) {
		if (netif->dhcp != NULL)
			return 0;
		if (!(netif->flags & NETIF_FLAG_UP)) {
			netif->flags |= NETIF_FLAG_DHCP;
			return 0; /* set_up() does it */
		}
		return dhcp_start(netif) == ERR_OK ? 0 : ENOMEM;
	}
	netif->flags &= (uint16_t)~NETIF_FLAG_DHCP;
	if (netif->dhcp != NULL || port_of(netif) != NULL) {
		dhcp_release(netif);
		dhcp_stop(netif);
	}
	return 0;
}

static int
ctl_set_dhcp(void *stack, const char *name, bool on)
{
	struct ctl_job j = { .stack = stack,
		.name = name,
		.fn = dhcp_fn,
		.on = on };
	int error = ctl_run(&j);

	return error == 0 && on ? ctl_set_up(stack, name, true) : error;
}

/* ---- the stack ----------------------------------------------------------- */

static bool
ctl_forwarding(void *stack)
{
	return (lwip_stack_flags_get(stack) & STACK_FORWARDING) != 0;
}

static int
ctl_set_forwarding(void *stack, bool on)
{
	unsigned long flags = lwip_stack_flags_get(stack);

	lwip_stack_flags_set(stack,
	    on ? flags | STACK_FORWARDING : flags & ~STACK_FORWARDING);
	return 0;
}

const struct stack_ctl stack_ctl_lwipv6 = {
	.list = ctl_list,
	.list_free = list_free,
	.kind = kind_seam,
	.create = foreign_create,
	.destroy = foreign_destroy,
	.set_up = ctl_set_up,
	.set_mtu = ctl_set_mtu,
	.set_promisc = ctl_set_promisc,
	.set_autoconf = ctl_set_autoconf,
	.set_redirects = ctl_set_redirects,
	.set_dhcp = ctl_set_dhcp,
	.address = ctl_address,
	.route = ctl_route,
	.routes = ctl_routes,
	.neigh = ctl_neigh,
	.neigh_del = ctl_neigh_del,
	.neigh_add = ctl_neigh_add,
	.sockets = ctl_sockets,
	.forwarding = ctl_forwarding,
	.set_forwarding = ctl_set_forwarding,
	.radv = ctl_radv,
	.ping_begin = ping_begin,
	.ping_send = ping_send,
	.ping_end = ping_end,
};
