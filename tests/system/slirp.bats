#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# A slirp gateway: what leaves a bus through sockets of the host

bats_require_minimum_version 1.5.0

setup()
{
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	export BUILD=${BUILD:-$TOP/build}
	mkdir "$BATS_TEST_TMPDIR/here" && cd "$BATS_TEST_TMPDIR/here" || return
	command -v ip >/dev/null || skip "no ip"
	unshare -rn true 2>/dev/null || skip "no network namespace to be had"
}

# gateway SCRIPT - runs SCRIPT in a namespace of its own with a gateway $GW
# between the bus "bus" and the host, 192.0.2.1, which serves port 7000 and has
# no route elsewhere.  Whatever happens, the gateway has to live at the end,
# with its socket, its bus and its standard error.
gateway()
{
	cat >inside <<-'END'
	peer() { timeout 100 "$BUILD/tests/system/slirppeer" "$@"; }
	ctl() { "$BUILD/bin/shmifctl" -s unix://a "$@"; }
	ip link set lo up
	ip addr add 192.0.2.1/32 dev lo
	"$BUILD/tests/system/slirppeer" host 7000 >host.out 3>&- 4>&- &
	"$BUILD/bin/shmif_server" -f -o sl0,sh0=bus unix://a 2>gw.err 3>&- 4>&- &
	GW=$!
	trap 'kill $(jobs -p)' EXIT
	until grep -q ready host.out && ctl server >/dev/null 2>&1; do
		[ "$SECONDS" -lt 200 ]
		sleep 0.05
	done
	ctl shmif0 inet 10.0.0.1/24 up
	ctl sl0 inet 10.0.2.1/24 up
	ctl route add default -interface sl0
	same() { readlink /proc/$GW/fd/[0-9] | grep -v socket: | sort; }
	before=$(same)
	END
	cat >>inside <<<"$1"
	cat >>inside <<-'END'
	kill -0 $GW
	[ "$(same)" = "$before" ]
	ctl shmif0 >/dev/null
	peer udp bus 192.0.2.1 7000 1 | grep -x 1
	END
	run -0 unshare -rn bash -eu inside
	echo "$output"
}

@test "no route on the host: the client is told, the gateway lives" {
	gateway '
		for i in 1 2 3; do
			[ "$(peer refused bus 198.51.100.77 7009 0)" = \
			    ENETUNREACH ]
		done
		[ "$(peer udperr bus 198.51.100.77 7009 0)" = ENETUNREACH ]'
}

@test "a closed port of the host: refused" {
	gateway '
		for i in 1 2 3; do
			[ "$(peer refused bus 192.0.2.1 7001 0)" = ECONNREFUSED ]
		done
		[ "$(peer udperr bus 192.0.2.1 7001 0)" = ECONNREFUSED ]'
}

@test "half close passes, both ways, with all that follows it" {
	gateway '
		for i in 1 2 3; do
			[ "$(peer rthen bus 192.0.2.1 7000 0)" = "read 1000010" ]
			[ "$(peer wthen bus 192.0.2.1 7000 0)" = "read 1000000" ]
		done
		until [ "$(grep -c "read 1000000" host.out)" = 3 ]; do
			[ "$SECONDS" -lt 200 ]
			sleep 0.05
		done'
}

@test "300 connections at once are 300 sockets, and go away" {
	gateway '
		mkfifo hold
		peer hold bus 192.0.2.1 7000 300 <hold >held &
		exec 9>hold
		until grep -q "held 300" held; do
			[ "$SECONDS" -lt 200 ]
			sleep 0.05
		done
		ctl shmif0 >/dev/null
		[ "$(ls -l /proc/$GW/fd | grep -c socket:)" -ge 300 ]
		kill %3
		exec 9>&-
		wait %3 || :'
}

@test "datagrams to 3000 ports: flows are bounded, others go on" {
	gateway '
		peer flood bus 192.0.2.1 10000 3000
		n=$(ls /proc/$GW/fd | wc -l)
		echo "$n descriptors"
		[ "$n" -lt 1200 ]
		[ "$(peer udp bus 192.0.2.1 7000 200)" = 200 ]'
}

@test "few descriptors: the last ones are left to others" {
	gateway '
		prlimit --nofile=256 --pid $GW
		peer flood bus 192.0.2.1 10000 1000
		[ "$(ls /proc/$GW/fd | wc -l)" -lt 230 ]
		ctl create shmif1 linkstr bus2
		[ "$(peer rthen bus 192.0.2.1 7000 0)" = "read 1000010" ]'
}

@test "the interface can be removed and made again while connections are open" {
	gateway '
		mkfifo hold
		peer hold bus 192.0.2.1 7000 20 <hold >held &
		exec 9>hold
		until grep -q "held 20" held; do
			[ "$SECONDS" -lt 200 ]
			sleep 0.05
		done
		ctl sl0 destroy
		ctl sl0 create
		ctl sl0 inet 10.0.2.1/24 up
		ctl route add default -interface sl0
		[ "$(peer rthen bus 192.0.2.1 7000 0)" = "read 1000010" ]'
}
