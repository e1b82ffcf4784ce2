/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * units.c - the table, and units in it
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/fake/fake.h"
#include "shmif/unit.h"

struct fake fake;
unsigned fake_fail_in;
bool fake_failed;
int fake_stack;

/* ---- the table ---------------------------------------------------------- */

bool
fake_fails(void)
{
	bool now = fake_fail_in > 0 && --fake_fail_in == 0;

	fake_failed |= now;
	return now;
}

struct fake_if *
fake_find(const char *name)
{
	int i;

	for (i = 0; i < IFS; i++)
		if (fake.f[i].there && strcmp(fake.f[i].name, name) == 0)
			return &fake.f[i];
	return NULL;
}

struct fake_if *
fake_unit(int n)
{
	char name[24];

	snprintf(name, sizeof(name), "shmif%d", n);
	return fake_find(name);
}

struct fake_if *
fake_add(const char *name, const char *path)
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

void
fake_take(struct fake_if *f)
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
		for (n = 0; fake_unit(n) != NULL; n++)
			continue;
	if (fake_unit(n) != NULL)
		return EEXIST;
	if (path != NULL && strlen(path) >= sizeof(f->path))
		return ENAMETOOLONG;
	if (fake_fails())
		return ENOMEM;
	snprintf(name, sizeof(name), "shmif%d", n);
	if ((f = fake_add(name, path)) == NULL)
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
	struct fake_if *f = fake_unit(n);

	if (f == NULL)
		return ENXIO;
	fake_take(f);
	return 0;
}

int
shmif_linkstr(int n, const char *path)
{
	struct fake_if *f = fake_unit(n);

	if (f == NULL)
		return ENXIO;
	if (path != NULL && f->plugged && strcmp(path, f->path) == 0)
		return EISCONN;
	if (path != NULL && strlen(path) >= sizeof(f->path))
		return ENAMETOOLONG;
	if (fake_fails())
		return ENOENT;
	memset(f->path, 0, sizeof(f->path));
	snprintf(f->path, sizeof(f->path), "%s", path != NULL ? path : "");
	f->plugged = path != NULL;
	return 0;
}

int
shmif_set_media(int n, int on)
{
	struct fake_if *f = fake_unit(n);

	if (f == NULL)
		return ENXIO;
	if (f->path[0] == '\0')
		return ENOTCONN;
	if (fake_fails())
		return ENOENT;
	f->plugged = on != 0;
	return 0;
}

int
shmif_info(int n, struct shmif_info *info)
{
	struct fake_if *f = fake_unit(n);

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
	struct fake_if *f = fake_unit(n);

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
	struct fake_if *f = fake_unit(n);

	if (f == NULL)
		return ENXIO;
	if ((mtu != 0 && mtu < SHMIF_MTU_MIN) || mtu > FAKE_MTU_MAX ||
	    fake_fails())
		return EMSGSIZE;
	f->mtu_wanted = mtu;
	f->mtu = mtu != 0 ? mtu : 1500;
	return 0;
}

unsigned
unit_mtu_wanted(int n)
{
	return fake_unit(n) != NULL ? fake_unit(n)->mtu_wanted : 0;
}

int
shmif_mac(int n, uint8_t mac[6])
{
	if (fake_unit(n) == NULL)
		return ENXIO;
	memcpy(mac, fake_unit(n)->mac, 6);
	return 0;
}

int
shmif_set_mac(int n, const uint8_t mac[6])
{
	if (fake_unit(n) == NULL)
		return ENXIO;
	if (fake_fails())
		return ENOMEM;
	memcpy(fake_unit(n)->mac, mac, 6);
	return 0;
}

int
shmif_set_promisc(int n, int on)
{
	if (fake_unit(n) == NULL)
		return ENXIO;
	if (fake_fails())
		return ENOMEM;
	fake_unit(n)->promisc = on != 0;
	return 0;
}

int
shmif_refused(int n, unsigned reason, const char **text, uint64_t *count)
{
	if (fake_unit(n) == NULL)
		return ENXIO;
	if (reason > 1)
		return ENOENT;
	*text = reason == 0 ? "passed" : "malformed";
	*count = reason;
	return 0;
}

int
shmif_stats(int n, struct shmif_stats *st)
{
	memset(st, 0, sizeof(*st));
	return fake_unit(n) != NULL ? 0 : ENXIO;
}

int
shmif_next(int n)
{
	for (n++; n < SHMIF_UNITS_MAX; n++)
		if (fake_unit(n) != NULL)
			return n;
	return -1;
}

int
shmif_name(int n, char *name, size_t size)
{
	snprintf(name, size, "shmif%d", n);
	return fake_unit(n) != NULL ? 0 : ENXIO;
}

struct stack *
shmif_stack(int n)
{
	return fake_unit(n) != NULL ? (struct stack *)(void *)&fake_stack :
				      NULL;
}

int
unit_bus_error(int n)
{
	(void)n;
	return 0;
}
