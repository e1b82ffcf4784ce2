# SPDX-License-Identifier: BSD-2-Clause
# The driver of lwipv6, and its cures, a layer each.
LWIPV6_DRIVER := $(addprefix stack/lwipv6/driver/, \
	cures.c delete.c driver.c frames.c layout.c)
LWIPV6_CTL := $(addprefix stack/lwipv6/ctl/, \
	ctl.c foreign.c ifreq.c ioctl.c kinds.c net.c netlink.c ping.c \
	radv_file.c sock_seam.c socks.c)
LWIPV6_SOCK := $(addprefix stack/lwipv6/sock/, \
	calls.c close.c control.c fcntl.c fd.c options.c poll.c ports.c recv.c send.c \
	sockaddr.c socket.c wait.c $(addprefix kind/, \
	accept.c dgram.c multicast.c netlink.c raw.c sources.c stream.c stream_io.c \
	stream_ops.c stream_queue.c stream_send.c udp.c udp_in.c))
LWIPV6_SLIRP := $(addprefix stack/lwipv6/slirp/, \
	flow.c tcp.c udp.c)
LWIPV6_TCP := $(addprefix stack/lwipv6/tcp/, \
	bare.c conn.c input.c keepalive.c ooseq.c options.c output.c \
	persist.c receive.c recover.c reset.c sack.c screen.c slow.c split.c \
	tick.c window.c write.c open/hash.c open/isn.c open/listen.c \
	open/open.c)
LWIPV6_IP := $(addprefix stack/lwipv6/ip/, \
	arrive.c checksum.c deliver.c dhcp/apply.c dhcp/client.c dhcp/message.c \
	dhcp/send.c echo.c ext.c findpath.c forward.c frag.c icmp.c path.c \
	pbuf_realloc.c radv.c redirect.c reass.c routes.c source.c unreach.c)
LWIPV6_LINK := $(addprefix stack/lwipv6/link/, \
	arp.c autoconf.c dad.c group_ours.c group_tell.c groups.c \
	igmp.c mld.c nd.c neigh_age.c neighbours.c params.c \
	prefixes.c proxy.c routers.c \
	sending.c)
LWIPV6_WALL := $(addprefix stack/lwipv6/wall/, \
	ext6.c ip4.c ip6.c mss.c tcp.c text.c wall.c)
LWIPV6_THREADS := $(addprefix stack/lwipv6/threads/, \
	fds.c mbox.c queue.c sem.c spin.c threads.c timer.c)
LWIPV6_REPLACE := $(addprefix stack/lwipv6/replace/, \
	replace.c switch.c)
LWIPV6_PORT := $(addprefix stack/lwipv6/, above.c port.c)
LWIPV6_SRC := $(LWIPV6_DRIVER) $(LWIPV6_CTL) $(LWIPV6_SOCK) $(LWIPV6_SLIRP) $(LWIPV6_TCP) \
	$(LWIPV6_IP) $(LWIPV6_LINK) $(LWIPV6_WALL) \
	$(LWIPV6_THREADS) $(LWIPV6_REPLACE) $(LWIPV6_PORT)
