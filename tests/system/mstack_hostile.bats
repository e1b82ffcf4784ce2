# SPDX-License-Identifier: BSD-2-Clause
# Programs under mstack that want to do harm, and ends that nobody planned.

load ../lib/mstack

# well PORT - the server that echoes on stack b still does.
well()
{
	[ "$(echo fine | at a socat -t 60 - "TCP:10.0.0.2:$1")" = fine ]
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

# What an event loop sees of sockets whose stack is gone: it is told once, and
# then sleeps.  Every call ends, or waits, as on a network that is down.
@test "sockets of a stack that is gone are silent, and no call is the kernel's" {
	need python3
	pair_up
	cat >gone.py <<-'END'
		import errno, os, select, socket, struct, sys, threading, time
		def said(fn, *args):
		    try:
		        r = fn(*args)
		        return "ok" if r is None else r
		    except OSError as e:
		        return errno.errorcode[e.errno]
		def listener():
		    l = socket.socket(); l.bind(("10.0.0.1", 0)); l.listen()
		    return l
		l, waiting = listener(), listener()
		c = socket.create_connection(l.getsockname()); d = l.accept()[0]
		c.send(b"x"); d.recv(1)
		u = socket.socket(type=socket.SOCK_DGRAM); u.bind(("10.0.0.1", 0))
		v = socket.socket(type=socket.SOCK_DGRAM); v.bind(("10.0.0.1", 0))
		n = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
		new, other = socket.socket(), socket.socket()
		# A copy, as a server with workers has of its listener.
		copy = os.dup(l.fileno())
		told = []
		threads = [threading.Thread(target=lambda s=s, fn=fn: told.append(said(fn)), daemon=True)
		           for s, fn in ((waiting, waiting.accept), (v, lambda: v.recvfrom(9)))]
		[t.start() for t in threads]
		print("up", flush=True)
		sys.stdin.readline()
		[t.join(20) for t in threads]
		print("waited", *told)
		l.setblocking(False); u.setblocking(False); n.setblocking(False)
		for how in "epoll", "poll":
		    e = getattr(select, how)()
		    for s in l, u, n:
		        e.register(s, select.POLLIN)
		    turns = 0
		    while e.poll(0.3 if how == "epoll" else 300):
		        print(how, said(l.accept))
		        turns += 1
		        assert turns < 5, "it spins"
		print("accept", said(l.accept))
		print("recv", said(u.recv, 9), said(u.recvfrom, 9), said(u.recvmsg, 9))
		print("send", said(u.sendto, b"x", ("10.0.0.1", 9)), said(u.sendmsg, [b"x"], [], 0, ("10.0.0.1", 9)))
		for s in l, new, d, u, n:
		    print(said(s.getsockname), said(s.getpeername), said(s.bind, ("10.0.0.1", 0)) if s is not n else "",
		          said(s.connect, ("10.0.0.1", 9)) if s is not n else "", said(s.listen),
		          said(s.setsockopt, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
		          said(s.getsockopt, socket.SOL_SOCKET, socket.SO_TYPE),
		          said(s.shutdown, socket.SHUT_RD))
		print("new", said(new.accept), said(other.getsockopt, socket.SOL_SOCKET, socket.SO_ERROR) == errno.ENETDOWN,
		      said(socket.socket))
		# Who waits now waits for ever, but for a signal.
		import signal
		class Tick(Exception): pass
		def tick(*a): raise Tick()
		signal.signal(signal.SIGALRM, tick)
		for fn in waiting.accept, lambda: v.recv(9), lambda: v.recvfrom(9):
		    signal.setitimer(signal.ITIMER_REAL, 0.2)
		    try:
		        print("not silent", said(fn))
		    except Tick:
		        print("silent")
	END
	mkfifo go
	start out sh -c '"$0" "$1" python3 gone.py <go' "$mstack" "$HERE/a.sock"
	exec 7>go
	until_true grep -q up out
	kill -KILL "${SERVER[a]}"
	until_true gone_for_good "${SERVER[a]}"
	echo >&7
	finished "$PID" 0
	cat >want <<-'END'
		up
		waited ENETDOWN ENETDOWN
		epoll ENETDOWN
		accept EAGAIN
		recv EAGAIN EAGAIN EAGAIN
		send ENETDOWN ENETDOWN
		ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN
		ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN
		ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN
		ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN ENETDOWN
		ENETDOWN ENETDOWN   ENETDOWN ENETDOWN ENETDOWN ENETDOWN
		new ENETDOWN True ENETDOWN
		silent
		silent
		silent
	END
	diff -u want out
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

# The server has 1000 descriptors, of which 744 are for sockets.
@test "a program that takes all sockets it can get leaves some to others" {
	need python3
	ulimit -n 1000
	pair_up
	cat >greedy.py <<-'END'
		import errno, os, socket, sys
		all = []
		try:
		    while True:
		        all.append(socket.socket())
		except OSError as e:
		    # Its own table has room.
		    os.close(os.dup(0))
		    print(errno.errorcode[e.errno], len(all), flush=True)
		sys.stdin.readline()
		# What it closes it gets again.
		while all:
		    all.pop().close()
		l = socket.create_server(("10.0.0.1", 7))
		c = socket.create_connection(l.getsockname())
		l.accept()
		print("again", flush=True)
	END
	mkfifo go
	start out sh -c '"$0" "$1" python3 greedy.py <go' "$mstack" "$HERE/a.sock"
	exec 7>go
	until_true grep -q EMFILE out
	at a python3 -c '
import socket
l = socket.create_server(("10.0.0.1", 0))
for _ in range(50):
    c = socket.create_connection(l.getsockname()); d = l.accept()[0]
    c.send(b"x")
    assert d.recv(1) == b"x"'
	echo >&7
	finished "$PID" 0
	grep -q again out
}

# Each of them waits, and the supervisor keeps something of it meanwhile.
@test "a supervisor without descriptors says ENFILE, and goes on" {
	need python3
	pair_up
	cat >many.py <<-'END'
		import errno, os, signal, socket, time
		r, w = os.pipe()
		kids = []
		for i in range(90):
		    if not (pid := os.fork()):
		        try:
		            s = socket.socket(type=socket.SOCK_DGRAM)
		            s.bind(("10.0.0.1", 0))
		            os.write(w, b"ok\n")
		            s.recvfrom(9)
		        except OSError as e:
		            os.write(w, errno.errorcode[e.errno].encode() + b"\n")
		        finally:
		            os._exit(0)
		    kids.append(pid)
		f = os.fdopen(r)
		print(*sorted({f.readline().strip() for _ in kids}))
		for pid in kids:
		    os.kill(pid, signal.SIGKILL)
		    os.waitpid(pid, 0)
		def again():
		    while True:
		        try:
		            return socket.socket(type=socket.SOCK_DGRAM)
		        except OSError as e:
		            assert e.errno == errno.ENFILE, e
		            time.sleep(0.01)
		a, b = again(), again()
		a.bind(("10.0.0.1", 0))
		b.bind(("10.0.0.1", 0))
		b.sendto(b"x", a.getsockname())
		print(a.recvfrom(9)[1] == b.getsockname())
	END
	ulimit -n 100
	[ "$(at a python3 many.py)" = $'ENFILE ok\nTrue' ]
}
