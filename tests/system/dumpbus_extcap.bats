# SPDX-License-Identifier: BSD-2-Clause
# bats file for the program that makes buses an interface of Wireshark's.

load ../lib/dumpbus

# As make install does it, to a folder that Wireshark is told of.
extcap()
{
	mkdir -p extcap
	sed -e "s|@BINDIR@|$(dirname "$dump")|" -e 's|@VERSION@|1|' \
	    "$TOP/dumpbus/extcap/shmif.in" >extcap/shmif
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
	"${as_reader[@]}" tshark -D >list 2>err ||
		skip "tshark cannot list interfaces here: $(tail -n 1 err)"
	grep -q '[0-9]. shmif ' list
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
