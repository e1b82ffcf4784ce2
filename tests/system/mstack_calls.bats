# SPDX-License-Identifier: BSD-2-Clause
# The same calls give the same on a stack and on the kernel's loopback.
#
# slow: 12

load ../lib/mstack

# same SEED COUNT - runs COUNT random programs of calls, both ways.
same()
{
	echo "seed $1, $2 programs"
	by_kernel "$TOP/tests/lib/mstack_calls" "$1" "$2" >kernel 2>&1
	timeout -k 5 300 "$mstack" "$HERE/a.sock" \
	    "$TOP/tests/lib/mstack_calls" "$1" "$2" >stack 2>&1
	diff -U10 kernel stack
}

@test "random programs of socket calls" {
	need python3
	pair_up
	same 4 150
	same "${SEED:-$RANDOM}" "${PROGRAMS:-150}"
}

# More of them: make differential.
@test "random programs of socket calls, in C" {
	local seed=${SEED:-$RANDOM} first
	pair_up
	for first in 1 "$seed"; do
		echo "seeds from $first on"
		by_kernel "$BUILD/tests/system/mstackdiff" "$first" 100 >kernel 2>&1
		timeout -k 5 300 "$mstack" "$HERE/a.sock" \
		    "$BUILD/tests/system/mstackdiff" "$first" 100 >stack 2>&1
		diff -U20 kernel stack
	done
}

@test "nothing is left of sockets whose programs ended" {
	need python3
	pair_up
	# The stack's own descriptors, with a session.
	at a true
	# Files that tell where datagrams came from stay, a few.
	left() { ls -l "/proc/${SERVER[a]}/fd" | grep -c socket:; }
	local before
	before=$(left)
	at a "$TOP/tests/lib/mstack_calls" 5 60 >/dev/null
	at a python3 -c '
import os, signal, socket
l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen(50)
c = [socket.create_connection(l.getsockname()) for _ in range(20)]
s = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(200)]
n = socket.socket(); n.setblocking(False); n.connect_ex(("10.0.0.77", 1))
os.kill(os.getpid(), signal.SIGKILL)' || :
	# One is kept by which the server asks the kernel.
	none() { (($(left) <= before + 1)); }
	until_true none
}

@test "who closes with data unread resets, at whatever moment" {
	need python3
	pair_up
	cat >rude.py <<-'END'
		import random, select, socket
		def ready(s, events):
		    p = select.poll(); p.register(s, events); return p.poll(20000)
		for k in range(200):
		    l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen()
		    c = socket.create_connection(l.getsockname())
		    s = l.accept()[0]
		    c.sendall(b"a" * random.choice([0, 1000, 30000]))
		    s.sendall(b"b" * random.choice([1, 1000, 30000]))
		    ready(c, select.POLLIN)
		    c.close()
		    ready(s, select.POLLHUP)
		    s.settimeout(20)
		    try:
		        while s.recv(100000): pass
		        print("an orderly end")
		    except ConnectionResetError:
		        pass
	END
	[ "$(at a python3 rude.py)" = "" ]
}

@test "many listeners, each asked, and ended" {
	need python3
	pair_up
	cat >many.py <<-'END'
		import ctypes, errno, fcntl, socket, termios, threading
		libc = ctypes.CDLL(None, use_errno=True)
		def error(f, *a):
		    try:
		        f(*a)
		    except OSError as e:
		        return errno.errorcode[e.errno]
		def undo(s):
		    none = bytes(16)
		    assert libc.connect(s.fileno(), none, len(none)) == 0
		ls = [socket.socket() for _ in range(150)]
		for l in ls:
		    l.bind(("127.0.0.1", 0))
		    l.listen()
		asked = {error(fcntl.ioctl, l, termios.FIONREAD, bytes(4)) for l in ls}
		c = socket.create_connection(ls[3].getsockname())
		ls[3].accept()[0].sendall(b"abc")
		c.recv(1, socket.MSG_PEEK)
		n = fcntl.ioctl(c, termios.FIONREAD, bytes(4))[0]
		for l in ls[:75]:
		    undo(l)
		waits = []
		t = threading.Thread(target=lambda: waits.append(error(ls[75].accept)))
		t.start()
		for l in ls[75:]:
		    l.shutdown(socket.SHUT_RDWR)
		t.join()
		print(asked, n, waits, {error(l.accept) for l in ls})
	END
	local natively
	natively=$(python3 many.py)
	[ "$natively" = "{'EINVAL'} 3 ['EINVAL'] {'EINVAL'}" ]
	[ "$(at a python3 many.py)" = "$natively" ]
}

@test "who goes on sending to one that has closed is told, after the end too" {
	need python3
	pair_up
	cat >late.py <<-'END'
		import select, socket, sys, time
		for k in range(50):
		    l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen()
		    c = socket.create_connection(l.getsockname())
		    l.accept()[0].close()
		    c.settimeout(20)
		    assert c.recv(1) == b""
		    if k % 2: c.setblocking(False)
		    end = time.monotonic() + 20
		    try:
		        while time.monotonic() < end:
		            select.select([], [c], [], 20)
		            try: c.send(b"x")
		            except BlockingIOError: pass
		        sys.exit("never told")
		    except (BrokenPipeError, ConnectionResetError):
		        pass
		    c.close(); l.close()
	END
	at a python3 late.py
}

@test "what is sent as urgent arrives, in its place" {
	need python3
	pair_up
	cat >urgent.py <<-'END'
		import socket
		l = socket.create_server(("127.0.0.1", 0))
		c = socket.create_connection(l.getsockname())
		s = l.accept()[0]
		s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
		s.settimeout(20)
		for k in range(20):
		    c.sendall(b"ab")
		    c.sendall(b"ABOR", socket.MSG_OOB)
		    if k % 2: assert s.recv(1) == b"a"
		    c.sendall(b"cd")
		    left = 7 + (k + 1) % 2
		    got = b""
		    while len(got) < left: got += s.recv(left - len(got))
		    assert got == b"abABORcd"[-left:], (k, got)
	END
	python3 urgent.py
	at a python3 urgent.py
}

@test "values and addresses that are too short" {
	need python3
	pair_up
	cat >short.py <<-'END'
		import ctypes, errno, socket
		libc = ctypes.CDLL(None, use_errno=True)
		def said(r):
		    return "0" if r == 0 else errno.errorcode[ctypes.get_errno()]
		T, U = socket.SOCK_STREAM, socket.SOCK_DGRAM
		for family in socket.AF_INET, socket.AF_INET6:
		    for kind in T, U:
		        for level in 1, 6:
		            for name in 2, 9, 12345:
		                for n in 0, 3:
		                    s = socket.socket(family, kind)
		                    r = libc.setsockopt(s.fileno(), level, name, bytes(8), n)
		                    print(family, kind, level, name, n, said(r))
		        for of in family, 0, 1:
		            for n in 0, 2, 8, 15, 16, 23:
		                s = socket.socket(family, kind)
		                a = of.to_bytes(2, "little") + bytes(30)
		                print(family, kind, of, n, said(libc.bind(s.fileno(), a, n)))
	END
	python3 short.py >kernel
	at a python3 short.py >stack
	diff kernel stack
}

@test "a listener that is closed refuses whoever comes after that" {
	need python3
	pair_up
	cat >closed.py <<-'END'
		import socket, threading
		on = True
		def ask():
		    s = socket.socket()
		    while on: s.getsockname()
		ts = [threading.Thread(target=ask) for _ in range(4)]
		for t in ts: t.start()
		came = 0
		for _ in range(300):
		    l = socket.create_server(("127.0.0.1", 0))
		    at = l.getsockname()
		    c = socket.socket()
		    l.close()
		    came += c.connect_ex(at) == 0
		    c.close()
		on = False
		for t in ts: t.join()
		print(came)
	END
	[ "$(at a python3 closed.py)" = 0 ]
}

# What ends on both sides has ended, and who connects again is taken although the
# other side keeps the end of the last connection in mind (TIME_WAIT).
@test "a port is free after its connection, and can connect again" {
	need python3
	pair_up
	cat >again.py <<-'END'
		import socket, sys
		def pair(l, c):
		    c.settimeout(30)
		    c.connect(l.getsockname())
		    return l.accept()[0]
		for family, host in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
		    l = socket.socket(family); l.bind((host, 0)); l.listen()
		    for i in range(30):
		        c = socket.socket(family)
		        d = pair(l, c)
		        d.close()
		        assert c.recv(1) == b""
		        name = c.getsockname()
		        c.shutdown(socket.SHUT_WR)
		        s = socket.socket(family)
		        s.bind(name)
		        d = pair(l, s)
		        d.send(b"again")
		        assert s.recv(5) == b"again"
	END
	by_kernel python3 again.py
	at a python3 again.py
}

@test "signals, backlogs, the end of both sides, options: as in Linux" {
	need python3
	pair_up
	by_kernel "$TOP/tests/lib/mstack_semantics" >kernel 2>&1
	at a "$TOP/tests/lib/mstack_semantics" >stack 2>&1
	diff -U20 kernel stack
}
