# SPDX-License-Identifier: BSD-2-Clause
# A test is tests/FOLDER/NAME_test.c or tests/FOLDER/NAME.bats.  Any other C
# file in these folders is a program that some test runs.  tests/lib is linked
# to all of them.  Tests in tests/unit get the insides of our libraries
# (static), all others only what is public (shared).
# vdetalk is a client of libvdeplug.
TEST_SRC := $(filter-out tests/lib/% $(if $(VDE),,%/vdetalk.c), \
	$(wildcard tests/*/*.c))
TESTLIB_SRC := $(wildcard tests/lib/*.c)
UNIT_SRC := $(filter tests/unit/%,$(TEST_SRC))
PUBLIC_SRC := $(filter-out tests/unit/%,$(TEST_SRC))
BATS := $(wildcard tests/*/*.bats)
