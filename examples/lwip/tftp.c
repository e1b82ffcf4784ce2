/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tftp.c - lwIP's TFTP server: files of a folder, to be read or, w, written too
 *
 *	tftp bus.file 10.0.0.2/24 FOLDER [w]
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>

#include <lwip/apps/tftp_server.h>
#include <lwip/tcpip.h>

#include "common/folder.h"
#include "common/host.h"
#include "common/versions.h"

static int writable;

static void *
open_file(const char *name, const char *mode, u8_t write)
{
	int fd;

	(void)mode; /* bytes are bytes here */
	if (write && !writable)
		return NULL;
	fd = folder_open(name, write ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY);
	return fd == -1 ? NULL : fdopen(fd, write ? "w" : "r");
}

static void
close_file(void *file)
{
	fclose(file);
}

static int
read_file(void *file, void *buf, int size)
{
	size_t n = fread(buf, 1, (size_t)size, file);

	return ferror((FILE *)file) ? -1 : (int)n;
}

static int
write_file(void *file, struct pbuf *p)
{
	const struct pbuf *q;

	for (q = p; q != NULL; q = q->next)
		if (fwrite(q->payload, 1, q->len, file) != q->len)
			return -1;
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct tftp_context files = { .open = open_file,
		.close = close_file,
		.read = read_file,
		.write = write_file };
	err_t error;

	if (argc != 4 && argc != 5) {
		fprintf(stderr, "usage: tftp bus.file ADDRESSES FOLDER [w]\n");
		return 2;
	}
	writable = argc == 5;
	folder_is(argv[3]);
	host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	error = tftp_init_server(&files);
	UNLOCK_TCPIP_CORE();
	if (error != ERR_OK)
		errx(1, "lwIP's error %d", error);
	return host_wait(1);
}
