#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# How lwIP gets addresses, names and the time, against dnsmasq, chrony and
# nmblookup on lwipv6 or on Linux; and how it answers who asks for its names.

load ../lib/lwipapps

@test "dhcp: a lease from dnsmasq, with router and name server; released" {
	linux
	need dnsmasq
	start dns "${NS[@]}" dnsmasq -d -C /dev/null -p 0 -i tap0 --user=root \
	    -F 10.9.0.50,10.9.0.60,1h -l "$HERE/leases" \
	    -O option:router,10.9.0.7 -O option:dns-server,10.9.0.8
	app_begin dhcp sensor
	ready dhcp bound || { cat dns.err; return 1; }
	cat dhcp.out
	grep -q 'address 10\.9\.0\.[56]' dhcp.out
	grep -q 'netmask 255.255.255.0' dhcp.out
	grep -q 'gateway 10.9.0.7' dhcp.out
	grep -q 'nameserver 10.9.0.8' dhcp.out
	grep -q sensor leases
	"${NS[@]}" ping -q -c 1 "$(sed -n 's/address //p' dhcp.out)"
	kill "$PID"
	finished "$PID" 0
	until_true eval '! grep -q sensor leases'
}

@test "dhcp6: an address by a router's advertisement, a name server by DHCPv6" {
	linux
	need dnsmasq
	start dns "${NS[@]}" dnsmasq -d -C /dev/null -p 0 -i tap0 --user=root \
	    -F fd09::,ra-stateless -l "$HERE/leases" --enable-ra \
	    -O 'option6:dns-server,[fd09::8]'
	app_begin dhcp6
	ready dhcp6 configured || { cat dns.err; return 1; }
	cat dhcp6.out
	grep -qi 'address fd09:' dhcp6.out
	grep -qi 'nameserver fd09::8' dhcp6.out
	# It asked for it.
	until_true eval 'capture "udp port 547" | grep -q inf-req'
}

@test "autoip: two hosts take addresses that nobody has, and reach each other" {
	app_begin autoip
	ready autoip '^address 169\.254\.'
	mv autoip.out first.out
	app_begin autoip
	ready autoip '^address 169\.254\.'
	one=$(sed -n 's/address //p' first.out)
	two=$(sed -n 's/address //p' autoip.out)
	echo "$one $two"
	[ "$one" != "$two" ]
	serve a
	on a shmif0 create linkstr "$HERE/bus" inet 169.254.0.1/16 up
	on a ping -c 1 "$one"
	on a ping -c 1 "$two"
	# It asked whether somebody has the address.
	capture arp | grep -q "Request who-has $two tell 0.0.0.0"
}

@test "dns: names by dnsmasq, v4 and v6; names that there are not" {
	need dnsmasq
	host_up
	printf '10.0.0.77 printer.test\nfd00::77 printer.test\n' >hosts
	# Its log is not syslog's: that is a socket of another family.
	start dns "$mstack" "$HERE/a.sock" dnsmasq -k -C /dev/null -8 - \
	    --user=root -a 10.0.0.1 -z -h -H "$HERE/hosts" -R \
	    -A /many.test/10.0.0.9
	until_true grep -q started dns dns.err
	run -0 client dns 10.0.0.2/24 10.0.0.1 printer.test a.many.test
	echo "$output"
	[ "${lines[0]}" = "printer.test 10.0.0.77" ]
	[ "${lines[1],,}" = "printer.test fd00::77" ]
	[ "${lines[2]}" = "a.many.test 10.0.0.9" ]
	run -1 client dns 10.0.0.2/24 10.0.0.1 nothing.test
	[ "$output" = "nothing.test has no address" ]
}

@test "sntp: the time of chrony" {
	need chronyd
	host_up
	printf '%s\n' 'local stratum 1' allow 'bindaddress 10.0.0.1' \
	    'cmdport 0' 'bindcmdaddress /' "pidfile $HERE/chrony.pid" >conf
	start ntp "$mstack" "$HERE/a.sock" chronyd -x -d -u root -f conf
	client sntp 10.0.0.2/24 10.0.0.1 >out || { cat ntp.err; return 1; }
	cat out
	now=$(date +%s)
	then=$(cut -d ' ' -f 1 out)
	[ "$then" -le "$now" ] && [ "$then" -gt $((now - 60)) ]
}

@test "mdns: NAME.local and its service, asked by Python and by lwIP itself" {
	need python3
	host_up
	app mdns 10.0.0.2/24,fd00::2/64 sensor
	run -0 client dns 10.0.0.3/24,fd00::3/64 10.0.0.1 sensor.local
	echo "$output"
	[[ $output == *"sensor.local 10.0.0.2"* ]]
	# A query of one shot (RFC 6762, 5.1), answered by unicast.
	run at a python3 - <<-'END'
	import socket, struct
	s = socket.socket(type=socket.SOCK_DGRAM)
	s.settimeout(20)
	s.bind(("10.0.0.1", 0))
	def ask(name, kind):
	    q = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
	    s.sendto(struct.pack("!6H", 1, 0, 1, 0, 0, 0) + q + b"\0" +
	             struct.pack("!2H", kind, 1), ("224.0.0.251", 5353))
	    return s.recv(9000)
	assert socket.inet_aton("10.0.0.2") in ask("sensor.local", 1)
	assert b"sensor" in ask("_http._tcp.local", 12)
	answer = ask("sensor._http._tcp.local", 16)
	assert b"\x06path=/" in answer, answer
	END
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "mdns: a name that somebody has already" {
	host_up
	app mdns 10.0.0.2/24 sensor
	mv mdns.out first.out
	app_begin mdns 10.0.0.3/24 sensor
	ready mdns 'somebody else has this name'
}

@test "netbios: nmblookup finds the name, and what the host is called" {
	need nmblookup
	host_up
	app netbios 10.0.0.2/24 SENSOR
	run at a nmblookup -d 0 -U 10.0.0.2 SENSOR
	echo "$output"
	[[ $output == *"10.0.0.2 SENSOR<00>"* ]]
	run at a nmblookup -d 0 -A 10.0.0.2
	echo "$output"
	[[ $output == *SENSOR* ]]
}
