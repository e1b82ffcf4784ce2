#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The public header of the bus stands alone, as C and as C++, of any dialect,
# with all warnings, and what it declares is what the library exports.  With
# shmif_lwipv6.h in the place of lwipv6.h the same holds for programs that have
# a stack: they are compiled, linked and run as each dialect.

setup() {
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	BUILD=${BUILD:-$TOP/build}
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
	compiles c++ c++98
	compiles c++ c++11
	compiles c++ gnu++20
}

# made LANGUAGE STANDARD SOURCE... - PROGRAM is made of them, as a program
# outside of the tree would be.
made() {
	local cc=${CC:-gcc}
	[ "$1" = c ] || cc=${CXX:-g++}
	"$cc" -std="$2" -Wall -Wextra -Wshadow -Wconversion -pedantic -Werror \
	    -I"$TOP/shmbus" -I"$TOP/shmif" -I"$TOP/stack/lwipv6/include" \
	    -x "$1" "${@:3}" -x none -o program -L"$BUILD/lib" -lshmif \
	    -lshmbus -llwipv6 -Wl,-rpath,"$BUILD/lib"
}

# The program that waits in all ways, in each dialect.
dialects() { # LANGUAGE STANDARD...
	local standard
	[ -z "${SHMIF_SAN-}" ] || skip "a sanitizer has to be linked first"
	for standard in "${@:2}"; do
		echo "$1 $standard"
		rm -f program
		made "$1" "$standard" "$TOP/tests/system/dialect.c"
		[ "$(./program bus)" = "over the bus" ]
	done
}

@test "a program with a stack, in strict C and in GNU's" {
	dialects c c99 gnu99 c11 gnu11 c17 gnu17 c2x
}

@test "a program with a stack, in strict C++ and in GNU's" {
	dialects c++ c++98 gnu++98 c++11 gnu++11 c++17 gnu++17 c++20 gnu++20
}

@test "shmif_lwipv6.h in several files of one program, and beside std::stack" {
	[ -z "${SHMIF_SAN-}" ] || skip "a sanitizer has to be linked first"
	cat >one.cc <<-'END'
	#include <stack>
	#include <vector>
	#include <shmif_lwipv6.h>
	using namespace std;
	struct ::stack *mine(int);
	int main()
	{
		std::stack<int> numbers;
		vector<int> one(1, 7);
		numbers.push(one[0]);
		return mine(-1) != 0 || numbers.top() != 7;
	}
	END
	cat >two.cc <<-'END'
	#include <shmif_lwipv6.h>
	struct stack *mine(int);
	struct stack *mine(int ifnum)
	{
		struct shmif_info info;
		return shmif_info(ifnum, &info) == 0 ? shmif_stack(ifnum) : 0;
	}
	END
	made c++ c++98 one.cc two.cc
	./program
}

@test "the example of shmif(3) in C++" {
	[ -z "${SHMIF_SAN-}" ] || skip "a sanitizer has to be linked first"
	sed -n '/^#include <shmif_lwipv6.h>/,/^.Ed/{/^.Ed/!p}' \
	    "$TOP/man3/shmif.3" | sed 's/\\e/\\/g' >example.cc
	made c++ c++98 example.cc
	[[ $(./program) == "a socket: "[0-9]* ]]
}

@test "the example in C++, also as C++98" {
	[ -z "${SHMIF_SAN-}" ] || skip "a sanitizer has to be linked first"
	made c++ c++98 "$TOP/examples/greet.cc"
	"$BUILD/examples/hello" bus server 3>&- &
	local server=$! program
	until "$BUILD/bin/shmif_dumpbus" -h bus | grep -q hello; do
		kill -0 $server
		sleep 0.05
	done
	for program in ./program "$BUILD/examples/greet"; do
		# The server may not listen yet.
		until [ "$("$program" bus)" = "hello over shared memory" ]; do
			kill -0 $server
			sleep 0.1
		done
	done
	kill $server
}

@test "every function of shmbus.h is exported, and nothing else" {
	"${CC:-gcc}" -E -P "$TOP/shmbus/shmbus.h" |
	    grep -oE '\bshmbus_[a-z_]+ ?\(' | tr -d ' (' | sort -u >declared
	nm -D --defined-only "$BUILD/lib/libshmbus.so.1" |
	    awk '$2 ~ /[TDBRV]/ { sub("@.*", "", $3); print $3 }' |
	    sort -u >exported
	diff declared exported
}
