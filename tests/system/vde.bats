# SPDX-License-Identifier: BSD-2-Clause
# bats file for the plug-in that makes a bus a network of VDE.
#
# slow: 20

load ../lib/dumpbus
load ../lib/vdetree

# client NAME URL [OPTION...] - it reads the FIFO NAME.in and writes to NAME.out
client()
{
	local name=$1 url=$2
	shift 2
	[ -p $name.in ] || mkfifo $name.in
	# Open for writing as long as the test runs.
	eval "exec {fd_$name}<>$name.in"
	INPUT=$name.in start $name.out "$talk" "$@" "$url"
	eval "pid_$name=\$PID"
	until_true grep -q ready $name.out
}

frame() # TO FROM TYPE LENGTH
{
	perl -e 'my ($to, $from, $type, $n) = @ARGV;
	    my $f = "$to$from$type";
	    my $i = length($f) / 2;
	    $f .= sprintf "%02x", $i++ * 7 & 255 while $i < $n;
	    print "$f\n"' "$@"
}

every=ffffffffffff one=020000000001 two=020000000002 three=020000000003
four=020000000004

@test "frames of all lengths, and tags, both ways and unchanged" {
	local mtu n fifo
	tree
	for mtu in 1500 9000 65521; do
		rm -f bus ?.out
		client a "shmif://$BUS[mtu=$mtu/slots=64]"
		client b "shmif://$BUS"
		for n in 14 60 64 $((mtu + 14)); do
			frame $every $one 88b5 $n
		done >sent
		frame $every $one 8100000788b5 $((mtu + 18)) >>sent
		cat sent >a.in
		until_true lines_in b.out 6
		sed 1d b.out | cmp sent -
		sed "s/^$every$one/$one$two/" sent >back
		cat back >b.in
		until_true lines_in a.out 6
		sed 1d a.out | cmp back -
		kill $pid_a $pid_b
		finished $pid_a 0
		finished $pid_b 0
	done
}

@test "what is too long is dropped and said once, and a short buffer cuts" {
	tree
	client a "shmif://$BUS"
	client b "shmif://$BUS" -s 20
	{ frame $every $one 88b5 1519; frame $every $one 88b5 1600
	    frame $every $one 88b5 100; } >a.in
	until_true lines_in b.out 2
	tail -n 1 b.out >got
	frame $every $one 88b5 20 | cmp - got
	[ "$(wc -l <a.out.err)" -eq 1 ]
	grep -q 'longer than the bus carries' a.out.err
	kill $pid_a
	finished $pid_a 0
	[ "$(tail -n 1 a.out.err)" = "vde shmif://$BUS: frames too long: 2" ]
}

@test "what is no bus: errno, and one line that says why" {
	local url
	tree
	echo text >text
	: >$BUS.empty
	for url in "shmif://$PWD/none/bus" "shmif://$PWD/text" \
	    "shmif://$BUS[mtu=9000" "shmif://$BUS[mtu=9000]x" \
	    "shmif://$BUS[speed=9]" "shmif://$BUS[mtu=1]" \
	    "shmif://$BUS[mtu=x]" "shmif://$BUS[slots=3]" \
	    "shmif://$BUS[mode=40000000644]" "shmif://$BUS[mac=0:0:0:0:0:0]" \
	    "shmif://$BUS[mode=999]" "shmif://$BUS[mac=01:02:03:04:05:06]" \
	    "shmif://$BUS[mac=1]" "shmif://$BUS[promisc/learn]" "shmif://" \
	    "shmif://[mtu=1500]" "shmif://$PWD"; do
		run -1 --separate-stderr "$talk" "$url"
		echo "$url: $stderr"
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 2 ] # and our own with errno
		[[ ${stderr_lines[1]} =~ ^errno\ [1-9] ]]
	done
	[ ! -e bus ]
}

@test "no right to the bus, or to its folder: likewise, and the client lives" {
	local url
	tree
	reader_folder
	: >"$READER/none"
	chmod 600 "$READER/none"
	"$feed" "$READER/bus" </dev/null
	chmod 444 "$READER/bus"
	[ "$(id -u)" = 0 ] || chmod 000 "$READER/none"
	for url in "$READER/bus" "$READER/none" "$READER/new"; do
		run -1 --separate-stderr "${as_reader[@]}" "$talk" "shmif://$url"
		echo "$url: $stderr"
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 2 ]
		[ "${stderr_lines[1]}" = 'errno 13' ]
	done
	[ ! -e "$READER/new" ]
	# Clients as they are say it and end by themselves.
	run -1 "${as_reader[@]}" vde_plug "shmif://$READER/bus" null://
	[[ $output == *"vde shmif://$READER/bus: "* ]]
}

@test "two plugs between the same two buses: no storm, and it is said" {
	local i n bus
	tree
	need vde_plug
	for i in 1 2; do
		start plug$i vde_plug "shmif://$PWD/a" "shmif://$PWD/b"
	done
	for bus in a b; do
		until_true eval \
		    '"$dump" -h $bus 2>/dev/null | grep -q "^attached  2$"'
	done
	# Of two stations, to everybody and to each other, one by one.
	for ((i = 0; i < 20; i++)); do
		frame $every $one 88b5 $((60 + i)) | "$feed" -i -q a
		frame $one $two 88b5 $((60 + i)) | "$feed" -i -q b
	done
	until_true grep -q 'a loop: frames of 02:00:00:00:00:0' plug1.err plug2.err
	# One more, and whatever went around has passed.
	client c "shmif://$PWD/a"
	frame $every $three 88b5 60 | "$feed" -i -q b
	until_true grep -q "^$every$three" c.out
	# Each was on each bus three times at most.
	for bus in a b; do
		"$dump" -w $bus.pcap $bus 2>/dev/null
		n=$("$pcap_hex" $bus.pcap | wc -l)
		echo "$bus: $n"
		[ "$n" -le 123 ]
	done
	[ "$(cat plug1.err plug2.err | wc -l)" -le 4 ]
}

@test "24 clients killed and restarted at random; CHURN=60: for a minute" {
	tree
	need vde_plug python3
	seed
	mkdir lonely
	run -0 python3 "$TOP/tests/system/vde_churn" lonely/bus "${CHURN:-3}" \
	    "$SEED" "$BUILD/bin/shmifctl"
	echo "$output"
	[ "$(ls -A lonely)" = bus ]
}

@test "options: geometry, mode, name, address" {
	tree
	client a "shmif://$BUS[mtu=9000/slots=64/mode=640/name=q1/mac=02:00:00:00:00:09]"
	[ "$(stat -c %a bus)" = 640 ]
	"$dump" -h bus >header
	cat header
	grep -q '^mtu *9000$' header
	grep -q '^slots *64$' header
	grep -q '02:00:00:00:00:09  alive  pid .* name q1$' header
	# A path that is not absolute is one of this folder.
	client b "shmif://bus"
	"$dump" -h bus | grep -q '^attached  2$'
}

@test "one station is woken for its own frames only; many get theirs" {
	tree
	client a "shmif://$BUS[name=a]"
	client b "shmif://$BUS[name=b]"
	client p "shmif://$BUS[name=p/promisc]"
	frame $every $two 88b5 60 >b.in
	until_true lines_in a.out 2
	until_true lines_in p.out 2
	"$dump" -h bus | grep -q "02:00:00:00:00:02  alive  pid .*name b$"
	{ frame $two $one 88b5 61; frame $three $one 88b5 62
	    frame $four $one 88b5 63; frame $every $one 88b5 64; } >a.in
	until_true lines_in b.out 3
	until_true lines_in p.out 6
	{ frame $two $one 88b5 61; frame $every $one 88b5 64; } >want
	tail -n +2 b.out | cmp want -
	! "$dump" -h bus | grep 'promiscuous.*name b$' || false
	# A second station behind it, as behind a bridge.
	frame $every $three 88b5 65 >b.in
	until_true lines_in a.out 3
	{ frame $two $one 88b5 71; frame $three $one 88b5 72
	    frame $four $one 88b5 73; frame $every $one 88b5 74; } >a.in
	until_true lines_in b.out 6
	{ frame $two $one 88b5 71; frame $three $one 88b5 72
	    frame $every $one 88b5 74; } >>want
	tail -n +2 b.out | cmp want -
	until_true lines_in p.out 11
}

@test "a client that becomes a daemon, one that unshares, no needless wake-ups" {
	local i
	tree
	client a "shmif://$BUS" -f
	client b "shmif://$BUS"
	for ((i = 60; i < 80; i++)); do
		frame $every $one 88b5 $i >a.in
		until_true lines_in b.out $((i - 58))
	done
	frame $one $two 88b5 60 >b.in
	until_true lines_in a.out 2
	run timeout 60 "$talk" -u "shmif://$BUS" </dev/null
	[ "$status" -eq 77 ] || [ "$status" -eq 0 ]
	kill $pid_b
	finished $pid_b 0
	# One began it all.
	tail -n 1 b.out
	[ "$(sed -n 's/^end //p' b.out)" -le 3 ]
}

# Whether shmbus_fd() needs no thread here.
io_uring()
{
	[ "$(cat /proc/sys/kernel/io_uring_disabled 2>/dev/null)" = 0 ] &&
		[ "$(printf '6.7\n%s\n' "$(uname -r)" | sort -V | head -n 1)" = 6.7 ]
}

@test "no thread, and readable only when a frame waits" {
	local i
	tree
	io_uring || skip 'this kernel cannot wait for a futex by io_uring'
	export SHMBUS_FD=io_uring
	client a "shmif://$BUS"
	client b "shmif://$BUS"
	[ "$(ls /proc/$pid_b/task | wc -l)" -eq 1 ]
	for ((i = 60; i < 80; i++)); do
		frame $every $two 88b5 $i >b.in
		until_true lines_in a.out $((i - 58))
		frame $three $one 88b5 $i >a.in
		frame $two $one 88b5 $i >a.in
		until_true lines_in b.out $((i - 58))
	done
	[ "$(ls /proc/$pid_b/task | wc -l)" -eq 1 ]
	sleep 1.5
	kill $pid_b
	finished $pid_b 0
	[ "$(tail -n 1 b.out)" = 'end 0' ]
}

@test "a daemon that only listens attaches by itself" {
	tree
	client a "shmif://$BUS" -f
	client b "shmif://$BUS"
	until_true eval '"$dump" -h bus | grep -q "^attached  3$"'
	frame $every $two 88b5 60 >b.in
	until_true lines_in a.out 2
}

@test "killed and begun again: the others go on, the dead are cleaned up" {
	local i
	tree
	client a "shmif://$BUS"
	for ((i = 0; i < 5; i++)); do
		client b "shmif://$BUS"
		frame $every $two 88b5 $((60 + i)) >b.in
		until_true lines_in a.out $((i + 2))
		kill -KILL $pid_b
		wait $pid_b 2>/dev/null || true
		rm b.in
	done
	# Its place was taken each time.
	[ "$("$dump" -h bus | grep -cE ' (alive|dead)  ')" -le 2 ]
	[ "$(ls bus*)" = bus ]
}

@test "make install puts it where the loader looks, uninstall takes it away" {
	tree
	make -C "$TOP" install DESTDIR="$PWD/d" PREFIX=/opt >log 2>&1 ||
		{ cat log; return 1; }
	[ -e d/opt/lib/libvdeplug_shmif.so ]
	[ -e d/opt/share/man/man1/libvdeplug_shmif.1 ]
	unset VDEPLUGIN_PATH
	run -0 env LD_LIBRARY_PATH="$PWD/d/opt/lib" "$talk" "shmif://$BUS" \
	    </dev/null
	[ "${lines[0]}" = ready ]
	make -C "$TOP" uninstall DESTDIR="$PWD/d" PREFIX=/opt >log 2>&1
	[ -z "$(find d ! -type d)" ]
}
