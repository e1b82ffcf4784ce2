# SPDX-License-Identifier: BSD-2-Clause
# Looking after the sources.

C_FILES = $(PRODUCT_SRC) $(DRIVER_SRC) $(EXAMPLE_SRC) $(LWIP_COMMON_SRC) $(DEMO_SRC) \
	$(BENCH_SRC) $(BENCHLIB_SRC) $(TEST_SRC) $(TESTLIB_SRC) \
	$(wildcard fuzz/*.c fuzz/*/*.c)
H_FILES = $(wildcard */*.h */*/*.h */*/*/*.h */*/*/*/*.h)

# Other versions format otherwise, and find other things.
CLANG_FORMAT ?= clang-format-14
CLANG_TIDY ?= clang-tidy-14
CPPCHECK ?= cppcheck
lint_tidy: export TIDY_FLAGS = -std=gnu11 $(CPPFLAGS) $(LWIP_HEADERS) -Istack/lwip -DVERSION="$(VERSION)"
# Without lwIP's headers its driver cannot be looked into.
LINTED := $(DRIVER_SRC) $(if $(LWIP_TREE),$(PRODUCT_SRC) $(EXAMPLE_SRC) $(LWIP_COMMON_SRC), \
	$(filter-out $(LWIP_SRC) $(LWIP_NETIF_SRC),$(PRODUCT_SRC) $(EXAMPLE_SRC)))
# Where packages cannot be installed.
left_out = { echo '$(1) is not installed: left out'; exit; }

format:
	$(CLANG_FORMAT) -i $(C_FILES) $(H_FILES)

lint: lint_man lint_format lint_cppcheck lint_tidy lint_abi

# What the libraries offer is what it was: mk/dumps, which make abi writes.
ABI_LIBS := $(LIBSHMBUS) $(LIBSHMIF) $(LIBMSOCKET) $(LIBSHMIF_LWIP)
lint_abi: $(if $(SAN),,$(ABI_LIBS)) | $(FIRST)
	@command -v abidw >/dev/null || $(call left_out,abidw); \
	echo '+ abidiff'; mk/abi check mk/dumps $(ABI_LIBS)

abi: $(ABI_LIBS)
	mk/abi write mk/dumps $^

lint_man: | $(FIRST)
	mandoc -Tlint -Wwarning $(MANPAGES)

lint_format: | $(FIRST)
	@command -v $(CLANG_FORMAT) >/dev/null || \
	    $(call left_out,$(CLANG_FORMAT)); \
	echo '+ $(CLANG_FORMAT)'; \
	$(CLANG_FORMAT) --dry-run --Werror $(C_FILES) $(H_FILES)

# NETIF_FOREACH is lwIP's, whose headers need not be here; cppcheck has to know
# that it is a loop.
lint_cppcheck: | $(FIRST)
	@command -v $(CPPCHECK) >/dev/null || $(call left_out,$(CPPCHECK)); \
	echo '+ $(CPPCHECK)'; \
	$(CPPCHECK) -j "$$(nproc)" --quiet --std=c11 \
	    --error-exitcode=1 --inline-suppr \
	    --enable=warning,performance,portability \
	    --suppress=missingIncludeSystem -D__x86_64__ -D__LP64__ \
	    '-DNETIF_FOREACH(n)=while (((n) = netif_next(n)) != 0)' \
	    $(filter -I%,$(CPPFLAGS)) $(filter %.c,$(LINTED))

# What clang-tidy looks for is in .clang-tidy.  Each file has a process of its
# own: with several files in one, version 14 finds faults in va_list that are
# not there.
lint_tidy: | $(FIRST)
	@command -v $(CLANG_TIDY) >/dev/null || $(call left_out,$(CLANG_TIDY)); \
	echo '+ $(CLANG_TIDY)'; \
	printf '%s\n' $(filter %.c,$(LINTED)) | \
	    xargs -n 1 -P "$$(nproc)" sh -c ' \
		out=$$($(CLANG_TIDY) --quiet "$$0" -- $$TIDY_FLAGS 2>&1) || \
		    { printf "%s\n" "$$out"; exit 1; }'

# The programs of the tests are not part of the table.  A program that is
# killed leaves no trace in it.  All flags are in CFLAGS, as a make that a test
# starts would else make everything again.  Some tests do not go with what is
# preloaded; the table comes all the same.
COVERAGE := $(abspath $(BUILD))/coverage
coverage: | $(FIRST)
	@mkdir -p $(COVERAGE)
	@find $(COVERAGE) -name '*.gcda' -delete
	$(CC) -fPIC -c -o $(COVERAGE)/enter.o mk/coverage.c
	$(CC) -fPIC -shared -DPRELOAD -o $(COVERAGE)/preload.so mk/coverage.c
	-LD_PRELOAD='$(COVERAGE)/preload.so' $(MAKE) BUILD='$(COVERAGE)' \
	    WERROR=0 CFLAGS='-O1 --coverage -fprofile-update=atomic' \
	    LDFLAGS='--coverage $(COVERAGE)/enter.o' check
	gcovr --root . --object-directory $(COVERAGE) \
	    $(PRODUCT_DIRS:%/=--filter '%/') --sort-percentage \
	    --output $(COVERAGE)/table $(COVERAGE)
	@cat $(COVERAGE)/table

clean:
	rm -rf $(BUILD)
