# SPDX-License-Identifier: BSD-2-Clause
# What both ends of the control protocol have, the end that serves, inside of
# libshmif, and the two programs.
WIRE_SRC := ctl/wire.c
SERVE_SRC := $(addprefix ctl/serve/, \
	call.c client.c field.c ops_if.c ops_look.c ops_net.c ops_sock.c pings.c \
	request.c \
	server.c text.c) ctl/place.c ctl/probe.c ctl/reply.c
# In place of them, where there is to be no server.
NOSERVE_SRC := ctl/noserver.c
SERVER_SRC := $(addprefix ctl/shmif_server/, \
	log.c main.c options.c) ctl/probe.c $(WIRE_SRC)
CTL_SRC := $(addprefix ctl/shmifctl/, \
	ask.c bus/bus.c bus/metrics.c complain.c json.c known.c main.c monitor.c neigh.c ping.c reroute.c route.c save.c \
	server.c show.c socks.c text.c wait.c words.c)
