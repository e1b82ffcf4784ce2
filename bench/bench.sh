#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# bench.sh - what it can do here, beside others; make bench calls it
#
# From the environment: BUILD, where the programs were built (build);
# QUICK=1, one short run of each case; RUNS, RUN_MS and TRIPS, how many runs a
# median is of, how long one is, and round trips in it; BENCH_DIR, where to have
# the bus files (/dev/shm, or TMPDIR where there is none); CASES, which of "ring
# many pingpong idle cost tcp kernel mstack capture wire linux" to run; SIZES, of
# frames; BENCH_OUT, where to write to ($BUILD/bench).
#
# Writes tables to standard output and, into BENCH_OUT, results.tsv, targets.tsv
# and plots.  The exit status is 0 unless something was wrong: a
# figure is never a failure, nor is a peer that cannot run here.
set -u

build=${BUILD:-build}
bench=$build/bench
here=$(dirname "$0")
out=${BENCH_OUT:-$bench}
export BENCH_TSV=$out/results.tsv QUICK=${QUICK-}
unset BENCH_VDE BENCH_VDE_WHY
PATH=$PATH:/usr/sbin:/sbin

fail() {
	printf 'bench: %s\n' "$*" >&2
	exit 1
}

pids=()
running=
dir=
buses=
# What they started ends with them, and a namespace with its last socket.
cleanup() {
	local pid
	trap '' INT TERM HUP
	for pid in $running "${pids[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	# Only what was made here.
	if [ -n "$dir" ]; then rm -rf "$dir"; fi
	if [ -n "$buses" ]; then rm -rf "$buses"; fi
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# Sockets want a short path, buses memory.
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX") || fail 'no folder'
if [ -z "${BENCH_DIR-}" ] && [ -d /dev/shm ] && [ -w /dev/shm ]; then
	BENCH_DIR=/dev/shm
fi
buses=$(mktemp -d "${BENCH_DIR:-$dir}/bench.XXXXXX") || fail 'no folder'
export BENCH_DIR=$buses

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
	local what n
	while read -r what n; do # we are one of them
		[ "$what" != procs_running ] || break
	done </proc/stat
	[ "$n" -le 1 ]
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

mkdir -p "$out" || fail "$out: no folder"
printf 'case\tours\tpeer\tpeer'\''s figure\tratio\tunit\n' >"$BENCH_TSV" ||
	fail "$BENCH_TSV: cannot be written"

status=0

# In the background, for a trap waits for what is in the foreground.
run() {
	local program=$bench/$1 how
	case $1 in */*) program=$1 ;; esac
	shift
	if [ ! -x "$program" ]; then
		fail "$program: was not built"
	fi
	"$program" "$@" </dev/null &
	running=$!
	wait "$running"
	how=$?
	running=
	case $how in
	0) ;;
	1) status=1 ;;
	*)
		echo "bench: ${program##*/}: ended with status $how" >&2
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

if vde_switch_up; then
	export BENCH_VDE=$dir/switch
else
	export BENCH_VDE_WHY=$vde_why
fi
begun=$SECONDS

for case in ${CASES:-ring many pingpong idle cost tcp kernel mstack capture wire linux}; do
	case $case in
	ring)
		run ring -p ${SIZES:-64 128 256 512 1024 1514 9018}
		;;
	many)
		run ring -m ${SIZES:-64 1514}
		;;
	pingpong)
		run pingpong -p
		;;
	idle | cost | capture | wire)
		run "$case"
		;;
	linux)
		BUILD=$build "$here/linux.sh" </dev/null &
		running=$!
		wait "$running" || status=1
		running=
		;;
	tcp)
		carriers=("shmif=$BENCH_DIR/bus")
		if [ -n "${BENCH_VDE-}" ]; then
			carriers+=("vde=$BENCH_VDE")
		else
			echo "TCP over VDE: skipped: $vde_why"
		fi
		run tcp "${carriers[@]}"
		;;
	kernel | mstack)
		BUILD=$build run "$here/$case.sh"
		;;
	*)
		fail "$case: no such case"
		;;
	esac
done

# ---- what it comes to -----------------------------------------------------

printf '\n%-58s %-9s %8s\n' 'Target' 'wanted' 'is'
awk -v cpus="$(nproc)" -v out="$out/targets.tsv" \
    -f "$here/targets.awk" "$BENCH_TSV" || status=1

printf '\nAfter %d s.  For programs: %s\n' $((SECONDS - begun)) "$BENCH_TSV"
rm -f "$out"/{rate,latency,tcp,echo}.{svg,png}
why=$("$here/plot.sh" "$BENCH_TSV" "$out" 2>&1)
for plot in rate latency tcp echo; do
	if [ -s "$out/$plot.svg" ]; then
		echo "Drawn: $out/$plot.svg, .png"
	else
		echo "Not drawn: $plot:" \
		    "$(sed -n "s/^$plot: //p" <<<"$why" | grep . ||
			head -n 1 <<<"$why")"
	fi
done
[ "$status" -eq 0 ] || echo 'Something was WRONG, see above.' >&2
exit "$status"
