/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files.c - what lwIP's web server asks a program for: files
 *
 * lwIP opens, reads and closes what is not compiled into it by these functions
 * (LWIP_HTTPD_CUSTOM_FILES).
 */
#include <sys/stat.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <lwip/apps/fs.h>

#include "folder.h"

int fs_open_custom(struct fs_file *file, const char *name);
int fs_read_custom(struct fs_file *file, char *buffer, int count);
void fs_close_custom(struct fs_file *file);

int
fs_open_custom(struct fs_file *file, const char *name)
{
	int fd = folder_open(name, O_RDONLY);
	struct stat st;

	if (fd == -1)
		return 0;
	if (fstat(fd, &st) == -1 || st.st_size > INT_MAX) {
		close(fd);
		return 0;
	}
	file->data = NULL;
	file->len = (int)st.st_size;
	file->index = 0;
	file->flags = 0;
	file->pextension = (void *)(intptr_t)fd;
	return 1;
}

int
fs_read_custom(struct fs_file *file, char *buffer, int count)
{
	ssize_t n = read((int)(intptr_t)file->pextension, buffer,
	    (size_t)(count < file->len - file->index ?
		    count :
		    file->len - file->index));

	if (n <= 0) { /* it has become shorter */
		file->index = file->len;
		return FS_READ_EOF;
	}
	file->index += (int)n;
	return (int)n;
}

void
fs_close_custom(struct fs_file *file)
{
	close((int)(intptr_t)file->pextension);
}
