# SPDX-License-Identifier: BSD-2-Clause
# libshmbus
BUS_SRC := $(addprefix shmbus/, \
	bell.c entry.c error.c file.c geometry.c guard.c life.c owner.c \
	poll/futexfd.c poll/poll.c receive.c ring.c ring_join.c ring_loss.c ring_recv.c ring_sleep.c send.c \
	wait.c walltime.c)
