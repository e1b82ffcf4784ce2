/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ask.c - what msocket(3) and an mstack inside ask the supervisor for
 *
 * DOC: The question is a system call that fails without a supervisor
 * (mstack/wire.h).  A path in it is the program's: it is looked for from the
 * program's root and directory, by the supervisor, as the same user.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mstack/launch/launch.h"

/*
 * Finds the stack that PATH, of C's program, is.  The session is made at once,
 * for the path is only good for now.  0 or an errno value.
 */
static int
find_stack(struct call *c, const char *path, struct stack_ref *ref)
{
	char there[MSTACK_PATH_MAX + 64], why[200];
	struct stat st, was;
	struct link *l;
	int error, fd;

	memset(ref, 0, sizeof(*ref));
	if (stack_is_null(path)) {
		ref->null = true;
		return 0;
	}
	path = stack_path(path);
	snprintf(there, sizeof(there), "/proc/%ld/%s/%s", (long)c->proc->tgid,
	    path[0] == '/' ? "root" : "cwd", path);
	if ((fd = open(there, O_PATH | O_CLOEXEC)) == -1)
		return errno;
	if (fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		close(fd);
		return ENOTSOCK;
	}
	/* The same server by another name? */
	for (l = c->su->links; l != NULL; l = l->next)
		if (l->fd != -1 && stat(l->path, &was) == 0 &&
		    was.st_dev == st.st_dev && was.st_ino == st.st_ino)
			break;
	snprintf(ref->path, sizeof(ref->path), "/proc/self/fd/%d", fd);
	error = 0;
	if (l == NULL) {
		error = link_open(c->su, ref->path, &l, why, sizeof(why));
		/* By this name it is not found again. */
		if (error == 0)
			snprintf(l->path, sizeof(l->path), "%.100s", path);
	}
	close(fd);
	ref->link = l;
	if (error == 0)
		snprintf(ref->path, sizeof(ref->path), "%s", l->path);
	return error;
}

/* Says that there is a supervisor, and answers. */
static void
hear(struct call *c, const struct mstack_ask *a)
{
	const uint32_t heard = 1;
	char path[MSTACK_PATH_MAX + 1];
	struct stack_ref ref;
	int error;

	error = mem_write(c, c->args[4] + offsetof(struct mstack_ask, heard),
	    &heard, sizeof(heard));
	if (error == 0 && a->what == MSTACK_ASK_PRESENT) {
		call_answer(c, 0, 0);
		return;
	}
	if (error == 0 && a->path_len > MSTACK_PATH_MAX)
		error = ENAMETOOLONG;
	if (error == 0)
		error = mem_read(c, a->path, path, a->path_len);
	if (error == 0) {
		path[a->path_len] = '\0';
		error = find_stack(c, path, &ref);
	}
	if (error == 0 && a->what == MSTACK_ASK_SOCKET) {
		const int kind[3] = { a->domain, a->type, a->protocol };

		call_open(c, &ref, kind);
		return;
	}
	if (error == 0)
		error = a->what == MSTACK_ASK_DEFAULT ?
		    stack_set(c->su, c->proc, a->families, &ref) :
		    EINVAL;
	call_answer(c, error, 0);
}

void
do_ask(struct call *c)
{
	struct mstack_ask a = { .size = 0 };
	int error = mem_read(c, c->args[4], &a, sizeof(a));

	if (error == 0 && a.size != sizeof(a))
		error = EPROTONOSUPPORT;
	if (error != 0)
		call_answer(c, error, 0);
	else
		hear(c, &a);
}
