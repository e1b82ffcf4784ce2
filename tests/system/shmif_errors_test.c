/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_errors_test.c - bad input is refused, each with its own error, and
 * nothing is changed by it
 */
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmbus.h>
#include <shmif.h>

#include "tests/lib/netping.h"
#include "tests/lib/must.h"
#include "tests/lib/netstack.h"

/* Runs FN in a process of its own, so that it begins without a stack. */
static void
alone(int (*fn)(void *))
{
	assert_int_equal(net_wait(net_child(fn, NULL)), 0);
}

/* ---- creating ----------------------------------------------------------- */

static void
write_file(const char *path, const void *data, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	MUST(fd != -1 && write(fd, data, n) == (ssize_t)n);
	close(fd);
}

/* Every refusal leaves no unit and no descriptor behind. */
static int
create_refused(void *arg)
{
	static char junk[70000], longer[PATH_MAX + 100];
	struct shmif_options bad_flag = { .flags = 1u << 30 };
	struct shmif_options group = { .mac = { 1, 2, 3, 4, 5, 6 } };
	struct shmif_options tiny = { .mtu = 67 }, jumbo = { .mtu = 1501 };
	struct shmif_options nocreate = { .flags = SHMIF_NOCREATE };
	struct shmif_options slots = { .bus_slots = 100 };
	struct shmif_options huge = { .bus_mtu = 70000 };
	struct shmif_options small_bus = { .mtu = 1500, .bus_mtu = 576 };
	const char *file = net_bus(), *missing = net_bus(), *other = net_bus();
	char dir[300];
	int unit = -7, before, threads;

	(void)arg;
	/* the first creates the stack, with its descriptors and threads */
	MUST(shmif_create(NULL, &unit) == 0 && unit == 0);
	MUST(shmif_destroy(0) == 0);
	before = net_descriptors();
	threads = net_threads();
	unit = -7;
	MUST(shmif_create(file, NULL) == EINVAL);
	MUST(shmif_create("", &unit) == EINVAL);
	MUST(shmif_create_on(NULL, file, &unit) == EINVAL);
	MUST(shmif_create_opt(file, &bad_flag, &unit) == EINVAL);
	MUST(shmif_create_opt(file, &group, &unit) == EINVAL);
	MUST(shmif_create_opt(file, &tiny, &unit) == EMSGSIZE);
	MUST(shmif_create_opt(file, &jumbo, &unit) == EMSGSIZE);
	MUST(access(file, F_OK) == -1);
	MUST(shmif_create_opt(file, &slots, &unit) == SHMBUS_ERANGE);
	MUST(shmif_create_opt(file, &huge, &unit) == SHMBUS_ERANGE);
	MUST(access(file, F_OK) == -1);
	MUST(shmif_create_opt(missing, &nocreate, &unit) == ENOENT);
	snprintf(dir, sizeof(dir), "%s/bus", missing);
	MUST(shmif_create(dir, &unit) == ENOENT);
	memset(longer, 'x', sizeof(longer) - 1);
	MUST(shmif_create(longer, &unit) == ENAMETOOLONG);
	MUST(shmif_create("/", &unit) == EISDIR);
	MUST(shmif_create("/dev/null", &unit) == ENODEV);
	memset(junk, 'j', sizeof(junk));
	write_file(file, junk, sizeof(junk));
	MUST(shmif_create(file, &unit) == SHMBUS_ENOTBUS);
	MUST(strlen(shmbus_why()) > 0);
	MUST(shmif_create_opt(other, &small_bus, &unit) == EMSGSIZE);
	unlink(other);
	if (geteuid() != 0) {
		MUST(shmbus_create(other, NULL) == 0 && chmod(other, 0) == 0);
		MUST(shmif_create(other, &unit) == EACCES);
		unlink(other);
	}
	MUST(unit == -7);
	MUST(shmif_next(-1) == -1);
	MUST(net_descriptors() == before);
	MUST(net_threads() == threads);
	return 0;
}

static void
test_create(void **state)
{
	(void)state;
	alone(create_refused);
}

/* ---- a unit that is not there ------------------------------------------- */

static int
no_such_unit(void *arg)
{
	static const int numbers[] = { 0, -1, 5, SHMIF_UNITS_MAX, INT_MAX,
		INT_MIN };
	uint8_t mac[6] = { 2 };
	struct shmif_stats st;
	struct shmif_info info;
	char buf[100];
	unsigned mtu, i;

	(void)arg;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int n = numbers[i];

		MUST(shmif_linkstr(n, NULL) == ENXIO);
		MUST(shmif_destroy(n) == ENXIO);
		MUST(shmif_netif(n) == NULL && shmif_stack(n) == NULL);
		MUST(shmif_up(n) == ENXIO && shmif_down(n) == ENXIO);
		MUST(shmif_add_addr(n, "1.2.3.4/8") == ENXIO);
		MUST(shmif_mac(n, mac) == ENXIO);
		MUST(shmif_set_mac(n, mac) == ENXIO);
		MUST(shmif_mtu(n, &mtu) == ENXIO);
		MUST(shmif_set_mtu(n, 1000) == ENXIO);
		MUST(shmif_set_promisc(n, 1) == ENXIO);
		MUST(shmif_stats(n, &st) == ENXIO);
		MUST(shmif_info(n, &info) == ENXIO);
		MUST(shmif_path(n, buf, sizeof(buf)) == ENXIO);
		MUST(shmif_name(n, buf, sizeof(buf)) == ENXIO);
	}
	return 0;
}

static void
test_no_unit(void **state)
{
	(void)state;
	alone(no_such_unit);
}

/* ---- settings ----------------------------------------------------------- */

static int
settings(void *arg)
{
	static const uint8_t group[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	static const uint8_t none[6];
	static const uint8_t good[6] = { 2, 1, 2, 3, 4, 5 };
	struct shmif_options small = { .bus_mtu = 1000 };
	static const char *const bad[] = { "", "10.0.0.1/33", "10.0.0/8",
		"fd00::1/129", "fd00::1/", "10.0.0.1/-1", "x", "10.0.0.1/8x",
		"fd00:::1", NULL };
	const char *bus = net_bus(), *bus2 = net_bus();
	char buf[300];
	struct shmif_info info;
	uint8_t mac[6];
	unsigned mtu;
	int unit, i;

	(void)arg;
	MUST(shmif_create(bus, &unit) == 0 && unit == 0);
	MUST(shmif_mac(0, mac) == 0 && mac[0] == 0xb2 && mac[1] == 0xa0);
	MUST(shmif_set_mac(0, group) == EINVAL);
	MUST(shmif_set_mac(0, none) == EINVAL);
	MUST(shmif_set_mac(0, NULL) == EINVAL);
	MUST(shmif_mac(0, (uint8_t *)buf) == 0 && memcmp(buf, mac, 6) == 0);
	MUST(shmif_set_mac(0, good) == 0);
	MUST(shmif_mac(0, mac) == 0 && memcmp(mac, good, 6) == 0);
	MUST(shmif_mtu(0, &mtu) == 0 && mtu == 1500);
	MUST(shmif_set_mtu(0, 1501) == EMSGSIZE);
	MUST(shmif_set_mtu(0, 67) == EMSGSIZE);
	MUST(shmif_set_mtu(0, UINT_MAX) == EMSGSIZE);
	MUST(shmif_mtu(0, &mtu) == 0 && mtu == 1500);
	MUST(shmif_set_mtu(0, 600) == 0 && shmif_mtu(0, &mtu) == 0 &&
	    mtu == 600);
	for (i = 0; bad[i] != NULL; i++)
		MUST(shmif_add_addr(0, bad[i]) == EINVAL);
	MUST(shmif_add_addr(0, NULL) == EINVAL);
	MUST(shmif_add_addr(0, "10.0.0.1/8") == 0);
	MUST(shmif_add_addr(0, "10.0.0.1/8") == EADDRINUSE);
	MUST(shmif_del_addr(0, "10.0.0.2/8") == EADDRNOTAVAIL);
	MUST(shmif_del_addr(0, "10.0.0.1/8") == 0);
	MUST(shmif_path(0, buf, sizeof(buf)) == 0 && strcmp(buf, bus) == 0);
	MUST(shmif_path(0, buf, strlen(bus)) == ERANGE);
	MUST(
	    shmif_name(0, buf, sizeof(buf)) == 0 && strcmp(buf, "shmif0") == 0);
	MUST(shmif_name(0, buf, 6) == ERANGE);
	/* the link string */
	MUST(shmif_linkstr(0, "") == EINVAL);
	MUST(shmif_linkstr(0, bus) == EISCONN);
	MUST(shmif_linkstr(0, "/") == EISDIR);
	MUST(shmif_info(0, &info) == 0 && info.connected);
	MUST(shmif_linkstr(0, NULL) == 0);
	MUST(shmif_path(0, buf, sizeof(buf)) == ENOTCONN);
	MUST(shmif_info(0, &info) == 0 && !info.connected &&
	    info.attachment == -1);
	/* a bus of a smaller MTU, and back */
	MUST(shmif_create_opt(bus2, &small, &unit) == 0 && unit == 1);
	MUST(shmif_mtu(1, &mtu) == 0 && mtu == 1000);
	MUST(shmif_set_mtu(1, 1001) == EMSGSIZE);
	MUST(shmif_set_mtu(0, 0) == 0);
	MUST(shmif_linkstr(0, bus2) == 0);
	MUST(shmif_mtu(0, &mtu) == 0 && mtu == 1000);
	MUST(shmif_linkstr(0, bus) == 0);
	MUST(shmif_mtu(0, &mtu) == 0 && mtu == 1500);
	/* numbers: the lowest free one */
	MUST(shmif_create(NULL, &unit) == 0 && unit == 2);
	MUST(shmif_destroy(1) == 0);
	MUST(shmif_create(NULL, &unit) == 0 && unit == 1);
	MUST(shmif_next(-1) == 0 && shmif_next(0) == 1 && shmif_next(1) == 2 &&
	    shmif_next(2) == -1);
	return 0;
}

static void
test_settings(void **state)
{
	(void)state;
	alone(settings);
}

/* ---- what programs ask lwipv6 for --------------------------------------- */

static int
ioctls(void *arg)
{
	struct ifreq ifr;
	uint8_t mac[6];
	unsigned mtu;
	int unit, s;

	(void)arg;
	MUST(shmif_create(net_bus(), &unit) == 0 && unit == 0);
	MUST((s = lwip_socket(AF_INET, SOCK_DGRAM, 0)) != -1);
	memset(&ifr, 0, sizeof(ifr));
	strcpy(ifr.ifr_name, "sh0");
	MUST(lwip_ioctl(s, SIOCGIFMTU, &ifr) == 0 && ifr.ifr_mtu == 1500);
	ifr.ifr_mtu = 1501;
	MUST(lwip_ioctl(s, SIOCSIFMTU, &ifr) == -1 && errno == EMSGSIZE);
	ifr.ifr_mtu = 65536 + 1000;
	MUST(lwip_ioctl(s, SIOCSIFMTU, &ifr) == -1 && errno == EMSGSIZE);
	ifr.ifr_mtu = -1;
	MUST(lwip_ioctl(s, SIOCSIFMTU, &ifr) == -1 && errno == EMSGSIZE);
	MUST(shmif_mtu(0, &mtu) == 0 && mtu == 1500);
	ifr.ifr_mtu = 1400;
	MUST(lwip_ioctl(s, SIOCSIFMTU, &ifr) == 0);
	MUST(shmif_mtu(0, &mtu) == 0 && mtu == 1400);
	memcpy(ifr.ifr_hwaddr.sa_data, "\2\0\0\0\0\7", 6);
	MUST(lwip_ioctl(s, SIOCSIFHWADDR, &ifr) == 0);
	MUST(shmif_mac(0, mac) == 0 && mac[5] == 7);
	memcpy(ifr.ifr_hwaddr.sa_data, "\3\0\0\0\0\7", 6);
	MUST(lwip_ioctl(s, SIOCSIFHWADDR, &ifr) == -1);
	return 0;
}

static void
test_ioctls(void **state)
{
	(void)state;
	alone(ioctls);
}

/* ---- up and down -------------------------------------------------------- */

/* With autoconfiguration under way, which lwipv6 alone does not survive. */
static int
up_and_down(void *arg)
{
	int unit, i;

	(void)arg;
	MUST(shmif_create(net_bus(), &unit) == 0);
	for (i = 0; i < 40; i++) {
		MUST(shmif_up(unit) == 0);
		if (i % 3 == 0)
			MUST(shmif_up(unit) == 0);
		usleep(i % 4 == 0 ? 60000 : 1000);
		MUST(shmif_down(unit) == 0);
		if (i % 5 == 0)
			MUST(shmif_down(unit) == 0);
	}
	sleep(2); /* longer than what was left behind would wait */
	MUST(lwip_ifup(shmif_netif(unit)) == 0);
	MUST(shmif_destroy(unit) == 0);
	sleep(2);
	return 0;
}

static void
test_up_and_down(void **state)
{
	(void)state;
	alone(up_and_down);
}

/* ---- a bus that goes away ----------------------------------------------- */

static int
cut_off(void *arg)
{
	struct netping *ping;
	struct shmif_info info;
	const char *bus = net_bus(), *bus2 = net_bus();
	struct stack *peer;
	int a, b, i;

	(void)arg;
	MUST(shmbus_guard() == 0);
	MUST((peer = lwip_add_stack(0)) != NULL);
	MUST(shmif_create(bus, &a) == 0 && shmif_create_on(peer, bus, &b) == 0);
	MUST(shmif_add_addr(a, "10.4.0.1/24") == 0 && shmif_up(a) == 0);
	MUST(shmif_add_addr(b, "10.4.0.2/24") == 0 && shmif_up(b) == 0);
	MUST((ping = netping_new(NULL, AF_INET, NULL)) != NULL);
	MUST(netping(ping, "10.4.0.2", 56, 20) == 0);
	MUST(truncate(bus, 0) == 0);
	for (i = 0; i < 200; i++) {
		netping_once(ping, "10.4.0.2", 1000, 50);
		usleep(20000); /* what cannot be sent fails at once */
		MUST(shmif_info(a, &info) == 0);
		if (!info.connected && shmif_info(b, &info) == 0 &&
		    !info.connected)
			break;
	}
	MUST(i < 200);
	MUST(shmif_linkstr(a, bus2) == 0 && shmif_linkstr(b, bus2) == 0);
	MUST(netping(ping, "10.4.0.2", 56, 20) == 0);
	MUST(shmif_destroy(a) == 0 && shmif_destroy(b) == 0);
	return 0;
}

static void
test_cut_off(void **state)
{
	(void)state;
	alone(cut_off);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_no_unit),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_ioctls),
		cmocka_unit_test(test_up_and_down),
		cmocka_unit_test(test_cut_off),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
