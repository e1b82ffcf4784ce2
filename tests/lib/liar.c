/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * liar.c - writing lies into a bus file, and living with them
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/crew.h"
#include "tests/lib/liar.h"
#include "tests/lib/stamp.h"

#define JUMBO 9018u

/* ---- the liar's view ----------------------------------------------------- */

bool
view_open(struct view *v, const char *path)
{
	int fd = open(path, O_RDWR);
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1) {
		complain("%s: %s", path, strerror(errno));
		return false;
	}
	v->size = (size_t)st.st_size;
	v->base = mmap(NULL, v->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	close(fd);
	if (v->base == MAP_FAILED) {
		complain("mmap: %s", strerror(errno));
		return false;
	}
	v->h = (void *)v->base;
	v->att = (void *)(v->base + FORMAT_HEADER);
	v->slots = v->h->slots;
	v->stride = v->h->slot_stride;
	return true;
}

void
view_close(struct view *v)
{
	munmap(v->base, v->size);
}

struct format_slot *
view_slot(const struct view *v, uint64_t pos)
{
	return (void *)(v->base + FORMAT_SLOTS +
	    (pos & (v->slots - 1)) * v->stride);
}

uint64_t
evil_lap_word(uint64_t lap, unsigned state, unsigned owner)
{
	return lap << 16 | (uint64_t)state << 14 | owner;
}

uint64_t
evil_word(uint64_t *seed, const struct view *v)
{
	uint64_t w = rnd(seed);

	switch (rnd_below(seed, 4)) {
	case 0:
		return w;
	case 1:
		return evil_lap_word(1 + rnd_below(seed, 4), rnd_below(seed, 4),
		    rnd_below(seed, 2) ? rnd_below(seed, 8) :
					 (unsigned)w & SLOT_NOBODY);
	case 2:
		return evil_lap_word(AO_load(&v->h->tail) / v->slots +
			rnd_below(seed, 3) - 1,
		    rnd_below(seed, 4), rnd_below(seed, 8));
	default:
		return w & 0xffff;
	}
}

/* ---- everything that can be done ----------------------------------------- */

static void
ok_if(const char *what, int error, int a, int b, int c)
{
	if (error != 0 && error != a && error != b && error != c)
		complain("%s: %s", what, shmbus_strerror(error));
}

void
do_something(struct shmbus *b, uint64_t *seed, int also)
{
	static uint8_t buf[4][JUMBO + 64], out[STAMP_MAX];
	struct shmbus_peer peers[4];
	struct shmbus_info info;
	struct shmbus_stats st;
	struct shmbus_frame f;
	struct shmbus_rx rx[4];
	struct iovec iov[4];
	uint32_t size = rnd_below(seed, JUMBO);
	unsigned i, n = 1 + rnd_below(seed, 4), got;
	struct stamp s = { 1, 1, rnd(seed), 0 };
	size_t len = STAMP_MIN + rnd_below(seed, 300);
	uint8_t mac[6];
	void *data;
	int error;

	shmbus_info(b, &info);
	if (len > info.frame_max)
		len = info.frame_max;
	alarm(CALL_MAX);
	memset(buf[0] + size, 0xa5, 64);
	switch (rnd_below(seed, 14)) {
	case 0:
	case 1:
		error = shmbus_recv(b, buf[0], size, &f);
		ok_if("recv", error, EAGAIN, also, 0);
		if (error == 0 &&
		    (f.len < 14 || f.len > info.frame_max ||
			f.sender >= SHMBUS_ATTACH_MAX))
			complain("recv: length %u, sender %u", (unsigned)f.len,
			    (unsigned)f.sender);
		break;
	case 2:
		for (i = 0; i < n; i++) {
			rx[i].buf = buf[i];
			rx[i].size = i == 0 ? size : JUMBO;
		}
		error = shmbus_recv_batch(b, rx, n, &got);
		ok_if("recv_batch", error, EAGAIN, also, 0);
		must(got <= n);
		for (i = 0; i < got; i++)
			if (rx[i].frame.len < 14 ||
			    rx[i].frame.len > info.frame_max)
				complain("recv_batch: length %u",
				    (unsigned)rx[i].frame.len);
		break;
	case 3:
		error = shmbus_peek(b, &f);
		ok_if("peek", error, EAGAIN, also, 0);
		if (error != 0)
			break;
		must(f.len >= 14 && f.len <= info.frame_max);
		if (rnd_below(seed, 2))
			error = shmbus_take(b, buf[0], size);
		else
			error = shmbus_skip(b);
		ok_if("take", error, ESTALE, also, 0);
		break;
	case 4:
		error = shmbus_wait(b,
		    rnd_below(seed, 8) ? 0 : rnd_below(seed, 1000000));
		ok_if("wait", error, ETIMEDOUT, also, 0);
		break;
	case 5:
	case 6:
		stamp_make(out, len < STAMP_MIN ? STAMP_MIN : len,
		    rnd_below(seed, 2) ? mac_all : mac_nobody, &s);
		error = shmbus_send(b, out, len);
		ok_if("send", error, ENOBUFS, SHMBUS_EGIVENUP, also);
		break;
	case 7:
		for (i = 0; i < n; i++) {
			iov[i].iov_base = out;
			iov[i].iov_len = len;
		}
		error = shmbus_send_batch(b, iov, n, &got);
		ok_if("send_batch", error, ENOBUFS, SHMBUS_EGIVENUP, also);
		must(got <= n);
		break;
	case 8:
		iov[0].iov_base = out;
		iov[0].iov_len = 20;
		iov[1].iov_base = out;
		iov[1].iov_len = len - 20;
		error = shmbus_sendv(b, iov, 2);
		ok_if("sendv", error, ENOBUFS, SHMBUS_EGIVENUP, also);
		break;
	case 9:
		error = shmbus_reserve(b, len, &data);
		ok_if("reserve", error, ENOBUFS, also, 0);
		if (error != 0)
			break;
		memset(data, 0xff, len);
		if (rnd_below(seed, 2)) {
			shmbus_cancel(b);
			break;
		}
		error = shmbus_commit(b, len);
		ok_if("commit", error, SHMBUS_EGIVENUP, also, 0);
		if (error != 0)
			shmbus_cancel(b);
		break;
	case 10:
		error = shmbus_list(b, peers, 4, &n);
		ok_if("list", error, also, 0, 0);
		must(n <= SHMBUS_ATTACH_MAX);
		for (i = 0; i < n && i < 4; i++)
			must(memchr(peers[i].name, 0, SHMBUS_NAME_MAX) != NULL);
		break;
	case 11:
		shmbus_stats(b, &st);
		ok_if("check", shmbus_check(b), also, 0, 0);
		break;
	case 12:
		stamp_mac(mac, rnd_below(seed, 3));
		ok_if("set_mac", shmbus_set_mac(b, mac), also, 0, 0);
		break;
	default:
		ok_if("set_promisc",
		    shmbus_set_promisc(b, (int)rnd_below(seed, 2)), also, 0, 0);
	}
	alarm(0);
	for (i = 0; i < 64; i++)
		if (buf[0][size + i] != 0xa5) {
			complain("written behind a buffer of %u",
			    (unsigned)size);
			break;
		}
}

/* ---- recovery ------------------------------------------------------------ */

bool
recovers(struct shmbus *s, struct shmbus *r, unsigned laps, uint64_t *number)
{
	static uint8_t frame[STAMP_MAX], buf[STAMP_MAX];
	struct shmbus_frame f;
	struct shmbus_info info;
	struct stamp st;
	unsigned i, got, tries;

	shmbus_info(s, &info);
	alarm(CALL_MAX);
	while (laps-- != 0) {
		uint64_t begin = *number;

		got = 0;
		for (i = 0; i < info.geometry.slots; i++) {
			size_t len = STAMP_MIN + *number % 20;

			st = (struct stamp){ 77, 1, ++*number, 0 };
			stamp_make(frame,
			    len > info.frame_max ? STAMP_MIN : len, mac_all,
			    &st);
			shmbus_send(s, frame,
			    len > info.frame_max ? STAMP_MIN : len);
			for (tries = 0; tries < 10; tries++) {
				if (shmbus_recv(r, buf, sizeof(buf), &f) != 0) {
					shmbus_wait(r, 500000);
					continue;
				}
				if (f.len > sizeof(buf) ||
				    !stamp_read(buf, f.len, &st) ||
				    st.who != 77 || st.number <= begin)
					continue; /* a lie, or of before */
				got++;
				if (st.number == *number)
					break;
			}
		}
		if (got == info.geometry.slots) {
			alarm(0);
			return true;
		}
	}
	alarm(0);
	return false;
}

void
must_recover(const char *path, const char *after)
{
	struct shmbus *s = crew_attach(path, 77, 0);
	struct shmbus *r = crew_attach(path, 78, SHMBUS_PROMISC);
	uint64_t number = 0;

	if (s != NULL && r != NULL && !recovers(s, r, 10, &number))
		complain("after %s no frames get through", after);
	shmbus_detach(s);
	shmbus_detach(r);
}
