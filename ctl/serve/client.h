/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client.h - connections of the control server (not installed)
 *
 * All of it belongs to the server's thread.  A ping that a client asks for is
 * left to the server (pings.h): the client waits meanwhile.
 */
#ifndef SHMIF_CLIENT_H
#define SHMIF_CLIENT_H

#include "ctl/serve/server.h"

#define CLIENTS_MAX 256
#define HALF_MS 10000  /* a message that does not grow for so long, ends it */
#define STUCK_MS 10000 /* and so does a reply that is not taken for so long */
#define OUT_ALL_MAX ((size_t)64 << 20) /* waiting replies, of all clients */

struct ping_run;

struct client {
	int fd;
	bool bound;	 /* epoll knows it */
	bool eof;	 /* it will send no more */
	bool hang_up;	 /* close it when the reply is out */
	bool dead;	 /* close it now */
	bool more;	 /* whole messages may wait in IN */
	uint32_t events; /* what epoll looks for */
	uint8_t *in;
	size_t in_len, in_size;
	uint8_t *out;
	size_t out_off, out_len, out_size;
	int64_t half_ms;  /* since when IN did not grow, 0: it is empty */
	int64_t stuck_ms; /* since when OUT did not shrink, 0: it is empty */
	bool asks;	  /* for the ping WISH, which the server begins */
	struct ping_wish wish;
	int64_t wish_id;       /* of the request that asks for it */
	struct ping_run *ping; /* that it waits for */
	struct client *next;
};

/* What the clients share. */
struct clients {
	struct env env;
	struct client *first;
	unsigned n;
	size_t out_all;
};

/* CLOCK_MONOTONIC in milliseconds, never 0. */
int64_t clock_ms(void);

/* A new connection, which owns FD from now on; NULL: no memory. */
struct client *client_new(struct clients *all, int fd);
/* Closes it.  It has no ping any more. */
void client_free(struct clients *all, struct client *c);
/* Bytes came.  False: no memory. */
bool client_feed(struct client *c, const void *data, size_t len);
/*
 * Does the requests that are there as a whole, one after the other, while their
 * replies are taken, until one asks for a ping; at most BUDGET requests.
 */
void client_work(struct clients *all, struct client *c, int budget);
/* Queues a reply, which is put. */
void client_reply(struct clients *all, struct client *c,
    struct json_object *reply);
/* Sends what can be sent. */
void client_flush(struct clients *all, struct client *c);
/* Reads what is there. */
void client_read(struct client *c);

#endif /* SHMIF_CLIENT_H */
