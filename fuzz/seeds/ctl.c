/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl.c - seeds: each operation, requests that fail late, odd messages */
#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"

static struct seed s;

static void
line(const char *text)
{
	put_bytes(&s, text, strlen(text));
	put8(&s, '\n');
}

static void
begin(unsigned fail, unsigned cut)
{
	s.n = 0;
	put8(&s, fail);
	put8(&s, cut);
}

/* A request with OPS, which are separated by commas; ' for ". */
static void
request(const char *ops)
{
	size_t from = s.n, i;

	put_bytes(&s, "{'id':1,'do':[", 14);
	put_bytes(&s, ops, strlen(ops));
	put_bytes(&s, "]}\n", 3);
	for (i = from; i < s.n; i++)
		if (s.b[i] == '\'')
			s.b[i] = '"';
}

static const char *const single[] = {
	"{'op':'hello'}",
	"{'op':'show'}",
	"{'op':'show','if':'lo0'}",
	"{'op':'routes'}",
	"{'op':'socket_list'}",
	"{'op':'neigh','family':'inet6','if':'lo0'}",
	"{'op':'neigh_del','if':'lo0','addr':'fd00::1'}",
	"{'op':'neigh_add','if':'lo0','addr':'fd00::1',"
	"'mac':'02:00:00:00:00:01'},{'op':'up','if':'lo0'}",
	"{'op':'neigh_add','if':'lo0','addr':'10.0.0.9','publish':true},"
	"{'op':'neigh_del','if':'lo0','addr':'10.0.0.9','publish':true}",
	"{'op':'ping','host':'fe80::1','if':'shmif0'}",
	"{'op':'ping','host':'10.0.0.1','count':3,'interval_ms':1,'size':7,"
	"'timeout_ms':1}",
	"{'op':'ping','host':'::1','size':60000}",
	"{'op':'radv','file':'/etc/radv'}",
	"{'op':'halt'}",
	"{'op':'forward','on':true}",
	"{'op':'create','if':'vd','path':'/run/vde'}",
	"{'op':'create','if':'sl0'},{'op':'dhcp','if':'sl0','on':true}",
};

/* Everything that can be undone, in one request. */
static const char much[] =
    "{'op':'create','if':'shmif','path':'/tmp/bus','mtu':600,"
    "'mac':'02:00:00:00:00:01','flags':['nocreate','promisc']},"
    "{'op':'addr_add','if':'$','addr':'10.0.0.1/24'},"
    "{'op':'addr_add','if':'shmif0','addr':'fd00::1/64'},"
    "{'op':'up','if':'$'},{'op':'mtu','if':'$','mtu':1000},"
    "{'op':'lladdr','if':'$','mac':'02:00:00:00:00:02'},"
    "{'op':'promisc','if':'$','on':true},"
    "{'op':'autoconf','if':'$','on':true},"
    "{'op':'dhcp','if':'$','on':true},"
    "{'op':'route_add','dst':'default','via':'10.0.0.9'},"
    "{'op':'route_add','dst':'fd01::/16','if':'shmif0'},"
    "{'op':'route_del','dst':'default','via':'10.0.0.9'},"
    "{'op':'media','if':'$','on':false},"
    "{'op':'linkstr','if':'$','path':'/tmp/other'},"
    "{'op':'linkstr','if':'$','path':null},"
    "{'op':'addr_del','if':'$','addr':'10.0.0.1'},"
    "{'op':'forward','on':true},{'op':'down','if':'$'}";

/* Done to what is there already, and then taken back. */
static const char *const undone[] = {
	"{'op':'addr_add','if':'shmif0','addr':'10.0.0.1/24'}",
	"{'op':'addr_del','if':'shmif0','addr':'10.7.0.1/24'}",
	"{'op':'up','if':'shmif0'}",
	"{'op':'mtu','if':'shmif0','mtu':1000}",
	"{'op':'lladdr','if':'shmif0','mac':'02:00:00:00:00:02'}",
	"{'op':'promisc','if':'shmif0','on':true}",
	"{'op':'autoconf','if':'shmif0','on':true}",
	"{'op':'dhcp','if':'shmif0','on':true}",
	"{'op':'route_add','dst':'default','via':'10.0.0.9'}",
	"{'op':'route_del','dst':'10.8.0.0/16','if':'shmif0'}",
	"{'op':'media','if':'shmif0','on':false}",
	"{'op':'linkstr','if':'shmif0','path':'/tmp/other'}",
	"{'op':'forward','on':true}",
	"{'op':'create','if':'shmif','path':'/tmp/bus'}",
};

static void
undone_seeds(fuzz_emit *emit)
{
	char ops[300], name[40] = "undone-a";
	size_t i;

	for (i = 0; i < sizeof(undone) / sizeof(undone[0]); i++) {
		begin(0, 0);
		request("{'op':'create','if':'shmif','path':'/tmp/bus'},"
			"{'op':'addr_add','if':'$','addr':'10.7.0.1/24'},"
			"{'op':'route_add','dst':'10.8.0.0/16','if':'$'}");
		snprintf(ops, sizeof(ops), "%s,{'op':'up','if':'shmif9'}",
		    undone[i]);
		request(ops);
		name[7] = (char)('a' + i);
		emit(name, s.b, s.n);
	}
}

void
fuzz_seeds(fuzz_emit *emit)
{
	char name[40] = "single-a";
	size_t i;
	unsigned f;

	for (i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
		begin(0, (unsigned)i);
		request(single[i]);
		name[7] = (char)('a' + i);
		emit(name, s.b, s.n);
	}
	for (f = 0; f < 20; f++) {
		begin(f, 0);
		request(much);
		request("{'op':'show'},{'op':'routes'}");
		strcpy(name, "much-a");
		name[5] = (char)('a' + f);
		emit(name, s.b, s.n);
	}
	/* Twice, and then something of it fails each way. */
	begin(30, 3);
	request(much);
	request(much);
	request("{'op':'destroy','if':'shmif1'}");
	request("{'op':'down','if':'shmif0'},{'op':'up','if':'shmif9'}");
	emit("twice", s.b, s.n);
	undone_seeds(emit);
	begin(0, 0);
	line("{}");
	line("[[[[[[[[[[]]]]]]]]]]");
	line("{\"id\":1,\"do\":[]}");
	line("{\"id\":9007199254740993,\"do\":[{\"op\":\"hello\"}]}");
	line("{\"id\":1,\"do\":[{\"op\":\"up\",\"if\":\"\\u0000\\ud800\"}]}");
	line("!shmc");
	line("!shmd 0123456789");
	line("!shmc\2aaaaaaaaaaaa");
	emit("odd", s.b, s.n);
}
