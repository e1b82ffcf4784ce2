# SPDX-License-Identifier: BSD-2-Clause
#
# make            libraries, programs and examples: build/lib, bin, examples
# make demo       two stacks on one bus, start to finish; STACK=lwip: mainline
#                 lwIP
# make check      all tests, TEST_JOBS=N (four for each processor) side by side;
#                 TESTS=regex selects by file name
#                 SAN=address,undefined or SAN=thread: under sanitizers
# make model      the ring's model, checked by spin; QUICK=1 for a minute
# make fuzz       libFuzzer, see fuzz/fuzz.h; TARGET=name, SECONDS=N each
#                 GUARD=1: pages around all memory instead of sanitizers
# make conform    a raw peer checks lwipv6 by the RFCs (tests/conform)
# make joins      what joins a bus to others: guests of QEMU, buses of several
#                 hosts (namespaces) by three engines, plugs killed for a minute
# make storm      many processes, killed and stopped at random; SECONDS=N
# make differential  random programs of socket calls, by the kernel and by a
#                 stack under mstack, give the same; N=10000 SEED= STACK=
# make mstack_exact  every byte of streams through mstack, RUNS=200 SEED=
# make cpython    CPython's own tests of sockets under mstack; a table, and those
#                 failures that tests/cpython/expected does not know
# make check_programs  large programs under mstack: PostgreSQL, Java, Go, each
#                 skipped where it is not installed
# make lwip_exact every byte between lwIP and lwIP, lwIP and lwipv6, RUNS=50
#                 times KIB=262144: for hours
# make lwip_apps  lwIP's applications, each with a real client or server
# make arm64      compiled for aarch64, the tests run by qemu-user
# make bench      what it can do here, beside others; QUICK=1 for a minute
# make bench_hosts  what buses of 2 to 16 hosts (namespaces) cost, see docs/hosts.md
# make bench-deps installs those others: peers that are not there are skipped
# make install    into PREFIX (/usr/local), below DESTDIR
# make uninstall  takes the same files away
# make product    what make install installs
# make deb        Debian packages, in build/deb
# make deb_check  installs, upgrades, tests and removes them in a Debian of their
#                 own, as root
# make doc        HTML of all documents, in build/doc
# make deps       installs the Debian packages that are missing to build and
#                 test; demo, check and bench do that by themselves
# make lint       clang-tidy, cppcheck, clang-format and mandoc find nothing, and
#                 the ABI of the libraries is that of mk/dumps
# make abi        writes mk/dumps anew
# make coverage   a table of what make check runs of each file of the product
# make format     C sources through clang-format
# make clean      removes the build directory
# make help       shows this
#
# BUILD=dir       builds there instead of in build/
# CFLAGS, LDFLAGS come last and win;  V=1 shows the commands
# VDE=            without the plug-in of libvdeplug; not for make check
# SERVER=0        libshmif without the control server, which needs libjson-c, and
#                 without shmif_server and shmifctl; not for make check
# WERROR=0        for a compiler whose warnings were never seen here

VERSION := 0.2.0
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
# Where libvdeplug looks for its plug-ins, after its own folder vdeplug: where
# the loader does.
VDEPLUGDIR ?= $(LIBDIR)
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
# Where Debian's python3 looks: what is not Debian's own has its version in the
# path.
PYTHON_VERSION = $(or $(shell python3 -c 'import sys; \
	print("%d.%d" % sys.version_info[:2])' 2>/dev/null),3.11)
PYTHONDIR ?= $(PREFIX)/lib/python$(if \
	$(filter /usr,$(PREFIX)),3,$(PYTHON_VERSION))/dist-packages
INSTALL ?= install

.DEFAULT_GOAL := all
comma := ,
BUILD ?= build$(if $(SAN),/san-$(subst $(comma),+,$(SAN)))
# One name for it, also where a test gives its absolute path: what depends on
# which header is written down with this name.
override BUILD := $(patsubst $(CURDIR)/%,%,$(abspath $(BUILD)))
WERROR ?= 1
SERVER ?= 1
# Not empty: there is libvdeplug, whose plug-in is made.
VDE ?= $(wildcard /usr/include/libvdeplug_mod.h)

PACKAGES := gcc g++ make pkg-config libc6-dev liblwipv6-dev liburcu-dev \
	libatomic-ops-dev libpcap-dev libcmocka-dev bats perl \
	mandoc tcpdump iproute2 vde-switch libvdeplug-dev \
	$(if $(filter 0,$(LWIP)),,libmbedtls-dev) \
	$(if $(filter 0,$(SERVER)),,libjson-c-dev \
	libseccomp-dev libncurses-dev)
# PACKAGES_goal: what make goal needs beside them.
PACKAGES_check := tmux lowdown vde2 dnsmasq-base tshark python3 python3-pytest python3-scapy curl wget netcat-openbsd socat iputils-ping
PACKAGES_lwip_apps := $(PACKAGES_check) cmake openssl dnsmasq-base chrony \
	samba-common-bin tftp-hpa mosquitto mosquitto-clients snmp iperf
PACKAGES_joins := $(PACKAGES_check) qemu-system-x86 linux-image-cloud-amd64 \
	busybox-static cpio kmod openvswitch-switch radvd vdens udhcpc passt
PACKAGES_cpython := python3 libpython3.11-testsuite
PACKAGES_conform := python3-scapy python3-pytest
PACKAGES_lint := clang-tidy-14 clang-format-14 cppcheck abigail-tools
PACKAGES_coverage := $(PACKAGES_check) gcovr
PACKAGES_model := spin
PACKAGES_arm64 := gcc-aarch64-linux-gnu qemu-user
PACKAGES_deb := debhelper dh-python dpkg-dev lintian
PACKAGES_deb_check := $(PACKAGES_deb) debootstrap
PACKAGES_doc := lowdown mandoc
PACKAGES_fuzz := clang-14 libclang-rt-14-dev
# What the bench compares with, counts and draws with; it goes without, too.
PACKAGES_bench-deps := dpdk-dev librte-net-memif23 librte-mempool-ring23 \
	vde-switch libvdeplug2 iproute2 strace gnuplot-nox \
	passt slirp4netns apache2-utils

# ---- packages ------------------------------------------------------------

# The demo alone is content with less.
ifeq ($(MAKECMDGOALS),demo)
PACKAGES := gcc make libc6-dev liblwipv6-dev liburcu-dev libatomic-ops-dev \
	libpcap-dev tcpdump $(if $(filter 0,$(SERVER)),,libjson-c-dev)
endif
PACKAGES += $(foreach g,$(MAKECMDGOALS),$(PACKAGES_$(g)))
# Before anything is compiled, but only where the user did not ask for a mere
# build.
ifneq ($(filter demo check joins conform coverage bench storm differential model \
    check_programs mstack_exact lwip_apps \
    arm64 fuzz lint deb deb_check doc,$(MAKECMDGOALS)),)
FIRST := deps
endif

# The first thing that is said where there is none.
ifneq ($(filter all product install lwip,$(or $(MAKECMDGOALS),all)),)
ifeq ($(shell command -v $(firstword $(CC)) 2>/dev/null),)
$(error $(CC): there is no such compiler: "make deps" installs what is missing)
endif
endif

deps bench-deps:
	@.ci/deps $(PACKAGES)

# ---- what there is -------------------------------------------------------

objs = $(patsubst %,$(BUILD)/obj/%.o,$(basename $(1)))
progs = $(addprefix $(BUILD)/,$(basename $(1)))

# Each folder lists its sources.
FILES_MK := $(sort $(wildcard */files.mk stack/*/files.mk))
include $(FILES_MK)
# Where lwIP's source is, and what is left out without it.
include mk/lwip.mk

# The stack that libshmif carries.
IF_SRC = $(CORE_SRC) $(LWIPV6_SRC) $(IF_SERVER_SRC) $(BASE_SRC)
ifeq ($(SERVER),0)
IF_SERVER_SRC = $(NOSERVE_SRC)
TOOLS :=
else
IF_SERVER_SRC = $(SERVE_SRC) $(MSERVE_SRC) $(WIRE_SRC)
IF_LIBS := -ljson-c
TOOLS := shmif_server $(LWIP_SERVER) shmifctl mstack shmif_wire shmif_top
endif
TOOL_SRC := $(sort $(DUMP_SRC) $(IN_SRC) $(SERVER_SRC) $(CTL_SRC) $(MSTACK_SRC) \
	$(WIRETOOL_SRC) $(TOP_SRC) \
	$(TOOLBASE_SRC))

# The product: what is in the folders whose files.mk is a list.  The others take
# every file that they have.
PRODUCT_DIRS := $(filter-out bench/ demo/ examples/ fuzz/ tests/, \
	$(dir $(FILES_MK)))
PRODUCT_SRC := $(filter $(addsuffix %,$(PRODUCT_DIRS)), \
	$(sort $(foreach v,$(filter %_SRC,$(.VARIABLES)),$($(v)))))
STRAY := $(filter-out $(PRODUCT_SRC),$(shell find $(PRODUCT_DIRS) -name '*.c'))
ifneq ($(STRAY),)
$(error $(STRAY): in the files.mk of no folder, so nobody would compile it)
endif

LIBSHMBUS := $(BUILD)/lib/libshmbus.so.1
LIBSHMIF := $(BUILD)/lib/libshmif.so.1
LIBMSOCKET := $(BUILD)/lib/libmsocket.so.1
VDEPLUG := $(if $(VDE),$(BUILD)/lib/vdeplug/libvdeplug_shmif.so)
LIBS := $(LIBSHMBUS) $(LIBSHMBUS:.1=) $(BUILD)/lib/libshmbus.a \
	$(LIBSHMIF) $(LIBSHMIF:.1=) $(LIBSHMIF_LWIP) $(LIBSHMIF_LWIP:.1=) \
	$(LIBLWIP_APPS) \
	$(LIBMSOCKET) $(LIBMSOCKET:.1=)
TOOLS := shmif_dumpbus shmif_pcapin $(TOOLS)
BINS := $(TOOLS:%=$(BUILD)/bin/%)
EXAMPLES := $(call progs,$(EXAMPLE_SRC))
DEMOS := $(call progs,$(DEMO_SRC))
BENCHES := $(call progs,$(BENCH_SRC))
TESTPROGS := $(call progs,$(TEST_SRC))
FUZZTESTS := $(FUZZ_NAMES:%=$(BUILD)/fuzz/%_test)
TESTS_C := $(filter %_test,$(TESTPROGS)) $(FUZZTESTS)
HEADERS := shmbus/shmbus.h shmif/shmif.h \
	stack/lwipv6/include/shmif_lwipv6.h mstack/msocket.h
PCFILES := shmbus/shmbus.pc shmif/shmif.pc mstack/msocket.pc \
	$(if $(LWIP_TREE),stack/lwip/shmif-lwip.pc stack/lwip/shmif-lwip-apps.pc)
MANPAGES := $(wildcard man?/*.[1-9])
# ctl/NAME/bash-completion is for the program NAME.
COMPLETIONS := $(wildcard $(TOOLS:%=ctl/%/bash-completion))

# Whoever includes a header of the interface or of the stack is linked with
# them, the rest with the bus alone.
SHARED_SRC := $(filter-out $(LWIP_PROG_SRC),$(EXAMPLE_SRC) $(DEMO_SRC) $(BENCH_SRC) \
	$(PUBLIC_SRC))
ifneq ($(strip $(SHARED_SRC)),)
STACK_SRC := $(shell grep -lE '^\#[[:space:]]*include.*(shmif|lwipv6)' \
	$(SHARED_SRC))
endif
STACK_PROGS := $(call progs,$(STACK_SRC))
BUS_PROGS := $(call progs,$(filter-out $(STACK_SRC),$(SHARED_SRC)))

# libshmif replaces functions of liblwipv6: it has to come first everywhere.
STACK_LIBS := -lshmif -lshmbus -llwipv6

.PHONY: all product deb deb_check doc demo check check_programs mstack_exact cpython conform model storm differential arm64 fuzz bench install uninstall deps \
	bench-deps format lint lint_man lint_format lint_cppcheck lint_tidy lint_abi abi coverage clean \
	help FORCE
.DELETE_ON_ERROR:
# Objects are kept.
.SECONDARY:

all: $(LIBS) $(VDEPLUG) $(BINS) $(EXAMPLES)

help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' Makefile

include mk/rules.mk mk/lwip_rules.mk mk/fuzz.mk mk/test.mk mk/install.mk mk/doc.mk \
	mk/lint.mk
