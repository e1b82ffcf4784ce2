# SPDX-License-Identifier: BSD-2-Clause
# bats file for neighbours that are set, and addresses that are published, by
# shmifctl: arp -s, ndp -s, ip neigh add.

load ../lib/ctl

# pair [STACK] - a and b, on a bus.
pair()
{
	TEST_STACK=${1:-} serve a b
	on a shmif0 create linkstr bus inet 10.0.0.1/24 inet6 fd00::1/64 up
	on b shmif0 create linkstr bus ether 02:00:00:00:00:0b \
	    inet 10.0.0.2/24 inet6 fd00::2/64 up
	on a shmif0 wait
	on b shmif0 wait
}

# has NAME STATE ADDRESS [MAC] - whether NAME has this neighbour.
has()
{
	on "$1" neigh | grep -q "^$3  *${4:-.*}  *shmif0  *$2\$"
}

@test "a neighbour that is set stays as it is, whatever comes" {
	local stack six
	for stack in lwipv6 lwip; do
		[ "$stack" != lwip ] || [ -x "$BUILD/bin/shmif_server-lwip" ] ||
		    continue
		pair "$stack"
		on a arp -s 10.0.0.2 02:00:00:00:00:99
		has a static 10.0.0.2 02:00:00:00:00:99
		# The neighbour itself says another: it is not believed.
		run -1 on b ping -c1 -W 0.2 10.0.0.1
		has a static 10.0.0.2 02:00:00:00:00:99
		on a arp -s 10.0.0.2 02:00:00:00:00:0b shmif0
		run -0 on a ping -c1 10.0.0.2
		on a arp -d 10.0.0.2
		run -1 has a static 10.0.0.2
		# As ip(8) has it; and undone as a whole.
		on a ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:0b dev shmif0
		has a static 10.0.0.2 02:00:00:00:00:0b
		on a save >saved
		grep -qx 'arp -s 10.0.0.2 02:00:00:00:00:0b shmif0' saved
		said 'shmif0: 10.0.0.1: an address of its own' \
		    on a arp -s 10.0.0.1 02:00:00:00:00:01
		said 'shmif0: 10.0.0.255: not the address of a host' \
		    on a arp -s 10.0.0.255 02:00:00:00:00:01 || [ "$stack" = lwipv6 ]
		if [ "$stack" = lwip ]; then
			said 'shmif0: fd00::2: lwIP keeps no IPv6 neighbours that are set' \
			    on a ndp -s fd00::2 02:00:00:00:00:0b
			said 'shmif0: 10.0.0.7: lwIP answers for its own addresses only' \
			    on a arp -s 10.0.0.7 auto pub
		else
			on a ndp -s fd00::2 02:00:00:00:00:98
			run -1 on b ping -c1 -W 0.2 fd00::1
			has a static fd00::2 02:00:00:00:00:98
			# It is no neighbour's business that the cable was out.
			on a shmif0 down
			on a shmif0 up
			has a static fd00::2 02:00:00:00:00:98
		fi
		on a halt
		on b halt
	done
}

@test "an address of somebody else is published" {
	pair
	on a arp -s 10.0.0.7 auto pub
	on a arp -s 10.0.0.8 02:00:00:00:00:08 pub
	on a ip neigh add proxy fd00::7 dev shmif0
	local mac
	mac=$(on a -j shmif0 | sed -n 's/.*"mac":"\(.*\)",/\1/p')
	has a published 10.0.0.7 "$mac"
	on b ping -c1 -W 0.01 10.0.0.7 >out || true
	on b ping -c1 -W 0.01 10.0.0.8 >out || true
	on b ping -c1 -W 0.01 fd00::7 >out || true
	until_true has b known 10.0.0.7 "$mac"
	until_true has b known 10.0.0.8 02:00:00:00:00:08
	until_true has b known fd00::7 "$mac"
	on a save >saved
	grep -qx 'arp -s 10.0.0.7 auto shmif0 pub' saved
	grep -qx 'ndp -s fd00::7 auto shmif0 pub' saved
	# Nobody is kept from an address: who asks whether it is free is not told.
	on b shmif0 add 10.0.0.8/24 add fd00::7/64 wait
	on b shmif0 del 10.0.0.8
	# Not any more.
	on a arp -d 10.0.0.7 pub
	on a ip neigh del proxy fd00::7 dev shmif0
	said '10.0.0.7: it is not published' on a arp -d 10.0.0.7 pub
	on b arp -d 10.0.0.7
	run -1 on b ping -c1 -W 0.01 10.0.0.7
	run -1 has b known 10.0.0.7
}

@test "neighbours: what cannot be" {
	serve a
	usage 'arp: -s ADDRESS MAC [INTERFACE] [pub] it is' on a arp -s 10.0.0.1
	usage 'arp: -d ADDRESS [INTERFACE] [pub] it is' on a arp -d
	said '10.0.0.1/24: one address, please' on a arp -d 10.0.0.1/24
	said 'fd00::1: not an IPv4 address' on a arp -s fd00::1 auto pub
	said '01:00:00:00:00:01: not the hardware address of an interface' \
	    on a arp -s 10.0.0.1 01:00:00:00:00:01
	said 'arp: auto goes with pub only' on a arp -s 10.0.0.1 auto
	said '10.0.0.1: on the network of no interface: which one?' \
	    on a arp -s 10.0.0.1 02:00:00:00:00:01
	said 'shmif0: no such interface' \
	    on a arp -s 10.0.0.1 02:00:00:00:00:01 shmif0
	said 'lo0: 10.0.0.1: not with this kind of interface' \
	    on a arp -s 10.0.0.1 02:00:00:00:00:01 lo0
	usage 'ndp: fe80::1: by which interface?' \
	    on a ndp -s fe80::1 02:00:00:00:00:01
	usage 'arp: up: one word too many' on a arp -s 10.0.0.1 auto pub lo0 up
}
