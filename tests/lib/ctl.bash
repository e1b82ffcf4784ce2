# SPDX-License-Identifier: BSD-2-Clause
# What the tests of shmifctl and shmif_server have in common; bats loads it.

bats_require_minimum_version 1.5.0

setup()
{
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	BUILD=${BUILD:-$TOP/build}
	ctl=$BUILD/bin/shmifctl
	server=$BUILD/bin/shmif_server
	dump=$BUILD/bin/shmif_dumpbus
	unset SHMIF_SERVER
	# A socket's name is short; bats's folders are not always.
	HERE=$(mktemp -d "${TMPDIR:-/tmp}/shmifctl.XXXXXX")
	cd "$HERE" || return
	PIDS=
}

# Ends what the test started, by number; it is nobody else's.
teardown()
{
	local pid
	for pid in $PIDS; do
		kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || :
	done
	cd / && rm -rf "$HERE"
}

# start OUTPUT COMMAND... - runs it in the background; its number is in $PID.
start()
{
	local output=$1
	shift
	"$@" >"$output" 2>"$output.err" </dev/null 3>&- 7>&- &
	PID=$!
	PIDS="$PIDS $PID"
}

# until_true COMMAND... - waits for it to succeed; gives up after a minute,
# which is no limit that a working program comes near.
until_true()
{
	local i
	for ((i = 0; i < 1200; i++)); do
		"$@" && return
		sleep 0.05
	done
	echo "waited in vain for: $*"
	return 1
}

# finished PID STATUS - waits for a child that has to end with STATUS.
finished()
{
	local status=0
	wait "$1" || status=$?
	echo "status $status"
	[ "$status" -eq "$2" ]
}

# serve NAME... - starts stacks; stack N listens at N.sock, and its process is
# ${SERVER[N]}.
declare -gA SERVER
serve()
{
	local name
	for name; do
		start "$name.log" "$server" "unix://$HERE/$name.sock"
		SERVER[$name]=$PID
	done
	for name; do
		until_true serves "$name" || { cat "$name.log.err"; return 1; }
	done
}

serves()
{
	"$ctl" -s "unix://$HERE/$1.sock" server >/dev/null 2>&1
}

# on NAME WORD... - shmifctl with stack NAME.
on()
{
	local name=$1
	shift
	"$ctl" -s "unix://$HERE/$name.sock" "$@"
}

# refused STATUS TEXT COMMAND... - it ends with STATUS, prints nothing, and
# says TEXT in one line on stderr.
refused()
{
	local want=$1 text=$2
	shift 2
	run --separate-stderr "$@"
	local call="$*"
	echo "${call:0:300}: status $status: ${output:0:300}: ${stderr:0:900}"
	[ "$status" -eq "$want" ] && [ -z "$output" ] &&
	    [ "$stderr" = "shmifctl: $text" ]
}

# said TEXT COMMAND... - likewise, with status 1.
said()
{
	refused 1 "$@"
}

# usage TEXT COMMAND... - likewise, with status 2 and what to try.
usage()
{
	refused 2 "$1 (try 'shmifctl --help')" "${@:2}"
}
