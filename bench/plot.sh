#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# plot.sh RESULTS FOLDER - draws rate.svg, latency.svg, tcp.svg, echo.svg, and all
# of them as .png
#
# RESULTS is what bench.sh writes.  The machine and the day are in the picture.
# Says on standard error what cannot be drawn, and exits with 1.
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

# talk WHO CASE... - a number and a value for each case of kernel.sh; WHO: the first
# words of its line, or "PEER of" them
talk() {
	awk -F '\t' -v who="$1" -v cases="$2" '
	BEGIN {
		n = split(cases, c, ";")
		if (i = index(who, " of ")) {
			peer = substr(who, 1, i - 1)
			who = substr(who, i + 4)
		}
	}
	{
		for (i = 1; i <= n; i++)
			if ($1 == who ": " c[i] && !(i in seen)) {
				v = peer == "" ? $2 : $3 == peer ? $4 : ""
				if (v ~ /^[0-9.e+-]+$/ && v + 0 > 0) {
					seen[i] = 1
					print i, v
				}
			}
	}' "$results" | sort -n
}

machine="$(lscpu | sed -n 's/^Model name: *//p' | head -n 1 | tr -s ' '),\
 $(nproc) processors$(lscpu | grep -q '^Hypervisor' && echo ' of a virtual machine'),\
 $(date -r "$results" +%F)"
machine=${machine//[^A-Za-z0-9 (),.:@_-]/}

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
			set label 1 "$machine" at screen 0.01, 0.015 left \
			    font 'sans,9' noenhanced textcolor rgb '#606060'
			set bmargin 5
			$settings
			plot $(joined)
		END
	done
}

# draw_percentiles NAME TITLE - lines of which each has the three
draw_percentiles() {
	draw "$1" <<-END
		set title '$2'
		set logscale y 10
		set xrange [0.8:3.2]
		set xtics ('p50' 1, 'p99' 2, 'p99.9' 3)
		set ylabel 'microseconds'
		set format y '%g'
	END
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
draw_percentiles latency 'Round trip of a frame of 64 bytes' || status=1

lines=()
bulk='bulk TCP, IPv4;bulk TCP, IPv6'
i=0
for who in 'lwipv6, MTU 1500' 'lwIP, MTU 1500' 'veth plain of lwIP, MTU 1500' \
    'veth of lwIP, MTU 1500' 'lwIP, MTU 9000' 'veth plain of lwIP, MTU 9000' \
    'veth of lwIP, MTU 9000' 'lwIP, MTU 65521' 'loopback of lwIP, MTU 65521'; do
	((i++))
	# The mean of both protocols is what is drawn.
	talk "$who" "$bulk" | awk -v i=$i -v who="$who" '{ s += $2; n++ }
	    END { if (n) printf "%d %g \"%s\"\n", i, s / n, who }'
done | sed 's/ of lwIP//; s/loopback, MTU 65521/loopback/; s/"\(veth\|loop\)/"Linux, \1/' \
    >"$work/tcp"
if [ -s "$work/tcp" ]; then
	grep -E '"lw' "$work/tcp" >"$work/tcp.ours"
	grep '"Linux' "$work/tcp" >"$work/tcp.theirs"
	bars='using 1:2:(0.7) with boxes fs solid 0.8 notitle lc rgb'
	[ ! -s "$work/tcp.ours" ] ||
	    lines+=("'$work/tcp.ours' $bars '#c02020'")
	[ ! -s "$work/tcp.theirs" ] ||
	    lines+=("'$work/tcp.theirs' $bars '#707070'")
	lines+=("'$work/tcp' using 1:2:(sprintf('%.0f', \$2)) with labels \
offset 0,0.6 notitle")
fi
draw tcp <<-END || status=1
	set title 'One TCP connection between two processes: stacks on a bus, and Linux'
	set yrange [0:*]
	set xrange [0.4:9.6]
	set bmargin 9
	set xtics ($(awk -F '"' '{ split($1, w, " ");
	    printf "%s'"'%s'"' %d", (NR > 1 ? ", " : ""), $2, w[1] }' "$work/tcp")) \
	    rotate by -30 font 'sans,10'
	set ylabel 'MB a second'
END

lines=()
echo='echo of 64 B, p50;echo of 64 B, p99;echo of 64 B, p99.9'
n=0
for who in 'lwipv6, MTU 1500' 'lwIP, MTU 1500' 'veth of lwIP, MTU 1500' \
    'loopback of lwIP, MTU 1500'; do
	((n++))
	talk "$who" "$echo" >"$work/echo.$n"
done
add 'lwipv6 on a bus' "lc rgb '#c02020' pt 7 lw 3" "$work/echo.1"
add 'lwIP on a bus' "lc rgb '#e08080' pt 6 lw 3" "$work/echo.2"
add 'Linux, veth' "lc rgb '#a06010' pt 13 lw 1.5" "$work/echo.3"
add 'Linux, loopback' "lc rgb '#505050' dt 2 pt 4 lw 1.5" "$work/echo.4"
draw_percentiles echo 'An echo of 64 bytes by TCP, there and back' || status=1
exit $status
