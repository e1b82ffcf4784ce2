# SPDX-License-Identifier: BSD-2-Clause
# A program for each stack.
DEMO_SRC := $(wildcard demo/*.c)
