/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_ops_test.c - what the control socket does to a stack, all or nothing
 */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/ctlclient.h"
#include "tests/lib/must.h"
#include "tests/lib/netstack.h"

static char sock[300], url[320], bus[300], bus2[300];

static void
alone(int (*fn)(void *))
{
	snprintf(bus, sizeof(bus), "%s", net_bus());
	snprintf(bus2, sizeof(bus2), "%s", net_bus());
	snprintf(sock, sizeof(sock), "%s.sock", net_bus());
	snprintf(url, sizeof(url), "unix://%s", sock);
	assert_int_equal(net_wait(net_child(fn, NULL)), 0);
}

/* OPS with @ for the bus and # for the other one; ' for ". */
static bool
says(const char *ops, const char *wanted)
{
	char q[8000], *to = q, w[1000];
	const char *p;
	size_t i;

	for (p = ops; *p != '\0' && to - q < 7000; p++)
		if (*p == '@')
			to += sprintf(to, "%s", bus);
		else if (*p == '#')
			to += sprintf(to, "%s", bus2);
		else
			*to++ = *p == '\'' ? '"' : *p;
	*to = '\0';
	for (i = 0; wanted[i] != '\0' && i < sizeof(w) - 1; i++)
		w[i] = wanted[i] == '\'' ? '"' : wanted[i];
	w[i] = '\0';
	return ctl_says(sock, q, w);
}

#define DO(ops) MUST(says(ops, "'ok':true"))
#define REFUSES(ops, text) \
	do { \
		MUST(says(ops, "'ok':false")); \
		MUST(says(ops, text)); \
	} while (0)

/* The stack as it is shown, without what counts. */
static char *
look(void)
{
	char *reply = ctl_ask_at(sock,
	    "{\"id\":1,\"do\":[{\"op\":\"show\"},{\"op\":\"routes\"},"
	    "{\"op\":\"hello\"}]}");
	char *p, *e;

	MUST(reply != NULL);
	while ((p = strstr(reply, "\"counters\":{")) != NULL) {
		MUST((e = strchr(p, '}')) != NULL);
		memmove(p, e, strlen(e) + 1);
	}
	/* A number on the bus that is another one after reconnecting. */
	while ((p = strstr(reply, "\"attachment\":")) != NULL) {
		MUST((e = strchr(p, ',')) != NULL);
		memmove(p, e, strlen(e) + 1);
	}
	return reply;
}

/* OPS, which fail with TEXT, change nothing. */
static void
changes_nothing(const char *ops, const char *text)
{
	char *before = look(), *after;

	MUST(says(ops, text));
	after = look();
	if (strcmp(before, after) != 0)
		fprintf(stderr, "# %s\n# %s\n# %s\n", ops, before, after);
	MUST(strcmp(before, after) == 0);
	free(before);
	free(after);
}

#define BAD ",{'op':'up','if':'shmif77'}"
#define NONE "shmif77: no such interface"

static int
all_or_nothing(void *arg)
{
	(void)arg;
	MUST(shmif_init_server(url) == 0);
	changes_nothing("{'op':'create','if':'shmif','path':'@'}" BAD, NONE);
	MUST(shmif_next(-1) == -1);
	changes_nothing("{'op':'create','if':'shmif3','path':'@','flags':['"
			"noautoconf']},"
			"{'op':'addr_add','if':'$','addr':'10.0.0.1/24'},"
			"{'op':'up','if':'$'},"
			"{'op':'route_add','dst':'default','via':'10.0.0.9'},"
			"{'op':'forward','on':true}" BAD,
	    NONE);
	DO("{'op':'create','if':'shmif0','path':'@','flags':['noautoconf'],"
	   "'mac':'02:00:00:00:00:01'},"
	   "{'op':'addr_add','if':'$','addr':'10.0.0.1/24'},"
	   "{'op':'up','if':'$'}");
	changes_nothing("{'op':'down','if':'shmif0'}" BAD, NONE);
	changes_nothing("{'op':'mtu','if':'shmif0','mtu':600},"
			"{'op':'mtu','if':'shmif0','mtu':700}" BAD,
	    NONE);
	changes_nothing("{'op':'lladdr','if':'shmif0','mac':'02:00:00:00:00:02'"
			"}" BAD,
	    NONE);
	changes_nothing("{'op':'promisc','if':'shmif0','on':true}" BAD, NONE);
	changes_nothing("{'op':'linkstr','if':'shmif0','path':'#'}" BAD, NONE);
	changes_nothing("{'op':'linkstr','if':'shmif0','path':null}" BAD, NONE);
	changes_nothing("{'op':'media','if':'shmif0','on':false}" BAD, NONE);
	/* down: else the order of addresses may be another one */
	DO("{'op':'down','if':'shmif0'}");
	changes_nothing("{'op':'autoconf','if':'shmif0','on':true}" BAD, NONE);
	DO("{'op':'up','if':'shmif0'}");
	changes_nothing("{'op':'dhcp','if':'shmif0','on':true}" BAD, NONE);
	changes_nothing("{'op':'addr_add','if':'shmif0','addr':'fd00::1/64'},"
			"{'op':'addr_add','if':'shmif0','addr':'10.0.0.1/24'}",
	    "it has this address already");
	changes_nothing("{'op':'addr_add','if':'shmif0','addr':'10.7.0.1/16'},"
			"{'op':'addr_del','if':'shmif0','addr':'10.7.0.1'},"
			"{'op':'addr_del','if':'shmif0','addr':'10.7.0.1'}",
	    "it does not have this address");
	changes_nothing(
	    "{'op':'route_add','dst':'10.9.0.0/16','via':'10.0.0.2'},"
	    "{'op':'route_add','dst':'10.9.0.0/16','via':'10.0.0.2'}",
	    "there is such a route already");
	changes_nothing("{'op':'create','if':'shmif0'}",
	    "shmif0: there is one already");
	changes_nothing("{'op':'linkstr','if':'shmif0','path':'@'}",
	    "it is on");
	changes_nothing("{'op':'linkstr','if':'shmif0','path':'/nowhere/x'}",
	    "ENOENT");
	changes_nothing("{'op':'mtu','if':'shmif0','mtu':9000}",
	    "not possible here");
	/* media off, and what fails after it: off it stays */
	DO("{'op':'media','if':'shmif0','on':false}");
	changes_nothing("{'op':'media','if':'shmif0','on':true}" BAD, NONE);
	changes_nothing("{'op':'linkstr','if':'shmif0','path':'#'}" BAD, NONE);
	return 0;
}

static void
test_all_or_nothing(void **state)
{
	(void)state;
	alone(all_or_nothing);
}

/* As ifconfig would do it, and what is shown then. */
static int
set_up(void *arg)
{
	(void)arg;
	MUST(shmif_init_server(url) == 0);
	DO("{'op':'create','if':'shmif'}");
	REFUSES("{'op':'addr_add','if':'shmif0','addr':'10.0.0.1/24'}",
	    "no link string yet");
	REFUSES("{'op':'media','if':'shmif0','on':false}",
	    "no link string yet");
	DO("{'op':'linkstr','if':'shmif0','path':'@'}");
	DO("{'op':'addr_add','if':'shmif0','addr':'10.0.0.1/24'},"
	   "{'op':'addr_add','if':'shmif0','addr':'fd00::1/64'},"
	   "{'op':'up','if':'shmif0'}");
	MUST(says("{'op':'show','if':'shmif0'}",
	    "'family':'inet','addr':'10.0.0.1','prefix':24,'origin':'manual',"
	    "'broadcast':'10.0.0.255'"));
	MUST(says("{'op':'show','if':'shmif0'}",
	    "'family':'inet6','addr':'fd00::1','prefix':64"));
	MUST(says("{'op':'show','if':'shmif0'}", "'linked':true"));
	MUST(says("{'op':'create','if':'shmif'}", "'if':'shmif1'"));
	MUST(says("{'op':'create','if':'shmif9','mtu':600}", "'if':'shmif9'"));
	MUST(says("{'op':'show','if':'shmif9'}", "'mtu':600"));
	DO("{'op':'destroy','if':'shmif1'}");
	MUST(says("{'op':'create','if':'shmif'}", "'if':'shmif1'"));
	DO("{'op':'route_add','dst':'default','via':'10.0.0.9'}");
	MUST(says("{'op':'routes'}",
	    "'family':'inet','dst':'0.0.0.0','prefix':0,'via':'10.0.0.9',"
	    "'if':'shmif0'"));
	DO("{'op':'route_del','dst':'default','via':'10.0.0.9'}");
	DO("{'op':'route_add','dst':'default6','via':'fd00::9'}");
	MUST(says("{'op':'routes'}",
	    "'family':'inet6','dst':'::','prefix':0,'via':'fd00::9'"));
	DO("{'op':'forward','on':true}");
	MUST(says("{'op':'hello'}", "'forwarding':true"));
	DO("{'op':'addr_del','if':'shmif0','addr':'10.0.0.1'}");
	DO("{'op':'down','if':'shmif0'}");
	MUST(says("{'op':'show','if':'shmif0'}", "'up':false"));
	return 0;
}

static void
test_set_up(void **state)
{
	(void)state;
	alone(set_up);
}

/* The peer of the next test. */
static int
answering(void *arg)
{
	int unit;

	(void)arg;
	MUST(shmif_create(bus, &unit) == 0);
	MUST(shmif_add_addr(unit, "10.0.0.2/24") == 0);
	MUST(shmif_add_addr(unit, "fd00::2/64") == 0);
	MUST(shmif_up(unit) == 0);
	for (;;)
		pause();
}

/* Whether OPS says WANTED before long. */
static bool
comes(const char *ops, const char *wanted)
{
	int i;

	for (i = 0; i < 40; i++)
		if (says(ops, wanted))
			return true;
	return false;
}

static bool
answers(const char *host)
{
	char q[200], *reply;
	int fd = ctl_connect(sock), i;
	bool yes = false;

	snprintf(q, sizeof(q),
	    "{\"id\":1,\"do\":[{\"op\":\"ping\",\"host\":\"%s\",\"count\":1,"
	    "\"timeout_ms\":300}]}",
	    host);
	MUST(fd != -1 && ctl_send(fd, q));
	for (i = 0; (reply = ctl_recv(fd, NULL)) != NULL; i++) {
		bool more = strstr(reply, "\"more\":true") != NULL;

		yes |= more;
		free(reply);
		if (!more)
			break;
	}
	close(fd);
	return yes;
}

static bool
answers_soon(const char *host)
{
	int i;

	for (i = 0; i < 100; i++)
		if (answers(host))
			return true;
	return false;
}

/* Nothing passes while the cable is out; then it does again. */
static int
media(void *arg)
{
	pid_t peer = net_child(answering, NULL);

	(void)arg;
	MUST(shmif_init_server(url) == 0);
	DO("{'op':'create','if':'shmif0','path':'@'},"
	   "{'op':'addr_add','if':'$','addr':'10.0.0.1/24'},"
	   "{'op':'addr_add','if':'$','addr':'fd00::1/64'},"
	   "{'op':'up','if':'$'}");
	MUST(answers_soon("10.0.0.2"));
	MUST(answers_soon("fd00::2"));
	MUST(says("{'op':'neigh','family':'inet'}", "'addr':'10.0.0.2'"));
	MUST(says("{'op':'neigh','family':'inet6'}", "'addr':'fd00::2'"));
	DO("{'op':'neigh_del','if':'shmif0','addr':'10.0.0.2'}");
	REFUSES("{'op':'neigh_del','if':'shmif0','addr':'10.0.0.2'}",
	    "no such neighbour");
	MUST(answers_soon("10.0.0.2"));
	DO("{'op':'media','if':'shmif0','on':false}");
	MUST(says("{'op':'show','if':'shmif0'}", "'media':'none'"));
	MUST(says("{'op':'show','if':'shmif0'}", "'linked':false"));
	MUST(says("{'op':'show','if':'shmif0'}", "'running':false"));
	MUST(says("{'op':'show','if':'shmif0'}", bus));
	MUST(!answers("10.0.0.2") && !answers("10.0.0.2"));
	DO("{'op':'media','if':'shmif0','on':true}");
	MUST(says("{'op':'show','if':'shmif0'}", "'media':'auto'"));
	MUST(says("{'op':'show','if':'shmif0'}", "'running':true"));
	MUST(answers_soon("10.0.0.2"));
	/* Another bus, a new plug: linkstr puts it in. */
	DO("{'op':'media','if':'shmif0','on':false},"
	   "{'op':'linkstr','if':'shmif0','path':'@'}");
	MUST(answers_soon("10.0.0.2"));
	/* The bus went away meanwhile: it is not made anew. */
	DO("{'op':'media','if':'shmif0','on':false}");
	unlink(bus);
	MUST(comes("{'op':'media','if':'shmif0','on':true}", "ENOENT"));
	kill(peer, 9);
	net_wait(peer);
	return 0;
}

static void
test_media(void **state)
{
	(void)state;
	alone(media);
}

/* Made, moved and removed again and again, on one connection. */
static int
rounds(void *arg)
{
	long n = net_env("CTL_ROUNDS", 1000), i;
	int before = 0, threads = 0, fd;
	struct timespec from, to;
	size_t used = 0, now;
	char q[2000];

	(void)arg;
	MUST(shmif_init_server(url) == 0);
	MUST((fd = ctl_connect(sock)) != -1);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; i < n; i++) {
		char *reply;

		snprintf(q, sizeof(q),
		    "{\"id\":1,\"do\":[{\"op\":\"create\",\"if\":\"shmif\"},"
		    "{\"op\":\"linkstr\",\"if\":\"$\",\"path\":\"%s\"},"
		    "{\"op\":\"addr_add\",\"if\":\"$\",\"addr\":\"10.0.0.1/"
		    "8\"},"
		    "{\"op\":\"up\",\"if\":\"$\"},"
		    "{\"op\":\"destroy\",\"if\":\"$\"}]}",
		    bus);
		reply = ctl_ask(fd, q);
		MUST(reply != NULL);
		if (strstr(reply, "\"ok\":true") == NULL)
			fprintf(stderr, "# round %ld: %s\n", i, reply);
		MUST(strstr(reply, "\"ok\":true") != NULL);
		free(reply);
		if (i == n / 3) { /* what is made once is made by now */
			before = net_descriptors();
			threads = net_threads();
			used = mallinfo2().uordblks;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	now = mallinfo2().uordblks;
	printf("# %ld rounds in %.1f s; memory %+ld bytes since round %ld\n", n,
	    (double)(to.tv_sec - from.tv_sec) +
		(double)(to.tv_nsec - from.tv_nsec) / 1e9,
	    (long)now - (long)used, n / 3);
	MUST(net_descriptors() == before);
	MUST(net_threads() == threads);
	/* What the stack's threads keep for a while varies. */
	MUST(now < used + 65536);
	return 0;
}

static void
test_rounds(void **state)
{
	(void)state;
	alone(rounds);
}

/* From inside, without a socket. */
static int
inside(void *arg)
{
	char *reply;

	(void)arg;
	MUST(shmif_request("{\"id\":5,\"do\":[{\"op\":\"create\","
			   "\"if\":\"shmif\"}]}",
		 &reply) == 0);
	MUST(strcmp(reply,
		 "{\"id\":5,\"ok\":true,\"results\":[{\"if\":\"shmif0\"}]}") ==
	    0);
	free(reply);
	MUST(shmif_request("nonsense", &reply) == 0);
	MUST(strstr(reply, "\"ok\":false") != NULL);
	free(reply);
	MUST(shmif_request("{\"id\":5,\"do\":[{\"op\":\"ping\","
			   "\"host\":\"127.0.0.1\"}]}",
		 &reply) == 0);
	MUST(strstr(reply, "EOPNOTSUPP") != NULL);
	free(reply);
	return 0;
}

static void
test_inside(void **state)
{
	(void)state;
	alone(inside);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_or_nothing),
		cmocka_unit_test(test_set_up),
		cmocka_unit_test(test_media),
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_inside),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
