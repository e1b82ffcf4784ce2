# SPDX-License-Identifier: BSD-2-Clause
# Fuzz targets.

# As tests, by the compiler of all the rest.
$(BUILD)/obj/libfuzz.a: $(call objs,$(FUZZLIB_SRC)) $(BUILD)/lists
	@mkdir -p $(@D)
	$(call say,AR $@)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
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
	-fno-sanitize-recover=all -MMD -MP $(CPPFLAGS)
$(addprefix $(FUZZ_DIR)/obj/,base/tool.o ctl/serve/%.o): private CPPFLAGS += -DVERSION='"$(VERSION)"'
FUZZ_LINK = $(FUZZ_CC) -g -pthread -fsanitize=fuzzer,$(FUZZ_SAN)
fuzz_objs = $(patsubst %.c,$(FUZZ_DIR)/obj/%.o,$(1))

$(FUZZ_DIR)/obj/%.o: %.c $(BUILD)/commands Makefile | $(FIRST)
	@mkdir -p $(@D)
	$(call say,CLANG $<)$(FUZZ_COMPILE) -c -o $@ $<

# NAME: how target NAME is made, twice.
define fuzz_rules
$(BUILD)/fuzz/$(1)_test: $(call objs,fuzz/$(1).c fuzz/seeds/$(1).c \
    $(FUZZ_WITH_$(1))) $(FUZZ_OBJS_$(1)) $(BUILD)/obj/fuzz/$(1).replay.o $(BUILD)/obj/libfuzz.a \
    $(BUILD)/obj/libtest.a $(BUILD)/lib/libshmbus.a
	@mkdir -p $$(@D)
	$$(call say,LD $$@)$$(LINK) -o $$@ $$(filter %.o %.a,$$^) -lcmocka \
	    $(FUZZ_LIBS_$(1)) $$(LDFLAGS)
$(FUZZ_DIR)/$(1): $(call fuzz_objs,fuzz/$(1).c $(wildcard \
    fuzz/mutate/$(1).c) $(FUZZ_WITH_$(1)) $(FUZZLIB_SRC) $(BUS_SRC) \
    tests/lib/wallframes.c $(if $(GUARD),fuzz/guard.c)) $(FUZZ_CLANG_$(1))
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
-include $(patsubst %.o,%.d,$(call objs,$(PRODUCT_SRC) \
	$(EXAMPLE_SRC) $(DEMO_SRC) $(BENCH_SRC) $(BENCHLIB_SRC) \
	$(TEST_SRC) $(TESTLIB_SRC)))
