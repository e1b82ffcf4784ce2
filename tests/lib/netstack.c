/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netstack.c - for tests that put stacks on a bus
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/netstack.h"

#define CHILD_SECONDS (unsigned)net_env("CHILD_SECONDS", 300)

static char folder[200];

long
net_env(const char *name, long otherwise)
{
	const char *v = getenv(name);

	return v != NULL && *v != '\0' ? atol(v) : otherwise;
}

const char *
net_bus(void)
{
	static char paths[16][256];
	static unsigned n;
	char *path = paths[n % 16];
	const char *tmp = getenv("TMPDIR");

	if (folder[0] == '\0') {
		snprintf(folder, sizeof(folder), "%.150s/shmif-test-XXXXXX",
		    tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
		if (mkdtemp(folder) == NULL) {
			perror(folder);
			exit(1);
		}
	}
	snprintf(path, sizeof(paths[0]), "%s/bus-%d-%u", folder, (int)getpid(),
	    n++);
	return path;
}

void
net_bus_remove(void)
{
	struct dirent *e;
	char path[512];
	DIR *d;

	if (folder[0] == '\0' || (d = opendir(folder)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		unlink(path);
	}
	closedir(d);
	rmdir(folder);
	folder[0] = '\0';
}

int
net_teardown(void **state)
{
	(void)state;
	net_bus_remove();
	return 0;
}

pid_t
net_child(int (*fn)(void *), void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(CHILD_SECONDS);
		exit(fn(arg));
	}
	return pid;
}

int
net_wait(pid_t pid)
{
	int st;

	if (waitpid(pid, &st, 0) != pid)
		return 127;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

void *
net_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void
net_barrier(volatile int *count, int n)
{
	__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(count, __ATOMIC_SEQ_CST) < n)
		usleep(1000);
}

socklen_t
net_addr(struct sockaddr_storage *ss, const char *text, unsigned port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		return sizeof(*in6);
	}
	return 0;
}

uint16_t
net_checksum(const void *data, size_t n, uint32_t sum)
{
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (n % 2 != 0)
		sum += (uint32_t)p[n - 1] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static int
entries(const char *dir)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int n = 0;

	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

int
net_descriptors(void)
{
	return entries("/proc/self/fd") - 1; /* not the folder's own */
}

int
net_threads(void)
{
	return entries("/proc/self/task");
}
