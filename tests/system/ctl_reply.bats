# SPDX-License-Identifier: BSD-2-Clause
# bats file for shmifctl and what a server may answer: nothing of it is
# trusted, and all of it ends in one line or in what was asked for.

load ../lib/ctl

url=unix://sock

# lies ANSWER... - a server that gives these answers, to one client each.
lies()
{
	rm -f sock
	start asked "$TOP/tests/system/ctl_liar" sock "$@"
	until_true test -S sock
}

@test "a request is what shmif_ctl(5) says, in one message" {
	lies '{"id":1,"ok":true,"results":[{"if":"shmif7"},{},{}]}'
	run -0 "$ctl" -s $url shmif create linkstr bus inet 10.0.0.1/24
	[ "$output" = shmif7 ]
	finished "$PID" 0
	cat asked
	perl -MJSON::PP -e '
	    my $r = decode_json(<STDIN>);
	    print JSON::PP->new->canonical->encode($r), "\n"' <asked >got
	cat >want <<-END
	{"do":[{"if":"shmif","op":"create"},{"if":"\$","op":"linkstr","path":"$HERE/bus"},{"addr":"10.0.0.1/24","if":"\$","op":"addr_add","replace":true}],"id":1}
	END
	diff want got
}

@test "what a server refuses is said as it says it, cleaned" {
	lies '{"id":1,"ok":false,"error":{"at":0,"errno":"ENXIO","text":"shmif9: no such interface"}}' \
	    '{"id":1,"ok":false,"error":{"text":"a\u001b[31mb\nc\u009bd"}}' \
	    '{"id":null,"ok":false,"error":{"text":"not allowed"}}'
	said 'shmif9: no such interface' "$ctl" -s $url shmif9 up
	said 'a?[31mb?c?d' "$ctl" -s $url shmif9
	said 'not allowed' "$ctl" -s $url -a
}

@test "halt: a server that ends without a word has been halted" {
	lies close close '{"id":1,"ok":false,"error":{"at":0,"errno":"EPERM","text":"not today"}}'
	run -0 "$ctl" -s $url halt
	[ -z "$output" ]
	said "$url: the server closed the connection" "$ctl" -s $url -l
	said 'not today' "$ctl" -s $url halt
}

@test "answers that are none" {
	local none='this is no server of a stack' senseless='makes no sense'
	lies close 'HTTP/1.0 400 Bad Request' 'shmc%01%00%00%00%05' \
	    'shmc%01%00%01%00%02%00%00%00{}' \
	    'shmc%01%00%00%00%00%00%00%00' \
	    'shmc%01%00%00%00%01%00%40%00' \
	    'shmc%01%00%00%00%FF%FF%FF%FF' \
	    'shmc%01%00%00%00%05%00%00%00{}' \
	    'shmc%07%00%00%00%02%00%00%00{}'
	said "$url: the server closed the connection" "$ctl" -s $url -l
	said "$url: $none" "$ctl" -s $url -l
	said "$url: the server closed the connection" "$ctl" -s $url -l
	said "$url: $none" "$ctl" -s $url -l
	said "$url: $none" "$ctl" -s $url -l
	said "$url: $none" "$ctl" -s $url -l
	said "$url: $none" "$ctl" -s $url -l
	said "$url: the server closed the connection" "$ctl" -s $url -l
	said "$url: the server speaks version 7, this program 1" \
	    "$ctl" -s $url -l
	local answer answers=('{}' '{"ok":true}' '[]' '{"ok":false}' '{"ok":1,"results":[]}'
	    '{"ok":true,"results":{}}' '{"ok":true,"results":7}' '{"ok":false,"error":"x"}'
	    '{"ok":false,"error":{"text":7}}' '{"ok":false,"error":{"text":""}}'
	    '{"ok":true,"results":[]' '{"ok":true,"results":[]}x' '{"ok":true,"results":[]}}'
	    '{"ok":true,"ok%00":1,"results":[]}'
	    '{"ok":true,"results":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}'
	    '{"ok":true,"results":["%FF"]}')
	lies "${answers[@]}"
	for answer in "${answers[@]}"; do
		echo "$answer"
		said "$url: $senseless" "$ctl" -s $url -l
	done
}

@test "results of other kinds than they ought to be" {
	local r call
	local results=('[]' '[null]' '[7]' '["x"]' '[[]]' '[{}]'
	    '[{"interfaces":7,"routes":"x","neighbours":{}}]'
	    '[{"interfaces":[null,7,"x",[],{}],"routes":[null,7,"x",[],{}],"neighbours":[null,7,"x",[],{}]}]'
	    '[{"interfaces":[{"name":7,"mtu":"x","mac":[],"up":"yes","path":{},"addresses":{},"counters":[]}]}]'
	    '[{"interfaces":[{"name":"a","counters":{"in_x":"y","z":null,"out_":{}},"addresses":[7,{"addr":7,"family":{},"prefix":"x"}]}]}]'
	    '[{"routes":[{"family":"inet","dst":7,"prefix":"x","via":[],"if":{}}]}]'
	    '[{"routes":[{"family":"inet","dst":"%x9000","prefix":9223372036854775807,"via":"%x9000","if":"%x9000"}]}]')
	for r in "${results[@]}"; do
		# One kind of call for each time that it is given.
		lies "{\"ok\":true,\"results\":$r}"{,,,,,,,,}
		for call in -a -l -j "-v shmif0" "route show" arp server \
		    "shmif create" "ping 10.0.0.1"; do
			run "$ctl" -s $url $call
			echo "$call: $status: ${output:0:500}"
			[ "$status" -le 1 ]
		done
		finished "$PID" 0
	done
}

@test "what is shown has nothing that a terminal obeys" {
	lies '{"ok":true,"results":[{"interfaces":[{"name":"a\u001b]0;x\u0007","path":"/\n\u009b","mac":"\u001b","counters":{"in_\u001b":1}}]}]}'{,,}
	run -0 "$ctl" -s $url -v a0
	[[ $output != *[$'\x01'-$'\x08\x0b'-$'\x1f\x7f']* ]]
	[[ $output == *'a?]0;x?: flags'* ]]
	[[ $output == *'linkstr /??'* ]]
	run -0 "$ctl" -s $url -l
	[ "$output" = 'a?]0;x?' ]
	run -0 "$ctl" -s $url -j a0
	[[ $output == *'\u001b]0;x\u0007'* ]]
}

@test "the longest answer, and a server that takes nothing more" {
	lies "{\"ok\":true,\"results\":[{\"interfaces\":[{\"name\":\"%x4194000\"}]}]}"
	"$ctl" -s $url -l >out
	[ "$(wc -c <out)" -eq 4194001 ]
	# An error that comes before the request was read, then the end.
	cat >early.pl <<-'END'
	use IO::Socket::UNIX;
	my $l = IO::Socket::UNIX->new(Local => 'sock', Listen => 1) or die;
	my $s = $l->accept;
	my $r = '{"id":null,"ok":false,"error":{"text":"too many clients"}}';
	syswrite $s, pack('a4vvV', 'shmc', 1, 0, length $r) . $r;
	close $s;
	END
	rm sock
	start early perl early.pl
	until_true test -S sock
	said 'too many clients' "$ctl" -s $url -l
}

@test "standard output that cannot be written to" {
	lies '{"ok":true,"results":[{"interfaces":[{"name":"a0"}]}]}'
	run -1 --separate-stderr bash -c '"$0" -s "$1" -a >/dev/full' "$ctl" $url
	[ "$stderr" = 'shmifctl: standard output: No space left on device' ]
}

@test "no server there" {
	said "$url: no such server" "$ctl" -s $url -a
	: >file
	said "unix://file: nobody serves this socket" "$ctl" -s unix://file -a
	lies '{}'
	kill "$PID"
	wait "$PID" || :
	[ -S sock ]
	said "$url: nobody serves this socket" "$ctl" -s $url -a
	said "unix://file/sock: Not a directory" "$ctl" -s unix://file/sock -a
}
