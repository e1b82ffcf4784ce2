# SPDX-License-Identifier: BSD-2-Clause
# Two stacks on a bus, a (10.0.0.1) and b (10.0.0.2), and programs on them; for
# tests of mstack.

load ../lib/ctl

# pair_up - starts both.
pair_up()
{
	mstack=$BUILD/bin/mstack
	can_notify || skip "the kernel has no seccomp notifications"
	serve a b
	on a shmif0 create linkstr "$HERE/bus" inet 10.0.0.1/24 up
	on b shmif0 create linkstr "$HERE/bus" inet 10.0.0.2/24 up
}

# Whether a command can be supervised here at all.
can_notify()
{
	"$mstack" null true 2>/dev/null
}

# need PROGRAM... - skips the test where one is missing.
need()
{
	have "$@"
}

# at NAME COMMAND... - runs it on stack NAME, for a minute at most.
at()
{
	local name=$1
	shift
	timeout -k 5 60 "$mstack" "$HERE/$name.sock" "$@"
}

# behind NAME OUTPUT COMMAND... - likewise, in the background: $PID.
behind()
{
	local name=$1 output=$2
	shift 2
	start "$output" "$mstack" "$HERE/$name.sock" "$@"
}

# listens PORT - whether somebody on stack b does.
listens()
{
	at a python3 -c '
import socket, sys
s = socket.socket()
s.settimeout(20)
sys.exit(s.connect_ex(("10.0.0.2", int(sys.argv[1]))))' "$1" 2>/dev/null
}

# gone_for_good PID - whether the process has ended, reaped or not.
gone_for_good()
{
	! grep -q '^State:	[^Z]' "/proc/$1/status" 2>/dev/null
}

# web PORT - a web server on stack b for the folder www.
web()
{
	mkdir -p www
	behind b web.out sh -c \
	    'cd www && exec python3 -u -m http.server --bind 10.0.0.2 "$0"' "$1"
	until_true listens "$1"
}

# Programs are asked to end first: one that is killed leaves its workers, which
# are on a stack that is gone then.
teardown()
{
	local pid i
	# The latest first: their stacks were started before them.
	for pid in $(printf '%s\n' $PIDS | tac); do
		kill -TERM "$pid" 2>/dev/null || continue
		for ((i = 0; i < 100; i++)); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.05
		done
	done
	end_all
	cd / && rm -rf "$HERE"
}

# by_kernel COMMAND... - runs it on Linux's own loopback; where namespaces are to
# be had in one of its own, whose ports nobody else takes.
by_kernel() {
	if unshare -rn true 2>/dev/null; then
		unshare -rn sh -c 'ip link set lo up && exec "$@"' - "$@"
	else
		"$@"
	fi
}
