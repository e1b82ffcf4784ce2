#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shmif_server: a process that is a stack, and the interfaces it is told to make
#
# slow: 45

bats_require_minimum_version 1.5.0
load ../lib/jobs

setup()
{
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	BUILD=${BUILD:-$TOP/build}
	server=$BUILD/bin/shmif_server
	fetch=$BUILD/examples/fetch
	# bats keeps files of its own in the folder above.
	mkdir "$BATS_TEST_TMPDIR/here" && cd "$BATS_TEST_TMPDIR/here" || return
}

teardown()
{
	end_all
}

# background NAME ARGUMENT... - a server at unix://NAME; its pid is in $PID
background()
{
	local name=$1
	shift
	PID=$("$server" -d "$@" "unix://$name" 3>&- 4>&-) || return
	PIDS="$PIDS $PID"
}

ask()
{
	"$BUILD/tests/system/ctlask" "$@"
}

gone()
{
	! kill -0 "$1" 2>/dev/null
}

# in_namespace COMMAND... - with a network of its own, where that is allowed
in_namespace()
{
	unshare -rn true 2>/dev/null || skip "no network namespace to be had"
	unshare -rn "$@"
}

@test "help, version, and what is not understood" {
	run "$server" --help
	[ "$status" = 0 ]
	[[ $output == usage:* ]]
	run "$server" --version
	[ "$status" = 0 ]
	[[ $output == "shmif_server "* ]]
	local args
	for args in "" "a b" "-x unix://a" "-t bsd unix://a" \
	    "-o sl0 -o sl0 unix://a" "-o"; do
		# shellcheck disable=SC2086
		run "$server" $args
		[ "$status" = 2 ]
		[[ $output == *"Try 'shmif_server --help'."* ]]
	done
	[ -z "$(ls)" ]
}

@test "a place that cannot be had: one line, status 1" {
	touch file
	local url
	for url in unix:a /tmp/x unix:// unix:///nowhere/a unix://file \
	    "unix://$(printf 'x%.0s' {1..110})"; do
		run "$server" "$url"
		[ "$status" = 1 ]
		[[ ${lines[-1]} == "shmif_server: $url: "* ]]
		[ "${#lines[@]}" = 2 ] # no interface is the other one
		run "$server" -d "$url"
		[ "$status" = 1 ]
	done
	[ "$(ls)" = file ]
}

@test "in the background: pid printed, 0600, ended by SIGTERM, socket gone" {
	background a
	[ "$(stat -c %a a)" = 600 ]
	ask a "{'op':'hello'}" | grep "\"pid\":$PID,"
	kill -TERM "$PID"
	until_true gone "$PID"
	[ -z "$(ls)" ]
}

@test "in the foreground, ended by SIGINT" {
	env --default-signal=INT "$server" -v -f "unix://a" >out 2>&1 3>&- &
	PIDS="$PIDS $!"
	until_true test -S a
	until_true grep "pid $!" out
	grep "no interface yet" out
	ask a "{'op':'hello'}" | grep '"forwarding":true'
	kill -INT $!
	wait $!
	[ ! -e a ]
}

@test "halted over the socket" {
	background a
	ask a "{'op':'halt'}"
	[ ! -e a ]
	until_true gone "$PID"
}

@test "a second server is refused, and the first one lives" {
	background a
	run "$server" unix://a
	[ "$status" = 1 ]
	[[ $output == *"a server is running there already" ]]
	run "$server" -d -o sh0=bus unix://a
	[ "$status" = 1 ]
	[ ! -e bus ]
	ask a "{'op':'hello'}"
}

@test "a killed server's socket is taken over" {
	background a
	kill -KILL "$PID"
	until_true gone "$PID"
	[ -S a ]
	background a
	ask a "{'op':'hello'}" | grep "\"pid\":$PID,"
}

@test "-o: buses, numbers, quotes, slirp" {
	background a -o "sh2='bus,2',sh0=bus0,sl1"
	ask a "{'op':'show'}" >out
	grep -o '"name":"[a-z0-9]*"' out >names
	[ "$(tr -d '\n' <names)" = '"name":"lo0""name":"sl0""name":"sl1"'`
	    `'"name":"shmif0""name":"shmif1""name":"shmif2"' ]
	grep '"path":"bus0"' out
	grep '"path":"bus,2"' out
	[ -e "bus,2" ]
}

@test "-o: what is not understood makes nothing" {
	local list
	for list in xy0 sh sh0=bus,vd sl0=x ra vd0= "'sh0=bus" sh10=bus , \
	    sh0=bus,ra=/nowhere sh0=bus,sh1=/nowhere/bus; do
		run "$server" -o "$list" unix://a
		[ "$status" = 1 ]
		[[ ${lines[0]} == shmif_server:* ]]
		[ "${#lines[@]}" = 1 ]
		[ ! -e a ]
	done
}

@test "two servers on one bus ping each other, over IPv4 and IPv6" {
	background a -o sh0=bus
	background b -o sh0=bus
	ask a "{'op':'addr_add','if':'shmif0','addr':'10.0.0.1/24'}" \
	    "{'op':'addr_add','if':'shmif0','addr':'fd00::1/64'}" \
	    "{'op':'up','if':'shmif0'}"
	ask b "{'op':'addr_add','if':'shmif0','addr':'10.0.0.2/24'}" \
	    "{'op':'addr_add','if':'shmif0','addr':'fd00::2/64'}" \
	    "{'op':'up','if':'shmif0'}"
	pings() { ask a "{'op':'ping','host':'$1','count':2,'interval_ms':50}" |
	    grep '"received":2'; }
	until_true pings 10.0.0.2
	until_true pings fd00::2
}

@test "dhcp: a client asks, until it is told to stop" {
	background a -o sh0=bus
	ask a "{'op':'dhcp','if':'shmif0','on':true}" \
	    "{'op':'show','if':'shmif0'}" | grep '"up":true.*"dhcp":true'
	asked() { "$BUILD/bin/shmif_dumpbus" bus |
	    grep -F '0.0.0.0.68 > 255.255.255.255.67'; }
	until_true asked
	ask a "{'op':'dhcp','if':'shmif0','on':false}" \
	    "{'op':'show','if':'shmif0'}" | grep '"dhcp":false'
	ask a "{'op':'destroy','if':'shmif0'}"
}

@test "ra: a server advertises a prefix, another one takes an address of it" {
	cat >radv.conf <<-'END'
	[sh0]
	AdvSendAdvert = on
	MinRtrAdvInterval = 3
	MaxRtrAdvInterval = 4
	AddPrefix = fd77::0/64 , AdvOnLinkFlag = on , AdvAutonomousFlag = on
	END
	background a -o sh0=bus,ra=radv.conf
	background b -o sh0=bus
	ask a "{'op':'addr_add','if':'shmif0','addr':'fd77::1/64'}" \
	    "{'op':'up','if':'shmif0'}"
	ask b "{'op':'up','if':'shmif0'}"
	has() { ask b "{'op':'show','if':'shmif0'}" | grep '"addr":"fd77:'; }
	until_true has
}

@test "ra: of an interface that does not send any, or is not there" {
	printf '[sh3]\nAdvSendAdvert = on\n' >radv.conf
	run "$server" -o sh0=bus,ra=radv.conf unix://a
	[ "$status" = 1 ]
	background a -o sh0=bus
	printf '[sh0]\nAdvSendAdvert = on\n' >radv.conf
	run ask a "{'op':'radv','file':'$PWD/radv.conf'}"
	[ "$status" = 1 ]
}

@test "vd: two servers on a VDE switch" {
	[ -z "${SHMIF_SAN-}" ] ||
		skip "sanitizers do not go with how libvdeplug loads its plugins"
	command -v vde_switch || skip "vde_switch is not installed"
	ldconfig -p | grep 'libvdeplug\.so ' || skip "libvdeplug-dev is missing"
	vde_switch -s "$PWD/switch" -p "$PWD/pid" -d </dev/null >&2 3>&- 4>&-
	until_true test -s pid
	PIDS="$PIDS $(cat pid)"
	background a -o "vd0=$PWD/switch"
	background b -o "vd1=$PWD/switch,vd0=$PWD/switch"
	ask a "{'op':'addr_add','if':'vd0','addr':'10.1.0.1/24'}" \
	    "{'op':'up','if':'vd0'}"
	ask b "{'op':'destroy','if':'vd0'}"
	ask b "{'op':'addr_add','if':'vd1','addr':'10.1.0.2/24'}" \
	    "{'op':'up','if':'vd1'}"
	pings() { ask b "{'op':'ping','host':'10.1.0.1','count':1}" |
	    grep '"received":1'; }
	until_true pings
	# Made and removed again and again: nothing is left.
	local fds i
	ask b "{'op':'create','if':'vd','path':'$PWD/switch'}" |
	    grep '"if":"vd0"'
	ask b "{'op':'destroy','if':'vd0'}"
	count() { ls "/proc/$PID/fd" | wc -l; }
	sleep 1.5
	fds=$(count)
	for ((i = 0; i < 30; i++)); do
		ask b "{'op':'create','if':'vd','path':'$PWD/switch'}" \
		    "{'op':'up','if':'$'}" >/dev/null
		ask b "{'op':'destroy','if':'vd0'}" >/dev/null
	done
	as_before() { [ "$(count)" = "$fds" ]; }
	until_true as_before
	pings
	run ask b "{'op':'create','if':'vd0','path':'/nowhere'}"
	[ "$status" = 1 ]
}

@test "vd: it ends though the switch does not read any more" {
	[ -z "${SHMIF_SAN-}" ] ||
		skip "sanitizers do not go with how libvdeplug loads its plugins"
	command -v vde_switch || skip "vde_switch is not installed"
	ldconfig -p | grep 'libvdeplug\.so ' || skip "libvdeplug-dev is missing"
	vde_switch -s "$PWD/switch" -p "$PWD/pid" -d </dev/null >&2 3>&- 4>&-
	until_true test -s pid
	PIDS="$PIDS $(cat pid)"
	background a -o "vd0=$PWD/switch"
	local pid=$PID
	ask a "{'op':'addr_add','if':'vd0','addr':'10.0.0.1/24'}" \
	    "{'op':'up','if':'vd0'}"
	kill -STOP "$(cat pid)"
	# To all on the network: nobody's address is asked for first.
	start pings "$BUILD/bin/shmifctl" -s "unix://$PWD/a" ping 10.0.0.255 \
	    -c 100000 -i 0.001 -s 1400
	# So that the stack's thread waits for the switch.
	stuck() {
		! timeout 5 "$BUILD/bin/shmifctl" -s "unix://$PWD/a" server
	}
	until_true stuck
	kill "$pid"
	until_true gone "$pid"
}

@test "tp, tn: a tap and a tun, in a network of their own" {
	[ -w /dev/net/tun ] || skip "no /dev/net/tun to be had"
	command -v ip || skip "no ip"
	in_namespace true
	in_namespace bash -eu -c '
		ask() { "$1/tests/system/ctlask" "${@:2}"; }
		pid=$("$1/bin/shmif_server" -d -o tp1=tapx,tn0=tunx unix://a \
		    3>&- 4>&-)
		trap "kill $pid" EXIT
		ask "$1" a "{'"'op':'addr_add','if':'tp1','addr':'10.2.0.1/24'"'}" \
		    "{'"'op':'up','if':'tp1'"'}"
		ask "$1" a "{'"'op':'addr_add','if':'tn0','addr':'10.4.0.1/24'"'}" \
		    "{'"'op':'up','if':'tn0'"'}"
		ip addr add 10.2.0.2/24 dev tapx
		ip link set tapx up
		ip addr add 10.4.0.2/24 dev tunx
		ip link set tunx up
		for host in 10.2.0.2 10.4.0.2; do
			for i in {1..60}; do
				! ask "$1" a "{'"'op':'ping','host':'"'$host'"','count':1"'}" |
				    grep "\"received\":1" || break
			done
			[ "$i" -lt 200 ]
		done
		# It is gone with the interface; and the other way round.
		ask "$1" a "{'"'op':'destroy','if':'tp1'"'}"
		! ip link show tapx || false
		ask "$1" a "{'"'op':'create','if':'tp1','path':'tapx'"'}" \
		    "{'"'op':'up','if':'tp1'"'}"
		! ask "$1" a "{'"'op':'create','if':'tp2','path':'tapx'"'}" || false
		ip link del tapx
		for i in {1..60}; do
			! ask "$1" a "{'"'op':'show','if':'tp1'"'}" |
			    grep "\"running\":false" || break
			sleep 0.1
		done
		[ "$i" -lt 200 ]
	' - "$BUILD"
}

@test "ra: what advertises goes away, and is not thought of again" {
	[ -w /dev/net/tun ] || skip "no /dev/net/tun to be had"
	command -v ip || skip "no ip"
	in_namespace true
	printf '[%s]\nAdvSendAdvert = on\nMaxRtrAdvInterval = 4\n' \
	    tp0 sh0 sh1 >radv.conf
	cat >inside <<-'END'
	ask() { "$BUILD/tests/system/ctlask" a "$@"; }
	"$BUILD/bin/shmif_server" -o tp0=tapx,sh0=bus0,sh1=bus1,ra=radv.conf \
	    unix://a 3>&- 4>&- &
	trap 'kill $!' EXIT
	until ask "{'op':'up','if':'tp0'}"; do
		[ "$SECONDS" -lt 200 ]
		sleep 0.1
	done
	ip link set tapx up
	ask "{'op':'up','if':'shmif0'}" "{'op':'up','if':'shmif1'}"
	ask "{'op':'destroy','if':'tp0'}"
	ask "{'op':'destroy','if':'shmif0'}"
	# The second one after 3 or 4 s: for the others it is over.
	advertised() {
		"$BUILD/bin/shmif_dumpbus" bus1 |
		    grep -c 'ICMP6 router advertisement'
	}
	until [ "$(advertised)" -ge 3 ]; do
		[ "$SECONDS" -lt 200 ]
		sleep 0.2
	done
	trap - EXIT
	kill $!
	wait $!
	END
	export BUILD
	in_namespace bash -eu inside
}

@test "a way out: from a bus to the host's loopback, through slirp" {
	command -v ip || skip "no ip"
	in_namespace true
	head -c 1000000 /dev/urandom >page
	in_namespace bash -eu -c '
		ip link set lo up
		ip addr add 192.0.2.1/32 dev lo
		"$1/tests/system/ctlhttp" 192.0.2.1 8080 page 3>&- 4>&- &
		web=$!
		pid=$("$1/bin/shmif_server" -d -f -o sl0,sh0=bus unix://a \
		    3>&- 4>&-)
		trap "kill $pid $web" EXIT
		"$1/tests/system/ctlask" a \
		    "{'"'op':'addr_add','if':'shmif0','addr':'10.0.0.1/24'"'}" \
		    "{'"'op':'up','if':'shmif0'"'}" \
		    "{'"'op':'addr_add','if':'sl0','addr':'10.0.2.1/24'"'}" \
		    "{'"'op':'up','if':'sl0'"'}" \
		    "{'"'op':'route_add','dst':'default','if':'sl0'"'}"
		for i in 1 2 3; do
			"$1/examples/fetch" bus 10.0.0.2/24 10.0.0.1 \
			    192.0.2.1 8080 / >got
			cmp got page
		done
		# Nobody listens there: told so, not left to wait.
		! timeout 100 "$1/examples/fetch" bus 10.0.0.2/24 10.0.0.1 \
		    192.0.2.1 8081 / >got || false
		# What was opened for it is closed.
		for i in {1..100}; do
			n=$(ls -l /proc/$pid/fd | grep -c socket: || :)
			[ "$n" -gt 1 ] || break
			sleep 0.1
		done
		[ "$n" -le 1 ]
	' - "$BUILD"
}

@test "a duplicate address, a bus that goes: shown, and logged by -l" {
	background a -l log -o sh0=bus
	ask a "{'op':'addr_add','if':'shmif0','addr':'10.0.0.1/24'}" \
	    "{'op':'up','if':'shmif0'}"
	background b -l log -o sh0=bus
	sleep 3 # a has the address for good
	ask b "{'op':'addr_add','if':'shmif0','addr':'10.0.0.1/24'}" \
	    "{'op':'up','if':'shmif0'}"
	shows() { # SERVER TEXT...
		"$BUILD/bin/shmifctl" -s "unix://$1" shmif0 >shown || return
		grep -q -- "$2" shown
	}
	json() {
		"$BUILD/bin/shmifctl" -j -s "unix://$1" shmif0 | grep -q -- "$2"
	}
	until_true shows b 'duplicate 10.0.0.1 at .* not used, [0-9]* s ago'
	json b '"addr":"10.0.0.1"'
	json b '"kept":false'
	until_true grep -q "\[$PID\] shmif_server: shmif0: 10.0.0.1: .*has this address, too; not used" log
	# It is gone when the address is taken without objection.
	! shows a duplicate || false
	json a '"bus":"ok"'
	mv bus other
	until_true shows a 'bus removed: the interface stays on the old file'
	json a '"bus":"removed"'
	: >bus
	until_true shows a 'bus replaced: the interface stays on the old file'
	: >other
	until_true shows a 'bus truncated: nothing is sent or received'
	json a '"bus":"truncated"'
	ask a "{'op':'linkstr','if':'shmif0','path':'new'}"
	json a '"bus":"ok"'
	for text in 'removed; ' 'replaced; ' 'truncated'; do
		until_true grep -q "^20..-..-.. ..:..:.. \[[0-9]*\] shmif_server: shmif0: bus: .*$text" log
	done
	[ "$(stat -c %a log)" = 600 ]
}

@test "-l: a log that cannot be had makes nothing; what is said before is seen" {
	run "$server" -d -l /nowhere/log -o sh0=bus unix://a
	[ "$status" = 1 ]
	[ "$output" = "shmif_server: -l: /nowhere/log: No such file or directory" ]
	[ ! -e a ] && [ ! -e bus ]
	run "$server" -l log -o xy0 unix://a
	[ "$status" = 1 ]
	[[ $output == "shmif_server: -o: xy0: "* ]]
	[ ! -s log ]
}

@test "stderr is a pipe that nobody reads: the stack goes on" {
	mkfifo pipe
	exec 8<>pipe
	# No room is left in it.
	dd if=/dev/zero bs=4096 count=1000 of=pipe oflag=nonblock 2>/dev/null || :
	"$server" -o sh0=bus unix://a 2>pipe >/dev/null 3>&- 4>&- 8>&- &
	PIDS="$PIDS $!"
	PID=$!
	# "no interface yet" is not said here: nothing is to be waited for
	until_true ask a "{'op':'hello'}"
	ask a "{'op':'addr_add','if':'shmif0','addr':'10.0.0.1/24'}" \
	    "{'op':'up','if':'shmif0'}"
	mv bus other
	: >bus
	sleep 2.5
	: >other
	sleep 2.5
	timeout 60 "$BUILD/tests/system/ctlask" a \
	    "{'op':'linkstr','if':'shmif0','path':'new'}" \
	    "{'op':'ping','host':'10.0.0.1','count':1}" | grep '"received":1' ||
	    timeout 60 "$BUILD/tests/system/ctlask" a "{'op':'show'}"
	timeout 60 "$BUILD/tests/system/ctlask" a "{'op':'halt'}"
	until_true gone "$PID"
	exec 8>&-
}
