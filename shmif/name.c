/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * name.c - the names of units
 *
 * Unit N is called shmifN by everything that people read or write.  The number
 * has no leading zero, so that a unit has one name only.
 */
#include <stdio.h>
#include <string.h>

#include "shmif/unit.h"

void
unit_name(int n, char name[SHMIF_NAME_MAX])
{
	snprintf(name, SHMIF_NAME_MAX, UNIT_NAME "%d", n);
}

int
unit_number(const char *name)
{
	int n = 0, i;

	if (strncmp(name, UNIT_NAME, sizeof(UNIT_NAME) - 1) != 0)
		return -1;
	name += sizeof(UNIT_NAME) - 1;
	if (name[0] == '\0' || (name[0] == '0' && name[1] != '\0'))
		return -1;
	for (i = 0; name[i] != '\0'; i++) {
		if (name[i] < '0' || name[i] > '9' || i == 3)
			return -1;
		n = n * 10 + (name[i] - '0');
	}
	return n < SHMIF_UNITS_MAX ? n : -1;
}
