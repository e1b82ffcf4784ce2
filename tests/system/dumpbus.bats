# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_dumpbus: what it shows and writes is what was sent,
# whatever the state of the bus, and reading disturbs nobody.
#
# slow: 10

load ../lib/dumpbus

@test "--help and --version" {
	run -0 "$dump" --help
	[[ ${lines[0]} == "usage: shmif_dumpbus "* ]]
	run -0 "$dump" --version
	[[ $output =~ ^shmif_dumpbus\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	run -0 "$dump" -V
	[[ $output =~ ^shmif_dumpbus\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "the man page has the options that --help has, and no other" {
	"$dump" --help | grep -oE '^ +-.*' |
	    grep -oE '(^|[ ,])--?[A-Za-z]+' | tr -d ' ,' | sort -u >help
	sed -n 's/^\.It \(Fl .*\)/\1/p' "$TOP/man1/shmif_dumpbus.1" |
	    grep -oE 'Fl -?[A-Za-z]+' | sed 's/Fl /-/' | sort -u >man
	cat help
	[ "$(wc -l <help)" -ge 11 ]
	diff help man
}

@test "a command line that makes no sense: status 2, a message, no output" {
	"$feed" -q -c 1 bus
	local args
	for args in "" "bus bus" "-c" "-c 0 bus" "-c x bus" "-c -1 bus" \
	    "-c 1x bus" "-c 99999999999999999999 bus" "-w a -w b bus" \
	    "-w a -p b bus" "-h -w a bus" "-h -f bus" "-h -c 1 bus" \
	    "-x bus" "--nonsense bus" "-w"; do
		run --separate-stderr -2 "$dump" $args
		[ -z "$output" ]
		[[ $stderr == shmif_dumpbus:* ]]
	done
	[ "$(ls)" = bus ]
}

@test "lines of text say when, where, who and what" {
	"$feed" -x $arp -x $arp_reply -x $syn4 -x $short4 -x $fragment4 \
	    -x $ping4 -x $vlan -x $udp6 -x $ns6 -x $llc -x $garbage4 \
	    -x $long4 -x $liar4 bus
	run -0 "$dump" bus
	# The date is the local one, the time has nine digits.
	local line
	for line in "${lines[@]}"; do
		[[ $line =~ ^20[0-9-]{8}\ [0-9:]{8}\.[0-9]{9}\ \# ]]
	done
	printf '%s\n' "${lines[@]}" | sed 's/^[^#]*#//' >got
	m1=02:00:00:00:00:01 m2=02:00:00:00:00:02
	cat >want <<-END
	0 from 0 $m1 > ff:ff:ff:ff:ff:ff, ARP (0x0806), length 42: who-has 10.0.0.2 tell 10.0.0.1
	1 from 0 $m2 > $m1, ARP (0x0806), length 42: 10.0.0.2 is-at $m2
	2 from 0 $m1 > $m2, IPv4 (0x0800), length 54: 192.0.2.1.1025 > 192.0.2.2.80: TCP [S]
	3 from 0 $m1 > $m2, IPv4 (0x0800), length 37: 192.0.2.1 > 192.0.2.2: TCP
	4 from 0 $m1 > $m2, IPv4 (0x0800), length 42: 192.0.2.1 > 192.0.2.2: UDP fragment at 1480
	5 from 0 $m1 > $m2, IPv4 (0x0800), length 42: 192.0.2.1 > 192.0.2.2: ICMP echo request
	6 from 0 $m1 > $m2, vlan 7, IPv4 (0x0800), length 46: 192.0.2.1 > 192.0.2.2: ICMP echo request
	7 from 0 $m1 > 33:33:00:00:00:01, IPv6 (0x86dd), length 62: fe80::1.53 > ff02::1.54: UDP
	8 from 0 $m1 > 33:33:ff:00:00:02, IPv6 (0x86dd), length 78: fe80::1 > ff02::1:ff00:2: ICMP6 neighbor solicitation
	9 from 0 $m1 > 01:80:c2:00:00:00, 802.3 (0x0026), length 17
	10 from 0 $m1 > ff:ff:ff:ff:ff:ff, IPv4 (0x0800), length 17
	11 from 0 $m1 > $m2, IPv4 (0x0800), length 15
	12 from 0 $m1 > $m2, IPv4 (0x0800), length 34: 192.0.2.1 > 192.0.2.2: TCP
	END
	diff want got
}

@test "a pcap holds what was sent: bytes, order, nanoseconds" {
	seed
	"$feed" -r "$SEED" -c 700 -x $arp bus >sent
	run -0 "$dump" bus -w out.pcap
	[ -z "$output" ]
	"$pcap_hex" out.pcap >got
	same_frames sent got
	[ "$("$pcap_hex" -H out.pcap)" -eq 1518 ]
	nothing_temporary
}

@test "tcpdump reads the pcap, and sees the same times and frames" {
	seed
	"$feed" -r "$SEED" -c 100 bus >sent
	"$dump" bus -w out.pcap
	TZ=UTC tcpdump -tt --nano -n -r out.pcap 2>/dev/null |
	    grep -oE '^[0-9]{10}\.[0-9]{9}' | tr -d . >times
	"$pcap_hex" out.pcap | cut -d ' ' -f 1 | diff - times
	[ "$(wc -l <times)" -eq 100 ]
}

@test "the shortest and the longest frames, of every size of bus" {
	local mtu max
	for mtu in 68 1500 9000 65521; do
		max=$(printf '%*s' $((2 * (mtu + 18))) '' | tr ' ' 7)
		printf '%s\n' "${arp:0:28}" "$max" |
		    "$feed" -m $mtu -s 16 -i bus.$mtu >sent
		lines_in sent 2
		"$dump" -w out.pcap bus.$mtu
		"$pcap_hex" out.pcap >got
		same_frames sent got
		[ "$("$pcap_hex" -H out.pcap)" -eq $((mtu + 18)) ]
	done
}

@test "when the bus has gone round: the last lap, in order" {
	seed
	"$feed" -s 64 -r "$SEED" -c 1000 bus >sent
	run --separate-stderr -0 "$dump" bus -w out.pcap
	[ -z "$stderr" ]
	"$pcap_hex" out.pcap >got
	tail -n 64 sent >last
	same_frames last got
	"$dump" bus | grep -oE '#[0-9]+' | tr -d '#' >positions
	seq 936 999 | diff - positions
}

@test "options before and after the file, long and short, -p as -w" {
	"$feed" -q -r 1 -c 9 bus
	"$dump" -w 1 -c 5 bus
	"$dump" bus -w 2 -c 5
	"$dump" -c 5 bus -p 3
	"$dump" --count=5 bus --write=4
	"$dump" --count 5 --write 5 -- bus
	"$pcap_hex" 1 >hex
	[ "$(wc -l <hex)" -eq 5 ]
	local i
	for i in 2 3 4 5; do
		cmp 1 $i
	done
	run -0 "$dump" -c 3 bus
	[ "${#lines[@]}" -eq 3 ]
	run -0 "$dump" -c 30 bus
	[ "${#lines[@]}" -eq 9 ]
}

@test "-w - is standard output, for tcpdump for one" {
	"$feed" -x $arp -x $arp_reply bus >sent
	"$dump" bus -w - | "$pcap_hex" >got
	same_frames sent got
	"$dump" -w - bus | tcpdump -n -r - >text 2>/dev/null
	grep -q 'who-has 10.0.0.2 tell 10.0.0.1' text
	grep -q '10.0.0.2 is-at 02:00:00:00:00:02' text
	[ ! -e ./- ]
}

@test "a terminal is spared" {
	"$feed" -q -c 1 bus
	run -1 script -qec "$dump -w - bus" /dev/null
	refused 1 "is a terminal"
	[[ $output != *$'\xd4'* ]]
	run -1 script -qec "$dump -w /dev/tty bus" /dev/null
	refused 1 "is a terminal"
	run -0 script -qec "$dump bus" /dev/null
}

@test "an empty bus gives an empty pcap" {
	"$feed" bus
	run -0 "$dump" bus
	[ -z "$output" ]
	"$dump" bus -w out.pcap
	[ -z "$("$pcap_hex" out.pcap)" ]
	[ "$(stat -c %s out.pcap)" -eq 24 ]
}

@test "-h: the bus, and who is attached" {
	local now
	now=$(date +%s)
	start a "$feed" -a 02:00:00:00:00:0a -n alpha -m 9000 -s 32 \
	    -x $arp -x $arp -k bus
	alpha=$PID
	until_true grep -q ready a
	start b "$feed" -a 02:00:00:00:00:0b -n beta -x $syn4 -k bus
	beta=$PID
	until_true grep -q ready b
	chmod 640 bus
	run -0 "$dump" -h bus
	echo "$output"
	grep -qx 'version   2' <<<"$output"
	grep -qxE 'id        [0-9a-f]{16}' <<<"$output"
	grep -qx 'mtu       9000' <<<"$output"
	grep -qx 'frame     at most 9018 bytes' <<<"$output"
	grep -qx 'slots     32' <<<"$output"
	grep -qx 'mode      0640' <<<"$output"
	grep -qx "size      $(stat -c %s bus) bytes" <<<"$output"
	grep -qx 'tail      3' <<<"$output"
	grep -qx 'attached  2' <<<"$output"
	grep -qxE " *0 +02:00:00:00:00:0a +alive +pid $alpha +name alpha" \
	    <<<"$output"
	grep -qxE " *1 +02:00:00:00:00:0b +alive +pid $beta +name beta" \
	    <<<"$output"
	grep -qE '^ +sent 2 frames, 84 bytes, 0 failed' <<<"$output"
	grep -qE '^ +sent 1 frames, 54 bytes, 0 failed' <<<"$output"
	created=$(sed -n 's/^created   //p' <<<"$output")
	[ "$(date -d "$created" +%s)" -ge "$now" ]
	[ "$(date -d "$created" +%s)" -le "$(date +%s)" ]
	# Those who are killed are dead, and still there to be seen.
	kill -KILL $alpha
	wait $alpha || :
	run -0 "$dump" -h bus
	echo "$output"
	grep -qE '02:00:00:00:00:0a +dead .* name alpha' <<<"$output"
	grep -qE '02:00:00:00:00:0b +alive .* name beta' <<<"$output"
	# It agrees when asked in the long form, and takes no attachment.
	[ "$("$dump" --header bus)" = "$output" ]
}

@test "nothing from the file reaches the terminal as a control character" {
	seed
	start a "$feed" -n $'\e[2J\a\x80\xff\n' -r "$SEED" -c 300 -k bus
	until_true grep -q ready a
	"$dump" bus >text
	"$dump" -h bus >header
	[ "$(wc -l <text)" -eq 300 ]
	cat text header | LC_ALL=C tr -d '\n -~' >control
	[ ! -s control ]
}

@test "a bus in use by one who never stops sending" {
	start a "$feed" -s 256 -F bus
	until_true grep -q ready a
	local i
	for i in 1 2 3; do
		run --separate-stderr -0 "$dump" bus -w out.pcap
		echo "$stderr"
		# A writer that got no time to run may not have finished.
		[ -z "$(grep -vE 'lost: the bus was faster$|1 frame not whole: ' \
		    <<<"$stderr")" ]
		"$pcap_hex" out.pcap >got
		[ "$(wc -l <got)" -le 256 ]
		# One lap of positions, from the oldest to the tail at the start.
		# (It may have lost them all, when it got no time to run.)
		"$dump" bus 2>/dev/null | sed -n 's/.*#\([0-9]*\) .*/\1/p' >lap
		[ ! -s lap ] ||
			[ $(($(tail -n 1 lap) - $(head -n 1 lap))) -lt 256 ]
		run --separate-stderr -0 "$dump" -F -c 20000 bus
		grep -oE '#[0-9]+' <<<"$output" | tr -d '#' >positions
		[ "$(wc -l <positions)" -eq 20000 ]
		sort -n -u -c positions
	done
}

@test "left behind by processes that were killed" {
	seed
	start sent "$feed" -r "$SEED" -c 50 -k bus
	until_true grep -q ready sent
	kill -KILL "$PID"
	wait "$PID" || :
	"$dump" bus -w out.pcap
	"$pcap_hex" out.pcap >got
	grep -v ready sent >frames
	same_frames frames got
}

@test "left behind by one that was killed with a frame half-written" {
	local text="shmif_dumpbus: bus: 1 frame not whole: \
the writer did not finish"
	mkfifo lines
	INPUT=lines start sent "$feed" -x $arp -i bus
	feeder=$PID
	exec 7>lines
	until_true lines_in sent 1
	run "$feed" -R bus 7>&-
	[ "$status" -eq 137 ]
	run --separate-stderr -0 "$dump" bus -w out.pcap
	[ "$stderr" = "$text" ]
	printf '%s\n' $syn4 $arp_reply >&7
	until_true lines_in sent 3
	exec 7>&-
	finished $feeder 0
	run --separate-stderr -0 "$dump" bus -w out.pcap
	[ "$stderr" = "$text" ]
	"$pcap_hex" out.pcap >got
	same_frames sent got
	# Twice the same: reading changed nothing.
	run --separate-stderr -0 "$dump" bus -w again.pcap
	[ "$stderr" = "$text" ]
	cmp out.pcap again.pcap
	# Followed from the oldest on, too; from now on it is not to be seen.
	start none "$dump" -F -c 3 -w out.pcap bus
	finished $PID 0
	grep -qx "$text" none.err
	start text "$dump" -f -c 1 bus
	until_true eval '"$feed" -q -x $arp bus && [ -s text ]'
	finished $PID 0
	[ ! -s text.err ]
	# The next one to have its number, 1, clears up.
	start a "$feed" -k bus
	until_true grep -q ready a
	"$feed" -q bus
	run --separate-stderr -0 "$dump" bus
	[ -z "$stderr" ]
}

@test "-F goes on with new frames, until SIGINT, SIGTERM or SIGHUP" {
	local sig text pcap feeder
	mkfifo lines
	for sig in INT TERM HUP; do
		rm -f bus out.pcap
		"$feed" -x $arp bus >sent
		start text "$dump" -F bus
		text=$PID
		start none "$dump" bus --follow-all -w out.pcap
		pcap=$PID
		INPUT=lines start more "$feed" -i bus
		feeder=$PID
		exec 7>lines
		until_true lines_in text 1
		echo $arp_reply >&7
		until_true lines_in text 2
		echo $syn4 >&7
		until_true lines_in text 3
		exec 7>&-
		finished $feeder 0
		until_true frames_in out.pcap 3
		kill -$sig $text $pcap
		finished $text 0
		finished $pcap 0
		[ ! -s text.err ]
		[ ! -s none.err ]
		cat sent more >all
		"$pcap_hex" out.pcap >got
		same_frames all got
	done
}

@test "-f begins with what is sent from now on, -F with what is there" {
	"$feed" -x $arp -x $arp bus >old
	start none "$dump" -f -w new.pcap bus
	new=$PID
	start none "$dump" -F -w all.pcap bus
	all=$PID
	until_true test -s new.pcap
	"$feed" -x $arp_reply -x $syn4 bus >sent
	until_true frames_in new.pcap 2
	until_true frames_in all.pcap 4
	kill -INT $new $all
	finished $new 0
	finished $all 0
	"$pcap_hex" new.pcap >got
	same_frames sent got
	cat old sent >both
	"$pcap_hex" all.pcap >got
	same_frames both got
}

grown_to()
{
	[ "$(stat -c %s out.pcap)" -ge "$1" ]
}

@test "-f, interrupted: what was sent before is there, of full slots all" {
	local dumper i
	"$feed" -x $arp bus >/dev/null
	start none "$dump" -f -w out.pcap bus
	dumper=$PID
	until_true test -s out.pcap
	kill -STOP $dumper
	"$feed" -c 500 bus >sent
	for ((i = 0; i < 64; i++)); do echo $arp; done >lines
	"$feed" -i -b bus <lines
	kill -INT $dumper
	kill -CONT $dumper
	finished $dumper 0
	[ ! -s none.err ]
	"$pcap_hex" out.pcap >all
	[ "$(wc -l <all)" -eq 564 ]
	head -n 500 all >got
	same_frames sent got
}

@test "-f, interrupted: lost are also those of whom nothing came later" {
	local dumper
	"$feed" -s 16 -x $arp bus >/dev/null
	start none "$dump" -f -w out.pcap bus
	dumper=$PID
	until_true test -s out.pcap
	kill -STOP $dumper
	start early "$feed" -c 5 -k bus
	until_true grep -q ready early
	"$feed" -q -c 100 bus
	kill -INT $dumper
	kill -CONT $dumper
	finished $dumper 0
	cat none.err
	[[ $(<none.err) =~ :\ ([0-9]+)\ frames\ lost:\  ]]
	[ $((BASH_REMATCH[1] + $("$pcap_hex" out.pcap | wc -l))) -eq 105 ]
}

@test "-f of a flood of 64 B: it loses, counts exactly, and stays alive" {
	local dumper flood size i sent
	for ((i = 0; i < 1000; i++)); do
		printf '1.0 ffffffffffff02000000000188b5%0100d\n' $i
	done >lines
	"$TOP/tests/system/pcap_make" <lines >in.pcap
	"$feed" -s 64 -x $arp bus >/dev/null
	start none "$dump" -f -w out.pcap bus
	dumper=$PID
	until_true test -s out.pcap
	start flood "$BUILD/bin/shmif_pcapin" -v -l in.pcap bus
	flood=$PID
	until_true grown_to 100000
	kill -STOP $dumper
	sleep 0.1 # it will have lost some
	kill -CONT $dumper
	size=$(stat -c %s out.pcap)
	until_true grown_to $((size + 100000))
	kill -TERM $flood
	finished $flood 0
	kill -INT $dumper
	finished $dumper 0
	cat flood.err none.err
	[[ $(<flood.err) =~ bus:\ ([0-9]+)\ frames, ]]
	sent=${BASH_REMATCH[1]}
	[[ $(<none.err) =~ :\ ([0-9]+)\ frames\ lost:\  ]]
	[ $((BASH_REMATCH[1] + ($(stat -c %s out.pcap) - 24) / 80)) -eq $sent ]
}

@test "-F -c ends by itself" {
	"$feed" -x $arp bus >sent
	start none "$dump" -F -c 3 -w out.pcap bus
	dumper=$PID
	until_true frames_in out.pcap 1
	"$feed" -x $syn4 -x $arp_reply -x $arp bus >>sent
	finished $dumper 0
	head -n 3 sent >three
	"$pcap_hex" out.pcap >got
	same_frames three got
}

@test "-F -w - | tcpdump -r -: frames come through at once" {
	local dumper reader
	mkfifo pipe
	"$feed" -x $arp bus
	start pipe "$dump" -F -w - bus
	dumper=$PID
	start text tcpdump -l -n -r pipe
	reader=$PID
	until_true grep -q 'who-has 10.0.0.2' text
	"$feed" -x $arp_reply bus
	until_true grep -q 'is-at' text
	kill -INT $dumper
	finished $dumper 0
	finished $reader 0
}

@test "what was lost is reported, and received + lost = sent" {
	local dumper last
	seed
	mkfifo pipe
	"$feed" -s 16 bus
	exec 7<>pipe
	start none "$dump" -f -w pipe bus
	dumper=$PID
	# It is attached when the pcap's header is here.
	dd bs=24 count=1 status=none <&7 >head
	kill -STOP $dumper
	"$feed" -q -r "$SEED" -c 5000 bus 7>&-
	kill -CONT $dumper
	last=$("$feed" -x $arp bus 7>&-)
	exec 8<pipe 7>&-
	cat head - <&8 2>/dev/null | "$pcap_hex" >got 3>&- &
	PIDS="$PIDS $!"
	exec 8<&-
	until_true grep -q "${last##* }" got
	kill -INT $dumper
	finished $dumper 0
	wait $!
	cat none.err
	[[ $(<none.err) =~ :\ ([0-9]+)\ frames\ lost:\ the\ bus\ was\ faster$ ]]
	[ $((BASH_REMATCH[1] + $(wc -l <got))) -eq 5001 ]
}

@test "read permission is enough, and nothing is changed" {
	reader_folder
	cd "$READER"
	"$feed" -q -r 1 -c 20 bus
	"$feed" -q -x $arp bus
	chmod 444 bus
	cp bus before
	chmod 600 before
	"${as_reader[@]}" "$dump" bus -w - >out.pcap
	"${as_reader[@]}" "$dump" bus >text
	"${as_reader[@]}" "$dump" -h bus >header
	"$pcap_hex" out.pcap >got
	[ "$(wc -l <got)" -eq 21 ]
	[ "$(wc -l <text)" -eq 21 ]
	grep -qx 'tail      21' header
	cmp bus before
}

@test "one who may only read follows a bus in use, and tells the living" {
	reader_folder
	cd "$READER"
	start a "$feed" -k -n alpha -x $arp bus
	until_true grep -q ready a
	chmod 444 bus
	"${as_reader[@]}" "$dump" -h bus >header
	cat header
	grep -qE ' alive .* name alpha' header
	start text "${as_reader[@]}" "$dump" -F -c 2 bus
	until_true lines_in text 1
	chmod 644 bus
	# Whoever owns the bus may still send.
	"$feed" -x $arp_reply bus
	finished $PID 0
	lines_in text 2
}

@test "no permission" {
	reader_folder
	cd "$READER"
	"$feed" -q -x $arp bus
	chmod 000 bus
	run "${as_reader[@]}" "$dump" bus
	refused 1 "shmif_dumpbus: bus: Permission denied"
}
