#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lab.sh - a network lab on one machine: three networks, two routers, a lossy wire
#
#   left.bus                    middle.bus                   right.bus
#   left 10.1.0.2 --- router 10.1.0.1 | 10.2.0.1 --- lossy wire --- far.bus
#        10.2.0.2 | 10.3.0.1 namespace, Linux routes --- right 10.3.0.2
#                                                    --- a guest of QEMU
#
# usage: lab.sh [FOLDER]
#
# left and right are stacks, the first router is one as well (lwipv6), and the
# second one is a network namespace, where Linux itself routes: its taps are ends
# of wires.  That takes root; without, the second router is a stack, too.  Each
# network is captured, from the buses' own memory, when all is over.  The captures
# stay in FOLDER, where one is given.  BIN is where the programs are.
#
# The guest is the firmware that QEMU brings along, iPXE: the second router gives it
# a lease and a file.  Its clock goes by its instructions, several times too fast, so
# what it waits for by counting costs little.
set -eu
BIN=${BIN:-$(cd "$(dirname "$0")/../build/bin" && pwd)}
PATH=$PATH:/usr/sbin:/sbin
lab=$(mktemp -d "${TMPDIR:-/tmp}/lab.XXXXXX")
net=shmiflab$$ pids=()
keep=${1:+$(cd "$1" && pwd)}
cd "$lab"

finish()
{
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || :
	done
	ip netns del $net 2>/dev/null || :
	cd / && rm -rf "$lab"
}
trap finish EXIT

# stack NAME - a process that is a stack
stack()
{
	pids+=("$("$BIN/shmif_server" -d "unix://$1.sock" 2>/dev/null)")
}

# on NAME WORD... - shmifctl for it
on()
{
	local name=$1
	shift
	"$BIN/shmifctl" -s "unix://$name.sock" "$@"
}

# wire ARGUMENT... - a wire in the background
wire()
{
	pids+=("$("$BIN/shmif_wire" -d "$@")")
}

stack left
stack router
stack right
on left shmif0 create linkstr left.bus inet 10.1.0.2/24 up
on router shmif0 create linkstr left.bus inet 10.1.0.1/24 up
on router shmif1 create linkstr middle.bus inet 10.2.0.1/24 up
on right shmif0 create linkstr right.bus inet 10.3.0.2/24 up
on router forward on
on router route add 10.3.0.0/24 10.2.0.2
on left route add default 10.1.0.1
on right route add default 10.3.0.1

# The line between the routers: 5 ms each way, and it loses frames.
wire -c unix://lossy.sock middle.bus far.bus \
    delay 5ms 1ms loss 2% duplicate 1% rate 100mbit seed 42

# The second router.
if [ "$(id -u)" = 0 ] && [ -c /dev/net/tun ] &&
    ip netns add $net 2>/dev/null; then
	echo "second router: Linux, in a namespace"
	router2()
	{
		ip netns exec $net "$@"
	}
	pids+=("$(router2 "$BIN/shmif_wire" -d far.bus tap:far)")
	pids+=("$(router2 "$BIN/shmif_wire" -d right.bus tap:right)")
	ip -n $net addr add 10.2.0.2/24 dev far
	ip -n $net addr add 10.3.0.1/24 dev right
	ip -n $net link set far up
	ip -n $net link set right up
	ip -n $net route add 10.1.0.0/24 via 10.2.0.1
	router2 sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
else
	echo "second router: a stack, as a namespace cannot be made here"
	stack second
	on second shmif0 create linkstr far.bus inet 10.2.0.2/24 up
	on second shmif1 create linkstr right.bus inet 10.3.0.1/24 up
	on second forward on
	on second route add 10.1.0.0/24 10.2.0.1
fi

# A ping may be lost here, so one of several has to come back.
for try in 1 2 3 4 5 6 7 8 9 10; do
	on left ping 10.3.0.2 -c 2 && break
	[ $try -lt 10 ]
done

# A megabyte over the lossy line, exact.
if [ -x "$BIN/mstack" ] && command -v nc >/dev/null &&
    "$BIN/mstack" null true 2>/dev/null; then
	head -c 1000000 /dev/urandom >sent
	timeout 50 "$BIN/mstack" right.sock nc -l -N 10.3.0.2 5000 >got &
	receiver=$!
	for ((try = 0; try < 100; try++)); do
		timeout 50 "$BIN/mstack" left.sock nc -N 10.3.0.2 5000 <sent &&
		    break
		sleep 0.1
	done
	wait $receiver
	cmp sent got
	echo "1 MB over the lossy line: exact"
fi

# guest - what has to be there for it: the namespace, and three programs
guest()
{
	local web dns qemu got= program try
	[ "$(type -t router2)" = function ] || return 0
	for program in qemu-system-x86_64 dnsmasq python3; do
		command -v $program >/dev/null || {
			echo "no guest: $program is not installed"
			return 0
		}
	done
	wire right.bus "stream:$lab/guest.sock,listen"
	mkdir www
	printf '#!ipxe\nimgfetch http://10.3.0.1/data\n' >www/boot
	head -c 300000 /dev/urandom >www/data
	ip netns exec $net python3 -u -m http.server -d www --bind 10.3.0.1 80 \
	    >/dev/null 2>web.log &
	pids+=($!)
	ip netns exec $net dnsmasq -k -C /dev/null -p 0 -i right -l leases \
	    --user=root --no-ping -F 10.3.0.50,10.3.0.60,1h \
	    --dhcp-boot=http://10.3.0.1/boot 2>/dev/null &
	pids+=($!)
	qemu-system-x86_64 -M pc -m 64 -display none -boot n -icount shift=8 \
	    -device virtio-net-pci,netdev=n,mac=02:00:00:00:03:09 -netdev \
	    "stream,id=n,server=off,addr.type=unix,addr.path=$lab/guest.sock" \
	    >/dev/null 2>&1 &
	qemu=$!
	pids+=($qemu)
	for ((try = 0; try < 400; try++)); do
		grep -q 'GET /data.* 200' web.log && got=yes && break
		kill -0 $qemu 2>/dev/null || break
		sleep 0.1
	done
	kill $qemu 2>/dev/null || :
	[ -n "$got" ] || { echo "the guest got nothing"; return 1; }
	echo "a guest: a lease, and a file by HTTP"
}
guest

echo "the lossy line:"
"$BIN/shmif_wire" -s unix://lossy.sock show
for bus in left middle far right; do
	"$BIN/shmif_dumpbus" -w $bus.pcap $bus.bus
	echo "$bus.pcap: $(stat -c %s $bus.pcap) bytes"
	[ -z "$keep" ] || cp $bus.pcap "$keep"
done
