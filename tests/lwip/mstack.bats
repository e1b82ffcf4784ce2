#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# mstack(1) on mainline lwIP: cases of its own tests, with lwIP on both hosts of
# the bus, and what joins the two stacks.  A sample; ALL=1 runs all that can be.
#
# slow: 25

load ../lib/mstack

# cases FILE SAMPLE MORE - runs those of tests/system/FILE.bats with lwIP whose
# names match SAMPLE; with ALL also those that match MORE.
cases()
{
	TEST_STACK=lwip bats -f "$2${ALL:+|$3}" \
	    "$BATS_TEST_DIRNAME/../system/$1.bats"
}

@test "programs on lwIP" {
	cases mstack_programs 'curl|netcat|first' 'asyncio|nginx|redis|socat|iperf3|DHCP'
}

@test "calls on lwIP give the same as on the kernel's loopback" {
	cases mstack_calls 'random .*calls$|short|connect again' 'left|resets|urgent|told|signals'
}

@test "control messages on lwIP" {
	cases mstack_control 'control|by TCP' 'control'
}

@test "programs on lwIP that want to do harm" {
	cases mstack_hostile 'no sense' 'another|is killed|4096'
}

@test "much data on lwIP" {
	cases mstack_bulk 'slow' 'every'
}

@test "-t lwip -c: curl from a server on lwipv6, and the other way" {
	need curl python3
	pair_up
	web 80
	echo hello >www/x
	run timeout 60 "$mstack" -t lwip \
	    -c "shmif0 create linkstr $HERE/bus inet 10.0.0.5/24 up" -- \
	    curl -sS http://10.0.0.2/x
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = hello ]
	TEST_STACK=lwip serve c
	on c shmif0 create linkstr "$HERE/bus" inet 10.0.0.6/24 \
	    inet6 fd00::6/64 up
	behind c web6.out sh -c \
	    'cd www && exec python3 -u -m http.server --bind :: 81'
	on a shmif0 inet6 fd00::1/64
	# Both versions of IP reach one socket.
	four() { [ "$(at a curl -sS "http://10.0.0.6:81/x")" = hello ]; }
	six() { [ "$(at a curl -sS "http://[fd00::6]:81/x")" = hello ]; }
	until_true four
	until_true six
	grep -q '::ffff:10.0.0.1' web6.out.err
}

@test "ICMP errors end attempts and are told to datagram sockets" {
	need python3
	pair_up
	TEST_STACK=lwip serve c
	on c shmif0 create linkstr "$HERE/bus" inet 10.0.0.7/24 up
	run at c python3 -c '
import errno, socket, time
s = socket.socket(type=socket.SOCK_DGRAM)
s.connect(("10.0.0.2", 9)); s.send(b"x")
for _ in range(400):
    if error := s.getsockopt(1, socket.SO_ERROR): break
    time.sleep(0.05)
print(errno.errorcode[error])
s = socket.socket(); s.settimeout(20)
print(errno.errorcode[s.connect_ex(("10.0.0.2", 9))])
l = socket.socket(); l.bind(("10.0.0.7", 0)); l.listen()
print(s.connect_ex(l.getsockname()))                  # the same once more
'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(echo "$output" | xargs)" = "ECONNREFUSED ECONNREFUSED 0" ]
}

@test "groups, options and requests about interfaces" {
	need python3
	pair_up
	TEST_STACK=lwip serve c
	on c shmif0 create linkstr "$HERE/bus" inet 10.0.0.7/24 \
	    inet6 fd00::7/64 up
	run at c python3 -c '
import fcntl, socket, struct
s = socket.socket(type=socket.SOCK_DGRAM)
def ask(request):
    r = bytearray(struct.pack("40s", b"shmif0"))
    fcntl.ioctl(s, request, r)
    return r[16:]
print(socket.inet_ntoa(ask(0x8915)[4:8]), socket.inet_ntoa(ask(0x891b)[4:8]), socket.inet_ntoa(ask(0x8919)[4:8]))
print(struct.unpack("i", ask(0x8921)[:4])[0] > 0, struct.unpack("h", ask(0x8913)[:2])[0] & 1)
index = struct.unpack("i", ask(0x8933)[:4])[0]
r = bytearray(struct.pack("16si20x", b"", index)); fcntl.ioctl(s, 0x8910, r)
print(bytes(r[:6]))
s.bind(("", 5000))
own = socket.inet_aton("10.0.0.7")
m = socket.inet_aton("239.1.2.3") + own
s.setsockopt(0, socket.IP_ADD_MEMBERSHIP, m)
s.setsockopt(0, socket.IP_MULTICAST_IF, own)
try:
    s.setsockopt(0, socket.IP_ADD_MEMBERSHIP, m)
except OSError as e:
    print(e.strerror)
s.settimeout(20)
s.sendto(b"hello", ("239.1.2.3", 5000)); print(s.recvfrom(9))
s.setsockopt(0, socket.IP_DROP_MEMBERSHIP, m)
try:
    s.setsockopt(0, socket.IP_DROP_MEMBERSHIP, m)
except OSError as e:
    print(e.strerror)
t = socket.socket()
for level, name, value in ((6, socket.TCP_KEEPIDLE, 77), (6, socket.TCP_NODELAY, 1), (0, socket.IP_TTL, 9), (1, socket.SO_RCVBUF, 50000)):
    t.setsockopt(level, name, value); print(t.getsockopt(level, name), end=" ")
t.setsockopt(1, socket.SO_BINDTODEVICE, b"shmif0\0"); print(t.getsockopt(1, socket.SO_BINDTODEVICE, 16))
'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = "10.0.0.7 255.255.255.0 10.0.0.255
True 1
b'shmif0'
Address already in use
(b'hello', ('10.0.0.7', 5000))
Cannot assign requested address
77 1 9 100000 b'shmif0\\x00'" ]
}

@test "which addresses of one port are in each other's way" {
	need python3
	TEST_STACK=lwip pair_up
	cat >way.py <<-'END'
		import errno, socket
		def bound(family, host, port, only, listens):
		    s = socket.socket(family)
		    if family == socket.AF_INET6:
		        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
		    try: s.bind((host, port))
		    except OSError as e: return errno.errorcode[e.errno], s
		    if listens: s.listen()
		    return "0", s
		I4, I6 = socket.AF_INET, socket.AF_INET6
		all = (I6, "::", 0), (I6, "::", 1), (I6, "::1", 0), \
		    (I4, "0.0.0.0", 0), (I4, "127.0.0.1", 0)
		for a in all:
		    for b in all:
		        for listens in 0, 1:
		            r, s = bound(*a[:2], 0, a[2], listens)
		            q, t = bound(*b[:2], s.getsockname()[1], b[2], listens)
		            print(a, b, listens, r, q)
		            s.close(); t.close()
	END
	by_kernel python3 way.py >kernel
	at a python3 way.py >stack
	diff kernel stack
}

@test "ip(8), getifaddrs and if_nameindex: links, addresses, routes, neighbours" {
	need ip python3
	pair_up
	TEST_STACK=lwip serve c
	on c shmif0 create linkstr "$HERE/bus" inet 10.0.0.7/24 \
	    inet6 fd00::7/64 up
	run at c sh -ec '
	ip -o link | sed "s/\\\\.*//"
	ip -4 -o addr | sed "s/\\\\.*//"
	ip -6 -o addr | grep -c "inet6 fd00::7/64"
	ip link show dev shmif0 >/dev/null
	ip link set shmif0 mtu 1400
	ip -o link show shmif0 | grep -o "mtu 1400"
	ip link set shmif0 mtu 9000 || echo no
	ip link set shmif0 down; ip -o link show shmif0 | grep -c ,UP || :
	ip link set shmif0 up; ip -o link show shmif0 | grep -c ,UP
	ip addr add 10.0.0.8/24 dev shmif0 || echo no
	ip addr del 10.0.0.7/24 dev shmif0
	ip addr add 10.0.0.8/24 dev shmif0
	ip addr add 10.0.0.8/24 dev shmif0 || echo there
	ip route add 10.3.0.0/16 via 10.0.0.1
	ip route add 10.3.0.0/16 via 10.0.0.1 || echo there
	ip route add 10.4.0.0/16 via 192.168.1.1 || echo unreachable
	ip route | grep 10.3
	ip route get 10.3.4.5 | head -n 1
	ip -6 route | grep -c ^fd00::/64
	ip route del 10.3.0.0/16
	ip route del 10.3.0.0/16 || echo gone
	ip link add dummy0 type dummy || echo no
	ip addr show dev nosuch || echo none
	' 2>&1
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"shmif0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500"* ]]
	[[ $output == *"inet 10.0.0.7/24 brd 10.0.0.255 scope global shmif0"* ]]
	grep -qx 'mtu 1400' <<<"$output"
	[ "$(grep -cx no <<<"$output")" -eq 3 ]
	[ "$(grep -cx there <<<"$output")" -eq 2 ]
	[[ $output == *"10.3.0.0/16 via 10.0.0.1 dev shmif0"* ]]
	[[ $output == *"10.3.4.5 via 10.0.0.1 dev shmif0"*"src 10.0.0.8"* ]]
	grep -qx unreachable <<<"$output"
	grep -qx gone <<<"$output"
	grep -qx none <<<"$output"
	# The C library's own way, and a neighbour.
	run at c python3 -c '
import socket, subprocess
print(sorted(n for i, n in socket.if_nameindex()))
s = socket.socket(); s.settimeout(20); s.connect_ex(("10.0.0.1", 1))
print(subprocess.run(["ip", "neigh"], capture_output=True, text=True).stdout)
# What makes no sense is refused, or answered by nothing.
import os, struct
n = socket.socket(16, socket.SOCK_RAW, 0)
n.bind((0, 0))
for junk in (b"", b"x", b"\xff" * 15, b"\0" * 16, struct.pack("IHHII", 4000, 18, 0x301, 1, 0),
    struct.pack("IHHII", 17, 18, 1, 2, 0) + b"\0", struct.pack("IHHII", 36, 16, 5, 3, 0) + b"\0" * 16 + b"\xff\xff\1\0"):
    try:
        n.send(junk)
    except OSError as e:
        print(e.strerror)
n.send(struct.pack("IHHII", 20, 99, 5, 7, 0) + b"\0" * 4)
while True:
    m = n.recv(4096)
    length, kind, flags, seq, pid = struct.unpack_from("IHHII", m)
    if seq == 7: break
print(kind, struct.unpack_from("i", m, 16)[0], pid == n.getsockname()[0])
'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"'lo0', 'shmif0'"* ]]
	[[ $output == *"10.0.0.1 dev shmif0 lladdr "*REACHABLE* ]]
	[[ $output == *"2 -95 True"* ]]
}

@test "options: the same as on Linux, whatever their length, or said to be lacking" {
	need python3
	pair_up
	TEST_STACK=lwip serve c
	on c shmif0 create linkstr "$HERE/bus" inet 10.0.0.7/24 up
	cat >options.py <<-'E'
	import errno, socket, struct
	S, T, I, V = 1, 6, 0, 41
	# What lwIP does not have; no more may be refused as unknown.
	lacks = {(T, n) for n in range(2, 40) if n not in (1, 4, 5, 6)}
	lacks |= {(I, n) for n in (8, 12, 13, 14, 19, 20, 22)}
	lacks |= {(V, n) for n in (49, 51, 66, 70)}
	lacks |= {(S, n) for n in (5, 11, 12, 29, 46)}
	names = [(S, n) for n in (2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 18, 20, 21, 29, 46)]
	names += [(T, n) for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 18, 30)]
	names += [(I, n) for n in (1, 2, 8, 10, 11, 12, 13, 14, 15, 19, 20, 22, 32, 33, 34)]
	names += [(V, n) for n in (16, 17, 18, 19, 23, 25, 26, 49, 51, 66, 67, 70)]
	value = struct.pack("qq", 1, 0)
	for domain in (socket.AF_INET, socket.AF_INET6):
	    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
	        for level, name in names:
	            if level == V and domain == socket.AF_INET or level == T and kind != socket.SOCK_STREAM:
	                continue
	            # Addresses and interfaces are others there.
	            if (level, name) in ((I, 32), (V, 17)) and kind == socket.SOCK_DGRAM:
	                continue
	            row = []
	            for n in (0, 1, 2, 3, 4, 8, 16):
	                s = socket.socket(domain, kind)
	                try:
	                    s.setsockopt(level, name, value[:n]); e = "0"
	                except OSError as x:
	                    e = errno.errorcode[x.errno]
	                row.append(e)
	            # A whole value of an option that lwIP lacks.
	            if (level, name) in lacks:
	                row = row[4:]
	                row = ["lacks" if e in ("0", "ENOPROTOOPT", "ENOTSUP", "EOPNOTSUPP", "EPERM", "EINVAL", "ENOTCONN", "EACCES", "ENOENT") else e for e in row]
	            print(int(domain), int(kind), level, name, *row)
	E
	by_kernel python3 options.py >kernel.out
	run at c python3 options.py
	[ "$status" -eq 0 ]
	echo "$output" >lwip.out
	diff kernel.out lwip.out
}
