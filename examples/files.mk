# SPDX-License-Identifier: BSD-2-Clause
# A program each, in C or in C++; and the driver for simulators, which is none.
DRIVER_SRC := examples/eth_driver.c
EXAMPLE_SRC := $(filter-out $(DRIVER_SRC),$(wildcard examples/*.c examples/*.cc))
