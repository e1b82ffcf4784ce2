/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.h - IP packets made by hand, from the attachment of neighbour.h
 */
#ifndef TESTS_PACKET_H
#define TESTS_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/lib/neighbour.h"
#include "base/net_bytes.h"

enum { P_ICMP4 = 1, P_IGMP = 2, P_TCP = 6, P_UDP = 17, P_ICMP6 = 58 };
enum { T_FIN = 1, T_SYN = 2, T_RST = 4, T_ACK = 16 };

/* A packet between two addresses of one family, with N bytes of zeros. */
void packet(struct frame *f, const uint8_t dst_mac[6], const char *src,
    const char *dst, unsigned proto, unsigned n);
bool packet_is4(const struct frame *f);
/* The protocol; 0: it is no IP. */
unsigned packet_proto(const struct frame *f);
/* What follows the IP header, and how much there is of it. */
uint8_t *packet_body(struct frame *f);
unsigned packet_len(const struct frame *f);
/* Fills in all checksums. */
void packet_seal(struct frame *f);
/* Whether they are right. */
bool packet_sealed(const struct frame *f);

/* The packet F is for PROTO. */
bool is_proto(const struct frame *f, const void *proto);
/*
 * The answer of TCP to the segment F: FLAGS, and N bytes of data, yet to be
 * filled in.  The sequence number is ours.
 */
void tcp_answer(struct frame *a, struct frame *f, uint32_t seq, unsigned flags,
    unsigned n);

#endif /* TESTS_PACKET_H */
