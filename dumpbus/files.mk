# SPDX-License-Identifier: BSD-2-Clause
# shmif_dumpbus, and the other way, shmif_pcapin: what talks to people is shared.
DUMP_SRC := base/addr.c $(addprefix dumpbus/, \
	header.c main.c netbsd.c pcapng.c print.c read.c say.c senders.c \
	sink.c stream.c swapped.c wanted.c)
IN_SRC := $(addprefix dumpbus/, \
	in/capture.c in/main.c in/pace.c say.c)
