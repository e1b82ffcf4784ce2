#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Every example of every manual page and of README.md works as it is written:
# tests/lib/examples finds and runs them; what they take for given is made here.
#
# slow: 57

bats_require_minimum_version 1.5.0

# Installed once, for all pages.
setup_file()
{
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	export USR=$BATS_FILE_TMPDIR/usr
	[ -z "${SHMIF_SAN-}" ] || return 0
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$TOP" install \
	    DESTDIR=/ PREFIX="$USR" >"$BATS_FILE_TMPDIR/log" 2>&1 3>&- ||
	    { cat "$BATS_FILE_TMPDIR/log"; return 1; }
}

setup()
{
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	export BUILD=${BUILD:-$TOP/build} TOP
	[ -z "${SHMIF_SAN-}" ] || skip "the ordinary build is looked at"
	command -v python3 >/dev/null || skip "no python3"
	unshare -rnpf --mount-proc true 2>/dev/null ||
	    skip "no namespaces to be had"
	HERE=$(mktemp -d "${TMPDIR:-/tmp}/examples.XXXXXX")
	cd "$HERE" || return
}

teardown()
{
	[ -n "${HERE-}" ] || return 0
	cd / && rm -rf "$HERE"
}

# page FILE [SCRIPT] - runs the examples of FILE as after an installation, in a
# network of its own, after SCRIPT.  Programs that would not end by themselves
# are ended after some seconds.
page()
{
	mkdir work shims
	# Who follows a bus is ended; the rest is run as it is.
	cat >shims/shmif_dumpbus <<-END
	#!/bin/bash
	case " \$* " in
	*" -c "*) ;;
	*" -f "* | *" -F "*) exec timeout -s INT 4 "$USR/bin/shmif_dumpbus" "\$@" ;;
	esac
	exec "$USR/bin/shmif_dumpbus" "\$@"
	END
	cat >shims/tshark <<-END
	#!/bin/bash
	case " \$* " in
	*" -i "*) set -- $(command -v tshark) -c 2 "\$@" ;;
	*) set -- $(command -v tshark) "\$@" ;;
	esac
	exec unshare -U --map-user=65534 "\$@"
	END
	# Root's tshark knows no folder of ours; tcpdump wants to become another
	# user when it is root, and cannot here.
	cat >shims/tcpdump <<-END
	#!/bin/bash
	exec unshare -U --map-user=65534 $(command -v tcpdump) "\$@"
	END
	# Who types waits until a server is there; a busy machine takes its time.
	cat >shims/curl <<-END
	#!/bin/bash
	exec $(command -v curl || echo curl) --retry 30 --retry-delay 1 \
	    --retry-connrefused "\$@"
	END
	# A live view wants a terminal, and a user who looks.
	cat >shims/shmif_top <<-END
	#!/bin/bash
	case " \$* " in
	*" -n "*) ;;
	*) set -- -b -n 1 -d 0.2 "\$@" ;;
	esac
	exec "$USR/bin/shmif_top" "\$@"
	END
	chmod +x shims/*
	cat >inside <<-'END'
	export PATH=$HERE/shims:$USR/bin:$PATH
	export LD_LIBRARY_PATH=$USR/lib HOME=$HERE
	export PKG_CONFIG_PATH=$USR/lib/pkgconfig
	export WIRESHARK_EXTCAP_DIR=$USR/lib/wireshark/extcap
	ip link set lo up
	cd work
	PIDS=
	behind() { "$@" >/dev/null 2>&1 3>&- 4>&- & PIDS="$PIDS $!"; }
	# Two stacks on bus.file that go on talking.
	traffic() {
		behind shmif_server -o sh0=bus.file unix://t1
		behind shmif_server -o sh0=bus.file unix://t2
		local n
		for n in 1 2; do
			until shmifctl -s unix://t$n shmif0 inet 10.9.0.$n/24 \
			    up 2>/dev/null; do
				[ "$SECONDS" -lt 100 ]
				sleep 0.05
			done
		done
		behind shmifctl -s unix://t1 ping -c 1000 -i 0.2 10.9.0.2
		sleep 1
	}
	END
	cat >>inside <<<"${2:-}"
	cat >>inside <<-END
	status=0
	"$TOP/tests/lib/examples" "$TOP/$1" || status=1
	kill \$PIDS 2>/dev/null || :
	# Servers that went into the background.
	for s in *.sock a b; do
		[ -S "\$s" ] && shmifctl -s "unix://\$s" halt || :
	done >/dev/null 2>&1
	exit \$status
	END
	export HERE
	# All that is left of it ends with the first process.
	run unshare -rnpf --mount-proc --kill-child bash -eu inside 3>&- 4>&-
	echo "$output"
	[ "$status" = 0 ]
	# What was left out is seen.
	grep '^# skip' <<<"$output" | sed 's/^/# /' >&3 || :
}

@test "every page that has examples is here" {
	cd "$TOP"
	grep -l '^\.Sh EXAMPLES' man?/*.[1-9] | sort >"$HERE/want"
	# What these two show is done by vde.bats, for it needs the rights to
	# make interfaces of the host, and by tests/lwip/server.bats, for it
	# needs a library that is built where the source of lwIP is at hand.
	local elsewhere='man1/libvdeplug_shmif.1 man4/shmif_lwip.4'
	(
		grep -o 'page man[0-9]/[a-z_]*\.[0-9]' "$BATS_TEST_FILENAME" |
		    cut -d ' ' -f 2
		printf '%s\n' $elsewhere
	) | sort | diff "$HERE/want" -
}

@test "shmif_server(1)" {
	page man1/shmif_server.1 '
		ip addr add 192.0.2.1/32 dev lo
		echo "hello from the host" >index.txt
		behind "$BUILD/tests/system/ctlhttp" 192.0.2.1 8080 index.txt
		cp "$BUILD/examples/fetch" .'
}

@test "shmifctl(1)" {
	page man1/shmifctl.1 'mkdir lab'
}

@test "shmif_dumpbus(1)" {
	page man1/shmif_dumpbus.1 traffic
}

@test "shmif_pcapin(1)" {
	page man1/shmif_pcapin.1 '
		traffic
		shmifctl -s unix://t2 ping -c 700 -i 0.002 10.9.0.1 >/dev/null
		shmif_dumpbus -w in.pcap bus.file
		kill $PIDS || :
		PIDS=
		# One to which nobody is attached yet.
		rm bus.file
		shmif_server -d -o sh0=bus.file unix://t3
		shmifctl -s unix://t3 halt'
}

@test "shmif_top(1)" {
	page man1/shmif_top.1 '
		traffic
		cp bus.file lab.bus'
}

@test "mstack(1)" {
	page man1/mstack.1 '
		behind shmif_server -o sh0=bus.file unix://a.sock
		until shmifctl -s unix://a.sock shmif0 inet 10.0.0.1/24 up; do
			[ "$SECONDS" -lt 100 ]
			sleep 0.05
		done 2>/dev/null
		behind mstack a.sock python3 -m http.server 80
		sleep 2'
}

@test "shmif_wire(1)" {
	page man1/shmif_wire.1
}

@test "msocket(3)" {
	page man3/msocket.3
}

@test "shmbus(3)" {
	page man3/shmbus.3
}

@test "shmif(3)" {
	page man3/shmif.3
}

@test "shmif(4)" {
	page man4/shmif.4 traffic
}

@test "shmbus(5)" {
	page man5/shmbus.5
}

@test "shmif_ctl(5)" {
	page man5/shmif_ctl.5 '
		behind shmif_server unix://ctl.sock
		until shmifctl -s unix://ctl.sock server >/dev/null 2>&1; do
			[ "$SECONDS" -lt 100 ]
			sleep 0.05
		done'
}

@test "README" {
	page README.md '
		cp "$TOP/examples/hello.c" .
		traffic
		shmif_dumpbus -w in.pcap bus.file
		kill $PIDS || :
		PIDS=
		rm bus.file'
}

@test "docs/tutorial.md" {
	page docs/tutorial.md
}

@test "docs/ci.md" {
	page docs/ci.md
}

@test "docs/troubleshooting.md" {
	page docs/troubleshooting.md
}

@test "docs/simulators.md" {
	page docs/simulators.md
}

@test "docs: each page has its test here, or no command" {
	cd "$TOP"
	# What hosts.md shows needs several hosts: wire_hosts.bats.
	grep -l '^```sh' docs/*.md | grep -v '^docs/hosts\.md$' | sort \
	    >"$HERE/want"
	grep -o 'page docs/[a-z]*\.md' "$BATS_TEST_FILENAME" | cut -d ' ' -f 2 |
	    sort | diff "$HERE/want" -
}
