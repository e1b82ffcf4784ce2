/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server.h - what the files of the control server share (not installed)
 *
 * See the DOC block of server.c.
 */
#ifndef SHMIF_SERVER_H
#define SHMIF_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "shmif/stack_ctl.h"
#include "ctl/wire.h"

struct json_object;

/* ---- socket.c ----------------------------------------------------------- */

/* Where a server listens, and how it knows its own socket again. */
struct place {
	int fd;
	char path[WIRE_PATH_MAX]; /* absolute where that fits */
	dev_t dev;
	ino_t ino;
};

/*
 * Listens at PATH, 0600 from its first moment.  0, EADDRINUSE (a living server
 * is there), EEXIST (something else is), or what the system says.
 */
int place_take(struct place *p, const char *path);
/* Removes the socket if it is still this one, and closes it.  Twice is fine. */
void place_leave(struct place *p);

/* ---- what operations work on -------------------------------------------- */

/* A ping that was asked for. */
struct ping_wish {
	uint8_t ip[16];
	char name[SHMIF_NAME_MAX]; /* the interface to ask by, or "" */
	unsigned count, interval_ms, size, timeout_ms;
};

/* What operations work on, and what they ask of the server. */
struct env {
	void *stack;
	const char *stack_name;
	const struct stack_ctl *ctl;
	const struct op *const *ops; /* all there are */
	const char *url;
	struct place *place; /* halt removes it; may be NULL */
	bool halt;	     /* out: the process is to end */
	bool ping_wanted;    /* out: answer later, by PING */
	struct ping_wish ping;
	int64_t id; /* out: of the request */
};

/*
 * Calls the function FN of the stack's seam, which returns an error: EOPNOTSUPP
 * where the stack has no such function.
 */
#define STACK_CALL(env, fn, ...) \
	((env)->ctl->fn == NULL ? EOPNOTSUPP : (env)->ctl->fn(__VA_ARGS__))

/* ---- request.c ---------------------------------------------------------- */

/* *ENV is for the linked stack.  0, or why there is no stack. */
int env_init(struct env *env);
/*
 * Does the request TEXT of LEN bytes.  Returns the reply, or NULL where it
 * comes later (ENV->ping_wanted) or there is no memory.  *FATAL: the message
 * made no sense; hang up after the reply.
 */
struct json_object *request_do(struct env *env, const char *text, size_t len,
    bool *fatal);

/* ---- operations --------------------------------------------------------- */

struct undo;
typedef int undo_fn(struct env *env, const struct undo *u);

/* What takes an operation back. */
struct undo {
	undo_fn *fn;
	char name[SHMIF_NAME_MAX];
	bool on;
	unsigned value;
	uint8_t mac[6];
	uint8_t ip[16];
	bool replaced; /* by ip: was, with its prefix */
	struct ctl_addr was;
	struct ctl_route route;
	char *path; /* freed with it */
};

/* One operation that is being done. */
struct call {
	struct env *env;
	struct json_object *op;	    /* its members */
	struct json_object *result; /* an object to add to */
	const char *created;	    /* what "$" stands for, or "" */
	struct undo *undo;	    /* fn: NULL, nothing to be undone */
	char text[600];		    /* what is wrong */
};

enum field_type {
	FIELD_IF,      /* an interface's name, or $ */
	FIELD_NEW_IF,  /* one to be made, number or not */
	FIELD_STRING,  /* not empty */
	FIELD_STRING0, /* the same or null */
	FIELD_BOOL,
	FIELD_INT,  /* MIN to MAX */
	FIELD_ADDR, /* address[/prefix] */
	FIELD_HOST, /* address */
	FIELD_DST,  /* default, default6, address/prefix */
	FIELD_MAC,
	FIELD_FAMILY, /* inet, inet6 */
	FIELD_FLAGS,  /* of create */
};

struct field {
	const char *name;
	enum field_type type;
	bool needed;
	int64_t min, max;
};

#define FIELDS_MAX 6
struct op {
	const char *name;
	int (*fn)(struct call *c);
	struct field fields[FIELDS_MAX];
	bool last; /* cannot be undone: the last of its request */
	bool only; /* the only one of its request */
};

/* The operations of a file; the last one's name is NULL. */
extern const struct op ops_if[], ops_net[], ops_look[];

/* ---- field.c ------------------------------------------------------------ */

/* Whether the value V has the form of F; else text says what is wrong. */
bool field_check(const struct field *f, struct json_object *v, char *text,
    size_t size);
/* The flags (shmif.h) that the list V, which is FIELD_FLAGS, names. */
unsigned field_flags(struct json_object *v);

/* ---- call.c ------------------------------------------------------------- */

/* The text of a positive errno value, of the bus's as well. */
const char *error_text(int error);
/* A reply that says what is wrong.  ID -1: null.  AT -1: null. */
struct json_object *reply_error(int64_t id, int at, int error,
    const char *text);
/* {"id":ID,"ok":true,"results":RESULTS}, and "more" where there is MORE. */
struct json_object *reply_ok(int64_t id, struct json_object *results,
    bool more);
/* The same with the one result RESULT. */
struct json_object *reply_one(int64_t id, struct json_object *result,
    bool more);

/* Members of an operation; where it is not there: NULL, DEFAULT. */
const char *arg_string(const struct call *c, const char *name);
bool arg_bool(const struct call *c, const char *name, bool preset);
int64_t arg_int(const struct call *c, const char *name, int64_t preset);
bool arg_given(const struct call *c, const char *name);

/* Sets the text of an error, and returns ERROR. */
int fail(struct call *c, int error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/*
 * The interface that the operation names.  LIST is for ctl->list_free(list, 1)
 * and may be NULL.  0, ENXIO or EOPNOTSUPP, with the text set.
 */
int call_if(struct call *c, char name[SHMIF_NAME_MAX], struct ctl_if **list);
/* FN takes the operation back, from the interface NAME. */
void undo_name(struct call *c, const char *name, undo_fn *fn);
/*
 * Both, for what changes the interface: *WAS is what it was like, without its
 * addresses.
 */
int call_change(struct call *c, char name[SHMIF_NAME_MAX], struct ctl_if *was,
    undo_fn *fn);
/* Says that WHAT, or "", done to NAME failed by ERROR.  Returns it; 0: none. */
int failed(struct call *c, const char *name, const char *what, int error);
/* The stack that has the interface NAME. */
void *stack_of(const struct env *env, const char *name);

/* ---- text.c ------------------------------------------------------------- */

#define ADDR_TEXT 50

/* "a.b.c.d", "x::y"; returns "inet" or "inet6". */
const char *ip_text(const uint8_t ip[16], char text[ADDR_TEXT]);
/* PREFIX as people count it. */
unsigned prefix_shown(const uint8_t ip[16], unsigned prefix);
/* As addr_parse(), "default" and "default6" too; a host where none is given. */
bool dst_parse(const char *text, uint8_t ip[16], unsigned *prefix);
/* TEXT as part of a one-line message: control characters become '?'. */
void plain(const char *text, char *to, size_t size);

#endif /* SHMIF_SERVER_H */
