/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * addr.h - addresses in bytes, and their text
 *
 * An IP address has 16 bytes.  An IPv4 one is ::ffff:a.b.c.d (RFC 4291,
 * 2.5.5.2), and the length of its prefix is counted from the first of the 128
 * bits: a /24 is 120.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#define ADDR_PREFIX_NONE 255u /* no prefix was given */

/* Whether IP is an IPv4 address. */
bool addr_is_v4(const uint8_t ip[16]);
/* The 16 bytes of the IPv4 address V4, of 4 bytes in network byte order. */
void addr_from_v4(const void *v4, uint8_t ip[16]);
/*
 * Reads TEXT, "ADDRESS" or "ADDRESS/PREFIX".  Without a prefix *PREFIX is
 * ADDR_PREFIX_NONE.  False: TEXT is no address.
 */
bool addr_parse(const char *text, uint8_t ip[16], unsigned *prefix);

/* ---- hardware addresses ------------------------------------------------- */

#define MAC_TEXT 18 /* "b2:a0:01:02:03:04" and its NUL */

/* Reads six numbers of one or two hexadecimal digits, with colons between. */
bool mac_parse(const char *text, uint8_t mac[6]);
/* Returns TEXT. */
const char *mac_text(const uint8_t mac[6], char text[MAC_TEXT]);

#endif /* BASE_ADDR_H */
