/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.h - a descriptor that is a stream (not installed)
 */
#ifndef WIRE_STREAM_H
#define WIRE_STREAM_H

#include "wire/wire.h"

/* Of an end that is given a connection. */
extern const struct kind kind_given;
/* E is the connection FD.  0, or -1 after a message. */
int stream_adopt(struct end *e, int fd);

#endif /* WIRE_STREAM_H */
