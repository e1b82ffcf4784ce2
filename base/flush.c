/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flush.c - the end of what a tool prints
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/tool.h"

int
tool_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	if (errno == EPIPE)
		return 0;
	tool_complain("standard output", strerror(errno), NULL);
	return -1;
}
