/* SPDX-License-Identifier: BSD-2-Clause */
/* vdeurl.c - seeds: each option, and how it can be wrong */
#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"

static const char *const urls[] = {
	"/tmp/bus",
	"bus\nclient",
	"/tmp/bus[mtu=9000/slots=64/mode=640/name=q1/mac=02:00:00:00:00:09/"
	"learn]",
	"/tmp/bus[promisc]\nqemu",
	"/tmp/bus[promisc/learn]",
	"/tmp/bus[mtu=9000",
	"/tmp/bus[mtu=9000]x",
	"/tmp/bus[mode=40000000644]",
	"/tmp/bus[mac=00:00:00:00:00:00]",
	"/tmp/bus[mac=01:02:03:04:05:06]",
	"/tmp/bus[mtu=0/slots=3]",
	"/tmp/bus[speed=9]",
	"/tmp/bus[mtu]",
	"/tmp/bus[/]",
	"[mtu=1500]",
	"",
	"]",
};

void
fuzz_seeds(fuzz_emit *emit)
{
	char name[20];

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		snprintf(name, sizeof(name), "url-%zu", i);
		emit(name, urls[i], strlen(urls[i]));
	}
}
