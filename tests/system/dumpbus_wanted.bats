# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_dumpbus: the newest frames only, and those that a filter
# lets through.

load ../lib/dumpbus

# positions COMMAND... - of the lines of text that it prints
positions()
{
	"$@" | sed -n 's/.*#\([0-9]*\) from.*/\1/p' | tr '\n' ' '
}

@test "-n: the newest, in order, and no more than there are" {
	"$feed" -q -r 1 -c 9 bus
	[ "$(positions "$dump" -n 3 bus)" = "6 7 8 " ]
	[ "$(positions "$dump" --newest=1 bus)" = "8 " ]
	[ "$(positions "$dump" -n 9 bus)" = "0 1 2 3 4 5 6 7 8 " ]
	[ "$(positions "$dump" -n 18446744073709551615 bus)" = \
	    "0 1 2 3 4 5 6 7 8 " ]
	[ "$(positions "$dump" -n 5 -c 2 bus)" = "4 5 " ]
	"$dump" -n 4 -w out.pcap bus
	"$dump" -w all.pcap bus
	"$pcap_hex" all.pcap | tail -n 4 >want
	"$pcap_hex" out.pcap | diff want -
	local bad
	for bad in "-n 0" "-n x" "-n" "-f -n 3"; do
		run -2 "$dump" $bad bus
	done
}

@test "-n of a bus that has gone round" {
	seed
	"$feed" -s 64 -q -r "$SEED" -c 1000 bus
	[ "$(positions "$dump" -n 5 bus)" = "995 996 997 998 999 " ]
	[ "$("$dump" -n 100 bus | wc -l)" -eq 64 ]
}

@test "-F -n: the newest, and what comes" {
	"$feed" -q -r 1 -c 9 bus
	start text "$dump" -F -n 2 bus
	until_true lines_in text 2
	"$feed" -q -x $arp -x $arp_reply bus
	until_true lines_in text 4
	kill -INT $PID
	finished $PID 0
	[ "$(positions cat text)" = "7 8 9 10 " ]
	start text "$dump" -F -n 3 -c 4 bus
	until_true lines_in text 3
	"$feed" -q -x $arp -x $arp_reply bus
	finished $PID 0
	[ "$(positions cat text)" = "8 9 10 11 " ]
	start text "$dump" -F -n 3 -c 1 bus
	finished $PID 0
	lines_in text 1
}

@test "a filter: text, pcap, pcapng; one argument or many; counted after it" {
	"$feed" -x $arp -x $syn4 -x $arp_reply -x $udp6 -x $syn4 -x $ping4 \
	    bus >sent
	[ "$(positions "$dump" bus tcp port 80)" = "1 4 " ]
	[ "$(positions "$dump" bus 'tcp port 80')" = "1 4 " ]
	[ "$(positions "$dump" -c 1 bus tcp)" = "1 " ]
	[ "$(positions "$dump" bus -c 1 tcp or udp)" = "1 " ]
	[ "$(positions "$dump" bus arp or icmp)" = "0 2 5 " ]
	[ "$(positions "$dump" bus ip6)" = "3 " ]
	[ "$(positions "$dump" -n 1 bus tcp)" = "4 " ]
	[ "$(positions "$dump" bus ether src 02:00:00:00:00:02)" = "2 " ]
	[ "$(positions "$dump" bus less 42)" = "0 2 5 " ]
	[ -z "$(positions "$dump" bus udp port 1)" ]
	"$dump" -w out.pcap bus tcp
	sed -n '2p;5p' sent >want
	"$pcap_hex" out.pcap >got
	same_frames want got
	"$dump" -w out.pcapng --pcapng bus tcp
	tcpdump -n -r out.pcapng >got 2>err
	[ "$(wc -l <got)" -eq 2 ]
}

@test "a filter on what is followed" {
	"$feed" -q -x $arp -x $syn4 bus
	start text "$dump" -F -c 3 bus arp
	until_true lines_in text 1
	"$feed" -q -x $syn4 -x $arp_reply -x $syn4 -x $arp -x $arp bus
	finished $PID 0
	[ "$(positions cat text)" = "0 3 5 " ]
}

@test "of many frames a filter takes those that tcpdump takes" {
	seed
	"$feed" -q -r "$SEED" -c 500 bus
	"$dump" -w all.pcap bus
	tcpdump --nano -n -r all.pcap -w want.pcap 'ether[0] & 1 != 0' 2>err
	"$dump" -w out.pcap bus 'ether[0] & 1 != 0'
	"$pcap_hex" want.pcap >want
	"$pcap_hex" out.pcap | cmp want -
	[ -s want ]
	[ "$("$dump" bus 'ether[0] & 1 != 0' | wc -l)" -eq "$(wc -l <want)" ]
}

@test "a NetBSD bus: filter and newest" {
	echo "1000000000.000001 77 $arp" >lines
	echo "1000000001.000002 99 $syn4" >>lines
	echo "1000000002.000003 77 $arp" >>lines
	"$BATS_TEST_DIRNAME/netbsd_bus" <lines >bus
	[ "$(positions "$dump" bus tcp)" = "1 " ]
	[ "$(positions "$dump" -n 2 bus)" = "1 2 " ]
	[ "$(positions "$dump" -n 1 bus arp)" = "2 " ]
	[ "$(positions "$dump" -c 1 bus arp)" = "0 " ]
}

@test "a filter that makes no sense: one line, status 2, no output" {
	"$feed" -q -x $arp bus
	local filter
	for filter in "tcp port" "and and" "(" "ether[99999999999999]" \
	    "port 99999999" "tcp port 80 and"; do
		run --separate-stderr -2 "$dump" -w out.pcap bus $filter
		echo "$stderr"
		[ -z "$output" ]
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
		[[ $stderr == "shmif_dumpbus: filter: "* ]]
		[ ! -e out.pcap ]
	done
	run --separate-stderr -2 "$dump" -h bus arp
	nothing_temporary
}
