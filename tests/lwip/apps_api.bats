#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# lwIP's own interfaces: raw without a copy, netconn, groups, UDP-Lite; and
# forwarding between buses.

load ../lib/lwipapps

# talk PORT ADDRESS... - sends 2 MiB to each and ends; shows how many bytes came
# back, and whether they are those that were sent.
talk()
{
	at a python3 - "$@" <<-'END'
	import random, socket, sys, threading
	data = random.Random(1).randbytes(2 << 20)
	for to in sys.argv[2:]:
	    s = socket.create_connection((to, int(sys.argv[1])), 30)
	    s.settimeout(50)
	    def send():
	        s.sendall(data)
	        s.shutdown(socket.SHUT_WR)
	    t = threading.Thread(target=send)
	    t.start()
	    got = b"".join(iter(lambda: s.recv(1 << 16), b""))
	    t.join()
	    print(got.decode().strip() if len(got) < 100 else
	          "%d %s" % (len(got), got == data))
	END
}

@test "echo: the raw API, sent from the buffers in which it came" {
	need python3
	host_up
	app echo 10.0.0.2/24,fd00::2/64
	run -0 talk 7 10.0.0.2 fd00::2 10.0.0.2
	echo "$output"
	[ "$(echo "$output" | sort -u)" = "2097152 True" ]
	[ "${#lines[@]}" = 3 ]
	# Who is reset in the middle leaves nothing behind.
	at a python3 - <<-'END'
	import socket, struct
	for i in range(20):
	    s = socket.create_connection(("10.0.0.2", 7), 30)
	    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
	    s.send(bytes(100000))
	    s.close()
	END
	run -0 talk 7 10.0.0.2
	[ "$output" = "2097152 True" ]
	kill "$PID"
	finished "$PID" 0
}

@test "netconn: both versions of IP, a thread for each connection" {
	need python3
	host_up
	app netconn 10.0.0.2/24,fd00::2/64
	run -0 talk 9 10.0.0.2 fd00::2
	echo "$output"
	[ "$output" = "$(printf '2097152 bytes\n2097152 bytes')" ]
}

@test "multicast: groups of IGMP and MLD, joined, heard, left" {
	need python3
	host_up
	app multicast 10.0.0.2/24,fd00::2/64 5000 239.1.2.3 ff15::123
	capture igmp >igmp
	grep -q 'igmp v2 report 239.1.2.3' igmp
	capture ip6 >mld
	grep -q 'multicast listener report.*ff15::123' mld || { cat mld; return 1; }
	at a python3 - <<-'END'
	import socket
	s = socket.socket(type=socket.SOCK_DGRAM)
	s.bind(("10.0.0.1", 0))
	s.sendto(b"not for us", ("239.1.2.4", 5000))
	s.sendto(b"four", ("239.1.2.3", 5000))
	s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
	s.sendto(b"six", ("ff15::123", 5000))
	END
	until_true grep -q 'to 239.1.2.3 from 10.0.0.1: four' multicast.out
	until_true grep -qi 'to ff15::123.* from .*: six' multicast.out
	! grep -q 'not for us' multicast.out
	kill "$PID"
	finished "$PID" 0
	capture igmp | grep -q 'igmp leave 239.1.2.3'
	capture ip6 >mld
	grep -q 'multicast listener done.*ff15::123' mld
}

@test "udplite: data that the checksum does not cover is not looked at" {
	app udplite 10.0.0.2/24,fd00::2/64
	text="a text that is longer than what is covered"
	run -0 client udplite 10.0.0.3/24 10.0.0.2 "$text"
	[ "$output" = "10.0.0.2: $text" ]
	run -0 client udplite fd00::3/64 fd00::2 "$text"
	[ "${output,,}" = "fd00::2: $text" ]
	# As Wireshark sees it: checksums over 16 bytes, and right.
	need tshark
	"$dump" -w all.pcap "$HERE/bus"
	tshark -r all.pcap -Y udplite -T fields -e udp.checksum_coverage \
	    -e udp.checksum.status -o udplite.check_checksum:TRUE \
	    -o udplite.ignore_checksum_coverage:FALSE >seen
	cat seen
	[ "$(wc -l <seen)" = 4 ]
	[ "$(cut -f 1 seen | sort -u)" = 16 ]
}

@test "udplite: Linux and lwIP" {
	linux
	need python3
	app udplite 10.9.0.2/24
	run timeout 60 "${NS[@]}" python3 - <<-'END'
	import socket, sys
	try:
	    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136)
	except OSError:
	    sys.exit(77)
	s.settimeout(30)
	s.setsockopt(136, 10, 16)                     # UDPLITE_SEND_CSCOV
	s.connect(("10.9.0.2", 7))
	s.send(b"sixteen bytes of this are covered")
	print(s.recv(1000).decode())
	END
	[ "$status" != 77 ] || skip "this kernel has no UDP-Lite"
	echo "$output"
	[ "$output" = "sixteen bytes of this are covered" ]
}

@test "router: between three buses, IPv4 and IPv6" {
	host_up
	serve b c
	on b shmif0 create linkstr "$HERE/b.bus" inet 10.0.1.1/24 \
	    inet6 fd00:1::1/64 up
	on c shmif0 create linkstr "$HERE/c.bus" inet 10.0.2.1/24 \
	    inet6 fd00:2::1/64 up
	app router 10.0.0.2/24,fd00::2/64 "$HERE/b.bus" \
	    10.0.1.2/24,fd00:1::2/64 "$HERE/c.bus" 10.0.2.2/24,fd00:2::2/64
	on a route add default 10.0.0.2
	on a route add ::/0 fd00::2
	on b route add default 10.0.1.2
	on b route add ::/0 fd00:1::2
	on c route add default 10.0.2.2
	on c route add ::/0 fd00:2::2
	until_true on a ping -c 1 10.0.1.1
	until_true on a ping -c 1 fd00:1::1
	until_true on b ping -c 1 10.0.2.1
	until_true on c ping -c 1 fd00:1::1
	# TCP through two interfaces of it.
	need python3
	start web "$mstack" "$HERE/c.sock" python3 -u -m http.server \
	    --bind 10.0.2.1 80
	until_true grep -q Serving web
	head -c 1000000 /dev/urandom >big
	need curl
	at a curl -sS -o got http://10.0.2.1/big
	cmp big got
}
