/* SPDX-License-Identifier: BSD-2-Clause */
/* lwip.c - seeds: the conversations that lwipv6 is given */
#include "fuzz/seeds/frames.c" /* NOLINT(bugprone-suspicious-include) */
