/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talk_bus.h - talk_up() of talk.h for a stack in the process; whoever includes
 *	this has talk_settle(unit), which waits until the addresses can be used
 */
#ifndef BENCH_LIB_TALK_BUS_H
#define BENCH_LIB_TALK_BUS_H

#include <shmif.h>

#include "bench/lib/talk.h"

static void talk_settle(int unit);

static void
talk_up(const char *bus, const char *addresses)
{
	struct shmif_options how = { 0 };
	const char *mtu = getenv("BUS_MTU");
	char text[256], *next = text, *one;
	int unit, error;

	if (mtu != NULL)
		how.bus_mtu = (uint32_t)strtoul(mtu, NULL, 10);
	if ((error = shmif_create_opt(bus, &how, &unit)) != 0)
		errx(1, "%s: %s", bus, strerror(error));
	snprintf(text, sizeof(text), "%s", addresses);
	while ((one = strsep(&next, ",")) != NULL)
		if ((error = shmif_add_addr(unit, one)) != 0)
			errx(1, "%s, %s: %s", bus, one, strerror(error));
	if ((error = shmif_up(unit)) != 0)
		errx(1, "%s: %s", bus, strerror(error));
	talk_settle(unit);
}

#endif /* BENCH_LIB_TALK_BUS_H */
