# SPDX-License-Identifier: BSD-2-Clause
# shmif_wire: joins what carries Ethernet.
WIRETOOL_SRC := $(addprefix wire/, \
	ask.c backlog.c bus.c control.c core.c end.c learn.c loop.c main.c \
	packet.c queue.c show.c stream.c weather.c words.c) \
	ctl/place.c ctl/probe.c ctl/reply.c ctl/wire.c
