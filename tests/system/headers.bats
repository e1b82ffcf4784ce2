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

@test "the driver for simulators is C99 on libshmbus.a, and one file" {
	local t=$TOP/examples
	printf '#include "eth_driver.h"\nint main(void) { return 0; }\n' >t.cc
	"${CXX:-g++}" -std=c++98 -Wall -Wextra -pedantic -Werror -I"$t" \
	    -fsyntax-only t.cc
	cat >user.c <<-'END'
	#include "eth_driver.h"
	#include <stdio.h>
	#include <string.h>
	#include <unistd.h>
	int main(void) {
		unsigned char out[1514] = { 2, 1, 1, 1, 1, 1 }, in[1514];
		const unsigned char mac[6] = { 2, 1, 1, 1, 1, 1 };
		struct eth_driver *a, *b;
		if (eth_driver_open(&a, "bus", NULL, "a") != 0 ||
		    eth_driver_open(&b, "bus", mac, "b") != 0)
			return 1;
		if (eth_driver_recv(b, in, sizeof(in)) != 0 ||
		    eth_driver_wait(b, 0) != 0)
			return 2;
		out[1513] = 7;
		if (eth_driver_send(a, out, 1514) != 0 ||
		    eth_driver_send(a, out, 60) != 0 ||
		    eth_driver_send(a, out, 1600) == 0)
			return 3;
		if (eth_driver_wait(b, -1) != 1 ||
		    eth_driver_recv(b, in, 1000) != 60 ||
		    eth_driver_dropped(b) != 1)
			return 4;
		eth_driver_send(a, out, 1514);
		if (eth_driver_recv(b, in, sizeof(in)) != 1514 ||
		    memcmp(in, out, 1514) != 0 || eth_driver_mtu(b) != 1500)
			return 5;
		if (!eth_driver_link(a) || truncate("bus", 4096) != 0 ||
		    eth_driver_link(a) || eth_driver_recv(a, in, 1514) != -1 ||
		    eth_driver_wait(a, -1) != -1)
			return 6;
		eth_driver_close(a);
		eth_driver_close(b);
		puts("fine");
		return 0;
	}
	END
	"${CC:-gcc}" -std=c99 -pedantic -Wall -Wextra -Wconversion -Werror \
	    -I"$t" -I"$TOP/shmbus" -c "$t/eth_driver.c"
	nm -u eth_driver.o >needed
	! grep pthread needed
	"${CC:-gcc}" -std=c99 -D_DEFAULT_SOURCE -pedantic -Wall -Wextra -Werror \
	    ${SAN:+"-fsanitize=$SAN"} -I"$t" user.c eth_driver.o \
	    "$BUILD/lib/libshmbus.a" -o user
	[ "$(./user)" = fine ]
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

@test "every call of the companion header is in shmif(3), Sockets" {
	local top=$TOP
	echo '#include "stack/lwipv6/include/shmif_lwipv6.h"' |
	    "${CC:-cc}" -E -P -I"$top" -I"$top/shmif" -I"$top/shmbus" -xc - |
	    grep -oE '\blwip_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u \
	    >"$BATS_TEST_TMPDIR/calls"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/calls")" -ge 50 ]
	sed -n '/^\.Ss Sockets/,/^\.Ss C++/p' "$top/man3/shmif.3" |
	    sed -n 's/^\.Fn \(lwip_[a-z0-9_]*\).*/\1/p' | sort -u \
	    >"$BATS_TEST_TMPDIR/told"
	# lwip_ifup() and another are macros, and not among them.
	comm -23 "$BATS_TEST_TMPDIR/calls" "$BATS_TEST_TMPDIR/told" >missing
	cat missing
	[ ! -s missing ]
}

@test "man(1), whatis(1) and apropos(1) find all pages by what is their NAME" {
	command -v lexgrog >/dev/null || skip "man-db is not installed"
	local top=$TOP page name
	for page in "$top"/man?/*.[1-9]; do
		name=${page##*/}
		lexgrog "$page" | grep -qE ": \"${name%.*}( |,).*- .+\"\$" ||
		    { lexgrog "$page"; return 1; }
	done
}
