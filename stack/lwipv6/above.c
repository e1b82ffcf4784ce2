/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * above.c - the table of what goes up; above.h tells who fills it
 */
#include "stack/lwipv6/above.h"

struct above above;
