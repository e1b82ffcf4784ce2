# SPDX-License-Identifier: BSD-2-Clause
# What a program is told of its sockets natively, by the kernel's pairs: room
# to write, ends, resets and errors.

load ../lib/mstack

# same NAME - the Python program NAME prints the same on a stack and natively.
same()
{
	need python3
	timeout -k 5 60 python3 "$1" >kernel
	at a python3 "$1" >stack
	diff -U20 kernel stack
}

# Pages that go without being copied are accounted otherwise than bytes are.
@test "sendfile, splice and vmsplice neither stall nor lose a reset" {
	pair_up
	cat >pages.py <<-'END'
		import hashlib, os, select, socket, struct, tempfile, threading
		data = os.urandom(3 << 20)
		f = tempfile.TemporaryFile()
		f.write(data); f.flush()
		def pair():
		    l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen()
		    c = socket.create_connection(l.getsockname())
		    return c, l.accept()[0]
		def room(s):
		    p = select.poll(); p.register(s, select.POLLOUT)
		    assert p.poll(20000), "no room"
		def patient(s, fn, n):
		    while True:
		        try:
		            return fn(n)
		        except BlockingIOError:
		            room(s)
		def by_file(s, at, n):
		    return patient(s, lambda n: os.sendfile(s.fileno(), f.fileno(), at, n), n)
		def by_pipe(s, at, n, pipe=os.pipe()):
		    n = os.splice(f.fileno(), pipe[1], min(n, 65536), offset_src=at)
		    left = n
		    while left:
		        left -= patient(s, lambda n: os.splice(pipe[0], s.fileno(), n), left)
		    return n
		def by_write(s, at, n):
		    return patient(s, lambda n: s.send(data[at:at + n]), n)
		for waits in True, False:
		    for name, fn in ("sendfile", by_file), ("splice", by_pipe), ("send", by_write):
		        for piece in 300, 65536, 106000, 3 << 20:
		            c, s = pair()
		            s.setblocking(waits)
		            total = min(len(data), 40 * piece)
		            got = []
		            def hear():
		                while d := c.recv(1 << 20):
		                    got.append(d)
		                    if sum(map(len, got)) == total: break
		            t = threading.Thread(target=hear); t.start()
		            at = 0
		            while at < total:
		                at += fn(s, at, min(piece, total - at))
		            t.join(30)
		            same = b"".join(got) == data[:total]
		            # And now a reset, which is to be told as one.
		            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		            c.close()
		            s.settimeout(20)
		            try:
		                end = s.recv(10)
		            except OSError as e:
		                end = type(e).__name__
		            print(name, piece, waits, same, end, flush=True)
	END
	same pages.py
	# A proxy's: pages of another connection, more at once than a file's.
	cat >proxy.py <<-'END'
		import fcntl, os, select, socket, threading
		data = os.urandom(4 << 20)
		def pair():
		    l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen()
		    c = socket.create_connection(l.getsockname())
		    return c, l.accept()[0]
		def wait(s, events):
		    p = select.poll(); p.register(s, events)
		    assert p.poll(20000), "stalled"
		a, b = pair()
		c, d = pair()
		b.setblocking(False); c.setblocking(False)
		pipe = os.pipe()
		fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, 1 << 20)
		def give():
		    a.sendall(data); a.close()
		got = []
		def take():
		    while x := d.recv(1 << 20): got.append(x)
		ts = [threading.Thread(target=give), threading.Thread(target=take)]
		[t.start() for t in ts]
		end = False
		while not end:
		    held = 0
		    while held < 100000 and not end:
		        try:
		            n = os.splice(b.fileno(), pipe[1], (1 << 20) - held)
		            held += n
		            end = n == 0
		        except BlockingIOError:
		            wait(b, select.POLLIN)
		    while held:
		        try:
		            held -= os.splice(pipe[0], c.fileno(), held)
		        except BlockingIOError:
		            wait(c, select.POLLOUT)
		c.close()
		[t.join(20) for t in ts]
		print(b"".join(got) == data)
	END
	same proxy.py
}

# Of those that have not sent anything, too.
@test "a reset is told to who has never sent anything" {
	pair_up
	cat >silent.py <<-'END'
		import errno, select, socket, struct
		def reset(s):
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		    s.close()
		def end(s):
		    s.settimeout(20)
		    try:
		        return s.recv(10)
		    except OSError as e:
		        return errno.errorcode[e.errno]
		for waits in True, False:
		    for who in 0, 1:
		        l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen()
		        c = socket.socket(); c.setblocking(waits)
		        c.connect_ex(l.getsockname())
		        p = select.poll(); p.register(c, select.POLLOUT); p.poll(20000)
		        e = c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
		        ends = [c, l.accept()[0]]
		        reset(ends[who])
		        print(waits, who, e, end(ends[1 - who]), end(ends[1 - who]), flush=True)
		    # And a good end is none.
		    c = socket.create_connection(l.getsockname())
		    s = l.accept()[0]
		    c.close()
		    print(end(s), end(s))
	END
	same silent.py
}

@test "each call in each state of a stream says what the kernel says" {
	pair_up
	same "$TOP/tests/lib/mstack_states"
}

# The error is told to who waits for a datagram, by poll(2) and by each call
# that comes to the supervisor.
@test "ICMP errors end a wait on a connected UDP socket" {
	pair_up
	cat >refused.py <<-'END'
		import asyncio, errno, select, socket
		b = socket.socket(type=socket.SOCK_DGRAM); b.bind(("127.0.0.1", 0))
		nobody = b.getsockname()
		b.close()
		def new():
		    s = socket.socket(type=socket.SOCK_DGRAM)
		    s.connect(nobody)
		    s.settimeout(None)
		    return s
		def said(fn, *a):
		    try:
		        return fn(*a)
		    except OSError as e:
		        return errno.errorcode[e.errno]
		for how in (lambda s: s.recvfrom(9), lambda s: s.recvmsg(9), lambda s: s.recv(1), lambda s: s.recv(4096), lambda s: s.recv(65535),
		            lambda s: s.recv(9, socket.MSG_PEEK), lambda s: s.recvmsg_into([bytearray(9)])):
		    s = new(); s.send(b"x")
		    p = select.poll(); p.register(s, select.POLLIN); p.poll(20000)
		    print(said(how, s))
		    # It was told, and is told once.
		    s.setblocking(False)
		    print(said(how, s), s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
		# The next one that sends is told, and sends nothing.
		for how in lambda s: s.send(b"y"), lambda s: s.sendmsg([b"y"]), lambda s: s.sendto(b"y", nobody):
		    s = new(); s.send(b"x")
		    p = select.poll(); p.register(s, select.POLLIN); p.poll(20000)
		    print(said(how, s))
		    s.setblocking(False)
		    print(said(s.recv, 9), p.poll(0))
		s = new(); s.send(b"x")
		p = select.poll(); p.register(s, select.POLLIN)
		print(bool(p.poll(20000)), errno.errorcode[s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)])
		s.setblocking(False)
		print(said(s.recvfrom, 9), p.poll(0))
		# What came before is there before, and what comes after it, too.
		c = socket.socket(type=socket.SOCK_DGRAM); c.bind(("127.0.0.1", 0))
		d = socket.socket(type=socket.SOCK_DGRAM); d.bind(("127.0.0.1", 0))
		d.connect(c.getsockname()); c.connect(d.getsockname())
		d.send(b"1"); d.send(b"2"); d.close()
		select.select([c], [], [])
		c.settimeout(20)
		print(c.recvfrom(9)[0], c.recvfrom(9)[0])
		c.send(b"x")
		print(said(c.recvfrom, 9))
		class P(asyncio.DatagramProtocol):
		    def error_received(self, e):
		        told.set_result(errno.errorcode[e.errno])
		async def main():
		    global told
		    told = asyncio.get_running_loop().create_future()
		    t, _ = await asyncio.get_running_loop().create_datagram_endpoint(P, remote_addr=nobody)
		    t.sendto(b"x")
		    print(await asyncio.wait_for(told, 20))
		asyncio.run(main())
	END
	same refused.py
	# Who reads natively is woken, too.
	at a timeout 20 python3 -c '
import os, socket
s = socket.socket(type=socket.SOCK_DGRAM); s.connect(("127.0.0.1", 9)); s.send(b"x")
os.read(s.fileno(), 100)'
}

@test "a program without a descriptor left accepts the connection later" {
	pair_up
	cat >full.py <<-'END'
		import errno, os, resource, select, socket
		l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen(5)
		c = socket.create_connection(l.getsockname())
		p = select.poll(); p.register(l, select.POLLIN)
		print(bool(p.poll(20000)))
		resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
		full = []
		try:
		    while True: full.append(os.dup(0))
		except OSError as e:
		    print(errno.errorcode[e.errno])
		for _ in range(3):
		    try:
		        l.accept()
		    except OSError as e:
		        # It is put back behind the program's back.
		        print(errno.errorcode[e.errno], bool(p.poll(20000)))
		try:
		    socket.socket()
		except OSError as e:
		    print(errno.errorcode[e.errno])
		os.close(full.pop())
		s, peer = l.accept()
		print(peer == c.getsockname())
		c.sendall(b"after all"); c.close()
		print(s.recv(100), s.recv(100))
	END
	same full.py
}
