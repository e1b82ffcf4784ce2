#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# plot.sh RESULTS FOLDER - draws rate.svg, latency.svg and both as .png
#
# RESULTS is what bench.sh writes.  Says on standard error what cannot be drawn,
# and exits with 1.
set -u

results=$1
folder=$2

if ! command -v gnuplot >/dev/null; then
	echo 'gnuplot is not installed (make bench-deps)' >&2
	exit 1
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/plot.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

# rate WHO FILE - size and rate of what is shown as WHO: "ours CASE" or a peer
rates() {
	awk -F '\t' -v who="$1" -v batch="$2" '
	$1 ~ "^[0-9]+ B, 1 to 1, " batch ", nothing lost$" {
		split($1, word, " ")
		v = who == "ours" ? $2 : $3 == who ? $4 : ""
		if (v ~ /^[0-9.e+-]+$/ && v + 0 > 0 && !(word[1] in seen)) {
			seen[word[1]] = 1
			print word[1], v
		}
	}' "$results" | sort -n
}

# trips KIND PEER - percentile and microseconds
trips() {
	awk -F '\t' -v kind="$1" -v peer="$2" '
	BEGIN { at["p50"] = 1; at["p99"] = 2; at["p99.9"] = 3 }
	index($1, "round trip, " kind ", p") == 1 {
		n = split($1, word, ", ")
		v = peer == "" ? $2 : $3 == peer ? $4 : ""
		if (v ~ /^[0-9.e+-]+$/ && v + 0 > 0 && !(word[n] in seen)) {
			seen[word[n]] = 1
			print at[word[n]], v
		}
	}' "$results" | sort -n
}

lines=()
# add TITLE STYLE FILE - one more line, if there is anything in FILE
add() {
	if [ -s "$3" ]; then
		lines+=("'$3' with linespoints title '$1' $2")
	fi
}

joined() {
	local IFS=,
	echo "${lines[*]}"
}

# draw NAME - standard input are the settings
draw() {
	local settings
	settings=$(cat)
	if [ ${#lines[@]} = 0 ]; then
		echo "$1: no figures" >&2
		return 1
	fi
	for kind in svg png; do
		if [ $kind = svg ]; then
			term="svg size 720,440 font 'sans,12' background 'white'"
		else
			term="pngcairo size 1080,660 font 'sans,12'"
		fi
		gnuplot <<-END || return 1
			set terminal $term
			set output '$folder/$1.$kind'
			set grid lc rgb '#d0d0d0'
			set key outside right top Left reverse noenhanced
			$settings
			plot $(joined)
		END
	done
}

status=0
rates ours 'batch 32' >"$work/ours32"
rates ours single >"$work/ours1"
for p in memcpy memif seqpacket mcast veth vde; do
	rates $p 'batch 32' >"$work/$p"
done
add 'memcpy' "lc rgb '#909090' dt 2 pt 0 lw 2" "$work/memcpy"
add 'shmif, batches of 32' "lc rgb '#c02020' pt 7 lw 3" "$work/ours32"
add 'shmif, one by one' "lc rgb '#e08080' pt 6 lw 2" "$work/ours1"
add 'DPDK memif' "lc rgb '#2050c0' pt 5 lw 1.5" "$work/memif"
add 'UNIX seqpacket' "lc rgb '#208040' pt 9 lw 1.5" "$work/seqpacket"
add 'UDP multicast' "lc rgb '#80a020' pt 11 lw 1.5" "$work/mcast"
add 'AF_PACKET, veth' "lc rgb '#a06010' pt 13 lw 1.5" "$work/veth"
add 'VDE switch' "lc rgb '#703090' pt 4 lw 1.5" "$work/vde"
draw rate <<-END || status=1
	set title 'Frames a second, one process to another, nothing lost'
	set logscale x 2
	set logscale y 10
	set xrange [56:11000]
	set yrange [0.05:*]
	set xtics (64, 128, 256, 512, 1024, 1514, 9018) rotate by -30
	set xlabel 'bytes of a frame'
	set ylabel 'million frames a second'
	set format y '%g'
END

lines=()
trips spinning '' >"$work/spinning"
trips spinning 'cache line' >"$work/line"
trips asleep '' >"$work/asleep"
for p in futex seqpacket mcast veth vde; do
	trips asleep $p >"$work/trip.$p"
done
add 'cache line' "lc rgb '#909090' dt 2 pt 0 lw 2" "$work/line"
add 'shmif, spinning' "lc rgb '#c02020' pt 7 lw 3" "$work/spinning"
add 'futex' "lc rgb '#505050' dt 2 pt 0 lw 2" "$work/trip.futex"
add 'shmif, asleep' "lc rgb '#e08080' pt 6 lw 2" "$work/asleep"
add 'UNIX seqpacket' "lc rgb '#208040' pt 9 lw 1.5" "$work/trip.seqpacket"
add 'UDP multicast' "lc rgb '#80a020' pt 11 lw 1.5" "$work/trip.mcast"
add 'AF_PACKET, veth' "lc rgb '#a06010' pt 13 lw 1.5" "$work/trip.veth"
add 'VDE switch' "lc rgb '#703090' pt 4 lw 1.5" "$work/trip.vde"
draw latency <<-END || status=1
	set title 'Round trip of a frame of 64 bytes'
	set logscale y 10
	set xrange [0.8:3.2]
	set xtics ('p50' 1, 'p99' 2, 'p99.9' 3)
	set ylabel 'microseconds'
	set format y '%g'
END
exit $status
