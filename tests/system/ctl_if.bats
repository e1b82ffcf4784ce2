# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmifctl and interfaces of a living server: each word does what
# it says, and a call is carried out whole or not at all.

load ../lib/ctl

# is KEY VALUE [INTERFACE] - what stack a says of it in JSON; of addresses, those
# that are not link-local.
is()
{
	on a -j "${3:-shmif0}" | perl -MJSON::PP -0777 -e '
	    my $i = decode_json(<STDIN>)->{interfaces}[0];
	    my $v = $i->{$ARGV[0]};
	    $v = join " ", grep { !/^fe80:/ } map { "$_->{addr}/$_->{prefix}" } @$v
		if ref $v eq "ARRAY";
	    $v = $v ? "yes" : "no" if JSON::PP::is_bool($v);
	    $v //= "none";
	    print "$ARGV[0] is $v, to be $ARGV[1]\n";
	    exit ($v eq $ARGV[1] ? 0 : 1)' "$1" "$2"
}

# All that a stack says of itself, but for counters.
state()
{
	on a -j | perl -MJSON::PP -0777 -e '
	    my $s = decode_json(<STDIN>);
	    for my $i (@{$s->{interfaces}}) {
		delete $i->{counters};
		# Whether it is tentative still is a matter of time.
		delete $_->{state} for @{$i->{addresses}};
	    }
	    print JSON::PP->new->canonical->pretty->encode($s)'
	on a route
	on a server
}

@test "create: named, the next free one, in either order" {
	serve a
	[ "$(on a -l)" = lo0 ]
	run -0 on a shmif0 create
	[ -z "$output" ]
	run -0 on a shmif create
	[ "$output" = shmif1 ]
	run -0 on a create shmif7
	[ -z "$output" ]
	run -0 on a create shmif
	[ "$output" = shmif2 ]
	run -0 on a -j shmif create
	[ "$(tr -d ' \n' <<<"$output")" = '{"if":"shmif3"}' ]
	run -0 on a destroy shmif1
	run -0 on a shmif create
	[ "$output" = shmif1 ]
	run -0 on a -l
	[ "${#lines[@]}" -eq 1 ]
	[ "$(tr ' ' '\n' <<<"$output" | sort | tr '\n' ' ')" = \
	    'lo0 shmif0 shmif1 shmif2 shmif3 shmif7 ' ]
	[ "$(on a -j -l | perl -MJSON::PP -0777 -e '
	    print "@{decode_json(<STDIN>)}"')" = "$output" ]
}

@test "create of one that is there; destroy of one that is not" {
	serve a
	on a shmif0 create
	state >before
	said 'shmif0: there is one already' on a shmif0 create
	said 'shmif0: there is one already' on a create shmif0 linkstr bus up
	said 'shmif1: no such interface' on a shmif1 destroy
	said 'shmif1: no such interface' on a shmif1
	said 'shmif1: no such interface' on a shmif1 up
	state | diff before -
	[ ! -e bus ]
	on a shmif0 destroy
	[ "$(on a -l)" = lo0 ]
	said 'shmif0: no such interface' on a shmif0 destroy
	said 'foo0: no such kind of interface' on a foo0 create
	said 'foo: no such kind of interface' on a foo create
}

@test "linkstr: made, left, relative to whoever says it" {
	serve a
	on a shmif0 create
	is path none
	is linked no
	mkdir sub
	(cd sub && on a shmif0 linkstr ./bus)
	[ -f sub/bus ]
	is path "$HERE/sub/bus"
	is linked yes
	on a shmif0 linkstr other
	is path "$HERE/other"
	run -0 "$ctl" bus sub/bus
	[[ $output == *' 0 attached' ]]
	run -0 "$ctl" bus other
	[[ $output == *' 1 attached'* ]]
	[[ $output == *"pid ${SERVER[a]}"* ]]
	[[ $output == *' alive '* ]]
	on a shmif0 -linkstr
	is path none
	run -0 "$ctl" bus other
	[[ $output == *' 0 attached' ]]
}

@test "an address before a link string is refused, and why is said" {
	serve a
	on a shmif0 create
	state >before
	local why='no link string yet: say linkstr first'
	said "shmif0: $why" on a shmif0 inet 10.0.0.1/24
	said "shmif0: $why" on a shmif0 inet6 fd00::1/64
	said "shmif1: $why" on a shmif1 create inet 10.0.0.1/24 linkstr bus
	state | diff before -
	[ ! -e bus ]
	on a shmif0 linkstr bus inet 10.0.0.1/24
	is addresses 10.0.0.1/24
}

@test "several words: all or nothing" {
	serve a
	on a shmif0 create -autoconf linkstr bus inet 10.0.0.1/24 up
	is up yes
	is running yes
	is addresses 10.0.0.1/24
	state >before
	# What fails comes last.
	local bad
	for bad in "inet 10.0.0.3/24 alias" "inet 10.9.9.9 delete" "mtu 9000"; do
		run -1 on a shmif0 down linkstr other mtu 1000 promisc \
		    ether 02:00:00:00:00:07 inet 10.0.0.2/24 \
		    inet 10.0.0.3/24 alias inet6 fd00::3/64 media none \
		    -autoconf $bad
		state | diff before -
	done
	run -1 on a shmif create linkstr other inet 10.0.0.1/24 up mtu 9000
	state | diff before -
	run -0 "$ctl" bus other
	[[ $output == *' 0 attached' ]]
	# The same without what fails.
	on a shmif0 down linkstr other mtu 1000 promisc ether 02:00:00:00:00:07 \
	    inet 10.0.0.2/24 inet 10.0.0.3/24 alias inet6 fd00::3/64
	is path "$HERE/other"
	is mtu 1000
	is mac 02:00:00:00:00:07
	is promisc yes
	is up no
}

@test "inet: set, alias, remove" {
	serve a
	# The library's autoconfiguration turns the list of addresses about.
	on a shmif0 create -autoconf linkstr bus up
	on a shmif0 inet 10.0.0.1/24
	is addresses 10.0.0.1/24
	# Without alias it takes the place of the one that was there.
	on a shmif0 inet 10.0.1.1 netmask 255.255.255.0
	is addresses 10.0.1.1/24
	on a shmif0 inet 10.0.1.1/24
	is addresses 10.0.1.1/24
	on a shmif0 inet 10.0.2.1/25 alias
	is addresses '10.0.1.1/24 10.0.2.1/25'
	said 'shmif0: 10.0.2.1/25: it has this address already' \
	    on a shmif0 inet 10.0.2.1/25 alias
	said 'shmif0: 10.0.3.1: it does not have this address' \
	    on a shmif0 inet 10.0.3.1 delete
	said 'shmif0: 10.0.2.1/24: it does not have this address' \
	    on a shmif0 inet 10.0.2.1/24 delete
	on a shmif0 inet 10.0.1.1 -alias
	is addresses 10.0.2.1/25
	on a shmif0 inet 10.0.2.1/25 delete
	is addresses ''
	on a shmif0 nonsense 10.0.0.1/24 up 2>/dev/null && return 1
	on a shmif0 inet6 fd00::1/64 inet6 fd00::2/64
	is addresses 'fd00::1/64 fd00::2/64'
	on a shmif0 inet6 fd00::1 delete
	is addresses 'fd00::2/64'
}

@test "up, down, ether, promisc, media" {
	serve a
	on a shmif0 create linkstr bus
	is up no
	on a shmif0 up
	is up yes
	on a shmif0 ether 02:00:00:00:00:0A
	is mac 02:00:00:00:00:0a
	run -0 "$ctl" bus bus
	[[ $output == *'ether 02:00:00:00:00:0a '* ]]
	on a shmif0 lladdr 02:00:00:00:00:0b
	is mac 02:00:00:00:00:0b
	on a shmif0 promisc
	is promisc yes
	run -0 "$ctl" bus bus
	[[ $output == *' alive promisc '* ]]
	on a shmif0 -promisc
	is promisc no
	on a shmif0 media none
	is media none
	is running no
	is up yes
	is path "$HERE/bus"
	on a shmif0 media auto
	is media auto
	is running yes
	on a shmif0 down
	is up no
}

@test "mtu: of each interface, and what its bus allows" {
	serve a
	"$BUILD/tests/system/busfeed" -q -m 576 -c 1 small
	on a shmif0 create linkstr bus
	on a shmif1 create linkstr small
	on a shmif2 create linkstr bus mtu 1280
	is mtu 1500 shmif0
	is mtu 576 shmif1
	is mtu 1280 shmif2
	on a shmif0 mtu 68
	is mtu 68 shmif0
	is mtu 576 shmif1
	state >before
	said 'shmif0: an MTU of 67 is not possible here' on a shmif0 mtu 67
	said 'shmif0: an MTU of 1501 is not possible here' on a shmif0 mtu 1501
	said 'shmif1: an MTU of 577 is not possible here' on a shmif1 mtu 577
	state | diff before -
	# A smaller bus makes it smaller.
	on a shmif2 linkstr small
	is mtu 576 shmif2
}

@test "as ifconfig shows it" {
	serve a
	on a shmif0 create -autoconf linkstr bus ether 02:00:00:00:00:01 \
	    inet 10.0.0.1/24 inet6 fd00::1/64
	cat >want <<END
shmif0: flags=0x42<BROADCAST,RUNNING> mtu 1500
	linkstr $HERE/bus
	ether 02:00:00:00:00:01
	media auto status active
	inet 10.0.0.1/24 broadcast 10.0.0.255
	inet6 fd00::1/64
END
	on a shmif0 | grep -v fe80:: | diff want -
	on a shmif0 up
	run -0 on a -v
	echo "$output"
	[[ ${lines[0]} == 'lo0: flags=0x'*'<UP,LOOPBACK,RUNNING> mtu '* ]]
	[[ $output == *'shmif0: flags=0x43<UP,BROADCAST,RUNNING> mtu 1500'* ]]
	[[ $output == *$'\tinput: '*' frames, '*' bytes, '* ]]
	[[ $output == *$'\toutput: '*' frames, '*' bytes, '* ]]
	[ "$(on a)" = "$(on a -a)" ]
	export SHMIF_SERVER=unix://$HERE/a.sock
	[ "$("$ctl")" = "$(on a -a)" ]
}

@test "what was refused is shown by reason" {
	serve a
	on a shmif0 create -autoconf linkstr bus inet 10.0.0.1/24 up
	[[ $(on a -v shmif0) != *refused:* ]]
	# ARP that is cut off, and an unknown ARP operation
	"$BUILD/tests/system/busfeed" -q \
	    -x ffffffffffff0200000000020806000108000604 \
	    -x "ffffffffffff020000000002080600010800060400$(printf %042d 9)" bus
	for _ in $(seq 100); do
		run on a -v shmif0
		[[ $output == *$'\trefused: 1 ARP: neither'* ]] && break
		sleep 0.1
	done
	echo "$output"
	[[ $output == *$'\trefused: 1 ARP: too short\n'* ]]
	[[ $output == *$'\trefused: 1 ARP: neither request nor reply\n'* ]]
	[[ $output == *', 2 refused,'* ]]
	on a -j shmif0 | perl -MJSON::PP -0777 -e '
	    my $r = decode_json(<STDIN>)->{interfaces}[0]{refused};
	    $r->{"ARP: too short"} == 1 && keys %$r == 2 or die'
}

@test "what JSON is made of" {
	serve a
	on a shmif0 create -autoconf linkstr bus inet 10.0.0.1/24 up
	on a -j | perl -MJSON::PP -0777 -e '
	    my $s = decode_json(<STDIN>);
	    my ($lo, $i) = @{$s->{interfaces}};
	    $lo->{name} eq "lo0" && $lo->{loopback} or die;
	    for (qw(name kind up running promisc broadcast loopback mtu mac
		    path linked media autoconf dhcp attachment index addresses
		    counters refused)) {
		exists $i->{$_} or die "no $_";
	    }
	    for (qw(in_frames in_bytes in_skipped in_refused in_answered in_down
		    in_lost in_errors out_frames out_bytes out_down out_errors
		    batches wakeups rung)) {
		exists $i->{counters}{$_} or die "no $_";
	    }
	    my ($a) = grep { $_->{family} eq "inet" } @{$i->{addresses}};
	    $a->{addr} eq "10.0.0.1" && $a->{prefix} == 24 &&
	    $a->{broadcast} eq "10.0.0.255" && $a->{origin} eq "manual" or die'
	"$ctl" -j bus bus | perl -MJSON::PP -0777 -e '
	    my $b = decode_json(<STDIN>);
	    my ($p) = @{$b->{attached}};
	    for (qw(index name mac pid alive promisc since_ns tx_frames tx_bytes
		    tx_failed rx_frames rx_bytes rx_skipped rx_lost rx_bad
		    gave_up wakeups rung)) {
		exists $p->{$_} or die "no $_";
	    }
	    $p->{pid} == $ARGV[0] && $p->{alive} or die' "${SERVER[a]}"
	on a -j server | perl -MJSON::PP -0777 -e '
	    my $s = decode_json(<STDIN>);
	    $s->{pid} == $ARGV[0] && $s->{protocol} == 1 or die' "${SERVER[a]}"
}

@test "bad input changes nothing: one line, status 1" {
	serve a
	on a shmif0 create -autoconf linkstr bus inet 10.0.0.1/24 up
	echo 'certainly not a bus, though it is long enough to be one' >text
	state >before
	local long
	long=/$(printf '%*s' 4094 '' | tr ' ' a)
	said 'shmif0: frob: unknown word' on a shmif0 down frob
	said 'shmif9: no such interface' on a shmif9 mtu 1000
	said '10.0.0.256: not an IPv4 address' on a shmif0 down inet 10.0.0.256
	said '10.0.0.2/33: the prefix is a number from 0 to 32' \
	    on a shmif0 down inet 10.0.0.2/33
	said "shmif0: $HERE/text: not a bus: too short" \
	    on a shmif0 down linkstr text
	said "shmif0: $HERE/none/bus: No such file or directory" \
	    on a shmif0 linkstr none/bus
	said "shmif0: ${long:0:300}: File name too long" \
	    on a shmif0 linkstr "$long"
	said "${long}a: File name too long" on a shmif0 linkstr "${long}a"
	said 'shmif256: the highest is shmif255' on a shmif256 create
	said 'shmif0: it is on '"$HERE/bus already" on a shmif0 linkstr bus
	said '10.3.0.0/16: there is no such route' \
	    on a route delete 10.3.0.0/16 10.0.0.2
	said '10.3.0.0/16: no interface leads to 172.16.0.1' \
	    on a route add 10.3.0.0/16 172.16.0.1
	said 'shmif9: no such interface' on a arp shmif9
	said 'lo0: not with this kind of interface' on a lo0 linkstr bus
	state | diff before -
}

@test "permission: whom the socket was not given" {
	serve a
	[ "$(id -u)" = 0 ] || skip 'not root: nobody else to be'
	on a shmif0 create
	state >before
	chmod 711 .
	local as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	"${as[@]}" test -x "$ctl" || skip "an unprivileged user cannot reach $ctl"
	said "unix://$HERE/a.sock: Permission denied" \
	    "${as[@]}" "$ctl" -s "unix://$HERE/a.sock" shmif0 destroy
	# Even where the mode was loosened, only its owner and root may.
	chmod 777 a.sock
	run -1 --separate-stderr "${as[@]}" "$ctl" -s "unix://$HERE/a.sock" \
	    shmif0 destroy
	echo "$stderr"
	[ "${#stderr_lines[@]}" -eq 1 ]
	state | diff before -
	# A bus that the server may read, but not write to, as another user.
	chmod 755 .
	mkdir theirs
	chmod 777 theirs
	start b.log "${as[@]}" "$server" "unix://$HERE/theirs/b.sock"
	until_true serves theirs/b
	"$BUILD/tests/system/busfeed" -q -c 1 bus
	chmod 644 bus
	said "shmif0: $HERE/bus: Permission denied" on theirs/b \
	    shmif0 create linkstr bus
	[ "$(on theirs/b -l)" = lo0 ]
}

@test "routes: added, shown, removed" {
	serve a
	on a shmif0 create -autoconf linkstr bus inet 10.0.0.1/24 up
	on a route >before
	on a route add default 10.0.0.254
	on a route add -net 10.1.0.0/16 10.0.0.253
	on a route add fd01::/48 fe80::1%shmif0
	on a route show >routes
	cat routes
	grep -qE '^default +10\.0\.0\.254 +shmif0$' routes
	grep -qE '^10\.1\.0\.0/16 +10\.0\.0\.253 +shmif0$' routes
	grep -qE '^fd01::/48 +fe80::1 +shmif0$' routes
	said 'default: there is such a route already' \
	    on a route add default 10.0.0.254
	on a -j route | perl -MJSON::PP -0777 -e '
	    my @r = grep { $_->{prefix} == 16 } @{decode_json(<STDIN>)->{routes}};
	    @r == 1 && $r[0]{dst} eq "10.1.0.0" && $r[0]{via} eq "10.0.0.253" &&
	    $r[0]{if} eq "shmif0" && $r[0]{family} eq "inet" or die'
	on a route delete default 10.0.0.254
	on a route delete 10.1.0.0/16 10.0.0.253
	on a route delete fd01::/48 fe80::1 dev shmif0
	on a route | diff before -
}

@test "halt: the process ends, its socket and its attachment are gone" {
	serve a b
	on a shmif0 create linkstr bus up
	on b shmif0 create linkstr bus up
	[ "$("$ctl" bus bus | grep -c ' alive ')" -eq 2 ]
	run -0 on a halt
	[ -z "$output" ]
	[ ! -e a.sock ]
	finished "${SERVER[a]}" 0
	[ "$("$ctl" bus bus | grep -c ' pid ')" -eq 1 ]
	said "unix://$HERE/a.sock: no such server" on a halt
	serves b
}
