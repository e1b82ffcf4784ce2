# SPDX-License-Identifier: BSD-2-Clause
# What the tests of shmif_dumpbus have in common; bats loads it.

bats_require_minimum_version 1.5.0
load ../lib/jobs

setup()
{
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	BUILD=${BUILD:-$TOP/build}
	dump=$BUILD/bin/shmif_dumpbus
	feed=$BUILD/tests/system/busfeed
	pcap_hex=$TOP/tests/system/pcap_hex
	# bats keeps files of its own in the folder above.
	mkdir "$BATS_TEST_TMPDIR/here" && cd "$BATS_TEST_TMPDIR/here" || return
	READER=
}

teardown()
{
	end_all
	[ -z "$READER" ] || rm -rf "$READER"
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

# need TOOL... - those that are not part of every system; CI has to have them.
need()
{
	local tool
	for tool; do
		command -v "$tool" >/dev/null && continue
		[ "${CI-}" != true ] || { echo "$tool is not there"; return 1; }
		skip "$tool is not there"
	done
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

frames_in() # FILE COUNT
{
	[ "$("$pcap_hex" "$1" 2>/dev/null | wc -l)" -ge "$2" ]
}
