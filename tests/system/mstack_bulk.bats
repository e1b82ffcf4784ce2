# SPDX-License-Identifier: BSD-2-Clause
# Much data through mstack: to the last byte, and no more of it in memory than
# buffers have room for.
#
# slow: 5

load ../lib/mstack

# More of them: make mstack_exact.
@test "every byte arrives, both ways at once, in pieces of any size" {
	local seed=${SEED:-$RANDOM$RANDOM}
	need python3
	pair_up
	behind b bulk.out "$TOP/tests/lib/mstack_bulk" serve 10.0.0.2 7
	until_true grep -q ready bulk.out
	echo "seed $seed"
	run timeout -k 5 "$((60 + ${RUNS:-10} * 10))" "$mstack" a.sock \
	    "$TOP/tests/lib/mstack_bulk" ask 10.0.0.2 7 "$seed" "${RUNS:-10}"
	echo "$output"
	cat bulk.out bulk.out.err
	[ "$status" -eq 0 ]
	[ "$(cat bulk.out)" = ready ]
	echo "# ${TEST_STACK:-lwipv6}: $output" >&3
}

# memory NAME - the most that the stack's process ever had, in KiB.
memory()
{
	sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB$/\1/p' \
	    "/proc/${SERVER[$1]}/status"
}

# 20 connections, over which 64 MB each would be sent if somebody read.
@test "readers that are slow stop their senders, in bounded memory" {
	need python3
	pair_up
	cat >slow.py <<-'END'
		import os, socket, threading, time, zlib
		l = socket.create_server(("10.0.0.2", 7), backlog=32)
		all = [l.accept()[0] for _ in range(20)]
		print("there", flush=True)
		while not os.path.exists("go"): time.sleep(0.05)
		def hear(s):
		    n = sum = 0
		    while d := s.recv(1 << 20):
		        n += len(d); sum = zlib.crc32(d, sum)
		    os.write(1, b"got %d %d\n" % (n, sum))
		for s in all: threading.Thread(target=hear, args=(s,)).start()
	END
	cat >fast.py <<-'END'
		import os, select, socket, time, zlib
		all = [socket.create_connection(("10.0.0.2", 7)) for _ in range(20)]
		data = os.urandom(1 << 20)
		n = {s: 0 for s in all}; sum = dict(n)
		p = select.poll(); of = {}
		for s in all:
		    s.setblocking(False); p.register(s, select.POLLOUT)
		    of[s.fileno()] = s
		# Until nobody has had room for two seconds.
		while r := p.poll(2000):
		    for f, _ in r:
		        s = of[f]; at = n[s] & 0xfffff
		        try: k = s.send(data[at:])
		        except BlockingIOError: continue
		        sum[s] = zlib.crc32(data[at:at + k], sum[s]); n[s] += k
		        if n[s] > 64 << 20: p.unregister(s)
		print("stopped", max(n.values()), flush=True)
		while not os.path.exists("go"): time.sleep(0.05)
		for s in all:
		    s.close()
		    print("got", n[s], sum[s], flush=True)
	END
	behind b slow.out python3 -u slow.py
	until_true listens 7
	# One has asked whether somebody listens: it is the first of the 20.
	sed -i 's/range(20)\]$/range(19)]/' fast.py
	local before stopped grew
	before=$(($(memory a) + $(memory b)))
	behind a fast.out python3 -u fast.py
	until_true grep -q stopped fast.out
	grew=$(($(memory a) + $(memory b) - before))
	stopped=$(sed -n 's/stopped //p' fast.out)
	echo "# ${TEST_STACK:-lwipv6}: stopped after $stopped bytes; the" \
	    "stacks grew by $grew KiB" >&3
	# Buffers of two stacks and two pairs, not 64 MB; for all 20.
	((stopped > 0 && stopped < 4 << 20))
	# A sanitizer keeps what was freed for a while, and puts room around it.
	((grew < (${SHMIF_SAN:+3 *} 80 << 10)))
	touch go
	all_got() { (($(grep -c got slow.out) == 20)); }
	until_true all_got || {
		cat slow.out fast.out slow.out.err fast.out.err
		return 1
	}
	grep got fast.out | sort >sent
	grep -v 'got 0 0' slow.out | grep got | sort | diff - sent
}
