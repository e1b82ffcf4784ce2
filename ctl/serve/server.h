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

#include "shmif/stack_ctl.h"
#include "ctl/place.h"
#include "ctl/reply.h"
#include "ctl/wire.h"

struct json_object;

/* ---- what operations work on -------------------------------------------- */

/* A ping that was asked for. */
struct ping_wish {
	uint8_t ip[16];
	char name[SHMIF_NAME_MAX]; /* the interface to ask by, or "" */
	unsigned count, interval_ms, size, timeout_ms, ttl;
};

/* What operations work on, and what they ask of the server. */
struct env {
	void *stack;
	const char *stack_name;
	const struct stack_ctl *ctl;
	const struct op *const
	    *ops; /* all tables of operations; NULL behind the last */
	const char *url;
	struct place *place; /* the socket, which halt removes; may be NULL */
	bool halt;	     /* out: the process is to end */
	bool ping_wanted;    /* out: answer later, by PING */
	struct ping_wish ping;
	bool hand_over; /* out: the connection is mstack's after the reply */
	int64_t id;	/* out: of the request */
};

/*
 * Calls the function FN of the stack's seam, which returns an error: EOPNOTSUPP
 * where the stack has no such function.
 */
#define STACK_CALL(env, fn, ...) \
	((env)->ctl->fn == NULL ? EOPNOTSUPP : (env)->ctl->fn(__VA_ARGS__))

/* ---- request.c ---------------------------------------------------------- */

/* Fills in *ENV for the linked stack. Returns 0, or why there is no stack. */
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

/* How an operation is undone. */
struct undo {
	undo_fn *fn;
	char name[SHMIF_NAME_MAX];
	bool on;
	unsigned value;
	uint8_t mac[6];
	uint8_t ip[16];
	bool replaced; /* IP replaced the address WAS */
	struct ctl_addr was;
	struct ctl_route route;
	char *path; /* freed by request.c */
};

/* An operation that is being done. */
struct call {
	struct env *env;
	struct json_object
	    *op; /* the members of the operation, as they were sent */
	struct json_object *result; /* the result, to which members are added */
	const char *created;	    /* what "$" stands for, or "" */
	struct undo *undo; /* with fn NULL there is nothing to be undone */
	char text[600];	   /* why it failed */
};

enum field_type {
	FIELD_IF,     /* an interface's name, or $ */
	FIELD_NEW_IF, /* of an interface to be made, with a number or without */
	FIELD_STRING, /* a string, not empty */
	FIELD_STRING0, /* the same, or null */
	FIELD_BOOL,
	FIELD_INT,  /* an integer from MIN to MAX */
	FIELD_ADDR, /* address[/prefix] */
	FIELD_HOST, /* address */
	FIELD_DST,  /* default, default6, address/prefix */
	FIELD_MAC,
	FIELD_FAMILY, /* inet, inet6 */
	FIELD_FLAGS,  /* the flags of create */
};

struct field {
	const char *name;
	enum field_type type;
	bool needed;
	int64_t min, max;
};

#define FIELDS_MAX 7
struct op {
	const char *name;
	int (*fn)(struct call *c);
	struct field fields[FIELDS_MAX];
	bool last; /* cannot be undone: must be the last of its request */
	bool only; /* must be the only one of its request */
};

/* The operations of a file; the last one's name is NULL. */
extern const struct op ops_if[], ops_net[], ops_look[], ops_sock[];

/* ---- field.c ------------------------------------------------------------ */

/* Whether the value V has the form of F; else text says what is wrong. */
bool field_check(const struct field *f, struct json_object *v, char *text,
    size_t size);
/* The flags (shmif.h) that the list V, which is FIELD_FLAGS, names. */
unsigned field_flags(struct json_object *v);

/* ---- call.c ------------------------------------------------------------- */

/* The text of a positive errno value, of the bus's as well. */
const char *error_text(int error);

/* The member NAME of the operation; NULL or PRESET where it is not there. */
const char *arg_string(const struct call *c, const char *name);
bool arg_bool(const struct call *c, const char *name, bool preset);
int64_t arg_int(const struct call *c, const char *name, int64_t preset);
bool arg_given(const struct call *c, const char *name);

/* Sets the text of the error, and returns ERROR. */
int fail(struct call *c, int error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/*
 * The interface that the operation names.  LIST is for ctl->list_free(list, 1)
 * and may be NULL.  0, ENXIO or EOPNOTSUPP, with the text set.
 */
int call_if(struct call *c, char name[SHMIF_NAME_MAX], struct ctl_if **list);
/* The operation is undone by FN, which finds NAME in its struct undo. */
void undo_name(struct call *c, const char *name, undo_fn *fn);
/*
 * call_if() and undo_name(), for an operation that changes the interface. *WAS
 * is what it was like, without its addresses.
 */
int call_change(struct call *c, char name[SHMIF_NAME_MAX], struct ctl_if *was,
    undo_fn *fn);
/*
 * Sets the text: doing WHAT (may be "") to NAME failed by ERROR. Returns
 * ERROR; 0: nothing failed.
 */
int failed(struct call *c, const char *name, const char *what, int error);
/* The stack that has the interface NAME. */
void *stack_of(const struct env *env, const char *name);

/* ---- text.c ------------------------------------------------------------- */

#define ADDR_TEXT 50

/* "a.b.c.d", "x::y"; returns "inet" or "inet6". */
const char *ip_text(const uint8_t ip[16], char text[ADDR_TEXT]);
/* The length of PREFIX in the family of IP. */
unsigned prefix_shown(const uint8_t ip[16], unsigned prefix);
/*
 * As addr_parse(), but "default" and "default6" are known, and an address
 * without prefix is a host.
 */
bool dst_parse(const char *text, uint8_t ip[16], unsigned *prefix);
/* Copies TEXT for a message of one line: control characters become '?'. */
void plain(const char *text, char *to, size_t size);

#endif /* SHMIF_SERVER_H */
