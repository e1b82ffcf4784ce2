# SPDX-License-Identifier: BSD-2-Clause
# Programs under mstack that want to do harm, and ends that nobody planned.

load ../lib/mstack

# well PORT - the server that echoes on stack b still does.
well()
{
	[ "$(echo fine | at a socat - "TCP:10.0.0.2:$1")" = fine ]
}

echo_server()
{
	behind b echo.out socat TCP-LISTEN:7,fork,reuseaddr EXEC:cat
	until_true listens 7
}

@test "calls that make no sense, on memory that changes" {
	need socat python3
	pair_up
	echo_server
	local seed=${SEED:-$RANDOM} i
	for ((i = 0; i < 5; i++, seed++)); do
		echo "seed $seed"
		[ "$(at b "$BUILD/tests/system/mstackbad" "$seed" 3000)" = done ]
	done
	well 7
	kill -0 "${SERVER[b]}"
}

@test "one program cannot name the sockets of another" {
	need socat python3
	pair_up
	echo_server
	# It speaks to the server itself, and names every UNIX socket there is.
	cat >thief.py <<-'END'
		import array, os, socket, struct, sys
		s = socket.socket(socket.AF_UNIX)
		s.connect(sys.argv[1])
		ask = b'{"id":1,"do":[{"op":"sockets"}]}'
		s.sendall(b"shmc" + struct.pack("<HHI", 1, 0, len(ask)) + ask)
		head = s.recv(12, socket.MSG_WAITALL)
		s.recv(struct.unpack("<I", head[8:])[0], socket.MSG_WAITALL)
		data, anc, _, _ = s.recvmsg(64, socket.CMSG_SPACE(4))
		fd = struct.unpack("i", anc[0][2])[0]
		q = socket.socket(fileno=fd)
		os.set_blocking(fd, True)
		hits = 0
		inodes = [int(l.split()[6]) for l in open("/proc/net/unix")
		          if "Inode" not in l]
		assert len(inodes) > 5
		for inode in inodes:
		    q.send(struct.pack("<QQIiiiII", 1, inode, 5, 0, 0, 0, 0, 0))
		    r = struct.unpack("<QQiiII", q.recv(70000)[:32])
		    hits += r[2] != 116                 # ESTALE
		print("hits", hits)
		# Nonsense ends the session, and nothing else.
		for junk in b"", b"x", bytes(47), bytes(48), os.urandom(48), os.urandom(70000)[:66000]:
		    try:
		        q.send(junk)
		    except OSError:
		        break
	END
	[ "$(python3 thief.py b.sock)" = "hits 0" ]
	well 7
}

@test "the stack's process is killed: programs see their connections end" {
	need python3
	pair_up
	start out "$mstack" "$HERE/a.sock" python3 -c '
import socket
l = socket.socket(); l.bind(("10.0.0.1", 7)); l.listen()
c = socket.create_connection(("10.0.0.1", 7)); d = l.accept()[0]
c.send(b"x"); d.recv(1)
print("up", flush=True)
try:
    assert d.recv(10) == b""
except ConnectionResetError:
    pass
try:
    socket.socket()
except OSError as e:
    print(e.strerror, flush=True)'
	until_true grep -q up out
	kill -KILL "${SERVER[a]}"
	finished "$PID" 0
	grep -q "Network is down" out
}

@test "a reader that is slow stops its sender" {
	need python3
	pair_up
	behind b slow.out python3 -c '
import socket, time, os
l = socket.socket(); l.bind(("10.0.0.2", 7)); l.listen()
s = l.accept()[0]
print("there", flush=True)
while not os.path.exists("go"): time.sleep(0.05)
n = 0
while d := s.recv(1 << 20): n += len(d)
print("got", n, flush=True)'
	start sent "$mstack" "$HERE/a.sock" python3 -u -c '
import socket, time
for _ in range(600):
    try:
        s = socket.create_connection(("10.0.0.2", 7)); break
    except OSError: time.sleep(0.1)
s.settimeout(3)
n = 0
try:
    while n < 100 << 20: n += s.send(bytes(1 << 20))
except TimeoutError: pass
print("stopped", n)
open("go", "w"); s.settimeout(None); s.close()'
	finished "$PID" 0
	# Buffers of two stacks and two pairs, not 100 MB.
	local stopped
	stopped=$(sed -n 's/stopped //p' sent)
	echo "stopped after $stopped"
	((stopped > 0 && stopped < 4 << 20))
	until_true grep -q "got $stopped" slow.out
}

@test "bytes are exact, both ways at once" {
	need python3
	pair_up
	behind b exact.out python3 -c '
import socket, threading, random
l = socket.socket(); l.bind(("10.0.0.2", 7)); l.listen()
while True:
    s = l.accept()[0]
    def turn(s=s):
        while d := s.recv(random.randrange(1, 100000)): s.sendall(d)
        s.close()
    threading.Thread(target=turn).start()'
	until_true listens 7
	at a python3 -c '
import os, socket, threading, zlib
def one(n):
    data = os.urandom(n)
    s = socket.create_connection(("10.0.0.2", 7))
    def give():
        s.sendall(data); s.shutdown(socket.SHUT_WR)
    t = threading.Thread(target=give); t.start()
    got = b""
    while d := s.recv(50000): got += d
    t.join()
    assert got == data, (len(got), n)
for n in (0, 1, 1000, 300000, 5000000): one(n)
ts = [threading.Thread(target=one, args=(200000,)) for _ in range(10)]
[t.start() for t in ts]; [t.join() for t in ts]'
}

@test "4096 sockets of one program" {
	need python3
	(($(ulimit -Hn) >= 10000)) || skip "too few descriptors are allowed"
	pair_up
	ulimit -Sn "$(ulimit -Hn)"
	at a python3 -c '
import socket
all = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(4096)]
all[0].bind(("10.0.0.1", 5)); all[4095].sendto(b"x", ("10.0.0.1", 5))
assert all[0].recv(9) == b"x"'
}
