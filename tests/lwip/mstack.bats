#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# mstack(1) on mainline lwIP: cases of its own tests, with lwIP on both hosts of
# the bus, and what joins the two stacks.  What needs netlink, which lwIP has
# not, is left out.  A sample; ALL=1 runs all that can be.
#
# slow: 20

load ../lib/mstack

# cases FILE SAMPLE MORE - runs those of tests/system/FILE.bats with lwIP whose
# names match SAMPLE; with ALL also those that match MORE.
cases()
{
	TEST_STACK=lwip bats -f "$2${ALL:+|$3}" \
	    "$BATS_TEST_DIRNAME/../system/$1.bats"
}

@test "programs on lwIP" {
	cases mstack_programs 'curl|netcat' 'asyncio|nginx|redis|socat|iperf3'
}

@test "calls on lwIP give the same as on the kernel's loopback" {
	cases mstack_calls 'random .*calls$|short' 'left|resets|urgent|told'
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
	python3 way.py >kernel
	at a python3 way.py >stack
	diff kernel stack
}
