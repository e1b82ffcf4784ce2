# SPDX-License-Identifier: BSD-2-Clause
# The driver of mainline lwIP; lwIP itself is not here, see mk/lwip.mk.
# Compiled by programs that have an lwIP of their own, not into a library.
LWIP_NETIF_SRC := stack/lwip/shmif_netif.c
LWIP_SRC := $(addprefix stack/lwip/, \
	ctl.c driver.c exit.c frames.c hooks.c merge.c net.c ping.c routes.c \
	socks.c sys_arch.c wall.c \
	$(addprefix sock/, address.c control.c dgram.c group.c option.c request.c seam.c \
	sock.c stream.c told.c))
# Beside lwIP's applications.
LWIP_APPS_SRC := stack/lwip/apps/mqtt.c
