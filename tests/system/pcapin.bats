# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_pcapin: what is in a capture is on the bus, byte for byte
# and in its order, whatever kind of capture it is; what cannot be sent is
# counted, and what is no capture is refused.
#
# slow: 20

load ../lib/dumpbus

setup_file()
{
	export IN=${BUILD:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)/build}
	IN=$IN/bin/shmif_pcapin
	export MAKE=$BATS_TEST_DIRNAME/pcap_make
}

# packets N FROM TO - lines for pcap_make: random bytes, all lengths in turn
packets()
{
	perl -e 'srand(shift); my ($n, $from, $to) = @ARGV; my $t = 0;
	    for my $i (0 .. $n - 1) {
		my $len = $from + $i % ($to - $from + 1);
		printf "%d.%09d %s\n", 1700000000 + $i, rand 1e9,
		    join "", map { sprintf "%02x", rand 256 } 1 .. $len;
	    }' "$SEED" "$@"
}

# same_bytes LINES BUS - the bus holds just the packets of these lines
same_bytes()
{
	"$dump" -w same.pcap "$2"
	"$pcap_hex" same.pcap | cut -d ' ' -f 2 >got
	cut -d ' ' -f 2 "$1" | cmp - got
}

shows() # BUS COUNT
{
	[ "$("$dump" "$1" | wc -l)" -eq "$2" ]
}

@test "--help and --version, and the man page agrees" {
	run -0 "$IN" --help
	[[ ${lines[0]} == "usage: shmif_pcapin "* ]]
	run -0 "$IN" --version
	[[ $output =~ ^shmif_pcapin\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	"$IN" --help | grep -oE '^ +-.*' | grep -oE '(^|[ ,])--?[A-Za-z]+' |
	    tr -d ' ,' | sort -u >help
	sed -n 's/^\.It \(Fl .*\)/\1/p' "$TOP/man1/shmif_pcapin.1" |
	    grep -oE 'Fl -?[A-Za-z]+' | sed 's/Fl /-/' | sort -u >man
	[ "$(wc -l <help)" -ge 18 ]
	diff help man
}

@test "a command line that makes no sense: status 2, and no bus" {
	packets 1 60 60 | "$MAKE" >in.pcap
	local args
	for args in "" "in.pcap" "in.pcap bus x" "-r 0 in.pcap bus" \
	    "-r x in.pcap bus" "-r nan in.pcap bus" "-r -1 in.pcap bus" \
	    "-c 0 in.pcap bus" "-m x in.pcap bus" "-s -1 in.pcap bus" \
	    "-M 9 in.pcap bus" "-M 1777 in.pcap bus" "-x in.pcap bus" "-r"; do
		run --separate-stderr -2 "$IN" $args
		[ -z "$output" ]
		[[ $stderr == shmif_pcapin:* ]]
	done
	[ "$(ls)" = in.pcap ]
}

@test "every length, of every kind of capture" {
	seed
	packets 1505 14 1518 >lines
	local kind
	for kind in "" -b -u -bu -n -bn "-s 0" "-s 4294967295" "-s 65535"; do
		"$MAKE" $kind <lines >in.pcap
		rm -f bus
		run -0 "$IN" in.pcap bus
		[ -z "$output" ]
		same_bytes lines bus
	done
}

@test "from a pipe; onto a bus that is there; twice" {
	seed
	packets 100 14 113 >lines
	"$MAKE" <lines >in.pcap
	"$IN" - bus <in.pcap
	same_bytes lines bus
	cat in.pcap | "$IN" - bus
	cat lines lines >both
	same_bytes both bus
}

@test "VLAN tags, jumbo frames, broadcast storms: the bus is made to fit" {
	seed
	{
		printf '1.0 %s\n' "$vlan" "$arp"
		packets 40 8990 9036
		packets 2 65539 65539
	} >lines
	"$MAKE" <lines >in.pcap
	run -0 "$IN" in.pcap bus
	[ -z "$output" ]
	same_bytes lines bus
	"$dump" -h bus | grep -q '^mtu  *65521$'
	for ((i = 0; i < 5000; i++)); do echo "1.0 $arp"; done >lines
	"$MAKE" <lines >storm.pcap
	"$IN" storm.pcap big
	same_bytes lines big
	"$dump" -h big | grep -q '^slots  *8192$'
}

@test "geometry and permissions by options" {
	seed
	packets 10 60 70 | "$MAKE" >in.pcap
	"$IN" -m 9000 -s 64 -M 640 in.pcap bus
	"$dump" -h bus >shown
	grep -q '^mtu  *9000$' shown
	grep -q '^slots  *64$' shown
	[ "$(stat -c %a bus)" = 640 ]
	run -1 "$IN" -s 65 in.pcap other
	[ ! -e other ]
}

@test "what cannot be sent is left out, counted, and never cut" {
	seed
	{
		echo '1.0 -'
		echo '1.0 ffffffffffff0200000000'
		packets 3 60 62
		echo '1.0 ffffffffffff02000000000108060001 1514'
		packets 2 1519 1520
	} >lines
	"$MAKE" <lines >in.pcap
	"$feed" -q -x "$arp" bus
	run --separate-stderr -0 "$IN" -v in.pcap bus
	echo "$stderr"
	[[ $stderr == *"in.pcap: 2 packets left out: shorter than"* ]]
	[[ $stderr == *"in.pcap: 1 packet left out: not whole"* ]]
	[[ $stderr == *"in.pcap: 2 packets left out: longer than"* ]]
	[[ $stderr == *"bus: 3 frames, 183 bytes, in "* ]]
	"$dump" -w out.pcap bus
	"$pcap_hex" out.pcap | tail -n 3 | cut -d ' ' -f 2 >got
	sed -n 3,5p lines | cut -d ' ' -f 2 | cmp - got
}

@test "-c, -l, -r" {
	seed
	for ((i = 0; i < 7; i++)); do
		echo "$i.5 ${arp}0$i"
	done >lines
	"$MAKE" <lines >in.pcap
	"$IN" -c 3 in.pcap bus
	head -n 3 lines >three
	same_bytes three bus
	rm bus
	"$IN" -l -c 17 in.pcap bus
	cat lines lines lines | head -n 17 >seventeen
	same_bytes seventeen bus
	# Six seconds at twenty times that are no less than 0.3.
	rm bus
	"$IN" -v -r 20 in.pcap bus 2>said
	sed 's/.* in \(.*\) s$/\1/' said >took
	awk '{ exit !($1 >= 0.3) }' took
	same_bytes lines bus
	# Frames that are years apart do not keep it from ending.
	printf '1.0 %s\n4000000000.0 %s\n' $arp $arp | "$MAKE" >far.pcap
	start out "$IN" -r 1 far.pcap bus
	until_true shows bus 8
	kill -INT "$PID"
	finished "$PID" 0
	run -1 "$IN" -l - bus <<<x
	"$MAKE" </dev/null >none.pcap
	run -1 "$IN" -l none.pcap bus
	refused 1 'nothing to send'
}

@test "with -w it begins when somebody listens, and loses him nothing" {
	seed
	packets 20000 60 160 | "$MAKE" >in.pcap
	start said "$IN" -v -w -s 64 in.pcap bus
	local in=$PID
	until_true [ -s bus ]
	sleep 0.2
	[ "$("$dump" bus | wc -l)" -eq 0 ]
	start said2 "$dump" -a -f -c 20000 -w out.pcap bus
	finished "$in" 0
	finished "$PID" 0
	cat said.err said2.err
	[ ! -s said2.err ]
	"$pcap_hex" in.pcap | cut -d ' ' -f 2 >want
	"$pcap_hex" out.pcap | cut -d ' ' -f 2 | cmp want -
}

@test "stopped while its input, a pipe, has nothing more: no error" {
	mkfifo pipe
	exec 7<>pipe
	echo "1.0 $arp" | "$MAKE" >&7
	INPUT=pipe start said "$IN" - bus
	until_true shows bus 1
	kill -INT "$PID"
	finished "$PID" 0
	[ ! -s said.err ]
	# Nor when there was never anything.
	INPUT=pipe start said "$IN" - bus
	until_true grep -qE '^SigCgt:.*[4-7c-f][2367abef]$' /proc/$PID/status
	# It sleeps nowhere but in read(2).
	until_true grep -q '^State:.S' /proc/$PID/status
	kill -INT "$PID"
	finished "$PID" 0
	[ ! -s said.err ]
	exec 7>&-
}

@test "a file size limit is an error like others, and leaves no bus" {
	echo "1.0 $arp" | "$MAKE" >in.pcap
	run bash -c 'ulimit -f 64; exec "$0" in.pcap bus' "$IN"
	refused 1 'File too large'
	[ ! -e bus ]
}

@test "what is no capture of Ethernet frames is refused, and makes no bus" {
	local long
	seed
	echo 'no capture' >text
	: >empty
	mkdir folder
	packets 3 60 60 | "$MAKE" -l 101 >raw.pcap
	head -c 20 raw.pcap >short
	for file in missing text empty folder raw.pcap short; do
		run --separate-stderr -1 "$IN" $file bus
		echo "$stderr"
		[[ $stderr == "shmif_pcapin: $file: "* ]]
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
		[ ! -e bus ]
	done
	"$IN" raw.pcap bus 2>&1 | grep -q 'not a capture of Ethernet frames: RAW'
	packets 3 60 60 | "$MAKE" >in.pcap
	run -1 "$IN" in.pcap text
	refused 1 'text: not a bus'
	[ "$(cat text)" = 'no capture' ]
}

@test "cut anywhere: what is whole is sent, the rest is reported" {
	seed
	packets 3 60 62 >lines
	local kind n status size
	for kind in "" -n; do
		"$MAKE" $kind <lines >whole
		size=$(stat -c %s whole)
		for ((n = SEED % 7; n < size; n += 7)); do
			head -c $n whole >cut
			rm -f bus
			status=0
			"$IN" cut bus 2>err || status=$?
			[ $status -le 1 ]
			[ $status -eq 0 ] || grep -q '^shmif_pcapin: cut: ' err
			[ -e bus ] || continue
			"$dump" -w out.pcap bus
			"$pcap_hex" out.pcap | cut -d ' ' -f 2 >got
			cut -d ' ' -f 2 lines | head -n "$(wc -l <got)" |
			    cmp - got
		done
	done
}

@test "headers that lie do no harm" {
	seed
	RANDOM=$SEED
	packets 20 60 79 >lines
	local kind i size
	for kind in "" -b -n -bn; do
		"$MAKE" $kind <lines >whole
		size=$(stat -c %s whole)
		for ((i = 0; i < 12; i++)); do
			cp whole bad
			for ((j = 0; j < 3; j++)); do
				printf "\\x$(printf %02x $((RANDOM % 256)))" |
				    dd of=bad bs=1 conv=notrunc status=none \
				    seek=$((RANDOM % (i % 2 ? 100 : size)))
			done
			rm -f bus
			status=0
			"$IN" bad bus 2>err || status=$?
			[ $status -le 1 ]
		done
	done
	# A length of 4 GiB, and a packet longer than its file.
	for n in ffffffff 7fffffff 00000100 00100000; do
		{ cat lines; echo "!0000000000000000$n$n"; } | "$MAKE" -g >bad
		rm -f bus
		run -1 "$IN" bad bus
		same_bytes lines bus
	done
}
