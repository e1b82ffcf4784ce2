# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_wire: its words, its ends, what it counts.
#
# slow: 15

load ../lib/dumpbus
load ../lib/wirejoin

every=ffffffffffff one=020000000001 two=020000000002 three=020000000003

frame() # TO FROM TYPE LENGTH
{
	python3 -c 'import sys
to, frm, kind, n = sys.argv[1:]
f = bytes.fromhex(to + frm + kind)
print((f + bytes(i * 7 & 255 for i in range(len(f), int(n)))).hex())' "$@"
}

# frames N - frames of different content, from one to everybody
frames()
{
	python3 -c 'import sys
for i in range(int(sys.argv[1])):
    print("ffffffffffff02000000000188b5%08x" % i + "00" * 46)' "$1"
}

# client NAME WORD... - a peer that reads the FIFO NAME.in
client()
{
	local name=$1
	shift
	[ -p $name.in ] || mkfifo $name.in
	eval "exec {fd_$name}<>$name.in"
	INPUT=$name.in start $name.out "$peer" "$@"
	eval "pid_$name=\$PID"
	until_true grep -qE '^(ready|listening)' $name.out
}

@test "what is no command line: one line, status 2" {
	setup_wire
	for words in '' 'a.bus' 'a.bus b.bus delay' 'a.bus b.bus loss 5' \
	    'a.bus b.bus end 3 cut' 'a.bus b.bus delay 1ms storm' '-m x a b' \
	    '-s unix://w.sock'; do
		run --separate-stderr "$wire" $words
		echo "$words: $status $stderr"
		[ "$status" -eq 2 ] && [ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 2 ]
		[[ ${stderr_lines[0]} == shmif_wire:* ]]
	done
	[ -z "$(ls)" ]
	run -0 "$wire" --help
	[[ $output == *'end end...'* ]]
}

@test "what cannot be opened: one line that says why, status 1, nothing left" {
	setup_wire
	echo text >text
	# libvdeplug loads plug-ins in a way that sanitizers refuse.
	local vde=vde:none:///x
	[ -z "${SHMIF_SAN-}" ] || vde=
	for end in text none/bus stream:text stream:none/s dgram:a dgram:a, \
	    dgram:text,b dgram:none/a,b fd:99 fd:x fd:1 tap: tap:aaaaaaaaaaaaaaaaaaaa \
	    $vde; do
		run --separate-stderr "$wire" a.bus "$end" </dev/null
		echo "$end: $status $stderr"
		[ "$status" -eq 1 ] && [ -z "$output" ]
		[[ $stderr == *"shmif_wire: $end: "* ]]
		rm a.bus
	done
	[ "$(ls)" = text ]
	# Its own file is nobody's to take.
	join a.bus b.bus
	run -1 --separate-stderr "$wire" -c "unix://$PWD/w.sock" a.bus b.bus
	[[ $stderr == *'somebody listens there' ]]
	run -1 --separate-stderr "$wire" -s "unix://$PWD/none" show
	[[ $stderr == *'no such wire' ]]
	[ "$(stat -c %a w.sock)" = 600 ]
	kill $WIRE
	finished $WIRE 0
	[ ! -e w.sock ]
}

@test "bus to bus: all lengths and tags, unchanged; larger ones are counted" {
	setup_wire
	"$feed" -m 9000 -s 64 a.bus </dev/null
	join a.bus b.bus
	for n in 14 60 1514; do frame $every $one 88b5 $n; done >sent
	frame $every $one 8100000788b5 1518 >>sent
	{ cat sent; frame $every $one 88b5 1519; frame $every $one 88b5 9014; } |
	    on_bus a.bus
	counts 2 out offered 6
	counts 2 out too_long 2
	remembered b.bus | cmp sent -
	[ "$(count 1 in frames)" = 6 ]
	[ "$(count 2 out frames)" = 4 ]
	# What is for somebody on the same side stays there.
	frame $one $three 88b5 60 | on_bus a.bus
	counts 1 in local 1
	frame $one $two 88b5 60 | on_bus b.bus
	counts 1 out frames 1
	balanced
}

@test "the same seed loses the same frames, and what is lost is counted" {
	setup_wire
	frames 500 >sent
	for i in 1 2 3; do
		rm -f ?.bus
		join a.bus b.bus loss 20%, seed $((i / 3 + 7))
		"$feed" -i -q a.bus <sent
		counts 1 in frames 500
		balanced
		remembered b.bus >got$i
		[ "$(wc -l <got$i)" -eq "$(count 2 out frames)" ]
		[ "$(($(wc -l <got$i) + $(count 2 out lost)))" -eq 500 ]
		kill $WIRE
		finished $WIRE 0
	done
	cmp got1 got2
	! cmp -s got1 got3 || false
	[ "$(wc -l <got1)" -gt 350 ] && [ "$(wc -l <got1)" -lt 450 ]
}

@test "each word, changed while it runs" {
	setup_wire
	frames 100 >sent
	join a.bus b.bus
	w=("$wire" -s "unix://$PWD/w.sock")
	"${w[@]}" end 2 cut
	"$feed" -i -q a.bus <sent
	counts 2 out cut 100
	"${w[@]}" end 2 mend duplicate 100%
	"$feed" -i -q a.bus <sent
	counts 2 out frames 200
	"${w[@]}" end 2 clear mtu 45
	"$feed" -i -q a.bus <sent
	counts 2 out black_hole 100
	"${w[@]}" end 2 clear delay 1s limit 10
	"$feed" -i -q a.bus <sent
	counts 2 out overrun 90
	counts 2 out frames 210
	[ "$(count 1 words)" = '' ]
	balanced
	# One wrong word, and nothing is changed.
	run -1 --separate-stderr "${w[@]}" end 2 clear loss 5
	[[ $stderr == *"not a share"* ]]
	shown
	[[ $(count 2 words) == 'delay 1000ms limit 10 seed '* ]]
	"${w[@]}" end 2 clear corrupt 100%
	rm b.bus.sent 2>/dev/null || :
	head -n 1 sent | on_bus a.bus
	counts 2 out corrupted 1
	remembered b.bus | tail -n 1 >got
	[ "$(head -c 24 got)" = "$(head -n 1 sent | head -c 24)" ]
	! head -n 1 sent | cmp -s - got || false
}

@test "three ends: a switch; and VLANs" {
	setup_wire
	join a.bus b.bus c.bus end 1 vlan 10 end 2 vlan 20 end 3 trunk 10,20
	frame $every $one 88b5 60 | on_bus a.bus
	counts 3 out frames 1
	remembered c.bus >got
	frame $every $one 8100000a88b5 18 | cut -c1-36 >want
	cut -c1-36 got | cmp want -
	[ -z "$(remembered b.bus)" ]
	frame $one $two 8100000a88b5 64 | on_bus c.bus
	counts 1 out frames 1
	remembered a.bus | tail -n 1 | grep -q "^$one${two}88b5"
	# Not allowed: a tag on an access port, none or another one on a trunk.
	frame $every $three 8100000a88b5 64 | on_bus a.bus
	counts 1 in vlan 1
	{ frame $every $three 88b5 64; frame $every $three 8100001e88b5 64; } |
	    on_bus c.bus
	counts 3 in vlan 2
	"$wire" -s "unix://$PWD/w.sock" all vlan none
	frame $every $three 88b5 61 | on_bus a.bus
	counts 2 out frames 1
	counts 3 out frames 2
	balanced
}

@test "a stream: both ways, hostile lengths, halves, killed and back" {
	setup_wire
	join a.bus "stream:$PWD/s.sock"
	[ "$(stat -c %a s.sock)" = 600 ]
	frame $every $one 88b5 60 | on_bus a.bus
	counts 2 out down 1
	client p stream s.sock
	until_true eval 'shown && [ "$(count 2 connected)" = 1 ]'
	for n in 14 60 1514; do frame $every $one 88b5 $n; done >sent
	on_bus a.bus <sent
	until_true lines_in p.out 4
	sed 1d p.out | cmp sent -
	sed "s/^$every$one/$one$two/" sent >back
	cat back >p.in
	counts 2 in frames 3
	remembered a.bus | tail -n 3 | cmp back -
	# A second one is turned away; the first goes on.
	run "$peer" raw s.sock 00
	[[ $output == *end* ]]
	kill -KILL $pid_p
	wait $pid_p 2>/dev/null || :
	# Nothing, two bytes, and 4 GiB.
	until_true eval '"$peer" raw s.sock 00000000000000020102ffffffff \
	    >raw.out; shown; [ "$(count 2 in bad)" = 3 ]'
	grep -q end raw.out
	grep -q 'longer than any' wire.out.err
	# Half a frame is none.
	start half.out "$peer" raw s.sock 0000003c01020304
	until_true grep -q ready half.out
	kill -KILL $PID
	wait $PID 2>/dev/null || :
	client q stream s.sock
	head -n 1 back >q.in
	counts 2 in frames 6
	balanced
	# The wire is killed: the next one takes the socket's place.
	kill -KILL $WIRE
	wait $WIRE 2>/dev/null || :
	until_true grep -q end q.out
	join a.bus "stream:$PWD/s.sock"
	client r stream s.sock
	until_true eval 'shown && [ "$(count 2 connected)" = 1 ]'
}

@test "a stream that never reads has its bound, and nobody waits for it" {
	setup_wire
	join a.bus b.bus "stream:$PWD/s.sock,listen"
	start mute.out "$peer" mute s.sock
	until_true eval 'shown && [ "$(count 3 connected)" = 1 ]'
	frames 2000 >sent
	for i in 1 2 3 4; do
		"$feed" -i -q a.bus <sent
		counts 2 out frames $((i * 2000))
	done
	[ "$(count 3 out full)" -gt 1000 ]
	[ "$(count 3 out waiting)" -le 1024 ]
	balanced
}

@test "a wire connects to who listens, and tries again" {
	setup_wire
	client p listen s.sock
	join a.bus "stream:$PWD/s.sock"
	until_true grep -q ready p.out
	frame $every $one 88b5 60 | on_bus a.bus
	until_true lines_in p.out 3
	kill -KILL $pid_p
	wait $pid_p 2>/dev/null || :
	rm s.sock
	client q listen s.sock
	until_true grep -q ready q.out
	frame $every $one 88b5 61 | on_bus a.bus
	until_true lines_in q.out 3
	[ -S s.sock ]
}

@test "datagrams, both ways; the other side goes and comes" {
	setup_wire
	join a.bus "dgram:$PWD/1.sock,$PWD/2.sock"
	[ "$(stat -c %a 1.sock)" = 600 ]
	frame $every $one 88b5 60 | on_bus a.bus
	counts 2 out down 1
	for i in 1 2; do
		rm -f 2.sock
		client p dgram 2.sock 1.sock
		frame $every $one 88b5 1514 | on_bus a.bus
		until_true lines_in p.out 2
		frame $one $two 88b5 6$i >p.in
		counts 1 out frames $i
		kill -KILL $pid_p
		wait $pid_p 2>/dev/null || :
		rm p.in
	done
	balanced
	kill $WIRE
	finished $WIRE 0
	[ ! -e 1.sock ]
}

@test "descriptors: sockets of both types; one that is closed ends the wire" {
	setup_wire
	python3 - "$wire" <<-'END'
	import socket, subprocess, sys
	every = bytes.fromhex("ffffffffffff02000000000188b5")
	other = bytes.fromhex("ffffffffffff02000000000288b5")
	for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET:
	    a, b = socket.socketpair(socket.AF_UNIX, kind)
	    c, d = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	    a.settimeout(60)
	    c.settimeout(60)
	    p = subprocess.Popen([sys.argv[1], "fd:%d" % b.fileno(),
	        "fd:%d" % d.fileno()], pass_fds=[b.fileno(), d.fileno()],
	        stderr=subprocess.PIPE, text=True)
	    b.close()
	    d.close()
	    stream = kind == socket.SOCK_STREAM
	    head = lambda f: len(f).to_bytes(4, "big") if stream else b""
	    frame = every + bytes(46)
	    a.send(head(frame) + frame)
	    assert c.recv(2000) == frame
	    frame = other + bytes(40)
	    c.send(frame)
	    got = a.recv(2000)
	    assert got == head(frame) + frame, got
	    c.close()
	    assert p.wait(60) == 1
	    assert "closed by the other side" in p.stderr.read()
	END
}

@test "two wires between two buses: no storm" {
	setup_wire
	join a.bus b.bus
	start second.out "$wire" -v -j a.bus b.bus
	second=$PID
	until_true eval '"$dump" -h b.bus | grep -q "^attached  2$"'
	frames 50 >sent
	# One by one, as copies would come back between them.
	while read -r line; do
		echo "$line" | on_bus a.bus
	done < <(head -n 20 sent)
	until_true eval 'shown && [ $(($(count 1 in loop) + $(count 2 in loop))) -gt 0 ]'
	kill $second
	finished $second 0
	shown
	balanced
	# Each frame was there twice at most.
	[ "$(remembered b.bus | wc -l)" -le 40 ]
	[ "$(remembered a.bus | wc -l)" -le 40 ]
	grep -q 'a loop: frames of 02:00:00:00:00:01' wire.out.err second.out.err
}

@test "a bus that is cut off ends the wire, with a message" {
	setup_wire
	join a.bus b.bus
	truncate -s 100 b.bus
	finished $WIRE 1
	grep -q 'shmif_wire: b.bus: ' wire.out.err
}

@test "the control socket is told nonsense" {
	setup_wire
	join a.bus b.bus
	python3 - "$PWD/w.sock" <<-'END'
	import json, socket, struct, sys
	def say(data, close=False):
	    s = socket.socket(socket.AF_UNIX)
	    s.settimeout(60)
	    s.connect(sys.argv[1])
	    s.sendall(data)
	    if close:
	        s.shutdown(socket.SHUT_WR)
	    try:
	        return s.recv(100000)
	    except ConnectionResetError:
	        return b""
	def msg(text):
	    return b"shmc" + struct.pack("<HHI", 1, 0, len(text)) + text
	for bad in b"x" * 12, b"shmc" + b"\xff" * 8, \
	        b"shmc\1\0\0\0\xff\xff\xff\xff", b"shmc\1\0\0\0\0\0\0\0":
	    assert say(bad) == b"", bad
	assert say(b"shmc\1", True) == b""
	for bad in b"{", b"[]", b'{"id":1}', b'{"id":1,"do":[]}', b'\xff\xfe', \
	        b'{"id":1,"do":[{"op":"fly"}]}', b'{"id":1,"do":[7]}', \
	        b'{"id":1,"do":[{"op":"set"}]}', b"[" * 1000, \
	        b'{"id":1,"do":[{"op":"set","words":[1]}]}', \
	        b'{"id":1,"do":[{"op":"set","words":["loss","1%"]},{"op":"x"}]}':
	    r = json.loads(say(msg(bad))[12:])
	    assert r["ok"] is False and r["error"]["text"], bad
	# Many that say nothing keep nobody away for good.
	many = [socket.socket(socket.AF_UNIX) for i in range(40)]
	for s in many:
	    s.connect(sys.argv[1])
	END
	until_true shown
	[ "$(count 1 words)" = '' ]
}

@test "completion has the options of --help, and every word" {
	setup_wire
	mkdir empty && cd empty
	completed()
	{
		bash --norc -c '. "$1"; COMP_WORDS=("$2" "$3") COMP_CWORD=1
		_shmif_wire "$2"; printf "%s\n" "${COMPREPLY[@]}" | sort' c \
		    "$TOP/wire/bash-completion" "$wire" "$1"
	}
	"$wire" --help | grep -oE '^ +-[-A-Za-z].*' |
	    grep -oE '(^|[ ,])--?[A-Za-z]+' | tr -d ' ,' | sort -u >../want.$$
	[ "$(wc -l <../want.$$)" -ge 15 ]
	completed - | diff ../want.$$ -
	rm ../want.$$
	# What the tool takes as a word is no end: so it complains of one end.
	for word in $(completed '' | grep '^[a-z]*$' |
	    grep -v show); do
		run -2 "$wire" a.bus "$word"
		[[ $output == *'two ends or more'* ]]
	done
}
