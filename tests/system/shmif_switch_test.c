/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_switch_test.c - with replacements switched off the faults are back
 *
 * SHMIF_LWIPV6 is read when the library is loaded: each case runs this program
 * once more, with "look" as its argument, which puts two stacks on a bus and
 * says what two of the replaced functions do: whether a message of several
 * pieces arrives as it was sent (sendmsg), and the local port of a connection
 * (isn; the library's own begin with 4097).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>
#include <lwipv6.h>
#include <shmbus.h>
#include <shmif.h>

#include "tests/lib/netstack.h"

#define SIZE 3000u

static struct stack *stacks[2];
static int units[2];

/* ---- in the other process ----------------------------------------------- */

static void
must(int ok, const char *what)
{
	if (ok)
		return;
	printf("failed: %s\n", what);
	fflush(stdout);
	_exit(1);
}

static int
bound(int i, int type)
{
	struct sockaddr_storage at;
	socklen_t len = net_addr(&at, i == 0 ? "10.0.0.1" : "10.0.0.2", 9);
	int s = lwip_msocket(stacks[i], AF_INET, type, 0);

	must(s != -1 && lwip_bind(s, (struct sockaddr *)&at, len) == 0, "bind");
	return s;
}

static void
crashed(int sig)
{
	static const char wrong[] = "message wrong\n";

	(void)sig;
	_exit(write(STDOUT_FILENO, wrong, sizeof(wrong) - 1) == -1);
}

static void
look_at_sendmsg(void)
{
	static uint8_t out[SIZE], in[SIZE + 1];
	struct iovec iov[2] = { { out, 1000 }, { out + 1000, SIZE - 1000 } };
	struct sockaddr_storage to;
	struct msghdr msg = { .msg_name = &to,
		.msg_iov = iov,
		.msg_iovlen = 2 };
	int a = bound(0, SOCK_DGRAM), b = bound(1, SOCK_DGRAM);

	signal(SIGSEGV, crashed); /* it reads where nothing is */
	signal(SIGBUS, crashed);
	net_fill(out, SIZE, 0, 1);
	msg.msg_namelen = net_addr(&to, "10.0.0.2", 9);
	lwip_sendmsg(a, &msg, 0);
	/* One that comes in any case. */
	lwip_sendto(a, out, 4, 0, (struct sockaddr *)&to, msg.msg_namelen);
	if (lwip_recv(b, in, sizeof(in), 0) == (ssize_t)SIZE &&
	    net_same(in, SIZE, 0, 1))
		printf("message right\n");
	else
		printf("message wrong\n");
	fflush(stdout);
}

/* The local port that a connection gets: that of its first SYN on BUS. */
static void
look_at_port(struct shmbus *bus)
{
	struct shmbus_frame f;
	struct sockaddr_storage to;
	uint8_t b[2000];
	socklen_t len = net_addr(&to, "10.0.0.2", 9);
	int l = bound(1, SOCK_STREAM);
	int s = lwip_msocket(stacks[0], AF_INET, SOCK_STREAM, 0);

	must(lwip_listen(l, 1) == 0, "listen");
	must(lwip_connect(s, (struct sockaddr *)&to, len) == 0, "connect");
	while (shmbus_recv(bus, b, sizeof(b), &f) == 0)
		if (f.len >= 54 && b[12] == 8 && b[13] == 0 && b[23] == 6 &&
		    (b[47] & 0x12) == 2) {
			printf("port %s\n",
			    (b[34] << 8 | b[35]) >= 49152 ? "high" : "low");
			fflush(stdout);
			return;
		}
	must(0, "no SYN seen");
}

static void
look(void)
{
	struct shmbus_options o = { .flags = SHMBUS_CREATE | SHMBUS_PROMISC };
	const char *path = net_bus();
	struct shmbus *bus;
	int i;

	alarm(100);
	must(shmbus_attach(path, &o, &bus) == 0, "attach");
	for (i = 0; i < 2; i++) {
		must((stacks[i] = lwip_add_stack(0)) != NULL &&
			shmif_create_on(stacks[i], path, &units[i]) == 0 &&
			shmif_add_addr(units[i],
			    i == 0 ? "10.0.0.1/24" : "10.0.0.2/24") == 0 &&
			shmif_up(units[i]) == 0,
		    "interface");
	}
	look_at_port(bus);
	look_at_sendmsg();
	fflush(stdout);
	/* A unit would say that its bus is gone. */
	for (i = 0; i < 2; i++)
		shmif_destroy(units[i]);
	net_bus_remove();
	_exit(0);
}

/* ---- here --------------------------------------------------------------- */

/* What "look" says, with SHMIF_LWIPV6 set to LIST. */
static const char *
said(const char *list)
{
	static char text[2000], command[4096];
	char self[2000];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *emulator = getenv("EMULATOR"); /* see tests/exec */
	FILE *p;

	assert_true(n > 0);
	self[n] = '\0';
	snprintf(command, sizeof(command),
	    "SHMIF_LWIPV6='%s' %s '%s' look 2>&1", list,
	    emulator != NULL ? emulator : "", self);
	fflush(NULL);
	p = popen(command, "r");
	assert_non_null(p);
	n = (ssize_t)fread(text, 1, sizeof(text) - 1, p);
	text[n] = '\0';
	pclose(p);
	return text;
}

/* Whether there is a switch. */
static bool
can_switch(void)
{
#ifdef __x86_64__
	return true;
#else
	return false;
#endif
}

/* What sendmsg() does without us is for a sanitizer to find, not for us. */
static bool
sanitized(void)
{
	const char *san = getenv("SHMIF_SAN");

	return san != NULL && *san != '\0';
}

static void
test_on(void **state)
{
	(void)state;
	assert_string_equal(said(""), "port high\nmessage right\n");
}

static void
test_one_off(void **state)
{
	(void)state;
	if (!can_switch())
		skip();
	assert_string_equal(said("isn"), "port low\nmessage right\n");
	if (sanitized())
		return;
	assert_string_equal(said("sock"), "port high\nmessage wrong\n");
	assert_string_equal(said("isn,sock"), "port low\nmessage wrong\n");
}

static void
test_plain(void **state)
{
	(void)state;
	if (!can_switch())
		skip();
	if (sanitized())
		skip();
	assert_string_equal(said("plain"), "port low\nmessage wrong\n");
	assert_string_equal(said("plain,+sock"), "port low\nmessage right\n");
	assert_string_equal(said("plain,+isn"), "port high\nmessage wrong\n");
}

static void
test_unknown(void **state)
{
	(void)state;
	if (!can_switch())
		skip();
	assert_string_equal(said("nosuch,isn"),
	    "shmif: SHMIF_LWIPV6: nosuch: no such group\n"
	    "port low\nmessage right\n");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_on),
		cmocka_unit_test(test_one_off),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_unknown),
	};

	if (argc == 2 && strcmp(argv[1], "look") == 0)
		look();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
