#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The server with mainline lwIP, driven by shmifctl, beside one with lwipv6.
#
# slow: 30

bats_require_minimum_version 1.5.0

setup() {
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	BUILD=${BUILD:-$TOP/build}
	PATH=$BUILD/bin:$PATH
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	local s
	for s in *.sock; do
		[ ! -S "$s" ] || shmifctl -s "unix://$s" halt || :
	done
}

# SOCKET ADDRESS - an answer comes, though not at once: lwIP looks for duplicates
# of an IPv6 address for a second before it uses it.
reaches() {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		! shmifctl -s "unix://$1" ping -c 1 "$2" || return 0
		sleep 0.3
	done
	return 1
}

# The two of them, on one bus: a has lwipv6, b lwIP.
two() {
	shmif_server -d unix://a.sock 2>a.log
	shmif_server -d -t lwip unix://b.sock 2>b.log
	shmifctl -s unix://a.sock shmif0 create linkstr bus \
	    inet 10.0.0.1/24 inet6 fd00::1/64 up
	shmifctl -s unix://b.sock shmif0 create linkstr bus \
	    inet 10.0.0.2/24 inet6 fd00::2/64 up
}

@test "-t chooses the program that has the stack" {
	run -0 shmif_server-lwip -d -t lwip unix://b.sock
	shmifctl -s unix://b.sock halt
	run -2 --separate-stderr shmif_server -t bsd unix://x.sock
	[[ $stderr == *"has the stack lwipv6"* ]]
	run -2 --separate-stderr shmif_server -t ../bin/shmifctl unix://x.sock
	[[ $stderr == *"has the stack lwipv6"* ]]
}

@test "each answers the other's pings, whole and in fragments" {
	two
	for size in 0 56 1472 5000; do
		run -0 shmifctl -s unix://a.sock ping -c 2 -s $size 10.0.0.2
		[[ $output == *"2 sent, 2 received"* ]]
		run -0 shmifctl -s unix://b.sock ping -c 2 -s $size 10.0.0.1
		[[ $output == *"2 sent, 2 received"* ]]
		run -0 shmifctl -s unix://b.sock ping -c 2 -s $size fd00::1
		[[ $output == *"2 sent, 2 received"* ]]
		run -0 shmifctl -s unix://a.sock ping -c 2 -s $size fd00::2
		[[ $output == *"2 sent, 2 received"* ]]
	done
}

@test "addresses, neighbours and what lwIP cannot do" {
	two
	shmifctl -s unix://b.sock ping -c 1 10.0.0.1
	run -0 shmifctl -s unix://b.sock shmif0
	[[ $output == *"inet 10.0.0.2/24"* ]]
	[[ $output == *"inet6 fd00::2/64"* ]]
	run -0 shmifctl -s unix://b.sock arp
	[[ $output == *"10.0.0.1 "*known* ]]
	shmifctl -s unix://b.sock shmif0 inet 10.0.0.2/24 -alias
	run -0 shmifctl -s unix://b.sock shmif0
	[[ $output != *"10.0.0.2"* ]]
	shmifctl -s unix://b.sock shmif0 inet 10.0.0.3/24
	# One IPv4 address; IPv6 prefixes of 64 bits.
	run -1 shmifctl -s unix://b.sock shmif0 inet 10.1.0.3/24 alias
	run -1 shmifctl -s unix://b.sock shmif0 inet6 fd01::1/80
	run -0 shmifctl -s unix://b.sock shmif0
	[[ $output == *"inet 10.0.0.3/24"* ]]
	[[ $output != *fd01* ]]
}

@test "all words of shmifctl: what lwIP has works, what it lacks is said" {
	two
	b() { shmifctl -s unix://b.sock "$@"; }
	# refused TEXT WORD... - it is not done, and TEXT says why.
	refused() {
		local text=$1
		shift
		run -1 --separate-stderr b "$@"
		echo "$*: $stderr"
		[[ $stderr == *"$text"* ]]
	}
	# Words.
	b shmif0 mtu 1400 ether 02:00:00:00:00:07 promisc
	run -0 b shmif0
	[[ $output == *"mtu 1400"* && $output == *02:00:00:00:00:07* ]]
	[[ $output == *PROMISC* ]]
	b shmif0 -promisc lladdr 02:00:00:00:00:08 mtu 1500
	b shmif0 down
	run -1 b ping -c 1 -W 1 10.0.0.1
	b shmif0 up
	b shmif0 -autoconf
	b shmif0 autoconf
	b shmif0 inet 10.0.0.4/24 # in the place of the one that it has
	run -0 b shmif0
	[[ $output == *"inet 10.0.0.4/24"* && $output != *10.0.0.2/* ]]
	b shmif0 inet6 fd00::5/64 alias
	b shmif0 inet6 fd00::5/64 -alias
	b shmif0 inet6 fd00::2 delete
	b shmif0 dhcp
	run -0 b shmif0
	[[ $output == *"options dhcp"* ]]
	b shmif0 -dhcp inet 10.0.0.2/24
	b shmif0 -linkstr
	b shmif0 linkstr bus
	b shmif1 create linkstr other inet 10.0.9.1/24 up
	b shmif1 destroy
	refused 'has one IPv4 address' shmif0 inet 10.1.0.3/24 alias
	refused 'have 64 bits' shmif0 inet6 fd01::1/80
	refused 'does not advertise' shmif3 create radv
	refused 'no such kind' vd0 create
	refused 'no such kind' tap0 create
	refused 'a loopback interface' lo0 dhcp
	refused 'a loopback interface' lo0 autoconf
	refused 'not with this kind' lo0 mtu 1400
	refused 'not with this kind' lo0 promisc
	# The address is what it was.
	run -0 b shmif0
	[[ $output == *"inet 10.0.0.2/24"* && $output != *10.1.0.3* ]]
	# Commands.
	reaches b.sock 10.0.0.1
	b route add 10.5.0.0/16 10.0.0.1
	b route add fd05::/64 -interface shmif0
	run -0 b route show
	[[ $output == *10.5.0.0/16* && $output == *fd05::/64* ]]
	b route delete 10.5.0.0/16 10.0.0.1
	run -0 b arp
	[[ $output == *10.0.0.1* ]]
	b arp -d 10.0.0.1 shmif0
	run -0 b arp
	[[ $output != *"10.0.0.1 "*known* ]]
	b ndp
	refused 'IPv6 neighbours' ndp -d fd00::1 shmif0
	b forward on
	run -0 b server
	[[ $output == *lwip* ]]
	b forward off
	touch radv.conf
	refused 'does not advertise' radv radv.conf
	b show shmif0
	b -v shmif0
	b -j shmif0 | python3 -m json.tool >/dev/null
	b -l
	b -a
	b bus bus
	b help
}

@test "a path MTU that there cannot be is not believed" {
	/usr/bin/python3 -c 'import scapy' 2>/dev/null ||
	    skip 'no python3-scapy'
	[ -z "${SHMIF_SAN-}" ] || skip 'sanitizers have to be loaded first'
	two
	reaches b.sock fd00::1
	PYTHONPATH=$TOP/python LD_LIBRARY_PATH=$BUILD/lib run -0 /usr/bin/python3 -c '
import shmbus
from scapy.all import Ether, IPv6, UDP, ICMPv6PacketTooBig, IPv6ExtHdrDestOpt
with shmbus.Bus("bus", promisc=True) as bus:
    import subprocess, re
    mac = re.search("ether (.*)", subprocess.run(["shmifctl", "-s", "unix://b.sock", "shmif0"],
        capture_output=True, text=True).stdout)[1]
    for mtu in (0, 8, 1279, 49, 48):
        for more in (b"", IPv6ExtHdrDestOpt()):
            p = IPv6(src="fd00::1", dst="fd00::2")
            if more: p = p / more
            bus.send(bytes(Ether(src="02:00:00:00:00:77", dst=mac) / p / ICMPv6PacketTooBig(mtu=mtu)
                / IPv6(src="fd00::2", dst="fd00::1") / UDP(sport=1, dport=2)))
'
	echo "$output"
	run -0 timeout 30 shmifctl -s unix://b.sock ping -c 2 -s 3000 fd00::1
	[[ $output == *"2 sent, 2 received"* ]]
}

@test "the cable out and in, another bus, destroyed" {
	two
	shmifctl -s unix://b.sock ping -c 1 10.0.0.1
	shmifctl -s unix://b.sock shmif0 media none
	run -1 shmifctl -s unix://b.sock ping -c 1 -W 1 10.0.0.1
	shmifctl -s unix://b.sock shmif0 media auto
	shmifctl -s unix://b.sock ping -c 1 10.0.0.1
	shmifctl -s unix://b.sock shmif0 linkstr other
	run -1 shmifctl -s unix://b.sock ping -c 1 -W 1 10.0.0.1
	shmifctl -s unix://b.sock shmif0 linkstr bus
	shmifctl -s unix://b.sock ping -c 1 10.0.0.1
	shmifctl -s unix://b.sock shmif0 destroy
	run -1 shmifctl -s unix://b.sock shmif0
}

@test "lwIP as a router between two buses, v4 and v6; a host does not forward" {
	shmif_server -d unix://a.sock 2>a.log
	shmif_server -d unix://c.sock 2>c.log
	shmifctl -s unix://a.sock shmif0 create linkstr bus \
	    inet 10.0.0.1/24 inet6 fd00::1/64 up
	shmifctl -s unix://a.sock route add 10.0.1.0/24 10.0.0.2
	shmifctl -s unix://a.sock route add fd00:1::/64 fd00::2
	shmifctl -s unix://c.sock shmif0 create linkstr bus2 \
	    inet 10.0.1.1/24 inet6 fd00:1::1/64 up
	shmifctl -s unix://c.sock route add 10.0.0.0/24 10.0.1.2
	shmifctl -s unix://c.sock route add fd00::/64 fd00:1::2
	for forward in '' -f; do
		shmif_server-lwip -d $forward unix://b.sock 2>b.log
		# The same interfaces each time, for those who know them.
		shmifctl -s unix://b.sock shmif0 create \
		    ether b2:a0:00:00:00:01 linkstr bus \
		    inet 10.0.0.2/24 inet6 fd00::2/64 up
		shmifctl -s unix://b.sock shmif1 create \
		    ether b2:a0:00:00:00:02 linkstr bus2 \
		    inet 10.0.1.2/24 inet6 fd00:1::2/64 up
		reaches a.sock 10.0.0.2
		reaches a.sock fd00::2
		reaches c.sock fd00:1::2
		if [ -n "$forward" ]; then
			reaches a.sock 10.0.1.1
			reaches a.sock fd00:1::1
			shmifctl -s unix://a.sock ping -c 2 -s 3000 10.0.1.1
			shmifctl -s unix://a.sock ping -c 2 -s 1400 fd00:1::1
		else
			run -1 shmifctl -s unix://a.sock ping -c 1 -W 1 10.0.1.1
			run -1 shmifctl -s unix://a.sock ping -c 1 -W 1 \
			    fd00:1::1
		fi
		shmifctl -s unix://b.sock halt
		while [ -S b.sock ]; do sleep 0.1; done
	done
}

@test "lwIP uses the routes that it is given" {
	two
	shmif_server -d -f -o sh0=bus,sh1=bus2 unix://r.sock 2>r.log
	shmifctl -s unix://r.sock shmif0 inet 10.0.0.9/24 inet6 fd00::9/64 up
	shmifctl -s unix://r.sock shmif1 inet 10.0.2.9/24 inet6 fd00:2::9/64 up
	shmif_server -d unix://c.sock 2>c.log
	shmifctl -s unix://c.sock shmif0 create linkstr bus2 \
	    inet 10.0.2.1/24 inet6 fd00:2::1/64 up
	shmifctl -s unix://c.sock route add default 10.0.2.9
	shmifctl -s unix://c.sock route add ::/0 fd00:2::9
	run -1 shmifctl -s unix://b.sock ping -c 1 -W 1 10.0.2.1
	shmifctl -s unix://b.sock route add 10.0.2.0/24 10.0.0.9
	shmifctl -s unix://b.sock route add ::/0 fd00::9
	reaches b.sock 10.0.2.1
	reaches b.sock fd00:2::1
	run -0 shmifctl -s unix://b.sock route
	[[ $output == *"10.0.2.0/24"*10.0.0.9* ]]
	shmifctl -s unix://b.sock route delete 10.0.2.0/24 10.0.0.9
	run -1 shmifctl -s unix://b.sock ping -c 1 -W 1 10.0.2.1
}

@test "hello: either stack's program with the other's" {
	timeout 30 "$BUILD/examples/lwip/hello" bus server &
	local server=$!
	for i in 1 2 3 4 5 6 7 8 9 10; do
		run "$BUILD/examples/hello" bus client
		[ "$status" != 0 ] || break
		sleep 0.2
	done
	[ "$output" = "hello over shared memory" ]
	run -0 "$BUILD/examples/lwip/hello" bus client
	[ "$output" = "hello over shared memory" ]
	kill $server
}
