#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# hosts.sh - what buses of several hosts cost, by number of hosts and by engine
#
# usage: hosts.sh [FOLDER]    as root; hosts.tsv and hosts.svg come to FOLDER, which is
#                             build/bench unless told; make bench_hosts
#
# From the environment: BUILD; HOSTS_N, how many hosts ("2 4 8 16"); ENGINES
# ("vxvde vxlan").  Hosts are network namespaces.  With all of them joined it is
# measured: a round trip from the first to the last one; TCP from there to there;
# what a frame to everybody costs all hosts, of a processor, from the plugs' time.
# See docs/hosts.md.
set -u
TOP=$(cd "$(dirname "$0")/.." && pwd)
BUILD=$(cd "${BUILD:-$TOP/build}" && pwd)
export TOP BUILD
out=${1:-$BUILD/bench}
PATH=$PATH:/usr/sbin:/sbin
mib=${MIB:-64} broadcasts=2000
# shellcheck source=/dev/null
. "$TOP/tests/lib/jobs.bash"
# shellcheck source=/dev/null
. "$TOP/tests/lib/hosts.bash"
HOST=shmifb$$-
dir=$(mktemp -d "${TMPDIR:-/tmp}/hosts.XXXXXX") || exit 1
cd "$dir" || exit 1

trap 'cd / && rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP

folder=$(dirname "$(ldconfig -p | sed -n 's/.*=> //p' |
    grep libvdeplug_mod | head -n 1)")
export VDEPLUGIN_PATH=$BUILD/lib/vdeplug:$folder/vdeplug

on()
{
	"$BUILD/bin/shmifctl" -s "unix://$PWD/h$1.sock" "${@:2}"
}

# ticks PID... - what they had of a processor, in hundredths of a second
ticks()
{
	local pid sum=0 stat=()
	for pid; do
		read -r -a stat <"/proc/$pid/stat" &&
		    sum=$((sum + stat[13] + stat[14]))
	done
	echo $sum
}

# measure ENGINE N - a line of figures
measure()
{
	local i last=$2 plugs=() begun before ms us
	rm -f h*.sock h*.bus
	hosts $2 || return 1
	for ((i = 1; i <= last; i++)); do
		plug_$1 $i || return 1
		plugs+=($PLUG)
	done
	stack_on 1
	stack_on $last
	until_true eval 'on 1 ping 10.5.0.'$last' -c 1 | grep -q "1 received"' ||
		return 1
	ms=$(on 1 ping 10.5.0.$last -c 50 -i 0.01 | sed -n 's|.*avg.* \([0-9.]*\)/\([0-9.]*\)/.*|\2|p')
	start sink "$BUILD/bin/mstack" h$last.sock nc -l 10.5.0.$last 5000
	sleep 1
	begun=${EPOCHREALTIME/[.,]/}
	head -c $((mib << 20)) /dev/zero | timeout 200 "$BUILD/bin/mstack" \
	    h1.sock nc -N 10.5.0.$last 5000 || return 1
	us=$((${EPOCHREALTIME/[.,]/} - begun))
	# Frames to everybody, no more at once than any of them keeps up with.
	before=$(ticks "${plugs[@]}")
	for ((i = 0; i < broadcasts / 50; i++)); do
		"$BUILD/tests/system/busfeed" -i -q h1.bus <frames >/dev/null
		sleep 0.01
	done
	sleep 0.5
	awk -v OFS='\t' -v e=$1 -v n=$2 -v ms="$ms" -v b=$((mib << 20)) -v us=$us \
	    -v t=$(($(ticks "${plugs[@]}") - before)) -v f=$broadcasts \
	    'BEGIN { print e, n, ms, b / us, t * 10000 / f }'
}

for ((i = 0; i < 50; i++)); do
	printf 'ffffffffffff020000000001%s%04x%092d\n' 88b5 $i 0
done >frames
printf 'engine\thosts\tround trip, ms\tTCP, MB/s\ta broadcast, us of a processor\n' |
    tee "$out/hosts.tsv"
for engine in ${ENGINES:-vxvde vxlan}; do
	for n in ${HOSTS_N:-2 4 8 16}; do
		# All that it starts ends with the child that it runs in.
		(
			trap 'end_all; hosts_end' EXIT
			measure $engine $n >line 2>log
		)
		if grep "^$engine" line; then
			grep "^$engine" line >>"$out/hosts.tsv"
		else
			echo "$engine, $n hosts: not measured: $(tail -n 1 log)"
		fi
	done
done
command -v gnuplot >/dev/null || {
	echo 'Not drawn: gnuplot is not installed (make bench-deps)'
	exit 0
}
lines=()
for engine in vxvde vxlan; do
	awk -F '\t' -v e=$engine '$1 == e { print $2, $5 }' "$out/hosts.tsv" \
	    >$engine.plot
	[ ! -s $engine.plot ] ||
		lines+=("'$engine.plot' with linespoints lw 2 title '$engine'")
done
gnuplot <<-END && echo "Drawn: $out/hosts.svg"
	set terminal svg size 720,440 font 'sans,12' background 'white'
	set output '$out/hosts.svg'
	set grid lc rgb '#d0d0d0'
	set key left top
	set title 'A frame to everybody: what all plugs together use of processors'
	set logscale x 2
	set xrange [1.8:18]
	set xtics (2, 4, 8, 16)
	set yrange [0:*]
	set xlabel 'hosts'
	set ylabel 'microseconds a frame'
	plot $(IFS=,; echo "${lines[*]}")
END
