#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# bench.sh - what it can do here; make bench calls it
#
# From the environment: BUILD, where the programs were built (build);
# QUICK=1, fewer and shorter runs; BENCH_DIR, where to have the bus files
# (/dev/shm, or TMPDIR where there is none); CASES, which of "ring pingpong
# tcp" to run.
#
# Writes a table to standard output and $BUILD/bench/results.tsv.  The exit
# status is 0 unless something was wrong: a figure is never a failure.
set -u

build=${BUILD:-build}
bench=$build/bench
export BENCH_TSV=$bench/results.tsv QUICK=${QUICK-}
PATH=$PATH:/usr/sbin:/sbin

fail() {
	printf 'bench: %s\n' "$*" >&2
	exit 1
}

pids=()
dir=
cleanup() {
	local pid
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	if [ -n "$dir" ]; then rm -rf "$dir"; fi
	if [ -n "${BENCH_DIR-}" ] && [ "$BENCH_DIR" != "$dir" ]; then
		rm -rf "$BENCH_DIR"
	fi
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# Sockets want a short path, buses memory.
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX") || fail 'no folder'
if [ -z "${BENCH_DIR-}" ] && [ -d /dev/shm ] && [ -w /dev/shm ]; then
	BENCH_DIR=/dev/shm
fi
BENCH_DIR=$(mktemp -d "${BENCH_DIR:-$dir}/bench.XXXXXX") || fail 'no folder'
export BENCH_DIR

# ---- the machine ----------------------------------------------------------

cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1)
printf '%s x %s, %s %s, buses in %s (%s)\n' "$(nproc)" \
    "${cpu:-$(uname -m)}" "$(uname -s)" "$(uname -r)" "${BENCH_DIR%/*}" \
    "$(stat -f -c %T "$BENCH_DIR")"
if grep -q '^flags.* hypervisor' /proc/cpuinfo; then
	echo 'This is a virtual machine: others may be using its processors.'
fi
# A program that has just been built still weighs upon the average of a
# minute; what runs at this moment tells more.
quiet() {
	local n
	n=$(ps -eo stat= | grep -c '^R') # ps itself is one of them
	[ "$n" -le 2 ]
}
busy=0
for _ in 1 2 3 4 5 6 7 8; do
	quiet || busy=$((busy + 1))
	sleep 0.1
done
read -r load _ </proc/loadavg
if [ "$busy" -gt 3 ]; then
	echo "WARNING: this machine is not quiet (load $load)," \
	    "the figures are too low."
else
	echo "Load average $load."
fi
if [ "$(nproc)" -lt 2 ]; then
	echo 'WARNING: there is one processor only; the figures of two' \
	    'processes that spin say little.'
fi
echo "Ours is a median (lowest, highest); the peer's is a median of the" \
    "same run."

# ---- the cases ------------------------------------------------------------

mkdir -p "$bench" || fail "$bench: no folder"
printf 'case\tours\tpeer\tpeer'\''s figure\tratio\tunit\n' >"$BENCH_TSV" ||
	fail "$BENCH_TSV: cannot be written"

status=0

run() {
	local program=$bench/$1
	shift
	if [ ! -x "$program" ]; then
		fail "$program: was not built"
	fi
	"$program" "$@"
	case $? in
	0) ;;
	1) status=1 ;;
	*)
		echo "bench: ${program##*/}: ended with status $?" >&2
		status=1
		;;
	esac
}

# Starts a VDE switch and waits for its socket.  It ends with its standard
# input, so that it cannot outlive us.
vde_switch_up() {
	local i
	if ! command -v vde_switch >/dev/null; then
		vde_why='vde_switch is not installed'
		return 1
	fi
	mkfifo "$dir/console" || return 1
	vde_switch -s "$dir/switch" <"$dir/console" >"$dir/log" 2>&1 &
	pids+=($!)
	exec {console}>"$dir/console"
	for i in {1..100}; do
		[ -S "$dir/switch/ctl" ] && return 0
		sleep 0.05
	done
	vde_why="vde_switch does not start: $(tail -1 "$dir/log")"
	return 1
}

for case in ${CASES:-ring pingpong tcp}; do
	case $case in
	ring | pingpong)
		run "$case"
		;;
	tcp)
		carriers=("shmif=$BENCH_DIR/bus")
		if vde_switch_up; then
			carriers+=("vde=$dir/switch")
		else
			echo "TCP over VDE: skipped: $vde_why"
		fi
		run tcp "${carriers[@]}"
		;;
	*)
		fail "$case: no such case"
		;;
	esac
done

printf '\nThe same as a table for programs: %s\n' "$BENCH_TSV"
[ "$status" -eq 0 ] || echo 'Something was WRONG, see above.' >&2
exit "$status"
