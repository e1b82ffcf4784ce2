/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file.c - the bus file: creating, opening, checking, locking
 *
 * DOC: Theory of Operation
 *
 * A file is made a bus under an open file description lock on a byte far beyond
 * its end.  So of many processes that come at once exactly one makes it, and one
 * that dies in the middle leaves no lock behind.  The steps: take the lock;
 * write the magic that means "being created"; allocate all space; write the
 * header; write the magic of a bus.  An empty file, and one that a dead process
 * left unfinished, are made a bus by the next process that may create.  Any
 * other file that is not a bus is never written to: a path that was given by
 * mistake loses no byte.  Pseudo-files, as in /proc, look like empty regular files,
 * and what is written to them has all kinds of effects: so before anything is
 * written, it is tried whether the file can be mapped and extended.
 *
 * A creator that fails in the middle removes its file while it holds the lock.
 * Those who wait for the lock then find that the file has no name any more, and
 * begin again.
 */
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shmbus/internal.h"

#define CREATE_WAIT_MS 2000
#define RETRIES 16

/*
 * Takes a lock on BYTE for FD's open file description, or changes or drops the
 * one that it has.  Returns 0, EAGAIN if others have locks that are in the way, or
 * another errno value.
 */
int
file_lock(int fd, int64_t byte, enum file_lock what)
{
	struct flock fl = { .l_type = what == LOCK_NONE ? F_UNLCK :
		    what == LOCK_TO_READ		? F_RDLCK :
							  F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1 };

	while (fcntl(fd, F_OFD_SETLK, &fl) == -1) {
		if (errno == EACCES || errno == EAGAIN)
			return EAGAIN;
		if (errno != EINTR)
			return errno;
	}
	return 0;
}

/*
 * Returns whether somebody else has a lock for writing on BYTE; or, with
 * TO_READ, any lock, which one who may only read the file can have, too.  If the
 * kernel cannot say, the answer is yes, since taking the living for dead would do
 * harm.
 */
bool
file_locked(int fd, int64_t byte, bool to_read)
{
	/* A read lock would only be refused because of a lock for writing. */
	struct flock fl = { .l_type = to_read ? F_WRLCK : F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1 };

	if (fcntl(fd, F_OFD_GETLK, &fl) == -1)
		return true;
	return fl.l_type != F_UNLCK;
}

/* Says that locking failed by ERROR, if it did; returns the error for users. */
int
file_lock_failed(int error)
{
	if (error == 0 || error == EAGAIN)
		return error;
	if (error == EINVAL || error == ENOSYS || error == EOPNOTSUPP ||
	    error == ENOLCK) {
		why_set("its file system has no open file description locks "
			"(fcntl, F_OFD_SETLK)");
		return error == ENOLCK ? ENOLCK : EOPNOTSUPP;
	}
	why_set("%s: it cannot be locked", strerror(error));
	return error;
}

/* Writes or reads all N bytes at OFF.  Returns 0, ENODATA or an errno value. */
static int
write_all(int fd, const void *buf, size_t n, off_t off)
{
	const char *p = buf;

	while (n > 0) {
		ssize_t w = pwrite(fd, p, n, off);

		if (w == -1 && errno == EINTR)
			continue;
		if (w <= 0)
			return w == 0 ? EIO : errno;
		p += w;
		n -= (size_t)w;
		off += w;
	}
	return 0;
}

static int
read_all(int fd, void *buf, size_t n, off_t off)
{
	char *p = buf;

	while (n > 0) {
		ssize_t r = pread(fd, p, n, off);

		if (r == -1 && errno == EINTR)
			continue;
		if (r <= 0)
			return r == 0 ? ENODATA : errno;
		p += r;
		n -= (size_t)r;
		off += r;
	}
	return 0;
}

/* Whether a file may be made a bus: it is empty, unfinished, or neither. */
enum kind { KIND_EMPTY, KIND_UNFINISHED, KIND_OTHER };

/* Stores in *KIND what FD's file is.  Returns 0 or an errno value. */
static int
file_kind(int fd, enum kind *kind)
{
	char magic[sizeof(FORMAT_MAGIC_NEW) - 1];
	struct stat st;
	int error;

	if (fstat(fd, &st) == -1)
		return errno;
	*kind = KIND_OTHER;
	if (st.st_size == 0) {
		*kind = KIND_EMPTY;
	} else if ((size_t)st.st_size >= sizeof(magic)) {
		if ((error = read_all(fd, magic, sizeof(magic), 0)) != 0)
			return error == ENODATA ? 0 : error;
		if (memcmp(magic, FORMAT_MAGIC_NEW, sizeof(magic)) == 0)
			*kind = KIND_UNFINISHED;
	}
	return 0;
}

/* Tries whether FD's file can be mapped, LEN bytes of it.  0 or an errno value. */
static int
try_map(int fd, size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return mapping_failed(errno);
	munmap(p, len);
	return 0;
}

/*
 * Tries whether FD's file, of which SIZE bytes are there, can be extended.
 * Returns 0, ENODEV if it is a pseudo-file, or another errno value.
 */
static int
try_extend(int fd, off_t size)
{
	struct stat st;
	int error;

	if (size > 0 || fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1) == 0)
		return 0;
	/* Some file systems do not have that, and pseudo-files do not. */
	if (ftruncate(fd, 1) == -1 || fstat(fd, &st) == -1 ||
	    ftruncate(fd, 0) == -1) {
		error = errno;
		why_set("%s: it cannot be extended", strerror(error));
		return error;
	}
	if (st.st_size == 1)
		return 0;
	why_set("not a file that can be extended");
	return ENODEV;
}

/* Makes FD's file a bus of geometry G.  The creation lock is held. */
static int
file_make(int fd, const struct ring_geometry *g)
{
	struct format_header h;
	uint64_t id;
	int error;

	if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return errno;
	error = write_all(fd, FORMAT_MAGIC_NEW, sizeof(h.magic), 0);
	if (error != 0)
		return error;
	do
		error = posix_fallocate(fd, 0, (off_t)g->file_size);
	while (error == EINTR);
	if (error != 0) {
		why_set("%s: cannot allocate %llu bytes", strerror(error),
		    (unsigned long long)g->file_size);
		return error;
	}
	/* While it can still be said, and nothing is left. */
	if ((error = try_map(fd, g->file_size)) != 0)
		return error;
	memset(&h, 0, sizeof(h));
	ring_format(&h, g, clock_ns(CLOCK_REALTIME), id);
	error = write_all(fd, (char *)&h + sizeof(h.magic),
	    sizeof(h) - sizeof(h.magic), sizeof(h.magic));
	if (error != 0)
		return error;
	return write_all(fd, FORMAT_MAGIC, sizeof(h.magic), 0);
}

/*
 * Takes the creation lock.  While another process holds it and makes the file,
 * waits for at most CREATE_WAIT_MS.
 */
static int
lock_creation(int fd)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	int tries;
	int error;

	for (tries = 0; tries < CREATE_WAIT_MS; tries++) {
		error = file_lock(fd, FORMAT_LOCK_CREATE, LOCK_TO_WRITE);
		if (error != EAGAIN)
			return file_lock_failed(error);
		nanosleep(&ms, NULL);
	}
	why_set(file_locked(fd, FORMAT_LOCK_CREATE, false) ?
		"another process has been creating it for too long" :
		"a process that reads it has a read lock on it");
	return EBUSY;
}

/*
 * Removes PATH if that still is the file of FD, which we have created, and nobody
 * else is making it a bus or has done so.  What somebody else has put there
 * meanwhile stays.
 */
static void
unlink_ours(const char *path, int fd)
{
	enum kind kind = KIND_OTHER;
	struct stat st, now;

	if (fstat(fd, &st) == 0 && lstat(path, &now) == 0 &&
	    now.st_dev == st.st_dev && now.st_ino == st.st_ino &&
	    file_kind(fd, &kind) == 0 && kind != KIND_OTHER)
		unlink(path);
}

/*
 * Whether PATH leads to FD's file, ST, which has no name: so does the path of a
 * descriptor in /proc, to a file of memfd_create(2) or to one that was removed.
 */
static bool
leads_to(const char *path, const struct stat *st)
{
	struct stat now;

	return stat(path, &now) == 0 && now.st_dev == st->st_dev &&
	    now.st_ino == st->st_ino;
}

/*
 * Makes FD's file a bus unless another process is faster.  Returns 0 when it is
 * made, by us (*MADE) or by somebody else; ESTALE if the file lost its name
 * meanwhile and the caller has to begin again; or another errno value.
 */
static int
file_create(int fd, const char *path, const struct shmbus_geometry *geo,
    const struct ring_geometry *g, bool ours, bool *made)
{
	struct stat st;
	enum kind kind = KIND_OTHER;
	int error;

	if ((error = lock_creation(fd)) != 0) {
		/* Unless somebody else is making it a bus, it stays empty. */
		if (ours && !file_locked(fd, FORMAT_LOCK_CREATE, false))
			unlink_ours(path, fd);
		return error;
	}
	if (fstat(fd, &st) == -1)
		error = errno;
	else if (st.st_nlink == 0 && !leads_to(path, &st))
		error = ESTALE;
	else if ((error = file_kind(fd, &kind)) == 0 && kind != KIND_OTHER &&
	    (error = try_map(fd, 1)) == 0 &&
	    (ours || (error = try_extend(fd, st.st_size)) == 0)) {
		/* Exactly as asked, whatever the umask. */
		mode_t mode = geo->mode != 0 ? geo->mode & 07777 : 0600;

		if ((ours || geo->mode != 0) && fchmod(fd, mode) == -1) {
			error = errno;
			why_set("%s: its mode cannot be set", strerror(error));
		} else {
			error = file_make(fd, g);
		}
		if (error == 0)
			*made = true;
		else
			(void)!ftruncate(fd, 0);
	}
	if (error != 0 && ours)
		unlink_ours(path, fd);
	file_lock(fd, FORMAT_LOCK_CREATE, LOCK_NONE);
	return error;
}

/*
 * Waits for at most CREATE_WAIT_MS for another process that is making the file a
 * bus.  One that may not create can do nothing else.
 */
static void
file_await(int fd)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	enum kind kind;
	int tries;

	for (tries = 0; tries < CREATE_WAIT_MS; tries++) {
		if (file_kind(fd, &kind) != 0 || kind == KIND_OTHER ||
		    !file_locked(fd, FORMAT_LOCK_CREATE, false))
			break;
		nanosleep(&ms, NULL);
	}
}

/* So that open() neither waits for a FIFO's other end nor takes a terminal. */
static int
open_mode(bool rdonly)
{
	return (rdonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
}

/*
 * Opens PATH, and creates it if FLAGS allow it; *OURS: it was not there before.
 * Returns 0 or an errno value.
 */
static int
open_path(const char *path, unsigned flags, struct mapping **mp, bool *ours)
{
	int mode = open_mode((flags & SHMBUS_RDONLY) != 0);
	int tries;
	int error = ENOENT;

	*ours = false;
	for (tries = 0; tries < RETRIES; tries++) {
		error = mapping_open(path, mode, 0, mp);
		if (error != ENOENT || !(flags & SHMBUS_CREATE))
			break;
		error = mapping_open(path, mode | O_CREAT | O_EXCL, 0600, mp);
		*ours = error == 0;
		if (error != EEXIST)
			break;
	}
	return error;
}

/* Returns 0 for a regular file, else EISDIR or ENODEV. */
static int
file_type(const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return 0;
	why_set(S_ISDIR(st->st_mode) ? "a folder" : "not a regular file");
	return S_ISDIR(st->st_mode) ? EISDIR : ENODEV;
}

/* Reads and checks the header; why_set() gets the particulars. */
static int
file_check(int fd, struct ring_geometry *g)
{
	struct format_header h;
	struct stat st;
	char why[160];
	int error;

	if (fstat(fd, &st) == -1)
		return errno;
	memset(&h, 0, sizeof(h));
	error = read_all(fd, &h, sizeof(h), 0);
	if ((error == 0 || error == ENODATA) &&
	    memcmp(h.magic, FORMAT_MAGIC_NEW, sizeof(h.magic)) == 0) {
		why_set("not a bus: whoever was creating it did not finish");
		return SHMBUS_ENOTBUS;
	}
	if (error == ENODATA) {
		if (memcmp(h.magic, FORMAT_MAGIC, sizeof(h.magic)) != 0) {
			why_set(st.st_size == 0 ? "not a bus: an empty file" :
						  "not a bus: too short");
			return SHMBUS_ENOTBUS;
		}
		why_set("the bus file was truncated: %llu bytes, not even a "
			"header",
		    (unsigned long long)st.st_size);
		return SHMBUS_ETRUNC;
	}
	if (error != 0)
		return error;
	error = ring_check(&h, (uint64_t)st.st_size, g, why, sizeof(why));
	if (error != 0)
		why_set("%s", why);
	return error;
}

/*
 * Opens the bus PATH as FLAGS (enum shmbus_flags) say, and creates it with the
 * geometry GEO if they allow it; EXCLUSIVE: it fails with EEXIST unless this
 * call has made the bus.  Returns 0, with the file in *MP, to be given to
 * mapping_remove(), and its geometry, or an errno value.
 */
int
file_open(const char *path, unsigned flags, const struct shmbus_geometry *geo,
    bool exclusive, struct mapping **mp, struct ring_geometry *g)
{
	int tries;
	int error;

	why_set("%s", "");
	if (path == NULL || *path == '\0')
		return EINVAL;
	if ((flags & SHMBUS_CREATE) &&
	    ring_geometry(g, geo->mtu, geo->slots) != 0) {
		why_set("mtu %u to %u, slots a power of two from %u to %u",
		    SHMBUS_MTU_MIN, SHMBUS_MTU_MAX, SHMBUS_SLOTS_MIN,
		    SHMBUS_SLOTS_MAX);
		return SHMBUS_ERANGE;
	}
	for (tries = 0; tries < RETRIES; tries++) {
		bool ours = false;
		bool made = false;
		struct stat st;
		enum kind kind = KIND_OTHER;
		int fd;

		if ((error = open_path(path, flags, mp, &ours)) != 0)
			break;
		fd = (int)AO_load(&(*mp)->fd);
		if (fstat(fd, &st) == -1) {
			error = errno;
		} else if ((error = file_type(&st)) == 0) {
			error = file_kind(fd, &kind);
			if (error == 0 && kind != KIND_OTHER) {
				if (flags & SHMBUS_CREATE)
					error = file_create(fd, path, geo, g,
					    ours, &made);
				else
					file_await(fd);
			}
		}
		if (error == 0 && exclusive && !made)
			error = EEXIST;
		if (error == 0)
			error = file_check(fd, g);
		if (error == 0)
			return 0;
		mapping_remove(*mp);
		if (error != ESTALE)
			break;
	}
	*mp = NULL;
	if (*shmbus_why() == '\0')
		why_set("%s", shmbus_strerror(error));
	return error;
}

int
shmbus_create(const char *path, const struct shmbus_geometry *geo)
{
	static const struct shmbus_geometry defaults;
	struct ring_geometry g;
	struct mapping *m;
	int error = file_open(path, SHMBUS_CREATE,
	    geo != NULL ? geo : &defaults, true, &m, &g);

	if (error == 0)
		mapping_remove(m);
	return error;
}
