# SPDX-License-Identifier: BSD-2-Clause
# base: what has no arrow out.
BASE_SRC := $(addprefix base/, \
	addr.c)
