/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/smtp.h - read before lwIP's smtp.c
 *
 * It copies the line with which a server says how one may authenticate into a
 * buffer of 256 bytes, however long it is.  Here as much as fits is copied.
 *
 * It keeps an answer for as long as it does not end, and a chain counts its bytes
 * in 16 bits.  Here it ends the session where that would be too few.
 */
#include <lwip/pbuf.h>

#define pbuf_copy_partial(p, to, n, at) \
	pbuf_copy_partial(p, to, \
	    (n) < sizeof(to) ? (u16_t)(n) : (u16_t)(sizeof(to) - 1), at)
#define pbuf_cat(answer, more) \
	do { \
		if ((answer)->tot_len > 0xffff - (more)->tot_len) { \
			pbuf_free(more); \
			smtp_close(s, pcb, SMTP_RESULT_ERR_SVR_RESP, 0, \
			    ERR_MEM); \
			return; \
		} \
		pbuf_cat(answer, more); \
	} while (0)
