# SPDX-License-Identifier: BSD-2-Clause
# A program each.
EXAMPLE_SRC := $(wildcard examples/*.c)
