# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_dumpbus: tcpdump, tshark and capinfos read everything that
# it writes, without a warning.
#
# slow: 15

load ../lib/dumpbus

# readable FILE COUNT - all three find COUNT frames there, and no fault
readable()
{
	local n
	need tcpdump tshark capinfos
	n=$(tcpdump -n -tt --nano -r "$1" 2>err |
	    grep -cE '^[0-9]{10}\.[0-9]{9} ' || :)
	cat err
	run -1 grep -v '^reading from' err
	[ "$n" -eq "$2" ]
	# Its start takes long; capinfos reads by the same library.
	if [[ $1 == *.pcapng ]]; then
		n=$(tshark -n -r "$1" -T fields -e frame.number 2>err | wc -l)
		cat err
		run -1 grep -v '^Running as user' err
		[ "$n" -eq "$2" ]
	fi
	capinfos -M "$1" >text 2>err
	[ ! -s err ]
	run -1 grep -iE 'warn|error|cut short' text
	grep -qx "Number of packets: *$2" text
	# Frames are whole, and have the link type and the time unit they should.
	grep -qx 'File encapsulation: *ether' text
	grep -q '^File timestamp precision: *nanoseconds' text
}

# both FRAMES ARGUMENT... - as a pcap and as a pcapng
both()
{
	local n=$1
	shift
	"$dump" "$@" -w out.pcap
	readable out.pcap "$n"
	"$dump" "$@" --pcapng -w out.pcapng
	readable out.pcapng "$n"
}

@test "buses of all kinds: empty, gone round, of any MTU, with a filter" {
	seed
	local mtu
	"$feed" empty
	both 0 empty
	for mtu in 68 1500 65521; do
		rm -f bus
		"$feed" -m $mtu -s 16 -q -x "${arp:0:28}" bus
		"$feed" -q -r "$SEED" -c 100 bus
		both 16 bus
	done
	"$feed" -q -x $arp -x $syn4 -x $arp_reply mixed
	both 2 mixed arp
	both 1 -c 1 mixed
	both 1 -n 1 mixed
}

@test "a bus with a frame half-written, others' buses" {
	"$feed" -q -x $arp bus
	run "$feed" -R bus
	both 1 bus
	"$feed" -q -x $arp bus
	"$BATS_TEST_DIRNAME/swapped_bus" <bus >other
	both 2 other
	printf '1000000000.00000%d 77 %s\n' 1 $arp 2 $syn4 |
	    "$BATS_TEST_DIRNAME/netbsd_bus" >netbsd
	both 2 netbsd
}

@test "many files; one that was followed and interrupted; a pipe" {
	local file kind total
	seed
	"$feed" -q -r "$SEED" -c 60 bus
	for kind in "" --pcapng; do
		total=0
		rm -f part*
		"$dump" $kind -C 20k -w part bus
		for file in part*; do
			run -0 capinfos -Mrc $file
			total=$((total + $(tr -dc 0-9 <<<"${output##*:}")))
		done
		# It takes its time: the last of them stands for all.
		readable $file $(tr -dc 0-9 <<<"${output##*:}")
		[ $total -eq 60 ]
		# Else the former one's would be taken for it, before it runs.
		rm -f followed
		start none "$dump" -F $kind -w followed bus
		until_true eval '[ "$(capinfos -Mrc followed 2>&1 |
		    grep -c 60$)" -eq 1 ]'
		kill -INT $PID
		finished $PID 0
		readable followed 60
		"$dump" $kind -w - bus | cat >piped
		readable piped 60
	done
}
