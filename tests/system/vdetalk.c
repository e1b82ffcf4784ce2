/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vdetalk - a client of VDE, for tests
 *
 * usage: vdetalk [-f] [-u] [-s size] URL
 *   -f  a child goes on after vde_open(), as with daemon(3)
 *   -u  after vde_open() it goes to a user namespace of its own
 *   -s  bytes to receive to
 *
 * Each line of standard input, hex, is sent; each frame received is printed.
 * "ready" tells that it is open.  At the end of input it closes and prints how
 * often it was woken without a frame; on SIGTERM too, then in the handler.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvdeplug.h>

#define SIZE 70000

static VDECONN *conn;
static unsigned empty; /* wake-ups without a frame */

static void
on_end(int sig)
{
	(void)sig;
	vde_close(conn);
	dprintf(STDOUT_FILENO, "end %u\n", empty);
	_exit(0);
}

static void
send_line(const char *line)
{
	static uint8_t frame[SIZE];
	size_t n = 0;
	unsigned byte;

	while (n < SIZE && sscanf(line + 2 * n, "%2x", &byte) == 1)
		frame[n++] = (uint8_t)byte;
	if (vde_send(conn, frame, n, 0) != (ssize_t)n) {
		perror("vde_send");
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	static uint8_t buf[SIZE];
	static char line[2 * SIZE + 2];
	size_t size = SIZE;
	bool forks = false, unshares = false;
	int c;

	while ((c = getopt(argc, argv, "fus:")) != -1)
		if (c == 'f')
			forks = true;
		else if (c == 'u')
			unshares = true;
		else
			size = (size_t)atoi(optarg);
	conn = vde_open(argv[optind], "vdetalk", NULL);
	if (conn == NULL) {
		fprintf(stderr, "errno %d\n", errno);
		return 1;
	}
	signal(SIGTERM, on_end);
	if (unshares && unshare(CLONE_NEWUSER) != 0)
		return errno == EPERM ? 77 : 2;
	if (forks && (c = fork()) != 0) {
		waitpid(c, &c, 0);
		return WIFEXITED(c) ? WEXITSTATUS(c) : 3;
	}
	if (forks)
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* whom the test ends */
	setvbuf(stdin, NULL, _IONBF, 0);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd p[2] = { { vde_datafd(conn), POLLIN, 0 },
			{ STDIN_FILENO, POLLIN, 0 } };
		ssize_t n;

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents != 0) {
			n = vde_recv(conn, buf, size, 0);
			if (n == -1 || n == 0) {
				perror("vde_recv");
				return 1;
			}
			empty += n == 1;
			for (ssize_t i = 0; n > 1 && i < n; i++)
				printf("%02x", buf[i]);
			if (n > 1)
				putchar('\n');
			fflush(stdout);
		} else if (p[1].revents != 0) {
			if (fgets(line, sizeof(line), stdin) == NULL)
				break;
			send_line(line);
		}
	}
	vde_close(conn);
	printf("end %u\n", empty);
	return 0;
}
