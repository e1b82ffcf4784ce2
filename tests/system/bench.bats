# SPDX-License-Identifier: BSD-2-Clause
# bats file for the benchmark: that it runs, says what it should in the form
# that it should, and leaves nothing behind.  No figure is looked at.
#
# slow: 19

bats_require_minimum_version 1.5.0

setup()
{
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	export BUILD=${BUILD:-$TOP/build}
	[ -z "${SHMIF_SAN-}" ] || skip "the ordinary build is looked at"
	cd "$BATS_TEST_TMPDIR"
	mkdir out buses tmp
	export BENCH_OUT=$PWD/out BENCH_DIR=$PWD/buses TMPDIR=$PWD/tmp
	# As short as can be.
	export QUICK=1 RUNS=1 RUN_MS=1 TRIPS=20 SIZES=64
	PID=
}

teardown()
{
	[ -z "$PID" ] || kill -KILL "$PID" 2>/dev/null || :
}

# Rows of results.tsv are six fields of the right kind.
well_formed()
{
	awk -F '\t' '
	function number(v) { return v ~ /^-?[0-9]+(\.[0-9]+)?(e[-+][0-9]+)?$/ }
	function bad(why) { print FILENAME ":" NR ": " why ": " $0; failed = 1 }
	NF != 6 { bad("not six fields"); next }
	NR == 1 {
		if ($0 != "case\tours\tpeer\tpeer'\''s figure\tratio\tunit")
			bad("another head")
		next
	}
	$1 == "" || $6 == "" { bad("no case or no unit") }
	$2 != "-" && !number($2) { bad("ours is no number") }
	$4 ~ /^skipped: ./ {
		if ($5 != "-")
			bad("a ratio to nothing")
		next
	}
	$3 == "-" && ($4 != "-" || $5 != "-") { bad("a figure of nobody") }
	$3 != "-" && !number($4) { bad("neither a figure nor a reason") }
	$5 != "-" {
		if (!number($5) || !number($4) || $4 == 0)
			bad("a ratio of nothing")
		else if ($5 * $4 > $2 * 1.01 || $5 * $4 < $2 * 0.99)
			bad("not the ratio")
	}
	END { exit failed || NR < 2 }' "$1"
}


nothing_left()
{
	find buses tmp -mindepth 1 >left
	cat left
	[ ! -s left ]
}

@test "the scripts are scripts" {
	bash -n "$TOP/bench/bench.sh"
	bash -n "$TOP/bench/plot.sh"
	bash -n "$TOP/bench/linux.sh"
	bash -n "$TOP/bench/kernel.sh"
	awk -f "$TOP/bench/targets.awk" </dev/null >text
	! grep -v 'not measured' text
}

@test "rates: each peer has a figure or a reason; nothing is left behind" {
	CASES=ring run -0 "$TOP/bench/bench.sh"
	well_formed out/results.tsv
	local who
	for who in memcpy memif seqpacket mcast veth vde; do
		awk -F '\t' -v who=$who '$3 == who &&
		    $1 == "64 B, 1 to 1, batch 32, nothing lost"' \
		    out/results.tsv >rows
		[ "$(wc -l <rows)" = 1 ]
	done
	grep -q '^64 B, 1 to 1, single, flood, lost	' out/results.tsv
	[ "$(wc -l <out/targets.tsv)" -ge 15 ]
	nothing_left
}

@test "round trips, idle ones, memory and system calls" {
	CASES="pingpong cost" run -0 "$TOP/bench/bench.sh"
	well_formed out/results.tsv
	grep -q '^round trip, spinning, p50	.*	cache line	' out/results.tsv
	grep -q '^round trip, asleep, p99.9	.*	futex	' out/results.tsv
	grep -q '^memory of a default bus	' out/results.tsv
	grep -q '^system calls to send, nobody asleep	' out/results.tsv
	run -0 env BENCH_TSV="$PWD/idle.tsv" "$BUILD/bench/idle" 1
	echo 'case	ours	peer	peer'\''s figure	ratio	unit' |
	    cat - idle.tsv >whole.tsv
	well_formed whole.tsv
	grep -q '^1 idle, round trip, asleep, of neighbours	' idle.tsv
	grep -q '^1 idle, woken, each	' idle.tsv
	nothing_left
}

@test "many writers and readers: what was sent was received or lost" {
	CASES=many run -0 "$TOP/bench/bench.sh"
	[[ $output != *WRONG* ]]
	well_formed out/results.tsv
	grep -q '^64 B, 4 to 4, single, nothing lost	' out/results.tsv
	# A case is measured once under its name.
	awk -F '\t' '$2 != "-" && seen[$1, $3]++ { print; n++ }
	    END { exit n }' out/results.tsv
	nothing_left
}

@test "a wire, and Linux in a namespace: figures, or reasons" {
	CASES="wire linux" run "$TOP/bench/bench.sh"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *WRONG* ]]
	well_formed out/results.tsv
	for what in '64 B, batch 32, nothing lost' 'spread of a delay of 10 ms' \
	    'off the rate that it was told'; do
		awk -F '\t' -v name="wire: $what" '$1 == name && $2 > 0 &&
		    $3 == "wirefilter"' out/results.tsv >rows
		[ "$(wc -l <rows)" = 1 ]
	done
	grep -q '^wire: round trip asleep, .*	futex	' out/results.tsv
	[[ $output == *'Linux and lwipv6: skipped: '* ]] ||
		grep -q '^Linux and lwipv6: TCP	.*	vde	' out/results.tsv
	nothing_left
}

@test "mstack beside what else there is: each has a figure or a reason" {
	STACKS=lwipv6 CASES=mstack run -0 "$TOP/bench/bench.sh"
	echo "$output"
	[[ $output != *WRONG* ]]
	[[ $output != *'mstack does not run here'* ]] || skip "mstack cannot"
	well_formed out/results.tsv
	local what
	for what in 'bulk TCP' 'echo of 64 B, p50' \
	    'socket, connect, close, p50'; do
		awk -F '\t' -v name="mstack, lwipv6: $what" '$1 == name &&
		    $2 > 0 && $3 == "in process" && $4 > 0' out/results.tsv >rows
		[ "$(wc -l <rows)" = 1 ]
	done
	for what in pasta slirp4netns kernel; do
		[ "$(grep -c "^mstack, lwipv6: bulk TCP	.*	$what	" \
		    out/results.tsv)" = 1 ]
	done
	grep -q '^mstack, lwipv6: bulk TCP: of in process	' out/targets.tsv
	nothing_left
}

@test "stacks beside the kernel: each has a figure or a reason" {
	local stacks=lwipv6 what name
	[ ! -x "$BUILD/bench/talk_lwip" ] || stacks='lwipv6 lwip'
	MIB=1 STACKS=$stacks CASES=kernel run -0 "$TOP/bench/bench.sh"
	echo "$output"
	[[ $output != *WRONG* ]]
	well_formed out/results.tsv
	for name in $stacks; do
		[ "$name" = lwipv6 ] || name=lwIP
		for what in 'bulk TCP, IPv4' 'CPU to send 1 GB, IPv4' \
		    'echo of 64 B, p99' 'connections a second' \
		    'UDP, 64 B, received'; do
			awk -F '\t' -v name="$name, MTU 1500: $what" '
			    $1 == name && $2 > 0 && ($3 == "veth" ||
			    $3 == "veth plain" || $3 == "loopback") {
				print
			    }' out/results.tsv >rows
			cat rows
			[ "$(wc -l <rows)" = 3 ]
		done
	done
	nothing_left
}

@test "captures: through a bus, of a full one, beside TCP; nothing is left" {
	export BENCH_TSV=$PWD/capture.tsv
	echo "case	ours	peer	peer's figure	ratio	unit" >"$BENCH_TSV"
	run -0 "$BUILD/bench/capture" -m 2 -n 1
	well_formed "$BENCH_TSV"
	awk -F '\t' '$2 != "-"' "$BENCH_TSV" >figures
	grep -q '^a pcap through a bus.*	cat | cat	' figures
	if ! grep -q '^follower.*no room' "$BENCH_TSV"; then
		[ "$(wc -l <figures)" -eq 15 ]
		grep -q '^follower to a file: it lost	[0-9]*	' figures
	fi
	nothing_left
}

@test "a folder that cannot be had: it says so, and removes nobody's" {
	touch buses/mine
	TMPDIR=$PWD/nowhere CASES=cost run -1 "$TOP/bench/bench.sh"
	[[ $output == *'bench: no folder'* ]]
	BENCH_DIR=$PWD/nowhere CASES=cost run -1 "$TOP/bench/bench.sh"
	[[ $output == *'bench: no folder'* ]]
	[ -e buses/mine ]
}

@test "a peer that is not there is skipped, with a reason" {
	# memif is looked for beside ring, VDE's switch in the environment.
	cp "$BUILD/bench/ring" .
	cp -P "$BUILD"/lib/libshmbus.so* .
	export BENCH_TSV=$PWD/rows BENCH_VDE_WHY='no switch in this test'
	LD_LIBRARY_PATH=$PWD run -0 ./ring -p -b 32 -l 64
	grep -q '	memif	skipped: DPDK was not there' rows
	grep -q '	vde	skipped: no switch in this test	-	' rows
	[[ $output == *'memif: skipped: DPDK was not there'* ]]
}

@test "interrupted, it ends at once and leaves nothing behind" {
	RUN_MS=10000 CASES="pingpong ring" "$TOP/bench/bench.sh" \
	    >text 2>&1 3>&- &
	PID=$!
	local i status=0
	# In the midst of a run of ring, which takes ten seconds.
	for ((i = 0; i < 600; i++)); do
		! grep -q '^Frames' text || break
		sleep 0.1
	done
	grep -q '^Frames' text
	sleep 0.3
	kill -TERM "$PID"
	wait "$PID" || status=$?
	PID=
	[ "$status" = 1 ]
	nothing_left
	for ((i = 0; i < 100; i++)); do
		grep -lsaF "BENCH_TSV=$BENCH_OUT" /proc/[0-9]*/environ >still ||
		    break
		sleep 0.1
	done
	cat still
	[ ! -s still ]
}

@test "verdicts: met, not met, not measured and why" {
	printf '%s\n' 'head' \
	    'round trip, spinning, p50	0.2	cache line	0.1	2	us' \
	    'round trip, asleep, p50	40	futex	20	2	us' \
	    '64 B, 1 to 1, batch 32, nothing lost	50	memif	skipped: none	-	M' \
	    '64 B, 1 to 1, batch 32, nothing lost	50	vde	2	25	M' \
	    'mstack, lwip: socket, connect, close, p50	200	in process	45	4	us' \
	    'memory of a default bus	3268	-	-	-	KiB' >rows
	awk -v cpus=2 -v out=verdicts -f "$TOP/bench/targets.awk" rows
	grep -q '^round trip, spinning.*	<= 3	2	met$' verdicts
	grep -q '^round trip, asleep.*	<= 1.15	2	NOT MET$' verdicts
	grep -q '^64 B, .*memif	>= 2.5	-	not measured: skipped: none$' verdicts
	grep -q '^each size.*	>= 20	25	met$' verdicts
	grep -q '^a default bus, KiB	<= 4096	3.27e+03	met$' verdicts
	grep -q '^mstack, lwip: socket.* beyond .*	<= 150	155	NOT MET$' verdicts
}
