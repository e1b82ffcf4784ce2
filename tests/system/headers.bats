#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The public header of the bus stands alone, as C and as C++, of any dialect,
# with all warnings, and what it declares is what the library exports.

setup() {
	cd "$BATS_TEST_TMPDIR"
}

compiles() { # LANGUAGE STANDARD
	printf '#include "shmbus.h"\n#include "shmbus.h"\n' >"t.$1"
	"${CC:-gcc}" -x "$1" -std="$2" -Wall -Wextra -Wconversion \
	    -pedantic -Werror -I"$TOP/shmbus" -fsyntax-only "t.$1"
}

@test "shmbus.h alone as C" {
	compiles c c99
	compiles c gnu11
	compiles c c2x
}

@test "shmbus.h alone as C++" {
	compiles c++ c++11
	compiles c++ gnu++20
}

@test "every function of shmbus.h is exported, and nothing else" {
	"${CC:-gcc}" -E -P "$TOP/shmbus/shmbus.h" |
	    grep -oE '\bshmbus_[a-z_]+ ?\(' | tr -d ' (' | sort -u >declared
	nm -D --defined-only "$BUILD/lib/libshmbus.so.1" |
	    awk '$2 ~ /[TDBRV]/ { sub("@.*", "", $3); print $3 }' |
	    sort -u >exported
	diff declared exported
}
