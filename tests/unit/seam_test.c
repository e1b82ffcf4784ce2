/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seam_test - shmif and its server on a stack that is not lwipv6, carries more
 * than 1500 bytes, and has nothing of stack_ctl.h
 *
 * That this links at all shows that nothing in shmif/ and ctl/serve/ names a
 * stack: the_stack is defined here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "shmif/stack.h"
#include "shmif/stack_ctl.h"
#include "shmif/unit.h"

#define BIG 9000

/* The one interface of this stack. */
static struct {
	bool up, promisc, link;
	uint16_t mtu;
	uint8_t mac[6];
} netif;
static char stack_itself;

static int
find(void **stack)
{
	*stack = &stack_itself;
	return 0;
}

static int
attach(struct unit *u, void *stack, const struct stack_setup *how)
{
	(void)u;
	assert_ptr_equal(stack, &stack_itself);
	netif.mtu = how->mtu;
	netif.link = how->link;
	memcpy(netif.mac, how->mac, sizeof(netif.mac));
	return 0;
}

static void
nothing(struct unit *u)
{
	(void)u;
}

static bool
no(struct unit *u)
{
	(void)u;
	return false;
}

static int
call(struct unit *u, void (*fn)(void *), void *arg)
{
	(void)u;
	fn(arg);
	return 0;
}

static int
kick(struct unit *u)
{
	unit_drain(u);
	return 0;
}

static void
set_mac(struct unit *u, const uint8_t mac[6])
{
	(void)u;
	memcpy(netif.mac, mac, sizeof(netif.mac));
}

static void
set_mtu(struct unit *u, uint16_t mtu)
{
	(void)u;
	netif.mtu = mtu;
}

static void
set_link(struct unit *u, bool on)
{
	(void)u;
	netif.link = on;
}

static void
set_promisc(struct unit *u, bool on)
{
	(void)u;
	netif.promisc = on;
}

static void
set_up(struct unit *u, bool up)
{
	(void)u;
	netif.up = up;
}

static void
look(struct unit *u, bool *up, bool *promisc, uint16_t *mtu, uint8_t mac[6])
{
	(void)u;
	*up = netif.up;
	*promisc = netif.promisc;
	*mtu = netif.mtu;
	memcpy(mac, netif.mac, sizeof(netif.mac));
}

/* The driver of this program. */
const struct stack_ops the_stack = {
	.name = "none",
	.mtu_max = BIG,
	.find = find,
	.attach = attach,
	.detach = nothing,
	.inside = no,
	.call = call,
	.kick = kick,
	.is_up = no,
	.set_mac = set_mac,
	.set_mtu = set_mtu,
	.set_link = set_link,
	.set_promisc = set_promisc,
	.set_up = set_up,
	.look = look,
};

static void
test_mtu(void **state)
{
	const struct shmif_options opt = { .bus_mtu = 2 * BIG };
	char bus[] = "/tmp/seam_test.XXXXXX";
	unsigned mtu;
	int fd, u;

	(void)state;
	fd = mkstemp(bus);
	assert_int_not_equal(fd, -1);
	close(fd);
	unlink(bus);
	assert_int_equal(shmif_create_opt(bus, &opt, &u), 0);
	unlink(bus);
	assert_int_equal(shmif_mtu(u, &mtu), 0);
	assert_int_equal(mtu, BIG);
	assert_int_equal(shmif_set_mtu(u, BIG + 1), EMSGSIZE);
	assert_int_equal(shmif_set_mtu(u, SHMIF_MTU_MIN), 0);
	assert_int_equal(shmif_set_mtu(u, BIG), 0);
	assert_int_equal(shmif_up(u), 0);
	assert_true(netif.up);
	assert_int_equal(shmif_destroy(u), 0);
}

/* Does OP, and returns the reply, to be freed. */
static char *
asked(const char *op)
{
	char request[300], *reply = NULL;

	snprintf(request, sizeof(request), "{\"id\":1,\"do\":[{%s}]}", op);
	assert_int_equal(shmif_request(request, &reply), 0);
	assert_non_null(reply);
	return reply;
}

/* What needs a function that the stack does not have is told so. */
static void
test_ctl(void **state)
{
	static const char *const ops[] = {
		"\"op\":\"show\"",
		"\"op\":\"show\",\"if\":\"shmif0\"",
		"\"op\":\"destroy\",\"if\":\"shmif0\"",
		"\"op\":\"up\",\"if\":\"shmif0\"",
		"\"op\":\"mtu\",\"if\":\"shmif0\",\"mtu\":100",
		"\"op\":\"promisc\",\"if\":\"shmif0\",\"on\":true",
		"\"op\":\"addr_add\",\"if\":\"shmif0\",\"addr\":\"::1\"",
		"\"op\":\"addr_del\",\"if\":\"shmif0\",\"addr\":\"::1\"",
		"\"op\":\"dhcp\",\"if\":\"shmif0\",\"on\":true",
		"\"op\":\"autoconf\",\"if\":\"shmif0\",\"on\":true",
		"\"op\":\"route_add\",\"dst\":\"default\",\"via\":\"10.0.0.1\"",
		"\"op\":\"route_del\",\"dst\":\"default\",\"via\":\"10.0.0.1\"",
		"\"op\":\"routes\"",
		"\"op\":\"neigh\"",
		"\"op\":\"neigh_del\",\"if\":\"shmif0\",\"addr\":\"::1\"",
		"\"op\":\"forward\",\"on\":true",
		"\"op\":\"radv\",\"file\":\"/nowhere\"",
		"\"op\":\"ping\",\"host\":\"10.0.0.1\"",
	};
	char *reply;
	size_t i;
	int u;

	(void)state;
	assert_int_equal(shmif_create(NULL, &u), 0);
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		reply = asked(ops[i]);
		if (strstr(reply, "\"EOPNOTSUPP\"") == NULL ||
		    strstr(reply, ": not with this stack\"") == NULL)
			fail_msg("%s: %s", ops[i], reply);
		free(reply);
	}
	/* It has no kinds of its own. */
	reply = asked("\"op\":\"create\",\"if\":\"vd0\"");
	assert_non_null(strstr(reply, "\"EINVAL\""));
	free(reply);
	reply = asked("\"op\":\"hello\"");
	assert_non_null(strstr(reply, "\"stack\":\"none\""));
	assert_non_null(strstr(reply, "\"kinds\":[{\"name\":\"shmif\","));
	free(reply);
	/* A unit needs none of it. */
	reply = asked("\"op\":\"create\",\"if\":\"shmif7\"");
	assert_non_null(strstr(reply, "\"ok\":true"));
	free(reply);
	assert_int_equal(shmif_destroy(7), 0);
	assert_int_equal(shmif_destroy(u), 0);
}

static void
test_names(void **state)
{
	static const char *const none[] = { "", "shmif", "shmif-1", "shmif01",
		"shmif256", "shmif1000", "shmif1x", "shmi1", "sh1", "vd0",
		"shmif 1", "shmif99999999999" };
	char name[SHMIF_NAME_MAX];
	int i;

	(void)state;
	for (i = 0; i < SHMIF_UNITS_MAX; i++) {
		unit_name(i, name);
		assert_int_equal(unit_number(name), i);
	}
	for (i = 0; i < (int)(sizeof(none) / sizeof(none[0])); i++)
		assert_int_equal(unit_number(none[i]), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_ctl),
		cmocka_unit_test(test_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
