/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash.c - a hash of two ends that nobody else can tell: RFC 6528, 3
 */
#include <sys/auxv.h>
#include <sys/random.h>
#include <pthread.h>
#include <string.h>

#include "base/siphash.h"
#include "stack/lwipv6/tcp/tcp.h"

static uint8_t secret[16];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
begin(void)
{
	const void *kernels;

	/* The kernel gave every process 16 random bytes as well. */
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret) &&
	    (kernels = (const void *)getauxval(AT_RANDOM)) != NULL)
		memcpy(secret, kernels, sizeof(secret));
}

uint64_t
isn_hash(const struct ends *e, uint64_t what)
{
	struct {
		struct ip_addr local, remote;
		uint16_t local_port, remote_port;
		uint32_t none;
		uint64_t what;
	} in = { e->local, e->remote, e->local_port, e->remote_port, 0, what };

	static_assert(sizeof(in) == 48, "nothing is between its fields");
	pthread_once(&once, begin);
	return siphash(secret, &in, sizeof(in));
}
