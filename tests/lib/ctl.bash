# SPDX-License-Identifier: BSD-2-Clause
# What the tests of shmifctl and shmif_server have in common; bats loads it.

bats_require_minimum_version 1.5.0
load ../lib/jobs

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
}

teardown()
{
	end_all
	cd / && rm -rf "$HERE"
}

# serve NAME... - starts stacks; stack N listens at N.sock, and its process is
# ${SERVER[N]}.  TEST_STACK, in the environment, chooses which stack they are.
declare -gA SERVER
serve()
{
	local name
	for name; do
		start "$name.log" "$server" ${TEST_STACK:+-t "$TEST_STACK"} \
		    "unix://$HERE/$name.sock"
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
