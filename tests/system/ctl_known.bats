# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmifctl: the words of ifconfig, ip, route and arp.
#
# slow: 5

load ../lib/ctl

# addresses NAME - those of shmif0 there
addresses()
{
	on "$1" shmif0 | grep -oE 'inet6? [0-9a-f.:]+/[0-9]+' | grep -v fe80 |
	    sort | tr '\n' ';'
}

# answer TEXT COMMAND... - it fails with this in its line.
answer()
{
	run -1 --separate-stderr "${@:2}"
	echo "${stderr:0:300}"
	[[ $stderr == *"$1"* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "ifconfig's words" {
	serve a
	on a ifconfig shmif0 create linkstr bus
	on a shmif0 10.0.0.8 netmask 255.255.0.0 broadcast 10.0.255.255
	[ "$(addresses a)" = 'inet 10.0.0.8/16;' ]
	# As ifconfig, an address begins the use.
	on a shmif0 | grep -q '<UP,'
	on a shmif0 down
	on a shmif0 inet 10.0.0.8/24
	! on a shmif0 | grep -q '<UP,' || false
	on a shmif0 10.0.0.7/24 down
	! on a shmif0 | grep -q '<UP,' || false
	on a shmif0 add 10.0.0.9/24 add fd00::1/64 up
	[ "$(addresses a)" = 'inet 10.0.0.7/24;inet 10.0.0.9/24;inet6 fd00::1/64;' ]
	on a shmif0 del 10.0.0.9 delete fd00::1
	[ "$(addresses a)" = 'inet 10.0.0.7/24;' ]
	on a ifconfig shmif0 hw ether 02:00:00:00:00:08
	on a shmif0 | grep -q 'ether 02:00:00:00:00:08'
	# What is a value is no word.
	touch add
	rm add
	on a shmif0 linkstr add
	on a shmif0 | grep -q 'linkstr .*/add$'
}

@test "ip's words" {
	serve a
	on a ip link add shmif0 linkstr bus
	on a ip addr add 10.0.0.9/24 dev shmif0
	on a ip link set dev shmif0 mtu 1400 up
	on a ip link set shmif0 address 02:00:00:00:00:09
	[ "$(addresses a)" = 'inet 10.0.0.9/24;' ]
	on a shmif0 >want
	on a ip addr show dev shmif0 | diff want -
	on a a show shmif0 | diff want -
	on a show shmif0 | diff want -
	on a ip link | grep -q '^shmif0: .* mtu 1400'
	grep -q 02:00:00:00:00:09 want
	on a ip addr del 10.0.0.9/24 dev shmif0
	[ -z "$(addresses a)" ]
	[ -z "$(on a ip neigh)" ]
	on a ip link del shmif0
	[ "$(on a -l)" = lo0 ]
}

@test "route's words, and arp's" {
	serve a
	on a shmif0 create linkstr bus inet 10.0.0.1/24 up
	on a route add default gw 10.0.0.2
	on a route add -net 10.1.0.0 netmask 255.255.0.0 gw 10.0.0.3
	on a route add 10.2.0.0/16 shmif0
	on a route -n >got
	on a route | diff got -
	on a ip route list | diff got -
	grep -qE '^default +10.0.0.2 +shmif0' got
	grep -qE '^10.1.0.0/16 +10.0.0.3 +shmif0' got
	grep -qE '^10.2.0.0/16 +link +shmif0' got
	on a route del default gw 10.0.0.2
	on a ip route del 10.1.0.0/16 via 10.0.0.3
	on a route >got
	! grep -qE '^default|10.1.0' got || false
	# Where there is but one default it need not be told.
	answer 'there is none' on a route delete default
	on a route add default 10.0.0.2
	on a route delete default
	on a route >got
	! grep -q '^default' got || false
	on a route add default 10.0.0.2
	on a route add -inet6 default fe80::2%shmif0
	answer 'there are several' on a route del default
	on a arp -an
	on a arp -n shmif0
	on a ndp -an
}

@test "ping's options in one word; a mere path; help" {
	serve a b
	on a shmif0 create linkstr bus inet 10.0.0.1/24 up
	on b shmif0 create linkstr bus inet 10.0.0.2/24 up
	on a ping -n -c1 10.0.0.2 | grep -q '^1 sent, 1 received'
	on a ping -4 -c2 -i0.01 -s100 10.0.0.2 | grep -q '^2 sent, 2 received'
	"$ctl" -s "$HERE/a.sock" -l | grep -q shmif0
	"$ctl" -s ./a.sock -l | grep -q shmif0
	"$ctl" help >got
	"$ctl" --help | diff got -
}

@test "a wrong word is answered by the right one" {
	answer 'did you mean linkstr?' "$ctl" shmif0 linkst x
	answer 'did you mean promisc?' "$ctl" shmif0 up promsic
	answer 'did you mean route?' "$ctl" ruote
	answer 'did you mean halt?' "$ctl" hlat
	answer 'neither an interface nor a command' "$ctl" nonsensical
	answer 'shmif0: nonsensical: unknown word' "$ctl" shmif0 nonsensical
	[[ $stderr != *'did you mean'* ]]
}

@test "too many words to be translated are words like others" {
	local words=() i
	for ((i = 0; i < 400; i++)); do words+=(10.0.0.1); done
	answer 'unknown word' "$ctl" shmif0 "${words[@]}"
	# As many as there is room for.
	answer 'too many words' "$ctl" -s unix://none shmif0 "${words[@]:0:100}"
}
