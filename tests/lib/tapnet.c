/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tapnet.c - this machine's kernel as a neighbour on a bus
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shmbus.h>

#include "tests/lib/must.h"
#include "tests/lib/tapnet.h"

#define NAME "tap0"
#define FRAME_MAX 2048
#define READY_MS 20000

static int tap = -1;
static struct shmbus *bus;
static atomic_bool is_cut;

/* ---- the namespace ------------------------------------------------------ */

static void
set_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd == -1)
		return; /* without it there is a second more to wait */
	MUST(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* Waits until the kernel has looked for duplicates of its address. */
static bool
is_ready(void)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), i, r = -1;

	inet_pton(AF_INET6, KERNEL6, &sin6.sin6_addr);
	for (i = 0; s != -1 && r == -1 && i < READY_MS; i += 10) {
		r = bind(s, (struct sockaddr *)&sin6, sizeof(sin6));
		if (r == -1)
			usleep(10000);
	}
	close(s);
	return r == 0;
}

/* Gives the interface its addresses, and sets it up. */
static bool
configure(void)
{
	struct ifreq ifr = { .ifr_name = NAME };
	struct sockaddr_in *sin = (struct sockaddr_in *)&ifr.ifr_addr;
	struct in6_ifreq six = { .ifr6_prefixlen = 64 };
	int s4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int s6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool done = false;

	if (s4 == -1 || s6 == -1)
		goto out;
	sin->sin_family = AF_INET;
	inet_pton(AF_INET, KERNEL4, &sin->sin_addr);
	if (ioctl(s4, SIOCSIFADDR, &ifr) == -1)
		goto out;
	inet_pton(AF_INET, "255.255.255.0", &sin->sin_addr);
	if (ioctl(s4, SIOCSIFNETMASK, &ifr) == -1)
		goto out;
	set_text("/proc/sys/net/ipv6/conf/" NAME "/accept_dad", "0");
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(s4, SIOCSIFFLAGS, &ifr) == -1)
		goto out;
	six.ifr6_ifindex = (int)if_nametoindex(NAME);
	inet_pton(AF_INET6, KERNEL6, &six.ifr6_addr);
	done = ioctl(s6, SIOCSIFADDR, &six) == 0 && is_ready();
out:
	close(s4);
	close(s6);
	return done;
}

const char *
tapnet_enter(void)
{
	struct ifreq ifr = { .ifr_name = NAME,
		.ifr_flags = IFF_TAP | IFF_NO_PI };

	if (unshare(geteuid() == 0 ? CLONE_NEWNET :
				     CLONE_NEWUSER | CLONE_NEWNET) == -1)
		return "no network namespace can be made here";
	if ((tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC)) == -1 ||
	    ioctl(tap, TUNSETIFF, &ifr) == -1)
		return "no tap interface can be made here";
	return configure() ? NULL : "the tap interface has no address";
}

/* ---- frames ------------------------------------------------------------- */

static void *
to_bus(void *arg)
{
	uint8_t frame[FRAME_MAX];
	ssize_t n;

	(void)arg;
	while ((n = read(tap, frame, sizeof(frame))) > 0)
		while (!is_cut &&
		    shmbus_send(bus, frame, (uint32_t)n) == SHMBUS_EGIVENUP) {
		}
	return NULL;
}

static void *
to_kernel(void *arg)
{
	uint8_t frame[FRAME_MAX];
	struct shmbus_frame f;

	(void)arg;
	for (;;) {
		while (shmbus_recv(bus, frame, sizeof(frame), &f) == 0)
			if (!is_cut && f.len <= sizeof(frame) &&
			    write(tap, frame, f.len) == -1 && errno != EINVAL)
				return NULL;
		shmbus_wait(bus, INT64_C(100000000));
	}
}

void
tapnet_bridge(const char *path)
{
	struct shmbus_options o = { .flags = 0 };
	struct ifreq ifr = { .ifr_name = NAME };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pthread_t t;

	/* The bus then wakes us for what is for the kernel, and only then. */
	MUST(s != -1 && ioctl(s, SIOCGIFHWADDR, &ifr) == 0);
	memcpy(o.mac, ifr.ifr_hwaddr.sa_data, sizeof(o.mac));
	close(s);
	MUST(shmbus_attach(path, &o, &bus) == 0);
	MUST(pthread_create(&t, NULL, to_bus, NULL) == 0);
	MUST(pthread_create(&t, NULL, to_kernel, NULL) == 0);
}

void
tapnet_cut(bool cut)
{
	is_cut = cut;
}
