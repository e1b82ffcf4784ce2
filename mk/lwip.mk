# SPDX-License-Identifier: BSD-2-Clause
# Mainline lwIP, and libshmif-lwip.
#
# lwIP is compiled from its source, which is not in this tree: Debian's source
# package, brought by stack/lwip/fetch and kept in the build folder, or
# LWIP_DIR=, a tree that is there.  Where it cannot be had all else is built.
# LWIP=0 leaves it out.

LWIP ?= 1
LWIP_DIR ?=
LWIP_CACHE ?= $(if $(filter build build/%,$(BUILD)),build,$(BUILD))/lwip-source

ifneq ($(LWIP),0)
ifneq ($(LWIP_DIR),)
LWIP_TREE := $(LWIP_DIR)
else ifneq ($(filter-out clean deps bench-deps format lint_man help \
	model,$(or $(MAKECMDGOALS),all)),)
# Sets LWIP_TREE, to nothing where there is none.
include $(LWIP_CACHE)/tree.mk
endif
endif

$(LWIP_CACHE)/tree.mk: stack/lwip/fetch | $(FIRST)
	@mkdir -p $(@D)
	@if stack/lwip/fetch $(@D); then \
	    echo 'LWIP_TREE := $(LWIP_CACHE)/lwip'; \
	else \
	    echo 'LWIP_TREE :='; \
	    echo '$$(info lwIP has no source here: libshmif-lwip is left out.)'; \
	    echo '$$(info make lwip tries again; LWIP_DIR= names a tree.)'; \
	fi >$@

# Tries again to bring the source.
.PHONY: lwip
lwip:
	@rm -f $(LWIP_CACHE)/tree.mk
	@$(MAKE) --no-print-directory all

# What the examples have in common; they may use lwIP's applications.
LWIP_COMMON_SRC := $(wildcard examples/lwip/common/*.c)
# Programs that include lwIP's headers are linked with it.
LWIP_PROG_SRC := $(shell grep -lE '^\#include <lwip/' $(wildcard \
	tests/lwip/*.c examples/lwip/*.c demo/*.c bench/*.c) /dev/null)

# One program after the other: make lwip_apps.  tests/lwip/apps.bats is a sample.
LWIP_APPS_BATS := $(wildcard tests/lwip/apps_*.bats)
BATS := $(filter-out $(LWIP_APPS_BATS),$(BATS))

ifneq ($(LWIP_TREE),)
LIBSHMIF_LWIP := $(BUILD)/lib/libshmif-lwip.so.1
LWIP_SERVER := shmif_server-lwip
LIBLWIP_APPS := $(BUILD)/lib/libshmif-lwip-apps.a
EXAMPLE_SRC += $(wildcard examples/lwip/*.c)
else
# Nothing is tested that needs it.
TEST_SRC := $(filter-out tests/lwip/%,$(TEST_SRC))
PUBLIC_SRC := $(filter-out tests/lwip/%,$(PUBLIC_SRC))
BATS := $(filter-out tests/lwip/%,$(BATS))
DEMO_SRC := $(filter-out $(LWIP_PROG_SRC),$(DEMO_SRC))
BENCH_SRC := $(filter-out $(LWIP_PROG_SRC),$(BENCH_SRC))
FUZZ_NAMES := $(filter-out lwip lwipapps,$(FUZZ_NAMES))
endif
