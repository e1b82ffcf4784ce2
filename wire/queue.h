/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.h - frames that wait until they are due (not installed)
 *
 * A heap by time; frames of one time stay in their order.
 */
#ifndef WIRE_QUEUE_H
#define WIRE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_BYTES_MAX ((size_t)256 << 20)

struct packet {
	struct packet *next; /* for whoever has it */
	uint64_t due_ns;
	uint64_t order;
	size_t len;
	uint8_t data[];
};

struct queue {
	struct packet **heap;
	size_t n, size;
	size_t bytes;
	uint64_t order;
};

/* A packet of LEN bytes at DATA, or NULL. */
struct packet *later_packet(const void *data, size_t len);
/* False: there is no memory, or too much is in use.  P is freed then. */
bool later_put(struct queue *q, struct packet *p, uint64_t due_ns);
/* When the first is due; UINT64_MAX: there is none. */
uint64_t later_due(const struct queue *q);
/* Takes the first that is due at NOW_NS; NULL: there is none. */
struct packet *later_take(struct queue *q, uint64_t now_ns);
void later_free(struct queue *q);

#endif /* WIRE_QUEUE_H */
