/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ops_sock.c - the stack's sockets: for other programs, and to be looked at
 *
 * DOC: The operation "sockets" is only a door: when its reply was taken, the
 * connection is handed to mstack/serve, which speaks another protocol
 * (mstack/wire.h) and has a thread of its own.
 *
 * "socket_list" shows what the stack's seam tells (struct ctl_sock).  What the
 * types and states are called is in two tables here, for all stacks.  The name
 * of the process that a socket belongs to is looked up when it is shown; it is
 * a claim of a program, and cleaned as one.
 */
#include <sys/socket.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "shmif/stack.h"
#include "ctl/serve/server.h"

static int
op_sockets(struct call *c)
{
	if (the_stack.sock == NULL)
		return fail(c, EOPNOTSUPP,
		    "the stack %s has no sockets for other programs",
		    c->env->stack_name);
	c->env->hand_over = true;
	return 0;
}

/* ---- looking ------------------------------------------------------------- */

static const char *const types[CTL_SOCK_TYPES] = {
	[CTL_TCP] = "tcp",
	[CTL_UDP] = "udp",
	[CTL_UDPLITE] = "udplite",
	[CTL_RAW] = "raw",
	[CTL_PACKET] = "packet",
	[CTL_NETLINK] = "netlink",
};

static const char *const states[CTL_SOCK_STATES] = {
	[CTL_SOCK_CLOSED] = "closed",
	[CTL_SOCK_LISTEN] = "listen",
	[CTL_SOCK_SYN_SENT] = "syn-sent",
	[CTL_SOCK_SYN_RECEIVED] = "syn-received",
	[CTL_SOCK_ESTABLISHED] = "established",
	[CTL_SOCK_FIN_WAIT_1] = "fin-wait-1",
	[CTL_SOCK_FIN_WAIT_2] = "fin-wait-2",
	[CTL_SOCK_CLOSE_WAIT] = "close-wait",
	[CTL_SOCK_CLOSING] = "closing",
	[CTL_SOCK_LAST_ACK] = "last-ack",
	[CTL_SOCK_TIME_WAIT] = "time-wait",
};

static void
add_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void
add_int(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_int64((int64_t)value));
}

/* A process that was looked up. */
struct process {
	int pid;
	char name[32]; /* "": it is gone */
};

static void
look_up(struct process *p, int pid)
{
	char path[40], text[sizeof(p->name)] = "";
	FILE *f;

	p->pid = pid;
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if ((f = fopen(path, "re")) != NULL) {
		if (fgets(text, (int)sizeof(text), f) == NULL)
			text[0] = '\0';
		fclose(f);
	}
	text[strcspn(text, "\n")] = '\0';
	utf8_clean(p->name, text, sizeof(text) - 1);
}

/* Whose S is; LAST remembers the process that was looked up before. */
static void
show_owner(struct json_object *o, const struct ctl_sock *s,
    struct process *last)
{
	int pid = s->owner == CTL_OWNER_SELF ? (int)getpid() : s->owner;

	if (s->owner == CTL_OWNER_NONE)
		return;
	if (last->pid != pid)
		look_up(last, pid);
	add_int(o, "pid", (uint64_t)pid);
	if (last->name[0] != '\0')
		add_string(o, "program", last->name);
	if (s->number >= 0)
		add_int(o, "number", (uint64_t)s->number);
}

static struct json_object *
show_sock(const struct ctl_sock *s, struct process *last)
{
	bool ip = s->type != CTL_PACKET && s->type != CTL_NETLINK;
	struct json_object *o = json_object_new_object();
	char text[ADDR_TEXT];

	add_string(o, "type", types[s->type]);
	add_string(o, "state", states[s->state]);
	if (ip) {
		add_string(o, "family",
		    s->family == AF_INET ? "inet" : "inet6");
		ip_text(s->local, text);
		add_string(o, "local", text);
		ip_text(s->remote, text);
		add_string(o, "remote", text);
	}
	if (s->type == CTL_RAW || s->type == CTL_PACKET) {
		add_int(o, "protocol", (uint64_t)s->protocol);
	} else if (ip) {
		add_int(o, "local_port", s->local_port);
		add_int(o, "remote_port", s->remote_port);
	}
	if (s->has_queues) {
		add_int(o, "recv_q", s->recv_q);
		add_int(o, "send_q", s->send_q);
	}
	show_owner(o, s, last);
	return o;
}

static int
op_socket_list(struct call *c)
{
	struct process last = { .pid = -1 };
	struct json_object *list;
	struct ctl_sock *s;
	unsigned i, n, omitted;
	int error;

	error = STACK_CALL(c->env, sockets, c->env->stack, &s, &n, &omitted);
	if (error != 0)
		return failed(c, "", "", error);
	list = json_object_new_array_ext((int)n + 1);
	for (i = 0; i < n; i++)
		json_object_array_add(list, show_sock(&s[i], &last));
	free(s);
	json_object_object_add(c->result, "sockets", list);
	add_int(c->result, "omitted", omitted);
	return 0;
}

const struct op ops_sock[] = {
	{ "sockets", op_sockets, { { 0 } }, true, true },
	{ "socket_list", op_socket_list, { { 0 } }, false, false },
	{ 0 },
};
