/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wall/ext6.c - extension headers of IPv6
 *
 * DOC: The fault: lwipv6 knows no extension header: a packet for itself that
 * has one it throws away, or, with a fragment header, reads after it has freed
 * it.
 *
 * The cure: RFC 8200, 4.  wall_ext6() walks from header to header as the
 * destination of a packet does, and says where the walk ends and why.  What
 * follows from that, an ICMP message or the packet without these headers, is
 * made by ip/ext.c.  Like the rest of the wall it is a pure function on bytes
 * that nobody has looked at yet.
 *
 *	hop-by-hop	The first or none: elsewhere it is an unknown header
 *			(4.3).  Options as below; a router alert (RFC 2711) is
 *			noted.
 *	destination	Options as below.
 *	routing		Without segments left it is skipped, whatever its type
 *			(4.4).  We are no waypoint: segments left are a parameter
 *			problem at the type (RFC 5095, 3 too).
 *	fragment	Of a whole datagram (RFC 6946): the walk goes on behind
 *			it.  Else it ends there; but the first fragment has to
 *			hold all headers (RFC 7112; problem 3), all but the last
 *			a length in eights (problem 0 at the payload length), and
 *			none may end behind 65535 bytes (problem 0 at the offset).
 *	none (59)	The end, without a word (4.7).
 *	others		The upper layer.  It may not know the protocol; then the
 *			pointer of its message is NAMED.
 *
 * Of an option that we do not know the upper two bits of its type say what to do
 * (4.2): skip it, drop the packet, and with a message (problem 2 at the
 * option), also to a group or not.
 *
 * A header that ends behind the packet's end, and an option behind its header's,
 * are dropped without a word, as Linux does: what stands where cannot be known.
 * The walk takes at most WALL_HEADERS_MAX headers (RFC 8504, 5.3), each at most
 * 2048 bytes of options, and each option takes it forward.
 */
#include "stack/lwipv6/wall/parts.h"

enum { OPT_PAD1 = 0, OPT_PADN = 1, OPT_ALERT = 5 };
enum { CODE_FIELD = 0, CODE_NEXT = 1, CODE_OPTION = 2, CODE_CHAIN = 3 };
#define PAYLOAD_AT 4u /* of the payload length in the IPv6 header */
#define GO_ON (-1)

static enum wall_ext_end
problem(struct wall_ext *e, unsigned code, size_t pointer,
    enum wall_reason reason)
{
	e->code = (uint8_t)code;
	e->named = (uint32_t)pointer;
	e->reason = reason;
	return WALL_EXT_PROBLEM;
}

static enum wall_ext_end
drop(struct wall_ext *e, enum wall_reason reason)
{
	e->reason = reason;
	return WALL_EXT_DROP;
}

/* The options at IP between AT and END.  GO_ON, or how the walk ends. */
static int
options(const uint8_t *ip, size_t at, size_t end, int hop, struct wall_ext *e)
{
	while (at < end) {
		unsigned type = ip[at];
		size_t l;

		if (type == OPT_PAD1) {
			at++;
			continue;
		}
		if (end - at < 2 || (l = ip[at + 1] + 2u) > end - at)
			return (int)drop(e, WALL_IP6_EXTENSION);
		if (hop && type == OPT_ALERT && l == 4) {
			e->alert = 1;
		} else if (type >> 6 == 1) {
			return (int)drop(e, WALL_OPTION);
		} else if (type >> 6 > 1) {
			e->many = type >> 6 == 2;
			return (int)problem(e, CODE_OPTION, at, WALL_OPTION);
		}
		at += l;
	}
	return GO_ON;
}

/* Whether the N bytes at P begin with all of the header of PROTO. */
static int
has_header(unsigned proto, size_t n)
{
	return n >= (proto == P_TCP	     ? TCP :
			    proto == P_UDP   ? UDP :
			    proto == P_ICMP6 ? 4u :
			    proto == X_NONE  ? 0u :
					       1u);
}

int
wall_upper6(const uint8_t *ip, size_t len, size_t *at)
{
	unsigned next = ip[6];
	size_t i = IP6;

	for (unsigned n = 0; n <= WALL_HEADERS_MAX; n++) {
		size_t l = 8;

		if (next != X_HOP && next != X_ROUTING && next != X_DEST &&
		    next != X_FRAGMENT) {
			*at = i;
			return (int)next;
		}
		if (len - i < 8)
			return -1;
		if (next != X_FRAGMENT)
			l = ((size_t)ip[i + 1] + 1) * 8;
		else if (be16(ip + i + 2) & 0xfff8)
			return -1;
		if (l > len - i)
			return -1;
		next = ip[i];
		i += l;
	}
	return -1;
}

/* The fragment header at AT.  GO_ON, or how the walk ends. */
static int
fragment(const uint8_t *ip, size_t len, size_t at, int whole,
    struct wall_ext *e)
{
	unsigned offset, more;
	size_t n, upper;
	int proto;

	if (len - at <= 8)
		return (int)drop(e, WALL_IP6_FRAGMENT);
	if (whole)
		return (int)problem(e, CODE_FIELD, e->named, WALL_IP6_FRAGMENT);
	offset = be16(ip + at + 2) & 0xfff8;
	more = ip[at + 3] & 1;
	n = len - at - 8;
	if (offset == 0 && !more) {
		e->atomic = 1;
		return GO_ON;
	}
	if (more && n % 8 != 0)
		return (
		    int)problem(e, CODE_FIELD, PAYLOAD_AT, WALL_IP6_FRAGMENT);
	if (offset + n > UINT16_MAX)
		return (int)problem(e, CODE_FIELD, at + 2, WALL_IP6_FRAGMENT);
	if (offset == 0) {
		proto = wall_upper6(ip, len, &upper);
		if (proto == -1 || !has_header((unsigned)proto, len - upper))
			return (
			    int)problem(e, CODE_CHAIN, 0, WALL_IP6_FRAGMENT);
	}
	/* A buffer holds no more with the IPv6 header before it. */
	if (IP6 + offset + n > UINT16_MAX)
		return (int)drop(e, WALL_LONG);
	e->next = ip[at];
	e->at = (uint32_t)at;
	return WALL_EXT_FRAGMENT;
}

/* The header NEXT at AT, which is not behind the end; *L becomes its length. */
static int
header(const uint8_t *ip, size_t len, size_t at, unsigned next, int whole,
    struct wall_ext *e, size_t *l)
{
	*l = 8;
	if (next == X_FRAGMENT)
		return fragment(ip, len, at, whole, e);
	if (len - at < 8 || (*l = ((size_t)ip[at + 1] + 1) * 8) > len - at)
		return (int)drop(e, WALL_IP6_EXTENSION);
	if (next != X_ROUTING)
		return options(ip, at + 2, at + *l, next == X_HOP, e);
	if (ip[at + 3] != 0)
		return (int)problem(e, CODE_FIELD, at + 2, WALL_IP6_EXTENSION);
	return GO_ON;
}

enum wall_ext_end
wall_ext6(const uint8_t *ip, size_t len, int whole, struct wall_ext *e)
{
	unsigned next = ip[6];
	size_t at = IP6, l;
	int end;

	*e = (struct wall_ext){ .named = 6 };
	for (unsigned n = 0; n <= WALL_HEADERS_MAX; n++) {
		if (next == X_NONE)
			return WALL_EXT_NONE;
		if (next == X_HOP && at != IP6)
			return problem(e, CODE_NEXT, e->named,
			    WALL_IP6_EXTENSION);
		if (next != X_HOP && next != X_ROUTING && next != X_DEST &&
		    next != X_FRAGMENT) {
			e->next = (uint8_t)next;
			e->at = (uint32_t)at;
			return WALL_EXT_UPPER;
		}
		end = header(ip, len, at, next, whole, e, &l);
		if (end != GO_ON)
			return (enum wall_ext_end)end;
		e->named = (uint32_t)at;
		next = ip[at];
		at += l;
	}
	return drop(e, WALL_IP6_EXTENSION);
}
