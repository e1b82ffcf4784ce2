#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# linux.sh - Linux in a network namespace and lwipv6 in a process: over a bus with a
# tap, by shmif_wire and by vde_plug, and over a vde_switch that has the tap
#
# From the environment: BUILD, RUNS, BENCH_TSV.  Each run is one of each, in turns;
# shown are medians.  The stack's side is mstack, for all alike.
set -u
build=$(cd "${BUILD:-build}" && pwd)
runs=${RUNS:-5} mib=32 pings=300
[ -z "${QUICK-}" ] || { runs=${RUNS:-1} mib=4 pings=50; }
ctl=$build/bin/shmifctl
PATH=$PATH:/usr/sbin:/sbin
net=shmifbench$$
dir=
pids=()

stop()
{
	local pid
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	pids=()
}

finish()
{
	stop
	ip netns del $net 2>/dev/null
	[ -z "$dir" ] || rm -rf "$dir"
}

skip()
{
	echo "Linux and lwipv6: skipped: $*"
	exit 0
}

# soon COMMAND... - waits for it to succeed
soon()
{
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	return 1
}

for program in ip nc ping vde_plug vde_switch; do
	command -v $program >/dev/null || skip "$program is not installed"
done
[ "$(id -u)" = 0 ] && [ -c /dev/net/tun ] || skip 'it takes root and taps'
"$build/bin/mstack" null true 2>/dev/null || skip 'no seccomp notifications'
ip netns add $net 2>/dev/null || skip 'no network namespace'
trap finish EXIT
trap 'exit 1' INT TERM HUP
dir=$(mktemp -d "${TMPDIR:-/tmp}/linux.XXXXXX") || exit 1
cd "$dir" || exit 1
folder=$(dirname "$(ldconfig -p | sed -n 's/.*=> //p' |
    grep libvdeplug_mod | head -n 1)")
export VDEPLUGIN_PATH=$build/lib/vdeplug:$folder/vdeplug
mkfifo console
exec {console}<>console

# begin HOW - a tap in the namespace, and a stack that reaches it
begin()
{
	local in_net="ip netns exec $net" interface=shmif0 where=bus
	rm -rf bus switch s.sock
	case $1 in
	wire) $in_net "$build/bin/shmif_wire" bus tap:t0 & ;;
	plug) $in_net vde_plug shmif://$PWD/bus tap://t0 & ;;
	vde)
		interface=vd0 where=vde://$PWD/switch
		$in_net vde_switch -s switch -t t0 <console &
		;;
	esac >/dev/null 2>&1
	pids+=($!)
	soon ip -n $net link show t0 || return 1
	[ $1 != vde ] || soon test -S switch/ctl || return 1
	ip -n $net addr add 10.9.0.1/24 dev t0
	ip -n $net link set t0 up
	"$build/bin/shmif_server" unix://s.sock >/dev/null 2>&1 &
	pids+=($!)
	soon "$ctl" -s unix://s.sock server || return 1
	"$ctl" -s unix://s.sock $interface create linkstr $where \
	    inet 10.9.0.2/24 up || return 1
	soon ip netns exec $net ping -q -c 1 -W 1 10.9.0.2
}

# The median of the numbers of standard input.
median()
{
	sort -g | awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : "-" }'
}

trip() # in us
{
	ip netns exec $net ping -i 0.005 -c $pings 10.9.0.2 |
	    sed -n 's/.*time=\([0-9.]*\) ms/\1/p' | median |
	    awk '{ print $1 * 1000 }'
}

tcp() # in MB/s, from the stack to Linux
{
	local begun
	ip netns exec $net nc -l 10.9.0.1 5000 </dev/null >/dev/null &
	pids+=($!)
	soon eval "ip netns exec $net ss -ltn | grep -q :5000" || return 1
	begun=${EPOCHREALTIME/[.,]/}
	head -c $((mib << 20)) /dev/zero |
	    timeout 100 "$build/bin/mstack" s.sock nc -N 10.9.0.1 5000 ||
		return 1
	awk -v n=$((mib << 20)) -v us=$((${EPOCHREALTIME/[.,]/} - begun)) \
	    'BEGIN { print n / us }'
}

for ((run = 0; run < runs; run++)); do
	for how in wire vde plug; do
		if begin $how; then
			trip >>$how.trip
			tcp >>$how.tcp
		else
			echo "bench: Linux by $how: it does not begin" >&2
		fi
		stop
		soon eval "! ip -n $net link show t0"
	done
done

printf '\n%-46s %-22s\n' 'Linux in a namespace and lwipv6' \
    'by shmif_wire; by vde_plug; by vde_switch'
# row NAME FIGURE UNIT
row()
{
	local ours plug vde
	ours=$(median <wire.$2) plug=$(median <plug.$2) vde=$(median <vde.$2)
	printf '%-46s %.4g  %.4g  %.4g %s\n' "$1" "$ours" "$plug" "$vde" "$3"
	[ -n "${BENCH_TSV-}" ] || return 0
	awk -v OFS='\t' -v n="$1" -v o="$ours" -v u="$3" -v p="$plug" -v v="$vde" '
	function put(peer, its) {
		if (its + 0 > 0)
			print n, o, peer, its, sprintf("%.4g", o / its), u
	}
	BEGIN { put("vde", v); put("plug", p) }' >>"$BENCH_TSV"
}
row 'Linux and lwipv6: ping, p50' trip us
row 'Linux and lwipv6: TCP' tcp MB/s
