# SPDX-License-Identifier: BSD-2-Clause
# How things are compiled and linked.

# ---- flags ----------------------------------------------------------------

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

# Ours name headers from the root; programs name the public ones as installed.
CPPFLAGS += -D_GNU_SOURCE -I. -Ishmbus -Ishmif -Istack/lwipv6/include
# What a version script does not export stays inside: let the compiler know
# that no function of ours is replaced from outside.
COMPILE = $(CC) -std=gnu11 -g -fPIC -fno-semantic-interposition -pthread \
	$(WARN) $(SANFLAGS) -MMD -MP $(CPPFLAGS)
# Only examples are in C++.
COMPILE_CXX = $(CXX) -g -fPIC -pthread \
	$(filter-out -Wstrict-prototypes,$(WARN)) $(SANFLAGS) -MMD -MP $(CPPFLAGS)
LINK = $(CC) -g -pthread $(SANFLAGS)
LIBPATH = -L$(BUILD)/lib
# A library that leaves something undefined is found out here, but for what
# the sanitizers bring.
LINK_LIB = $(LINK) -shared $(if $(SAN),,-Wl,-z,defs)
RPATH := -Wl,-rpath,'$$ORIGIN/../lib'
RPATH_TEST := -Wl,-rpath,'$$ORIGIN/../../lib'
RPATH_LIB := -Wl,-rpath,'$$ORIGIN'

# ---- rules ---------------------------------------------------------------

ifeq ($(V),)
say = @echo '  $(1)';
endif

# Changes when the commands do, and everything is made again.
$(BUILD)/commands: export COMMANDS = $(COMPILE) $(COMPILE_CXX) $(OPT) \
	$(OPT_RING) $(CFLAGS) $(CXXFLAGS) \
	$(LINK) $(STATIC) $(LDFLAGS) $(IF_LIBS) $(VERSION)
$(BUILD)/commands: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$COMMANDS" | cmp -s - $@ || \
	    printf '%s\n' "$$COMMANDS" >$@

# Likewise when a file was added, renamed or removed: what is made of lists of
# them is made again.
$(BUILD)/lists: export LISTS = $(sort $(PRODUCT_SRC) $(TESTLIB_SRC) \
	$(BENCHLIB_SRC) $(FUZZLIB_SRC))
$(BUILD)/lists: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$LISTS" | cmp -s - $@ || printf '%s\n' "$$LISTS" >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/commands | $(FIRST)
	@mkdir -p $(@D)
	$(call say,CC $<)$(COMPILE) $(OPT) $(CFLAGS) -c -o $@ $<

$(BUILD)/obj/%.o: %.cc $(BUILD)/commands | $(FIRST)
	@mkdir -p $(@D)
	$(call say,CXX $<)$(COMPILE_CXX) $(OPT) $(CXXFLAGS) -c -o $@ $<

$(BUILD)/obj/shmbus/ring.o: private OPT := $(OPT_RING)
$(addprefix $(BUILD)/obj/,base/tool.o dumpbus/%.o ctl/%.o): \
    private CPPFLAGS += -DVERSION='"$(VERSION)"'

link_program = $(call say,LD $@)$(LINK) $(RPATH) -o $@ \
	$(filter %.o %.a,$^) $(LIBPATH) $(LDLIBS) $(LDFLAGS)

$(LIBSHMBUS): $(call objs,$(BUS_SRC)) shmbus/libshmbus.map $(BUILD)/lists
	@mkdir -p $(@D)
	$(call say,LD $@)$(LINK_LIB) -Wl,-soname,$(@F) \
	    -Wl,--version-script=shmbus/libshmbus.map -o $@ \
	    $(filter %.o,$^) $(LDFLAGS)

# What it exports: the public functions, and those of the stack's library that
# it replaces.
$(BUILD)/obj/libshmif.map: stack/lwipv6/libshmif.map.in shmif/shmif.exports \
    stack/lwipv6/replace/names.h
	@mkdir -p $(@D)
	$(call say,CPP $@)$(CC) -E -P -undef -I. -x c -o $@ $<

$(LIBSHMIF): $(call objs,$(IF_SRC)) $(BUILD)/obj/libshmif.map $(BUILD)/lists \
    $(LIBSHMBUS:.1=)
	@mkdir -p $(@D)
	$(call say,LD $@)$(LINK_LIB) -Wl,-soname,$(@F) $(RPATH_LIB) \
	    -Wl,--version-script=$(BUILD)/obj/libshmif.map \
	    -o $@ $(filter %.o,$^) $(LIBPATH) -lshmbus -lurcu-bp \
	    -lurcu-common -llwipv6 $(IF_LIBS) $(LDFLAGS)

# What it takes of the bus is inside, and it stays where it was loaded: a handler
# of signals may be in it.
$(BUILD)/lib/vdeplug/libvdeplug_shmif.so: $(call objs,$(VDE_SRC) $(BASE_SRC)) \
    $(BUILD)/lib/libshmbus.a vde/plug.map
	@mkdir -p $(@D)
	$(call say,LD $@)$(LINK_LIB) -Wl,-soname,$(@F) -Wl,-z,nodelete \
	    -Wl,--version-script=vde/plug.map -o $@ $(filter %.o %.a,$^) \
	    -lvdeplug_mod $(LDFLAGS)

$(LIBMSOCKET): $(call objs,$(MSOCKET_SRC)) mstack/libmsocket.map
	@mkdir -p $(@D)
	$(call say,LD $@)$(LINK_LIB) -Wl,-soname,$(@F) \
	    -Wl,--version-script=mstack/libmsocket.map -o $@ \
	    $(filter %.o,$^) $(LDFLAGS)

$(BUILD)/lib/%.so: $(BUILD)/lib/%.so.1
	@ln -sf $(<F) $@

$(BUILD)/lib/libshmbus.a: $(call objs,$(BUS_SRC))
# For unit tests only: not installed.
$(BUILD)/obj/libshmif.a: $(call objs,$(IF_SRC))
$(BUILD)/obj/libshmifctl.a: $(call objs,$(filter-out %/main.c,$(CTL_SRC))) \
    $(call objs,$(WIRE_SRC) $(BASE_SRC))
$(BUILD)/obj/libwire.a: $(call objs,$(filter wire/weather% wire/learn% \
    wire/queue% wire/words%,$(WIRETOOL_SRC)) $(BASE_SRC))
$(BUILD)/obj/libtest.a: $(call objs,$(TESTLIB_SRC))
$(BUILD)/obj/libbench.a: $(call objs,$(BENCHLIB_SRC))
$(BUILD)/lib/libshmbus.a $(addprefix $(BUILD)/obj/,libshmif.a \
    libshmifctl.a libwire.a libtest.a libbench.a): $(BUILD)/lists
	@mkdir -p $(@D)
	$(call say,AR $@)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

$(BINS): $(BUILD)/lists
$(BUILD)/bin/shmif_dumpbus: $(call objs,$(DUMP_SRC) $(BASE_SRC) \
    $(TOOLBASE_SRC))
$(BUILD)/bin/shmif_pcapin: $(call objs,$(IN_SRC) $(BASE_SRC) \
    $(TOOLBASE_SRC))
$(addprefix $(BUILD)/bin/,shmif_dumpbus shmif_pcapin): private LDLIBS := \
	-lshmbus -lpcap
$(addprefix $(BUILD)/bin/,shmif_dumpbus shmif_pcapin): $(LIBSHMBUS:.1=)
	@mkdir -p $(@D)
	$(link_program)

$(BUILD)/bin/shmif_server: private LDLIBS := $(STACK_LIBS) -ljson-c
$(BUILD)/bin/shmif_server: $(call objs,$(SERVER_SRC) $(BASE_SRC) \
    $(TOOLBASE_SRC)) \
    $(LIBSHMIF:.1=) $(LIBSHMBUS:.1=)
	@mkdir -p $(@D)
	$(link_program)

# It lives for less than a millisecond, a quarter of which would go into loading
# libraries: it is linked with none of a stack, and statically where there is
# what that takes.  It uses nothing that the C library loads later (names of
# hosts and users, character sets).  Not as a PIE: to relocate it is felt, too;
# LDFLAGS=-pie prevents all that.  Sanitizers have to be loaded.
static_lib = $(wildcard $(shell $(CC) -print-file-name=$(1) 2>/dev/null))
LIBJSON_A := $(call static_lib,libjson-c.a)
STATIC := $(if $(and $(LIBJSON_A),$(call static_lib,libc.a)),$(if \
	$(filter -fsanitize% -pie,$(LINK) $(CFLAGS) $(LDFLAGS)),,-static))
$(BUILD)/bin/shmifctl: private LDLIBS := $(or $(LIBJSON_A),-ljson-c) $(STATIC)
$(BUILD)/bin/shmifctl: $(call objs,$(CTL_SRC) $(WIRE_SRC) $(BASE_SRC) \
    $(TOOLBASE_SRC)) \
    $(BUILD)/lib/libshmbus.a
	@mkdir -p $(@D)
	$(link_program)

$(BUILD)/bin/mstack: private LDLIBS := -lseccomp
$(BUILD)/bin/mstack: $(call objs,$(MSTACK_SRC) $(WIRE_SRC) $(TOOLBASE_SRC) \
    $(BASE_SRC))
	@mkdir -p $(@D)
	$(link_program)

# libvdeplug, if it is there, is loaded for an end that needs it.
$(BUILD)/bin/shmif_wire: private LDLIBS := -ljson-c -lm -ldl
$(BUILD)/bin/shmif_wire: $(call objs,$(WIRETOOL_SRC) $(BASE_SRC) \
    $(TOOLBASE_SRC)) \
    $(BUILD)/lib/libshmbus.a
	@mkdir -p $(@D)
	$(link_program)

$(BUILD)/bin/shmif_top: private LDLIBS := -ljson-c -lncursesw -ltinfo -lm
$(BUILD)/bin/shmif_top: $(call objs,$(TOP_SRC) $(BASE_SRC) \
    $(TOOLBASE_SRC)) \
    $(BUILD)/lib/libshmbus.a
	@mkdir -p $(@D)
	$(link_program)

$(TESTPROGS): private RPATH := $(RPATH_TEST)
$(TESTPROGS): $(BUILD)/obj/libtest.a
$(call progs,$(UNIT_SRC)): $(BUILD)/obj/libshmif.a $(BUILD)/lib/libshmbus.a
# The table of cures brings all of them along out of the archive.
$(call progs,$(UNIT_SRC)): private LDLIBS := \
	-Wl,-u,lwipv6_cures -lcmocka -lurcu-bp -lurcu-common -llwipv6 -ljson-c
$(call progs,$(filter tests/unit/shmifctl_%,$(UNIT_SRC))): \
    $(BUILD)/obj/libshmifctl.a
$(call progs,$(filter tests/unit/wire_%,$(UNIT_SRC))): $(BUILD)/obj/libwire.a
$(call progs,$(filter tests/unit/wire_%,$(UNIT_SRC))): private LDLIBS += -lm
$(BUS_PROGS): $(LIBSHMBUS:.1=)
$(BUS_PROGS): private LDLIBS := -lshmbus
$(STACK_PROGS): $(LIBSHMIF:.1=) $(LIBSHMBUS:.1=)
$(STACK_PROGS): private LDLIBS := $(STACK_LIBS)
$(call progs,$(filter %.cc,$(EXAMPLE_SRC))): private LDLIBS += -lstdc++
$(BUILD)/tests/system/vdetalk: private LDLIBS := -lvdeplug
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
