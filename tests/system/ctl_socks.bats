# SPDX-License-Identifier: BSD-2-Clause
# bats file for the sockets of a stack that shmifctl shows: ss and netstat.

load ../lib/mstack

# The sockets of one program, each in another state; it ends with its input.
states()
{
	python3 -c '
import socket as s, sys
tcp = s.socket(); tcp.bind(("10.0.0.1", 80)); tcp.listen(5)
one = s.create_connection(("10.0.0.1", 80)); taken = tcp.accept()[0]
half = s.create_connection(("10.0.0.1", 80)); late = tcp.accept()[0]
half.shutdown(s.SHUT_WR)
u = s.socket(s.AF_INET6, s.SOCK_DGRAM); u.bind(("::", 53))
v = s.socket(s.AF_INET, s.SOCK_DGRAM); v.connect(("10.0.0.1", 53))
r = s.socket(s.AF_INET, s.SOCK_RAW, 17)
print(one.getsockname()[1], half.getsockname()[1], v.getsockname()[1], flush=True)
sys.stdin.read()'
}

# shows STATE END... - ss shows a socket in STATE with these ends.
shows()
{
	on a ss | awk -v state="$1" -v ends="$2 $3" \
	    '$2 == state && $5 " " $6 == ends { n++ } END { exit n != 1 }'
}

# of NAME - looks at the sockets of a program on stack a.
look()
{
	local one half v pid
	rm -f ends
	mkfifo go
	export -f states
	INPUT=go start ends "$mstack" "$HERE/a.sock" bash -c states
	exec 5>go
	until_true test -s ends || { cat ends.err; return 1; }
	read -r one half v <ends
	shows listen 10.0.0.1:80 '*:*'
	shows established "10.0.0.1:$one" 10.0.0.1:80
	shows established 10.0.0.1:80 "10.0.0.1:$one"
	until_true shows fin-wait-2 "10.0.0.1:$half" 10.0.0.1:80
	shows close-wait 10.0.0.1:80 "10.0.0.1:$half"
	shows closed '[::]:53' '*:*'
	shows established "10.0.0.1:$v" 10.0.0.1:53
	# Options choose.
	run -0 on a netstat -tlnp
	[ ${#lines[@]} -eq 2 ]
	[[ ${lines[1]} =~ ^tcp\ +listen\ +0\ +5\ +10.0.0.1:80\ +\*:\*\ +([0-9]+)/python3\ \(socket\ [0-9]+\)$ ]]
	pid=${BASH_REMATCH[1]}
	grep -q python3 "/proc/$pid/comm"
	run -0 on a ss --udp -6 -H
	[[ ${#lines[@]} -eq 1 && $output == udp6\ * ]]
	run -0 on a ss -wH
	[[ ${#lines[@]} -eq 1 && $output == raw/17\ *"$pid/python3"* ]]
	run -0 on a -j ss -l -t
	[ "$(jq -r '.sockets | length' <<<"$output")" = 1 ]
	[ "$(jq -r '.sockets[0] | "\(.type) \(.state) \(.family) \(.local) \(.local_port) \(.send_q) \(.pid) \(.program)"' \
	    <<<"$output")" = "tcp listen inet 10.0.0.1 80 5 $pid python3" ]
	# What the program leaves behind belongs to nobody.
	exec 5>&-
	until_true nobody_has_any
	rm go ends
}

nobody_has_any()
{
	! on a ss -H | grep -q python3 && ! on a ss -tlH | grep -q .
}

@test "sockets of a program: state, queues, owner" {
	have jq python3
	mstack=$BUILD/bin/mstack
	can_notify || skip "the kernel has no seccomp notifications"
	local stack
	for stack in ${TEST_STACK:-lwipv6 lwip}; do
		[ "$stack" != lwip ] || [ -x "$BUILD/bin/shmif_server-lwip" ] ||
		    continue
		TEST_STACK=$stack serve a
		on a shmif0 create linkstr bus inet 10.0.0.1/24 up
		look
		on a halt
	done
}

@test "sockets: what is no option; a server of an older kind" {
	serve a
	run -0 on a ss
	[[ $output == type\ *owner ]]
	usage 'ss: unknown option -x' on a ss -tx
	usage 'ss: unknown option --xyz' on a ss --xyz
	usage 'ss: dst: unknown word' on a netstat dst 10.0.0.1
	run -0 on a netstat -rn
	[[ $output == inet:* ]]
	run -0 on a netstat -i
	[[ $output == lo0:* ]]
}
