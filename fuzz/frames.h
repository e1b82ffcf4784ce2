/* SPDX-License-Identifier: BSD-2-Clause */
/* frames.h - the language of frames.c's inputs, for its seeds and mutator */
#ifndef FUZZ_FRAMES_H
#define FUZZ_FRAMES_H

/*
 * An input: a byte, of which bit 0 says which stack (0: a host, 1: a router);
 * then records: u8 op, u16 n, n bytes.  An op below FRAME_OPS is a frame, and
 * its bits say what is put right in it before it is sent:
 */
enum frame_op {
	FIX_MAC = 1,	/* the destination: the stack's, unless it is a group */
	FIX_LENGTH = 2, /* of IP, UDP and IPv6 from what is there */
	FIX_SUM = 4,	/* all checksums that the lengths allow */
	FIX_FLOW = 8,	/* TCP: ports, and sequence and acknowledgment numbers
			  counted from those of the connection that is open;
			  fragments: one datagram; DHCP: the transaction */
	FRAME_OPS = 16,
	/* Others, and what their bytes are: */
	OP_WARP = 16, /* u16: so many hundredths of a second go by at once */
	OP_AGAIN,     /* u8 n, u16 at, i8 step: the last frame n times more, its
			 byte AT growing by STEP */
	OP_SOCKET,    /* u8 enum socket_op, u16 argument */
	OP_END,	 /* u8: an input ends, and another one for this stack begins */
	OP_STOP, /* nothing more is read */
	OPS
};

enum socket_op {
	SOCK_SEND,   /* on the open connection, so many bytes */
	SOCK_SENDTO, /* UDP, so many bytes, above the MTU too */
	SOCK_SENDTO6,
	SOCK_CLOSE,    /* the open connection */
	SOCK_SHUTDOWN, /* its sending side */
	SOCK_DOWN,     /* the interface, and up again */
	SOCK_OPEN,     /* opens a connection anew, by IPv6 where odd */
	SOCK_RAW_ECHO, /* an echo request by a raw socket */
	SOCK_OPS
};

#define RECORD_HEAD 3u
#define FRAME_SIZE 1700u /* the longest that is taken from an input */

#endif /* FUZZ_FRAMES_H */
