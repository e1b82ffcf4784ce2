/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pings.h - pings that clients asked for (not installed)
 *
 * All of it belongs to the server's thread.
 */
#ifndef SHMIF_PINGS_H
#define SHMIF_PINGS_H

#include "ctl/serve/client.h"

#define PINGS_MAX 64

struct ping_run;

struct pings {
	struct clients *all; /* whose pings these are */
	struct ping_run *first;
	unsigned n;
	int wake; /* eventfd that is written to when an answer came */
};

/* Begins the ping that C asks for, or tells C why not. */
void pings_begin(struct pings *p, struct client *c);
/* Ends the ping of C, if it has one. */
void pings_cancel(struct pings *p, struct client *c);
/* Sends, and reports answers.  Returns when to come back, in ms; -1: never. */
int pings_work(struct pings *p);

#endif /* SHMIF_PINGS_H */
