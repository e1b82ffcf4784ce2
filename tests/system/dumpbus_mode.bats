# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmif_dumpbus: who may read a capture, and whose it is.

load ../lib/dumpbus

# A folder that an unprivileged user has, with a bus that he may read.
user_folder()
{
	reader_folder
	[ ${#as_reader[@]} -gt 0 ] || skip 'needs root, who gives files away'
	cd "$READER"
	"$feed" -q -x $arp bus
	chmod 644 bus
	mkdir his
	chown 65534:65534 his
	umask 022
}

whose() # FILE
{
	stat -c '%a %u:%g' "$1"
}

@test "a file that is replaced keeps its permissions, never more meanwhile" {
	local mode
	umask 022
	"$feed" -q -x $arp bus
	for mode in 600 640 400 666 755; do
		rm -f out.pcap
		: >out.pcap
		chmod $mode out.pcap
		[ "$(id -u)" = 0 ] || [ $mode != 400 ] || continue
		"$dump" -w out.pcap bus
		[ "$(stat -c %a out.pcap)" = $mode ]
		frames_in out.pcap 1
		"$dump" -w out.pcap --pcapng bus
		[ "$(stat -c %a out.pcap)" = $mode ]
		start none "$dump" -F -c 1 -w out.pcap bus
		finished $PID 0
		[ "$(stat -c %a out.pcap)" = $mode ]
	done
	: >part0
	chmod 600 part0
	"$dump" -w part -C 1 -W 1 bus
	[ "$(stat -c %a part0)" = 600 ]
	frames_in part0 1
	"$dump" -w new.pcap bus
	[ "$(stat -c %a new.pcap)" = 644 ]
	nothing_temporary
}

@test "until it is complete nobody else may open it" {
	umask 022
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
	start none env LD_PRELOAD="$PWD/slow.so" "$dump" bus -w out.pcap
	until_true grep -q waiting none.err
	[ "$(stat -c %a .shmif_dumpbus*)" = 600 ]
	kill -INT $PID
	finished $PID 130
	nothing_temporary
}

@test "a file keeps its owner: root gives it back" {
	user_folder
	: >his/out.pcap
	chown 65534:12345 his/out.pcap
	chmod 640 his/out.pcap
	"$dump" -w his/out.pcap bus
	[ "$(whose his/out.pcap)" = '640 65534:12345' ]
	frames_in his/out.pcap 1
	nothing_temporary
}

@test "a file keeps its owner: who cannot give it back writes into it" {
	local inode
	user_folder
	echo old >his/out.pcap
	chmod 666 his/out.pcap
	inode=$(stat -c %i his/out.pcap)
	"${as_reader[@]}" "$dump" -w his/out.pcap bus
	[ "$(whose his/out.pcap)" = '666 0:0' ]
	[ "$(stat -c %i his/out.pcap)" = "$inode" ]
	frames_in his/out.pcap 1
	nothing_temporary
	# So in a folder that is not his.
	mv his/out.pcap .
	chmod 755 .
	"$feed" -q -x $arp_reply bus
	"${as_reader[@]}" "$dump" -w out.pcap bus
	[ "$(whose out.pcap)" = '666 0:0' ]
	frames_in out.pcap 2
	nothing_temporary
}

@test "who may not write to a file does not replace it" {
	user_folder
	echo old >his/out.pcap
	for owner in 0 65534; do
		chown $owner his/out.pcap
		chmod 444 his/out.pcap
		run "${as_reader[@]}" "$dump" -w his/out.pcap bus
		refused 1 'his/out.pcap: Permission denied'
		[ "$(cat his/out.pcap)" = old ]
		[ "$(stat -c '%a %u' his/out.pcap)" = "444 $owner" ]
	done
	nothing_temporary
}

@test "where something is mounted, it is written into" {
	"$feed" -q -x $arp bus
	: >here.pcap
	: >out.pcap
	cat >mounted <<-'END'
	mount --bind here.pcap out.pcap || exit 77
	"$1" -w out.pcap bus
	END
	status=0
	unshare -m sh ./mounted "$dump" 2>said || status=$?
	[ $status -ne 77 ] && [ "$(id -u)" = 0 ] || skip 'cannot mount here'
	[ $status -eq 0 ]
	grep -q 'out.pcap: written in place' said
	frames_in here.pcap 1
	[ ! -s out.pcap ]
	nothing_temporary
}

@test "a symbolic link that leads nowhere yet is followed as others are" {
	"$feed" -q -x $arp bus
	mkdir far
	ln -s ../far/target far/second
	ln -s far/second out.pcap
	"$dump" -w out.pcap bus
	[ -L out.pcap ]
	[ -L far/second ]
	[ ! -L far/target ]
	frames_in far/target 1
	ln -s "$PWD/far/absolute" other.pcap
	"$dump" -w other.pcap bus
	frames_in far/absolute 1
	ln -s missing/x broken.pcap
	run -1 "$dump" -w broken.pcap bus
	refused 1 'broken.pcap: No such file'
	ln -s round round
	run -1 "$dump" -w round bus
	refused 1 'round: Too many levels'
	nothing_temporary
}

@test "a file with attributes of its own keeps them" {
	cat >attribute.c <<-END
	#include <sys/xattr.h>
	int main(int argc, char **argv)
	{
		char text[8];
		if (argc > 2)
			return setxattr(argv[1], "user.note", "mine", 4, 0);
		return getxattr(argv[1], "user.note", text, 8) != 4;
	}
	END
	${CC:-cc} -o attribute attribute.c
	"$feed" -q -x $arp bus
	: >out.pcap
	./attribute out.pcap set || skip 'no attributes here'
	"$dump" -w out.pcap bus
	./attribute out.pcap
	frames_in out.pcap 1
	nothing_temporary
}
