# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_dumpbus -C, -G and -W: many files, each one whole.
#
# slow: 20

load ../lib/dumpbus

# all FILE... - their frames, one file after the other
all()
{
	local file
	for file; do
		"$pcap_hex" "$file"
	done
}

@test "-C: no file is larger, together they are the capture" {
	seed
	"$feed" -q -r "$SEED" -c 300 bus
	"$dump" -w whole bus
	"$pcap_hex" whole >want
	run --separate-stderr -0 "$dump" -C 10k -w part bus
	[ -z "$output$stderr" ]
	[ ! -e part ]
	ls part* >names
	n=$(wc -l <names)
	[ "$n" -ge 5 ]
	seq -f 'part%.0f' 0 $((n - 1)) | sort | diff - names
	all $(seq -f 'part%.0f' 0 $((n - 1))) | cmp want -
	local file
	for file in $(<names); do
		[ "$(stat -c %s $file)" -le 10240 ]
		[ "$("$pcap_hex" $file | wc -l)" -ge 1 ]
	done
	# No file ends early for nothing.
	[ "$n" -le $(($(stat -c %s whole) / (10240 - 1518 - 512 - 16) + 1)) ]
	nothing_temporary
}

@test "-C -W: the newest files, zeros before their numbers" {
	seed
	"$feed" -q -r "$SEED" -c 500 bus
	"$dump" -w whole bus
	"$pcap_hex" whole >want
	"$dump" -C 10k -w part bus
	n=$(ls part* | wc -l)
	[ "$n" -gt 12 ]
	"$dump" -C 10k -W 12 -w ring bus
	[ "$(ls ring*)" = "$(seq -f 'ring%02.0f' 0 11)" ]
	local i
	for ((i = n - 12; i < n; i++)); do
		cmp part$i ring$(printf %02d $((i % 12)))
	done
	"$dump" -C 10k -W 1 -w one bus
	[ "$(ls one*)" = one0 ]
	cmp one0 part$((n - 1))
}

@test "-C of pcapng: each file is whole, and no larger" {
	need capinfos
	seed
	"$feed" -q -r "$SEED" -c 200 bus
	"$dump" --pcapng -C 20k -w part bus
	local file total=0
	for file in part*; do
		[ "$(stat -c %s $file)" -le 20480 ]
		run -0 capinfos -Mrc $file
		total=$((total + $(tr -dc 0-9 <<<"${output##*:}")))
	done
	[ $total -eq 200 ]
}

@test "a single frame that is larger; units" {
	printf '%*s\n%*s\n' 3000 '' 3000 '' | tr ' ' 7 | "$feed" -q -i bus
	"$dump" -C 1k -w part bus
	[ "$(ls part*)" = "$(printf 'part0\npart1')" ]
	"$dump" -C 1 -w million bus
	[ "$(ls million*)" = million0 ]
	"$dump" -C 1M -w mib bus
	cmp mib0 million0
	"$dump" -w plain bus
	cmp plain mib0
	local bad
	for bad in "-C 0 -w x" "-C x -w x" "-C 1kk -w x" "-C k -w x" "-C 1k" \
	    "-C 99999999999999999999k -w x" "-C -1k -w x" "-W 3 -w x" \
	    "-G 0 -w x" "-G 1k -w x" "-C 1k -w -" "-W 0 -C 1k -w x"; do
		run -2 "$dump" $bad bus
	done
	[ ! -e x ]
	[ ! -e x0 ]
}

@test "-G: by when frames were sent, as a NetBSD bus can tell" {
	local i
	for i in 0 1 9 10 11 35 36; do
		echo "$((1000000000 + i)).000000 1 $arp"
	done >lines
	"$BATS_TEST_DIRNAME/netbsd_bus" <lines >bus
	"$dump" -G 10 -w part bus
	for i in part0 part1 part2; do
		"$pcap_hex" $i | wc -l
	done >got
	printf '%s\n' 3 2 2 | diff - got
	[ "$(ls part* | wc -l)" -eq 3 ]
	"$dump" -G 10 -W 2 -w ring bus
	cmp ring0 part2
	cmp ring1 part1
	[ "$(ls ring* | wc -l)" -eq 2 ]
}

@test "-G: a clock that is set back does not make a file last longer" {
	local i
	# Ten seconds from 1000, then an hour earlier.
	for i in 0 4 8 -3600 -3597 -3594 -3591 -3588; do
		echo "$((1000000000 + i)).000000 1 $arp"
	done >lines
	"$BATS_TEST_DIRNAME/netbsd_bus" <lines >bus
	"$dump" -G 10 -w part bus
	for i in part*; do
		"$pcap_hex" $i | wc -l
	done >got
	printf '%s\n' 4 4 | diff - got
}

@test "following: a file takes its name when it is complete, the last one too" {
	"$feed" bus
	start none "$dump" -F -C 1k -w part bus
	until_true eval '[ -n "$(find . -name ".shmif_dumpbus*")" ]'
	[ ! -e part0 ]
	"$feed" -q -r 1 -c 5 bus
	until_true test -e part0
	"$feed" -x $arp bus >sent
	"$pcap_hex" part0 >got
	kill -INT $PID
	finished $PID 0
	nothing_temporary
	"$dump" -w whole bus
	"$pcap_hex" whole >want
	all $(ls part* | sort -V) | cmp want -
}

@test "following, -G: complete when the time is over, though nothing comes" {
	"$feed" -q -x $arp bus
	start none "$dump" -F -G 1 -w part bus
	until_true test -e part0
	[ "$("$pcap_hex" part0 | wc -l)" -eq 1 ]
	nothing_temporary
	kill -INT $PID
	finished $PID 0
	[ "$(ls part*)" = part0 ]
}

@test "an empty bus gives an empty capture; a file that cannot grow none" {
	[ -z "${SHMIF_SAN-}" ] || ulimit -c 0
	"$feed" bus
	"$dump" -C 1k -w part bus
	[ "$(ls part*)" = part0 ]
	[ -z "$("$pcap_hex" part0)" ]
	"$feed" -q -r 1 -c 500 bus
	run "${cramped[@]}" "$dump" -C 1 -w big bus
	refused 1 'big0: File too large'
	nothing_temporary
	run -1 "$dump" -C 1 -w missing/big bus
	refused 1 'missing/big0: No such file or directory'
	[ -z "$(ls | grep big)" ]
	cp bus bus3
	run -1 "$dump" -C 20k -w bus bus3
	refused 1 'bus3: is the bus file itself'
	cmp bus bus3
}

@test "a big capture: how far it is, on a terminal and nowhere else" {
	local line i
	line=$(head -c 130000 /dev/zero | tr '\0' 5)
	for ((i = 0; i < 200; i++)); do
		echo "$line"
	done | "$feed" -m 65521 -s 256 -q -i bus
	run -0 script -qec "$dump -w out.pcap bus" /dev/null
	[[ $output == *'out.pcap: '*' frames, '*' MB'* ]]
	[[ $output == *$'\r''out.pcap: 200 frames, 13 MB'* ]]
	run -0 script -qec "$dump -w - bus >other.pcap" /dev/null
	[ -z "$output" ]
	cmp out.pcap other.pcap
	run --separate-stderr -0 "$dump" -w out.pcap bus
	[ -z "$stderr" ]
	# A small one needs none.
	run -0 script -qec "$dump -c 20 -w out.pcap bus" /dev/null
	[ -z "$output" ]
}
