/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.c - frames that wait until they are due
 */
#include <stdlib.h>
#include <string.h>

#include "wire/queue.h"

struct packet *
later_packet(const void *data, size_t len)
{
	struct packet *p = malloc(sizeof(*p) + len);

	if (p == NULL)
		return NULL;
	p->next = NULL;
	p->len = len;
	memcpy(p->data, data, len);
	return p;
}

static bool
before(const struct packet *a, const struct packet *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns :
					a->order < b->order;
}

bool
later_put(struct queue *q, struct packet *p, uint64_t due_ns)
{
	size_t i;

	if (p == NULL)
		return false;
	if (q->n == q->size) {
		size_t size = q->size * 2 + 64;
		struct packet **heap = realloc(q->heap, size * sizeof(*heap));

		if (heap == NULL) {
			free(p);
			return false;
		}
		q->heap = heap;
		q->size = size;
	}
	if (q->bytes + p->len > QUEUE_BYTES_MAX) {
		free(p);
		return false;
	}
	p->due_ns = due_ns;
	p->order = q->order++;
	q->bytes += p->len;
	for (i = q->n++; i > 0 && before(p, q->heap[(i - 1) / 2]);
	     i = (i - 1) / 2)
		q->heap[i] = q->heap[(i - 1) / 2];
	q->heap[i] = p;
	return true;
}

uint64_t
later_due(const struct queue *q)
{
	return q->n == 0 ? UINT64_MAX : q->heap[0]->due_ns;
}

struct packet *
later_take(struct queue *q, uint64_t now_ns)
{
	struct packet *first, *last;
	size_t i = 0, child;

	if (later_due(q) > now_ns)
		return NULL;
	first = q->heap[0];
	last = q->heap[--q->n];
	q->bytes -= first->len;
	while ((child = 2 * i + 1) < q->n) {
		if (child + 1 < q->n &&
		    before(q->heap[child + 1], q->heap[child]))
			child++;
		if (!before(q->heap[child], last))
			break;
		q->heap[i] = q->heap[child];
		i = child;
	}
	q->heap[i] = last;
	return first;
}

void
later_free(struct queue *q)
{
	while (q->n > 0)
		free(q->heap[--q->n]);
	free(q->heap);
	q->heap = NULL;
	q->size = q->bytes = 0;
}
