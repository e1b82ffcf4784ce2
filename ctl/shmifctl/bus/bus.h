/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bus.h - what bus.c and metrics.c share
 */
#ifndef SHMIFCTL_BUS_H
#define SHMIFCTL_BUS_H

#include "shmbus/shmbus.h"
#include "ctl/shmifctl/shmifctl.h"

/*
 * The Ith counter of an attachment: as struct shmbus_stats calls it, and what it
 * counts.  NULL: there are no more.
 */
const char *bus_counter_name(size_t i);
const char *bus_counter_help(size_t i);
uint64_t bus_counter(const struct shmbus_peer *p, size_t i);

/* metrics.c: prints the bus and its COUNT attachments. */
void put_bus_metrics(const char *path, const struct shmbus_info *info,
    const struct shmbus_peer *peers, unsigned count);

#endif /* SHMIFCTL_BUS_H */
