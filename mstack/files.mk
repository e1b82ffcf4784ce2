# SPDX-License-Identifier: BSD-2-Clause
# mstack: the server's side, inside of libshmif; the launcher and supervisor;
# and the library by which a program names a stack itself.
MSERVE_SRC := $(addprefix mstack/serve/, \
	connect.c dgram.c grave.c listener.c msock.c option.c peer.c request.c serve.c \
	session.c share.c source.c stream.c)
MSTACK_SRC := $(addprefix mstack/launch/, \
	ask.c calls.c data.c datagram.c family.c filter.c heir.c hold.c link.c main.c once.c \
	protocols.c request.c stacks.c streams.c supervise.c target.c)
MSOCKET_SRC := mstack/msocket.c
