/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmifctl.h - what the files of shmifctl have of each other
 *
 * DOC: A call
 *
 * The command line names a verb, or an interface and words about it.  The verb
 * makes operations out of it, in full and before anything is sent: what is
 * wrong with the words is found here.  They go to the server as one request,
 * which it carries out as a whole or not at all, and what it answers is shown
 * as text or, with -j, as JSON.
 *
 * ERRORS.  Functions that return int return an exit status: 0, or 1 or 2 after
 * complain() has said on stderr, in one line, what is wrong.  2 is a command
 * line that is no call at all; 1 is one that cannot be carried out.
 *
 * What a server says is not trusted: it may be anything that is JSON, and is
 * bounded, looked at field by field, and cleaned before it gets to a terminal.
 */
#ifndef SHMIFCTL_H
#define SHMIFCTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

#include "base/addr.h"

enum status { OK, FAILED, USAGE };

/* What all verbs are told. */
struct call {
	const char *url; /* of the server; NULL: not given */
	bool json;	 /* -j */
	bool verbose;	 /* -v */
	bool brief;	 /* -br */
	int family;	 /* -4, -6: AF_INET, AF_INET6; else AF_UNSPEC */
};

/* complain.c */
int complain(int status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- text.c: what words on a command line may be -------------- */

#define ADDR_TEXT 50   /* the longest IPv6 address, "/128" and a NUL */
#define IFNAME_TEXT 16 /* as IFNAMSIZ */

/* An address, and of what network. */
struct addr {
	int family; /* AF_INET, AF_INET6 */
	uint8_t bytes[16];
	int prefix;		/* -1: none was given */
	char zone[IFNAME_TEXT]; /* the interface behind %, or "" */
};

int text_addr(const char *text, int family, struct addr *a);
int text_mask(const char *text, int *prefix);
int text_mac(const char *text, char mac[MAC_TEXT]);
int text_path(const char *text, char **path);
/* Seconds with decimals, from MIN_MS to MAX_S; WHAT is what they are for. */
int text_seconds(const char *what, const char *text, long min_ms, long max_s,
    long *ms);
/* An interface ("shmif0"), or with KIND set a mere kind ("shmif") too. */
bool text_ifname(const char *text, bool kind);
bool text_utf8(const char *text);
int addr_width(const struct addr *a); /* bits: 32 or 128 */
bool addr_host_bits(const struct addr *a);
const char *addr_text(const struct addr *a, char text[ADDR_TEXT]);

/* ---- ask.c: the server ---------------------------------------- */

struct server {
	int fd;
	const char *url;
};

/* An operation of name OP, at the end of OPS.  Belongs to OPS. */
struct json_object *op_add(struct json_object *ops, const char *op);
void op_string(struct json_object *op, const char *key, const char *value);
void op_bool(struct json_object *op, const char *key, bool value);
void op_int(struct json_object *op, const char *key, int64_t value);

/* Connects and sends OPS, which it takes, as one request. */
int server_ask(struct server *s, const struct call *c, struct json_object *ops);
/*
 * Waits for a reply.  *REPLY is to be put; its "results" are an array.  *MORE
 * (may be NULL) tells whether another will come.
 */
int server_reply(struct server *s, struct json_object **reply, bool *more);
/* Waits for a reply; whether the server went without one. */
bool server_is_gone(struct server *s);
/* Waits until the server has closed the connection. */
void server_gone(struct server *s);
void server_close(struct server *s);
/* All three, for one reply: its first result, or with ALL the whole array. */
int ask(const struct call *c, struct json_object *ops, bool all,
    struct json_object **result);

/* ---- json.c: JSON, theirs and ours ----------------------------- */

/* The member KEY of OBJ, or what is said to stand for none. */
const char *get_string(struct json_object *obj, const char *key);
bool get_bool(struct json_object *obj, const char *key);
int64_t get_int(struct json_object *obj, const char *key);
double get_number(struct json_object *obj, const char *key);
/* The array KEY of OBJ, or NULL, of *N members. */
struct json_object *get_array(struct json_object *obj, const char *key,
    size_t *n);
/* Prints TEXT without anything that a terminal would obey. */
void put_clean(FILE *f, const char *text);
/* The same, in at least WIDTH columns and two blanks. */
void put_column(const char *text, int width);
/* Puts OBJ out, and ends the line. */
void put_json(struct json_object *obj);
/* The same in one line, however long. */
void put_json_line(struct json_object *obj);

/* ---- verbs -------------------------------------------------------------- */

/* ARGV begins behind the verb.  Each returns an exit status. */
int verb_arp(const struct call *c, int argc, char **argv);
int verb_bus(const struct call *c, int argc, char **argv);
int verb_forward(const struct call *c, int argc, char **argv);
int verb_halt(const struct call *c, int argc, char **argv);
int verb_log(const struct call *c, int argc, char **argv);
int verb_monitor(const struct call *c, int argc, char **argv);
int verb_neigh(const struct call *c, int argc, char **argv);
int verb_ndp(const struct call *c, int argc, char **argv);
int verb_ping(const struct call *c, int argc, char **argv);
int verb_radv(const struct call *c, int argc, char **argv);
int verb_route(const struct call *c, int argc, char **argv);
int verb_save(const struct call *c, int argc, char **argv);
int verb_server(const struct call *c, int argc, char **argv);
int verb_show(const struct call *c, int argc, char **argv);
int verb_ss(const struct call *c, int argc, char **argv);
int verb_traceroute(const struct call *c, int argc, char **argv);

/* reroute.c: ARGV begins behind the word; of change with it. */
int route_get(const struct call *c, int argc, char **argv);
int route_change(const struct call *c, int argc, char **argv);
/*
 * Removes the route to DST if there is one such; FAMILY AF_UNSPEC: "default" is
 * of either.
 */
int route_delete_one(const struct call *c, const char *dst, int family);
int route_flush(const struct call *c, int argc, char **argv);

/*
 * save.c: has RUN carry out each line of the file NAME (-: standard input),
 * until one fails.
 */
int run_file(const char *name,
    int (*run)(const struct call *c, int argc, char **argv),
    const struct call *c);

/* show.c: IFNAME NULL: all of them. */
int show(const struct call *c, const char *ifname);
int show_names(const struct call *c);

/* ---- known.c: what other programs call it ------------------------------- */

/* The call ARGV of *ARGC words, in our words; valid until the next call. */
char **known(int *argc, char **argv);

/* The word that was meant, so far; NULL: none is near. */
struct guess {
	const char *word;
	unsigned away;
};
/* CANDIDATE may be what WORD was to be. */
void nearest(const char *word, const char *candidate, struct guess *g);

/* words.c */
/* How many values have to follow the word TEXT. */
int word_values(const char *text);
/* Looks through all words for the one that TEXT was to be. */
void words_nearest(const char *text, struct guess *g);
/* Whether TEXT is one of the words about an interface. */
bool is_word(const char *text);
/* Appends to OPS what ARGV, words about IFNAME, ask for. */
int words_parse(const char *ifname, int argc, char **argv,
    struct json_object *ops);
int configure(const struct call *c, const char *ifname, int argc, char **argv);

/*
 * wait.c: waits until the addresses of IFNAME are decided on.  Fails when
 * somebody else has one of WANTED, or, where that is empty, any.
 */
int wait_for(const struct call *c, const char *ifname,
    struct json_object *wanted);

/* route.c: for its test */
int route_parse(int argc, char **argv, struct json_object *ops);
/* ping.c: for its test */
int ping_parse(int argc, char **argv, struct json_object *ops);

#endif /* SHMIFCTL_H */
