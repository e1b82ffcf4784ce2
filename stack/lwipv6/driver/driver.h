/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver.h - what the files of the driver share (not installed)
 */
#ifndef SHMIF_LWIPV6_DRIVER_H
#define SHMIF_LWIPV6_DRIVER_H

#include "stack/lwipv6/ctl/ctl.h"
#include "stack/lwipv6/sock/sock.h"

/*
 * driver/layout.c: whether the library that is loaded has the layout of abi.h;
 * finds out once.  0, ENOMEM or ENOTSUP, with a message on stderr.
 */
int layout_check(struct stack *stack);

/*
 * driver/frames.c: buffer(), drop() and input() of shmif/stack.h, on the
 * stack's thread.
 */
void *port_buffer(struct unit *u, uint32_t len, uint8_t **data);
void port_drop(void *buffer);
enum stack_verdict port_input(struct unit *u, void *buffer, uint8_t *data,
    uint32_t len);

#endif /* SHMIF_LWIPV6_DRIVER_H */
