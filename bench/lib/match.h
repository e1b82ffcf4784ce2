/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * match.h - one run of round trips over a bus
 */
#ifndef BENCH_MATCH_H
#define BENCH_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include <shmbus.h>

#define MATCH_SIZE 64
#define SPIN_FOR_EVER 100000000 /* as it were */
#define SPIN_NOT -1

/*
 * N round trips of a frame of MATCH_SIZE bytes over a new bus, in nanoseconds
 * to TRIPS.  SPIN_US as in shmbus_options.  NULL, or what went wrong: static.
 */
const char *match_run(double *trips, size_t n, int32_t spin_us);

/*
 * For members of a crew, 0 and 1, attached as B with their address: frame
 * number TRIP is sent to the other one, and waited for.
 */
extern const uint8_t match_macs[2][6];
void match_serve(struct shmbus *b, unsigned member, uint64_t trip);
void match_await(struct shmbus *b, uint64_t trip);

#endif /* BENCH_MATCH_H */
