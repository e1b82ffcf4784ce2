# SPDX-License-Identifier: BSD-2-Clause
# Programs that a test starts in the background; other files here load it.

PIDS=

# start OUTPUT COMMAND... - runs it in the background; its number is in $PID.
# What it reads is the file INPUT, where that is set.  Of what was in OUTPUT and
# OUTPUT.err before nothing is seen any more when this returns: who waits for
# something there waits for this command.
start()
{
	local output=$1
	shift
	[ -p "$output" ] || : >"$output"
	: >"$output.err"
	"$@" >"$output" 2>"$output.err" <"${INPUT:-/dev/null}" 3>&- 7>&- &
	PID=$!
	PIDS="$PIDS $PID"
}

# Ends what the test started, by number; it is nobody else's.
end_all()
{
	local pid
	for pid in $PIDS; do
		kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || :
	done
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

# have PROGRAM... - skips where one is not installed, in CI too
have()
{
	local program
	for program; do
		command -v "$program" >/dev/null ||
			skip "$program is not installed"
	done
}
