/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eth_driver.c - an Ethernet device on a bus in a file, for a simulator
 *
 *	cc -std=c99 -c eth_driver.c && cc simulator.o eth_driver.o -lshmbus
 *
 * A call that finds the bus destroyed (its file was cut short) says so, and the
 * link is down from then on; a simulator takes it as an unplugged cable.  Who
 * polls the descriptor and receives one frame at a time is called again: it stays
 * readable until a call has found nothing.
 */
#include "eth_driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shmbus.h>

struct eth_driver {
	struct shmbus *bus;
	unsigned mtu;
	int fd; /* -1: nobody asked for it */
	volatile int down;
	unsigned long dropped;
};

int
eth_driver_open(struct eth_driver **driver, const char *path,
    const uint8_t mac[6], const char *name)
{
	struct shmbus_options opt;
	struct shmbus_info info;
	struct eth_driver *d = calloc(1, sizeof(*d));
	int error;

	*driver = NULL;
	if (d == NULL)
		return ENOMEM;
	memset(&opt, 0, sizeof(opt));
	opt.flags = SHMBUS_CREATE;
	if (mac != NULL)
		memcpy(opt.mac, mac, sizeof(opt.mac));
	if (name != NULL)
		snprintf(opt.name, sizeof(opt.name), "%s", name);
	/* Whoever may write to the file may cut it: no reason to die. */
	if ((error = shmbus_guard()) != 0 ||
	    (error = shmbus_attach(path, &opt, &d->bus)) != 0) {
		fprintf(stderr, "eth_driver: %s: %s%s%s\n", path,
		    shmbus_strerror(error), *shmbus_why() != '\0' ? ": " : "",
		    shmbus_why());
		free(d);
		return error;
	}
	shmbus_info(d->bus, &info);
	d->mtu = info.geometry.mtu;
	d->fd = -1;
	*driver = d;
	return 0;
}

void
eth_driver_close(struct eth_driver *driver)
{
	if (driver != NULL)
		shmbus_detach(driver->bus); /* the descriptor goes with it */
	free(driver);
}

void
eth_driver_mac(const struct eth_driver *driver, uint8_t mac[6])
{
	shmbus_mac(driver->bus, mac);
}

int
eth_driver_set_mac(struct eth_driver *driver, const uint8_t mac[6])
{
	return shmbus_set_mac(driver->bus, mac);
}

void
eth_driver_promisc(struct eth_driver *driver, int on)
{
	shmbus_set_promisc(driver->bus, on);
}

unsigned
eth_driver_mtu(const struct eth_driver *driver)
{
	return driver->mtu;
}

/* What ERROR means for the link.  ENETDOWN: it is down, and stays so. */
static int
judge(struct eth_driver *driver, int error)
{
	if (error != SHMBUS_ETRUNC && error != SHMBUS_EFORKED)
		return error;
	driver->down = 1;
	return ENETDOWN;
}

int
eth_driver_link(struct eth_driver *driver)
{
	/* A bus that was removed or replaced goes on for who is on it. */
	judge(driver, shmbus_check(driver->bus));
	return !driver->down;
}

int
eth_driver_send(struct eth_driver *driver, const void *frame, size_t len)
{
	int error = shmbus_send(driver->bus, frame, len);

	if (error == SHMBUS_EGIVENUP) /* this process was stopped meanwhile */
		error = shmbus_send(driver->bus, frame, len);
	return judge(driver, error);
}

int
eth_driver_recv(struct eth_driver *driver, void *buf, size_t size)
{
	struct shmbus_frame frame;
	int error;

	while ((error = shmbus_recv(driver->bus, buf, size, &frame)) == 0) {
		if (frame.len <= size)
			return (int)frame.len;
		driver->dropped++;
	}
	if (driver->fd != -1)
		shmbus_fd_done(driver->bus);
	return judge(driver, error) == ENETDOWN ? -1 : 0;
}

int
eth_driver_wait(struct eth_driver *driver, int ms)
{
	int error = shmbus_wait(driver->bus,
	    ms < 0 ? -1 : ms * INT64_C(1000000));

	if (judge(driver, error) == ENETDOWN)
		return -1;
	return error == 0;
}

int
eth_driver_fd(struct eth_driver *driver)
{
	if (driver->fd == -1 && shmbus_fd(driver->bus, &driver->fd) != 0)
		driver->fd = -1;
	return driver->fd;
}

unsigned long
eth_driver_dropped(const struct eth_driver *driver)
{
	return driver->dropped;
}
