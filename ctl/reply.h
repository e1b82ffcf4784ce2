/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reply.h - the replies of the control protocol, see shmif_ctl(5) (not installed)
 */
#ifndef SHMIF_REPLY_H
#define SHMIF_REPLY_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;

/* Numbers of requests are 0 to this: every JSON parser keeps them exact. */
#define REPLY_ID_MAX ((int64_t)1 << 53)

/*
 * A reply that says what is wrong: TEXT, and the name of ERROR, which is an errno
 * value or one of shmbus.h.  ID -1: null.  AT is the operation; -1: null.
 */
struct json_object *reply_error(int64_t id, int at, int error,
    const char *text);
/* {"id":ID,"ok":true,"results":RESULTS}, and "more" where there is MORE. */
struct json_object *reply_ok(int64_t id, struct json_object *results,
    bool more);
/* The same with the one result RESULT. */
struct json_object *reply_one(int64_t id, struct json_object *result,
    bool more);

#endif /* SHMIF_REPLY_H */
