/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapped.c - a bus file as it lies there, to look at and to meddle with
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/mapped.h"

struct map
map_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	struct map m;
	char *base;

	assert_int_not_equal(fd, -1);
	assert_int_equal(fstat(fd, &st), 0);
	m.len = (size_t)st.st_size;
	base = mmap(NULL, m.len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(base, MAP_FAILED);
	close(fd);
	m.hdr = (void *)base;
	m.att = (void *)(base + FORMAT_HEADER);
	return m;
}

void
map_close(struct map *m)
{
	munmap(m->hdr, m->len);
}

bool
map_sleeping(const struct map *m, unsigned i)
{
	return (AO_load_acquire(&m->hdr->sleeping[i / 64]) >> i % 64 & 1) != 0;
}
