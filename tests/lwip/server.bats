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
