# SPDX-License-Identifier: BSD-2-Clause
# Tests of lwIP's applications: each is a program in examples/lwip, and talks to a
# real client or server on a (10.0.0.1, fd00::1), which is lwipv6 on the same bus.

load ../lib/mstack

apps=${BUILD:-$BATS_TEST_DIRNAME/../../build}/examples/lwip

# host_up - starts a, or skips the test.
host_up()
{
	mstack=$BUILD/bin/mstack
	apps=$BUILD/examples/lwip
	can_notify || skip "the kernel has no seccomp notifications"
	serve a
	on a shmif0 create linkstr "$HERE/bus" inet 10.0.0.1/24 \
	    inet6 fd00::1/64 up
}

# app NAME ARGUMENT... - starts an example, with its output in NAME.out and its
# number in $PID, and waits until it says that it is ready.
app()
{
	app_begin "$@"
	ready "$1" || { cat "$1.out.err"; return 1; }
}

app_begin()
{
	local name=$1
	shift
	start "$name.out" "$apps/$name" "$HERE/bus" "$@"
}

# ready NAME [TEXT] - waits until the example has said so.
ready()
{
	until_true said_or_ended "$1" "${2:-^ready}"
	grep -q "${2:-^ready}" "$1.out"
}

said_or_ended()
{
	grep -q "$2" "$1.out" || gone_for_good "$PID"
}

# client NAME ARGUMENT... - runs an example to its end, for a minute at most.
client()
{
	local name=$1
	shift
	timeout -k 5 60 "$apps/$name" "$HERE/bus" "$@"
}

# capture TEXT... - what is on the bus, as tcpdump shows it, with a filter.
capture()
{
	"$dump" -w - "$HERE/bus" 2>/dev/null | tcpdump -n -t -v -r - "$@" 2>&1
}

# linux - a namespace that is on the bus by a tap, as 10.9.0.1 and fd09::1; or the
# test is skipped.  The process that keeps it goes with the test.
linux()
{
	need ip unshare nsenter
	start holder unshare -n sh -c 'echo up; exec sleep 1000'
	until_true grep -q up holder || skip "no network namespaces"
	NS=(nsenter -t "$PID" -n)
	start wire "${NS[@]}" "$BUILD/bin/shmif_wire" "$HERE/bus" tap:tap0
	until_true eval '"${NS[@]}" ip link show tap0 >/dev/null 2>&1 ||
	    gone_for_good "$PID"'
	gone_for_good "$PID" && skip "no tap: $(cat wire.err)"
	"${NS[@]}" ip link set lo up
	"${NS[@]}" ip addr add 10.9.0.1/24 dev tap0
	"${NS[@]}" ip addr add fd09::1/64 dev tap0 nodad
	"${NS[@]}" ip link set tap0 up
}
