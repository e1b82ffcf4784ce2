/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.h - looking at a wire and changing it while it runs (not installed)
 */
#ifndef WIRE_CONTROL_H
#define WIRE_CONTROL_H

#include "wire/wire.h"

struct json_object;

/* Listens at URL.  0, or -1 after a message. */
int control_open(struct wire *w, const char *url);
void control_close(struct wire *w);

/* What there is to say of W, under its lock. */
struct json_object *show_json(struct wire *w);
/* Prints that as text, as it came from W or from a socket. */
void show_text(struct json_object *show);

/*
 * Asks the wire at URL for what the N words say: "show" or words.  Prints what it
 * says, as JSON if so wanted.  Returns the exit status.
 */
int ask(const char *url, const char *const *words, unsigned n, bool json);

#endif /* WIRE_CONTROL_H */
