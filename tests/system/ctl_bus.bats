# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmifctl bus: to make a bus, and to wait until others are there.

load ../lib/ctl

# attached NAME [OPTION...] - somebody who stays attached to bus; $PID.
attached()
{
	local name=$1
	shift
	start "$name" "$BUILD/tests/system/busfeed" -n "$name" "$@" -k bus
	until_true grep -q ready "$name"
}

@test "create: the bus that was asked for, and no other one" {
	run -0 --separate-stderr "$ctl" bus bus create mtu 9000 slots 64
	[ -z "$output$stderr" ]
	run -0 "$ctl" bus bus
	[[ ${lines[0]} == *' mtu 9000 slots 64 mode 0600' ]]
	said 'bus: File exists' "$ctl" bus bus create
	# All defaults; an empty file is one that may become a bus.
	: >empty
	"$ctl" bus empty create
	run -0 "$ctl" bus empty show
	[[ ${lines[0]} == *' mtu 1500 slots 2048 '* ]]
	# Nothing is left of what fails.
	said 'small: geometry out of range: mtu 68 to 65521, slots a power of two from 16 to 1048576' \
	    "$ctl" bus small create slots 63
	said 'bus: mtu x: not a number' "$ctl" bus small create mtu x
	said 'bus: mode 0: permissions are octal, from 1 to 777' \
	    "$ctl" bus small create mode 0
	said 'bus: mode 888: permissions are octal, from 1 to 777' \
	    "$ctl" bus small create mode 888
	said 'none/bus: No such file or directory' "$ctl" bus none/bus create
	run -1 bash -c 'ulimit -f 100; "$0" bus small create 2>&1' "$ctl"
	[[ $output =~ ^shmifctl:\ small:\ File\ too\ large:\ cannot\ allocate\ [0-9]+\ bytes$ ]]
	[ ! -e small ]
	usage 'bus create: mtu wants a number' "$ctl" bus small create mtu
	usage 'bus create: x: unknown word: mtu, slots and mode are known' \
	    "$ctl" bus small create x 1
}

@test "create: the mode is what was asked for, whatever the umask" {
	local mask mode
	for mask in 000 022 077 777; do
		for mode in 600 660 604; do
			(umask $mask && "$ctl" bus bus create mode $mode)
			[ "$(stat -c %a bus)" = $mode ]
			rm bus
		done
		(umask $mask && "$ctl" bus bus create)
		[ "$(stat -c %a bus)" = 600 ]
		rm bus
	done
}

@test "create: a folder with the set-group-ID bit gives the file its group" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root: the folder gets another group'
	mkdir lab
	chgrp 65534 lab
	chmod 2775 lab
	(umask 077 && "$ctl" bus lab/bus create mode 660)
	[ "$(stat -c '%a %g' lab/bus)" = '660 65534' ]
	# A member of that group may attach, and send.
	chmod 755 .
	[ -x "$(command -v setpriv)" ] || skip 'needs setpriv'
	setpriv --reuid 65533 --regid 65534 --clear-groups \
	    test -w lab/bus || skip 'the folder of the tests is closed to others'
	setpriv --reuid 65533 --regid 65534 --clear-groups \
	    "$BUILD/tests/system/busfeed" -q -c 2 lab/bus
	run -0 "$dump" --expect 2 lab/bus
}

@test "wait: until so many are alive, and no longer" {
	usage 'bus wait: for how many?' "$ctl" bus bus wait
	usage 'bus wait: N and, if wanted, timeout SECONDS it is' \
	    "$ctl" bus bus wait 1 2
	said 'bus wait: x: it is a number from 0 to 256' "$ctl" bus bus wait x
	said 'bus wait: 257: it is a number from 0 to 256' "$ctl" bus bus wait 257
	said 'bus wait: timeout x: it is seconds, from 0 to 1000000' \
	    "$ctl" bus bus wait 1 timeout x
	# A file that is not there yet, or no bus yet, is waited for.
	"$ctl" bus bus wait 0
	said 'bus: No such file or directory' "$ctl" bus bus wait 1 timeout 0.1
	: >bus
	said 'bus: not a bus: an empty file' "$ctl" bus bus wait 1 timeout 0
	rm bus
	start waits "$ctl" bus bus wait 2
	local waits=$PID
	attached one
	local one=$PID
	said 'bus: 1 alive, 0 dead after 0.1 s' "$ctl" bus bus wait 2 timeout 0.1
	kill -0 "$waits"
	attached two
	local two=$PID
	wait "$waits"
	"$ctl" bus bus wait 1
	# One that was killed does not count.
	kill -KILL "$one"
	wait "$one" || :
	said 'bus: 1 alive, 1 dead after 0 s' "$ctl" bus bus wait 2 timeout 0
	run -0 "$ctl" bus bus
	[[ ${lines[2]} == *' 2 attached: 1 alive, 1 dead' ]]
	run -0 "$ctl" -j bus bus
	jq -e '.alive == 1 and .dead == 1' <<<"$output" ||
		[[ $output == *'"alive":1,"dead":1'* ]]
	run -0 "$dump" -h bus
	[[ $output == *$'\nattached  2: 1 alive, 1 dead\n'* ]]
	start none "$ctl" bus bus wait 0
	local none=$PID
	kill "$two"
	wait "$two" || :
	wait "$none"
	# What is no bus and becomes none is an error at once.
	mkdir folder
	said 'folder: Is a directory: a folder' "$ctl" bus folder wait 1
}

# series - the names of the series on standard input; fails where the format is
# not that of OpenMetrics.
series()
{
	awk '
	/^# EOF$/ { ended = 1; next }
	ended { print "behind the end: " $0; exit 1 }
	/^# TYPE shmif_[a-z_]+ (counter|gauge)$/ {
		if ($3 in type) { print "twice: " $3; exit 1 }
		type[$3] = $4; now = $3; next
	}
	/^# HELP / { if ($3 != now) exit 1; next }
	{
		want = now (type[now] == "counter" ? "_total" : "")
		if (index($0, want "{") != 1 ||
		    $0 !~ /^[a-z_]+{[a-z]+="([^"\\]|\\.)*"(,[a-z]+="([^"\\]|\\.)*")*} [0-9.]+$/) {
			print "no sample: " $0; exit 1
		}
		print substr($0, 1, index($0, "{") - 1)
	}
	END { if (!ended) { print "no end"; exit 1 } }'
}

@test "bus -o metrics: OpenMetrics, whatever is in names" {
	serve a
	on a shmif0 create linkstr 'a "b\c' inet 10.0.0.1/24 up
	on a shmif1 create linkstr 'a "b\c' up
	"$ctl" bus 'a "b\c' -o metrics >out
	cat out
	series <out | sort | uniq -c >names
	grep -qE '^ +1 shmif_bus_positions_total$' names
	grep -qE '^ +2 shmif_attachment_tx_frames_total$' names
	grep -qE '^ +2 shmif_attachment_up$' names
	grep -qxF 'shmif_bus_alive{bus="a \"b\\c"} 2' out
	grep -qF 'name="shmif_server shmif1"' out
	# All that JSON has.
	[ "$(grep -c ' shmif_attachment_.*_total$' names)" -eq \
	    "$("$ctl" -j bus 'a "b\c' | grep -oE '"(tx|rx)_[a-z]+"|"gave_up"|"wakeups"|"rung"' | sort -u | wc -l)" ]
	said 'none: No such file or directory' "$ctl" bus none -o metrics
	usage 'bus: -o xml: metrics it is' "$ctl" bus none -o xml
	usage 'bus: -o goes with show' "$ctl" bus none wait 1 -o metrics
}
