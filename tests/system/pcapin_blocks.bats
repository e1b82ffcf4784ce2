# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_pcapin: a pcapng is read block by block, whatever its
# sections and interfaces are like, and nothing in it is trusted.
#
# slow: 5

load ../lib/dumpbus

setup_file()
{
	export IN=${BUILD:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)/build}
	IN=$IN/bin/shmif_pcapin
	export CAPTURES=$BATS_TEST_DIRNAME/captures
}

@test "captures that are good, cut, or lie" {
	need python3
	run -0 "$CAPTURES" make files
	[ "$output" -ge 70 ]
	run -0 "$CAPTURES" check files "$IN" "$dump"
}

@test "tshark and capinfos find what was sent" {
	need python3 tshark capinfos mergecap
	"$CAPTURES" make files
	cd files
	local name
	# In these all is on the bus.
	for name in plain-little plain-big snaplens-big kinds-little orders \
	    unknown-blocks resolution-09 fcs-flags-'<' snaplen-3c; do
		rm -f bus
		"$IN" "$name" bus
		echo "$name $("$dump" bus | wc -l)"
		capinfos -T -r -c "$name" | awk '{ print $1, $2 }' >&7
	done >ours 7>theirs
	diff ours theirs
	rm bus
	mergecap -w all plain-little snaplens-big kinds-big orders
	"$IN" all bus
	"$dump" -w - bus | "$pcap_hex" /dev/stdin | cut -d ' ' -f 2 >got
	tshark -n -r all -T fields -e frame.len -e frame.cap_len >lengths
	awk '{ print length($0) / 2 "\t" length($0) / 2 }' got |
	    diff - lengths
}

@test "what mergecap makes of dumps of an MTU of 1500 and one of 9000" {
	need mergecap
	"$feed" -q -x "$arp" small
	"$feed" -q -x "$syn4" small
	"$dump" --pcapng -w small.pcapng small
	"$dump" -w small.pcap small
	"$IN" -m 9000 small.pcap large
	"$dump" --pcapng -w large.pcapng large
	mergecap -w both.pcapng small.pcapng large.pcapng
	run -0 "$IN" both.pcapng bus
	[ -z "$output" ]
	[ "$("$dump" bus | wc -l)" -eq 4 ]
}

@test "a follower of a pipe gets the frames of all sections at once" {
	need python3
	"$CAPTURES" make files
	mkfifo pipe
	exec 7<>pipe
	INPUT=pipe start said "$IN" - bus
	cat files/plain-little >&7
	until_true [ -s bus ]
	until_true eval '[ "$("$dump" bus | wc -l)" -eq 2 ]'
	cat files/plain-big >&7
	until_true eval '[ "$("$dump" bus | wc -l)" -eq 4 ]'
	kill -INT "$PID"
	finished "$PID" 0
	[ ! -s said.err ]
	exec 7>&-
}

@test "with a bus that is there, what has no Ethernet is refused as well" {
	need python3
	"$CAPTURES" make files
	"$feed" -q -x "$arp" bus
	run -1 "$IN" files/no-ethernet bus
	refused 1 'not a capture of Ethernet frames'
	run -0 "$IN" files/no-packets bus
	[ -z "$output" ]
	run -0 "$IN" -v files/links-big bus
	[[ $output == *"2 packets left out: not of link type Ethernet"* ]]
	[[ $output == *"bus: 2 frames, "* ]]
	# And counted at each turn.
	run -0 "$IN" -l -c 6 files/links-big bus
	[[ $output == *"6 packets left out: not of link"* ]] ||
	    [[ $output == *"5 packets left out: not of link"* ]]
}
