#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_top: samples as text and JSON, keys, buses that go away.

bats_require_minimum_version 1.5.0
load ../lib/ctl

setup_file()
{
	export LC_ALL=C.UTF-8
}

top()
{
	"$BUILD/bin/shmif_top" "$@"
}

# Two stacks on a bus that have spoken to each other.
two()
{
	serve a b
	on a shmif0 create linkstr "$HERE/bus" inet 10.0.0.1/24 up
	on b shmif0 create linkstr "$HERE/bus" inet 10.0.0.2/24 up
	on a ping 10.0.0.2 -c 2 -i 0.01 >/dev/null
}

@test "a sample has each attachment, with rates that its counters give" {
	two
	top -j -d 1 -n 2 bus >out &
	local pid=$!
	on a ping 10.0.0.2 -c 150 -i 0.01 -s 1000 >/dev/null
	wait "$pid"
	/usr/bin/python3 - <<-'END'
	import json
	first, second = [json.loads(l) for l in open("out")]
	assert first["path"] == "bus" and first["mtu"] == 1500
	assert first["alive"] == 2 and first["dead"] == 0
	assert first["time_ns"] < second["time_ns"]
	assert "note" not in first
	sent = 0
	for a, b in zip(sorted(first["attached"], key=lambda x: x["index"]),
	    sorted(second["attached"], key=lambda x: x["index"])):
	    assert a["mac"] == b["mac"] and a["alive"]
	    for name in ("tx_frames", "rx_bytes", "wakeups"):
	        rate = (b[name] - a[name]) / second["interval_s"]
	        assert abs(rate - b[name + "_per_s"]) <= 0.01 + rate * .01, \
	            (name, rate, b)
	    sent += b["tx_frames_per_s"]
	assert sent > 0
	both = [s["seen"] for s in (first, second)]
	assert sum(s["protocols"].get("icmp", {"frames": 0})["frames"]
	    for s in both) > 10
	assert sum(s["missed"] for s in both) == 0
	for s in both:
	    assert sum(p["frames"] for p in s["protocols"].values()) == \
	        s["frames"]
	    assert sum(p["sent"]["bytes"] for p in s["by_mac"]) == s["bytes"]
	assert {p["address"] for p in both[0]["by_ip"]} >= \
	    {"10.0.0.1", "10.0.0.2"}
	END
}

@test "protocols are told, behind tags and extension headers too" {
	/usr/bin/python3 -c 'import scapy' 2>/dev/null ||
		skip "no python3-scapy"
	/usr/bin/python3 - bus.pcap <<-'END'
	import sys
	from scapy.all import *
	eth = Ether(src="b2:a0:00:00:00:01", dst="b2:a0:00:00:00:02")
	six = IPv6(src="fd00::1", dst="fd00::2")
	wrpcap(sys.argv[1], [
	    eth / ARP(), eth / IP() / TCP(), eth / IP() / UDP(),
	    eth / Dot1Q(vlan=7) / IP() / ICMP(),
	    eth / Dot1AD(vlan=7) / Dot1Q(vlan=8) / six / TCP(),
	    eth / six / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"abcd")]) /
	    IPv6ExtHdrDestOpt(options=[PadN(optdata=b"abcd")]) / UDP(),
	    eth / six / IPv6ExtHdrFragment(offset=0, m=1, nh=17) / Raw(b"x" * 8),
	    eth / six / IPv6ExtHdrFragment(offset=9, m=0, nh=58) / Raw(b"x" * 8),
	    eth / six / ICMPv6EchoRequest(), eth / IP(proto=2) / Raw(b"1234"),
	    eth / IP(proto=253) / Raw(b"x"), eth / Raw(b"12"),
	    Ether(src="b2:a0:00:00:00:01", dst="ff:ff:ff:ff:ff:ff", type=9),
	    eth / Raw(b"\x40" * 60), eth / IP(version=7) / Raw(b"x" * 30),
	    eth / six / IPv6ExtHdrHopByHop(len=255) / Raw(b"x")])
	END
	"$BUILD/bin/shmif_pcapin" bus.pcap bus
	start top.out "$BUILD/bin/shmif_top" -j -d 0.1 bus
	until_true grep -q '"frames":0' top.out # what was there is not of now
	"$BUILD/bin/shmif_pcapin" bus.pcap bus
	until_true all_seen
	/usr/bin/python3 - <<-'END'
	import json
	got, group = {}, 0
	for line in open("top.out").read().split("\n")[:-1]:
	    seen = json.loads(line)["seen"]
	    group += seen["group"]["frames"]
	    for name, p in seen["protocols"].items():
	        got[name] = got.get(name, 0) + p["frames"]
	assert got == {"arp": 1, "tcp": 2, "udp": 3, "icmp": 1, "icmp6": 2,
	    "igmp": 1, "other ip4": 1, "other ip6": 1, "other": 4}, got
	assert group == 1
	END
}

all_seen()
{
	[ "$(grep -o '"seen":{"frames":[0-9]*' top.out | sed 's/.*://' |
	    awk '{ n += $1 } END { print n + 0 }')" -ge 16 ]
}

@test "text: a line for each attachment; who speaks, by either address" {
	two
	top -b -n 1 -d 0.2 bus >out
	grep -Eq '^bus: mtu 1500, 2048 slots, 2 alive, 0 dead; ' out
	[ "$(grep -c 'shmif_server shmif0 *alive ' out)" = 2 ]
	start top.out "$BUILD/bin/shmif_top" -a -b -d 0.1 bus
	until_true grep -q ' none; to groups' top.out
	on a ping 10.0.0.2 -c 2 -i 0.01 >/dev/null
	until_true grep -Eq '^ +10\.0\.0\.1 ' top.out
	top -b -t 0 -n 1 -d 0.1 bus >out
	! grep -q ADDRESS out
}

@test "a dead attachment is told from one that lives" {
	two
	kill -9 "${SERVER[b]}"
	until_true dead_one
	top -b -n 1 -d 0.1 bus >out
	grep -q ' 1 alive, 1 dead; ' out
	grep -Eq 'shmif_server shmif0 *dead ' out
}

dead_one()
{
	"$ctl" -j bus bus | grep -Eq '"alive": ?false'
}

@test "a bus that goes away is told, and found again" {
	"$BUILD/bin/shmif_pcapin" /dev/null bus 2>/dev/null || true
	serve a
	on a shmif0 create linkstr "$HERE/bus" up
	start top.out "$BUILD/bin/shmif_top" -j -d 0.1 "$HERE/bus"
	local pid=$PID
	until_true grep -q '"alive":1' top.out
	mv bus was
	until_true grep -q '"note":"removed"' top.out
	on a shmif1 create linkstr "$HERE/bus" up # makes another one there
	until_true grep -q '"note":.*nother' top.out
	until_true last_is_well
	: >bus
	until_true grep -Eq '"note":".*(trunc|shorter).*"' top.out
	kill -0 "$pid"
}

last_is_well()
{
	tail -n 2 top.out | head -n 1 | grep '"alive":1' | grep -vq '"note"'
}

@test "counters that lie, names that are none: no harm" {
	two
	cp bus copy
	/usr/bin/python3 - <<-'END'
	import os, random
	seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
	print("# seed", seed)
	random.seed(seed)
	b = bytearray(open("copy", "rb").read())
	for i in range(8):
	    c = bytearray(b)
	    for _ in range(4000): # all but the first page
	        c[random.randrange(4096, len(c))] = random.randrange(256)
	    for _ in range(3000): # most of it about attachments
	        c[random.randrange(4096, 65536)] = random.randrange(256)
	    open(f"bad{i}", "wb").write(c)
	END
	local i
	for i in 0 1 2 3 4 5 6 7; do
		run timeout 60 "$BUILD/bin/shmif_top" -b -a -n 2 -d 0.1 "bad$i"
		echo "$i: $status $output"
		[ "$status" -le 1 ]
		# No control character gets through.
		! tr -d '\n' <<<"$output" | LC_ALL=C grep -q '[[:cntrl:]]'
		run timeout 60 "$BUILD/bin/shmif_top" -j -n 2 -d 0.1 "bad$i"
		[ "$status" -le 1 ]
		[ "$status" = 1 ] || /usr/bin/python3 -c 'import json, sys
for l in sys.stdin: json.loads(l)' <<<"$output"
	done
}

@test "several buses; sorted by a key, and the other way round" {
	two
	on b shmif1 create linkstr "$HERE/other" up
	top -b -n 1 -d 0.1 -s number bus other >out
	grep -q '^bus: ' out
	grep -q '^other: ' out
	[ "$(sed -n '/^bus:/,/^$/p' out | grep -o '^  [01] ' | tr -d ' \n')" = 01 ]
	top -b -n 1 -d 0.1 -r -s number bus >out
	[ "$(grep -o '^  [01] ' out | tr -d ' \n')" = 10 ]
}

@test "command lines that are wrong, buses that are none" {
	run -2 --separate-stderr top
	[[ $stderr == "shmif_top: which bus?"* ]]
	run -2 --separate-stderr top -d 0 bus
	[[ $stderr == "shmif_top: not from 0.1 to 3600 seconds: 0"* ]]
	run -2 --separate-stderr top -d nan bus
	run -2 --separate-stderr top -s colour bus
	[[ $stderr == "shmif_top: not something to sort by: colour"* ]]
	run -2 --separate-stderr top -t 65 bus
	run -2 --separate-stderr top -n 0 bus
	run -2 --separate-stderr top a b c d e f g h i j k l m n o p q
	run -1 --separate-stderr top -b none
	[[ $stderr == "shmif_top: none: "* ]]
	[ -z "$output" ]
	head -c 9000 /dev/urandom >noise
	run -1 --separate-stderr top -b noise
	two
	run -1 --separate-stderr top bus </dev/null
	[[ $stderr == "shmif_top: standard input and output are no terminal"* ]]
}

@test "a reader that has gone ends it quietly" {
	two
	start top.log sh -c "trap '' PIPE; \"$BUILD/bin/shmif_top\" -b -d 0.1 \
	    bus | head -n 1; echo ended"
	until_true grep -q ended top.log
	[ ! -s top.log.err ]
	run ! /bin/sh -c "\"$BUILD/bin/shmif_top\" -b -n 1 -d 0.1 bus >/dev/full"
}

@test "keys" {
	command -v tmux >/dev/null || skip "tmux is not installed"
	two
	on a shmif1 create linkstr "$HERE/other" up
	local t=(tmux -S "$HERE/tmux")
	# Not as a daemon: end_all ends it, whatever becomes of the test.
	TERM=xterm start tmux.log "${t[@]}" -D -f /dev/null
	until_true test -S "$HERE/tmux"
	TERM=xterm "${t[@]}" new-session -d -x 120 -y 40 \
	    "$BUILD/bin/shmif_top -d 0.2 bus other" 3>&- >/dev/null </dev/null
	pane() { "${t[@]}" capture-pane -p | grep -Eq -- "$1"; }
	no_pane() { ! pane "$1"; }
	until_true pane '^bus: .* 2 alive'
	pane 'by sent'
	until_true pane '^other: '
	"${t[@]}" send-keys a
	until_true pane 'IP ADDRESS|bytes by protocol: none'
	"${t[@]}" send-keys w R
	until_true pane 'by wakeups, reverse'
	"${t[@]}" send-keys +
	until_true pane 'every 0.4 s'
	"${t[@]}" send-keys Tab
	until_true no_pane '^other: '
	"${t[@]}" send-keys Tab
	until_true no_pane '^bus: '
	"${t[@]}" resize-window -x 40 -y 10
	until_true pane '^q quit'
	"${t[@]}" send-keys q
	until_true no_session
}

no_session()
{
	! tmux -S "$HERE/tmux" has-session >/dev/null 2>&1
}

@test "completion" {
	run bash -c '. "$1"; COMP_WORDS=(shmif_top -s ""); COMP_CWORD=2
		_shmif_top "$2"; printf "%s\n" "${COMPREPLY[@]}"' c \
	    "$TOP/top/bash-completion" "$BUILD/bin/shmif_top"
	[ "${#lines[@]}" = 7 ]
	run bash -c '. "$1"; COMP_WORDS=(shmif_top --); COMP_CWORD=1
		_shmif_top "$2"; printf "%s\n" "${COMPREPLY[@]}" | sort' c \
	    "$TOP/top/bash-completion" "$BUILD/bin/shmif_top"
	[[ " ${lines[*]} " == *" --batch "*" --talkers "* ]]
}
