# SPDX-License-Identifier: BSD-2-Clause
# Control messages, and servers that need them.

load ../lib/mstack

@test "control messages of datagrams are the kernel's, both ways" {
	need python3
	pair_up
	cat >control.py <<-'END'
		import errno, socket, struct, time
		V4, V6, S = socket.IPPROTO_IP, socket.IPPROTO_IPV6, socket.SOL_SOCKET
		PKTINFO, TTL, RECVTTL, TOS, RECVTOS = 8, 2, 12, 1, 13
		PKTINFO6, RECVPKTINFO6, HOPS, RECVHOPS, CLASS, RECVCLASS = 50, 49, 52, 51, 67, 66
		STAMP, STAMPNS = 29, 35
		def shown(m):
		    level, kind, data = m
		    if (level, kind) == (V4, PKTINFO):
		        n, own, to = struct.unpack("i4s4s", data)
		        return "PKTINFO", n > 0, socket.inet_ntoa(own), socket.inet_ntoa(to)
		    if (level, kind) == (V6, PKTINFO6):
		        to, n = struct.unpack("16si", data)
		        return "PKTINFO6", n > 0, socket.inet_ntop(socket.AF_INET6, to)
		    if level == S:
		        at, part = struct.unpack("qq", data)
		        return kind, len(data), abs(time.time() - at) < 100, 0 <= part < (10**6 if kind == STAMP else 10**9)
		    return level, kind, len(data), data
		def said(fn, *a):
		    try:
		        return fn(*a)
		    except OSError as e:
		        return errno.errorcode[e.errno]
		def end(family, host, *options):
		    s = socket.socket(family, socket.SOCK_DGRAM)
		    s.bind((host, 0)); s.settimeout(20)
		    for level, name in options:
		        print(name, said(s.setsockopt, level, name, 1), s.getsockopt(level, name))
		    return s
		def got(s, room=500, flags=0):
		    data, anc, flags, peer = s.recvmsg(100, room, flags)
		    print(data, [shown(m) for m in anc], flags)
		    return peer
		i = lambda n: struct.pack("i", n)
		wants4 = (V4, PKTINFO), (V4, RECVTTL), (V4, RECVTOS), (S, STAMP)
		a, b = end(socket.AF_INET, "127.0.0.1"), end(socket.AF_INET, "0.0.0.0", *wants4)
		there = ("127.0.0.1", b.getsockname()[1])
		a.setsockopt(V4, TTL, 77)
		a.sendto(b"plain", there); got(b, flags=socket.MSG_PEEK); got(b)
		a.sendto(b"", there); got(b)
		for room in 0, 8, 16, 20, 40, 60, 64, 80, 100:
		    a.sendto(b"cut", there)
		    data, anc, flags, _ = b.recvmsg(100, room)
		    print(room, data, [(m[0], m[1], len(m[2])) for m in anc], flags)
		a.sendmsg([b"ttl"], [(V4, TTL, i(5)), (V4, TOS, i(16))], 0, there); got(b)
		a.sendmsg([b"tos"], [(V4, TOS, b"\x20")], 0, there); got(b)
		a.sendto(b"as before", there); got(b)
		# From an address of one's own, and by an interface that there is.
		b.sendmsg([b"from"], [(V4, PKTINFO, struct.pack("i4s4s", 0, socket.inet_aton("127.0.0.1"), bytes(4)))], 0, a.getsockname())
		print(a.recvfrom(9)[1][0])
		for bad in ([(V4, TTL, i(0))], [(V4, TTL, i(256))], [(V4, TTL, b"x")], [(V4, 12345, i(1))],
		            [(V4, PKTINFO, b"short")], [(V4, TOS, i(300))],
		            [(V4, PKTINFO, struct.pack("i4s4s", 4242, bytes(4), bytes(4)))],
		            [(V4, PKTINFO, struct.pack("i4s4s", 0, socket.inet_aton("192.0.2.7"), bytes(4)))]):
		    print(said(b.sendmsg, [b"bad"], bad, 0, a.getsockname()))
		for level, name in wants4:
		    b.setsockopt(level, name, 0)
		b.setsockopt(S, STAMPNS, 1)
		print(b.getsockopt(S, STAMP), b.getsockopt(S, STAMPNS))
		a.sendto(b"ns", there); got(b)
		b.setsockopt(S, STAMPNS, 0)
		a.sendto(b"none", there); got(b)
		print(said(a.setsockopt, V6, RECVHOPS, 1))
		wants6 = (V6, RECVPKTINFO6), (V6, RECVHOPS), (V6, RECVCLASS)
		a, b = end(socket.AF_INET6, "::1"), end(socket.AF_INET6, "::", *wants6)
		there = ("::1", b.getsockname()[1])
		a.setsockopt(V6, 16, 66)
		a.sendto(b"plain", there); got(b)
		a.sendmsg([b"hops"], [(V6, HOPS, i(9))], 0, there); got(b)
		b.sendmsg([b"from"], [(V6, PKTINFO6, socket.inet_pton(socket.AF_INET6, "::1") + i(0))], 0, a.getsockname()[:2])
		print(a.recvfrom(9)[1][0])
		for bad in ([(V6, HOPS, i(256))], [(V6, HOPS, b"x")], [(V6, PKTINFO6, b"x")], [(V6, 12345, i(1))],
		            [(V6, PKTINFO6, socket.inet_pton(socket.AF_INET6, "2001:db8::7") + i(0))]):
		    print(said(b.sendmsg, [b"bad"], bad, 0, a.getsockname()[:2]))
		# Several at once.
		a, b = end(socket.AF_INET, "127.0.0.1"), end(socket.AF_INET, "127.0.0.1", (V4, RECVTTL))
		for k in 3, 4, 5:
		    a.sendmsg([b"x"], [(V4, TTL, i(k))], 0, b.getsockname())
		for k in 3, 4, 5:
		    got(b)
	END
	timeout -k 5 60 python3 control.py >kernel
	at a python3 control.py >stack
	diff -U20 kernel stack
}

# It has no IPv6: with lwipv6 a port is not free for that where it is taken for
# all addresses of IPv4.
@test "dnsmasq answers from the address that it was asked at" {
	need dnsmasq dig
	pair_up
	on b shmif0 inet 10.0.0.3/24 alias
	behind b dns.out "$mstack" -o ipv6 null dnsmasq -d -u "$(id -un)" \
	    -C /dev/null -R -h --address=/some.where/192.0.2.5 --pid-file= \
	    --log-facility=-
	up() { at a dig +short +time=1 +tries=1 @10.0.0.2 some.where |
	    grep -q 192.0.2.5; }
	until_true up
	[ "$(at a dig +short +tries=5 @10.0.0.3 some.where)" = 192.0.2.5 ]
}

# It asks by which interface a connection came (IP_PKTOPTIONS), and compares with
# what netlink tells.
@test "dnsmasq answers by TCP" {
	need dnsmasq dig
	pair_up
	behind b dns.out "$mstack" -o ipv6 null dnsmasq -d -u "$(id -un)" \
	    -C /dev/null -R -h --address=/some.where/192.0.2.5 --pid-file= \
	    --log-facility=-
	up() { at a dig +tcp +short +time=1 +tries=1 @10.0.0.2 some.where |
	    grep -q 192.0.2.5; }
	until_true up
}
