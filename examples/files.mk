# SPDX-License-Identifier: BSD-2-Clause
# A program each, in C or in C++.
EXAMPLE_SRC := $(wildcard examples/*.c examples/*.cc)
