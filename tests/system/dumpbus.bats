# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_dumpbus: what it writes is what was sent, whatever the
# state of the bus; what it cannot do it says, and leaves nothing behind.

bats_require_minimum_version 1.5.0

setup()
{
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	BUILD=${BUILD:-$TOP/build}
	dump=$BUILD/bin/shmif_dumpbus
	feed=$BUILD/tests/system/busfeed
	pcap_hex=$TOP/tests/system/pcap_hex
	# bats keeps files of its own in the folder above.
	mkdir "$BATS_TEST_TMPDIR/here" && cd "$BATS_TEST_TMPDIR/here" || return
	PIDS=
	READER=
}

# Ends what the test started, by number; it is nobody else's.
teardown()
{
	local pid
	for pid in $PIDS; do
		kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || :
	done
	[ -z "$READER" ] || rm -rf "$READER"
}

# start OUTPUT COMMAND... - runs it in the background; its number is in $PID.
# What it reads is the file INPUT, where that is set.
start()
{
	local output=$1
	shift
	"$@" >"$output" 2>"$output.err" <"${INPUT:-/dev/null}" 3>&- 7>&- &
	PID=$!
	PIDS="$PIDS $PID"
}

# until_true COMMAND... - waits for it to succeed; gives up after a minute,
# which is no limit that a working program comes near.
until_true()
{
	local i
	for ((i = 0; i < 1200; i++)); do
		"$@" && return
		sleep 0.05
	done
	echo "waited in vain for: $*"
	return 1
}

# finished PID STATUS - waits for a child that has to end with STATUS.
finished()
{
	local status=0
	wait "$1" || status=$?
	echo "status $status"
	[ "$status" -eq "$2" ]
}

lines_in() # FILE COUNT
{
	[ "$(wc -l <"$1")" -ge "$2" ]
}

# A program that was ended by a signal, or by a sanitizer, gives more.
refused() # STATUS TEXT
{
	echo "status $status: $output"
	[ "$status" -eq "$1" ]
	[[ $output == *"$2"* ]]
}

# same_frames SENT GOT - GOT, as pcap_hex prints it, is what busfeed said it
# SENT, in its order, and each time lies between before and after.
same_frames()
{
	[ "$(wc -l <"$1")" -eq "$(wc -l <"$2")" ]
	paste -d ' ' "$1" "$2" >pairs
	awk '$3 != $5 { print "differs: frame " NR; exit 1 }
	    $4 < $1 || $4 > $2 { print "time of frame " NR; exit 1 }' pairs
}

nothing_temporary()
{
	local left
	left=$(find . -name '.shmif_dumpbus*')
	echo "left: $left"
	[ -z "$left" ]
}

# What runs a command as one who may only read: an unprivileged user.  Not a
# function: in the background that would be a shell more, and the command not
# the child that is killed in the end.
as_reader=()
if [ "$(id -u)" = 0 ]; then
	as_reader=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
# What lets a command write no more than 64 KiB to any file.
cramped=(bash -c 'ulimit -f 64; exec "$@"' cramped)

# A folder and programs that this user comes to.
reader_folder()
{
	READER=$(mktemp -d "${TMPDIR:-/tmp}/dumpbus.XXXXXX")
	chmod 755 "$READER"
	"${as_reader[@]}" test -x "$dump" && "${as_reader[@]}" test -r "$READER" ||
		skip "an unprivileged user cannot reach $dump or $READER"
}

seed()
{
	SEED=${SEED:-$RANDOM}
	echo "# seed $SEED" >&3
}

arp=ffffffffffff0200000000010806000108000604000102000000000a0a000001\
0000000000000a000002
arp_reply=020000000001020000000002080600010800060400020200000000020a000002\
0200000000010a000001
# IPv4: 192.0.2.1:1025 > 192.0.2.2:80, a SYN; the same ending after the ports'
# first byte; a later fragment
syn4=02000000000202000000000108004500002800010000400600\
00c0000201c00002020401005000000000000000005002fffffe000000
short4=02000000000202000000000108004500002800010000400600\
00c0000201c0000202040100
fragment4=02000000000202000000000108004500001c000100b9401100\
00c0000201c00002020401005000080000
# ICMP echo request, and a vlan tag before it
ping4=02000000000202000000000108004500001c000100004001000\
0c0000201c00002020800f7ff00000000
vlan=02000000000202000000000181000007080045000\
01c0001000040010000c0000201c00002020800f7ff00000000
# IPv6: UDP fe80::1 > ff02::1, a neighbour solicitation behind nothing
udp6=3333000000010200000000018\
6dd6000000000081101fe800000000000000000000000000001ff02000000000000000000\
0000000001003500360008ffff
ns6=3333ff00000202000000000186dd6000000000183afffe80000000000000000000\
0000000001ff0200000000000000000001ff00000287000000000000000000000000000000\
0000000000000002
llc=0180c20000000200000000010026424203
garbage4=ffffffffffff02000000000108000f0f0f
# A header that is longer than the packet, and one too short to be one.
long4=0200000000020200000000010800${syn4:28:2}
liar4=02000000000202000000000108004f00002800010000400600\
00c0000201c0000202

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
	grep -qx 'version   1' <<<"$output"
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
		[[ -z $stderr || $stderr =~ lost:\ the\ bus\ was\ faster$ ]]
		"$pcap_hex" out.pcap >got
		[ "$(wc -l <got)" -le 256 ]
		# One lap of positions, from the oldest to the tail at the start.
		"$dump" bus 2>/dev/null | grep -oE '#[0-9]+' | tr -d '#' >lap
		[ $(($(tail -n 1 lap) - $(head -n 1 lap))) -lt 256 ]
		run --separate-stderr -0 "$dump" -f -c 20000 bus
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
	"$feed" -c 5 -r 1 bus >sent
	run "$feed" -R bus
	[ "$status" -eq 137 ]
	"$feed" -c 5 -r 2 bus >>sent
	run "$feed" -R bus
	run --separate-stderr -0 "$dump" bus -w out.pcap
	[ -z "$stderr" ]
	"$pcap_hex" out.pcap >got
	same_frames sent got
	# Twice the same: reading changed nothing.
	"$dump" bus -w again.pcap
	cmp out.pcap again.pcap
}

@test "-f goes on with new frames, until SIGINT, SIGTERM or SIGHUP" {
	local sig text pcap feeder
	mkfifo lines
	for sig in INT TERM HUP; do
		rm -f bus out.pcap
		"$feed" -x $arp bus >sent
		start text "$dump" -f bus
		text=$PID
		start none "$dump" bus --follow -w out.pcap
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

frames_in() # FILE COUNT
{
	[ "$("$pcap_hex" "$1" 2>/dev/null | wc -l)" -ge "$2" ]
}

@test "-f -c ends by itself" {
	"$feed" -x $arp bus >sent
	start none "$dump" -f -c 3 -w out.pcap bus
	dumper=$PID
	until_true frames_in out.pcap 1
	"$feed" -x $syn4 -x $arp_reply -x $arp bus >>sent
	finished $dumper 0
	head -n 3 sent >three
	"$pcap_hex" out.pcap >got
	same_frames three got
}

@test "-f -w - | tcpdump -r -: frames come through at once" {
	local dumper reader
	mkfifo pipe
	"$feed" -x $arp bus
	start pipe "$dump" -f -w - bus
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
	# It is attached when the pcap's header is here.  Then nobody reads,
	# while more is sent than pipe and buffers can hold.
	dd bs=24 count=1 status=none <&7 >head
	"$feed" -q -r "$SEED" -c 5000 bus 7>&-
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
	start text "${as_reader[@]}" "$dump" -f -c 2 bus
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

# bad FILE TEXT - FILE is refused in every mode, and no output is made of it
bad()
{
	local args
	for args in "" "-h" "-w out.pcap" "-f" "-f -w out.pcap"; do
		run --separate-stderr "$dump" $args "$1"
		echo "$args: $status $output $stderr"
		[ "$status" -eq 1 ]
		[ -z "$output" ]
		[[ $stderr == "shmif_dumpbus: $1: "*"$2"* ]]
		[ ! -e out.pcap ]
	done
	nothing_temporary
}

@test "what is not a bus, each with its own message" {
	local long
	seed
	printf -v long '%300s' x
	long=${long// /x}
	mkdir folder
	mkfifo fifo
	: >empty
	echo 'no bus' >short
	RANDOM=$SEED
	for ((i = 0; i < 10000; i++)); do
		printf '%05d' $RANDOM
	done >digits
	bad missing 'No such file or directory'
	bad folder 'Is a directory'
	bad folder/missing 'No such file or directory'
	bad short/missing 'Not a directory'
	bad fifo 'not a regular file'
	bad /dev/null 'not a regular file'
	bad empty 'not a bus'
	bad short 'not a bus'
	bad digits 'not a bus'
	bad "$long" 'File name too long'
	run -1 "$dump" ''
	refused 1 'Invalid argument'
	[ ! -s empty ]
}

# poke FILE OFFSET BYTES - writes BYTES, as printf has them, at OFFSET
poke()
{
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "a bus of another version, order or size, or with a mad header" {
	"$feed" -q -x $arp bus
	cp bus version
	poke version 12 '\002'
	bad version 'version'
	cp bus order
	poke order 8 "$(dd if=bus bs=1 skip=8 count=4 status=none |
	    od -An -b | awk '{ print "\\" $4 "\\" $3 "\\" $2 "\\" $1 }')"
	bad order 'byte order'
	cp bus slots
	poke slots 28 '\003'
	bad slots 'damaged'
	cp bus cut
	truncate -s -1 cut
	bad cut 'trunc'
	truncate -s 100 cut
	bad cut 'trunc'
	cp bus unfinished
	poke unfinished 0 'shmbus+\n'
	bad unfinished 'did not finish'
}

@test "a bus full of lies: no crash, no end of time, no control characters" {
	seed
	local i size args
	RANDOM=$SEED
	for ((i = 0; i < 30; i++)); do
		rm -f bus
		"$feed" -s 64 -q -r $RANDOM -c 100 bus
		size=$(stat -c %s bus)
		# Random bytes over everything that changes; over single words
		# else.
		perl -e '
			my ($file, $seed, $size) = @ARGV;
			srand $seed;
			open my $f, "+<", $file or die "$file: $!\n";
			my ($from, $n) = $seed % 3 == 0 ? (256, $size - 256)
			    : (0, 0);
			seek $f, $from, 0;
			print $f pack "C*", map { int rand 256 } 1 .. $n;
			for (1 .. $n ? 0 : 200) {
				# mostly the words at the head of the slots
				my $at = rand() < 0.2 ? 256 + int rand 69000
				    : 69632 + 1600 * int rand 64;
				seek $f, $at + 8 * int(rand 4), 0;
				print $f pack "Q<", rand() < 0.3 ? ~0
				    : rand() < 0.5 ? int rand 1 << 20
				    : int(rand 1 << 31) << 31;
			}
		' bus $RANDOM "$size"
		for args in "" "-h" "-w out.pcap"; do
			status=0
			"$dump" $args bus >text 2>err || status=$?
			[ "$status" -le 1 ] || { echo "$args"; cat err; return 1; }
			[ "$(LC_ALL=C tr -d '\n -~' <text | wc -c)" -eq 0 ]
		done
		[ ! -e out.pcap ] || "$pcap_hex" out.pcap >got
		rm -f out.pcap
	done
}

@test "truncated while it is followed: a message, not a signal" {
	local text pcap
	"$feed" -x $arp bus >sent
	start text "$dump" -f bus
	text=$PID
	start none "$dump" -f bus -w out.pcap
	pcap=$PID
	until_true lines_in text 1
	until_true frames_in out.pcap 1
	truncate -s 0 bus
	finished $text 1
	finished $pcap 1
	grep -q '^shmif_dumpbus: bus: .*truncated' text.err
	grep -q '^shmif_dumpbus: bus: .*truncated' none.err
	"$pcap_hex" out.pcap >got
	same_frames sent got
}

@test "followed, and removed or replaced: said once, and it goes on" {
	local how text feeder
	mkfifo lines
	for how in removed replaced; do
		rm -f bus
		INPUT=lines start sent "$feed" -i bus
		feeder=$PID
		exec 7>lines
		until_true "$dump" bus
		start text "$dump" -f bus
		text=$PID
		echo $arp >&7
		until_true lines_in text 1
		"$feed" other
		if [ $how = removed ]; then rm bus; else mv other bus; fi
		until_true grep -q "bus: the bus file was $how" text.err
		echo $arp_reply >&7
		until_true lines_in text 2
		exec 7>&-
		finished $feeder 0
		kill -INT $text
		finished $text 0
		[ "$(wc -l <text.err)" -eq 1 ]
	done
}

@test "a full device is reported" {
	"$feed" -q -r 1 -c 300 bus
	local args
	for args in "-w -" "" "-h"; do
		status=0
		"$dump" $args bus >/dev/full 2>err || status=$?
		output=$(<err)
		refused 1 'standard output: No space left on device'
	done
	run "$dump" -w /dev/full bus
	refused 1 '/dev/full: No space left on device'
	run "$dump" -f -w /dev/full bus
	refused 1 '/dev/full: No space left on device'
	[ -c /dev/full ]
}

@test "a pipe that nobody reads any more is reported" {
	"$feed" -q -r 1 -c 1000 bus
	local args
	for args in "-w -" "-f -w -" "-f"; do
		# More than a pipe holds: it must meet the closed end.
		{ "$dump" $args bus 2>err || echo $? >status; } | head -c 1 >head
		output=$(<err) status=$(<status)
		refused 1 'standard output: Broken pipe'
		rm status
	done
}

@test "a file that cannot grow: what was there stays, nothing new does" {
	[ -z "${SHMIF_SAN-}" ] || ulimit -c 0
	"$feed" -q -r 1 -c 500 bus
	echo old >old.pcap
	run "${cramped[@]}" "$dump" bus -w out.pcap
	refused 1 'out.pcap: File too large'
	run "${cramped[@]}" "$dump" bus -w old.pcap
	refused 1 'old.pcap: File too large'
	[ "$(cat old.pcap)" = old ]
	nothing_temporary
	[ "$(ls)" = "$(printf 'bus\nold.pcap')" ]
}

@test "a file that cannot grow, when following: it ends behind a whole frame" {
	"$feed" -r 1 -c 5 bus >sent
	start none "${cramped[@]}" "$dump" -f bus -w out.pcap
	until_true frames_in out.pcap 5
	"$feed" -q -r 1 -c 500 bus
	finished $PID 1
	grep -q 'out.pcap: File too large' none.err
	"$pcap_hex" out.pcap >got
	[ "$(wc -l <got)" -ge 5 ]
	head -n 5 got >five
	same_frames sent five
}

@test "an existing file is replaced, through a link its target; mode by umask" {
	"$feed" -q -x $arp bus
	echo old >old.pcap
	ln old.pcap witness
	"$dump" bus -w old.pcap
	"$pcap_hex" old.pcap >got
	lines_in got 1
	[ "$(cat witness)" = old ]
	mkdir far
	echo old >far/target
	ln -s far/target link
	"$dump" bus -w link
	[ -L link ]
	cmp far/target old.pcap
	(umask 027 && "$dump" bus -w private.pcap)
	[ "$(stat -c %a private.pcap)" = 640 ]
	nothing_temporary
}

@test "where no output can be" {
	"$feed" -q -x $arp bus
	mkdir folder
	run "$dump" bus -w folder
	refused 1 'folder: Is a directory'
	run "$dump" bus -w missing/out.pcap
	refused 1 'missing/out.pcap: No such file or directory'
	run "$dump" bus -w ''
	refused 1 'No such file or directory'
	nothing_temporary
}

@test "a FIFO as output" {
	mkfifo pipe
	"$feed" -x $arp -x $syn4 bus >sent
	start got "$pcap_hex" pipe
	"$dump" bus -w pipe
	finished $PID 0
	same_frames sent got
	[ -p pipe ]
}

@test "the bus itself is not written over" {
	"$feed" -q -x $arp bus
	cp bus before
	ln bus hard
	ln -s bus soft
	local out args
	for out in bus hard soft ./bus; do
		for args in "" "-f"; do
			run "$dump" $args bus -w $out
			refused 1 "$out: is the bus file itself"
			run "$dump" $args soft -w $out
			refused 1 "$out: is the bus file itself"
		done
	done
	for args in "-w -" "" "-h"; do
		status=0
		"$dump" $args bus >>bus 2>err || status=$?
		output=$(<err)
		refused 1 "is the bus file itself"
	done
	cmp bus before
}

@test "killed before the capture is complete: nothing is left" {
	# A library that never lets the reading end, but for this program.
	cat >slow.c <<-END
	#include <stdio.h>
	#include <unistd.h>
	int fsync(int fd)
	{
		(void)fd;
		fprintf(stderr, "waiting\n");
		for (;;)
			pause();
	}
	END
	[ -z "${SHMIF_SAN-}" ] || skip "preloading and sanitizers do not mix"
	${CC:-cc} -shared -fPIC -o slow.so slow.c
	"$feed" -q -x $arp bus
	echo old >out.pcap
	local sig
	for sig in INT TERM HUP; do
		start none env LD_PRELOAD="$PWD/slow.so" "$dump" bus -w out.pcap
		until_true grep -q waiting none.err
		[ -n "$(find . -name '.shmif_dumpbus*')" ]
		kill -$sig $PID
		finished $PID $((128 + $(kill -l $sig)))
		nothing_temporary
		[ "$(cat out.pcap)" = old ]
	done
}
