#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# shmif_netif.c, compiled into five programs that each have an lwIP with options
# of its own (examples/lwip/firmware), on one bus with lwipv6.
#
# A sample: two of the programs, and the one whose driver is for simulators
# (examples/eth_driver.c).  ALL=1, which make lwip_apps sets: all of them, as
# installed too, and the headers in every order and language.
#
# slow: 6

load ../lib/mstack

if [ -n "${ALL-}" ]; then
	KINDS="loop event locked mailbox simulated"
else
	KINDS="event locked simulated"
fi

# firmware [VARIABLE=VALUE...] - makes them; their objects are kept in the build.
firmware() {
	local sanitize='' theirs=-w
	if [ -n "${SAN-}" ]; then
		sanitize="-fsanitize=$SAN -fno-sanitize-recover=all"
		# As in libshmif-lwip: what it finds in lwIP is lwIP's.
		theirs="-w -fno-sanitize=undefined"
	fi
	out=$BUILD/firmware
	mkdir -p "$out"
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS flock "$out" \
	    make -s -f "$TOP/examples/lwip/firmware/Makefile" \
	    LWIP_DIR="$LWIP_DIR" OUT="$out" NETIF_DIR="$TOP/stack/lwip" \
	    BUS_CFLAGS="-I$TOP/shmbus" BUS_LIBS="$BUILD/lib/libshmbus.a" \
	    BUS_DEPS="$BUILD/lib/libshmbus.a" CC="${CC:-cc}" \
	    CFLAGS="-O1 -g $sanitize -Wall -Wextra -Wno-unused-parameter" \
	    LWIP_CFLAGS="$theirs -O0 -g0" KINDS="$KINDS" "$@" 3>&-
}

tree() {
	: "${LWIP_DIR:=$TOP/build/lwip-source/lwip}"
	[ -f "$LWIP_DIR/src/Filelists.mk" ] || skip "no source of lwIP"
	[ -f "$LWIP_DIR/port/sys_arch.c" ] ||
	    [ -f "$LWIP_DIR/contrib/ports/unix/port/sys_arch.c" ] ||
	    skip "this lwIP has no port for UNIX"
}

# all_up - all of them on the bus, and lwipv6 as a, 10.0.0.1.
declare -gA AT=([loop]=10.0.0.11 [event]=10.0.0.12 [locked]=10.0.0.13
	[mailbox]=10.0.0.14 [simulated]=10.0.0.16)
declare -gA FW
all_up() {
	local kind
	tree
	firmware
	mkfifo input
	exec 7<>input
	for kind in $KINDS; do
		INPUT=input start $kind.out "$out/$kind/firmware" bus \
		    "${AT[$kind]}"
		FW[$kind]=$PID
	done
	for kind in $KINDS; do
		until_true grep -q ready $kind.out || {
			cat $kind.out.err
			return 1
		}
	done
	serve a
	on a shmif0 create linkstr "$HERE/bus" inet 10.0.0.1/24 up
}

@test "each kind answers pings, also large ones, and takes itself off" {
	local kind ll
	all_up
	for kind in $KINDS; do
		echo "$kind"
		on a ping -c 2 "${AT[$kind]}"
		on a ping -c 1 -s 1472 "${AT[$kind]}"
	done
	ll=$(sed -n 's/^ready //p' event.out)
	on a ping -c 1 "${ll,,}%shmif0" || on a ping -c 1 "${ll,,}"
	for kind in $KINDS; do
		[ $kind != event ] || continue
		kill "${FW[$kind]}"
		finished "${FW[$kind]}" 0
	done
	# What it polls beside the bus is its input.
	: >closed
	INPUT=closed start event2.out "$out/event/firmware" bus 10.0.0.15
	finished $PID 0
	run "$dump" -h bus
	[[ $output != *dead* ]]
}

@test "each kind gives back every byte of a connection" {
	mstack=$BUILD/bin/mstack
	can_notify || skip "the kernel has no seccomp notifications"
	all_up
	at a python3 - $(for kind in $KINDS; do echo "${AT[$kind]}"; done) <<-'END'
	import hashlib, socket, sys, threading
	data = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(8000))
	def talk(to):
	    s = socket.create_connection((to, 7), 30)
	    s.settimeout(50)
	    t = threading.Thread(target=lambda: (s.sendall(data),
	                         s.shutdown(socket.SHUT_WR)))
	    t.start()
	    got = b""
	    while True:
	        piece = s.recv(65536)
	        if not piece:
	            break
	        got += piece
	    t.join()
	    if got != data:
	        sys.exit("%s: %d of %d bytes, %s" % (to, len(got), len(data),
	                 "wrong" if data[:len(got)] != got else "the first"))
	for to in sys.argv[1:]:
	    talk(to)
	END
}

@test "a bus that is cut short ends each kind's use of it, and no kind" {
	local kind
	all_up
	truncate -s 8192 bus
	for kind in $KINDS; do
		case $kind in
		loop | event | simulated) # they have a loop, and end by themselves
			finished "${FW[$kind]}" 1 ;;
		*)
			kill "${FW[$kind]}"
			finished "${FW[$kind]}" 0 ;;
		esac
	done
}

@test "an address by PPP over Ethernet, from a concentrator in Python" {
	[ -n "${ALL-}" ] || skip "make lwip_apps does it"
	[ -z "${SAN-}" ] || skip "a sanitizer has to be linked first"
	need python3
	tree
	KINDS=pppoe firmware
	export PYTHONPATH=$TOP/python PYTHONDONTWRITEBYTECODE=1
	export LD_LIBRARY_PATH=$BUILD/lib
	start ac python3 "$TOP/tests/lwip/concentrator" "$HERE/bus" ada secret
	ac=$PID
	until_true grep -q serving ac || { cat ac.err; return 1; }
	start pppoe.out "$out/pppoe/firmware" bus ada secret
	until_true grep -q pong ac || { cat ac ac.err pppoe.out; return 1; }
	cat ac pppoe.out
	grep -q '^PADR True' ac
	grep -q '^PAP ada True' ac
	grep -q '^pong 10.64.0.2' ac
	grep -q '^address 10.64.0.2' pppoe.out
	grep -q '^peer 10.64.0.1' pppoe.out
	grep -q '^mtu 1492' pppoe.out
	kill "$PID"
	finished "$PID" 0
	finished "$ac" 0
	grep -q terminated ac
	# With another password there is no session.
	start ac python3 "$TOP/tests/lwip/concentrator" "$HERE/bus" ada secret
	until_true grep -q serving ac
	start pppoe.out "$out/pppoe/firmware" bus ada wrong
	finished "$PID" 0
	grep -q '^PAP ada False' ac
	grep -q '^ended' pppoe.out
	! grep -q ready pppoe.out
}

@test "a path that is no bus is refused" {
	local kind
	tree
	firmware
	echo "no bus" >file
	for kind in $KINDS; do
		run -1 "$out/$kind/firmware" file 10.0.0.11
		[[ $output == *"file: "* ]]
	done
}

@test "the headers in one file with lwIP's, in either order, C and C++" {
	local order language languages
	tree
	languages=("c -std=gnu11" "c++ -std=c++20")
	[ -z "${ALL-}" ] || languages+=("c -std=c99" "c++ -std=c++98")
	local port=$LWIP_DIR/port
	[ -d "$port" ] || port=$LWIP_DIR/contrib/ports/unix/port
	for order in "lwip/sockets.h shmif_netif.h shmbus.h" \
	    "shmif_netif.h shmbus.h lwip/sockets.h" \
	    "shmbus.h lwip/netif.h shmif_netif.h lwip/sockets.h"; do
		printf '#include "%s"\n' $order >t.c
		echo 'int f(struct shmif_netif *p, struct iovec *v);' >>t.c
		for language in "${languages[@]}"; do
			echo "$order: $language"
			"${CC:-gcc}" -x $language -D_DEFAULT_SOURCE -Wall \
			    -Wextra -Wconversion -Werror -fsyntax-only \
			    -I"$TOP/examples/lwip/firmware/locked" \
			    -isystem "$LWIP_DIR/src/include" \
			    -isystem "$port/include" -I"$TOP/stack/lwip" \
			    -I"$TOP/shmbus" t.c
		done
	done
}

@test "as installed, with pkg-config: by make, and by CMake" {
	[ -n "${ALL-}" ] || skip "make lwip_apps does it"
	tree
	[ -z "${SAN-}" ] || skip "a sanitizer has to be linked first"
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$TOP" install \
	    DESTDIR=/ PREFIX="$HERE/usr" 3>&-
	[ -f usr/share/shmif/shmif_netif.c ]
	export PKG_CONFIG_PATH=$HERE/usr/lib/pkgconfig
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -j2 \
	    -f "$TOP/examples/lwip/firmware/Makefile" LWIP_DIR="$LWIP_DIR" \
	    OUT="$HERE/out" CFLAGS=-O0 "$HERE/out/loop/firmware" 3>&-
	command -v cmake >/dev/null || skip "cmake is not installed"
	cmake -S "$TOP/examples/lwip/firmware" -B cm -DLWIP_DIR="$LWIP_DIR" \
	    >cmake.log 3>&- || { cat cmake.log; return 1; }
	cmake --build cm >>cmake.log 3>&- || { cat cmake.log; return 1; }
	for program in out/loop/firmware cm/loop; do
		LD_LIBRARY_PATH=$HERE/usr/lib start o "./$program" bus 10.0.0.9
		until_true grep -q ready o
		kill $PID
		finished $PID 0
	done
}
