/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eth_driver.h - an Ethernet device on a bus in a file, for a simulator
 *
 * A simulator that runs an embedded system as a process of the host opens a tap
 * for its network, and so needs root.  This pair of files takes the tap's place:
 * it is C99, needs libshmbus.a and nothing else, and starts no thread, but one if
 * somebody asks for the descriptor (with SHMBUS_FD=io_uring none, see shmbus(3)).
 * docs/simulators.md shows where it goes.
 *
 * THREADS.  One thread at a time may send, and one at a time may receive, which
 * are poll, recv, wait and fd; the two do not disturb each other.  The other
 * functions may be called at any time between open and close.
 *
 * ERRORS are positive errno values, whose text is shmbus_strerror().
 */
#ifndef ETH_DRIVER_H
#define ETH_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A device.  Opaque. */
struct eth_driver;

/*
 * Opens a device on the bus PATH, which is made where there is none (MTU 1500).
 * MAC NULL: a random one.  NAME is what shmifctl bus shows; NULL: the program's.
 * On success 0, and *DRIVER is the device, to be closed by eth_driver_close();
 * else an error, which is also told on stderr.
 */
int eth_driver_open(struct eth_driver **driver, const char *path,
    const uint8_t mac[6], const char *name);
/* Closes DRIVER and frees it.  NULL is allowed. */
void eth_driver_close(struct eth_driver *driver);

/* Its MAC.  Setting it: 0, or EINVAL for a group address or zeros. */
void eth_driver_mac(const struct eth_driver *driver, uint8_t mac[6]);
int eth_driver_set_mac(struct eth_driver *driver, const uint8_t mac[6]);
/* Whether others' unicast comes too, for a bridge. */
void eth_driver_promisc(struct eth_driver *driver, int on);
/* The largest payload of a frame in bytes; the header's 14 come on top. */
unsigned eth_driver_mtu(const struct eth_driver *driver);
/* 1: the link is up.  0: it is down for good, the bus was destroyed. */
int eth_driver_link(struct eth_driver *driver);

/*
 * Sends the LEN bytes of FRAME, from its Ethernet header on, without FCS.  Never
 * waits.  0, or EMSGSIZE, or ENETDOWN (see eth_driver_link()), or an error of
 * shmbus_send(): then the frame is lost, as on a wire.
 */
int eth_driver_send(struct eth_driver *driver, const void *frame, size_t len);

/*
 * Takes the next frame to BUF, of SIZE bytes.  Its length; 0: there is none now;
 * -1: the link is down.  Never waits.  A frame that is longer than SIZE is
 * dropped and counted.
 */
int eth_driver_recv(struct eth_driver *driver, void *buf, size_t size);
/*
 * Waits for a frame, for MS milliseconds at most, negative: for ever.  1: there
 * may be one, 0: the time is over, -1: the link is down.  Where a loop polls
 * eth_driver_fd(), do that instead: the two exclude each other.
 */
int eth_driver_wait(struct eth_driver *driver, int ms);
/*
 * A descriptor that poll(2) and its kin find readable while there may be a
 * frame, and as long as eth_driver_recv() has not returned 0.  It is the
 * driver's: nobody else reads from it or closes it.  -1: there are no more
 * descriptors or threads.
 */
int eth_driver_fd(struct eth_driver *driver);

/* Frames that eth_driver_recv() had no room for. */
unsigned long eth_driver_dropped(const struct eth_driver *driver);

#ifdef __cplusplus
}
#endif
#endif
