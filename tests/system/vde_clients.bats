# SPDX-License-Identifier: BSD-2-Clause
# bats file for real clients of VDE on a bus: Linux by a tap, vdens, slirpvde,
# vde_switch, another bus, and lwipv6's own interface for VDE.  The commands are
# those of libvdeplug_shmif(1), EXAMPLES.
#
# slow: 20

load ../lib/dumpbus
load ../lib/vdetree

# stack NAME INTERFACE WORD... - a stack that has this one; on NAME asks it
stack()
{
	start $1.server "$BUILD/bin/shmif_server" "unix://$PWD/$1.sock"
	until_true test -S $1.sock
	on "$1" "$2" create linkstr "${@:3}"
}

on()
{
	timeout 60 "$BUILD/bin/shmifctl" -s "unix://$PWD/$1.sock" "${@:2}"
}

# reaches NAME ADDRESS - its stack has an answer from there
reaches()
{
	on "$1" ping "$2" -c 1 | grep -q '1 received'
}

# A tap in a network namespace, plugged into the bus; and a stack there.
net()
{
	tree
	need vde_plug ip
	NET=vde$$
	[ "$(id -u)" = 0 ] && [ -c /dev/net/tun ] && ip netns add $NET ||
		skip 'cannot make a network namespace'
	plug
	ip -n $NET addr add 10.9.0.1/24 dev tap0
	ip -n $NET addr add fd09::1/64 dev tap0 nodad
	ip -n $NET link set tap0 up
	stack s shmif0 bus
	ctl=(on s)
}

plug()
{
	start plugged ip netns exec $NET vde_plug "shmif://$BUS[name=tap]" \
	    tap://tap0
	plugged=$PID
	until_true ip -n $NET link show tap0 >/dev/null 2>&1
}

teardown()
{
	end_all
	[ -z "${NET-}" ] || ip netns del $NET || :
	[ -z "$READER" ] || rm -rf "$READER"
}

@test "Linux and a stack of the bus: ping, and 100 MiB by TCP, exact" {
	local a
	net
	need nc ping
	"${ctl[@]}" shmif0 inet 10.9.0.2/24 inet6 fd09::2/64 up
	until_true ip netns exec $NET ping -q -c 1 -w 2 10.9.0.2
	until_true ip netns exec $NET ping -q -c 1 -w 2 fd09::2
	run -0 "${ctl[@]}" ping 10.9.0.1 -c 2
	"$BUILD/bin/shmifctl" bus bus | grep -q ' tap alive'
	[ -x "$BUILD/bin/mstack" ] || return 0
	head -c 104857600 /dev/urandom >big
	for a in 10.9.0.1 fd09::1; do
		start got ip netns exec $NET nc -l -N $a 5000
		until_true eval 'ip netns exec $NET ss -ltn | grep -q 5000'
		timeout 300 "$BUILD/bin/mstack" s.sock nc -N $a 5000 <big
		finished $PID 0
		cmp big got
	done
	# The plug is killed and put in again: the stack and Linux go on.
	kill -KILL $plugged
	wait $plugged || :
	until_true eval '! ip -n $NET link show tap0 >/dev/null 2>&1'
	plug
	ip -n $NET addr add 10.9.0.1/24 dev tap0
	ip -n $NET link set tap0 up
	until_true ip netns exec $NET ping -q -c 1 -w 2 10.9.0.2
}

@test "Linux and a stack of the bus: iperf3 both ways, and curl from nginx" {
	net
	have iperf3
	have nginx
	need curl
	"$BUILD/bin/mstack" null true 2>/dev/null ||
		skip 'no seccomp notifications here'
	"${ctl[@]}" shmif0 inet 10.9.0.2/24 inet6 fd09::2/64 up
	until_true ip netns exec $NET ping -q -c 1 -w 2 10.9.0.2
	start iperf ip netns exec $NET iperf3 -s
	until_true eval 'ip netns exec $NET ss -ltn | grep -q 5201'
	run -0 timeout 60 "$BUILD/bin/mstack" s.sock iperf3 -c 10.9.0.1 -n 4M
	run -0 timeout 60 "$BUILD/bin/mstack" s.sock iperf3 -R -c fd09::1 -n 4M
	until_true eval '[ "$(grep -c Accepted iperf)" = 2 ]'
	mkdir -p www logs
	head -c 1000000 /dev/urandom >www/data
	cat >nginx.conf <<-END
	daemon off; master_process off; pid nginx.pid; error_log stderr;
	events { }
	http {
		access_log off;
		server { listen 10.9.0.1:80; listen [fd09::1]:80; root $PWD/www; }
	}
	END
	start nginx ip netns exec $NET nginx -p "$PWD" -c "$PWD/nginx.conf"
	until_true eval 'ip netns exec $NET ss -ltn | grep -q "10.9.0.1:80 "'
	for a in 10.9.0.1 '[fd09::1]'; do
		timeout 60 "$BUILD/bin/mstack" s.sock curl -s -o got "http://$a/data"
		cmp www/data got
	done
}

@test "a stack of the bus gets its lease from Linux" {
	net
	need dnsmasq
	start dns ip netns exec $NET dnsmasq -d -C /dev/null -p 0 -i tap0 \
	    -F 10.9.0.50,10.9.0.60,1h -l "$PWD/leases" --user=root
	"${ctl[@]}" shmif0 up dhcp
	until_true eval '"${ctl[@]}" shmif0 | grep -q "inet 10.9.0.[56]"'
	until_true ip netns exec $NET ping -q -c 1 -w 2 \
	    "$("${ctl[@]}" shmif0 | sed -n 's|.*inet \(10[0-9.]*\).*|\1|p')"
}

@test "leases renewed by dnsmasq each 10 s, without a gap (DHCP_LEASES=10)" {
	[ -n "${DHCP_LEASES-}" ] || skip "takes 10 s a lease: set DHCP_LEASES"
	net
	need dnsmasq
	# It gives no lease of less than two minutes, but has it renewed earlier.
	start dns ip netns exec $NET dnsmasq -d -C /dev/null -p 0 -i tap0 \
	    -F 10.9.0.50,10.9.0.60,2m -l "$PWD/leases" --user=root \
	    --dhcp-option-force=58,10 --dhcp-option-force=59,17
	"${ctl[@]}" shmif0 up dhcp
	until_true eval '"${ctl[@]}" shmif0 | grep -q "inet 10.9.0.[56]"'
	acks() { grep -c 'DHCPACK(' dns.err; }
	while [ "$(acks)" -lt "$DHCP_LEASES" ]; do
		"${ctl[@]}" shmif0 | grep -q "inet 10.9.0.[56]"
		[ $SECONDS -lt $((DHCP_LEASES * 11 + 30)) ]
		sleep 0.2
	done
	[ "$(grep -c 'DHCPDISCOVER(' dns.err)" = 1 ]
	"${ctl[@]}" shmif0 -dhcp
	until_true grep -q 'DHCPRELEASE(' dns.err
	! "${ctl[@]}" shmif0 | grep -q "inet 10"
}

@test "a stack of the bus gets its addresses from radvd of Linux" {
	net
	have radvd
	ip netns exec $NET sysctl -q net.ipv6.conf.all.forwarding=1
	ip -n $NET addr add fd09:77::1/64 dev tap0 nodad
	cat >radvd.conf <<-END
	interface tap0 {
		AdvSendAdvert on;
		MinRtrAdvInterval 3;
		MaxRtrAdvInterval 4;
		prefix fd09:77::/64 { };
	};
	END
	start radvd ip netns exec $NET radvd -n -C "$PWD/radvd.conf" \
	    -p "$PWD/radvd.pid" -m stderr
	on s shmif0 up
	until_true eval 'on s shmif0 | grep -q "inet6 fd09:77:.*auto"'
	until_true ip netns exec $NET ping -q -c 1 -w 2 \
	    "$(on s shmif0 | sed -n 's|.*inet6 \(fd09:77:[0-9a-f:]*\).*|\1|p')"
}

@test "a DHCP client of Linux gets its lease from the bus" {
	net
	need python3
	have udhcpc
	# Debian's, which has it, need not be the first that there is.
	for python in python3 /usr/bin/python3 ''; do
		[ -n "$python" ] || skip 'there is no scapy'
		"$python" -c 'import scapy.all' 2>/dev/null && break
	done
	on s shmif0 inet 10.9.0.2/24 up
	ip -n $NET addr flush dev tap0
	PYTHONPATH=$TOP/python LD_LIBRARY_PATH=$BUILD/lib start dhcpd \
	    "$python" "$TOP/tests/system/bus_dhcpd" bus 10.9.0.1 10.9.0.77
	dhcpd=$PID
	until_true grep -q ready dhcpd
	cat >lease <<-'END'
	#!/bin/sh
	[ "$1" != bound ] || ip addr add $ip/$mask dev $interface
	END
	chmod +x lease
	run -0 timeout 60 ip netns exec $NET udhcpc -f -q -n -t 10 -T 1 -i tap0 \
	    -s "$PWD/lease"
	finished $dhcpd 0
	ip -n $NET addr show dev tap0 | grep -q 'inet 10.9.0.77/24'
	until_true ip netns exec $NET ping -q -c 1 -w 2 10.9.0.2
}

@test "vdens: a namespace without root" {
	tree
	have vdens
	vdens no true 2>/dev/null || skip 'no user namespace to be had'
	stack s shmif0 bus inet 10.9.0.2/24 up
	run -0 timeout 60 vdens "shmif://$BUS" sh -c 'ip addr add 10.9.0.4/24 dev vde0
	    ip link set vde0 up
	    for i in 1 2 3 4 5 6 7 8 9; do
	        ping -q -c 1 -w 5 10.9.0.2 && exit 0
	    done
	    exit 1'
}

@test "slirpvde: the way out, with DHCP" {
	tree
	need python3 curl
	have slirpvde
	"$BUILD/bin/mstack" null true 2>/dev/null ||
		skip 'no seccomp notifications here'
	head -c 300000 /dev/urandom >data
	start web python3 -u -c '
import http.server as h
s = h.HTTPServer(("127.0.0.1", 0), h.SimpleHTTPRequestHandler)
print("port", s.server_port)
s.serve_forever()'
	start slirp slirpvde -D -s "shmif://$BUS"
	stack s shmif0 bus up dhcp
	until_true eval 'on s shmif0 | grep -q "inet 10.0.2.1"'
	until_true grep -q port web
	timeout 100 "$BUILD/bin/mstack" s.sock curl -s -o got \
	    "http://10.0.2.2:$(sed 's/port //' web)/data"
	cmp data got
}

@test "a vde_switch, and lwipv6's own interface for VDE at it and at the bus" {
	tree
	need vde_switch vde_plug
	# It ends with its input.
	mkfifo console
	exec {console}<>console
	INPUT=console start console.out vde_switch -s "$PWD/switch"
	until_true test -S switch/ctl
	start plug vde_plug "shmif://$BUS" "vde://$PWD/switch"
	stack s shmif0 bus inet 10.9.0.2/24 up
	stack v vd0 "vde://$PWD/switch" inet 10.9.0.3/24 up
	stack w vd0 "shmif://$BUS" inet 10.9.0.4/24 up
	until_true reaches v 10.9.0.2
	until_true reaches w 10.9.0.2
	until_true reaches w 10.9.0.3
}

@test "bus to bus" {
	tree
	need vde_plug
	start plug vde_plug "shmif://$PWD/one" "shmif://$PWD/two"
	stack a shmif0 one inet 10.9.0.2/24 inet6 fd09::2/64 up
	stack b shmif0 two inet 10.9.0.3/24 inet6 fd09::3/64 up
	until_true reaches a 10.9.0.3
	until_true reaches b fd09::2
}
