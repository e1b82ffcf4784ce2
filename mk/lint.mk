# SPDX-License-Identifier: BSD-2-Clause
# Looking after the sources.

C_FILES = $(BUS_SRC) $(IF_SRC) $(TOOL_SRC) $(EXAMPLE_SRC) $(DEMO_SRC) \
	$(BENCH_SRC) $(BENCHLIB_SRC) $(TEST_SRC) $(TESTLIB_SRC) \
	$(wildcard fuzz/*.c fuzz/*/*.c)
H_FILES = $(wildcard */*.h */*/*.h */*/*/*.h)

format:
	clang-format -i $(C_FILES) $(H_FILES)

lint_man:
	mandoc -Tlint -Wwarning $(MANPAGES)

lint: lint_man
	@if command -v cppcheck >/dev/null; then \
	    set -x; cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability \
		--suppress=missingIncludeSystem -D__x86_64__ -D__LP64__ -I. -Ishmbus -Ishmif \
		$(BUS_SRC) $(IF_SRC) $(DUMP_SRC) $(EXAMPLE_SRC); \
	else echo 'cppcheck is not installed: left out'; fi
	@if command -v clang-format >/dev/null; then \
	    set -x; clang-format --dry-run --Werror $(C_FILES) $(H_FILES); \
	else echo 'clang-format is not installed: left out'; fi

clean:
	rm -rf $(BUILD)
