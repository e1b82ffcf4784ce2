/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sockworld.h - sockets of a random program, and what is under way to them
 *
 * See tests/system/mstackdiff.c, whose parts these are.
 */
#ifndef SOCKWORLD_H
#define SOCKWORLD_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OBJECTS 8
#define ROOM 40000
#define PATIENCE_MS 30000

enum state { FREE, NEW, BOUND, LISTENING, CONNECTED, BROKEN };

struct obj {
	enum state state;
	bool stream, nonblock;
	int fd;
	in_port_t port; /* its own; 0: none */
	int peer;	/* connected to this one; -1: none, or it has gone */
	bool to_peer;	/* datagrams: connected */
	size_t owed;	/* bytes on their way or there */
	unsigned queue; /* datagrams, or connections, likewise */
	size_t len[16]; /* of each of these datagrams */
	bool fin;	/* the peer sends no more */
	bool shut_wr, shut_rd;
};

extern struct obj sw_all[OBJECTS];
extern int sw_family;
extern uint8_t sw_data[ROOM], sw_got[ROOM];

/* ---- sockworld.c -------------------------------------------------------- */

void sw_begin_random(uint64_t seed);
/* A number below N. */
unsigned sw_rnd(unsigned n);
#define PICK(...) \
	((const int[]){ __VA_ARGS__ }[sw_rnd( \
	    sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))])

/* Prints. */
void sw_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints the result R of a call, and errno; returns R. */
long sw_result(long r);
uint32_t sw_sum(const uint8_t *p, size_t n);
/* HOST 0: loopback, 1: any, 2: somebody else's.  The length. */
socklen_t sw_make_address(struct sockaddr_storage *to, in_port_t port,
    int host);
in_port_t sw_port_of(const struct sockaddr_storage *a);
void sw_show_address(const struct sockaddr_storage *a, socklen_t len);
/* Finds out which port O has. */
void sw_learn_port(struct obj *o);
/* Waits until all that is known to come to somebody is there. */
void sw_settle(void);
/* NULL: there is no room, and FD is closed. */
struct obj *sw_new_object(int fd, bool stream, enum state st);
int sw_index_of(const struct obj *o);
/* Any that KIND says, or NULL. */
struct obj *sw_choose(bool (*kind)(const struct obj *));
bool sw_is_any(const struct obj *o);
bool sw_is_listener(const struct obj *o);
bool sw_is_dgram(const struct obj *o);
bool sw_is_open(const struct obj *o);
/* Nobody's peer is O any more. */
void sw_forget(const struct obj *o);
void sw_set_nonblock(struct obj *o, bool on);

/* ---- sockasks.c: calls by which nothing is moved ------------------------ */

void sw_do_socket(void);
void sw_do_wrong_socket(void);
void sw_do_bind(struct obj *o);
void sw_do_listen(struct obj *o);
void sw_do_name(struct obj *o);
void sw_do_option(struct obj *o);
void sw_do_poll(struct obj *o);
void sw_do_epoll(struct obj *o);
void sw_do_fionread(struct obj *o);
void sw_do_dup(struct obj *o);
void sw_do_pass(struct obj *o);
void sw_do_fork(struct obj *o);

#endif /* SOCKWORLD_H */
