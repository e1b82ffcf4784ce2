# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_dumpbus: what it cannot do it says, ends with status 1,
# and leaves nothing half-written behind.
#
# slow: 15

load ../lib/dumpbus

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
	poke version 12 '\177'
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
	start text "$dump" -F bus
	text=$PID
	start none "$dump" -F bus -w out.pcap
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
		start text "$dump" -F bus
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
	run "$dump" -F -w /dev/full bus
	refused 1 '/dev/full: No space left on device'
	[ -c /dev/full ]
}

@test "a pipe that nobody reads any more is the end, and no error" {
	"$feed" -q -r 1 -c 1000 bus
	local args
	for args in "-w -" "-F -w -" "-F"; do
		# More than a pipe holds: it must meet the closed end.
		{ code=0; "$dump" $args bus 2>err || code=$?; echo $code >status; } |
		    head -c 1 >head
		until_true test -s status
		[ "$(<status)" -eq 0 ]
		[ ! -s err ]
		rm status
	done
	# Closed before the first byte.
	mkfifo closed
	exec 8<>closed 7>closed 8<&-
	for args in "-w -" "" "-h" "-F" "-f -w -"; do
		status=0
		"$dump" $args bus >&7 2>err || status=$?
		cat err
		[ "$status" -eq 0 ]
		[ ! -s err ]
	done
	exec 7>&-
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
	start none "${cramped[@]}" "$dump" -F bus -w out.pcap
	until_true frames_in out.pcap 5
	"$feed" -q -r 1 -c 500 bus
	finished $PID 1
	grep -q 'out.pcap: File too large' none.err
	"$pcap_hex" out.pcap >got
	[ "$(wc -l <got)" -ge 5 ]
	head -n 5 got >five
	same_frames sent five
}

@test "a file system that is full before a chunk is: what fits is whole" {
	local format
	"$feed" -r 1 -c 500 bus >sent
	for format in "" --pcapng; do
		start none "${cramped[@]}" "$dump" -F bus $format -w out.pcap
		finished $PID 1
		grep -q 'out.pcap: File too large' none.err
		# The limit is 64 KiB; the longest frame has 1514 bytes.
		[ "$(stat -c %s out.pcap)" -gt $((62 * 1024)) ]
		"$BUILD/bin/shmif_pcapin" out.pcap again
		"$dump" -w got.pcap again
		"$pcap_hex" got.pcap | cut -d ' ' -f 2 >got
		[ "$(wc -l <got)" -ge 40 ]
		cut -d ' ' -f 3 sent | head -n "$(wc -l <got)" | cmp - got
		rm again
	done
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

# A library that never lets the writing end.
slow_disk()
{
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
}

@test "killed before the capture is complete: nothing is left" {
	slow_disk
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

@test "many files, followed, and two signals: nothing half-written is left" {
	slow_disk
	"$feed" -q -x $arp bus
	local sig
	for sig in INT TERM HUP; do
		start none env LD_PRELOAD="$PWD/slow.so" "$dump" -F -C 1m \
		    -w part bus
		until_true eval '[ -n "$(find . -name ".shmif_dumpbus*")" ]'
		kill -INT $PID
		until_true grep -q waiting none.err
		sleep 1.1
		kill -$sig $PID
		finished $PID $((128 + $(kill -l $sig)))
		nothing_temporary
		[ -z "$(find . -name 'part*')" ]
	done
}

@test "two signals at a time are one" {
	"$feed" -q -x $arp bus
	start none "$dump" -F -C 1m -w part bus
	until_true eval '[ -n "$(find . -name ".shmif_dumpbus*")" ]'
	kill -STOP $PID
	kill -INT $PID
	kill -TERM $PID
	kill -CONT $PID
	finished $PID 0
	nothing_temporary
	"$pcap_hex" part0 >got
	lines_in got 1
}
