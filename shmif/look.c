/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * look.c - what programs may see of units, without waiting
 *
 * Everything here is one read-side section of RCU; see table.c.
 */
#include <errno.h>
#include <string.h>

#include "shmif/rcu.h"
#include "shmif/unit.h"

struct netif *
shmif_netif(int ifnum)
{
	struct netif *netif = NULL;
	struct unit *u;

	read_begin();
	if ((u = unit_look(ifnum)) != NULL)
		netif = u->ops->handle(u);
	read_end();
	return netif;
}

struct stack *
shmif_stack(int ifnum)
{
	struct stack *stack = NULL;
	struct unit *u;

	read_begin();
	if ((u = unit_look(ifnum)) != NULL)
		stack = u->stack;
	read_end();
	return stack;
}

int
shmif_info(int ifnum, struct shmif_info *info)
{
	bool up, promisc;
	struct link *l;
	struct unit *u;

	memset(info, 0, sizeof(*info));
	read_begin();
	if ((u = unit_look(ifnum)) == NULL) {
		read_end();
		return ENXIO;
	}
	u->ops->look(u, &up, &promisc, &info->mtu, info->mac);
	info->up = up;
	info->promisc = promisc;
	l = read_pointer(u->link);
	info->connected = l->bus != NULL && !atomic_load(&u->bus_dead);
	info->attachment = l->bus != NULL ? shmbus_index(l->bus) : -1;
	read_end();
	return 0;
}

int
unit_bus_error(int n)
{
	struct unit *u;
	int error = 0;

	read_begin();
	if ((u = unit_look(n)) != NULL && read_pointer(u->link)->bus != NULL)
		error = atomic_load(&u->bus_error);
	read_end();
	return error;
}

int
shmif_mac(int ifnum, uint8_t mac[6])
{
	struct shmif_info info;
	int error = shmif_info(ifnum, &info);

	if (error == 0)
		memcpy(mac, info.mac, sizeof(info.mac));
	return error;
}

int
shmif_mtu(int ifnum, unsigned *mtu)
{
	struct shmif_info info;
	int error = shmif_info(ifnum, &info);

	if (error == 0)
		*mtu = info.mtu;
	return error;
}

int
shmif_stats(int ifnum, struct shmif_stats *st)
{
	struct unit *u;

	read_begin();
	if ((u = unit_look(ifnum)) != NULL)
		unit_stats(u, st);
	read_end();
	return u != NULL ? 0 : ENXIO;
}

int
shmif_refused(int ifnum, unsigned reason, const char **text, uint64_t *count)
{
	const char *why = NULL;
	struct unit *u;

	read_begin();
	if ((u = unit_look(ifnum)) != NULL) {
		if (u->ops->refusal != NULL && reason < UNIT_REFUSALS_MAX)
			why = u->ops->refusal(reason);
		if (why != NULL)
			*count = unit_refusals(u, reason);
	}
	read_end();
	if (why != NULL)
		*text = why;
	return u == NULL ? ENXIO : why == NULL ? ENOENT : 0;
}

int
shmif_path(int ifnum, char *path, size_t size)
{
	struct link *l;
	struct unit *u;
	int error = 0;

	read_begin();
	if ((u = unit_look(ifnum)) == NULL) {
		error = ENXIO;
	} else {
		l = read_pointer(u->link);
		if (l->path[0] == '\0')
			error = ENOTCONN;
		else if (strlen(l->path) >= size)
			error = ERANGE;
		else
			strcpy(path, l->path);
	}
	read_end();
	return error;
}

int
shmif_name(int ifnum, char *name, size_t size)
{
	char whole[SHMIF_NAME_MAX];
	bool there;

	read_begin();
	there = unit_look(ifnum) != NULL;
	read_end();
	if (!there)
		return ENXIO;
	unit_name(ifnum, whole);
	if (strlen(whole) >= size)
		return ERANGE;
	strcpy(name, whole);
	return 0;
}

int
shmif_next(int ifnum)
{
	int n;

	read_begin();
	for (n = ifnum < 0 ? 0 : ifnum + 1; n < SHMIF_UNITS_MAX; n++)
		if (unit_look(n) != NULL)
			break;
	read_end();
	return n < SHMIF_UNITS_MAX ? n : -1;
}
