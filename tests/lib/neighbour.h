/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neighbour.h - a neighbour that is not lwipv6: an attachment of the test's
 *	own, which speaks ARP and neighbour discovery by hand
 */
#ifndef TESTS_NEIGHBOUR_H
#define TESTS_NEIGHBOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/lib/must.h"

#define PATIENCE_MS 60000 /* for what must come */
#define SILENCE_MS 200	  /* for what must not */

struct shmbus;
struct frame {
	uint8_t b[1600];
	uint32_t len;
};

extern const uint8_t our_mac[6], all_mac[6], broadcast[6];
extern struct shmbus *bus;  /* our attachment */
extern uint8_t unit_mac[6]; /* the unit beside us */
extern int unit;

/* Makes a bus, both, and gives the unit ADDR, if that is not NULL. */
void set_up(const char *addr);

void ip6(uint8_t *to, const char *text);
/* An ICMPv6 message with BODY bytes yet to come; then its checksum. */
void icmp6(struct frame *f, const uint8_t dst_mac[6], const char *src,
    const char *dst, uint8_t type, uint32_t body);
void seal(struct frame *f);
bool sealed(const struct frame *f);
void send_frame(const struct frame *f);
/* A neighbour solicitation, with OPTION or without. */
void solicit(const uint8_t dst_mac[6], const char *src, const char *dst,
    const char *target, bool option);
/* An advertisement to all that TARGET is at our_mac. */
void advertise(const char *target, uint8_t flags);
/* An ARP request from our_mac. */
void arp(const char *sender, const char *target);

int64_t now_ms(void);
/* Receives until WANTED(F, ARG) or MS have gone by. */
bool expect(struct frame *f, bool (*wanted)(const struct frame *, const void *),
    const void *arg, int ms);
/* An advertisement of the address ARG, in text. */
bool is_advert(const struct frame *f, const void *arg);
/* A right one with FLAGS to DST_MAC and DST. */
bool right_advert(const struct frame *f, const uint8_t dst_mac[6],
    const char *dst, uint8_t flags);
/* The type of ICMPv6 or ARP that ARG points to. */
bool is_type(const struct frame *f, const void *arg);
bool is_arp(const struct frame *f, const void *arg);
/* A probe for a duplicate of an address with the prefix ARG. */
bool is_probe(const struct frame *f, const void *arg);

#endif /* TESTS_NEIGHBOUR_H */
