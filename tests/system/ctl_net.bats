# SPDX-License-Identifier: BSD-2-Clause
# bats file for stacks that are processes, on buses: what NetBSD's tests of
# shmif(4) check, with shmif_server and shmifctl.
#
# slow: 60

load ../lib/ctl

# answers NAME HOST [OPTION...] - stack NAME gets replies from HOST to all
# requests, in the end: whoever came late has his first frames lost.
answers()
{
	until_true all_come "$@"
}

all_come()
{
	local name=$1 host=$2
	shift 2
	on "$name" -j ping "$host" -c 2 -i 0.01 "$@" >ping.out 2>&1 &&
	    perl -MJSON::PP -0777 -e '
		my $p = decode_json(<STDIN>);
		exit !($p->{sent} == 2 && $p->{received} == 2 &&
		    $p->{duplicates} == 0 && @{$p->{replies}} == 2)' <ping.out
}

# silent NAME HOST - stack NAME gets no reply from HOST.
silent()
{
	run on "$1" ping "$2" -c 3 -i 0.1 -W 0.5
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *' sent, 0 received'* || $output == *nreach* ]]
}

# joined NUMBER... - stacks with shmif0 on the bus, at 10.0.0.N and fd00::N.
joined()
{
	local n
	serve "$@"
	for n; do
		on "$n" shmif0 create -autoconf linkstr bus \
		    inet "10.0.0.$n/24" inet6 "fd00::$n/64" up
	done
}

# counter NAME COUNTER [INTERFACE]
counter()
{
	on "$1" -j "${3:-shmif0}" | perl -MJSON::PP -0777 -e '
	    print decode_json(<STDIN>)->{interfaces}[0]{counters}{$ARGV[0]}' "$2"
}

@test "crossping: eight stacks, each with each" {
	local i j
	joined {1..8}
	for i in {1..8}; do
		for j in {1..8}; do
			[ "$i" = "$j" ] || answers "$i" "10.0.0.$j"
		done
		answers "$i" "fd00::$((i % 8 + 1))" -s 1000
	done
	run -0 "$ctl" bus bus
	[ "$(grep -c ' alive ' <<<"$output")" -eq 8 ]
	# Everybody has met everybody.
	run -0 on 1 arp
	[ "$(grep -cE '^10\.0\.0\.[2-8] +b2:a0:.* shmif0 +known$' <<<"$output")" \
	    -eq 7 ]
	run -0 on 1 ndp shmif0
	grep -qE '^fd00::2 +b2:a0:.* shmif0 +known$' <<<"$output"
}

@test "ping says what came, and what did not" {
	joined 1 2
	answers 1 10.0.0.2
	run -0 on 1 ping 10.0.0.2 -c 3 -i 0.01 -s 100 -W 60
	echo "$output"
	[[ ${lines[0]} =~ ^[0-9]+\ bytes\ from\ 10\.0\.0\.2:\ seq=0\ ttl=[0-9]+\ time=[0-9.]+\ ms$ ]]
	[ "${lines[3]}" = '--- 10.0.0.2 ---' ]
	[ "${lines[4]}" = '3 sent, 3 received, 0% lost' ]
	[[ ${lines[5]} =~ ^min/avg/max\ [0-9.]+/[0-9.]+/[0-9.]+\ ms$ ]]
	run -1 on 1 ping 10.0.0.3 -c 2 -i 0.01 -W 0.1
	[ "$output" = $'--- 10.0.0.3 ---\n2 sent, 0 received, 100% lost' ]
	# Its own addresses answer too.
	answers 1 127.0.0.1
	answers 1 10.0.0.1
	# Ended in the middle, it leaves the server as it was.
	start ping.log "$ctl" -s "unix://$HERE/1.sock" ping 10.0.0.2 -c 100000
	until_true grep -q seq=1 ping.log
	kill "$PID"
	wait "$PID" || :
	answers 1 10.0.0.2
}

@test "down, unplugged, unlinked: nothing passes; then it does again" {
	local way back
	joined 1 2
	answers 1 10.0.0.2
	for way in "down:up" "media none:media auto" "-linkstr:linkstr bus"; do
		back=${way#*:} way=${way%%:*}
		on 2 shmif0 $way
		silent 1 10.0.0.2
		silent 1 fd00::2
		silent 2 10.0.0.1
		on 2 shmif0 $back
		answers 1 10.0.0.2
		answers 1 fd00::2
		answers 2 10.0.0.1
	done
	# Nothing of one who is unplugged is on the bus.
	on 2 shmif0 media none
	run -0 "$ctl" bus bus
	[[ $output == *' 1 attached'* ]]
	run -0 on 2 shmif0
	[[ $output == *'flags=0x3<UP,BROADCAST>'* ]]
	[[ $output == *'media none status no carrier'* ]]
}

@test "another bus: out of reach of the old one, within that of the new" {
	joined 1 2
	answers 1 10.0.0.2
	on 2 shmif0 linkstr other
	silent 1 10.0.0.2
	on 1 shmif0 linkstr other
	answers 1 10.0.0.2
}

@test "alias addresses: each answers, until it is removed" {
	local i
	joined 1 2
	on 2 shmif0 inet 10.0.0.21/24 alias inet 10.0.0.22/24 alias
	for i in 2 21 22; do
		answers 1 "10.0.0.$i"
	done
	on 2 shmif0 inet 10.0.0.21 -alias
	silent 1 10.0.0.21
	answers 1 10.0.0.2
	answers 1 10.0.0.22
	# Set, not added: the first one goes.
	on 2 shmif0 inet 10.0.0.23/24
	answers 1 10.0.0.23
	answers 1 10.0.0.22
	silent 1 10.0.0.2
	on 2 shmif0 inet6 fd00::22/64 inet6 fd00::2 delete
	answers 1 fd00::22
	silent 1 fd00::2
}

@test "the mtu of each interface: what it sends is cut to it" {
	joined 1 2
	answers 1 10.0.0.2 -s 1400
	on 1 shmif0 mtu 576
	answers 1 10.0.0.2 -s 1400
	run -0 on 2 -j shmif0
	[[ $output == *'"mtu":1500'* ]]
	"$dump" -w all.pcap bus
	# None of its own frames after that was longer; its peer's were.
	tcpdump -n -e -r all.pcap 'src 10.0.0.1 and icmp' 2>/dev/null |
	    grep -oE ' length [0-9]+: ' | tr -dc '0-9\n' | tail -n 6 >sent
	cat sent
	[ "$(sort -n sent | tail -n 1)" -le 590 ]
	[ "$(tcpdump -n -r all.pcap 'src 10.0.0.1 and ip[6:2] & 0x3fff != 0' \
	    2>/dev/null | wc -l)" -ge 6 ]
	[ "$(tcpdump -n -r all.pcap 'src 10.0.0.2 and greater 1442' \
	    2>/dev/null | wc -l)" -ge 4 ]
}

@test "a stack on two buses forwards between them, IPv4 and IPv6" {
	serve a router b
	on a shmif0 create -autoconf linkstr bus1 inet 10.1.0.1/24 \
	    inet6 2001:db8:1::1/64 up
	on b shmif0 create -autoconf linkstr bus2 inet 10.2.0.1/24 \
	    inet6 2001:db8:2::1/64 up
	on router shmif0 create -autoconf linkstr bus1 inet 10.1.0.254/24 \
	    inet6 2001:db8:1::ff/64 up
	on router shmif1 create -autoconf linkstr bus2 inet 10.2.0.254/24 \
	    inet6 2001:db8:2::ff/64 up
	on a route add default 10.1.0.254
	on a route add default 2001:db8:1::ff
	on b route add 10.1.0.0/24 10.2.0.254
	on b route add 2001:db8:1::/64 2001:db8:2::ff
	answers a 10.1.0.254
	answers b 10.2.0.254
	on router forward off
	silent a 10.2.0.1
	on router forward on
	run -0 on router server
	[[ $output == *' forward on' ]]
	answers a 10.2.0.1
	answers b 10.1.0.1
	answers a 2001:db8:2::1
	answers b 2001:db8:1::1
	answers a 10.2.0.1 -s 1400
	# The time to live tells that somebody was in between.
	on a -j ping 10.2.0.1 -c 1 -W 60 >far
	on a -j ping 10.1.0.254 -c 1 -W 60 >near
	on a -j ping 2001:db8:2::1 -c 1 -W 60 >far6
	on a -j ping 2001:db8:1::ff -c 1 -W 60 >near6
	perl -MJSON::PP -0777 -e '
	    my @ttl = map { open my $f, "<", $_ or die;
		decode_json(<$f>)->{replies}[0]{ttl} } qw(far near far6 near6);
	    print "ttl @ttl\n";
	    exit !("@ttl" eq "63 64 63 64")'
	# The router is itself on either side, in fragments too.
	answers a 10.2.0.254
	answers b 10.1.0.254
	answers a 2001:db8:2::ff
	answers b 2001:db8:1::ff
	answers a 10.2.0.254 -s 4000
	answers a 2001:db8:2::ff -s 4000
	answers b 2001:db8:1::ff -s 60000
	answers a ::1 -s 1500
	# By the interface that is named, where no route tells which.
	local own
	own=$(on b shmif0 | grep -oE 'fe80::[0-9a-f:]+')
	answers router "$own%shmif1"
	silent router "$own%shmif0"
	said 'shmif9: no such interface' on router ping "$own%shmif9"
	on router forward off
	silent a 10.2.0.1
	silent a 10.2.0.254
}

@test "destroyed while in use, again and again" {
	local i
	joined 1 2
	answers 1 10.0.0.2
	start flood "$ctl" -s "unix://$HERE/1.sock" ping 10.0.0.2 -c 1000000 \
	    -i 0.001 -s 1000
	local flood=$PID
	for i in {1..8}; do
		until_true counts 2 in_frames
		on 2 shmif0 destroy
		[ "$(on 2 -l)" = lo0 ]
		on 2 shmif0 create -autoconf linkstr bus inet 10.0.0.2/24 up
	done
	# And the one that sends.
	on 1 shmif0 destroy
	on 1 shmif0 create -autoconf linkstr bus inet 10.0.0.1/24 up
	answers 2 10.0.0.1
	kill "$flood"
	wait "$flood" || :
	answers 1 10.0.0.2
	on 1 halt
	on 2 halt
	finished "${SERVER[1]}" 0
	finished "${SERVER[2]}" 0
	run -0 "$ctl" bus bus
	[[ $output == *' 0 attached' ]]
}

# Whether stack NAME's unit, which is new, counts COUNTER.
counts() # NAME COUNTER
{
	[ "$(counter "$1" "$2")" -gt 0 ]
}

@test "one stack is killed: the others go on, and it can come back" {
	joined 1 2 3 4
	answers 1 10.0.0.2
	answers 1 10.0.0.3
	kill -KILL "${SERVER[3]}"
	wait "${SERVER[3]}" || :
	answers 1 10.0.0.2
	answers 4 10.0.0.2
	answers 2 fd00::4
	silent 1 10.0.0.3
	# It is seen to be dead, or its place was taken already.
	run -0 "$ctl" bus bus
	[ "$(grep -c ' alive ' <<<"$output")" -eq 3 ]
	# Its socket is taken over by the next one of this name.
	[ -S 3.sock ]
	said "unix://$HERE/3.sock: nobody serves this socket" on 3 shmif0
	joined 3
	answers 1 10.0.0.3
	answers 3 10.0.0.4
}

@test "ARP, gratuitous too, and neighbour discovery are seen in the capture" {
	joined 1 2
	answers 1 10.0.0.2
	answers 2 fd00::1
	# An address is announced, when nobody has objected to it.
	until_true announced
	tcpdump -n -r all.pcap icmp6 2>/dev/null >nd
	cat arp nd
	# Then it is asked for, and told.
	grep -qE 'Request who-has 10\.0\.0\.2 tell 10\.0\.0\.1,' arp
	grep -qE 'Reply 10\.0\.0\.2 is-at b2:a0:' arp
	grep -qE 'neighbor solicitation, who has fd00::1,' nd
	grep -qE 'neighbor advertisement, tgt is fd00::1,' nd
	# Hardware addresses in it are those that are shown.
	local mac
	mac=$(on 2 -j shmif0 | perl -MJSON::PP -0777 -e '
	    print decode_json(<STDIN>)->{interfaces}[0]{mac}')
	grep -qE "Reply 10\.0\.0\.2 is-at $mac," arp
}

announced()
{
	"$dump" -w all.pcap bus
	tcpdump -n -e -r all.pcap arp 2>/dev/null >arp
	grep -qE 'ff:ff:ff:ff:ff:ff.*(Request who-has 10\.0\.0\.2 (\(ff:ff:ff:ff:ff:ff\) )?tell 10\.0\.0\.2|Reply 10\.0\.0\.2 is-at)' arp
}

@test "duplicate address detection is seen in the capture" {
	serve 1
	on 1 shmif0 create linkstr bus up
	until_true has_link_local 1
	"$dump" -w all.pcap bus
	tcpdump -n -r all.pcap icmp6 2>/dev/null | tee nd
	# From no address, for the address that it is to get.
	grep -qE 'IP6 :: > ff02::1:ff.*: ICMP6, neighbor solicitation, who has fe80::' nd
}

has_link_local()
{
	on "$1" shmif0 | grep -q 'inet6 fe80::'
}

# What a router is to say on its first interface, every few seconds.
advertise()
{
	cat <<-END
	[sh0]
	AdvSendAdvert = on
	MinRtrAdvInterval = 3
	MaxRtrAdvInterval = 4
	AddPrefix = 2001:db8:7::0/64 , AdvOnLinkFlag = on , AdvAutonomousFlag = on
	END
}

@test "multicast is delivered to all, and what it says is done" {
	advertise >radv.conf
	serve router 1 2 3
	local i
	for i in 1 2 3; do
		on $i shmif0 create linkstr bus up
	done
	on router shmif0 create radv -autoconf linkstr bus \
	    inet6 2001:db8:7::ff/64
	on router radv radv.conf
	on router shmif0 up
	for i in 1 2 3; do
		until_true configured $i
	done
	for i in 1 2 3; do
		answers $i 2001:db8:7::ff
	done
	"$dump" -w all.pcap bus
	tcpdump -n -r all.pcap 2>/dev/null |
	    grep -qE 'IP6 fe80::[0-9a-f:]+ > ff02::1: ICMP6, router advertisement'
}

@test "radv: at once on what is up, from its own address, a router or not" {
	advertise >radv.conf
	serve router a b
	on router shmif0 create radv -autoconf linkstr bus \
	    inet6 2001:db8:7::ff/64 up
	on router shmif1 create -autoconf linkstr bus2 \
	    inet6 2001:db8:2::ff/64 up
	on b shmif0 create -autoconf linkstr bus2 inet6 2001:db8:2::1/64 up
	on b route add 2001:db8:7::/64 2001:db8:2::ff
	on a shmif0 create linkstr bus up
	on router radv radv.conf
	until_true configured a
	advertised 0
	run -0 on a route
	[[ $output != *' fe80::'* ]]
	run ! answers_default
	# Said twice it is not there twice.
	on router forward on
	on router radv radv.conf
	advertised 1800
	[ "$(grep -o 'prefix info option' ra.log | wc -l)" -eq 1 ]
	until_true answers_default
	run -0 on a route
	echo "$output"
	[[ $output == *' fe80::'* ]]
}

@test "radv: who asks is answered, alone if that is wanted" {
	cat >radv.conf <<-END
	[sh0]
	AdvSendAdvert = on
	UnicastOnly = on
	AddPrefix = 2001:db8:7::0/64 , AdvOnLinkFlag = on , AdvAutonomousFlag = on
	END
	serve router a
	on router shmif0 create radv -autoconf linkstr bus up
	on router radv radv.conf
	on a shmif0 create linkstr bus up
	until_true configured a
	"$dump" -w all.pcap bus
	tcpdump -n -r all.pcap 'ip6[40] = 134 and ip6[24] = 0xfe' 2>/dev/null |
	    tee ra.log
	grep -q 'router advertisement' ra.log
	on router server >/dev/null
}

@test "radv: a file that is not understood is refused, and changes nothing" {
	serve router
	on router shmif0 create radv -autoconf linkstr bus up
	on router shmif1 create radv -autoconf linkstr bus2 up
	on router shmif2 create
	advertise >radv.conf
	on router radv radv.conf
	refuses 'it says nothing of any interface' ''
	refuses 'line 1: not understood' 'interface shmif0 {' \
	    '  AdvSendAdvert on;' '};'
	refuses 'line 2: of which interface? [sh0] begins what is said of sh0' \
	    '# none' 'AdvSendAdvert = on'
	refuses 'line 2: not understood' '[sh0]' 'AdvSendAdvert on'
	refuses 'line 2: AdvSendAdverts: no such parameter' '[sh0]' \
	    'AdvSendAdverts = on'
	refuses 'line 2: AdvSendAdvert: on or off' '[sh0]' 'AdvSendAdvert = yes'
	refuses 'line 3: MaxRtrAdvInterval: 4 to 1800' '[sh0]' '' \
	    'MaxRtrAdvInterval = 3 # seconds'
	refuses 'line 2: AdvLinkMTU: 0 or 1280 to 65535' '[sh0]' 'AdvLinkMTU=1279'
	refuses 'line 2: AdvRetransTimer: 0 to 4294967295' '[sh0]' \
	    'AdvRetransTimer = 99999999999999999999999'
	refuses 'line 1: MinRtrAdvInterval is above 3/4 of MaxRtrAdvInterval' \
	    '[sh0]' 'MaxRtrAdvInterval = 4' 'MinRtrAdvInterval = 4'
	refuses 'line 1: AdvDefaultLifetime is below MaxRtrAdvInterval' \
	    '[sh0]' 'AdvDefaultLifetime = 599'
	refuses 'line 2: AddPrefix: not a prefix, as 2001:db8::/64 is' '[sh0]' \
	    'AddPrefix = foo/64'
	refuses 'line 2: AddPrefix: not a prefix, as 2001:db8::/64 is' '[sh0]' \
	    'AddPrefix = 2001:db8::/129'
	refuses 'line 2: AdvValidLifetime: 0 to 4294967295 or infinity' '[sh0]' \
	    'AddPrefix = 2001:db8::/64 , AdvValidLifetime = ever'
	refuses 'line 2: AdvPreferredLifetime is above AdvValidLifetime' \
	    '[sh0]' "AddPrefix = 2001:db8::/64, AdvPreferredLifetime = 9,$(:
	    ) AdvValidLifetime = 8"
	refuses 'line 3: sh9: no such interface' '[sh0]' 'AdvSendAdvert = off' \
	    '[sh9]'
	refuses 'line 3: shmif2: it was created without radv' '[sh0]' \
	    'AdvSendAdvert = off' '[shmif2]'
	refuses 'line 1: AdvLinkMTU is above the MTU of sh0, 1500' '[sh0]' \
	    'AdvLinkMTU = 1501'
	mkfifo fifo
	said "$HERE/fifo: Invalid argument" on router radv fifo
	mkdir folder
	said "$HERE/folder: Is a directory" on router radv folder
	said "$HERE/none: No such file or directory" on router radv none
	truncate -s 100000 large
	said "$HERE/large: File too large" on router radv large
	# What was said first holds.
	on router shmif0 down
	rm bus
	on router shmif0 -linkstr linkstr bus up
	until_true seen bus 2001:db8:7::/64
	run ! seen bus2 2001
}

@test "radv: each interface has what its section says" {
	serve router
	local n
	for n in 0 1 12; do
		on router shmif$n create radv -autoconf linkstr bus$n
	done
	cat >radv.conf <<-END
	[shmif1]
	AdvSendAdvert = TRUE ; now
	AddPrefix = 2001:db8:1:2::5/48, AdvValidLifetime = infinity
	[ sh12 ]
	AdvSendAdvert = on
	AdvLinkMTU = 1400
	MaxRtrAdvInterval = 10
	AddPrefix = 2001:db8:2::/64 , AdvOnLinkFlag = off , AdvValidLifetime = 60
	[sh1]
	AddPrefix = 2001:db8:3::/64 , AdvPreferredLifetime = 30
	END
	on router radv radv.conf
	for n in 0 1 12; do
		on router shmif$n up
	done
	until_true seen bus1 2001:db8:1::/48
	grep -q '2001:db8:1::/48.*valid time infinity, pref. time 604800s' ra.log
	grep -q '2001:db8:3::/64.*valid time 2592000s, pref. time 30s' ra.log
	until_true seen bus12 2001:db8:2::/64
	grep -q 'Flags \[auto\], valid time 60s, pref. time 60s' ra.log
	grep -q 'mtu option.* 1400' ra.log
	run ! seen bus0 'router advertisement'
}

# The file of these LINEs is refused with TEXT.
refuses() # TEXT LINE...
{
	printf '%s\n' "${@:2}" >bad.conf
	said "$HERE/bad.conf: $1" on router radv bad.conf
}

# Somebody on BUS has advertised TEXT.
seen() # BUS TEXT
{
	"$dump" -w all.pcap "$1"
	tcpdump -n -v -r all.pcap 'ip6[40] = 134' 2>/dev/null |
	    tr -d '\n' | sed 's/IP6 (/\n&/g' >ra.log
	grep -F "$2" ra.log
}

# The last advertisement is the router's own and tells of a lifetime.
advertised() # SECONDS
{
	local own
	own=$(on router shmif0 | grep -oE 'inet6 fe80::[0-9a-f:]+')
	"$dump" -w all.pcap bus
	tcpdump -n -v -r all.pcap 'ip6[40] = 134' 2>/dev/null |
	    tr -d '\n' | sed 's/IP6 (/\n&/g' | tail -n 1 | tee ra.log
	echo
	grep -qF "${own#inet6 } > ff02::1: " ra.log
	grep -qF "router lifetime $1s" ra.log
}

answers_default()
{
	on a ping 2001:db8:2::1 -c 1 -W 0.5
}

configured()
{
	on "$1" shmif0 | grep -qE 'inet6 2001:db8:7:[0-9a-f:]+/64 origin auto'
}

@test "interfaces of other kinds by the same words: VDE, slirp, a tap" {
	[ -z "${SHMIF_SAN-}" ] ||
	    skip "sanitizers do not go with how libvdeplug loads its plugins"
	command -v vde_switch || skip "vde_switch is not installed"
	ldconfig -p | grep 'libvdeplug\.so ' || skip "libvdeplug-dev is missing"
	# In the background on its own: else it ends with its standard input.
	vde_switch -s "$HERE/switch" -d -p "$HERE/switch.pid" 3>&- 7>&-
	until_true test -s switch.pid
	PIDS="$PIDS $(cat switch.pid)"
	until_true test -S switch/ctl
	serve a b
	mkdir sub
	run -0 on a vd create linkstr switch inet 10.0.0.1/24 up
	[ "$output" = vd0 ]
	# Relative to whoever says it.
	(cd sub && on b vd0 create linkstr ../switch inet 10.0.0.2/24 up)
	answers a 10.0.0.2
	run -0 on a vd0
	[[ ${lines[0]} == 'vd0: flags=0x43<UP,BROADCAST,RUNNING> mtu 1500' ]]
	[[ $output == *"linkstr $HERE/switch"* ]]
	[[ $output == *'inet 10.0.0.1/24 broadcast 10.0.0.255'* ]]
	said 'vd0: not with this kind of interface' on a vd0 linkstr other
	said 'vd0: not with this kind of interface' on a vd0 media none
	said 'vd0: there is one already' on a vd0 create
	on a vd0 inet 10.0.0.11/24 alias
	answers b 10.0.0.11
	on a vd0 destroy
	silent b 10.0.0.1
	run -0 on a sl create up
	[ "$output" = sl0 ]
	on a sl0 destroy
	[ "$(on a -l)" = lo0 ]
	# A tap wants rights, and a name that may be one.
	run -1 --separate-stderr on a tp0 create linkstr no/such/name
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == 'shmifctl: tp0: '* ]]
	[ "$(on a -l)" = lo0 ]
}

# everybody - who answers stack 1 from ff02::1.
everybody()
{
	on 1 -j ping ff02::1%shmif0 -c 1 -W 1 >all.out 2>&1
	[ "$(grep -oE '"fe80::[0-9a-f:]+"' all.out | sort -u | wc -l)" = 2 ]
}

@test "ping of a group shows who answers; a link-local address stays" {
	joined 1 2 3
	until_true everybody
	# Each once: what is configured by itself, or not, has one all the time.
	on 1 shmif0 autoconf
	on 1 shmif0 -autoconf
	on 1 shmif0 autoconf
	run -0 on 1 shmif0
	[ "$(grep -c 'inet6 fe80:' <<<"$output")" = 1 ]
	on 1 shmif0 -autoconf
	run -0 on 1 shmif0
	[ "$(grep -c 'inet6 fe80:' <<<"$output")" = 1 ]
}

@test "neighbours are set, and answered for; redirects are obeyed or not" {
	joined 1 2
	answers 1 10.0.0.2
	on 1 arp -s 10.0.0.2 02:00:00:00:00:99 shmif0
	silent 1 10.0.0.2
	run -0 on 1 arp
	grep -qE '^10\.0\.0\.2 +02:00:00:00:00:99 +shmif0 +static$' <<<"$output"
	on 1 arp -d 10.0.0.2 shmif0
	answers 1 10.0.0.2
	run ! on 1 arp -s 10.0.0.1 02:00:00:00:00:99 shmif0
	on 1 arp -s 10.0.0.77 auto shmif0 pub
	on 1 ndp -s fd00::77 auto shmif0 pub
	silent 2 10.0.0.77
	silent 2 fd00::77
	mac=$(on 1 shmif0 | sed -n 's/.*ether //p')
	run -0 on 2 arp
	grep -qE "^10\.0\.0\.77 +$mac" <<<"$output"
	run -0 on 2 ndp
	grep -qE "^fd00::77 +$mac" <<<"$output"
	on 1 arp -d 10.0.0.77 shmif0 pub
	run -0 on 1 arp
	! grep -q published <<<"$output"
	on 1 shmif0 -redirects
	run -0 on 1 save
	grep -q 'shmif0.* -redirects' <<<"$output"
	on 1 shmif0 redirects
	run -0 on 1 save
	! grep -q redirects <<<"$output"
}
