# SPDX-License-Identifier: BSD-2-Clause
# A fuzz target is fuzz/NAME.c; see fuzz/fuzz.h.
FUZZ_NAMES := $(patsubst fuzz/%.c,%,$(filter-out fuzz/replay.c fuzz/guard.c \
	$(if $(VDE),,fuzz/vdeurl.c), $(wildcard fuzz/*.c)))
FUZZLIB_SRC := $(wildcard fuzz/lib/*.c)
# What they need beside the bus.
FUZZ_WITH_busfile = $(filter-out %/main.c,$(DUMP_SRC)) $(BASE_SRC) \
	base/flush.c
FUZZ_LIBS_busfile := -lpcap
# main.c it includes.
FUZZ_WITH_pcapin = $(filter-out %/main.c,$(IN_SRC)) $(BASE_SRC) \
	$(TOOLBASE_SRC)
FUZZ_LIBS_pcapin := -lpcap
FUZZ_WITH_foreign = $(FUZZ_WITH_busfile)
FUZZ_LIBS_foreign := -lpcap
FUZZ_WITH_frames = $(wildcard fuzz/stack/*.c) $(IF_SRC)
FUZZ_LIBS_frames := -lurcu-bp -lurcu-common -llwipv6 -ljson-c
# The server down to its seam.
FUZZ_WITH_ctl = $(filter-out %/server.c %/place.c,$(SERVE_SRC)) \
	$(MSERVE_SRC) $(WIRE_SRC) $(BASE_SRC) shmif/later.c shmif/name.c \
	$(wildcard fuzz/fake/*.c)
FUZZ_LIBS_ctl := -ljson-c
# lwIP and its driver; of the interface only what these call.
FUZZ_WITH_lwip = $(addprefix fuzz/stack/, memory.c patch.c peer.c templates.c \
	warp.c) tests/lib/wallframes.c $(LWIP_SRC) $(BASE_SRC) shmif/beside.c \
	shmif/later.c shmif/name.c shmif/rtnl.c shmif/rtnl_verbs.c
FUZZ_LIBS_lwip := -ldl
# lwIP's applications, on a core without a driver.
FUZZ_WITH_lwipapps = $(addprefix fuzz/stack/, memory.c warp.c) \
	tests/lib/wallframes.c $(addprefix stack/lwip/, hooks.c routes.c \
	sys_arch.c) $(LWIP_APPS_SRC) examples/lwip/common/users.c $(BASE_SRC)
FUZZ_LIBS_lwipapps := -ldl
# mstack's server down to its seam.
FUZZ_WITH_mstack = $(MSERVE_SRC) shmif/later.c
# A wire but for its main() and the other side of its control socket.
FUZZ_WITH_wire = $(filter-out wire/main.c wire/ask.c,$(WIRETOOL_SRC)) $(BASE_SRC)
FUZZ_LIBS_wire := -ljson-c -lm -ldl
FUZZ_WITH_vdeurl = vde/url.c $(BASE_SRC)
FUZZ_LIBS_vdeurl := -lvdeplug_mod
