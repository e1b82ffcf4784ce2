/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "lwipv6_ctl.h"

bool
foreign_is(const char *name)
{
	(void)name;
	return false;
}
int
foreign_create(void *stack, const char *name, const char *path, unsigned flags,
    char made[SHMIF_NAME_MAX])
{
	(void)stack;
	(void)name;
	(void)path;
	(void)flags;
	(void)made;
	return EOPNOTSUPP;
}
int
foreign_destroy(void *stack, const char *name)
{
	(void)stack;
	(void)name;
	return EOPNOTSUPP;
}
int
foreign_radv(void *stack, const char *file)
{
	(void)stack;
	(void)file;
	return EOPNOTSUPP;
}
void
foreign_path(const struct netif *netif, char *path, size_t size)
{
	(void)netif;
	(void)size;
	path[0] = 0;
}
