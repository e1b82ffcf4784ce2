# SPDX-License-Identifier: BSD-2-Clause
# How lwIP and libshmif-lwip are made; see mk/lwip.mk.

ifneq ($(LWIP_TREE),)

# The files of each part, as lwIP lists them itself.
LWIPDIR := $(LWIP_TREE)/src
include $(LWIPDIR)/Filelists.mk
LWIP_THEIRS := $(wildcard $(sort $(COREFILES) $(CORE4FILES) $(CORE6FILES) \
	$(APIFILES) $(LWIPDIR)/netif/ethernet.c))
LWIP_OBJS := $(LWIP_THEIRS:$(LWIPDIR)/%.c=$(BUILD)/obj/lwip/%.o)
LWIP_HEADERS := -Istack/lwip/include -isystem $(LWIPDIR)/include
# gcc lists no header that a system header includes.
LWIP_PORT := $(wildcard stack/lwip/include/*.h stack/lwip/include/*/*.h)
# Their warnings are theirs.  What UndefinedBehaviorSanitizer finds there
# (shifts, alignment) is harmless on the machines of this build.
$(BUILD)/obj/lwip/%.o: $(LWIPDIR)/%.c $(LWIP_PORT) $(BUILD)/commands | $(FIRST)
	@mkdir -p $(@D)
	$(call say,CC lwIP $*.c)$(COMPILE) $(OPT) $(LWIP_HEADERS) -w \
	    -DLWIP_ALTCP_TLS=0 $(if $(SAN),-fno-sanitize=undefined) $(CFLAGS) \
	    -c -o $@ $<
$(call objs,$(LWIP_SRC)): $(LWIP_PORT)
$(BUILD)/obj/stack/lwip/%.o: private CPPFLAGS += $(LWIP_HEADERS)
-include $(LWIP_OBJS:.o=.d) $(patsubst %.o,%.d,$(call objs,$(LWIP_SRC)))

# What is public: ours, and all that lwIP has.
LWIP_MAP := $(BUILD)/obj/lwip/libshmif-lwip.map
$(LWIP_MAP): $(LWIP_OBJS) $(BUILD)/obj/stack/lwip/sys_arch.o
	@{ echo 'SHMIF_LWIP_1 {'; echo 'global:'; echo '	shmif_*;'; \
	    nm -g --defined-only $^ | awk 'NF == 3 { print "\t" $$3 ";" }' | \
	    sort -u; echo 'local:'; echo '	*;'; echo '};'; } >$@

$(LIBSHMIF_LWIP): $(call objs,$(CORE_SRC) $(LWIP_SRC) $(IF_SERVER_SRC) \
    $(BASE_SRC)) $(LWIP_OBJS) $(LWIP_MAP) $(LIBSHMBUS:.1=)
	@mkdir -p $(@D)
	$(call say,LD $@)$(LINK_LIB) -Wl,-soname,$(@F) $(RPATH_LIB) \
	    -Wl,--version-script=$(LWIP_MAP) -o $@ $(filter %.o,$^) \
	    $(LIBPATH) -lshmbus -lurcu-bp -lurcu-common $(IF_LIBS) $(LDFLAGS)

$(BUILD)/bin/shmif_server-lwip: private LDLIBS := -lshmif-lwip -lshmbus \
	-ljson-c
$(BUILD)/bin/shmif_server-lwip: $(call objs,$(SERVER_SRC) $(BASE_SRC) \
    $(TOOLBASE_SRC)) $(LIBSHMIF_LWIP:.1=) $(LIBSHMBUS:.1=)
	@mkdir -p $(@D)
	$(link_program)

# Its applications: an archive, of which a program takes what it uses.  The
# core's altcp_alloc.c once more, with TLS.
LWIP_APPS := $(wildcard $(sort $(SNMPFILES) $(HTTPFILES) $(LWIPERFFILES) \
	$(SMTPFILES) $(SNTPFILES) $(MDNSFILES) $(NETBIOSNSFILES) $(TFTPFILES) \
	$(MQTTFILES) $(MBEDTLS_FILES)) $(LWIPDIR)/core/altcp_alloc.c)
LWIP_APPS_OBJS := $(LWIP_APPS:$(LWIPDIR)/%.c=$(BUILD)/obj/lwip-apps/%.o)
# As arch/apps.h finds out, too.
MBEDTLS := $(if $(wildcard /usr/include/mbedtls/ssl_internal.h),-lmbedtls \
	-lmbedx509 -lmbedcrypto)
$(BUILD)/obj/lwip-apps/%.o: $(LWIPDIR)/%.c $(LWIP_PORT) $(BUILD)/commands | $(FIRST)
	@mkdir -p $(@D)
	$(call say,CC lwIP $*.c)$(COMPILE) $(OPT) $(LWIP_HEADERS) -w \
	    $(LWIP_APP_FLAGS) $(if $(SAN),-fno-sanitize=undefined) $(CFLAGS) \
	    -c -o $@ $<
# What the faults of some demand is told in a header that is read before them.
LWIP_MENDED := lwiperf/lwiperf:lwiperf tftp/tftp_server:tftp tftp/tftp:tftp \
	mqtt/mqtt:mqtt \
	http/http_client:http_client smtp/smtp:smtp \
	netbiosns/netbiosns:netbiosns http/altcp_proxyconnect:altcp_free \
	altcp_tls/altcp_tls_mbedtls:altcp_free snmp/snmp_raw:whole \
	mdns/mdns:whole sntp/sntp:whole
define lwip_mended
$(foreach d,obj fuzz/obj fuzz/guard/obj,$(BUILD)/$(d)/lwip-apps/apps/$(1).o): \
    private LWIP_APP_FLAGS := -include stack/lwip/include/arch/$(2).h
endef
$(foreach m,$(LWIP_MENDED),$(eval $(call lwip_mended,$(word 1,$(subst :, \
    ,$(m))),$(word 2,$(subst :, ,$(m))))))
$(LIBLWIP_APPS): $(LWIP_APPS_OBJS) $(call objs,$(LWIP_APPS_SRC))
	@mkdir -p $(@D)
	$(call say,AR $@)rm -f $@ && $(AR) rcs $@ $^
-include $(LWIP_APPS_OBJS:.o=.d)

$(BUILD)/obj/liblwipexamples.a: $(call objs,$(LWIP_COMMON_SRC))
	@mkdir -p $(@D)
	$(call say,AR $@)rm -f $@ && $(AR) rcs $@ $^
$(call objs,$(LWIP_COMMON_SRC)): $(LWIP_PORT)
$(call objs,$(LWIP_COMMON_SRC)): private CPPFLAGS += $(LWIP_HEADERS)

$(call objs,$(LWIP_PROG_SRC)): $(LWIP_PORT)
$(call objs,$(LWIP_PROG_SRC)): private CPPFLAGS += $(LWIP_HEADERS)
$(call progs,$(LWIP_PROG_SRC)): $(LIBSHMIF_LWIP:.1=) $(LIBSHMBUS:.1=)
$(call progs,$(filter examples/%,$(LWIP_PROG_SRC))): private RPATH := $(RPATH_TEST)
$(call progs,$(LWIP_PROG_SRC)): private LDLIBS := -lshmif-lwip -lshmbus
$(call progs,$(filter tests/%_test.c,$(LWIP_PROG_SRC))): private LDLIBS += \
	-lcmocka
# What the applications ask a program for is in what the examples share.
LWIP_EXAMPLES := $(call progs,$(filter examples/%,$(LWIP_PROG_SRC)))
$(LWIP_EXAMPLES): $(LIBLWIP_APPS) $(BUILD)/obj/liblwipexamples.a
$(LWIP_EXAMPLES): private LDLIBS := -Wl,--as-needed -Wl,--start-group \
	$(BUILD)/obj/liblwipexamples.a $(LIBLWIP_APPS) -Wl,--end-group \
	-lshmif-lwip -lshmbus $(MBEDTLS)

# lwIP once more for the fuzzer, by clang.
FUZZ_OBJS_lwip := $(LWIP_OBJS)
FUZZ_CLANG_lwip = $(LWIP_THEIRS:$(LWIPDIR)/%.c=$(FUZZ_DIR)/obj/lwip/%.o)
$(BUILD)/fuzz$(if $(GUARD),/guard)/obj/lwip/%.o: $(LWIPDIR)/%.c $(LWIP_PORT) \
    $(BUILD)/commands | $(FIRST)
	@mkdir -p $(@D)
	$(call say,CLANG lwIP $*.c)$(FUZZ_COMPILE) $(LWIP_HEADERS) -w \
	    -DLWIP_ALTCP_TLS=0 -fno-sanitize=undefined -c -o $@ $<
$(BUILD)/obj/fuzz/lwip.o $(BUILD)/fuzz/obj/fuzz/lwip.o \
    $(BUILD)/fuzz/guard/obj/fuzz/lwip.o: private CPPFLAGS += $(LWIP_HEADERS)
$(BUILD)/fuzz/obj/stack/lwip/%.o $(BUILD)/fuzz/guard/obj/stack/lwip/%.o: \
    private CPPFLAGS += $(LWIP_HEADERS)

# And its applications; the core's altcp_alloc.c is without TLS.
FUZZ_OBJS_lwipapps := $(filter-out %/core/altcp_alloc.o,$(LWIP_OBJS)) \
	$(LWIP_APPS_OBJS)
FUZZ_CLANG_lwipapps = $(filter-out %/core/altcp_alloc.o,$(FUZZ_CLANG_lwip)) \
	$(LWIP_APPS:$(LWIPDIR)/%.c=$(FUZZ_DIR)/obj/lwip-apps/%.o)
FUZZ_LIBS_lwipapps += $(MBEDTLS)
$(BUILD)/fuzz/obj/stack/lwip/apps/%.o $(BUILD)/fuzz/guard/obj/stack/lwip/apps/%.o: \
    private CPPFLAGS += $(LWIP_HEADERS)
$(BUILD)/fuzz$(if $(GUARD),/guard)/obj/lwip-apps/%.o: $(LWIPDIR)/%.c \
    $(LWIP_PORT) $(BUILD)/commands | $(FIRST)
	@mkdir -p $(@D)
	$(call say,CLANG lwIP $*.c)$(FUZZ_COMPILE) $(LWIP_HEADERS) -w \
	    $(LWIP_APP_FLAGS) -fno-sanitize=undefined -c -o $@ $<
$(BUILD)/obj/fuzz/lwipapps.o $(BUILD)/fuzz/obj/fuzz/lwipapps.o \
    $(BUILD)/fuzz/guard/obj/fuzz/lwipapps.o: private CPPFLAGS += $(LWIP_HEADERS)
$(addprefix $(BUILD)/,$(addsuffix /examples/lwip/common/%.o,fuzz/obj \
    fuzz/guard/obj)): private CPPFLAGS += $(LWIP_HEADERS)

# lwIP's applications, each with a real client or server, and all configurations
# of the interface that is compiled in.
.PHONY: lwip_apps
lwip_apps: all | $(FIRST)
	@$(RUN) ALL=1 TEST_JOBS=$(or $(TEST_JOBS),2) tests/run \
	    $(LWIP_APPS_BATS) tests/lwip/netif.bats

# Every byte between two stacks: all cases of the test of transfers, RUNS times
# with KIB each, also at an MTU of 9000 with loss.  It takes hours.
.PHONY: lwip_exact
lwip_exact: all $(BUILD)/tests/lwip/transfer_test \
    $(BUILD)/tests/lwip/mover_lwip $(BUILD)/tests/lwip/mover_lwipv6 | $(FIRST)
	@$(RUN) RUNS='$(or $(RUNS),50)' KIB='$(or $(KIB),262144)' WHOLE=1 \
	    nice -n 15 $(BUILD)/tests/lwip/transfer_test

endif
