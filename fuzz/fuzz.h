/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz.h - what the fuzz targets share
 *
 * DOC: How we fuzz
 *
 * A target is fuzz/NAME.c with one LLVMFuzzerTestOneInput(), which takes any
 * bytes whatever and must come back: libFuzzer looks for bytes with which it
 * crashes, hangs, or calls fuzz_fail().  It is built twice:
 *
 *	build/fuzz/NAME	      by clang, with libFuzzer, AddressSanitizer and
 *			      UndefinedBehaviorSanitizer, and with all of our
 *			      own sources compiled likewise: make fuzz
 *	build/fuzz/NAME_test  by gcc, as any other test, with replay.c: make
 *			      check gives it every seed and every input that
 *			      ever broke something; with files as arguments it
 *			      runs those
 *
 * Files of a target:
 *
 *	fuzz/NAME.c	   the target; its head says what its inputs mean
 *	fuzz/seeds/NAME.c  fuzz_seeds(): well-formed inputs to begin with, each
 *			   with a name, made by code that can be read
 *	fuzz/mutate/NAME.c LLVMFuzzerCustomMutator(), where there is one
 *	fuzz/found/NAME/   inputs that broke something once, each file's name
 *			   says what
 *	fuzz/stack/	   of frames: the stack's surroundings
 *	fuzz/fake/	   of ctl: what stands in for units and a stack
 *	fuzz/lib/	   linked to all of them
 *
 * TO ADD ONE: write NAME.c and seeds/NAME.c; if it needs more than libshmbus,
 * say which sources in the Makefile (FUZZ_WITH_NAME, FUZZ_LIBS_NAME).  Nothing
 * else: make fuzz, make check and CI find it.
 *
 * WHEN IT FINDS SOMETHING the input is left in build/fuzz/crash-NAME-*.  Run it
 * (build/fuzz/NAME FILE, or NAME_test FILE under a debugger), shrink it
 * (build/fuzz/NAME -minimize_crash=1 FILE), cure the fault, and keep the file
 * in fuzz/found/NAME/ under a name that says what it was.
 *
 * GUARD=1 builds without AddressSanitizer, which cannot see what Debian's
 * binary of lwipv6 does in its own code, and with guard.c instead: every
 * allocation ends at a page that may not be touched.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Called after the last input of a replay, where a target has it. */
void fuzz_end(void) __attribute__((weak));
/* libFuzzer's own, for a custom mutator. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
    unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t an, const uint8_t *b,
    size_t bn, uint8_t *out, size_t max, unsigned seed);

/* An input being read.  Past its end there are zeros. */
struct input {
	const uint8_t *p;
	size_t n; /* left */
};
unsigned in8(struct input *in);
unsigned in16(struct input *in); /* little-endian, like all of these */
uint32_t in32(struct input *in);
/* The next WANT bytes, or as many as there are: *GOT. */
const uint8_t *in_bytes(struct input *in, size_t want, size_t *got);

/* A seed being written. */
struct seed {
	size_t n;
	uint8_t b[1 << 16];
};
void put8(struct seed *s, unsigned v);
void put16le(struct seed *s, unsigned v);
void put32le(struct seed *s, uint32_t v);
void put_bytes(struct seed *s, const void *p, size_t n);

/* seeds/NAME.c: calls EMIT with every seed.  NAME is good for a file. */
typedef void fuzz_emit(const char *name, const void *data, size_t n);
void fuzz_seeds(fuzz_emit *emit);

/*
 * A folder of this process's own, in memory where that can be; removed with
 * the files in it when the process exits.
 */
const char *fuzz_folder(void);

/* What this thread had of a processor, in nanoseconds. */
uint64_t fuzz_thread_ns(void);

/* Something is wrong: prints and aborts, which libFuzzer takes for a crash. */
_Noreturn void fuzz_fail(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

#endif /* FUZZ_H */
