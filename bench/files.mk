# SPDX-License-Identifier: BSD-2-Clause
# A program each, with what is linked to all of them in lib/.  Some are compared
# with what need not be there.
DPDK := $(shell pkg-config --exists libdpdk 2>/dev/null && echo yes)
BENCH_SRC := $(filter-out $(if $(DPDK),,bench/memif.c),$(wildcard bench/*.c))
BENCHLIB_SRC := $(wildcard bench/lib/*.c)
