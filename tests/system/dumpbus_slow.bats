# SPDX-License-Identifier: BSD-2-Clause
# bats file for how shmif_dumpbus writes: in few calls, and when following into a
# pipe that nobody reads.
#
# slow: 20

load ../lib/dumpbus

# Frames of 1514 bytes, COUNT of them, no two alike, into in.pcap; want is what
# they are.
big_frames() # COUNT
{
	local i
	for ((i = 0; i < $1; i++)); do
		printf '1.0 ffffffffffff02000000000188b5%03000d\n' $i
	done >lines
	"$TOP/tests/system/pcap_make" <lines >in.pcap
	"$pcap_hex" in.pcap | sed 's/.* //' >want
}

# A follower into the FIFO pipe, which nobody reads; it is attached, so that
# pcapin -w waits for it.  Its number is in $dumper.
follow_into_pipe() # [OPTION]
{
	mkfifo pipe
	"$feed" bus
	exec 7<>pipe
	start none "$dump" -a -f "$@" -w pipe bus
	dumper=$PID
	# It has attached when something comes.
	dd bs=24 count=1 status=none <&7 >head
}

# Begins to read the pipe, as a last one.  The frames are in got.
read_pipe()
{
	exec 8<pipe 7>&-
	{ cat head - <&8 | "$pcap_hex" | sed 's/.* //' >got; } 3>&- &
	reader=$!
	PIDS="$PIDS $reader"
	exec 8<&-
}

@test "in few calls" {
	[ -z "${SHMIF_SAN-}" ] || skip "preloading and sanitizers do not mix"
	cat >calls.c <<-END
	#include <stdio.h>
	__attribute__((destructor)) static void
	at_end(void)
	{
		char line[80];
		FILE *f = fopen("/proc/self/io", "r");
		while (f != NULL && fgets(line, sizeof(line), f) != NULL)
			fputs(line, stderr);
	}
	END
	${CC:-cc} -shared -fPIC -o calls.so calls.c
	big_frames 2000
	"$BUILD/bin/shmif_pcapin" in.pcap bus
	local args calls
	for args in "-w out.pcap" "-F -c 2000 -w out.pcap" \
	    "--pcapng -w out.pcap"; do
		LD_PRELOAD="$PWD/calls.so" "$dump" $args bus 2>err
		calls=$(sed -n 's/^syscw: //p' err)
		[ -n "$calls" ] || skip "the kernel does not count"
		echo "$args: $calls"
		[ "$calls" -le 40 ] # 3 MB; page by page there would be 750
	done
}

@test "a pipe that nobody reads does not keep it from the bus" {
	local dumper reader
	# More than bus and pipe hold, and less than half-empty chunks do.
	big_frames 2600
	follow_into_pipe
	run -0 timeout 60 "$BUILD/bin/shmif_pcapin" -w in.pcap bus 7>&-
	kill -INT $dumper
	read_pipe
	finished $dumper 0
	wait $reader
	cat none.err
	[ ! -s none.err ]
	cmp want got
}

@test "memory is bounded; then one waits, and the bus tells what is lost" {
	local dumper reader feeder rss lost
	big_frames 12000
	follow_into_pipe
	start fed "$BUILD/bin/shmif_pcapin" -w in.pcap bus
	feeder=$PID
	# What bus, memory and pipe hold is 7570 at most.
	until_true eval '[ $("$dump" -h bus | sed -n "s/^tail *//p") -gt 7570 ]'
	rss=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' /proc/$dumper/status)
	echo "$rss KiB"
	[ -n "${SHMIF_SAN-}" ] || [ "$rss" -le 16384 ]
	read_pipe
	finished $feeder 0
	kill -INT $dumper
	finished $dumper 0
	wait $reader
	# pcapin waits for nobody who takes nothing for a while.
	cat none.err
	lost=$(sed -nE 's/.*: ([0-9]+) frames? lost:.*/\1/p' none.err)
	[ $((${lost:-0} + $(wc -l <got))) -eq 12000 ]
	[ "$(wc -l <got)" -ge 4000 ] # without memory it is half as many
}

@test "interrupted, and nobody reads the pipe: it ends all the same" {
	local dumper
	big_frames 400
	follow_into_pipe
	"$BUILD/bin/shmif_pcapin" -w in.pcap bus 7>&-
	kill -INT $dumper
	finished $dumper 1 || { cat none.err; false; }
	grep -q 'pipe: Interrupted system call' none.err
}

@test "a pipe whose reader goes: it ends, though nothing comes any more" {
	local dumper
	big_frames 400
	follow_into_pipe
	"$BUILD/bin/shmif_pcapin" -w in.pcap bus 7>&-
	exec 7>&-
	finished $dumper 0
	[ ! -s none.err ]
}
