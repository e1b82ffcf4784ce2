/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe.h - whether a server listens at a socket's path (not installed)
 */
#ifndef SHMIF_PROBE_H
#define SHMIF_PROBE_H

/*
 * Looks what is at PATH.  Returns EADDRINUSE (a server listens there),
 * ECONNREFUSED (the socket of a server that has ended), ENOENT (nothing),
 * EEXIST (something that is not a socket), or what else the system says.
 */
int probe(const char *path);

#endif /* SHMIF_PROBE_H */
