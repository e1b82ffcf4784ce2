# SPDX-License-Identifier: BSD-2-Clause
#
# make            libraries, programs and examples: build/lib, bin, examples
# make demo       two stacks on one bus, start to finish
# make check      all tests; TESTS=regex selects by file name
#                 SAN=address,undefined or SAN=thread: under sanitizers
# make model      the ring's model, checked by spin; QUICK=1 for a minute
# make fuzz       libFuzzer, see fuzz/fuzz.h; TARGET=name, SECONDS=N each
#                 GUARD=1: pages around all memory instead of sanitizers
# make storm      many processes, killed and stopped at random; SECONDS=N
# make arm64      compiled for aarch64, the tests run by qemu-user
# make bench      what it can do here, beside others; QUICK=1 for a minute
# make bench-deps installs those others: peers that are not there are skipped
# make install    into PREFIX (/usr/local), below DESTDIR
# make uninstall  takes the same files away
# make deps       installs the Debian packages that are missing to build and
#                 test; demo, check and bench do that by themselves
# make lint       man pages and C sources looked over
# make format     C sources through clang-format
# make clean      removes the build directory
#
# BUILD=dir       builds there instead of in build/
# CFLAGS, LDFLAGS come last and win;  V=1 shows the commands
# WERROR=0        for a compiler whose warnings were never seen here

VERSION := 0.1.0
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
# Programs look for libraries in ../lib seen from where they are, wherever
# that is; another LIBDIR has to be in the loader's own path.
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
# Where Wireshark looks for programs that capture; of Debian's it is
# /usr/lib/x86_64-linux-gnu/wireshark/extcap.
EXTCAPDIR ?= $(LIBDIR)/wireshark/extcap
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
INSTALL ?= install

comma := ,
BUILD ?= build$(if $(SAN),/san-$(subst $(comma),+,$(SAN)))
WERROR ?= 1

PACKAGES := gcc g++ make pkg-config libc6-dev liblwipv6-dev liburcu-dev \
	libatomic-ops-dev libpcap-dev libjson-c-dev libcmocka-dev bats perl \
	mandoc tcpdump iproute2 vde-switch libvdeplug-dev
# PACKAGES_goal: what make goal needs beside them.
PACKAGES_check := tshark
PACKAGES_model := spin
PACKAGES_arm64 := gcc-aarch64-linux-gnu qemu-user
PACKAGES_fuzz := clang-14 libclang-rt-14-dev
# What the bench compares with, counts and draws with; it goes without, too.
PACKAGES_bench-deps := dpdk-dev librte-net-memif23 librte-mempool-ring23 \
	vde-switch libvdeplug2 iproute2 strace gnuplot-nox

# ---- how things are compiled ---------------------------------------------

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes \
	$(if $(filter-out 0,$(WERROR)),-Werror)
OPT := -O2
OPT_RING := -O3
ifneq ($(SAN),)
# What they add to the code makes gcc see uninitialized variables where there
# are none; the ordinary build looks after those.
SANFLAGS := -fsanitize=$(SAN) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -Wno-maybe-uninitialized
OPT := -O1
OPT_RING := -O1
endif
ifneq ($(findstring thread,$(SAN)),)
# It says that fences are not followed, of every fence in libatomic_ops.
SANFLAGS += -Wno-tsan
endif

CPPFLAGS += -D_GNU_SOURCE -Ishmbus -Ishmif
# What a version script does not export stays inside: let the compiler know
# that no function of ours is replaced from outside.
COMPILE = $(CC) -std=gnu11 -g -fPIC -fno-semantic-interposition -pthread \
	$(WARN) $(SANFLAGS) -MMD -MP $(CPPFLAGS)
LINK = $(CC) -g -pthread $(SANFLAGS)
LIBPATH = -L$(BUILD)/lib
# A library that leaves something undefined is found out here, but for what
# the sanitizers bring.
LINK_LIB = $(LINK) -shared $(if $(SAN),,-Wl,-z,defs)
RPATH := -Wl,-rpath,'$$ORIGIN/../lib'
RPATH_TEST := -Wl,-rpath,'$$ORIGIN/../../lib'

# ---- what there is -------------------------------------------------------

objs = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
progs = $(patsubst %.c,$(BUILD)/%,$(1))

BUS_SRC := $(wildcard shmbus/*.c)
IF_SRC := $(wildcard shmif/*.c shmif/lwipv6/*.c shmif/server/*.c)
DUMP_SRC := $(wildcard dumpbus/*.c)
# The other way; what talks to people is shared.
IN_SRC := $(wildcard dumpbus/in/*.c) dumpbus/say.c
# shmif_server, shmifctl: a folder each.
SERVER_SRC := $(wildcard ctl/server/*.c)
CTL_SRC := $(wildcard ctl/shmifctl/*.c)
# What both sides have of each other.
WIRE := $(BUILD)/obj/shmif/server/wire.o
TOOL_SRC := $(sort $(DUMP_SRC) $(IN_SRC) $(SERVER_SRC) $(CTL_SRC))
EXAMPLE_SRC := $(wildcard examples/*.c)
DEMO_SRC := $(wildcard demo/*.c)
# Some are compared with what need not be there.
DPDK := $(shell pkg-config --exists libdpdk 2>/dev/null && echo yes)
BENCH_SRC := $(filter-out $(if $(DPDK),,bench/memif.c),$(wildcard bench/*.c))
# Linked to all of them.
BENCHLIB_SRC := $(wildcard bench/lib/*.c)
# A test is tests/FOLDER/NAME_test.c or tests/FOLDER/NAME.bats.  Any other C
# file in these folders is a program that some test runs.  tests/lib is linked
# to all of them.  Tests in tests/unit get the insides of our libraries
# (static), all others only what is public (shared).
TEST_SRC := $(filter-out tests/lib/%,$(wildcard tests/*/*.c))
TESTLIB_SRC := $(wildcard tests/lib/*.c)
UNIT_SRC := $(filter tests/unit/%,$(TEST_SRC))
PUBLIC_SRC := $(filter-out tests/unit/%,$(TEST_SRC))
BATS := $(wildcard tests/*/*.bats)
# A fuzz target is fuzz/NAME.c; see fuzz/fuzz.h.
FUZZ_NAMES := $(patsubst fuzz/%.c,%,$(filter-out fuzz/replay.c fuzz/guard.c, \
	$(wildcard fuzz/*.c)))
FUZZLIB_SRC := $(wildcard fuzz/lib/*.c)
# What they need beside the bus.
FUZZ_WITH_busfile := $(filter-out dumpbus/main.c dumpbus/say.c,$(DUMP_SRC))
FUZZ_LIBS_busfile := -lpcap
# main.c it includes.
FUZZ_WITH_pcapin := $(filter-out %/main.c,$(IN_SRC))
FUZZ_LIBS_pcapin := -lpcap
FUZZ_WITH_foreign := $(FUZZ_WITH_busfile)
FUZZ_LIBS_foreign := -lpcap
FUZZ_WITH_frames := $(wildcard fuzz/stack/*.c) $(IF_SRC)
FUZZ_LIBS_frames := -lurcu-bp -lurcu-common -llwipv6 -ljson-c
# The server down to its seam.
FUZZ_WITH_ctl := $(filter-out %/server.c %/socket.c, \
	$(wildcard shmif/server/*.c)) shmif/addr.c $(wildcard fuzz/fake/*.c)
FUZZ_LIBS_ctl := -ljson-c

LIBSHMBUS := $(BUILD)/lib/libshmbus.so.1
LIBSHMIF := $(BUILD)/lib/libshmif.so.1
LIBS := $(LIBSHMBUS) $(LIBSHMBUS:.1=) $(BUILD)/lib/libshmbus.a \
	$(LIBSHMIF) $(LIBSHMIF:.1=)
TOOLS := shmif_dumpbus shmif_pcapin shmif_server shmifctl
BINS := $(TOOLS:%=$(BUILD)/bin/%)
EXAMPLES := $(call progs,$(EXAMPLE_SRC))
DEMOS := $(call progs,$(DEMO_SRC))
BENCHES := $(call progs,$(BENCH_SRC))
TESTPROGS := $(call progs,$(TEST_SRC))
FUZZTESTS := $(FUZZ_NAMES:%=$(BUILD)/fuzz/%_test)
TESTS_C := $(filter %_test,$(TESTPROGS)) $(FUZZTESTS)
HEADERS := shmbus/shmbus.h shmif/shmif.h
PCFILES := shmbus/shmbus.pc shmif/shmif.pc
MANPAGES := $(wildcard man?/*.[1-9])
# ctl/NAME/bash-completion is for the program NAME.
COMPLETIONS := $(wildcard ctl/*/bash-completion)

# Whoever includes a header of the interface or of the stack is linked with
# them, the rest with the bus alone.
SHARED_SRC := $(EXAMPLE_SRC) $(DEMO_SRC) $(BENCH_SRC) $(PUBLIC_SRC)
ifneq ($(strip $(SHARED_SRC)),)
STACK_SRC := $(shell grep -lE '^\#[[:space:]]*include.*(shmif|lwipv6)' \
	$(SHARED_SRC))
endif
STACK_PROGS := $(call progs,$(STACK_SRC))
BUS_PROGS := $(call progs,$(filter-out $(STACK_SRC),$(SHARED_SRC)))

# libshmif replaces functions of liblwipv6: it has to come first everywhere.
STACK_LIBS := -lshmif -lshmbus -llwipv6

.PHONY: all demo check model storm arm64 fuzz bench install uninstall deps \
	bench-deps format lint lint_man clean FORCE
.DELETE_ON_ERROR:
# Objects are kept.
.SECONDARY:

all: $(LIBS) $(BINS) $(EXAMPLES)

# ---- packages ------------------------------------------------------------

PACKAGES += $(foreach g,$(MAKECMDGOALS),$(PACKAGES_$(g)))
# Before anything is compiled, but only where the user did not ask for a mere
# build.
ifneq ($(filter demo check bench storm model arm64 fuzz,$(MAKECMDGOALS)),)
FIRST := deps
endif

deps bench-deps:
	@.ci/deps $(PACKAGES)

# ---- compiling and linking -----------------------------------------------

ifeq ($(V),)
say = @echo '  $(1)';
endif

# Changes when the commands do, and everything is made again.
$(BUILD)/commands: export COMMANDS = $(COMPILE) $(OPT) $(OPT_RING) $(CFLAGS) \
	$(LINK) $(STATIC) $(LDFLAGS) $(VERSION)
$(BUILD)/commands: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$COMMANDS" | cmp -s - $@ || \
	    printf '%s\n' "$$COMMANDS" >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/commands | $(FIRST)
	@mkdir -p $(@D)
	$(call say,CC $<)$(COMPILE) $(OPT) $(CFLAGS) -c -o $@ $<

$(BUILD)/obj/shmbus/ring.o: private OPT := $(OPT_RING)
$(addprefix $(BUILD)/obj/,dumpbus/%.o ctl/%.o shmif/server/%.o): \
    private CPPFLAGS += -DVERSION='"$(VERSION)"'
$(BUILD)/obj/dumpbus/%.o: private CPPFLAGS += -Idumpbus
$(BUILD)/obj/ctl/shmifctl/%.o: private CPPFLAGS += -Ishmif/server
$(BUILD)/obj/tests/%.o: private CPPFLAGS += -Itests/lib -Ictl/shmifctl
$(BUILD)/obj/bench/%.o: private CPPFLAGS += -Ibench/lib

link_program = $(call say,LD $@)$(LINK) $(RPATH) -o $@ \
	$(filter %.o %.a,$^) $(LIBPATH) $(LDLIBS) $(LDFLAGS)

$(LIBSHMBUS): $(call objs,$(BUS_SRC)) shmbus/libshmbus.map
	@mkdir -p $(@D)
	$(call say,LD $@)$(LINK_LIB) -Wl,-soname,$(@F) \
	    -Wl,--version-script=shmbus/libshmbus.map -o $@ \
	    $(filter %.o,$^) $(LDFLAGS)

$(LIBSHMIF): $(call objs,$(IF_SRC)) $(wildcard shmif/libshmif.map) \
    $(LIBSHMBUS:.1=)
	@mkdir -p $(@D)
	$(call say,LD $@)$(LINK_LIB) -Wl,-soname,$(@F) -Wl,-rpath,'$$ORIGIN' \
	    $(patsubst %,-Wl$(comma)--version-script=%,$(filter %.map,$^)) \
	    -o $@ $(filter %.o,$^) $(LIBPATH) -lshmbus -lurcu-bp \
	    -lurcu-common -llwipv6 -ljson-c $(LDFLAGS)

$(BUILD)/lib/%.so: $(BUILD)/lib/%.so.1
	@ln -sf $(<F) $@

$(BUILD)/lib/libshmbus.a: $(call objs,$(BUS_SRC))
# For unit tests only: not installed.
$(BUILD)/obj/libshmif.a: $(call objs,$(IF_SRC))
$(BUILD)/obj/libshmifctl.a: $(call objs,$(filter-out %/main.c,$(CTL_SRC))) \
    $(WIRE)
$(BUILD)/obj/libtest.a: $(call objs,$(TESTLIB_SRC))
$(BUILD)/obj/libbench.a: $(call objs,$(BENCHLIB_SRC))
$(BUILD)/lib/libshmbus.a $(addprefix $(BUILD)/obj/,libshmif.a \
    libshmifctl.a libtest.a libbench.a):
	@mkdir -p $(@D)
	$(call say,AR $@)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/bin/shmif_dumpbus: $(call objs,$(DUMP_SRC))
$(BUILD)/bin/shmif_pcapin: $(call objs,$(IN_SRC))
$(addprefix $(BUILD)/bin/,shmif_dumpbus shmif_pcapin): private LDLIBS := \
	-lshmbus -lpcap
$(addprefix $(BUILD)/bin/,shmif_dumpbus shmif_pcapin): $(LIBSHMBUS:.1=)
	@mkdir -p $(@D)
	$(link_program)

$(BUILD)/bin/shmif_server: private LDLIBS := $(STACK_LIBS) -ljson-c
$(BUILD)/bin/shmif_server: $(call objs,$(SERVER_SRC)) $(LIBSHMIF:.1=) \
    $(LIBSHMBUS:.1=)
	@mkdir -p $(@D)
	$(link_program)

# It lives for less than a millisecond, a quarter of which would go into loading
# libraries: it is linked with none of a stack, and statically where there is
# what that takes.  It uses nothing that the C library loads later (names of
# hosts and users, character sets).  Not as a PIE: to relocate it is felt, too;
# LDFLAGS=-pie prevents all that.  Sanitizers have to be loaded.
static_lib = $(wildcard $(shell $(CC) -print-file-name=$(1)))
LIBJSON_A := $(call static_lib,libjson-c.a)
STATIC := $(if $(and $(LIBJSON_A),$(call static_lib,libc.a)),$(if \
	$(filter -fsanitize% -pie,$(LINK) $(CFLAGS) $(LDFLAGS)),,-static))
$(BUILD)/bin/shmifctl: private LDLIBS := $(or $(LIBJSON_A),-ljson-c) $(STATIC)
$(BUILD)/bin/shmifctl: $(call objs,$(CTL_SRC)) $(WIRE) $(BUILD)/lib/libshmbus.a
	@mkdir -p $(@D)
	$(link_program)

$(TESTPROGS): private RPATH := $(RPATH_TEST)
$(TESTPROGS): $(BUILD)/obj/libtest.a
$(call progs,$(UNIT_SRC)): $(BUILD)/obj/libshmif.a $(BUILD)/lib/libshmbus.a
$(call progs,$(UNIT_SRC)): private LDLIBS := \
	-lcmocka -lurcu-bp -lurcu-common -llwipv6 -ljson-c
$(call progs,$(filter tests/unit/shmifctl_%,$(UNIT_SRC))): \
    $(BUILD)/obj/libshmifctl.a
$(BUS_PROGS): $(LIBSHMBUS:.1=)
$(BUS_PROGS): private LDLIBS := -lshmbus
$(STACK_PROGS): $(LIBSHMIF:.1=) $(LIBSHMBUS:.1=)
$(STACK_PROGS): private LDLIBS := $(STACK_LIBS)
# The stack as it is, for comparison.
$(BUILD)/bench/tcp_vde: private LDLIBS := -llwipv6
$(BUILD)/obj/bench/memif.o: private CPPFLAGS += \
	$(patsubst -I%,-isystem %,$(shell pkg-config --cflags libdpdk))
$(BUILD)/bench/memif: private LDLIBS := -Wl,--as-needed -lrte_eal \
	-lrte_ethdev -lrte_mempool -lrte_mbuf
$(BENCHES): $(BUILD)/obj/libbench.a
$(filter-out $(call progs,$(UNIT_SRC)),$(TESTPROGS)): private LDLIBS += \
	-lcmocka

$(EXAMPLES) $(DEMOS) $(BENCHES) $(TESTPROGS): $(BUILD)/%: $(BUILD)/obj/%.o
	@mkdir -p $(@D)
	$(link_program)

# ---- fuzz targets ---------------------------------------------------------

# As tests, by the compiler of all the rest.
$(BUILD)/obj/fuzz/%.o: private CPPFLAGS += -Ifuzz -Ifuzz/stack -Idumpbus -Itests/lib
$(BUILD)/obj/libfuzz.a: $(call objs,$(FUZZLIB_SRC))
	@mkdir -p $(@D)
	$(call say,AR $@)rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/obj/fuzz/%.replay.o: fuzz/replay.c $(BUILD)/commands | $(FIRST)
	@mkdir -p $(@D)
	$(call say,CC $< for $*)$(COMPILE) $(OPT) -DFUZZ_TARGET='"$*"' \
	    $(CFLAGS) -c -o $@ $<

# By clang, all of it once more.  Objects, not archives: libshmif is to replace
# functions of the library that nobody here calls.
FUZZ_CC ?= clang-14
FUZZ_DIR := $(BUILD)/fuzz$(if $(GUARD),/guard)
FUZZ_SAN := $(if $(GUARD),undefined,address$(comma)undefined)
FUZZ_COMPILE = $(FUZZ_CC) -std=gnu11 -g -O1 -fno-omit-frame-pointer -pthread \
	-Wall -Wextra -fsanitize=fuzzer-no-link,$(FUZZ_SAN) \
	-fno-sanitize-recover=all -MMD -MP $(CPPFLAGS) -Ifuzz -Ifuzz/stack \
	-Idumpbus -Itests/lib
$(FUZZ_DIR)/obj/shmif/server/%.o: private CPPFLAGS += -DVERSION='"$(VERSION)"'
FUZZ_LINK = $(FUZZ_CC) -g -pthread -fsanitize=fuzzer,$(FUZZ_SAN)
fuzz_objs = $(patsubst %.c,$(FUZZ_DIR)/obj/%.o,$(1))

$(FUZZ_DIR)/obj/%.o: %.c $(BUILD)/commands Makefile | $(FIRST)
	@mkdir -p $(@D)
	$(call say,CLANG $<)$(FUZZ_COMPILE) -c -o $@ $<

# NAME: how target NAME is made, twice.
define fuzz_rules
$(BUILD)/fuzz/$(1)_test: $(call objs,fuzz/$(1).c fuzz/seeds/$(1).c \
    $(FUZZ_WITH_$(1))) $(BUILD)/obj/fuzz/$(1).replay.o $(BUILD)/obj/libfuzz.a \
    $(BUILD)/obj/libtest.a $(BUILD)/lib/libshmbus.a
	@mkdir -p $$(@D)
	$$(call say,LD $$@)$$(LINK) -o $$@ $$(filter %.o %.a,$$^) -lcmocka \
	    $(FUZZ_LIBS_$(1)) $$(LDFLAGS)
$(FUZZ_DIR)/$(1): $(call fuzz_objs,fuzz/$(1).c $(wildcard \
    fuzz/mutate/$(1).c) $(FUZZ_WITH_$(1)) $(FUZZLIB_SRC) $(BUS_SRC) \
    tests/lib/wallframes.c $(if $(GUARD),fuzz/guard.c))
	@mkdir -p $$(@D)
	$$(call say,LD $$@)$$(FUZZ_LINK) -o $$@ $$(filter %.o,$$^) -lcmocka \
	    $(FUZZ_LIBS_$(1))
-include $(patsubst %.c,$(FUZZ_DIR)/obj/%.d,fuzz/$(1).c fuzz/mutate/$(1).c \
    $(FUZZ_WITH_$(1)) $(FUZZLIB_SRC) $(BUS_SRC) tests/lib/wallframes.c) \
    $(patsubst %.c,$(BUILD)/obj/%.d,fuzz/$(1).c fuzz/seeds/$(1).c \
    $(FUZZ_WITH_$(1))) \
    $(BUILD)/obj/fuzz/$(1).replay.d
endef
$(foreach n,$(FUZZ_NAMES),$(eval $(call fuzz_rules,$(n))))

-include $(patsubst %.c,$(BUILD)/obj/%.d,$(FUZZLIB_SRC))
-include $(patsubst %.o,%.d,$(call objs,$(BUS_SRC) $(IF_SRC) \
	$(TOOL_SRC) $(EXAMPLE_SRC) $(DEMO_SRC) $(BENCH_SRC) $(BENCHLIB_SRC) \
	$(TEST_SRC) $(TESTLIB_SRC)))

# ---- running -------------------------------------------------------------

# What the scripts need to know of this build; with these in its environment a
# make that a test starts finds everything up to date.
RUN = BUILD='$(abspath $(BUILD))' SAN='$(SAN)' CC='$(CC)' WERROR='$(WERROR)' \
	CFLAGS='$(CFLAGS)' LDFLAGS='$(LDFLAGS)' MAKEFLAGS=

demo: all $(DEMOS) | $(FIRST)
	@$(RUN) demo/demo.sh

# bench.bats runs the benchmark's programs.
check: all $(TESTPROGS) $(FUZZTESTS) $(if $(SAN),,$(BENCHES)) | $(FIRST)
	@$(RUN) tests/run $(TESTS_C) $(BATS)

model: | $(FIRST)
	@$(RUN) model/run.sh

# The exit status tells.
fuzz: $(FUZZ_NAMES:%=$(FUZZ_DIR)/%) $(FUZZTESTS) | $(FIRST)
	@FUZZ='$(abspath $(FUZZ_DIR))' SEEDS='$(abspath $(BUILD)/fuzz)' \
	    TARGET='$(TARGET)' SECONDS_EACH='$(or $(SECONDS),60)' \
	    FUZZ_ARGS='$(FUZZ_ARGS)' fuzz/run $(FUZZ_NAMES)

# SECONDS=10, KILLS=, SEED=, PEOPLE=6, SLOTS=64, NAP=4000; the exit status
# tells.
storm: $(BUILD)/tests/storm/storm | $(FIRST)
	@$(if $(SECONDS),SECONDS=$(SECONDS)) $<

arm64: | $(FIRST)
	@$(RUN) tests/arm64

bench: all $(BENCHES) | $(FIRST)
	@$(RUN) bench/bench.sh

# ---- installing ----------------------------------------------------------

# One file does for both.
COMPLETED := shmif_dumpbus shmif_pcapin
MAN_INSTALLED := $(foreach p,$(MANPAGES),$(MANDIR)/$(p))
INSTALLED := $(BINS:$(BUILD)/bin/%=$(BINDIR)/%) \
	$(LIBS:$(BUILD)/lib/%=$(LIBDIR)/%) \
	$(addprefix $(INCLUDEDIR)/,$(notdir $(HEADERS))) \
	$(addprefix $(PKGCONFIGDIR)/,$(notdir $(PCFILES))) \
	$(EXTCAPDIR)/shmif \
	$(addprefix $(COMPLETIONDIR)/,$(COMPLETED)) \
	$(MAN_INSTALLED) \
	$(COMPLETIONS:ctl/%/bash-completion=$(COMPLETIONDIR)/%)

install: $(LIBS) $(BINS)
	$(INSTALL) -d $(addprefix $(DESTDIR),$(sort $(dir $(INSTALLED))))
	$(INSTALL) -m 755 $(BINS) $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 644 $(filter %.1 %.a,$(LIBS)) $(DESTDIR)$(LIBDIR)
	cp -P $(filter %.so,$(LIBS)) $(DESTDIR)$(LIBDIR)
	$(INSTALL) -m 644 $(HEADERS) $(DESTDIR)$(INCLUDEDIR)
	for f in $(PCFILES); do \
	    sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' $$f.in \
		>$(DESTDIR)$(PKGCONFIGDIR)/$${f##*/} && \
	    chmod 644 $(DESTDIR)$(PKGCONFIGDIR)/$${f##*/} || exit 1; \
	done
	sed -e 's|@BINDIR@|$(BINDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	    dumpbus/extcap/shmif.in >$(DESTDIR)$(EXTCAPDIR)/shmif
	chmod 755 $(DESTDIR)$(EXTCAPDIR)/shmif
	for f in $(COMPLETED); do \
	    $(INSTALL) -m 644 dumpbus/completion/shmif_dumpbus \
		$(DESTDIR)$(COMPLETIONDIR)/$$f || exit 1; \
	done
	for f in $(MANPAGES); do \
	    $(INSTALL) -m 644 $$f $(DESTDIR)$(MANDIR)/$$f || exit 1; \
	done
	for f in $(COMPLETIONS); do \
	    g=$${f#*/}; $(INSTALL) -m 644 $$f \
		$(DESTDIR)$(COMPLETIONDIR)/$${g%/*} || exit 1; \
	done
# The loader knows /usr/local/lib by its cache only.
	if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

# ---- looking after -------------------------------------------------------

C_FILES = $(BUS_SRC) $(IF_SRC) $(TOOL_SRC) $(EXAMPLE_SRC) $(DEMO_SRC) \
	$(BENCH_SRC) $(BENCHLIB_SRC) $(TEST_SRC) $(TESTLIB_SRC) \
	$(wildcard fuzz/*.c fuzz/*/*.c)
H_FILES = $(wildcard *bus/*.h *bus/*/*.h shmif/*.h shmif/*/*.h ctl/*/*.h \
	bench/*/*.h tests/*/*.h fuzz/*.h fuzz/*/*.h)

format:
	clang-format -i $(C_FILES) $(H_FILES)

lint_man:
	mandoc -Tlint -Wwarning $(MANPAGES)

lint: lint_man
	@if command -v cppcheck >/dev/null; then \
	    set -x; cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability \
		--suppress=missingIncludeSystem -D__x86_64__ -D__LP64__ -Ishmbus -Ishmif \
		$(BUS_SRC) $(IF_SRC) $(DUMP_SRC) $(EXAMPLE_SRC); \
	else echo 'cppcheck is not installed: left out'; fi
	@if command -v clang-format >/dev/null; then \
	    set -x; clang-format --dry-run --Werror $(C_FILES) $(H_FILES); \
	else echo 'clang-format is not installed: left out'; fi

clean:
	rm -rf $(BUILD)
