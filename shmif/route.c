/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * route.c - routes by a unit, in text
 *
 * The stack's own functions want addresses and masks in the form that this stack
 * has them in; these are the same for every stack, as shmif_add_addr() is.
 */
#include <errno.h>
#include <string.h>

#include "shmif/stack_ctl.h"
#include "shmif/unit.h"

/* Fills in R for a route to DST by the gateway VIA, which may be NULL. */
static int
parse(const char *dst, const char *via, struct ctl_route *r)
{
	bool any = dst != NULL && strcmp(dst, "default") == 0;
	unsigned prefix;

	memset(r, 0, sizeof(*r));
	if (dst == NULL)
		return EINVAL;
	if (via != NULL) {
		if (!addr_parse(via, r->via, &prefix) ||
		    prefix != ADDR_PREFIX_NONE)
			return EINVAL;
		r->has_via = true;
	}
	if (any)
		dst = r->has_via && !addr_is_v4(r->via) ? "::/0" : "0.0.0.0/0";
	if (!addr_parse(dst, r->dst, &prefix))
		return EINVAL;
	if (prefix == ADDR_PREFIX_NONE)
		prefix = 128;
	if (r->has_via && addr_is_v4(r->via) != addr_is_v4(r->dst))
		return EINVAL;
	/* As elsewhere, a network has no bits behind its prefix. */
	for (unsigned i = prefix; i < 128; i++)
		if (r->dst[i / 8] & 0x80 >> i % 8)
			return EINVAL;
	r->prefix = (uint8_t)prefix;
	return 0;
}

static int
route(int ifnum, const char *dst, const char *via, bool add)
{
	const struct stack_ctl *ctl = the_stack.ctl;
	struct ctl_route r;
	struct unit *u;
	int error;

	if ((error = parse(dst, via, &r)) != 0)
		return error;
	if ((error = unit_hold(ifnum, &u)) != 0)
		return error;
	unit_name(ifnum, r.name);
	error = ctl == NULL || ctl->route == NULL ?
	    EOPNOTSUPP :
	    ctl->route(u->stack, &r, add);
	unit_drop(u);
	return error;
}

int
shmif_add_route(int ifnum, const char *dst, const char *via)
{
	return route(ifnum, dst, via, true);
}

int
shmif_del_route(int ifnum, const char *dst, const char *via)
{
	return route(ifnum, dst, via, false);
}
