#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two unprivileged processes, each a TCP/IP stack of its own, on one bus that
# is a file.  See "make demo" in the README.
#
#	BUILD=build [STACK=lwip] [FILE=a file to transfer] demo/demo.sh
set -u

build=${BUILD:-build}
stack=${STACK:-lwipv6}
peer=$build/demo/peer_$stack
dump=$build/bin/shmif_dumpbus
pcap=$build/demo.pcap

fail() {
	printf 'demo: %s\n' "$*" >&2
	exit 1
}

[[ $stack =~ ^lwip(v6)?$ ]] || fail "STACK=$stack: it is lwipv6 or lwip"
[ -x "$peer" ] || fail "$peer was not built: no source of $stack, it seems"

dir=$(mktemp -d "${TMPDIR:-/tmp}/shmif-demo.XXXXXX") || fail 'no folder'
# A stack needs no rights, so where this runs as root they are put down.
as=()
if [ "$(id -u)" -eq 0 ]; then
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
	chown 65534:65534 "$dir" || fail "cannot give $dir away"
	# The programs may be where others may not look.
	mkdir "$dir/bin" "$dir/lib"
	cp "$peer" "$dir/bin/" && cp "$build"/lib/*.so.1 "$dir/lib/" ||
		fail 'cannot copy the programs'
	peer=$dir/bin/${peer##*/}
	export LD_LIBRARY_PATH=$dir/lib
fi
bus=$dir/bus.file
pids=()
cleanup() {
	local pid
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# tell FD-in FD-out COMMAND...: gives a command and shows the answer
tell() {
	local in=$1 out=$2 reply
	shift 2
	printf '%s\n' "$*" >&"$in" || fail "a stack has died"
	read -r reply <&"$out" || fail "a stack has died on: $*"
	printf '    %s\n' "$reply"
	case $reply in
	ok*) ;;
	*) fail "that was not expected" ;;
	esac
}

printf '%s\n' "A network of two processes, as user $(
	[ ${#as[@]} -eq 0 ] && id -un || echo nobody), in the file" "    $bus" ''

echo "Two stacks ($stack) attach to it; the first one creates it:"
coproc A { exec "${as[@]}" "$peer" "$bus" 10.0.0.1/24 fd00::1/64; }
pids+=("$A_PID")
exec {a_out}<&"${A[0]}" {a_in}>&"${A[1]}"
read -r line <&"$a_out" || fail 'stack A did not start'
printf '    A, 10.0.0.1 and fd00::1: %s\n' "$line"
# (bash warns of a second coprocess, but can.)
{ coproc B { exec "${as[@]}" "$peer" "$bus" 10.0.0.2/24 fd00::2/64 2>&3; }; } \
	3>&2 2>/dev/null
pids+=("$B_PID")
exec {b_out}<&"${B[0]}" {b_in}>&"${B[1]}"
read -r line <&"$b_out" || fail 'stack B did not start'
printf '    B, 10.0.0.2 and fd00::2: %s\n' "$line"

printf '\n%s\n' 'They ping each other, over IPv4 and IPv6:'
tell "$a_in" "$a_out" ping 10.0.0.2 5 56
tell "$b_in" "$b_out" ping 10.0.0.1 5 56
tell "$a_in" "$a_out" ping fd00::2 5 56
tell "$b_in" "$b_out" ping fd00::1 5 56

file=$dir/original
if [ -n "${FILE:-}" ]; then
	cp "$FILE" "$file" || fail "cannot read $FILE"
	what=$FILE
else
	tar -C / -cf - usr/lib usr/share 2>/dev/null | head -c 64M >"$file"
	what='the first 64 MiB of a tar archive of /usr/lib and /usr/share'
fi
chmod a+r "$file"
sum=$(sha256sum <"$file")
printf '\n%s\n' "A serves $what"
printf '    %s bytes, sha256 %s\n' "$(stat -c %s "$file")" "${sum%% *}"
tell "$a_in" "$a_out" serve "$file"

for address in 10.0.0.1 fd00::1; do
	printf '\n%s\n' "B fetches it over TCP from $address:"
	tell "$b_in" "$b_out" fetch "$address" "$dir/copy"
	copy=$(sha256sum <"$dir/copy")
	printf '    %s bytes, sha256 %s\n' "$(stat -c %s "$dir/copy")" \
		"${copy%% *}"
	[ "$sum" = "$copy" ] || fail 'the copy differs from the original'
	echo '    the same'
	rm -f "$dir/copy"
done

printf '\n%s\n' 'What each of them counted:'
echo '  A:'
tell "$a_in" "$a_out" count
echo '  B:'
tell "$b_in" "$b_out" count

printf '\n%s\n' 'What the bus itself says ($ shmif_dumpbus -h):'
"$dump" -h "$bus" | sed 's/^/    /' || fail 'shmif_dumpbus -h'

printf '\n%s\n' 'The last frames, as every bus remembers them, become a pcap:'
printf '%s\n' "    \$ shmif_dumpbus -w $pcap $bus"
"$dump" -w "$pcap" "$bus" || fail 'shmif_dumpbus -w'
tcpdump=$(PATH=$PATH:/usr/sbin:/sbin command -v tcpdump) ||
	fail 'no tcpdump'
printf '%s\n' "    \$ tcpdump -n -r $pcap | tail"
"$tcpdump" -n -r "$pcap" 2>/dev/null | tail | cut -c -150 | sed 's/^/    /'
frames=$("$tcpdump" -n -r "$pcap" 2>/dev/null | wc -l)
[ "$frames" -gt 0 ] || fail 'an empty pcap'
printf '\n%s\n' "All is well.  $frames frames are in $pcap"
