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
#define PARTIAL_MS 10000 /* the longest pause within a message */
#define STUCK_MS 10000	 /* the longest time that a reply is not taken */
#define OUT_ALL_MAX \
	((size_t)64 << 20) /* of replies that wait, all clients together */

struct ping_run;

struct client {
	int fd;
	bool bound;	 /* FD was added to epoll */
	bool eof;	 /* the client sends no more */
	bool hang_up;	 /* close it when the reply is out */
	bool leaves;	 /* hand it to mstack when the reply is out */
	bool dead;	 /* close it now */
	bool more;	 /* IN may hold another complete message */
	uint32_t events; /* those that epoll waits for */
	uint8_t *in;
	size_t in_len, in_size;
	uint8_t *out;
	size_t out_off, out_len, out_size;
	int64_t partial_ms; /* when IN grew last; 0: IN is empty */
	int64_t stuck_ms;   /* when OUT shrank last; 0: OUT is empty */
	bool asks; /* it asked for the ping WISH, which is not begun yet */
	struct ping_wish wish;
	int64_t wish_id;       /* the id of that request */
	struct ping_run *ping; /* the one that it waits for */
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
/* Appends DATA, which the client sent, to IN. False: no memory. */
bool client_feed(struct client *c, const void *data, size_t len);
/*
 * Does the requests that are there as a whole, one after the other, while their
 * replies are taken, until one asks for a ping; at most BUDGET requests.
 */
void client_work(struct clients *all, struct client *c, int budget);
/* Queues REPLY for sending, and drops our reference to it. */
void client_reply(struct clients *all, struct client *c,
    struct json_object *reply);
/* Sends as much of OUT as can be sent without waiting. */
void client_flush(struct clients *all, struct client *c);
/* Reads what can be read without waiting. */
void client_read(struct client *c);

#endif /* SHMIF_CLIENT_H */
