# SPDX-License-Identifier: BSD-2-Clause
# Running: the demo, the tests, and all that takes longer.

# What the scripts need to know of this build; with these in its environment a
# make that a test starts finds everything up to date.
RUN = BUILD='$(abspath $(BUILD))' SAN='$(SAN)' WERROR='$(WERROR)' \
	CC='$(CC)' CFLAGS='$(CFLAGS)' CXX='$(CXX)' CXXFLAGS='$(CXXFLAGS)' \
	LDFLAGS='$(LDFLAGS)' LWIP_DIR='$(abspath $(LWIP_TREE))' \
	LWIP='$(if $(LWIP_TREE),1,0)' MAKEFLAGS=

# Not all: what it runs, and what that needs.
demo: $(filter %/peer_$(or $(STACK),lwipv6),$(DEMOS)) $(LIBSHMBUS) \
    $(BUILD)/bin/shmif_dumpbus | $(FIRST)
	@$(RUN) STACK='$(STACK)' demo/demo.sh

# bench.bats runs the benchmark's programs, demo.bats those of the demo.
check: all $(TESTPROGS) $(FUZZTESTS) $(if $(SAN),,$(BENCHES)) $(DEMOS) | $(FIRST)
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

# N=10000, SEED=, STACK=lwip; the exit status tells.
differential: all $(BUILD)/tests/system/mstackdiff | $(FIRST)
	@BUILD='$(abspath $(BUILD))' N='$(or $(N),10000)' SEED='$(SEED)' \
	    STACK='$(STACK)' tests/differential

# CPython's own tests of sockets: MODULES=, STACKS=; tests/cpython/run.
cpython: all | $(FIRST)
	@BUILD='$(abspath $(BUILD))' STACKS='$(or $(STACKS),lwipv6 $(if \
	    $(LWIP_TREE),lwip))' tests/cpython/run $(MODULES)

# Streams of bytes through mstack, RUNS=200 on either stack.
mstack_exact: all | $(FIRST)
	@for stack in lwipv6 $(if $(LWIP_TREE),lwip); do \
	    TEST_STACK=$$stack TOP='$(CURDIR)' $(RUN) SEED='$(SEED)' \
	    RUNS='$(or $(RUNS),200)' bats -f 'every byte' \
	    tests/system/mstack_bulk.bats || exit; done

# Programs that nobody installs for this: those that are there.
check_programs: all | $(FIRST)
	@PROGRAMS=all $(RUN) TESTS= tests/run tests/system/mstack_programs.bats \
	    tests/system/mstack_remote.bats tests/system/mstack_heavy.bats
	@$(if $(LWIP_TREE),TEST_STACK=lwip PROGRAMS=all $(RUN) TESTS= \
	    tests/run tests/system/mstack_programs.bats \
	    tests/system/mstack_remote.bats tests/system/mstack_heavy.bats)

arm64: | $(FIRST)
	@$(RUN) tests/arm64

# Guests of QEMU, buses of several hosts, a minute of killing plugs.
joins: all $(TESTPROGS) | $(FIRST)
	@GUESTS=1 HOSTS=1 CHURN=60 TESTS='system/(vde|wire)' $(RUN) \
	    tests/run $(BATS)

# The checks by a raw peer, each of which names its RFC.
conform: all $(BUILD)/tests/conform/host | $(FIRST)
	@$(RUN) tests/conform/run $(CONFORM)

# What buses of 2 to 16 hosts cost; as root.
bench_hosts: all $(BUILD)/tests/system/busfeed | $(FIRST)
	@mkdir -p $(BUILD)/bench
	@BUILD='$(abspath $(BUILD))' bench/hosts.sh

bench: all $(BENCHES) | $(FIRST)
	@$(RUN) bench/bench.sh
