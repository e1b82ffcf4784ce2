/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stacks.c - which stack is whose default
 *
 * DOC: Everybody's default is that of the command line.  An mstack that was run
 * inside has told the supervisor another one, for itself and its children; it
 * stays, as their ancestor, and adopts those whose parent ends, so that the
 * chain of parents of each of them leads to it.  The nearest ancestor that has
 * said anything about a family counts.
 */
#include <sys/stat.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/tool.h"
#include "mstack/launch/launch.h"

#define ANCESTORS_MAX 64

bool
stack_is_null(const char *stack)
{
	size_t len;

	stack = stack_path(stack);
	len = strlen(stack);
	return strcmp(stack, "null") == 0 ||
	    (len >= 5 && strcmp(stack + len - 5, "/null") == 0);
}

const char *
stack_path(const char *stack)
{
	static const char scheme[] = "unix://";

	return strncmp(stack, scheme, sizeof(scheme) - 1) == 0 ?
	    stack + sizeof(scheme) - 1 :
	    stack;
}

const char *
stack_why(const char *stack, int error)
{
	const char *path = stack_path(stack);
	struct stat st;

	if (path == stack && strstr(stack, "://") != NULL)
		return "not a path, nor unix://PATH";
	if (stat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return "not a socket: it has to be that of a shmif_server";
	if (error == ECONNREFUSED)
		return "no server is there any more";
	return strerror(error);
}

static struct stack_default *
default_of(struct super *su, pid_t tgid, int family)
{
	struct stack_default *d = su->defaults;

	while (d != NULL && (d->tgid != tgid || !(d->families >> family & 1)))
		d = d->next;
	return d;
}

/* Whether anybody inside has said anything. */
static bool
somebody_differs(const struct super *su)
{
	const struct stack_default *d;

	for (d = su->defaults; d != NULL; d = d->next)
		if (d->tgid != 0)
			return true;
	return false;
}

struct stack_ref *
stack_for(struct super *su, const struct proc *p, int family)
{
	struct stack_default *d = NULL;
	pid_t tgid = p->tgid;
	int i;

	if (family < 0 || family > 63)
		return NULL;
	if (somebody_differs(su))
		for (i = 0; i < ANCESTORS_MAX && tgid > 1 && d == NULL; i++) {
			d = default_of(su, tgid, family);
			tgid = proc_parent(tgid);
		}
	if (d == NULL)
		d = default_of(su, 0, family);
	return d == NULL ? NULL : &d->ref;
}

int
stack_set(struct super *su, const struct proc *p, uint64_t families,
    const struct stack_ref *ref)
{
	struct stack_default *d, *old;
	pid_t tgid = p == NULL ? 0 : p->tgid;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return ENOMEM;
	for (old = su->defaults; old != NULL; old = old->next)
		if (old->tgid == tgid)
			old->families &= ~families;
	d->tgid = tgid;
	d->families = families;
	d->ref = *ref;
	d->next = su->defaults;
	su->defaults = d;
	return 0;
}

void
stack_forget(struct super *su, pid_t tgid)
{
	struct stack_default **dp = &su->defaults, *d;

	while ((d = *dp) != NULL)
		if (d->tgid == tgid) {
			*dp = d->next;
			free(d);
		} else {
			dp = &d->next;
		}
}

int
stack_link(struct super *su, struct stack_ref *ref, struct link **lp)
{
	char why[200];
	struct link *l;
	int error;

	if (ref->link == NULL || ref->link->fd == -1) {
		ref->link = NULL;
		for (l = su->links; l != NULL; l = l->next)
			if (l->fd != -1 && strcmp(l->path, ref->path) == 0)
				ref->link = l;
	}
	if (ref->link == NULL &&
	    (error = link_open(su, ref->path, &ref->link, why, sizeof(why))) !=
		0) {
		if (su->verbose)
			tool_say("%s: %s", ref->path,
			    why[0] != '\0' ? why : strerror(error));
		return error;
	}
	*lp = ref->link;
	return 0;
}
