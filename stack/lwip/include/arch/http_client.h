/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/http_client.h - read before lwIP's http_client.c
 *
 * It copies what should be the status, or the value of Content-Length, into arrays
 * of 10 and 16 bytes, however long that is: a status line without a phrase is
 * enough to write over the stack.  Here as much as fits, as text, is copied; what
 * follows is asked for a number at its beginning only.
 *
 * It keeps headers for as long as they do not end, and a chain counts its bytes
 * in 16 bits.  Here they end the connection where that would be too few.
 */
#include <lwip/pbuf.h>

static u16_t
shmif_lwip_copy_text(const struct pbuf *p, char *to, u16_t size, u16_t n,
    u16_t at)
{
	u16_t fits = n < size ? n : (u16_t)(size - 1);

	return pbuf_copy_partial(p, to, fits, at) == fits ? n : 0;
}
#define pbuf_copy_partial(p, to, n, at) \
	shmif_lwip_copy_text(p, to, sizeof(to), n, at)
#define pbuf_cat(headers, more) \
	do { \
		if ((headers)->tot_len > 0xffff - (more)->tot_len) { \
			pbuf_free(more); \
			return httpc_close(req, HTTPC_RESULT_LOCAL_ABORT, \
			    req->rx_status, ERR_MEM); \
		} \
		pbuf_cat(headers, more); \
	} while (0)
