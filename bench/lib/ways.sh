# SPDX-License-Identifier: BSD-2-Clause
# ways.sh - what scripts share in which programs talk in several ways, in turns;
#	they source it.  $dir is a folder, and goes in the end with all that was
#	started.  The values of a case in a way are the lines of $dir/CASE.WAY.

pids=()
asking=
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX") || exit 1
cleanup() {
	local i
	trap '' INT TERM HUP
	[ -z "$asking" ] || pids+=("$asking")
	# The last ones first: programs before their stacks.
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
		kill "${pids[i]}" 2>/dev/null
	done
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
		for _ in {1..40}; do
			kill -0 "${pids[i]}" 2>/dev/null || break
			sleep 0.05
		done
		kill -KILL "${pids[i]}" 2>/dev/null
		wait "${pids[i]}" 2>/dev/null
	done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# start OUTPUT COMMAND... - in the background, until the end; its number: $pid.
start() {
	local output=$1
	shift
	"$@" >"$output" 2>&1 </dev/null &
	pid=$!
	pids+=("$pid")
}

# soon COMMAND... - waits until it succeeds, or the last one started has gone.
soon() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return
		kill -0 "$pid" 2>/dev/null || return
		sleep 0.05
	done
	return 1
}

# figures CASE WAY [FIELD] - the lowest, the median and the highest.
figures() {
	awk -v field="${3-1}" '{ print $field }' "$dir/$1.$2" | sort -g | awk '
	    { v[NR] = $1 } END { if (NR)
	    print v[1], (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2, v[NR] }'
}

# show_row NAME UNIT LOW OURS HIGH PEER THEIRS WHY - one row, for people and for
# programs.  THEIRS is - where there is none, and WHY says why.  The name and
# our own figure are shown where $first is not empty.
show_row() {
	awk -v name="$1" -v unit="$2" -v low="$3" -v ours="$4" -v high="$5" \
	    -v peer="$6" -v theirs="$7" -v why="$8" -v first="$first" \
	    -v tsv="$BENCH_TSV" '
	function short(v) {
		return sprintf(v < 10 ? "%.2f" : v < 100 ? "%.1f" : "%.0f", v)
	}
	BEGIN {
		ratio = range = "-"
		if (theirs != "-" && theirs + 0 != 0)
			ratio = sprintf("%.4g", ours / theirs)
		if (low != high)
			range = "(" short(low) ", " short(high) ")"
		if (first)
			printf "%-46s %9s %17s  ", name, short(ours), range
		else
			printf "%-46s %9s %17s  ", "", "", ""
		if (theirs == "-") {
			printf "%-12s skipped: %s\n", peer, why
			theirs = "skipped: " why
		} else {
			printf "%-12s %9s %8s  %s\n", peer, short(theirs),
			    ratio, unit
		}
		printf "%s\t%.6g\t%s\t%s\t%s\t%s\n", name, ours, peer,
		    theirs, ratio, unit >>tsv
	}'
}

# ask_for SECONDS COMMAND... - what it says is in $dir/said and said.err; in the
# background, for a trap waits for what is in the foreground.
ask_for() {
	timeout -k 5 "$@" >"$dir/said" 2>"$dir/said.err" </dev/null &
	asking=$!
	wait "$asking"
	asking=
}

# in_turns CASE... - asks each in all ways, $runs times: in one order, then in the
# other.  The script has runs, ways and ask CASE WAY.
in_turns() {
	local run case way order
	for ((run = 1; run <= runs; run++)); do
		for case; do
			if ((run % 2)); then
				order=("${ways[@]}")
			else
				mapfile -t order < <(printf '%s\n' \
				    "${ways[@]}" | tac)
			fi
			for way in "${order[@]}"; do
				[ ! -t 1 ] || printf \
				    '\r\033[K%s, %s: run %d of %d\r' \
				    "$case" "$way" "$run" "$runs"
				ask "$case" "$way"
			done
		done
	done
	[ ! -t 1 ] || printf '\r\033[K'
}
