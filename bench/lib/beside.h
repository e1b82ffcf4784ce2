/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * beside.h - what a pair that talks loses by others who are attached
 */
#ifndef BENCH_BESIDE_H
#define BENCH_BESIDE_H

enum beside { BESIDE_RATE, BESIDE_SPINNING, BESIDE_ASLEEP, BESIDES };

/* By round; millions of frames a second, and microseconds a round trip. */
#define BESIDE_ROUNDS_MAX 101u
struct beside_out {
	double without[BESIDES][BESIDE_ROUNDS_MAX];
	double with[BESIDES][BESIDE_ROUNDS_MAX];
};

/*
 * ROUNDS rounds in which the same pair talks with IDLE others attached, and
 * without.  NULL, or what went wrong: static.
 */
const char *beside_run(unsigned idle, unsigned rounds, struct beside_out *out);

#endif /* BENCH_BESIDE_H */
