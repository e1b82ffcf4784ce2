# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_dumpbus: buses that NetBSD's shmif(4) made, and what they
# are when they are damaged.
#
# slow: 20

load ../lib/dumpbus

make=$BATS_TEST_DIRNAME/netbsd_bus

# packets N FROM TO - lines for netbsd_bus: random bytes, all lengths in turn
packets()
{
	perl -e 'srand(shift); my ($n, $from, $to) = @ARGV;
	    for my $i (0 .. $n - 1) {
		my $len = $from + $i % ($to - $from + 1);
		printf "%d.%06d %u %s\n", 1300000000 + $i, rand 1e6,
		    4000000000 + $i % 3,
		    join "", map { sprintf "%02x", rand 256 } 1 .. $len;
	    }' "$SEED" "$@"
}

# shown LINES - the bus "bus" gives the newest of these packets, whole and in
# their order, and no fewer than MINIMUM
shown() # LINES MINIMUM
{
	run --separate-stderr -0 "$dump" -w out.pcap bus
	echo "$stderr"
	"$pcap_hex" out.pcap >got
	sed 's/\(.*\)\.\([0-9]*\) [0-9]* /\1\2000 /' "$1" |
	    tail -n "$(wc -l <got)" | cmp - got
	[ "$(wc -l <got)" -ge "$2" ]
}

kinds=("" -b -i "-b -i" "-v 2" "-b -v 2")

@test "a bus in use: the frames of one moment, whole and in their order" {
	local flood=$BUILD/tests/system/netbsdflood i
	"$make" </dev/null >bus
	start none "$flood" bus 100 1000
	until_true eval '[ "$("$dump" bus | wc -l)" -gt 500 ]'
	for ((i = 0; i < 20; i++)); do
		"$dump" -w out.pcap bus
		run "$flood" -c out.pcap
		echo "$i: $output"
		[ "$status" -eq 0 ]
		[ "$output" -gt 0 ]
	done
	# In one go, without a rest.
	kill -KILL $PID
	"$make" </dev/null >bus
	start none "$flood" bus 1 0
	for ((i = 0; i < 8; i++)); do
		run "$dump" -w out.pcap bus
		[ "$status" -eq 0 ] || [[ $output == *'faster than it can be'* ]]
		[ "$status" -ne 0 ] || "$flood" -c out.pcap
	done
	kill -KILL $PID
}

@test "both versions, both orders, both layouts" {
	seed
	packets 700 14 1514 >lines
	for kind in "${kinds[@]}"; do
		"$make" $kind <lines >bus
		shown lines 700
		[ -z "$stderr" ]
	done
}

@test "buses of other sizes, as the first ones: filled, and not" {
	seed
	local size n
	for size in 4096 32768 65536 4194304; do
		for n in 2 100; do
			packets $n 14 114 >lines
			"$make" -s $size <lines >bus
			shown lines $((n == 2 ? 2 : 15))
			[ -z "$stderr" ]
		done
	done
	# A file that was cut is none.
	packets 300 14 114 | "$make" | head -c 600000 >bus
	run -1 "$dump" bus
	refused 1 truncated
}

@test "a ring that was filled, once and often, and ends anywhere" {
	seed
	RANDOM=$SEED
	packets $((1500 + RANDOM % 2000)) 600 1514 >many
	packets 40 30 80 >lines
	for kind in "${kinds[@]}"; do
		"$make" $kind <many >bus
		shown many 600
		[ -z "$stderr" ]
		# A header and a frame on either side of the end.
		for from in 1048344 1048323 1048302 1048281; do
			"$make" $kind -o $from \
			    <lines >bus
			shown lines 40
			[ -z "$stderr" ]
		done
	done
}

@test "one packet, and none" {
	seed
	packets 1 60 60 >lines
	for kind in "${kinds[@]}"; do
		"$make" $kind <lines >bus
		shown lines 1
		"$make" $kind </dev/null >bus
		shown lines 0
		[ -z "$stderr" ]
		[ "$(wc -l <got)" -eq 0 ]
	done
}

@test "text, -c, the header; who sent them is told apart" {
	echo "1000000000.000001 77 $arp" >lines
	echo "1000000001.000002 99 $arp_reply" >>lines
	echo "1000000002.000003 77 $arp" >>lines
	"$make" -i <lines >bus
	run -0 "$dump" bus
	[ ${#lines[@]} -eq 3 ]
	[[ ${lines[0]} == *'.000001000 #0 from 0 '*'who-has 10.0.0.2'* ]]
	[[ ${lines[1]} == *'.000002000 #1 from 1 '*'is-at'* ]]
	[[ ${lines[2]} == *'.000003000 #2 from 0 '* ]]
	run -0 "$dump" -c 2 bus
	[ ${#lines[@]} -eq 2 ]
	run -0 "$dump" -h bus
	[[ $output == *'NetBSD shmif, version 3, little-endian, 20 bytes'* ]]
}

@test "what cannot be done with them" {
	"$make" </dev/null >bus
	run -1 "$dump" -f bus
	refused 1 'not followed'
	"$make" -v 4 </dev/null >bus
	run -1 "$dump" bus
	refused 1 'version 4'
	"$make" </dev/null | head -c 100000 >bus
	run -1 "$dump" -w out.pcap bus
	refused 1 'truncated'
	[ ! -e out.pcap ]
}

@test "a writer that died with the lock: its packet is left out and counted" {
	seed
	packets 100 60 200 >lines
	"$make" -l 1 <lines >bus
	head -n 99 lines >whole
	run --separate-stderr -0 "$dump" -w out.pcap bus
	[[ $stderr == *'1 frame not whole'* ]]
	"$pcap_hex" out.pcap >got
	[ "$(wc -l <got)" -eq 99 ]
}

@test "damaged anywhere: shown up to there, reported, never a crash" {
	seed
	RANDOM=$SEED
	packets 500 60 200 >lines
	for kind in "${kinds[@]}"; do
		"$make" $kind <lines >whole
		for ((i = 0; i < 10; i++)); do
			cp whole bus
			for ((j = 0; j < 4; j++)); do
				printf "\\x$(printf %02x $((RANDOM % 256)))" |
				    dd of=bus bs=1 conv=notrunc status=none \
				    seek=$((i % 2 ? 8 + RANDOM % 24 : RANDOM))
			done
			status=0
			timeout 60 "$dump" -w out.pcap bus 2>err || status=$?
			[ $status -le 1 ]
		done
	done
	"$make" <lines >bus
	printf '\377\377' | dd of=bus bs=1 seek=5002 conv=notrunc status=none
	printf '\377\377\377\177' |
	    dd of=bus bs=1 seek=20 conv=notrunc status=none
	run -1 "$dump" bus
	refused 1 'header is damaged'
}
