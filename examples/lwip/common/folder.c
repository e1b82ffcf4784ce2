/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * folder.c - files that a server gives to strangers: those of one folder
 *
 * A name is walked along part by part, each opened relative to the one before,
 * and none of them may be "..", be hidden, or be a symbolic link: so there is
 * no way out, whatever is in the folder.
 */
#include <sys/stat.h>
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"

static int top = -1;

void
folder_is(const char *path)
{
	top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top == -1)
		err(1, "%s", path);
}

int
folder_open(const char *name, int flags)
{
	char part[NAME_MAX + 1];
	int at = dup(top), next;
	struct stat st;
	size_t len;

	while (at != -1) {
		name += strspn(name, "/");
		len = strcspn(name, "/");
		if (len == 0 || len > NAME_MAX || name[0] == '.')
			break;
		memcpy(part, name, len);
		part[len] = '\0';
		name += len;
		/* A FIFO must not be waited for. */
		next = openat(at, part,
		    (*name != '\0' ? O_RDONLY | O_DIRECTORY :
				     flags | O_NONBLOCK) |
			O_NOFOLLOW | O_CLOEXEC,
		    0600);
		close(at);
		at = next;
		if (at != -1 && *name == '\0') {
			if (fstat(at, &st) == 0 && S_ISREG(st.st_mode))
				return at;
			break;
		}
	}
	if (at != -1)
		close(at);
	return -1;
}
