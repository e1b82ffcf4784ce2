# SPDX-License-Identifier: BSD-2-Clause
#
# targets.awk - what is wanted of the figures in results.tsv, and whether they
# are that
#
#	awk -v cpus=N -v out=FILE -f targets.awk results.tsv
#
# A table for people to standard output, one for programs to FILE.

BEGIN {
	FS = "\t"
	if (out == "")
		out = "/dev/null"
	printf "target\twanted\tis\tverdict\n" >out
}

# case, ours, peer, its, ratio, unit
NR > 1 {
	if (!($1 in ours))
		ours[$1] = $2
	its[$1, $3] = $4
}

function number(v) { return v ~ /^[-+0-9.e]+$/ && v != "-" }

# One line: the value V has to be, as OP says, at least or at most, BOUND.
function judge(text, v, op, bound, why,    ok, verdict) {
	if (!number(v)) {
		verdict = "not measured" (why != "" ? ": " why : "")
		v = "-"
	} else {
		ok = op == ">=" ? v + 0 >= bound : v + 0 <= bound
		verdict = ok ? "met" : "NOT MET"
		if (!ok && why ~ /[a-z]/)
			verdict = verdict " (" why ")"
		v = sprintf("%.3g", v)
	}
	printf "%-58s %s %-6s %8s  %s\n", text, op, bound, v, verdict
	printf "%s\t%s %s\t%s\t%s\n", text, op, bound, v, verdict >out
}

# Our figure in CASE beside PEER's in its case OTHER.
function ratio(text, case_, other, peer, op, bound, why,    t) {
	t = its[other, peer]
	if (!number(ours[case_]))
		judge(text, "-", op, bound, "")
	else if (!number(t) || t + 0 == 0)
		judge(text, "-", op, bound, t)
	else
		judge(text, ours[case_] / t, op, bound, why)
}

function same(text, case_, peer, op, bound, why) {
	ratio(text, case_, case_, peer, op, bound, why)
}

# The least that we are above PEER, over all sizes.
function everywhere(text, peer, bound,    c, p, t, least, where, why) {
	least = "-"
	for (c in ours) {
		if (c !~ /^[0-9]+ B, 1 to 1, (batch 32|single), nothing lost$/)
			continue
		t = its[c, peer]
		if (!number(t) || t + 0 == 0) {
			if (why == "")
				why = t
			continue
		}
		if (least == "-" || ours[c] / t < least) {
			least = ours[c] / t
			where = c
			sub(/, 1 to 1/, "", where)
			sub(/, nothing lost/, "", where)
		}
	}
	judge(text, least, ">=", bound, least == "-" ? why : where)
}

function processors(n) {
	return cpus + 0 < n ? n " processes on " cpus " processors" : ""
}

END {
	one = ", 1 to 1, batch 32, nothing lost"
	same("64 B, 1 to 1, nothing lost: of memif", "64 B" one, "memif", ">=",
	    2.5)
	ratio("64 B, one by one: of memif's bursts",
	    "64 B, 1 to 1, single, nothing lost", "64 B" one, "memif", ">=", 0.8)
	same("1514 B, 1 to 1: of memif", "1514 B" one, "memif", ">=", 1.5)
	same("1514 B, 1 to 1: of memcpy", "1514 B" one, "memcpy", ">=", 0.6)
	v = "-"
	if (number(ours["9018 B" one]) && number(ours["1514 B" one]))
		v = ours["9018 B" one] * 9018 / (ours["1514 B" one] * 1514)
	judge("9018 B: bytes/s of those at 1514 B", v, ">=", 1)
	everywhere("each size, the least: of the VDE switch", "vde", 20)
	same("round trip, spinning, p50: of a bare cache line",
	    "round trip, spinning, p50", "cache line", "<=", 3)
	same("round trip, asleep, p50: of a bare futex",
	    "round trip, asleep, p50", "futex", "<=", 1.15)
	judge("64 idle: the talking pair's rate, of that without",
	    ours["64 idle, rate, of neighbours"], ">=", 0.95)
	judge("64 idle: its round trip spinning, of that without",
	    ours["64 idle, round trip, spinning, of neighbours"], "<=", 1.05)
	judge("64 idle: its round trip asleep, of that without",
	    ours["64 idle, round trip, asleep, of neighbours"], "<=", 1.05)
	judge("64 idle: woken, times a second", ours["64 idle, woken, each"],
	    "<=", 1)
	judge("an idle one's use of a processor, %", ours["64 idle, use, each"],
	    "<=", 0.1)
	same("a second writer, nobody reads: sum, of the first's",
	    "64 B, 2 to 0, batch 32, flood", "1 to 0", ">=", 0.5,
	    processors(2))
	same("2 to 2, nothing lost: sum, of 1 to 1",
	    "64 B, 2 to 2, batch 32, nothing lost", "1 to 1", ">=", 0.5,
	    processors(4))
	same("4 readers: the writer's time a frame, of that for 1",
	    "64 B, 1 to 4, batch 32, flood, writer's", "1 to 1", "<=", 1.5,
	    processors(5))
	judge("system calls to send while nobody sleeps, a frame",
	    ours["system calls to send, nobody asleep"], "<=", 0.0001,
	    its["system calls to send, nobody asleep", "-"])
	judge("a default bus, KiB", ours["memory of a default bus"], "<=", 4096)
	judge("an attachment's private memory, KiB",
	    ours["private memory of an attachment"], "<=", 256)
	same("a pcap through a bus: of cat through a pipe",
	    "a pcap through a bus", "cat | cat", ">=", 0.5)
	v = ours["memory of shmif_pcapin for it"]
	if (ours["memory of shmif_dumpbus for it"] + 0 > v + 0)
		v = ours["memory of shmif_dumpbus for it"]
	judge("memory of the tools for it, KiB", v, "<=", 16384)
	judge("dump of a full default bus, ms",
	    ours["dump of a full default bus"], "<=", 50)
	judge("TCP beside a follower: of TCP alone",
	    ours["follower to /dev/null: TCP, of neighbours"], ">=", 0.9,
	    processors(3))
	judge("frames it lost", ours["follower to /dev/null: it lost"], "<=", 0,
	    processors(3))
	judge("TCP beside a follower into a file: of TCP alone",
	    ours["follower to a file: TCP, of neighbours"], ">=", 0.9,
	    processors(3))
	judge("frames it lost", ours["follower to a file: it lost"], "<=", 0,
	    processors(3))
	kernel("lwipv6, MTU 1500")
	kernel("lwIP, MTU 1500")
	same("lwIP, MTU 1500: bulk TCP, of lwipv6",
	    "lwIP, MTU 1500: bulk TCP, IPv4", "lwipv6", ">=", 1)
	same("lwIP, MTU 1500: echo, p50, of lwipv6",
	    "lwIP, MTU 1500: echo of 64 B, p50", "lwipv6", "<=", 1)
	same("lwIP, MTU 9000: bulk TCP, of veth with all offloads",
	    "lwIP, MTU 9000: bulk TCP, IPv4", "veth", ">=", 1)
	same("lwIP, MTU 65521: bulk TCP, of that at 9000",
	    "lwIP, MTU 65521: bulk TCP, IPv4", "lwIP 9000", ">=", 1)
	stacked("lwipv6")
	stacked("lwip")
	judge("a wire: 64-byte frames, M/s",
	    ours["wire: 64 B, batch 32, nothing lost"], ">=", 3, processors(3))
	same("a round trip asleep over a wire: more, of two hand-offs",
	    "wire: round trip asleep, more than on one bus", "futex", "<=", 1)
	judge("a wire's delay of 10 ms: its spread, ms",
	    ours["wire: spread of a delay of 10 ms"], "<=", 0.2)
	judge("a wire's rate: off what it was told, %",
	    ours["wire: off the rate that it was told"], "<=", 1)
	same("Linux and lwipv6, round trip: of that by vde_switch",
	    "Linux and lwipv6: ping, p50", "vde", "<=", 1)
	same("Linux and lwipv6, TCP: of that by vde_switch",
	    "Linux and lwipv6: TCP", "vde", ">=", 2)
}

# A stack on a bus, both as OURS says, beside Linux and a veth.
function kernel(ours_,    case_) {
	same(ours_ ": bulk TCP, of veth without offloads",
	    ours_ ": bulk TCP, IPv4", "veth plain", ">=", 1)
	same(ours_ ": echo, p99, of veth", ours_ ": echo of 64 B, p99",
	    "veth", "<=", 0.5)
	same(ours_ ": connections a second, of veth",
	    ours_ ": connections a second", "veth", ">=", 1)
	case_ = ours_ ": echo of 64 B, "
	judge(ours_ ": echo, mean, of p50", number(ours[case_ "p50"]) ? \
	    ours[case_ "mean"] / ours[case_ "p50"] : "-", "<=", 1.3)
}

# Programs on STACK by mstack, beside calls of the stack in the program.
function stacked(stack,    case_, beyond) {
	case_ = "mstack, " stack ": "
	same(case_ "bulk TCP: of in process", case_ "bulk TCP", "in process",
	    ">=", 0.5)
	same(case_ "bulk TCP: of slirp4netns", case_ "bulk TCP", "slirp4netns",
	    ">=", 1)
	same(case_ "echo: of in process", case_ "echo of 64 B, p50",
	    "in process", "<=", 2, processors(4))
	case_ = case_ "socket, connect, close, p50"
	beyond = "-"
	if (number(ours[case_]) && number(its[case_, "in process"]))
		beyond = ours[case_] - its[case_, "in process"]
	judge(case_ ": beyond in process, us", beyond, "<=", 150)
}
