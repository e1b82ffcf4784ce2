/* SPDX-License-Identifier: BSD-2-Clause */
/* lwip.c - as for frames.c, whose language it is */
#include "fuzz/mutate/frames.c" /* NOLINT(bugprone-suspicious-include) */
