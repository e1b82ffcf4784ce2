/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_server_test.c - a control socket and those who mean it no good
 *
 * slow: 20
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmif.h>

#include "tests/lib/ctlclient.h"
#include "tests/lib/must.h"
#include "tests/lib/netstack.h"

#define HELLO "{\"op\":\"hello\"}"
#define ALIVE(path) MUST(ctl_says(path, HELLO, "\"ok\":true"))

static char sock[300], url[320];

/* Runs FN in a process of its own, so that it begins without a stack. */
static void
alone(int (*fn)(void *))
{
	snprintf(sock, sizeof(sock), "%s.sock", net_bus());
	snprintf(url, sizeof(url), "unix://%s", sock);
	assert_int_equal(net_wait(net_child(fn, NULL)), 0);
}

static void
serve(void)
{
	MUST(shmif_init_server(url) == 0);
}

/*
 * Waits until no more descriptors are open than BEFORE.  There may be fewer:
 * who has closed a connection does not know when the server has, too.
 */
static bool
closed_again(int before)
{
	int tries;

	for (tries = 0; net_descriptors() > before && tries < 600; tries++)
		usleep(100000);
	return net_descriptors() <= before;
}

/* ---- messages ----------------------------------------------------------- */

/* Sends it; the answer must have WANTED in it, and then be the last. */
static void
refused(const char magic[4], unsigned version, unsigned reserved,
    uint32_t length, const char *data, const char *wanted)
{
	int fd = ctl_connect(sock);
	char *reply;

	MUST(fd != -1);
	MUST(ctl_send_raw(fd, magic, version, reserved, length, data,
	    strlen(data)));
	reply = ctl_recv(fd, NULL);
	if (reply != NULL && strstr(reply, wanted) == NULL)
		fprintf(stderr, "# %s, not %s\n", reply, wanted);
	MUST(reply != NULL && strstr(reply, wanted) != NULL);
	MUST(strstr(reply, "\"id\":null") != NULL);
	MUST(strstr(reply, "\"ok\":false") != NULL);
	free(reply);
	MUST(ctl_hung_up(fd));
	close(fd);
}

static void
refused_json(const char *json, const char *wanted)
{
	refused("shmc", 1, 0, (uint32_t)strlen(json), json, wanted);
}

static int
bad_messages(void *arg)
{
	(void)arg;
	serve();
	refused("shmd", 1, 0, 2, "{}", "EPROTO");
	refused("GET ", 1, 0, 2, "{}", "EPROTO");
	refused("shmc", 1, 7, 2, "{}", "EPROTO");
	refused("shmc", 2, 0, 2, "{}", "version 2");
	refused("shmc", 0, 0, 2, "{}", "EPROTONOSUPPORT");
	refused("shmc", 1, 0, 0, "", "EMSGSIZE");
	refused("shmc", 1, 0, 65537, "{", "EMSGSIZE");
	refused("shmc", 1, 0, 0xffffffff, "{", "EMSGSIZE");
	refused_json("{", "cut off");
	refused_json("[]", "not a JSON object");
	refused_json("null", "EPROTO");
	refused_json("{}x", "EPROTO");
	refused_json("{} {}", "EPROTO");
	refused_json("{\"id\":1,}", "EPROTO");
	refused_json("{\"id\":\"\xff\"}", "EPROTO");
	refused_json("[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]", "EPROTO");
	refused_json("{}", "without id");
	refused_json("{\"id\":\"1\"}", "without id");
	refused_json("{\"id\":-1}", "without id");
	refused_json("{\"id\":9007199254740993}", "without id");
	refused_json("{\"id\":1.5}", "without id");
	ALIVE(sock);
	return 0;
}

static void
test_bad_messages(void **state)
{
	(void)state;
	alone(bad_messages);
}

/* What is wrong inside of a request; the connection goes on. */
static int
bad_requests(void *arg)
{
	static const struct {
		const char *request, *wanted;
	} cases[] = {
		{ "{\"id\":7}", "do is missing" },
		{ "{\"id\":7,\"do\":{}}", "do is missing" },
		{ "{\"id\":7,\"do\":[]}", "1 to 64" },
		{ "{\"id\":7,\"do\":[1]}", "without a name" },
		{ "{\"id\":7,\"do\":[{}]}", "without a name" },
		{ "{\"id\":7,\"do\":[{\"op\":1}]}", "without a name" },
		{ "{\"id\":7,\"do\":[{\"op\":\"fly\"}]}", "no such operation" },
		{ "{\"id\":7,\"do\":[{\"op\":\"a\\u0000b\"}]}",
		    "no such operation" },
		{ "{\"id\":7,\"x\":1,\"do\":[" HELLO "]}", "no such member" },
		{ "{\"id\":7,\"do\":[{\"op\":\"hello\",\"x\":1}]}",
		    "no such member: x" },
		{ "{\"id\":7,\"do\":[{\"op\":\"up\"}]}", "if is missing" },
		{ "{\"id\":7,\"do\":[{\"op\":\"up\",\"if\":1}]}",
		    "if: not a string" },
		{ "{\"id\":7,\"do\":[{\"op\":\"up\",\"if\":\"\"}]}",
		    "not the name" },
		{ "{\"id\":7,\"do\":[{\"op\":\"up\",\"if\":\"shmif\"}]}",
		    "not the name" },
		{ "{\"id\":7,\"do\":[{\"op\":\"up\",\"if\":\"a\\u0000\"}]}",
		    "not a string" },
		{ "{\"id\":7,\"do\":[{\"op\":\"up\","
		  "\"if\":\"shmif00000000000000000000000000000001\"}]}",
		    "not the name" },
		{ "{\"id\":7,\"do\":[{\"op\":\"up\",\"if\":\"shmif9\"}]}",
		    "shmif9: no such interface" },
		{ "{\"id\":7,\"do\":[{\"op\":\"up\",\"if\":\"shmif999\"}]}",
		    "no such interface" },
		{ "{\"id\":7,\"do\":[{\"op\":\"up\",\"if\":\"$\"}]}",
		    "nothing was created" },
		{ "{\"id\":7,\"do\":[{\"op\":\"create\",\"if\":\"xy\"}]}",
		    "no such kind" },
		{ "{\"id\":7,\"do\":[{\"op\":\"create\",\"if\":\"shmif256\"}]}",
		    "shmif255" },
		{ "{\"id\":7,\"do\":[{\"op\":\"create\",\"if\":\"shmif\","
		  "\"mac\":\"01:00:00:00:00:01\"}]}",
		    "not a hardware address" },
		{ "{\"id\":7,\"do\":[{\"op\":\"create\",\"if\":\"shmif\","
		  "\"mac\":\"02:00:00:00:00:0x\"}]}",
		    "not a hardware address" },
		{ "{\"id\":7,\"do\":[{\"op\":\"create\",\"if\":\"shmif\","
		  "\"flags\":[\"fast\"]}]}",
		    "not a list of flags" },
		{ "{\"id\":7,\"do\":[{\"op\":\"create\",\"if\":\"shmif\","
		  "\"mtu\":99999}]}",
		    "0 to 65535" },
		{ "{\"id\":7,\"do\":[{\"op\":\"addr_add\",\"if\":\"lo0\","
		  "\"addr\":\"10.0.0.1/33\"}]}",
		    "not an address: 10.0.0.1/33" },
		{ "{\"id\":7,\"do\":[{\"op\":\"addr_add\",\"if\":\"lo0\","
		  "\"addr\":\"10.0.0\"}]}",
		    "not an address" },
		{ "{\"id\":7,\"do\":[{\"op\":\"route_add\",\"dst\":\"x\"}]}",
		    "not a destination" },
		{ "{\"id\":7,\"do\":[{\"op\":\"route_add\","
		  "\"dst\":\"default\"}]}",
		    "neither via nor if" },
		{ "{\"id\":7,\"do\":[{\"op\":\"route_add\","
		  "\"dst\":\"default\",\"via\":\"fd00::1\"}]}",
		    "not of the same family" },
		{ "{\"id\":7,\"do\":[{\"op\":\"route_add\","
		  "\"dst\":\"default\",\"via\":\"10.1.2.3\"}]}",
		    "no interface leads to" },
		{ "{\"id\":7,\"do\":[{\"op\":\"route_del\","
		  "\"dst\":\"10.0.0.0/8\",\"if\":\"lo0\"}]}",
		    "no such route" },
		{ "{\"id\":7,\"do\":[{\"op\":\"halt\"}," HELLO "]}",
		    "the last" },
		{ "{\"id\":7,\"do\":[" HELLO ",{\"op\":\"ping\","
		  "\"host\":\"127.0.0.1\"}]}",
		    "the only" },
		{ "{\"id\":7,\"do\":[{\"op\":\"ping\",\"host\":\"a.example\"}]"
		  "}",
		    "not an address" },
		{ "{\"id\":7,\"do\":[{\"op\":\"ping\",\"host\":\"10.9.9.9\"}]}",
		    "EHOSTUNREACH" },
		{ "{\"id\":7,\"do\":[{\"op\":\"radv\",\"file\":\"/nowhere\"}]}",
		    "ENOENT" },
		{ "{\"id\":7,\"do\":[{\"op\":\"destroy\",\"if\":\"lo0\"}]}",
		    "not with this kind" },
		{ "{\"id\":7,\"do\":[{\"op\":\"linkstr\",\"if\":\"lo0\","
		  "\"path\":null}]}",
		    "not with this kind" },
	};
	int before, fd;
	size_t i;

	(void)arg;
	serve();
	ALIVE(sock);
	fd = ctl_connect(sock);
	/* Once it answers, the server has its end, too. */
	free(ctl_ask(fd, "{\"id\":1,\"do\":[" HELLO "]}"));
	before = net_descriptors();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *reply = ctl_ask(fd, cases[i].request);

		if (reply != NULL && strstr(reply, cases[i].wanted) == NULL)
			fprintf(stderr, "# %s: %s\n", cases[i].request, reply);
		MUST(reply != NULL && strstr(reply, cases[i].wanted) != NULL);
		MUST(strstr(reply, "\"id\":7,\"ok\":false") != NULL);
		free(reply);
	}
	MUST(closed_again(before));
	MUST(shmif_next(-1) == -1);
	close(fd);
	return 0;
}

static void
test_bad_requests(void **state)
{
	(void)state;
	alone(bad_requests);
}

/* ---- clients that wait, or do not --------------------------------------- */

/*
 * A hundred connections that stay in the middle of a header or of a message,
 * one byte short; and one that adds a byte now and then, below.
 */
static int
half_messages(void *arg)
{
	int fd[100], i;

	(void)arg;
	serve();
	for (i = 0; i < 100; i++) {
		MUST((fd[i] = ctl_connect(sock)) != -1);
		if (i % 2)
			MUST(send(fd[i], "shmc\1", 5, 0) == 5);
		else
			MUST(ctl_send_raw(fd[i], "shmc", 1, 0, 3, "{}", 2));
		ALIVE(sock);
	}
	/* One of those who are late finishes, and is answered. */
	MUST(send(fd[1], "\0\0\0\2\0\0\0{}", 9, 0) == 9);
	MUST(!ctl_hung_up(fd[1]));
	for (i = 0; i < 100; i++)
		MUST(ctl_hung_up(fd[i]));
	ALIVE(sock);
	return 0;
}

static void
test_half_messages(void **state)
{
	(void)state;
	alone(half_messages);
}

/* Asks for long replies and takes none, until it is given up on. */
static int
never_reading(void *arg)
{
	static char request[65536];
	int fd[20], i, j, small = 1;
	size_t n, before, after;
	char *p = request;

	(void)arg;
	serve();
	ALIVE(sock);
	before = mallinfo2().uordblks;
	p += sprintf(p, "{\"id\":1,\"do\":[{\"op\":\"show\"}");
	for (i = 1; i < 64; i++)
		p += sprintf(p, ",{\"op\":\"show\"}");
	p += sprintf(p, "]}");
	n = (size_t)(p - request);
	for (i = 0; i < 20; i++) {
		MUST((fd[i] = ctl_connect(sock)) != -1);
		setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		for (j = 0; j < 200; j++) {
			char h[12] = "shmc\1\0\0\0";

			h[8] = (char)n;
			h[9] = (char)(n >> 8);
			if (send(fd[i], h, 12, MSG_DONTWAIT | MSG_NOSIGNAL) !=
				12 ||
			    send(fd[i], request, n,
				MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)n)
				break;
		}
		MUST(j > 0);
		ALIVE(sock);
	}
	/* One reply of 64 shows each, and what a socket takes. */
	after = mallinfo2().uordblks;
	MUST(after < before + (20u << 20));
	/* They are hung up on: then writing fails. */
	for (i = 0; i < 20; i++)
		while (send(fd[i], "x", 1, MSG_NOSIGNAL) == 1)
			usleep(100000);
	ALIVE(sock);
	for (i = 0; i < 20; i++)
		close(fd[i]);
	return 0;
}

static void
test_never_reading(void **state)
{
	(void)state;
	alone(never_reading);
}

/* More than are let in: the others are told, and nobody is lost. */
static int
too_many(void *arg)
{
	int fd[300], i, in = 0, out = 0;
	char *reply;

	(void)arg;
	serve();
	for (i = 0; i < 300; i++)
		MUST((fd[i] = ctl_connect(sock)) != -1);
	for (i = 0; i < 300; i++) {
		reply = ctl_ask(fd[i], "{\"id\":1,\"do\":[" HELLO "]}");
		if (reply == NULL) /* it was told before it asked */
			reply = ctl_recv(fd[i], NULL);
		MUST(reply != NULL);
		in += strstr(reply, "\"ok\":true") != NULL;
		out += strstr(reply, "EUSERS") != NULL;
		free(reply);
	}
	MUST(in == 256 && out == 44);
	for (i = 0; i < 300; i++)
		close(fd[i]);
	for (i = 0; i < 300; i++) {
		/* Those who went make room. */
		char *r = ctl_ask_at(sock, "{\"id\":1,\"do\":[" HELLO "]}");
		bool ok = r != NULL && strstr(r, "\"ok\":true") != NULL;

		free(r);
		if (ok)
			return 0;
		usleep(10000);
	}
	return 1;
}

static void
test_too_many(void **state)
{
	(void)state;
	alone(too_many);
}

/* Many requests at once, the last without waiting for anything. */
static int
pipelined(void *arg)
{
	int fd, i;

	(void)arg;
	serve();
	MUST((fd = ctl_connect(sock)) != -1);
	for (i = 0; i < 100; i++) {
		char q[60];

		snprintf(q, sizeof(q), "{\"id\":%d,\"do\":[" HELLO "]}", i);
		MUST(ctl_send(fd, q));
	}
	shutdown(fd, SHUT_WR);
	for (i = 0; i < 100; i++) {
		char *reply = ctl_recv(fd, NULL), id[30];

		snprintf(id, sizeof(id), "{\"id\":%d,\"ok\":true", i);
		MUST(reply != NULL && strncmp(reply, id, strlen(id)) == 0);
		free(reply);
	}
	MUST(ctl_hung_up(fd));
	close(fd);
	return 0;
}

static void
test_pipelined(void **state)
{
	(void)state;
	alone(pipelined);
}

/* Dying at any point of a conversation leaves nothing behind. */
static int
dying(void *arg)
{
	static const char request[] =
	    "shmc\1\0\0\0\x1e\0\0\0{\"id\":1,\"do\":[{\"op\":\"show\"}]}";
	int before, fd;
	size_t i;

	(void)arg;
	serve();
	ALIVE(sock);
	before = net_descriptors();
	for (i = 0; i < sizeof(request); i++) {
		MUST((fd = ctl_connect(sock)) != -1);
		MUST(send(fd, request, i, 0) == (ssize_t)i);
		close(fd);
	}
	/* A ping that nobody waits for any more. */
	MUST((fd = ctl_connect(sock)) != -1);
	MUST(ctl_send(fd,
	    "{\"id\":1,\"do\":[{\"op\":\"ping\",\"host\":\"127.0.0.1\","
	    "\"count\":100000,\"interval_ms\":1}]}"));
	free(ctl_recv(fd, NULL));
	close(fd);
	MUST(closed_again(before));
	ALIVE(sock);
	return 0;
}

static void
test_dying(void **state)
{
	(void)state;
	alone(dying);
}

/* A ping goes on while others are served; its answers are all there. */
static int
ping_beside(void *arg)
{
	int fd, n = 0, i;
	char *reply;

	(void)arg;
	serve();
	MUST((fd = ctl_connect(sock)) != -1);
	MUST(ctl_send(fd,
	    "{\"id\":3,\"do\":[{\"op\":\"ping\",\"host\":\"127.0.0.1\","
	    "\"count\":20,\"interval_ms\":5}]}"));
	MUST(ctl_send(fd, "{\"id\":4,\"do\":[" HELLO "]}"));
	for (i = 0; i < 50; i++)
		ALIVE(sock);
	for (;;) {
		MUST((reply = ctl_recv(fd, NULL)) != NULL);
		MUST(strstr(reply, "\"id\":3") != NULL);
		if (strstr(reply, "\"more\":true") == NULL)
			break;
		n++;
		free(reply);
	}
	MUST(n == 20);
	MUST(strstr(reply, "\"sent\":20,\"received\":20,\"duplicates\":0"));
	free(reply);
	reply = ctl_recv(fd, NULL);
	MUST(reply != NULL && strstr(reply, "\"id\":4") != NULL);
	free(reply);
	close(fd);
	return 0;
}

static void
test_ping_beside(void **state)
{
	(void)state;
	alone(ping_beside);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_messages),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_half_messages),
		cmocka_unit_test(test_never_reading),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_dying),
		cmocka_unit_test(test_ping_beside),
	};

	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	net_bus(); /* before a child makes a folder of its own */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	net_bus_remove();
	return failed;
}
