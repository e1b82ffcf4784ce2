# SPDX-License-Identifier: BSD-2-Clause
# shmif_dumpbus, and the other way, shmif_pcapin.
DUMP_SRC := $(addprefix dumpbus/, \
	header.c main.c netbsd.c outfile.c pcapng.c plot.c print.c read.c senders.c \
	sink.c stream.c swapped.c wanted.c)
IN_SRC := $(addprefix dumpbus/, \
	in/blocks.c in/capture.c in/main.c in/pace.c)
