/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client.h - connections of the control server (not installed)
 *
 * All of it belongs to the server's thread.
 */
#ifndef SHMIF_CLIENT_H
#define SHMIF_CLIENT_H

#include "ctl/serve/server.h"

#define CLIENTS_MAX 256
#define PINGS_MAX 64
#define HALF_MS 10000  /* a message that does not grow for so long */
#define STUCK_MS 10000 /* a reply that nobody takes for so long */
#define OUT_ALL_MAX ((size_t)64 << 20) /* replies that wait, of all clients */

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
	struct ping_run *ping;
	struct client *next;
};

/* What the clients share. */
struct clients {
	struct env env;
	struct client *first;
	unsigned n;
	size_t out_all;
	struct ping_run *pings;
	unsigned n_pings;
	int wake; /* eventfd: quit, or an answer to a ping came */
	int epoll;
};

int64_t clock_ms(void);

/* A connection of one's own; NULL: no memory.  Takes FD. */
struct client *client_new(struct clients *all, int fd);
void client_free(struct clients *all, struct client *c);
/* Bytes came.  False: no memory. */
bool client_feed(struct clients *all, struct client *c, const void *data,
    size_t len);
/*
 * Does what was asked whole, one by one, while replies are taken; at most
 * BUDGET requests.
 */
void client_work(struct clients *all, struct client *c, int budget);
/* Queues a reply, which is put. */
void client_reply(struct clients *all, struct client *c,
    struct json_object *reply);
/* Sends what can be sent. */
void client_flush(struct clients *all, struct client *c);
/* Reads what is there. */
void client_read(struct clients *all, struct client *c);

/* ---- pings.c ------------------------------------------------------------ */

/* Begins what ALL->env.ping says for C.  Replies itself. */
void pings_begin(struct clients *all, struct client *c);
/* Ends the ping of C. */
void pings_cancel(struct clients *all, struct client *c);
/* Sends, and reports answers.  Returns when to come back, in ms; -1: never. */
int pings_work(struct clients *all);

#endif /* SHMIF_CLIENT_H */
