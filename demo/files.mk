# SPDX-License-Identifier: BSD-2-Clause
DEMO_SRC := $(wildcard demo/*.c)
