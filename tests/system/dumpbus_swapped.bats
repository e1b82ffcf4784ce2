# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_dumpbus: buses of our own that machines of the other byte
# order made.

load ../lib/dumpbus

swap=$BATS_TEST_DIRNAME/swapped_bus

# same ARGUMENT... - shows the same of both
same()
{
	"$swap" <bus >other
	"$dump" bus "$@" >want
	run --separate-stderr -0 "$dump" other "$@"
	[ -z "$stderr" ]
	cmp want - <<<"$output" || [ -z "$output$(<want)" ]
	"$dump" -w bus.pcap bus "$@"
	"$dump" -w other.pcap other "$@"
	cmp bus.pcap other.pcap
}

@test "what it held: text, pcap, filter, count, newest" {
	seed
	"$feed" -q -r "$SEED" -c 200 -x $arp -x $syn4 -x $udp6 bus
	same
	[ "$(wc -l <want)" -eq 203 ]
	same tcp port 80
	same -c 7
	same -n 7
	"$dump" --pcapng -w bus.pcapng bus
	mkdir d
	"$swap" <bus >d/bus
	"$dump" --pcapng -w other.pcapng d/bus
	# What is left of a sender differs: the library lists the living.
	[ "$(stat -c %s other.pcapng)" -ge "$(stat -c %s bus.pcap)" ]
}

@test "gone round, empty, of every size" {
	seed
	local mtu
	for mtu in 68 1500 9000 65521; do
		rm -f bus
		"$feed" -m $mtu -s 16 bus
		same
		"$feed" -q -r "$SEED" -c 5 bus
		same
		"$feed" -q -r "$SEED" -c 100 bus
		same
	done
}

@test "frames that share slots" {
	"$feed" bus
	for i in 14 15 16 17 60 64 100 22 23 60 60 60 1514 14; do
		printf '%*s\n' $((2 * i)) '' | tr ' ' 5
	done >lines
	"$feed" -b bus <lines
	"$feed" -q -x $arp bus
	"$feed" -b bus <lines
	# It did happen.
	[ "$("$dump" bus | grep -o '#[0-9]*' | sort | uniq -d | wc -l)" -ge 1 ]
	same
	[ "$(wc -l <want)" -eq 29 ]
}

@test "who is there; its header" {
	start a "$feed" -n alpha -a 02:00:00:00:00:0a -x $arp -k bus
	until_true grep -q ready a
	"$swap" <bus >other
	"$dump" -h bus >want
	run -0 "$dump" -h other
	echo "$output"
	local key
	for key in version id created mtu frame slots size tail; do
		[ "$(grep "^$key " want)" = "$(grep "^$key " <<<"$output")" ]
	done
	grep -q '02:00:00:00:00:0a  name alpha' <<<"$output"
	"$dump" --pcapng -w out.pcapng other
	grep -qa alpha out.pcapng
}

@test "a writer that was killed in the middle" {
	"$feed" -c 5 -r 1 bus >sent
	run "$feed" -R bus
	"$swap" <bus >other
	run --separate-stderr -0 "$dump" other -w out.pcap
	[[ $stderr == *'1 frame not whole'* ]]
	"$pcap_hex" out.pcap >got
	same_frames sent got
}

@test "what cannot be done; damaged anywhere: never a crash" {
	seed
	RANDOM=$SEED
	"$feed" -q -s 64 -r "$SEED" -c 100 bus
	"$swap" <bus >whole
	run -1 "$dump" -f whole
	refused 1 'not followed'
	run -1 "$dump" -a whole
	refused 1 'not followed'
	head -c 100000 whole >other
	run -1 "$dump" -w out.pcap other
	refused 1 'truncated'
	local i j
	for ((i = 0; i < 60; i++)); do
		cp whole other
		for ((j = 0; j < 8; j++)); do
			printf "\\x$(printf %02x $((RANDOM % 256)))" |
			    dd of=other bs=1 conv=notrunc status=none \
			    seek=$((i % 3 == 0 ? 12 + RANDOM % 60 : i % 3 == 1 ?
			    256 + RANDOM % 8 :
			    69632 + RANDOM % 64 * 1600 + RANDOM % 40))
		done
		status=0
		timeout 60 "$dump" -w out.pcap other 2>err || status=$?
		[ $status -le 1 ]
		"$dump" other >text 2>err || :
		[ "$(LC_ALL=C tr -d '\n -~' <text | wc -c)" -eq 0 ]
	done
}
