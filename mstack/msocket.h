/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * msocket.h - sockets on a stack of one's choice: msocket(3)
 *
 * Threads: any, at any time.  ERRORS: -1 and errno, as socket(2).
 */
#ifndef MSOCKET_H
#define MSOCKET_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A socket on the stack PATH (the control socket of its process, or null); with
 * NULL on the default stack of DOMAIN, as socket(2).  DOMAIN, TYPE and PROTOCOL
 * are socket(2)'s.
 *
 * The descriptor, or -1 and errno: as socket(2); as connect(2) of a UNIX socket
 * where PATH cannot be reached; ENOTSOCK where it is none; ENAMETOOLONG, beyond
 * 4096 bytes; ENOSYS, the process is not under mstack(1), and PATH is not NULL.
 */
int msocket(const char *path, int domain, int type, int protocol);

#ifdef __cplusplus
}
#endif

#endif /* MSOCKET_H */
