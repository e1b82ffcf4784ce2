/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mstackbad - a program under mstack that wants to do harm
 *
 * usage: mstackbad SEED CALLS
 *
 * Makes CALLS system calls of sockets with arguments that make no sense, while
 * one thread writes to the memory that they are about and another closes and
 * duplicates their descriptors.  Ends with 0 if it gets that far: a call may
 * fail in any way, but it has to end.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FDS 12
#define FIRST 20

static uint64_t state;
static uint8_t memory[70000]; /* what calls are about */
static atomic_bool over;

static uint64_t
rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static long
pick(const long *of, size_t n)
{
	return of[rnd() % n];
}

#define PICK(...) \
	pick((const long[]){ __VA_ARGS__ }, \
	    sizeof((const long[]){ __VA_ARGS__ }) / sizeof(long))

static int
any_fd(void)
{
	return (int)PICK(FIRST, FIRST + 1, FIRST + 2, FIRST + 3, FIRST + 4,
	    FIRST + 5, FIRST + 6, FIRST + 7, FIRST + 8, FIRST + 9, FIRST + 10,
	    FIRST + 11, 0, 1, 2, -1, 9999, 3, 4, 5);
}

static long
any_pointer(void)
{
	long here = (long)(uintptr_t)memory;

	return PICK(here, here, here, here + 1, here + 64, here + 4096, 0, 1,
	    -1, here + (long)sizeof(memory) - 2, 0x7fffffffffff);
}

static long
any_length(void)
{
	return PICK(0, 1, 2, 4, 8, 12, 16, 28, 40, 56, 128, 129, 1000, 65536,
	    70000, -1, 0x7fffffff, 0x80000000, 0x100000000);
}

static long
any_family(void)
{
	return PICK(AF_INET, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX,
	    0, -1, 63, 64, 0x6d73, 12345);
}

/* An address that may make sense. */
static void
make_address(void)
{
	struct sockaddr_in in = {
		.sin_family = (sa_family_t)(rnd() % 8 ? AF_INET : rnd()),
		.sin_port = (in_port_t)rnd(),
		.sin_addr.s_addr = htonl((uint32_t)PICK(0x7f000001, 0x0a000001,
		    0x0a000002, 0, -1, 0xe0000001))
	};

	memcpy(memory, &in, sizeof(in));
}

/* Fills the memory with headers of messages that point into it. */
static void
make_message(void)
{
	struct mmsghdr m = {
		.msg_hdr = { .msg_name = (void *)any_pointer(),
		    .msg_namelen = (socklen_t)any_length(),
		    .msg_iov = (void *)(uintptr_t)(memory + 64),
		    .msg_iovlen = (size_t)PICK(0, 1, 2, 3, 1024, 1025, -1),
		    .msg_control = (void *)any_pointer(),
		    .msg_controllen = (size_t)any_length() }
	};
	struct iovec iov[3];
	int i;

	for (i = 0; i < 3; i++) {
		iov[i].iov_base = (void *)any_pointer();
		iov[i].iov_len = (size_t)any_length();
	}
	memcpy(memory, &m, sizeof(m));
	memcpy(memory + 64, iov, sizeof(iov));
}

/* Takes the place of those that a hostile program closes. */
static void
new_socket(void)
{
	int fd = (int)syscall(SYS_socket, any_family(),
	    PICK(SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, 0, 77, -1) |
		PICK(0, SOCK_NONBLOCK, SOCK_NONBLOCK | SOCK_CLOEXEC),
	    PICK(0, 0, 0, 6, 17, 1, 255, -1));

	if (fd == -1)
		return;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	dup2(fd, FIRST + (int)(rnd() % FDS));
	close(fd);
}

static void
one_call(void)
{
	static const long calls[] = { SYS_bind, SYS_connect, SYS_listen,
		SYS_accept, SYS_accept4, SYS_getsockname, SYS_getpeername,
		SYS_setsockopt, SYS_getsockopt, SYS_shutdown, SYS_sendto,
		SYS_sendmsg, SYS_sendmmsg, SYS_recvfrom, SYS_recvmsg,
		SYS_recvmmsg, SYS_ioctl };
	long call = calls[rnd() % (sizeof(calls) / sizeof(calls[0]))];
	long fd = any_fd();

	if (rnd() % 4 == 0)
		new_socket();
	if (rnd() % 2 == 0)
		make_address();
	switch (call) {
	case SYS_sendmsg:
	case SYS_recvmsg:
		make_message();
		syscall(call, fd, any_pointer(), rnd() | MSG_DONTWAIT);
		break;
	case SYS_sendmmsg:
	case SYS_recvmmsg:
		make_message();
		syscall(call, fd, any_pointer(), any_length(),
		    rnd() | MSG_DONTWAIT, 0);
		break;
	case SYS_ioctl:
		syscall(call, fd, 0x8900 | (rnd() & 0xff), any_pointer());
		break;
	case SYS_setsockopt:
	case SYS_getsockopt:
		syscall(call, fd, PICK(1, 0, 6, 41, 17, 255, 263, 270, -1),
		    rnd() % 80, any_pointer(),
		    call == SYS_setsockopt ? any_length() : any_pointer());
		break;
	case SYS_sendto:
	case SYS_recvfrom:
		syscall(call, fd, any_pointer(), any_length(),
		    rnd() | MSG_DONTWAIT, any_pointer(),
		    call == SYS_sendto ? any_length() : any_pointer());
		break;
	default:
		syscall(call, fd, any_pointer(),
		    call == SYS_bind || call == SYS_connect ? any_length() :
							      any_pointer(),
		    rnd(), 0, 0);
		break;
	}
}

static void *
scribble(void *arg)
{
	uint64_t x = (uintptr_t)arg | 1;

	while (!atomic_load(&over)) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		((volatile uint8_t *)memory)[(x >> 33) % 256] = (uint8_t)(x >>
		    56);
		if ((x >> 20) % 64 == 0)
			usleep(50);
	}
	return NULL;
}

static void *
shuffle(void *arg)
{
	uint64_t x = (uintptr_t)arg | 1;

	while (!atomic_load(&over)) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		if (x >> 60 & 1)
			close(FIRST + (int)((x >> 33) % FDS));
		else
			dup2(FIRST + (int)((x >> 33) % FDS),
			    FIRST + (int)((x >> 40) % FDS));
		usleep(300);
	}
	return NULL;
}

static void
ignore(int sig)
{
	(void)sig;
}

int
main(int argc, char **argv)
{
	struct sigaction tick = { .sa_handler = ignore };
	pthread_t a, b;
	long n;

	if (argc != 3)
		return 2;
	state = strtoull(argv[1], NULL, 10) * 2654435761u + 1;
	/* A call that waits is ended by a signal, which is a case, too. */
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGALRM, &tick, NULL);
	ualarm(20000, 20000);
	pthread_create(&a, NULL, scribble, &state);
	pthread_create(&b, NULL, shuffle, memory);
	for (n = strtol(argv[2], NULL, 10); n > 0; n--)
		one_call();
	atomic_store(&over, true);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	puts("done");
	return 0;
}
