/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outfile.c - the file that a capture is written to
 *
 * DOC: Nothing half-written
 *
 * A regular file is written under a temporary name beside the one that was asked
 * for, and takes that name when it is complete: until then what was there before
 * stays there, and after an error, or a signal, nothing new is left.
 *
 * That cannot be where somebody looks on.  Standard output and what is not a
 * regular file (a FIFO, a device) are written to as they are.  So is the file
 * when following, for it is to be seen growing; when it cannot be written any
 * further, it is cut back behind the last frame that is known to be whole.
 *
 * DOC: Whose file it is, and who may read it
 *
 * Nobody else may open the temporary file.  A new capture gets its permissions,
 * those that the umask leaves, when it is complete.  One that replaces a file
 * gets the owner, the group and the permissions of that file before it takes the
 * name.  If that is not possible, the contents are copied into the file that is
 * there, which so stays the same file: when only its owner could give it away,
 * when it has an access control list or other attributes, when something is
 * mounted there, or when the folder must not be changed.  In the last case the
 * temporary file has no name, in the folder for such files.
 *
 * That is said, as a reader of the file may see it half-written.
 *
 * A symbolic link stays one: what it leads to is replaced, or made if it is not
 * there yet.
 *
 * Who may not write to a file may not replace it either, even if the folder
 * would allow that.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "dumpbus/dump.h"

#define FIFO_NAP_NS 20000000 /* between looks for a reader */
#define TEMPORARY ".shmif_dumpbus.XXXXXX"
#define LINKS_MAX 40u /* as the system has it */
#define COPY_BYTES ((size_t)256 * 1024)

/* The temporary file, to be removed on failure; signal handlers read it. */
static char *volatile temporary;

void
outfile_unlink(void)
{
	char *name = temporary;

	temporary = NULL;
	if (name != NULL)
		unlink(name);
}

/* ---- opening ------------------------------------------------------------ */

/*
 * Opens a file without a name, for contents that are copied at the end.  Returns
 * a descriptor, or -1.
 */
static int
open_nameless(void)
{
	const char *folder = getenv("TMPDIR");

	if (folder == NULL || folder[0] == '\0')
		folder = "/tmp";
	return open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/*
 * Opens a file beside F->path that will take its name; EXISTS tells that there
 * is a file of that name.  Returns a descriptor, or -1 with errno.
 */
static int
open_temporary(struct outfile *f, bool exists)
{
	const char *slash = strrchr(f->path, '/');
	size_t folder = slash == NULL ? 0 : (size_t)(slash - f->path) + 1;
	char *name = malloc(folder + sizeof(TEMPORARY));
	sigset_t all, old;
	int fd, err;

	if (name == NULL)
		return -1;
	memcpy(name, f->path, folder);
	memcpy(name + folder, TEMPORARY, sizeof(TEMPORARY));
	/* A signal in between would leave the file and not know of it. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	fd = mkostemp(name, O_CLOEXEC);
	err = errno;
	if (fd >= 0)
		f->half = temporary = name;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (fd >= 0)
		return fd;
	free(name);
	if (exists && (err == EACCES || err == EPERM || err == EROFS) &&
	    (fd = open_nameless()) >= 0)
		return fd;
	errno = err;
	return -1;
}

/*
 * Opens the FIFO NAME as soon as it has a reader.  To wait in open(2) would miss
 * a signal that comes just before.  Returns a descriptor, or -1 with errno,
 * which is EINTR if a signal to stop came first.
 */
static int
open_fifo(const char *name)
{
	const struct timespec nap = { .tv_nsec = FIFO_NAP_NS };
	int fd;

	while ((fd = open(name, O_WRONLY | O_CLOEXEC | O_NONBLOCK)) < 0 &&
	    errno == ENXIO) {
		if (stopped) {
			errno = EINTR;
			return -1;
		}
		nanosleep(&nap, NULL);
	}
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

/*
 * The path of the file that opening NAME, which is not there, would make: NAME,
 * or where the symbolic links that it is lead to.  To be freed; NULL with errno.
 */
static char *
target_of(const char *name)
{
	char *at = strdup(name), *slash, *next;
	char to[PATH_MAX];
	ssize_t n;

	for (unsigned links = 0; at != NULL; links++) {
		n = readlink(at, to, sizeof(to) - 1);
		if (n < 0)
			return at; /* no link: a file that is to be made */
		to[n] = '\0';
		slash = to[0] == '/' ? NULL : strrchr(at, '/');
		if (links == LINKS_MAX) {
			free(at);
			errno = ELOOP;
			return NULL;
		}
		/* A relative one begins at the folder that it is in. */
		if (asprintf(&next, "%.*s%s",
			slash == NULL ? 0 : (int)(slash - at) + 1, at,
			to) == -1)
			next = NULL;
		free(at);
		at = next;
	}
	return NULL;
}

int
outfile_open(struct outfile *f, const char *name, bool in_place)
{
	struct stat st;
	bool exists = stat(name, &st) == 0;

	*f = (struct outfile){ .path = NULL };
	if (!exists && errno != ENOENT)
		return -1;
	if (exists && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (exists && S_ISFIFO(st.st_mode))
		return open_fifo(name);
	if (exists && !S_ISREG(st.st_mode))
		return open(name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (in_place) {
		f->cut = true;
		return open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		    0666);
	}
	if (exists && faccessat(AT_FDCWD, name, W_OK, AT_EACCESS) != 0)
		return -1;
	f->path = exists ? realpath(name, NULL) : target_of(name);
	return f->path == NULL ? -1 : open_temporary(f, exists);
}

/* ---- the end ------------------------------------------------------------ */

/*
 * Whether the file PATH has attributes that only it can keep, such as an access
 * control list.  Those of security modules are given by the system.
 */
static bool
has_attributes(const char *path)
{
	static const char system[] = "security.";
	char names[4096];
	ssize_t n = llistxattr(path, names, sizeof(names));

	if (n < 0)
		return errno == ERANGE;
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1)
		if (strncmp(names + i, system, sizeof(system) - 1) != 0)
			return true;
	return false;
}

/* Gives FD the owner, group and permissions of the file that ST is of. */
static bool
make_alike(int fd, const struct stat *st)
{
	struct stat own;

	if (fstat(fd, &own) != 0)
		return false;
	if ((own.st_uid != st->st_uid || own.st_gid != st->st_gid) &&
	    fchown(fd, own.st_uid != st->st_uid ? st->st_uid : (uid_t)-1,
		own.st_gid != st->st_gid ? st->st_gid : (gid_t)-1) != 0)
		return false;
	/* After the owner: to give a file away takes bits from its mode. */
	return fchmod(fd, st->st_mode & 07777) == 0;
}

/* Copies all of the file FROM to the file TO, which is empty.  0 or -1. */
static int
copy_all(int from, int to)
{
	char *buf = malloc(COPY_BYTES);
	off_t at = 0;
	ssize_t n = -1, did;

	while (buf != NULL && (n = pread(from, buf, COPY_BYTES, at)) > 0) {
		for (ssize_t done = 0; done < n; done += did) {
			did = write(to, buf + done, (size_t)(n - done));
			if (did <= 0) {
				if (did == 0)
					errno = EIO;
				free(buf);
				return -1;
			}
		}
		at += n;
	}
	free(buf);
	return n == 0 ? 0 : -1;
}

/*
 * Copies what was written into the file F->path, which stays what it is.  No
 * signal stops that half-way; after an error the file is empty.  0 or -1.
 */
static int
copy_into(const struct outfile *f, int from)
{
	int to = open(f->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	sigset_t all, old;
	struct stat st;
	int err;

	if (to < 0)
		return -1;
	err = fstat(to, &st) != 0 ? errno : !S_ISREG(st.st_mode) ? EBUSY : 0;
	if (err == 0) {
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, &old);
		if (ftruncate(to, 0) != 0 || copy_all(from, to) != 0 ||
		    fsync(to) != 0) {
			err = errno;
			(void)!ftruncate(to, 0);
		}
		sigprocmask(SIG_SETMASK, &old, NULL);
	}
	if (close(to) != 0 && err == 0)
		err = errno;
	if (err == 0)
		tool_complain(f->path, "written in place",
		    "it could not be replaced");
	errno = err;
	return err == 0 ? 0 : -1;
}

/* The permissions that open(2) would give to a new file. */
static mode_t
usual_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

int
outfile_complete(struct outfile *f, int fd)
{
	struct stat st;
	bool there;

	if (f->path == NULL)
		return 0;
	if (f->half == NULL)
		return copy_into(f, fd);
	/* Some errors of a disk are known only when it has written. */
	if (fsync(fd) != 0)
		return -1;
	there = lstat(f->path, &st) == 0;
	if (!there && (errno != ENOENT || fchmod(fd, usual_mode()) != 0))
		return -1;
	if (there &&
	    (!S_ISREG(st.st_mode) || has_attributes(f->path) ||
		!make_alike(fd, &st)))
		return copy_into(f, fd);
	if (rename(f->half, f->path) == 0) {
		temporary = NULL;
		return 0;
	}
	if (there && (errno == EBUSY || errno == EPERM || errno == EACCES))
		return copy_into(f, fd);
	return -1;
}

void
outfile_free(struct outfile *f)
{
	if (f->half != NULL)
		outfile_unlink();
	free(f->path);
	free(f->half);
	*f = (struct outfile){ .path = NULL };
}
