/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * end.c - what the text of an end means
 */
#include <string.h>

#include "base/tool.h"
#include "wire/wire.h"

static const struct kind *const kinds[] = { &kind_tap, &kind_vde, &kind_fd,
	&kind_dgram, &kind_stream };

int
end_complain(const struct end *e, const char *cause, const char *detail)
{
	tool_complain(e->spec, cause, detail);
	return -1;
}

int
end_open(struct end *e, const char *spec)
{
	e->spec = e->rest = spec;
	e->kind = &kind_bus;
	e->frame_max = FRAME_MAX;
	e->io.fd = e->listener.fd = e->tick.fd = -1;
	e->io.end = e->listener.end = e->tick.end = e;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i]->prefix);

		if (strncmp(spec, kinds[i]->prefix, len) == 0) {
			e->kind = kinds[i];
			e->rest = spec + len;
		}
	}
	if (e->rest[0] == '\0')
		return end_complain(e, "names nothing", NULL);
	return e->kind->open(e);
}

void
end_close(struct end *e)
{
	if (e->kind != NULL)
		e->kind->close(e);
	backlog_clear(&e->backlog);
	later_free(&e->later);
}
