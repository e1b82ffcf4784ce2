/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmifctl_parse_test - what shmifctl makes of words, and what it refuses
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <netinet/in.h>

#include "ctl/shmifctl/shmifctl.h"

/* What was complained of. */
static char said[2 * PATH_MAX];
static unsigned complaints;

int
complain(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	complaints++;
	return status;
}

/* A call, its words separated by blanks, and what becomes of it. */
struct expect {
	const char *call;
	const char *ops; /* as JSON; NULL: it is refused */
	int status;
	const char *why;
};

static int
words(int argc, char **argv, struct json_object *ops)
{
	return words_parse(argv[0], argc - 1, argv + 1, ops);
}

static void
try(int (*parse)(int argc, char **argv, struct json_object *ops),
    const struct expect *e)
{
	struct json_object *ops = json_object_new_array();
	char text[4096], *argv[128], *save = NULL;
	const char *got;
	int argc = 0, status;

	snprintf(text, sizeof(text), "%s", e->call);
	for (char *w = strtok_r(text, " ", &save); w != NULL;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	said[0] = '\0';
	complaints = 0;
	status = parse(argc, argv, ops);
	got = json_object_to_json_string_ext(ops,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (e->ops != NULL ?
		status != OK || complaints != 0 || strcmp(got, e->ops) != 0 :
		status != e->status || complaints != 1 ||
		    strcmp(said, e->why) != 0)
		fail_msg("%s: status %d, said \"%s\", ops %s", e->call, status,
		    said, got);
	json_object_put(ops);
}

#define TRY_ALL(parse, list) \
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) \
	try(parse, &list[i])

static void
test_words(void **state)
{
	static const struct expect list[] = {
		{ "shmif0 up", "[{\"op\":\"up\",\"if\":\"shmif0\"}]", 0, NULL },
		{ "vd4 down", "[{\"op\":\"down\",\"if\":\"vd4\"}]", 0, NULL },
		{ "shmif0 create", "[{\"op\":\"create\",\"if\":\"shmif0\"}]", 0,
		    NULL },
		{ "shmif create", "[{\"op\":\"create\",\"if\":\"shmif\"}]", 0,
		    NULL },
		{ "shmif0 destroy", "[{\"op\":\"destroy\",\"if\":\"shmif0\"}]",
		    0, NULL },
		{ "shmif0 linkstr /a/b",
		    "[{\"op\":\"linkstr\",\"if\":\"shmif0\",\"path\":\"/a/"
		    "b\"}]",
		    0, NULL },
		{ "shmif0 -linkstr",
		    "[{\"op\":\"linkstr\",\"if\":\"shmif0\",\"path\":null}]", 0,
		    NULL },
		{ "shmif0 mtu 1400",
		    "[{\"op\":\"mtu\",\"if\":\"shmif0\",\"mtu\":1400}]", 0,
		    NULL },
		{ "shmif0 ether 02:0:0:0:A:1",
		    "[{\"op\":\"lladdr\",\"if\":\"shmif0\","
		    "\"mac\":\"02:00:00:00:0a:01\"}]",
		    0, NULL },
		{ "shmif0 lladdr b2:a0:ff:fe:fd:fc",
		    "[{\"op\":\"lladdr\",\"if\":\"shmif0\","
		    "\"mac\":\"b2:a0:ff:fe:fd:fc\"}]",
		    0, NULL },
		{ "shmif0 promisc -promisc",
		    "[{\"op\":\"promisc\",\"if\":\"shmif0\",\"on\":true},"
		    "{\"op\":\"promisc\",\"if\":\"shmif0\",\"on\":false}]",
		    0, NULL },
		{ "shmif0 media none media auto",
		    "[{\"op\":\"media\",\"if\":\"shmif0\",\"on\":false},"
		    "{\"op\":\"media\",\"if\":\"shmif0\",\"on\":true}]",
		    0, NULL },
		{ "shmif0 dhcp -dhcp autoconf -autoconf",
		    "[{\"op\":\"dhcp\",\"if\":\"shmif0\",\"on\":true},"
		    "{\"op\":\"dhcp\",\"if\":\"shmif0\",\"on\":false},"
		    "{\"op\":\"autoconf\",\"if\":\"shmif0\",\"on\":true},"
		    "{\"op\":\"autoconf\",\"if\":\"shmif0\",\"on\":false}]",
		    0, NULL },
		{ "shmif0 create linkstr /b inet 10.0.0.1/24 up",
		    "[{\"op\":\"create\",\"if\":\"shmif0\"},"
		    "{\"op\":\"linkstr\",\"if\":\"$\",\"path\":\"/b\"},"
		    "{\"op\":\"addr_add\",\"if\":\"$\",\"addr\":\"10.0.0.1/"
		    "24\","
		    "\"replace\":true},"
		    "{\"op\":\"up\",\"if\":\"$\"}]",
		    0, NULL },
		{ "shmif0 down destroy",
		    "[{\"op\":\"down\",\"if\":\"shmif0\"},"
		    "{\"op\":\"destroy\",\"if\":\"shmif0\"}]",
		    0, NULL },
		{ "shmif create radv -autoconf autoconf",
		    "[{\"op\":\"create\",\"if\":\"shmif\","
		    "\"flags\":[\"radv\",\"noautoconf\"]},"
		    "{\"op\":\"autoconf\",\"if\":\"$\",\"on\":true}]",
		    0, NULL },
		/* Others than shmif get their link string when created. */
		{ "vd create up linkstr vde:///none/such",
		    "[{\"op\":\"create\",\"if\":\"vd\","
		    "\"path\":\"vde:///none/such\"},"
		    "{\"op\":\"up\",\"if\":\"$\"}]",
		    0, NULL },
		{ "tp0 create linkstr tap7",
		    "[{\"op\":\"create\",\"if\":\"tp0\",\"path\":\"tap7\"}]", 0,
		    NULL },
	};

	(void)state;
	TRY_ALL(words, list);
}

static void
test_words_refused(void **state)
{
	static const struct expect list[] = {
		{ "shmif0 foo", NULL, FAILED, "shmif0: foo: unknown word" },
		{ "shmif0 up foo", NULL, FAILED, "shmif0: foo: unknown word" },
		{ "shmif0 linkstr", NULL, USAGE,
		    "shmif0: linkstr wants a path" },
		{ "shmif0 mtu", NULL, USAGE, "shmif0: mtu wants a number" },
		{ "shmif0 mtu 0", NULL, FAILED, "shmif0: mtu 0: not an MTU" },
		{ "shmif0 mtu -5", NULL, FAILED, "shmif0: mtu -5: not an MTU" },
		{ "shmif0 mtu +5", NULL, FAILED, "shmif0: mtu +5: not an MTU" },
		{ "shmif0 mtu 1500x", NULL, FAILED,
		    "shmif0: mtu 1500x: not an MTU" },
		{ "shmif0 mtu 65536", NULL, FAILED,
		    "shmif0: mtu 65536: not an MTU" },
		{ "shmif0 mtu 99999999999999999999", NULL, FAILED,
		    "shmif0: mtu 99999999999999999999: not an MTU" },
		{ "shmif0 ether 01:00:00:00:00:01", NULL, FAILED,
		    "01:00:00:00:00:01: not the hardware address of an "
		    "interface" },
		{ "shmif0 ether 00:00:00:00:00:00", NULL, FAILED,
		    "00:00:00:00:00:00: not the hardware address of an "
		    "interface" },
		{ "shmif0 ether 02:00:00:00:00", NULL, FAILED,
		    "02:00:00:00:00: not a hardware address" },
		{ "shmif0 ether 02:00:00:00:00:01:02", NULL, FAILED,
		    "02:00:00:00:00:01:02: not a hardware address" },
		{ "shmif0 ether 02:00:00:00:00:001", NULL, FAILED,
		    "02:00:00:00:00:001: not a hardware address" },
		{ "shmif0 ether 02:00::00:00:00:01", NULL, FAILED,
		    "02:00::00:00:00:01: not a hardware address" },
		{ "shmif0 ether 02-00-00-00-00-01", NULL, FAILED,
		    "02-00-00-00-00-01: not a hardware address" },
		{ "shmif0 media 100baseTX", NULL, FAILED,
		    "shmif0: media 100baseTX: auto or none it is" },
		{ "shmif0 up create", NULL, FAILED,
		    "shmif0: create is the first word, or none" },
		{ "shmif0 create create", NULL, FAILED,
		    "shmif0: create is the first word, or none" },
		{ "shmif0 destroy up", NULL, FAILED,
		    "shmif0: up: nothing comes after destroy" },
		{ "shmif0 radv", NULL, FAILED,
		    "shmif0: radv: only along with create" },
		{ "shmif up", NULL, FAILED,
		    "shmif: neither an interface nor a command" },
		{ "SHMIF0 create", NULL, FAILED,
		    "SHMIF0: not the name of an interface" },
		{ "shmif-1 up", NULL, FAILED,
		    "shmif-1: neither an interface nor a command" },
		{ "shmif00 up", NULL, FAILED,
		    "shmif00: neither an interface nor a command" },
		{ "shmif01 create", NULL, FAILED,
		    "shmif01: not the name of an interface" },
		{ "0 create", NULL, FAILED, "0: not the name of an interface" },
		{ "shmif0.1 create", NULL, FAILED,
		    "shmif0.1: not the name of an interface" },
		{ "shmif1234567890123456 create", NULL, FAILED,
		    "shmif1234567890123456: name too long" },
		{ "shmif0 linkstr /\xff", NULL, FAILED, "/\xff: not UTF-8" },
		{ "tp0 linkstr \xff", NULL, FAILED,
		    "tp0: \xff: not a link string" },
	};

	(void)state;
	TRY_ALL(words, list);
}

/* What the operation of one address is. */
#define ADD(a, more) \
	"[{\"op\":\"addr_add\",\"if\":\"shmif0\",\"addr\":\"" a "\"" more "}]"
#define DEL(a) "[{\"op\":\"addr_del\",\"if\":\"shmif0\",\"addr\":\"" a "\"}]"
#define SET ",\"replace\":true"

static void
test_addresses(void **state)
{
	static const struct expect list[] = {
		{ "shmif0 inet 10.0.0.1/24", ADD("10.0.0.1/24", SET), 0, NULL },
		{ "shmif0 inet 10.0.0.1/24 alias", ADD("10.0.0.1/24", ""), 0,
		    NULL },
		{ "shmif0 inet 10.0.0.1/24 add", ADD("10.0.0.1/24", ""), 0,
		    NULL },
		{ "shmif0 inet 10.0.0.1 netmask 255.255.255.0 alias",
		    ADD("10.0.0.1/24", ""), 0, NULL },
		{ "shmif0 inet 10.0.0.1 alias netmask 0xFFFFF000",
		    ADD("10.0.0.1/20", ""), 0, NULL },
		{ "shmif0 inet 10.0.0.1 prefixlen 30", ADD("10.0.0.1/30", SET),
		    0, NULL },
		{ "shmif0 inet 10.0.0.1 netmask 255.255.255.255",
		    ADD("10.0.0.1/32", SET), 0, NULL },
		{ "shmif0 inet 10.0.0.1 netmask 0.0.0.0",
		    ADD("10.0.0.1/0", SET), 0, NULL },
		{ "shmif0 inet 10.0.0.1/0", ADD("10.0.0.1/0", SET), 0, NULL },
		/* The classes of old, where nothing is said. */
		{ "shmif0 inet 10.0.0.1", ADD("10.0.0.1/8", SET), 0, NULL },
		{ "shmif0 inet 127.255.0.1", ADD("127.255.0.1/8", SET), 0,
		    NULL },
		{ "shmif0 inet 128.0.0.1", ADD("128.0.0.1/16", SET), 0, NULL },
		{ "shmif0 inet 191.255.0.1", ADD("191.255.0.1/16", SET), 0,
		    NULL },
		{ "shmif0 inet 192.0.2.1", ADD("192.0.2.1/24", SET), 0, NULL },
		{ "shmif0 inet 10.0.0.1 -alias", DEL("10.0.0.1"), 0, NULL },
		{ "shmif0 inet 10.0.0.1/24 delete", DEL("10.0.0.1/24"), 0,
		    NULL },
		{ "shmif0 inet6 fd00::1/48", ADD("fd00::1/48", ""), 0, NULL },
		{ "shmif0 inet6 FD00:0::1", ADD("fd00::1/64", ""), 0, NULL },
		{ "shmif0 inet6 fd00::1 prefixlen 128 alias",
		    ADD("fd00::1/128", ""), 0, NULL },
		{ "shmif0 inet6 fe80::1%shmif0/64", ADD("fe80::1/64", ""), 0,
		    NULL },
		{ "shmif0 inet6 fd00::1 delete", DEL("fd00::1"), 0, NULL },
		/* The words of an address end where another begins. */
		{ "shmif0 inet 10.0.0.1/24 inet6 fd00::1/64",
		    "[{\"op\":\"addr_add\",\"if\":\"shmif0\",\"addr\":"
		    "\"10.0.0.1/24\",\"replace\":true},"
		    "{\"op\":\"addr_add\",\"if\":\"shmif0\",\"addr\":"
		    "\"fd00::1/64\"}]",
		    0, NULL },
	};

	(void)state;
	TRY_ALL(words, list);
}

static void
test_addresses_refused(void **state)
{
#define NOT(what, text) \
	{ \
		"shmif0 " what, NULL, FAILED, text \
	}
	static const struct expect list[] = {
		NOT("inet 10.0.0", "10.0.0: not an IPv4 address"),
		NOT("inet 10.0.0.256", "10.0.0.256: not an IPv4 address"),
		NOT("inet fd00::1", "fd00::1: not an IPv4 address"),
		NOT("inet host", "host: not an IPv4 address"),
		NOT("inet 10.0.0.1/",
		    "10.0.0.1/: the prefix is a number from "
		    "0 to 32"),
		NOT("inet 10.0.0.1/33",
		    "10.0.0.1/33: the prefix is a number "
		    "from 0 to 32"),
		NOT("inet 10.0.0.1/-1",
		    "10.0.0.1/-1: the prefix is a number "
		    "from 0 to 32"),
		NOT("inet 10.0.0.1/2x",
		    "10.0.0.1/2x: the prefix is a number "
		    "from 0 to 32"),
		NOT("inet 10.0.0.1/24/24",
		    "10.0.0.1/24/24: the prefix is a "
		    "number from 0 to 32"),
		NOT("inet 10.0.0.1%shmif0",
		    "10.0.0.1%shmif0: not an interface "
		    "behind the %"),
		NOT("inet 0.0.0.0", "0.0.0.0: not an address for shmif0"),
		NOT("inet 224.0.0.1", "224.0.0.1: not an address for shmif0"),
		NOT("inet 255.255.255.255",
		    "255.255.255.255: not an address for shmif0"),
		NOT("inet6 10.0.0.1", "10.0.0.1: not an IPv6 address"),
		NOT("inet6 fd00::1::2", "fd00::1::2: not an IPv6 address"),
		NOT("inet6 fd00::1/129",
		    "fd00::1/129: the prefix is a number "
		    "from 0 to 128"),
		NOT("inet6 ::",
		    ":::"
		    " not an address for shmif0"),
		NOT("inet6 ff02::1", "ff02::1: not an address for shmif0"),
		NOT("inet6 fe80::1%shmif1",
		    "fe80::1%shmif1: not an address for shmif0"),
		NOT("inet6 fe80::1%",
		    "fe80::1%: not an interface behind the "
		    "%"),
		NOT("inet6 fd00:1234:1234:1234:1234:1234:1234:1234:1234:1234",
		    "fd00:1234:1234:1234:1234:1234:1234:1234:1234:1234: not an "
		    "IPv6 address"),
		NOT("inet 10.0.0.1 netmask 255.0.255.0",
		    "255.0.255.0: not a netmask"),
		NOT("inet 10.0.0.1 netmask 24", "24: not a netmask"),
		NOT("inet 10.0.0.1 netmask 0xffff", "0xffff: not a netmask"),
		NOT("inet 10.0.0.1 netmask 0xfffff00g",
		    "0xfffff00g: not a netmask"),
		NOT("inet 10.0.0.1/24 netmask 255.255.255.0",
		    "shmif0: netmask: the prefix was said already"),
		NOT("inet 10.0.0.1 prefixlen 24 prefixlen 24",
		    "shmif0: prefixlen: the prefix was said already"),
		NOT("inet6 fd00::1 prefixlen 129",
		    "shmif0: prefixlen 129: it is a number from 0 to 128"),
		NOT("inet6 fd00::1 netmask 255.0.0.0",
		    "shmif0: netmask: unknown word"),
		{ "shmif0 inet", NULL, USAGE, "shmif0: inet wants an address" },
		{ "shmif0 inet 10.0.0.1 netmask", NULL, USAGE,
		    "shmif0: netmask what?" },
	};

	(void)state;
	TRY_ALL(words, list);
}

static void
test_routes(void **state)
{
#define ROUTE(op, rest) "[{\"op\":\"route_" op "\"," rest "}]"
	static const struct expect list[] = {
		{ "add default 10.0.0.254",
		    ROUTE("add", "\"dst\":\"default\",\"via\":\"10.0.0.254\""),
		    0, NULL },
		{ "add default via fd00::1",
		    ROUTE("add", "\"dst\":\"default6\",\"via\":\"fd00::1\""), 0,
		    NULL },
		{ "delete -inet6 default -interface shmif0",
		    ROUTE("del", "\"dst\":\"default6\",\"if\":\"shmif0\""), 0,
		    NULL },
		{ "add -net 10.1.0.0/16 10.0.0.254",
		    ROUTE("add",
			"\"dst\":\"10.1.0.0/16\","
			"\"via\":\"10.0.0.254\""),
		    0, NULL },
		{ "add -host 10.1.0.1 10.0.0.254",
		    ROUTE("add",
			"\"dst\":\"10.1.0.1/32\","
			"\"via\":\"10.0.0.254\""),
		    0, NULL },
		{ "add fd01::/48 fe80::1%shmif3",
		    ROUTE("add",
			"\"dst\":\"fd01::/48\",\"via\":\"fe80::1\","
			"\"if\":\"shmif3\""),
		    0, NULL },
		{ "add fd01:: via fe80::1 dev shmif3",
		    ROUTE("add",
			"\"dst\":\"fd01::/128\",\"via\":\"fe80::1\","
			"\"if\":\"shmif3\""),
		    0, NULL },
		{ "add 10.1.0.0/16 -ifp vd0",
		    ROUTE("add", "\"dst\":\"10.1.0.0/16\",\"if\":\"vd0\""), 0,
		    NULL },
		{ "add", NULL, USAGE, "route add: which destination?" },
		{ "add default", NULL, USAGE,
		    "route add: by which gateway or -interface?" },
		{ "add default -interface", NULL, USAGE,
		    "route add: -interface wants an interface" },
		{ "add default -foo", NULL, USAGE,
		    "route add: unknown option -foo" },
		{ "add default -interface SHMIF", NULL, FAILED,
		    "SHMIF: no such interface" },
		{ "add 10.1.0.1/16 10.0.0.1", NULL, FAILED,
		    "10.1.0.1/16: not a network: bits are set behind the "
		    "prefix" },
		{ "add fd00:: 10.0.0.1", NULL, FAILED,
		    "10.0.0.1: not an IPv6 address" },
		{ "add -inet default fd00::1", NULL, FAILED,
		    "fd00::1: not an IPv4 address" },
		{ "add -inet6 10.0.0.0/8 10.0.0.1", NULL, FAILED,
		    "10.0.0.0/8: not an IPv6 address" },
		{ "add 10.1.0.0/16 10.0.0.1/8", NULL, FAILED,
		    "10.0.0.1/8: a gateway is an address without a prefix" },
		{ "add default 10.0.0.1 10.0.0.2", NULL, FAILED,
		    "route add: 10.0.0.2: unknown word" },
		{ "add default fe80::1%shmif0 dev shmif1", NULL, FAILED,
		    "shmif0: the interface was said already" },
	};

	(void)state;
	TRY_ALL(route_parse, list);
}

static void
test_ping(void **state)
{
#define PING(rest) "[{\"op\":\"ping\"," rest "}]"
	static const struct expect list[] = {
		{ "10.0.0.2", PING("\"host\":\"10.0.0.2\""), 0, NULL },
		{ "-c 3 10.0.0.2", PING("\"count\":3,\"host\":\"10.0.0.2\""), 0,
		    NULL },
		{ "fd00:0::2 -c 3 -i 0.2 -W 2.5 -s 1000",
		    PING("\"count\":3,\"interval_ms\":200,\"timeout_ms\":2500,"
			 "\"size\":1000,\"host\":\"fd00::2\""),
		    0, NULL },
		{ "fe80::2%shmif0",
		    PING("\"host\":\"fe80::2\","
			 "\"if\":\"shmif0\""),
		    0, NULL },
		{ "", NULL, USAGE, "ping: which host?" },
		{ "-c", NULL, USAGE, "ping: -c wants a number" },
		{ "-z 10.0.0.2", NULL, USAGE, "ping: unknown option -z" },
		{ "-q -t 3 -I shmif1 10.0.0.2",
		    "[{\"op\":\"ping\",\"ttl\":3,\"if\":\"shmif1\","
		    "\"host\":\"10.0.0.2\"}]",
		    0, NULL },
		{ "-t 256 10.0.0.2", NULL, FAILED,
		    "ping: -t 256: it is a number from 1 to 255" },
		{ "-x3 10.0.0.2", NULL, USAGE, "ping: unknown option -x3" },
		{ "10.0.0.2 10.0.0.3", NULL, USAGE,
		    "ping: 10.0.0.3: one host, please" },
		{ "host", NULL, FAILED, "host: not an IP address" },
		{ "10.0.0.2/24", NULL, FAILED,
		    "ping: 10.0.0.2/24: one address, please" },
		{ "-c 0 10.0.0.2", NULL, FAILED,
		    "ping: -c 0: it is a number from 1 to 1000000" },
		{ "-s 60001 10.0.0.2", NULL, FAILED,
		    "ping: -s 60001: it is a number from 0 to 60000" },
		{ "-i 0 10.0.0.2", NULL, FAILED,
		    "ping: -i 0: it is seconds, from 0.001 to 60" },
		{ "-i 0x1 10.0.0.2", NULL, FAILED,
		    "ping: -i 0x1: it is seconds, from 0.001 to 60" },
		{ "-i nan 10.0.0.2", NULL, FAILED,
		    "ping: -i nan: it is seconds, from 0.001 to 60" },
		{ "-W 1.2.3 10.0.0.2", NULL, FAILED,
		    "ping: -W 1.2.3: it is seconds, from 0.001 to 60" },
	};

	(void)state;
	TRY_ALL(ping_parse, list);
}

/* Relative paths, seen from here. */
static void
test_paths(void **state)
{
	static const struct {
		const char *text, *path;
	} list[] = {
		{ "bus", "/usr/lib/bus" },
		{ "./bus", "/usr/lib/bus" },
		{ ".//./bus", "/usr/lib/bus" },
		{ "././/bus", "/usr/lib/bus" },
		{ "../bus", "/usr/lib/../bus" },
		{ "/tmp/bus", "/tmp/bus" },
		{ "/", "/" },
		{ ".", "/usr/lib/." },
		{ "\xc3\xa4", "/usr/lib/\xc3\xa4" },
	};
	char *path, *longest = malloc(PATH_MAX + 1);

	(void)state;
	assert_int_equal(chdir("/usr/lib"), 0);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		assert_int_equal(text_path(list[i].text, &path), OK);
		assert_string_equal(path, list[i].path);
		free(path);
	}
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(text_path("bus", &path), OK);
	assert_string_equal(path, "/bus");
	free(path);
	assert_int_equal(text_path("", &path), FAILED);
	assert_string_equal(said, "a path that is empty");
	assert_int_equal(text_path("./", &path), FAILED);
	/* PATH_MAX counts the NUL. */
	memset(longest, 'a', PATH_MAX);
	longest[0] = '/';
	longest[PATH_MAX - 1] = '\0';
	assert_int_equal(text_path(longest, &path), OK);
	free(path);
	longest[0] = 'a';
	assert_int_equal(text_path(longest, &path), FAILED);
	assert_non_null(strstr(said, ": File name too long"));
	free(longest);
}

static void
test_utf8(void **state)
{
	static const char *const good[] = { "", "a", "\xc2\x80", "\xdf\xbf",
		"\xe0\xa0\x80", "\xed\x9f\xbf", "\xef\xbf\xbf",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80", "\xc1\xbf", "\xc2",
		"\xc2"
		"a",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82", "\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(text_utf8(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (text_utf8(bad[i]))
			fail_msg("bad[%zu] was taken", i);
}

/* What a terminal would obey does not get there. */
static void
test_clean(void **state)
{
	static const char dirty[] = "a\x1b[2J\r\n\t\x7f\xc2\x9b\xc3\xa4";
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	put_clean(f, dirty);
	fclose(f);
	assert_string_equal(text, "a?[2J?????\xc3\xa4");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_words_refused),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_addresses_refused),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_clean),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
