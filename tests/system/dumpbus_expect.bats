# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_dumpbus --expect and --timeout: its exit status tells
# scripts whether the frames have come.

load ../lib/ctl

@test "--expect: enough are there, or not" {
	feed=$BUILD/tests/system/busfeed
	"$feed" -q -c 3 bus
	run -0 --separate-stderr "$dump" --expect 3 bus
	[ "${#lines[@]}" -eq 3 ]
	[ -z "$stderr" ]
	run -0 "$dump" --expect 2 bus
	[ "${#lines[@]}" -eq 2 ]
	run -1 --separate-stderr "$dump" --expect 4 bus
	[ "${#lines[@]}" -eq 3 ]
	[ "$stderr" = 'shmif_dumpbus: bus: 4 frames expected, 3 came' ]
	# The filter decides what counts; the capture is whole all the same.
	run -1 "$dump" --expect 1 -w out.pcap bus arp
	[ "$output" = 'shmif_dumpbus: bus: 1 frame expected, 0 came' ]
	[ "$(stat -c %s out.pcap)" -eq 24 ]
	run -2 "$dump" --expect 1 -c 1 bus
	run -2 "$dump" --expect 0 bus
	run -2 "$dump" --timeout x bus
	run -2 "$dump" --timeout 1 -h bus
}

@test "-n as tcpdump has it: the message says what -n is here" {
	"$BUILD/tests/system/busfeed" -q -c 1 bus
	run -2 "$dump" -n bus
	[ "${lines[0]}" = 'shmif_dumpbus: -n wants a number of frames; names are never looked up' ]
	run -2 "$dump" -n x bus
	[ "${lines[0]}" = 'shmif_dumpbus: not a number of frames: x' ]
}

@test "--timeout: what is there counts, and what comes in time" {
	feed=$BUILD/tests/system/busfeed
	"$feed" -q -c 2 bus
	run -1 --separate-stderr "$dump" --expect 3 --timeout 0.2 bus
	[ "${#lines[@]}" -eq 2 ]
	[ "$stderr" = 'shmif_dumpbus: bus: 3 frames expected, 2 came' ]
	start waits "$dump" --expect 3 --timeout 60 -w out.pcap bus
	local waits=$PID
	"$feed" -q -c 1 bus
	wait "$waits"
	run -0 "$dump" --timeout 0.1 bus
	[ "${#lines[@]}" -eq 3 ]
	# With -f only what comes.
	run -1 "$dump" -f --expect 1 --timeout 0.1 bus
	# A FIFO that nobody opens is given up, too.
	mkfifo fifo
	run -1 "$dump" --expect 1 --timeout 0.2 -w fifo bus
	run -0 "$dump" --timeout 0.2 -w fifo bus
}
