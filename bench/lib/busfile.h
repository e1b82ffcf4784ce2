/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * busfile.h - where this program has its bus
 */
#ifndef BENCH_BUSFILE_H
#define BENCH_BUSFILE_H

/* In BENCH_DIR or else in /dev/shm; gone when a signal ends the program. */
const char *busfile(void);

#endif /* BENCH_BUSFILE_H */
