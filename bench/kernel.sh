#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# kernel.sh - stacks on a bus beside Linux's own TCP/IP; bench.sh calls it
#
# From the environment: what bench.sh says; STACKS, "lwipv6 lwip"; MIB, how much
# one run moves.
#
# DOC: The same program (lib/talk.h) talks in several ways, which take turns, run
# by run, in one order and then in the other.  Always one process asks and one
# answers, each on a processor of its own:
#
#	STACK-MTU	a stack in each process, on a bus of this MTU
#	veth-MTU	two network namespaces with a veth between them, which
#			hands over segments of up to 64 KB and no checksums: all
#			offloads are on, as Linux has them by default
#	plain-MTU	the same with the offloads off: each frame is made,
#			summed up and received by itself
#	lo		both in one namespace, by loopback, whose MTU is 65536
#
# The namespaces belong to a user namespace, so no root is needed where the
# system lets users make one.
set -u
PATH=$PATH:/usr/sbin:/sbin

bench=$BUILD/bench
quick=${QUICK:+1}
quick=${quick#0}
runs=${RUNS:-$([ -n "$quick" ] && echo 1 || echo 7)}
if [ -n "$quick" ]; then
	cases='bulk4 echo visit udp:64'
	mib=${MIB:-32} trips=${TRIPS:-500}
else
	cases='bulk4 bulk6 both streams:2 streams:8 streams:32 echo visit
	    udp:64 udp:1472'
	mib=${MIB:-128} trips=${TRIPS:-3000}
fi
visits=$((trips / 3 + 1)) datagrams=$((trips * 30))

# shellcheck source=bench/lib/ways.sh
. "$(dirname "$0")/lib/ways.sh"

declare -A why # that a way has no figures, or CASE.WAY
declare -A enter target4 target6
ways=()

# The two processors; one is enough if there is no more.
mapfile -t cpus < <(taskset -pc $$ | sed 's/.*: //' | tr , '\n' |
    while IFS=- read -r from to; do seq "$from" "${to:-$from}"; done)
asks_on="taskset -c ${cpus[1]-${cpus[0]-0}}"
serves_on="taskset -c ${cpus[0]-0}"

# ---- ways -----------------------------------------------------------------

# listen WAY COMMAND... - its server, which says "ready".
listen() {
	local way=$1
	shift
	# shellcheck disable=SC2086
	start "$dir/$way.log" $serves_on "$@"
	soon grep -q ready "$dir/$way.log"
	grep -q ready "$dir/$way.log" || {
		why[$way]="its server: $(tail -n 1 "$dir/$way.log")"
		return 1
	}
}

stack_up() {
	local stack=$1 mtu=$2 way=$1-$2
	if [ ! -x "$bench/talk_$stack" ]; then
		why[$way]="talk_$stack was not built"
		return
	fi
	BUS_MTU=$mtu listen "$way" "$bench/talk_$stack" "$buses/$way" \
	    10.9.0.1/24,fd09::1/64 serve :: 7000 || return
	target4[$way]=10.9.0.1 target6[$way]=fd09::1
	ways+=("$way")
}

# in_net PID COMMAND... - in the namespaces of PID.
in_net() {
	nsenter -t "$1" -U -n --preserve-credentials "${@:2}"
}

# Two namespaces, in which $asker and $answerer sleep.
namespaces_up() {
	local tool
	for tool in unshare nsenter ip ethtool; do
		command -v "$tool" >/dev/null || {
			no_net="$tool is not installed"
			return 1
		}
	done
	start "$dir/answerer" unshare -rn sh -c \
	    'ip link set lo up && echo there && exec sleep 86400'
	answerer=$pid
	soon grep -q there "$dir/answerer"
	grep -q there "$dir/answerer" || {
		no_net="no namespace: $(tail -n 1 "$dir/answerer")"
		return 1
	}
	# Not by the function: what is ended is the process that was started.
	start "$dir/asker" nsenter -t "$answerer" -U -n \
	    --preserve-credentials unshare -n sh -c \
	    'ip link set lo up && echo $$ there && exec sleep 86400'
	soon grep -q there "$dir/asker"
	read -r asker _ <"$dir/asker"
	[[ ${asker-} =~ ^[0-9]+$ ]] || {
		no_net="no second namespace: $(tail -n 1 "$dir/asker")"
		return 1
	}
}

# A pair with addresses 10.9.NET.1 and .2; FEATURES are set by ethtool.
veth_up() {
	local way=$1 net=$2 mtu=$3 side host=0 holder
	shift 3
	{
		in_net "$answerer" ip link add "v$net" type veth peer name \
		    "v$net" netns "$asker" || return
		for holder in "$answerer" "$asker"; do
			host=$((host + 1))
			side=(in_net "$holder")
			"${side[@]}" ip link set "v$net" mtu "$mtu" &&
			    "${side[@]}" ip addr add "10.9.$net.$host/24" dev \
				"v$net" &&
			    "${side[@]}" ip addr add "fd09:$net::$host/64" \
				dev "v$net" nodad || return
			[ $# = 0 ] ||
			    "${side[@]}" ethtool -K "v$net" "$@" || return
			"${side[@]}" ip link set "v$net" up || return
		done
	} >"$dir/$way.log" 2>&1
	target4[$way]=10.9.$net.1 target6[$way]=fd09:$net::1
	enter[$way]="nsenter -t $asker -U -n --preserve-credentials"
	ways+=("$way")
}

kernel_up() {
	local way net=0 mtu
	local -a off=(tso off gso off gro off tx off rx off sg off)
	if ! namespaces_up || ! listen lo nsenter -t "$answerer" -U -n \
	    --preserve-credentials "$bench/talk_kernel" serve :: 7000; then
		for way in lo {veth,plain}-{1500,9000}; do
			why[$way]=${no_net-${why[lo]-}}
		done
		return
	fi
	enter[lo]="nsenter -t $answerer -U -n --preserve-credentials"
	target4[lo]=127.0.0.1 target6[lo]=::1
	ways+=(lo)
	for mtu in 1500 9000; do
		net=$((net + 1))
		veth_up "veth-$mtu" "$net" "$mtu" ||
			why[veth-$mtu]="no veth: $(tail -n 1 "$dir/veth-$mtu.log")"
		net=$((net + 1))
		veth_up "plain-$mtu" "$net" "$mtu" "${off[@]}" ||
			why[plain-$mtu]="no veth: $(tail -n 1 "$dir/plain-$mtu.log")"
	done
}

# ---- a run ----------------------------------------------------------------

host=2
# ask CASE WAY - the line that it says is added to the values of CASE in WAY.
ask() {
	local case=$1 way=$2 what n to=${target4[$2]} own client=()
	case $case in
	bulk*) what=bulk n=$mib ;;
	both | streams*) what=$case n=$mib ;;
	echo) what=$case n=$trips ;;
	visit) what=$case n=$visits ;;
	udp*) what=$case n=$datagrams ;;
	esac
	read -ra client <<<"$asks_on ${enter[$way]-}"
	case $way in
	lwip*)
		host=$((host % 250 + 3))
		own=10.9.0.$host/24
		[ "$case" != bulk6 ] || own=fd09::$host/64
		client+=("$bench/talk_${way%-*}" "$buses/$way" "$own")
		;;
	*) client+=("$bench/talk_kernel") ;;
	esac
	[ "$case" != bulk6 ] || to=${target6[$way]}
	ask_for 130 "${client[@]}" ask "$to" 7000 "$what" "$n"
	if grep -qE '^[0-9.]+( [0-9.]+)*$' "$dir/said"; then
		cat "$dir/said" >>"$dir/$case.$way"
		return
	fi
	why[$case.$way]="a run failed: $(tail -n 1 "$dir/said.err")"
	case $way in
	lwip*)
		echo "WRONG: $case, $way: $(tail -n 3 "$dir/said.err")"
		status=1
		;;
	esac
}

# ---- results --------------------------------------------------------------

# row NAME UNIT CASE FIELD WAY PEER_WAY PEER - one line; FIELD of the values.
row() {
	local name=$1 unit=$2 case=$3 field=$4 way=$5 other=$6 peer=$7
	local ours low high theirs=- reason
	reason=${why[$case.$other]-${why[$other]-it was not measured}}
	[ -s "$dir/$case.$way" ] || {
		reason=${why[$case.$way]-${why[$way]-it was not measured}}
		[ -n "$first" ] || return
		first=
		printf '%-46s skipped: %s\n' "$name" "$reason"
		printf '%s\t-\t-\tskipped: %s\t-\t%s\n' "$name" "$reason" \
		    "$unit" >>"$BENCH_TSV"
		return
	}
	read -r low ours high <<<"$(figures "$case" "$way" "$field")"
	[ ! -s "$dir/$case.$other" ] ||
	    read -r _ theirs _ <<<"$(figures "$case" "$other" "$field")"
	show_row "$name" "$unit" "$low" "$ours" "$high" "$peer" "$theirs" \
	    "$reason"
	first=
}

# rows WAY NAME "PEER_WAY PEER"... - all cases of a way beside its peers.
rows() {
	local way=$1 name=$2 case pair i titles units
	shift 2
	for case in $cases; do
		case $case in
		bulk?)
			titles=("bulk TCP, IPv${case#bulk}"
				"CPU to send 1 GB, IPv${case#bulk}"
				"CPU to receive 1 GB, IPv${case#bulk}")
			units=(MB/s s s)
			;;
		both) titles=('TCP both ways at once') units=(MB/s) ;;
		streams*)
			titles=("TCP, ${case#*:} streams") units=(MB/s)
			;;
		echo)
			titles=('echo of 64 B, p50' 'echo of 64 B, p99'
				'echo of 64 B, p99.9' 'echo of 64 B, mean')
			units=(us us us us)
			;;
		visit)
			titles=('connections a second') units=(1/s)
			;;
		udp*)
			titles=("UDP, ${case#*:} B, received"
				"UDP, ${case#*:} B, lost")
			units=(1/s %)
			;;
		esac
		for i in "${!titles[@]}"; do
			first=1
			for pair in "$@"; do
				row "$name: ${titles[i]}" "${units[i]}" \
				    "$case" $((i + 1)) "$way" "${pair%% *}" \
				    "${pair#* }"
			done
		done
	done
}

# ---- all ------------------------------------------------------------------

status=0 first=1
printf "\nStacks on a bus beside Linux's own\n"
buses=$(mktemp -d "${BENCH_DIR:-$dir}/kernel.XXXXXX") || exit 1
trap 'cleanup; rm -rf "$buses"' EXIT

kernel_up
for stack in ${STACKS:-lwipv6 lwip}; do
	case $stack in
	lwipv6) stack_up lwipv6 1500 ;;
	lwip) for mtu in 1500 9000 65521; do stack_up lwip $mtu; done ;;
	esac
done
# shellcheck disable=SC2086
in_turns $cases

of_kernel() {
	rows "$@" "plain-$mtu veth plain" "veth-$mtu veth" "lo loopback"
}
for stack in ${STACKS:-lwipv6 lwip}; do
	mtu=1500
	case $stack in
	lwipv6) of_kernel lwipv6-1500 'lwipv6, MTU 1500' ;;
	lwip)
		rows lwip-1500 'lwIP, MTU 1500' 'plain-1500 veth plain' \
		    'veth-1500 veth' 'lo loopback' 'lwipv6-1500 lwipv6'
		mtu=9000
		of_kernel lwip-9000 'lwIP, MTU 9000'
		rows lwip-65521 'lwIP, MTU 65521' 'lwip-9000 lwIP 9000' \
		    'lo loopback'
		;;
	esac
done
exit "$status"
