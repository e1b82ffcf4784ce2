# SPDX-License-Identifier: BSD-2-Clause
# shmif_top: a live view of buses.
TOP_SRC := $(addprefix top/, \
	frames.c json.c lines.c main.c screen.c sort.c watch.c)
