/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/lwiperf.h - read before lwIP's lwiperf.c
 *
 * It sends TCP_MSS bytes at a time out of an array of 1600, so with the largest
 * segment of this build it would send what lies behind the array.
 */
#include <lwip/opt.h>

#undef TCP_MSS
#define TCP_MSS 1460
