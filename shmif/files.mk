# SPDX-License-Identifier: BSD-2-Clause
# The core of the interface: names no stack.
CORE_SRC := $(addprefix shmif/, \
	beside.c later.c look.c name.c route.c rtnl.c rtnl_verbs.c \
	shmif.c table.c unit.c)
