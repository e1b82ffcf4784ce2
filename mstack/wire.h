/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire.h - what mstack and the stack that it uses say to each other
 *
 * DOC: mstack runs a command whose sockets are those of a stack in another
 * process.  Three parties:
 *
 *	program  <== a pair of UNIX sockets for each of its sockets ==>  server
 *	   :                                                               |
 *	   : seccomp user notification                                     |
 *	   :                                                               |
 *	supervisor  <------------- a session: this file ------------------>'
 *
 * The server (mstack/serve, in the process that has the stack) owns a socket
 * of the stack and one end of a pair for each socket of the program.  The
 * program's descriptor is the other end.  So data, poll, epoll, dup, fork,
 * exec and passing a descriptor on are the kernel's, at the kernel's speed,
 * and what bounds the bytes under way are the buffers of the pair.
 *
 * The supervisor (mstack/launch) handles the system calls that a pair does not
 * answer as a socket of the network would.  It asks the server for what only
 * the stack knows, by requests over a session, which is a SOCK_SEQPACKET pair:
 * one message is one request or one reply.  Requests are answered in the order
 * in which they come to their end; CALL pairs them.
 *
 * How a session begins.  On the control socket of the server (shmif_ctl(5))
 * the operation "sockets" is asked for.  After its reply the server sends
 * struct mstack_greeting with one descriptor, the supervisor's end of the
 * session, and closes the connection.
 *
 * How a socket is named.  By the inode of the program's end of the pair, which
 * the kernel does not use twice.  The supervisor finds it from the descriptor
 * that the program named.  A server looks among the sockets of the session
 * only; one that came from another session (a descriptor that was passed on)
 * is ESTALE, and is taken over by MSTACK_ADOPT, whose message carries the
 * descriptor itself: who has it may use it.
 *
 * Datagrams.  Each datagram in a pair carries a descriptor, of a sealed memory
 * file with the address that it came from.  A program that reads natively does
 * not notice; the supervisor takes data, address and control messages from one
 * message.  When ICMP
 * has told of an error, and nothing is in the pair, a message without data is
 * put there: it wakes who polls or waits, and the supervisor asks for the error.
 *
 * Listeners.  Each connection that waits to be accepted is one message in the
 * pair of the listener: struct mstack_arrival, with the program's end of the
 * pair of the new connection.  So a listener is readable exactly while a
 * connection waits, and who reads the message has accepted it.
 *
 * Connecting without waiting.  The program's end is not to be writable before
 * the connection is there.  MSTACK_CONNECT carries the program's end; the
 * server makes its send buffer small and fills it, and undoes that at the end.
 *
 * How a program's end is known.  By a mark that the server sets on it: SO_LINGER
 * with MSTACK_MARK seconds, which has no effect on a UNIX socket.  What has no
 * mark is none of a stack's, whoever is at its other end.  It only says what a
 * descriptor is; what may be done with it, the server decides.
 *
 * When the server is gone.  A pair whose other end is closed is readable for
 * ever, and whoever waits for connections or datagrams by poll(2) would find
 * nothing, again and again.  So the supervisor has the server's end, too, of
 * listeners (from the reply to MSTACK_LISTEN) and of sockets for datagrams
 * (from that to MSTACK_SOCKET): these are silent then, as on a network that is
 * down.  Connections end.
 *
 * Both sides are on one machine and of one build or nearly: numbers are the
 * machine's, and MSTACK_VERSION changes with any layout here.  The server
 * trusts no request: each length and number is looked at.
 */
#ifndef MSTACK_WIRE_H
#define MSTACK_WIRE_H

#include <sys/socket.h>
#include <stdint.h>

#define MSTACK_VERSION 3u
#define MSTACK_GREETING 0x6b747332u

struct mstack_greeting {
	uint32_t magic;
	uint32_t version;
};

enum mstack_op {
	/*
	 * sock: the process that asks, only to be shown; arg: domain, type,
	 * protocol.  -> sock, a descriptor; of datagrams also the server's end
	 */
	MSTACK_SOCKET = 1,
	MSTACK_BIND,	 /* address */
	MSTACK_CONNECT,	 /* address; arg: not to be waited for, a descriptor */
	MSTACK_LISTEN,	 /* arg: backlog.  -> the server's end */
	MSTACK_SOCKNAME, /* -> address */
	MSTACK_PEERNAME, /* -> address */
	MSTACK_SETOPT,	 /* arg: level, name; data */
	MSTACK_GETOPT,	 /* arg: level, name, room.  -> data */
	MSTACK_SHUTDOWN, /* arg: how.  Whether it may be done to the pair */
	/*
	 * address or none; data, and behind it control messages.  arg: the
	 * length of these.  -> value: bytes
	 */
	MSTACK_SEND,
	MSTACK_IOCTL, /* arg: request; data.  -> data */
	MSTACK_ADOPT, /* a descriptor */
};

#define MSTACK_ADDR_MAX 128u	/* a struct sockaddr_storage */
#define MSTACK_CONTROL_MAX 512u /* control messages of a datagram */
/* Data of a request or reply. */
#define MSTACK_DATA_MAX (65536u + MSTACK_CONTROL_MAX)

/* Followed by addrlen bytes of address and datalen bytes of data. */
struct mstack_request {
	uint64_t call; /* comes back */
	uint64_t sock; /* inode */
	uint32_t op;
	int32_t arg[3];
	uint32_t addrlen;
	uint32_t datalen;
};

/* Likewise. */
struct mstack_reply {
	uint64_t call;
	uint64_t sock; /* of MSTACK_SOCKET */
	int32_t error; /* 0 or a positive errno value */
	int32_t value;
	uint32_t addrlen;
	uint32_t datalen;
};

#define MSTACK_MESSAGE_MAX \
	(sizeof(struct mstack_request) + MSTACK_ADDR_MAX + MSTACK_DATA_MAX)

/* See above. */
#define MSTACK_MARK 0x6d737461

/*
 * A connection that waits in a listener's pair; or, without a descriptor: the
 * server is gone, which is said once.
 */
struct mstack_arrival {
	uint32_t addrlen;
	struct sockaddr_storage addr; /* the peer's */
};

/*
 * The memory file of a datagram; or of a message of 0 bytes that is none, but
 * says that there is an error (SO_ERROR), for who waits for a datagram.
 */
struct mstack_source {
	uint32_t addrlen;
	uint32_t is_error;
	struct sockaddr_storage addr;
	uint32_t controllen;
	uint8_t control[MSTACK_CONTROL_MAX];
};

/* ---- asking the supervisor ---------------------------------------------- */

/*
 * A program under mstack (msocket(3), a nested mstack) asks its supervisor by
 * a system call that means nothing else: socket(2) with MSTACK_FAMILY, which
 * is no family, this number as the fourth argument, which socket(2) has not,
 * and a struct mstack_ask as the fifth.  Without a supervisor it fails.  HEARD
 * becomes 1 when a supervisor answers.
 */
#define MSTACK_FAMILY 0x6d73
#define MSTACK_ASK_KEY 0x8f3a61c5d2e97b04u
#define MSTACK_PATH_MAX 4096u

enum mstack_ask_what {
	MSTACK_ASK_SOCKET = 1, /* one on the stack PATH */
	MSTACK_ASK_DEFAULT,    /* the caller's and its children's default */
	MSTACK_ASK_PRESENT,    /* is there a supervisor? */
};

struct mstack_ask {
	uint32_t size; /* of this structure */
	uint32_t what;
	uint32_t heard;
	int32_t domain, type, protocol;
	uint64_t families; /* of MSTACK_ASK_DEFAULT: bit N is family N */
	uint64_t path;	   /* where the path is */
	uint32_t path_len; /* without a NUL */
	uint32_t reserved;
};

#endif /* MSTACK_WIRE_H */
