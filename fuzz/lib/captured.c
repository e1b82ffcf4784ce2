/* SPDX-License-Identifier: BSD-2-Clause */
/* captured.c - a capture that a tool wrote, taken apart without its libraries */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/captured.h"
#include "fuzz/fuzz.h"

void
captured_load(struct captured *c, const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	c->size = 0;
	c->n = 0;
	if (fd == -1)
		return;
	while (c->size < sizeof(c->p) &&
	    (n = read(fd, c->p + c->size, sizeof(c->p) - c->size)) > 0)
		c->size += (size_t)n;
	close(fd);
	unlink(name);
	if (c->size == sizeof(c->p))
		fuzz_fail("a capture of %zu bytes", c->size);
}

static uint32_t
word(const struct captured *c, size_t at)
{
	uint32_t v;

	if (at + sizeof(v) > c->size)
		fuzz_fail("a capture that ends in a word");
	memcpy(&v, c->p + at, sizeof(v));
	return v;
}

static void
add_frame(struct captured *c, size_t at, uint32_t len, uint32_t snaplen)
{
	if (len > c->size - at || len > snaplen)
		fuzz_fail("a frame of %u bytes", len);
	if (c->n == CAPTURED_MAX)
		fuzz_fail("%u frames", c->n);
	c->frames[c->n].at = (uint32_t)at;
	c->frames[c->n++].len = len;
}

void
captured_pcap(struct captured *c)
{
	size_t at = 24;

	if (word(c, 0) != 0xa1b23c4d || word(c, 20) != 1)
		fuzz_fail("not a pcap of nanoseconds and Ethernet");
	while (at < c->size) {
		uint32_t len = word(c, at + 8);

		if (word(c, at + 4) >= 1000000000 || word(c, at + 12) != len)
			fuzz_fail("a packet that lies");
		add_frame(c, at + 16, len, word(c, 16));
		at += 16 + len;
	}
}

void
captured_pcapng(struct captured *c)
{
	uint32_t interfaces = 0;

	for (size_t at = 0; at < c->size;) {
		uint32_t type = word(c, at), n = word(c, at + 4);

		if (n < 12 || n % 4 != 0 || n > c->size - at ||
		    word(c, at + n - 4) != n ||
		    (at == 0) != (type == 0x0a0d0d0a))
			fuzz_fail("a block that lies");
		interfaces += type == 1;
		if (type == 6) {
			if (word(c, at + 8) >= interfaces)
				fuzz_fail("an interface that is none");
			if (word(c, at + 20) != word(c, at + 24) ||
			    word(c, at + 20) > n - 32)
				fuzz_fail("a packet that lies");
			add_frame(c, at + 28, word(c, at + 20), 65535);
		}
		at += n;
	}
}
