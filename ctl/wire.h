/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire.h - the frame around each message of the control protocol
 *
 * Shared by the server in libshmif and by programs that talk to it; pure: it
 * makes no system call and knows neither JSON nor stacks.  shmif_ctl(5) is the
 * specification.
 *
 *	 0      4        6           8         12
 *	+------+--------+-----------+---------+--------------------+
 *	| shmc | version| 0 (16 bit)| length  | one JSON object    |
 *	+------+--------+-----------+---------+--------------------+
 *
 * Numbers are little-endian.  ERRORS: functions return 0 or a positive errno
 * value.
 */
#ifndef SHMIF_WIRE_H
#define SHMIF_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_VERSION 1
#define WIRE_HEADER 12u
#define WIRE_REQUEST_MAX 65536u	  /* bytes of JSON in a request */
#define WIRE_REPLY_MAX (4u << 20) /* and in a reply */
#define WIRE_DEPTH_MAX 8	  /* of objects and arrays in each other */
#define WIRE_OPS_MAX 64		  /* operations in a request */
#define WIRE_PATH_MAX 108	  /* sun_path with its NUL */

struct wire_head {
	unsigned version;
	uint32_t length;
};

void wire_put_head(uint8_t head[WIRE_HEADER], uint32_t length);
/*
 * Reads a header.  *H is filled in as far as it makes sense.  EPROTO: not a
 * header of this protocol; EPROTONOSUPPORT: of another version; EMSGSIZE:
 * LENGTH is 0 or above MAX.
 */
int wire_get_head(const uint8_t head[WIRE_HEADER], uint32_t max,
    struct wire_head *h);
/*
 * The path that URL ("unix:///run/x", "unix://x") names.  EINVAL: not such a
 * URL; ENAMETOOLONG.
 */
int wire_path(const char *url, char path[WIRE_PATH_MAX]);

#endif /* SHMIF_WIRE_H */
