/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vdeurl.c - fuzz target: what stands behind shmif:// in a URL of VDE
 *
 * DOC: An input is what stands there, and behind a newline the name that the
 * client gives the connection.  libvdeplug's parser of options is the real one.
 *
 * What must hold: it is refused with errno, or there is an absolute path and
 * nothing in the options that shmbus_attach() would have to be afraid of.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "vde/url.h"

/* Messages, of libvdeplug too, go nowhere while ON. */
static void
silence(bool on)
{
	static int null = -1, err = -1;

	if (null == -1) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		err = dup(STDERR_FILENO);
	}
	dup2(on ? null : err, STDERR_FILENO);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), *descr;
	struct url u = { 0 };
	int error;

	if ((descr = strchr(text, '\n')) != NULL)
		*descr++ = '\0';
	errno = 0;
	silence(true);
	error = url_parse(&u, text, descr);
	silence(false);
	if (error != 0) {
		if (error != -1 || errno == 0)
			fuzz_fail("refused without a reason: %s", text);
	} else {
		const struct shmbus_geometry *g = &u.how.geometry;

		if (u.path == NULL || u.path[0] != '/' || g->mode > 0777 ||
		    g->mtu > SHMBUS_MTU_MAX || g->slots > SHMBUS_SLOTS_MAX ||
		    (u.how.mac[0] & 1) != 0 ||
		    memchr(u.how.name, '\0', sizeof(u.how.name)) == NULL)
			fuzz_fail("taken: %s", text);
	}
	url_free(&u);
	free(text);
	return 0;
}
