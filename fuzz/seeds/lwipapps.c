/* SPDX-License-Identifier: BSD-2-Clause */
/* lwipapps.c - seeds: what the peers of lwIP's applications say */
#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/lwipapps.h"
#include "tests/lib/wallframes.h"

static struct seed s;

static void
begin(enum app app)
{
	s.n = 0;
	put8(&s, app);
}

static void
say(unsigned what, const void *bytes, size_t n)
{
	put8(&s, what);
	put16le(&s, (unsigned)n);
	put_bytes(&s, bytes, n);
}

static void
say_hex(unsigned what, const char *digits)
{
	struct pkt p = { .n = 0 };

	hex(&p, digits);
	say(what, p.b, p.n);
}

static void
say_text(const char *text)
{
	say(OP_BYTES, text, strlen(text));
}

static void
warp(unsigned tenths)
{
	static const uint8_t zeros[256];

	say(OP_WARP, zeros, tenths);
}

#define NAME4 \
	"076578616d706c65" \
	"03636f6d" \
	"00"
#define V1_GET \
	"302602010004067075626c6963a0190201010201000201003" \
	"00e300c06082b060102010101000500"

static void
datagrams(fuzz_emit *emit)
{
	begin(APP_SNMP);
	say_hex(0, V1_GET);
	say_hex(DATAGRAM_PIECES, V1_GET);
	/* GETBULK by version 2c, and a SET. */
	say_hex(0,
	    "302602010104067075626c6963a5190201020201000201053"
	    "00e300c06082b060102010101000500");
	say_hex(0,
	    "302b020101040770726976617465a31d020103020100020100301"
	    "2301006082b06010201010500040474657374");
	emit("snmp", s.b, s.n);
	begin(APP_SNMP);
	/* The discovery of an engine, and a request of a user without keys. */
	say_hex(0,
	    "303e020103301102047ca75e3502030"
	    "0ffe304010402010304103"
	    "00e0400020100020100040004000400301404000400a00e02044"
	    "2c2e2c00201000201003000");
	say_hex(0,
	    "3069020103301002030100000203"
	    "00ffe3040104020103"
	    "042130"
	    "1f040a80007ed90473686d696602010102010104047573657204"
	    "000400302f040a80007ed90473686d69660400a01f020101020100"
	    "0201003014301206082b0601020101010006062b0601020101");
	emit("snmp3", s.b, s.n);
	begin(APP_TFTP);
	say(0, "\0\1l\0octet\0", 10);
	say(0, "\0\4\0\1", 4);
	say(DATAGRAM_PIECES, "\0\4\0\2", 4);
	say(0, "\0\5\0\1no\0", 7);
	warp(150);
	say(0, "\0", 1);
	emit("tftp-read", s.b, s.n);
	begin(APP_TFTP);
	say(0, "\0\2w\0octet\0", 10);
	say(0, "\0\3\0\1text", 8);
	say(0, "\0\3", 2);
	say(0, "", 0);
	emit("tftp-write", s.b, s.n);
	begin(APP_NETBIOS);
	/* FUZZED, and a question about its state. */
	say_hex(0,
	    "123401100001000000000000"
	    "20454746464650464945464544434143414341434143414341434143"
	    "41434143410000200001");
	say_hex(0,
	    "123400000001000000000000"
	    "20434b4141414141414141414141414141414141414141414141414141"
	    "41414100002100"
	    "01");
	emit("netbios", s.b, s.n);
	begin(APP_MDNS);
	warp(100);
	say_hex(0,
	    "000000000001000000000000"
	    "0666757a7a6564056c6f63616c0000010001");
	say_hex(0,
	    "000000000002000000000000"
	    "055f68747470045f746370056c6f63616c00000c8001"
	    "c00c00ff0001");
	/* One that has known answers, and a legacy question. */
	say_hex(0,
	    "000000000001000100000000"
	    "055f68747470045f746370056c6f63616c00000c0001"
	    "c00c000c0001000000780006"
	    "03776562c00c");
	say_hex(DATAGRAM_ALONE,
	    "000700000001000000000000"
	    "0666757a7a6564056c6f63616c0000ff0001");
	/* An answer. */
	say_hex(0,
	    "000084000000000100000000"
	    "0666757a7a6564056c6f63616c0000018001000000780004"
	    "0a000009");
	emit("mdns", s.b, s.n);
	begin(APP_DNS);
	say_hex(DATAGRAM_REPEATS,
	    "000081800001000200000000"
	    "026e31076578616d706c65036f72670000010001"
	    "c00c00050001000000100002c00c"
	    "c00c000100010000001000040a000005");
	emit("dns", s.b, s.n);
	begin(APP_DNS);
	say_hex(DATAGRAM_REPEATS | DATAGRAM_PIECES,
	    "000081830001000000000000"
	    "026e31076578616d706c65036f72670000010001");
	warp(50);
	emit("dns-none", s.b, s.n);
	begin(APP_SNTP);
	say_hex(DATAGRAM_REPEATS,
	    "240206e700000000000000000a000001"
	    "e8000000000000000000000000000000"
	    "e800000000000000e800000000000000");
	emit("sntp", s.b, s.n);
	begin(APP_DHCP6);
	say_hex(DATAGRAM_REPEATS,
	    "07000000"
	    "0001000e000100012a000000020000000001"
	    "0002000e000100012b000000020000000002"
	    "00170010fd000000000000000000000000000002"
	    "0018000d0765"
	    "78616d706c65036f726700");
	emit("dhcp6", s.b, s.n);
}

static void
dhcp_message(unsigned type)
{
	struct pkt p = { .n = 0 };

	hex(&p,
	    "02010600000000000000000000000000"
	    "0a0000050a00000200000000020000000001");
	while (p.n < 236)
		p.b[p.n++] = 0;
	hex(&p, "638253633501");
	p.b[p.n++] = (uint8_t)type;
	hex(&p,
	    "36040a0000020104ffffff0033040000"
	    "0e1003040a00000206080a0000020a0000030f03616263"
	    "2a040a0000023401033a04000007083b0400000c4eff");
	say(DATAGRAM_REPEATS, p.b, p.n);
}

static void
streams(fuzz_emit *emit)
{
	begin(APP_DHCP);
	dhcp_message(2);
	dhcp_message(5);
	warp(100);
	dhcp_message(6);
	emit("dhcp", s.b, s.n);
	begin(APP_HTTPD);
	say_text("GET /c?a=1&b=%20&c HTTP/1.1\r\nHost: x\r\n"
		 "Connection: keep-alive\r\n\r\n");
	say_text("GET / HTT");
	say_text("P/1.0\r\n\r\n");
	emit("httpd", s.b, s.n);
	begin(APP_HTTPD);
	say_text("POST /c HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
	emit("httpd-post", s.b, s.n);
	begin(APP_HTTPD);
	say_text("GET /no.html\r\n");
	say(OP_CLOSE, "", 0);
	emit("httpd-0.9", s.b, s.n);
	begin(APP_HTTPS);
	say_hex(0,
	    "160301002f0100002b0303"
	    "00000000000000000000000000000000"
	    "00000000000000000000000000000000"
	    "000004009c002f0100");
	say_hex(0, "15030300020100");
	emit("https", s.b, s.n);
	begin(APP_IPERF);
	say_hex(0,
	    "000000000000000100001389000000000000000000000000"
	    "30313233343536373839303132333435");
	emit("iperf", s.b, s.n);
	begin(APP_IPERF);
	say_hex(0,
	    "800000010000000100001389000000000000000000000000"
	    "30313233343536373839303132333435");
	warp(10);
	emit("iperf-both", s.b, s.n);
	begin(APP_MQTT);
	say_hex(0, "20020000");
	say_hex(0, "9003000101");
	say_hex(0, "320f0005746f7069630005746578742e2e");
	say_hex(0, "50020002");
	say_hex(0, "70020002");
	say_hex(0, "300b0005746f7069");
	say_hex(0, "6374657874d000");
	say(OP_CLOSE, "", 0);
	emit("mqtt", s.b, s.n);
	begin(APP_MQTT);
	say_hex(0, "20020000");
	say_hex(0, "3080808080808080808080808080");
	emit("mqtt-length", s.b, s.n);
	begin(APP_HTTPC);
	say_text("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n");
	say_text("Content-Type: text/plain\r\n\r\ntext");
	emit("httpc", s.b, s.n);
	begin(APP_SMTP);
	say_text("220 here\r\n");
	say_text("250-here\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE\r\n");
	say_text("235 in\r\n");
	say_text("250 ok\r\n");
	say_text("250 ok\r\n");
	say_text("354 go\r\n");
	say_text("250 ok\r\n");
	say_text("221 bye\r\n");
	emit("smtp", s.b, s.n);
	begin(APP_PROXY);
	say_text("HTTP/1.1 200 OK\r\n\r\n");
	say_text("bytes");
	emit("proxy", s.b, s.n);
}

/* A text of N times C. */
static const char *
many(char c, size_t n)
{
	static char text[1024];

	memset(text, c, n);
	text[n] = '\0';
	return text;
}

/* What each of them did not bear, before it was mended. */
static void
harmful(fuzz_emit *emit)
{
	char line[80];

	begin(APP_HTTPD);
	/* A length at whose end a buffer ends, too. */
	snprintf(line, sizeof(line), "GET /c?a=1%.50s\r\n\r\n", many('x', 50));
	say_text(line);
	emit("http-no-version", s.b, s.n);
	begin(APP_HTTPC);
	say_text("HTTP/1.1 200\r\nServer:long-name of-it\r\n\r\n");
	emit("httpc-no-phrase", s.b, s.n);
	begin(APP_HTTPC);
	say_text("HTTP/1.1 200 OK\r\nContent-Length: ");
	say_text(many('0', 900));
	say_text("\r\n\r\n");
	emit("httpc-long-number", s.b, s.n);
	begin(APP_SMTP);
	say_text("220 here\r\n");
	say_text("250-here\r\n250-AUTH ");
	say_text(many('X', 900));
	say_text("\r\n250 SIZE\r\n");
	emit("smtp-long-auth", s.b, s.n);
	begin(APP_MQTT);
	say_hex(0, "20020000");
	say_text(many((char)0x80, 600));
	emit("mqtt-endless-length", s.b, s.n);
	begin(APP_IPERF);
	say_hex(0,
	    "800000010000000100000007000000000000000000000000"
	    "30313233343536373839303132333435");
	warp(30);
	say(OP_CLOSE, "x", 1);
	warp(200);
	emit("iperf-reset", s.b, s.n);
	begin(APP_NETBIOS);
	say_hex(0,
	    "123401100001000000000000"
	    "20454746464650464945464544434143414341434143414341434143"
	    "414341434143414341434143414341434143414341434143");
	emit("netbios-endless-name", s.b, s.n);
	begin(APP_SNMP);
	/* A SET that fails is copied into the answer, from fragments. */
	say_hex(DATAGRAM_PIECES,
	    "302b020101040770726976617465a31d020103020100020100301"
	    "2301006082b06010201010500040474657374");
	emit("snmp-pieces", s.b, s.n);
}

void
fuzz_seeds(fuzz_emit *emit)
{
	datagrams(emit);
	streams(emit);
	harmful(emit);
}
