# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmifctl's further words: those of ip, route, ping and traceroute,
# several servers, and files of calls.

load ../lib/ctl

@test "save: what it prints makes the present state again" {
	serve a b
	on a shmif0 create linkstr 'a bus' ether 02:00:00:00:00:0a \
	    inet 10.0.0.1/24 up
	on a shmif0 inet 10.0.0.9/24 alias inet6 fd00::1/64
	on a shmif1 create -autoconf linkstr other mtu 1400 inet 10.1.0.1/24 \
	    promisc
	on a shmif2 create
	on a route add 10.9.0.0/16 10.0.0.2
	on a route add default 10.0.0.3
	on a route add fd09::/32 fd00::2
	on a forward on
	on a save >saved
	cat saved
	grep -q "^shmif0 create linkstr '$HERE/a bus' ether 02:00:00:00:00:0a mtu 1500 " saved
	sed 's/linkstr .*bus. /linkstr new /' saved |
	    sed '/^shmif1/s/other/other2/' >changed
	run -0 on b -f - <changed
	[ -z "$output" ]
	on b save | sed "s,$HERE/new,'$HERE/a bus',; s,other2,other," >again
	diff saved again
	# It stops where something fails, and says where.
	printf '# a comment\n\nshmif7 create\nshmif8 up # none\nshmif9 create\n' >bad
	run -1 on b -f bad
	[ "${lines[0]}" = 'shmifctl: shmif8: no such interface' ]
	[ "${lines[1]}" = 'shmifctl: bad: line 4 failed: what comes after it was not done' ]
	run -0 on b -l
	[[ $output == *shmif7* && $output != *shmif9* ]]
	said 'none: No such file or directory' on b -f none
	usage '-f goes with no other words' on b -f bad shmif0
	printf "shmif0 linkstr 'open\n" >bad
	run -1 on b -f bad
	[[ ${lines[0]} == *'a quote is not closed'* ]]
}

@test "ip: -br, -4, -6; several servers; the path of a socket" {
	serve a b
	on a shmif0 create linkstr bus -autoconf inet 10.0.0.1/24 up
	on b shmif0 create linkstr bus inet 10.0.0.2/24 up
	run -0 on a ip -br addr
	[[ $output == *$'\nshmif0          UP      '*10.0.0.1/24* ]]
	[[ $output == *fe80::* ]]
	run -0 on a ip -4 -br addr
	[[ $output != *fe80::* && $output == *10.0.0.1/24* ]]
	run -0 on a -6 shmif0
	[[ $output == *fe80::* && $output != *10.0.0.1* ]]
	run -0 on a ip -4 route
	[[ $output == inet:* && $output != *inet6:* ]]
	run -0 on a ip -6 route
	[[ $output != *$'inet:\n'* ]]
	usage 'ip: unknown option -x' on a ip -x addr
	# By turns, each under its name.
	run -0 "$ctl" -s a.sock -s "unix://$HERE/b.sock" -br
	[ "${lines[0]}" = a.sock: ]
	[ "${lines[3]}" = "unix://$HERE/b.sock:" ]
	run -1 "$ctl" -s none.sock -s b.sock -l
	[[ $output == *'b.sock:'*'lo0 shmif0'* ]]
	[ "$("$ctl" -s a.sock -s b.sock -j -l | tr -d ' \n')" = \
	    '["lo0","shmif0"]["lo0","shmif0"]' ]
	run -0 "$ctl" -h
	[[ $output == 'usage: shmifctl '* ]]
}

@test "route: get, change, flush" {
	serve a
	on a shmif0 create linkstr bus -autoconf inet 10.0.0.1/24 \
	    inet6 fd00::1/64 up
	on a route add default 10.0.0.3
	on a route add 10.9.0.0/16 10.0.0.2
	run -0 on a route get 10.9.8.7
	[ "$output" = '10.9.8.7 via 10.0.0.2 dev shmif0' ]
	run -0 on a route get 192.0.2.1
	[ "$output" = '192.0.2.1 via 10.0.0.3 dev shmif0' ]
	run -0 on a route get 10.0.0.7
	[ "$output" = '10.0.0.7 dev shmif0' ]
	said '2001:db8::1: no route leads there' on a route get 2001:db8::1
	on a route change 10.9.0.0/16 10.0.0.4
	run -0 on a route get 10.9.8.7
	[ "$output" = '10.9.8.7 via 10.0.0.4 dev shmif0' ]
	on a route change default 10.0.0.5
	run -0 on a route get 192.0.2.1
	[ "$output" = '192.0.2.1 via 10.0.0.5 dev shmif0' ]
	said '10.8.0.0/16: there is no such route' \
	    on a route change 10.8.0.0/16 10.0.0.4
	# A gateway that is nowhere: the old route stays.
	run -1 on a route change default 192.0.2.9
	run -0 on a route get 192.0.2.1
	[ "$output" = '192.0.2.1 via 10.0.0.5 dev shmif0' ]
	on a route flush
	said '192.0.2.1: no route leads there' on a route get 192.0.2.1
	on a route get 10.0.0.7
}

@test "ping and traceroute: a way of several hops" {
	serve a r b
	on a shmif0 create linkstr one -autoconf inet 10.1.0.1/24 up
	on r shmif0 create linkstr one -autoconf inet 10.1.0.2/24 up
	on r shmif1 create linkstr two -autoconf inet 10.2.0.2/24 up
	on b shmif0 create linkstr two -autoconf inet 10.2.0.1/24 up
	on r forward on
	on a route add default 10.1.0.2
	on b route add default 10.2.0.2
	run -0 on a traceroute 10.2.0.1
	echo "$output"
	[[ ${lines[0]} =~ ^\ 1\ \ 10\.1\.0\.2\ \ [0-9.]+\ ms$ ]]
	[[ ${lines[1]} =~ ^\ 2\ \ 10\.2\.0\.1\ \ [0-9.]+\ ms$ ]]
	[ "${#lines[@]}" -eq 2 ]
	[[ $(on a -j traceroute 10.2.0.1 | tr -d ' \n') == *'"reached":true,"hops":[{"ttl":1,"from":"10.1.0.2"'* ]]
	run -1 on a traceroute -m 1 10.2.0.1
	run -1 on a ping -c 1 -t 1 -W 0.5 10.2.0.1
	[ "${lines[0]}" = 'from 10.1.0.2: seq=0 time to live exceeded' ]
	run -0 on a ping -q -c 3 -i 0.01 10.2.0.1
	[ "${lines[0]}" = '--- 10.2.0.1 ---' ]
	run -0 on a ping -f -q -c 20 10.1.0.2
	[[ $output == *'20 sent, 20 received'* ]]
	run -0 on a ping -I shmif0 -c1 10.1.0.2
	said 'ping: -I x: not an interface' on a ping -I x 10.1.0.2
	# An interface that is down is said to be.
	on a shmif0 down
	said '10.1.0.2 is unreachable: shmif0 is down' on a ping -c1 10.1.0.2
	said '10.9.9.9 is unreachable: shmif0 is down' \
	    on a ping -c1 -I shmif0 10.9.9.9
}

@test "neighbours: of both families, and forgotten without an interface" {
	serve a b
	on a shmif0 create linkstr bus -autoconf inet 10.0.0.1/24 up
	on b shmif0 create linkstr bus -autoconf inet 10.0.0.2/24 up
	on a ping -c1 10.0.0.2
	run -0 on a ip neigh
	[[ $output == *10.0.0.2* ]]
	run -0 on a ip -6 neigh
	[[ $output != *10.0.0.2* ]]
	on a arp -d 10.0.0.2
	said '10.0.0.77: no such neighbour' on a arp -d 10.0.0.77
	on a arp -s 10.0.0.2 02:00:00:00:00:01
	run -0 on a ip neigh
	[[ $output == *static ]]
}

@test "ifconfig, ip, route and ping as fingers have them, on both stacks" {
	local stack
	for stack in lwipv6 lwip; do
		[ "$stack" != lwip ] || [ -x "$BUILD/bin/shmif_server-lwip" ] ||
		    continue
		TEST_STACK=$stack serve a
		on a shmif0 create linkstr bus 10.0.0.1/24
		run -0 on a ifconfig -a
		[[ $output == lo0:*shmif0:* ]]
		[[ $output != *deprecated* ]]
		run -0 on a ifconfig shmif0
		[[ $output == shmif0:* ]]
		on a ifconfig shmif0 inet6 add fd00::1/64
		on a shmif0 inet6 del fd00::1/64
		said 'shmif0: fd00::1: it does not have this address' \
		    on a shmif0 del fd00::1
		on a ip addr replace 10.0.0.5/24 dev shmif0
		run -0 on a ip -4 -br addr
		[[ $output == *10.0.0.5/24* && $output != *10.0.0.1/24* ]]
		on a ip link add name shmif1 type shmif
		on a ip link del dev shmif1
		run -0 on a -l
		[ "$output" = 'lo0 shmif0' ]
		on a ip link set shmif0 carrier off
		run -0 on a ip -c link show shmif0
		[[ $output == *'no carrier'* ]]
		on a ip link set dev shmif0 carrier on
		run -0 on a ip -s link
		[[ $output == *'input: '* ]]
		# One route to it is enough to go by.
		on a route add -net 10.7.0.0 netmask 255.255.0.0 gw 10.0.0.2
		on a route del -net 10.7.0.0 netmask 255.255.0.0
		said 'route delete 10.7.0.0/16: there is none' \
		    on a route del 10.7.0.0/16
		on a route add 10.7.0.0/16 10.0.0.2
		on a ip route del 10.7.0.0/16
		run -0 on a ping -nqc1 127.0.0.1
		[ "${lines[0]}" = '--- 127.0.0.1 ---' ]
		run -0 on a ping -6qc 1 ::1
		said '::1: not an IPv4 address' on a ping -4c1 ::1
		said '10.0.0.1: not an IPv6 address' on a ping6 -c1 10.0.0.1
		said '10.0.0.1: not an IPv6 address' on a traceroute6 10.0.0.1
		usage 'ping: unknown option -qx' on a ping -qx 127.0.0.1
		usage 'ping: -c wants a number' on a ping 127.0.0.1 -qc
		on a halt
	done
	# What is wrong with one of several servers stands below its name.
	run -1 "$ctl" -s unix://none -s unix://nobody -l
	[ "$output" = 'unix://none:
shmifctl: unix://none: no such server
unix://nobody:
shmifctl: unix://nobody: no such server' ]
}
