/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.c - the memory files that tell where datagrams came from
 *
 * DOC: A datagram in a pair carries a descriptor of a file with the address
 * that it came from (mstack/wire.h).  Most come from few addresses: the files
 * of the latest ones are kept, one for each value of a hash, so that a flood
 * from many addresses costs time, not descriptors.  A file is sealed before
 * anybody sees it.
 */
#include <sys/mman.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "mstack/serve/serve.h"

static size_t
hash(const struct mstack_source *s)
{
	const uint8_t *p = (const uint8_t *)&s->addr;
	uint32_t h = 2166136261u ^ s->is_error;
	size_t i;

	for (i = 0; i < s->addrlen && i < sizeof(s->addr); i++)
		h = (h ^ p[i]) * 16777619u;
	return h % SOURCES;
}

static int
new_file(const struct mstack_source *from)
{
	int fd = memfd_create("mstack", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1)
		return -1;
	if (write(fd, from, sizeof(*from)) != sizeof(*from) ||
	    fcntl(fd, F_ADD_SEALS,
		F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) !=
		0) {
		close(fd);
		return -1;
	}
	return fd;
}

int
source_file(struct server *sv, const struct mstack_source *from)
{
	size_t i = hash(from);

	if (sv->source[i].fd != -1) {
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
		if (memcmp(&sv->source[i].from, from, sizeof(*from)) == 0)
			return sv->source[i].fd;
		close(sv->source[i].fd);
	}
	sv->source[i].from = *from;
	sv->source[i].fd = new_file(from);
	return sv->source[i].fd;
}

void
source_close_all(struct server *sv)
{
	size_t i;

	for (i = 0; i < SOURCES; i++) {
		if (sv->source[i].fd != -1)
			close(sv->source[i].fd);
		sv->source[i].fd = -1;
	}
}
