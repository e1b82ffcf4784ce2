# SPDX-License-Identifier: BSD-2-Clause
# bats file for what a server tells of what happens: states of addresses, log,
# monitor, wait.

load ../lib/ctl

# json NAME WORD... - what shmifctl -j shows of stack NAME, without blanks.
json()
{
	on "$1" -j "${@:2}" | tr -d ' \n'
}

mac_of()
{
	on "$1" shmif0 | sed -n 's/.*ether //p'
}

@test "an address is tentative, then its own; one that others have is not" {
	serve a b
	on a shmif0 create linkstr bus inet 10.0.0.1/24 up
	run -0 on a shmif0
	[[ $output == *'inet 10.0.0.1/24 broadcast 10.0.0.255 tentative'* ]]
	[[ $(json a shmif0) == *'"state":"tentative"'* ]]
	run -0 --separate-stderr on a shmif0 wait
	[ -z "$output$stderr" ]
	run -0 on a shmif0
	[[ $output != *tentative* ]]
	[[ $(json a shmif0) == *'"addr":"10.0.0.1","prefix":24,"origin":"manual","broadcast":"10.0.0.255","state":"preferred"'* ]]
	# Somebody else takes it: wait fails, and says whose it is.
	said "shmif0: 10.0.0.1: duplicate (owner $(mac_of a)): not used" \
	    on b shmif0 create linkstr bus inet 10.0.0.1/24 up wait
	# Another address of the same interface is no conflict.
	on b shmif0 inet 10.0.0.2/24 wait
	run -0 on b log
	[[ $output =~ 20..-..-..\ ..:..:..\.[0-9]+\ shmif0:\ 10.0.0.1:\ .*has\ this\ address,\ too\;\ not\ used ]]
	[[ $(json b log) == *'"messages":[{"n":1,"time_ns":'*'hasthisaddress,too;notused"'* ]]
	run -0 on a log
	[ -z "$output" ]
	said 'shmif0: wait: it is down' on b shmif0 down wait
	said 'shmif0: wait: no carrier' on b shmif0 up media none wait
	said 'shmif0: up: nothing comes after wait' on b shmif0 wait up
	on b shmif0 media auto wait
	usage 'log: x: nothing comes after it' on b log x
}

@test "monitor: what changes, as it happens" {
	serve a b
	on a shmif0 create linkstr bus inet 10.0.0.1/24 up wait
	start out "$ctl" -s "unix://$HERE/a.sock" -v monitor
	start json "$ctl" -s "unix://$HERE/a.sock" -j -v monitor addr route
	until_true grep -q 'present addr shmif0 10.0.0.1/24' out
	until_true grep -q '"event":"present","kind":"addr"' json
	on a shmif0 inet 10.0.0.5/24 alias
	until_true grep -q 'added addr shmif0 10.0.0.5/24 .*tentative' out
	until_true grep -q 'changed addr shmif0 10.0.0.5/24 .*preferred' out
	on a shmif0 inet 10.0.0.5 -alias
	until_true grep -q 'removed addr shmif0 10.0.0.5/24' out
	on a route add 10.9.0.0/16 10.0.0.2
	until_true grep -q 'added route shmif0 10.9.0.0/16 via 10.0.0.2' out
	on b shmif0 create linkstr bus inet 10.0.0.2/24 up wait
	on a ping -c1 10.0.0.2
	until_true grep -q 'added neigh shmif0 10.0.0.2 .*known' out
	# Somebody takes an address that a is about to use.
	said "shmif0: 10.0.0.2: duplicate (owner $(mac_of b)): not used" \
	    on a shmif0 inet 10.0.0.2/24 alias wait
	until_true grep -q 'message shmif0: 10.0.0.2: .*has this address' out
	until_true grep -q 'added duplicate shmif0 10.0.0.2 ' out
	on a shmif0 media none
	until_true grep -q 'changed link shmif0 .* -running .*media none' out
	until_true grep -q '"event":"added","kind":"route","if":"shmif0","family":"inet","dst":"10.9.0.0"' json
	! grep -q '"kind":"link"' json
	# Each line of JSON is an object of its own.
	perl -MJSON::PP -ne 'decode_json($_)->{time_ns} > 1e18 or die' json
	said 'monitor: x: link, addr, duplicate, route, neigh, log and all are known' \
	    on a monitor x
	# It ends with its server.
	local monitor=$PID
	on a halt
	finished "$monitor" 1
}
