/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * print.c - a frame as one line of text
 *
 * Only numbers and our own words are printed, never bytes of a frame, so that a
 * frame cannot send control characters to a terminal.  Before a field is read,
 * it is checked that the frame is long enough to have it.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <time.h>

#include "base/addr.h"
#include "base/net_bytes.h"
#include "dumpbus/dump.h"

/* The part of a frame that is not yet printed. */
struct bytes {
	const uint8_t *p;
	size_t n;
};

/* Drops the first N bytes; all, when there are fewer. */
static void
advance(struct bytes *b, size_t n)
{
	if (n > b->n)
		n = b->n;
	b->p += n;
	b->n -= n;
}

/*
 * Writes NS, CLOCK_REALTIME, in local time to TEXT as in 2026-01-31
 * 23:59:59.123456789.  Returns TEXT.
 */
const char *
time_text(char text[TIME_TEXT], uint64_t ns)
{
	/* Most frames were sent in the same second as the one before. */
	static uint64_t last_second = UINT64_MAX;
	static char last[TIME_TEXT / 2];
	uint64_t second = ns / 1000000000u;

	if (second != last_second) {
		time_t t = (time_t)second;
		struct tm tm;

		if (localtime_r(&t, &tm) == NULL ||
		    strftime(last, sizeof(last), "%Y-%m-%d %H:%M:%S", &tm) == 0)
			snprintf(last, sizeof(last), "%" PRIu64, second);
		last_second = second;
	}
	snprintf(text, TIME_TEXT, "%s.%09u", last,
	    (unsigned)(ns % 1000000000u));
	return text;
}

/* The name of an ICMP or ICMPv6 type, or NULL. */
static const char *
icmp_name(int protocol, unsigned type)
{
	if (protocol == IPPROTO_ICMP)
		switch (type) {
		case 0:
			return "echo reply";
		case 3:
			return "unreachable";
		case 8:
			return "echo request";
		case 11:
			return "time exceeded";
		default:
			return NULL;
		}
	switch (type) {
	case 1:
		return "unreachable";
	case 2:
		return "packet too big";
	case 3:
		return "time exceeded";
	case 128:
		return "echo request";
	case 129:
		return "echo reply";
	case 133:
		return "router solicitation";
	case 134:
		return "router advertisement";
	case 135:
		return "neighbor solicitation";
	case 136:
		return "neighbor advertisement";
	default:
		return NULL;
	}
}

/* The flags of a TCP segment, with the letters that tcpdump uses. */
static void
print_tcp_flags(FILE *f, unsigned flags)
{
	static const char letters[] = "FSRP.U";

	fputs(" [", f);
	for (unsigned i = 0; letters[i] != '\0'; i++)
		if (flags & 1u << i)
			putc(letters[i], f);
	putc(']', f);
}

/*
 * Prints the addresses SRC and DST, of family FAMILY, and what the IP packet
 * carries.  B begins with the header of the upper protocol; it is empty if that
 * header is not in this frame.
 */
static void
print_upper(FILE *f, int family, const void *src, const void *dst, int protocol,
    struct bytes b)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	bool ports = (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) &&
	    b.n >= 4;

	inet_ntop(family, src, from, sizeof(from));
	inet_ntop(family, dst, to, sizeof(to));
	if (ports)
		fprintf(f, ": %s.%u > %s.%u", from, be16(b.p), to,
		    be16(b.p + 2));
	else
		fprintf(f, ": %s > %s", from, to);
	switch (protocol) {
	case IPPROTO_TCP:
		fputs(": TCP", f);
		if (b.n >= 14)
			print_tcp_flags(f, b.p[13]);
		break;
	case IPPROTO_UDP:
		fputs(": UDP", f);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		fputs(protocol == IPPROTO_ICMP ? ": ICMP" : ": ICMP6", f);
		if (b.n >= 1) {
			const char *name = icmp_name(protocol, b.p[0]);

			if (name != NULL)
				fprintf(f, " %s", name);
			else
				fprintf(f, " type %u", b.p[0]);
		}
		break;
	default:
		fprintf(f, ": protocol %d", protocol);
	}
}

static void
print_ipv4(FILE *f, struct bytes b)
{
	if (b.n < 20 || b.p[0] >> 4 != 4)
		return;
	const uint8_t *h = b.p;
	unsigned offset = be16(h + 6) & 0x1fff;
	size_t header = (size_t)(h[0] & 15) * 4;

	if (header < 20)
		return;
	advance(&b, header);
	if (offset != 0)
		b.n = 0; /* only the first fragment has the upper header */
	print_upper(f, AF_INET, h + 12, h + 16, h[9], b);
	if (be16(h + 6) & 0x3fff)
		fprintf(f, " fragment at %u", offset * 8);
}

static void
print_ipv6(FILE *f, struct bytes b)
{
	if (b.n < 40 || b.p[0] >> 4 != 6)
		return;
	const uint8_t *h = b.p;
	int protocol = h[6];

	advance(&b, 40);
	/* Multicast listener reports have hop-by-hop options. */
	if (protocol == IPPROTO_HOPOPTS && b.n >= 8) {
		protocol = b.p[0];
		advance(&b, ((size_t)b.p[1] + 1) * 8);
	}
	print_upper(f, AF_INET6, h + 8, h + 24, protocol, b);
}

static void
print_arp(FILE *f, struct bytes b)
{
	char sender[INET_ADDRSTRLEN], target[INET_ADDRSTRLEN];
	char mac[MAC_TEXT];

	/* Only ARP for IPv4 on Ethernet is understood. */
	if (b.n < 28 || be16(b.p) != 1 || be16(b.p + 2) != 0x0800 ||
	    b.p[4] != 6 || b.p[5] != 4)
		return;
	inet_ntop(AF_INET, b.p + 14, sender, sizeof(sender));
	inet_ntop(AF_INET, b.p + 24, target, sizeof(target));
	switch (be16(b.p + 6)) {
	case 1:
		fprintf(f, ": who-has %s tell %s", target, sender);
		break;
	case 2:
		fprintf(f, ": %s is-at ", sender);
		fputs(mac_text(b.p + 8, mac), f);
		break;
	default:
		fprintf(f, ": operation %u", be16(b.p + 6));
	}
}

/*
 * Prints FRAME to F as one line: the time, the position on the bus, the
 * attachment that sent it, the hardware addresses, the type, the length, and a
 * summary of what it carries.
 */
void
print_frame(FILE *f, const struct shmbus_frame *frame)
{
	struct bytes b = { frame->data, frame->len };
	char when[TIME_TEXT], mac[MAC_TEXT];

	fprintf(f, "%s #%" PRIu64 " from %" PRIu32,
	    time_text(when, frame->time_ns), frame->position, frame->sender);
	if (b.n < 14) {
		fprintf(f, ", length %" PRIu32 "\n", frame->len);
		return;
	}
	putc(' ', f);
	fputs(mac_text(b.p + 6, mac), f);
	fputs(" > ", f);
	fputs(mac_text(b.p, mac), f);
	advance(&b, 12);
	unsigned type = be16(b.p);
	if (type == 0x8100 && b.n >= 6) {
		fprintf(f, ", vlan %u", be16(b.p + 2) & 0xfff);
		advance(&b, 4);
		type = be16(b.p);
	}
	advance(&b, 2);
	fprintf(f, ", %s (0x%04x), length %" PRIu32,
	    type == 0x0800     ? "IPv4" :
		type == 0x86dd ? "IPv6" :
		type == 0x0806 ? "ARP" :
		type < 0x0600  ? "802.3" :
				 "ethertype",
	    type, frame->len);
	switch (type) {
	case 0x0800:
		print_ipv4(f, b);
		break;
	case 0x86dd:
		print_ipv6(f, b);
		break;
	case 0x0806:
		print_arp(f, b);
		break;
	}
	putc('\n', f);
}
