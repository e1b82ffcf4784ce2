# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_dumpbus --pcapng: each frame says who sent it, and the
# tools of the trade read it without a word.

load ../lib/dumpbus

# fields FILE FIELD... - of each frame, separated by |
fields()
{
	local file=$1 args=() f
	shift
	for f; do
		args+=(-e "$f")
	done
	tshark -n -r "$file" -T fields -E separator='|' "${args[@]}" 2>tshark.err
	# It warns of root on standard error.
	! grep -v '^Running as user' tshark.err
}

# The blocks of a pcapng, a line each: type, and what options it has; fails
# when their lengths do not agree.
blocks()
{
	perl -e '
		local $/; my $d = <>; my $at = 0;
		while ($at < length $d) {
			my ($type, $n) = unpack "LL", substr $d, $at, 8;
			die "length $n at $at\n" if $n < 12 || $n % 4 ||
			    $at + $n > length $d ||
			    unpack("L", substr $d, $at + $n - 4, 4) != $n;
			my $body = substr $d, $at + 8, $n - 12;
			my $skip = $type == 1 ? 8 : $type == 5 ? 12 : 0;
			my $line = $type == 0x0a0d0d0a ? "section" :
			    $type == 1 ? "interface" : $type == 5 ? "stats" :
			    $type == 6 ? "packet" : "type $type";
			if ($skip) {
				my $o = substr $body, $skip;
				while (length $o >= 4) {
					my ($c, $l) = unpack "SS", $o;
					last if $c == 0;
					my $v = substr $o, 4, $l;
					$line .= " $c=" . ($c == 5 ?
					    unpack("Q", $v) : $c == 6 || $c == 9 ?
					    unpack("H*", $v) : $v);
					$o = substr $o, 4 + ($l + 3 & ~3);
				}
			} elsif ($type == 6) {
				$line .= " " . unpack "L", $body;
			}
			print "$line\n";
			$at += $n;
		}' "$1"
}

two_senders()
{
	start a "$feed" -a 02:00:00:00:00:0a -n alpha -x $arp -k bus
	until_true grep -q ready a
	start b "$feed" -a 02:00:00:00:00:0b -n beta -x $arp_reply -x $syn4 \
	    -k bus
	until_true grep -q ready b
}

@test "an interface for each sender, with name and address, before its frames" {
	two_senders
	run --separate-stderr -0 "$dump" bus -w out.pcapng --pcapng
	[ -z "$output$stderr" ]
	blocks out.pcapng >got
	cat >want <<-END
	section
	interface 2=bus 3=the bus 9=09
	interface 2=alpha 3=attachment 0 6=02000000000a 9=09
	packet 1
	interface 2=beta 3=attachment 1 6=02000000000b 9=09
	packet 2
	packet 2
	stats 5=0
	END
	diff want got
	nothing_temporary
}

@test "a bus's name stays UTF-8; what is none, and controls, are question marks" {
	local name=$'Gr\xc3\xb6\xc3\x9fe \xe6\xa9\x8b' bad=$'a\xffb\xc2\x9bc\x1bd\xe6\xa9'
	"$feed" -q -x $arp "$name"
	"$dump" "$name" -w out.pcapng --pcapng
	blocks out.pcapng >got
	grep -q "^interface 2=$name 3=the bus" got
	mv "$name" "$bad"
	"$dump" "$bad" -w out.pcapng --pcapng
	blocks out.pcapng >got
	grep -qF 'interface 2=a?b?c?d?? 3=the bus' got
}

@test "tshark says who sent each frame, and when; capinfos and tcpdump read it" {
	need tshark capinfos tcpdump
	seed
	two_senders
	"$feed" -q -r "$SEED" -c 300 bus
	"$dump" --pcapng -w out.pcapng bus
	"$dump" -w out.pcap bus
	fields out.pcapng frame.time_epoch frame.interface_name \
	    frame.interface_id frame.len >got
	[ "$(wc -l <got)" -eq 303 ]
	[[ $(sed -n 1p got) == *'|alpha|1|42' ]]
	[[ $(sed -n 2p got) == *'|beta|2|42' ]]
	[[ $(sed -n 3p got) == *'|beta|2|54' ]]
	cut -d '|' -f 1 got | tr -d . >times
	"$pcap_hex" out.pcap | cut -d ' ' -f 1 | diff - times
	run -0 capinfos -M out.pcapng
	[[ $output == *'Number of packets:   303'* ]]
	[[ $output != *[Ww]arn* ]]
	[[ $output != *rror* ]]
	tcpdump -n -r out.pcapng >text 2>err
	tcpdump -n -r out.pcap >want 2>/dev/null
	diff want text
	# "reading from file" and nothing else
	[ "$(grep -vc '^reading from' err)" -eq 0 ]
}

@test "every length: the same frames as in a pcap" {
	need tshark
	local n
	for ((n = 14; n < 90; n++)); do
		printf '%*s\n' $((2 * n)) '' | tr ' ' 5
	done | "$feed" -q -i bus
	"$dump" --pcapng -w out.pcapng bus
	tshark -n -r out.pcapng -F nsecpcap -w back.pcap
	"$dump" -w out.pcap bus
	"$pcap_hex" out.pcap >want
	"$pcap_hex" back.pcap | diff want -
	[ "$(wc -l <want)" -eq 76 ]
}

@test "a number that is somebody else's by now; one of whom nothing is left" {
	start a "$feed" -n alpha -a 02:00:00:00:00:0a -x $arp -k bus
	first=$PID
	until_true grep -q ready a
	start none "$dump" -f --pcapng -w out.pcapng bus
	dumper=$PID
	until_true test -s out.pcapng
	"$feed" -n brief -a 02:00:00:00:00:0b -x $arp bus
	kill -KILL $first
	wait $first || :
	start b "$feed" -n gamma -a 02:00:00:00:00:0c -x $syn4 -k bus
	until_true grep -q ready b
	# Both frames: the header alone has 120 bytes or so.
	until_true eval '[ "$(blocks out.pcapng | grep -c packet)" -ge 2 ]'
	kill -INT $dumper
	finished $dumper 0
	blocks out.pcapng >got
	cat got
	# What was there before is not for -f.
	[ "$(grep -c ^packet got)" -eq 2 ]
	grep -qx 'interface 2=gamma 3=attachment 0 6=02000000000c 9=09' got
	# The others are not gamma for one who comes later.
	"$dump" --pcapng -w late.pcapng bus
	blocks late.pcapng >late
	cat late
	[ "$(grep -c ^packet late)" -eq 3 ]
	[ "$(sed -n 3p late)" = 'interface 2=attachment 0 3=attachment 0 9=09' ]
	[ "$(grep -c gamma late)" -eq 1 ]
	[ "$(tail -n 2 late | head -n 1)" = "packet 3" ]
}

@test "what was lost is in the statistics" {
	local dumper last
	seed
	mkfifo pipe
	"$feed" -s 16 bus
	exec 7<>pipe
	start none "$dump" -f --pcapng -w pipe bus
	dumper=$PID
	dd bs=28 count=1 status=none <&7 >head
	kill -STOP $dumper
	"$feed" -q -r "$SEED" -c 5000 bus 7>&-
	kill -CONT $dumper
	"$feed" -q -x $arp bus 7>&-
	exec 8<pipe 7>&-
	cat head - <&8 >out.pcapng 2>/dev/null 3>&- &
	PIDS="$PIDS $!"
	exec 8<&-
	# The last frame is the only one of an attachment that is read.
	until_true eval '[ "$(tail -c 64 out.pcapng | od -An -tx1 | tr -d " \n" |
	    grep -c 0a000001)" -eq 1 ]'
	kill -INT $dumper
	finished $dumper 0
	wait $!
	cat none.err
	[[ $(<none.err) =~ :\ ([0-9]+)\ frames\ lost ]]
	blocks out.pcapng >got
	[ "$(tail -n 1 got)" = "stats 5=${BASH_REMATCH[1]}" ]
	[ $((BASH_REMATCH[1] + $(grep -c ^packet got))) -eq 5001 ]
}

@test "live: tshark shows a frame as soon as it is sent" {
	need tshark
	mkfifo pipe
	"$feed" bus
	start pipe "$dump" -F -w - --pcapng bus
	dumper=$PID
	start text tshark -l -n -r pipe -T fields -e frame.interface_name \
	    -e arp.opcode
	reader=$PID
	start a "$feed" -n alpha -x $arp -k bus
	until_true grep -q 'alpha.*1' text
	"$feed" -n beta -x $arp_reply bus
	until_true grep -q '2$' text
	kill -INT $dumper
	finished $dumper 0
	finished $reader 0
}

@test "an empty bus, a NetBSD bus" {
	need tshark tcpdump capinfos
	"$feed" bus
	"$dump" --pcapng -w out.pcapng bus
	[ "$(blocks out.pcapng | tr '\n' ' ')" = \
	    'section interface 2=bus 3=the bus 9=09 stats 5=0 ' ]
	tcpdump -n -r out.pcapng
	capinfos out.pcapng
	echo "1000000000.000001 77 $arp" >lines
	echo "1000000001.000002 99 $arp_reply" >>lines
	"$BATS_TEST_DIRNAME/netbsd_bus" <lines >other
	"$dump" --pcapng -w out.pcapng other
	fields out.pcapng frame.interface_name >got
	printf '%s\n' 000000000000004d 0000000000000063 | diff - got
}

@test "--pcapng without a file; a terminal is spared" {
	"$feed" -q -x $arp bus
	run -2 "$dump" --pcapng bus
	refused 2 'goes with -w'
	run -2 "$dump" --pcapng -h bus
	run -1 script -qec "$dump -w - --pcapng bus" /dev/null
	refused 1 "is a terminal"
}
