# SPDX-License-Identifier: BSD-2-Clause
# bats file for the program that makes buses an interface of Wireshark's.
#
# slow: 10

load ../lib/dumpbus

# As make install does it, to a folder that Wireshark is told of.
extcap()
{
	mkdir -p extcap
	sed -e "s|@BINDIR@|$(dirname "$dump")|" -e 's|@VERSION@|1|' \
	    -e "s|@HELP@|$PWD/help.html|" \
	    "$TOP/dumpbus/extcap/shmif.in" >extcap/shmif
	unset SHMIF_BUSES XDG_CONFIG_HOME XDG_RUNTIME_DIR
	chmod 755 extcap/shmif
	export WIRESHARK_EXTCAP_DIR=$PWD/extcap HOME=$PWD
	extcap=$PWD/extcap/shmif
}

@test "what it tells Wireshark" {
	extcap
	run -0 "$extcap" --extcap-interfaces --extcap-version=4.0
	[[ $output == 'extcap {version=1}'* ]]
	grep -q '^interface {value=shmif}{display=.*}$' <<<"$output"
	run -0 "$extcap" --extcap-interface shmif --extcap-dlts
	[ "$output" = 'dlt {number=1}{name=EN10MB}{display=Ethernet}' ]
	run -0 "$extcap" --extcap-interface=shmif --extcap-config
	grep -q '{call=--bus}.*{type=fileselect}' <<<"$output"
	grep -q '{call=--oldest}.*{type=boolflag}' <<<"$output"
}

@test "an interface for each bus in folders that are told" {
	extcap
	mkdir one 'two folders' .config .config/shmif
	"$feed" -q -x $arp one/alpha
	"$feed" -q -x $syn4 -x $arp 'two folders/beta.bus'
	"$feed" -q -x $arp 'one/a{b}'
	echo 'no bus' >one/text
	mkfifo one/fifo
	run -0 "$extcap" --extcap-interfaces
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == *"{help=file://$PWD/help.html}" ]]
	export SHMIF_BUSES="$PWD/one:$PWD/two folders:/nowhere"
	run -0 "$extcap" --extcap-interfaces
	[ "${lines[2]}" = \
	    "interface {value=shmif-alpha}{display=Ethernet bus $PWD/one/alpha}" ]
	[ "${lines[3]}" = \
	    "interface {value=shmif-beta.bus}{display=Ethernet bus $PWD/two folders/beta.bus}" ]
	[ "${#lines[@]}" -eq 4 ]
	run -0 "$extcap" --extcap-interface shmif-alpha --extcap-dlts
	run -0 "$extcap" --extcap-interface shmif-alpha --extcap-config
	[[ $output != *--bus* && $output == *--oldest* ]]
	run -2 "$extcap" --extcap-interface shmif-gamma --extcap-dlts
	run -2 "$extcap" --extcap-interface 'shmif-alph.' --extcap-dlts
	mkfifo fifo
	start text tcpdump -l -n -r fifo
	start none "$extcap" --capture --extcap-interface shmif-beta.bus \
	    --fifo fifo --oldest
	until_true grep -q 192.0.2.1 text
	kill -TERM $PID
	finished $PID 0
	# By a file, for those who start Wireshark from a menu.
	unset SHMIF_BUSES
	printf '# mine\n%s\n' "$PWD/one" >.config/shmif/buses
	run -0 "$extcap" --extcap-interfaces
	[ "${#lines[@]}" -eq 3 ]
	rm .config/shmif/buses
	export XDG_RUNTIME_DIR=$PWD
	mkdir shmif
	"$feed" -q -x $arp shmif/gamma
	run -0 "$extcap" --extcap-interfaces
	[[ ${lines[2]} == *'{value=shmif-gamma}'* ]]
	run -0 "$extcap" --help
	[[ ${lines[0]} == 'usage: shmif --extcap-interfaces' ]]
}

@test "what makes no sense" {
	extcap
	local args
	for args in "" "--nonsense" "--extcap-interface other --extcap-dlts" \
	    "--extcap-interface shmif" "--extcap-interface" \
	    "--extcap-interface shmif --capture --fifo f" \
	    "--extcap-interface shmif --capture --bus b"; do
		run --separate-stderr -2 "$extcap" $args
		[ -z "$output" ]
		[[ $stderr == shmif:* ]]
	done
	run -1 "$extcap" --extcap-interface shmif --capture --fifo f --bus none
	refused 1 'none: No such file'
}

@test "whether a filter is one" {
	extcap
	run -0 "$extcap" --extcap-interface shmif \
	    --extcap-capture-filter 'tcp port 80'
	[ -z "$output" ]
	run -0 "$extcap" --extcap-interface shmif \
	    --extcap-capture-filter 'tcp port port'
	[ -n "$output" ]
}

@test "a capture into a FIFO, from the oldest or from now on, filtered" {
	extcap
	mkfifo fifo
	"$feed" -q -x $arp -x $syn4 -x $arp_reply './a bus'
	start text tcpdump -l -n -r fifo
	reader=$PID
	start none "$extcap" --capture --extcap-interface shmif --fifo fifo \
	    --bus './a bus' --oldest --extcap-capture-filter 'arp'
	until_true grep -q is-at text
	lines_in text 2
	! grep -q 192.0.2.1 text || false
	kill -TERM $PID
	finished $PID 0
	finished $reader 0
}

@test "tshark has the interface, and captures by it" {
	need tshark
	# Root's Wireshark looks nowhere but in its own folder.
	reader_folder
	cd "$READER"
	extcap
	chmod 777 .
	# A bus in a folder has an interface of its own.
	mkdir known
	"$feed" -q -x $arp_reply known/alpha
	chmod -R a+rX known
	export SHMIF_BUSES=$PWD/known
	"${as_reader[@]}" tshark -D >list 2>err ||
		skip "tshark cannot list interfaces here: $(tail -n 1 err)"
	grep -q '[0-9]. shmif ' list
	grep -q '[0-9]. shmif-alpha ' list
	: >"$BATS_FILE_TMPDIR/lists"
	start text "${as_reader[@]}" tshark -i shmif-alpha -n -l -c 1 \
	    -o extcap.shmif_alpha.oldest:true
	finished $PID 0
	grep -q 'is at' text
	"$feed" -q -n alpha -x $arp -x $syn4 -x $arp_reply bus
	chmod 644 bus
	tshark=("${as_reader[@]}" tshark -i shmif -n -l
	    -o "extcap.shmif.bus:$PWD/bus" -o extcap.shmif.oldest:true)
	start text "${tshark[@]}" -c 3
	finished $PID 0
	cat text text.err
	lines_in text 3
	grep -q 'Who has 10.0.0.2' text
	grep -q '192.0.2.1' text
	start text "${tshark[@]}" -c 2 -f arp
	finished $PID 0
	cat text text.err
	lines_in text 2
	! grep -q '192.0.2.1' text
}

# Sends two frames, 50 ms apart, again and again.
feed_slowly()
{
	printf '1.000000000 %s\n1.050000000 %s\n' $arp $arp |
	    "$TOP/tests/system/pcap_make" >in.pcap
	start fed "$BUILD/bin/shmif_pcapin" -l -r 1 in.pcap bus
}

# What a user of Wireshark is shown as an error.
no_error() # FILE
{
	cat "$1"
	! grep -qE 'Error|shmif_dumpbus|lost|pipe' "$1" || false
}

@test "tshark stops a capture in any way, and has no error to show" {
	local tshark
	need tshark
	reader_folder
	cd "$READER"
	extcap
	chmod 777 .
	[ -e "$BATS_FILE_TMPDIR/lists" ] ||
		skip "tshark cannot list interfaces here, see above"
	"$feed" -q -x $arp -x $arp_reply -x $arp -x $arp_reply bus
	chmod 644 bus
	tshark=("${as_reader[@]}" tshark -i shmif -q -l
	    -o "extcap.shmif.bus:$PWD/bus")
	# So many packets, of a bus on which nothing is sent any more.
	"${tshark[@]}" -o extcap.shmif.oldest:true -c 2 >out 2>said
	no_error said
	# So much time: nothing passes, something comes.
	"${tshark[@]}" -o extcap.shmif.oldest:true -f udp -a duration:1 \
	    >out 2>said
	no_error said
	feed_slowly
	"${tshark[@]}" -a duration:1 >out 2>said
	no_error said
	# A signal, which is what the red button is.
	start out "${tshark[@]}" -o extcap.shmif.oldest:true -w got.pcapng
	until_true eval '[ -s got.pcapng ]'
	kill -INT $PID
	finished $PID 0
	no_error out.err
}

@test "a follower whose reader is gone ends, though nothing is written" {
	local follower
	mkfifo fifo
	"$feed" -q -x $arp bus
	# Nothing is sent; then, nothing passes the filter.
	start none "$dump" -F -w fifo bus
	follower=$PID
	head -c 24 fifo >head
	finished $follower 0
	[ ! -s none.err ]
	start none "$dump" -f -w fifo bus udp
	follower=$PID
	feed_slowly
	head -c 24 fifo >head
	finished $follower 0
	[ ! -s none.err ]
	# Text, likewise.
	{ code=0; "$dump" -F bus 2>err || code=$?; echo $code >status; } |
	    head -n 1 >head
	until_true test -s status
	[ "$(<status)" -eq 0 ]
	[ ! -s err ]
}

@test "stopped before its FIFO has a reader, it ends with nothing to say" {
	mkfifo fifo
	"$feed" -q -x $arp bus
	start none "$dump" -f -w fifo bus
	# It catches SIGBUS, then SIGINT: bits 7 and 2.
	until_true grep -qE '^SigCgt:.*[4-7c-f][2367abef]$' /proc/$PID/status
	kill -INT $PID
	finished $PID 0
	[ ! -s none.err ]
}

@test "make install puts it into EXTCAPDIR, uninstall takes it away" {
	# With what is built: nothing is compiled here.
	make -C "$TOP" install DESTDIR="$PWD/d" PREFIX=/opt \
	    EXTCAPDIR=/ws/extcap >log 2>&1 || { cat log; return 1; }
	[ -x d/ws/extcap/shmif ]
	grep -q '/opt/bin/shmif_dumpbus' d/ws/extcap/shmif
	make -C "$TOP" uninstall DESTDIR="$PWD/d" PREFIX=/opt \
	    EXTCAPDIR=/ws/extcap
	[ -z "$(find d ! -type d)" ]
}
