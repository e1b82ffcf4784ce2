/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/cc.h - the compiler and the C library, for lwIP
 *
 * lwip/sockets.h defines structures that the system's headers define as well.
 * Those that programs commonly have beside it (iovec, timeval, pollfd) are the
 * system's here, whichever header comes first.  fd_set is lwIP's own, since
 * the system's is too small for all sockets: <sys/select.h> is read now, and
 * its names are then given to lwIP's.  <sys/socket.h> and <netinet/in.h>
 * cannot be in the same file as lwip/sockets.h: their struct sockaddr differ.
 */
#ifndef SHMIF_LWIP_CC_H
#define SHMIF_LWIP_CC_H

#include <sys/select.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LWIP_ERRNO_STDINCLUDE 1
#define LWIP_TIMEVAL_PRIVATE 0
#define iovec iovec /* tells lwip/sockets.h that there is one */
#undef FD_SET
#undef FD_CLR
#undef FD_ISSET
#undef FD_ZERO
#undef FD_SETSIZE
#define fd_set lwip_fd_set

/*
 * Debian's source asks its port whether a struct sockaddr has its own length,
 * as that of lwip/sockets.h has; lwIP's own source takes it for granted.
 */
#define IP4ADDR_SOCKADDR_SET_LEN(a) ((a)->sin_len = sizeof(struct sockaddr_in))
#define IP6ADDR_SOCKADDR_SET_LEN(a) \
	((a)->sin6_len = sizeof(struct sockaddr_in6))
#define IPADDR_SOCKADDR_GET_LEN(a) ((a)->sa.sa_len)

#define LWIP_CHKSUM_ALGORITHM 0
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define lwip_htons(x) __builtin_bswap16(x)
#define lwip_htonl(x) __builtin_bswap32(x)
#endif

/* lwIP's own looks at the byte behind the N that there are. */
static inline char *
shmif_lwip_strnstr(const char *s, const char *token, size_t n)
{
	size_t len = strlen(token);

	if (len == 0)
		return (char *)(uintptr_t)s;
	for (; n >= len && *s != '\0'; s++, n--)
		if (memcmp(s, token, len) == 0)
			return (char *)(uintptr_t)s;
	return NULL;
}
#define lwip_strnstr(s, token, n) shmif_lwip_strnstr(s, token, n)

uint32_t shmif_lwip_random(void);
#define LWIP_RAND() shmif_lwip_random()

/* The core's lock; see driver.c. */
void shmif_lwip_lock(void);
void shmif_lwip_unlock(void);

uint16_t shmif_lwip_chksum(const void *data, int len);
uint16_t shmif_lwip_chksum_copy(void *to, const void *from, uint16_t len);

void shmif_lwip_diag(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void shmif_lwip_assert(const char *message, const char *file, int line)
    __attribute__((noreturn));
#define LWIP_PLATFORM_DIAG(x) \
	do { \
		shmif_lwip_diag x; \
	} while (0)
#define LWIP_PLATFORM_ASSERT(x) shmif_lwip_assert(x, __FILE__, __LINE__)

#ifdef __cplusplus
}
#endif

#endif /* SHMIF_LWIP_CC_H */
