# SPDX-License-Identifier: BSD-2-Clause
# base: what has no arrow out.
BASE_SRC := $(addprefix base/, \
	addr.c checksum.c diag.c number.c siphash.c utf8.c)
# What is linked to every tool, and to no library.
TOOLBASE_SRC := base/flush.c base/tool.c
