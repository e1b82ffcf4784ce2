#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What runs the tests does not lose what they say.
#
# slow: 10

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR"
}

program() { # LINE... - a test that prints these and exits with $STATUS
	printf '#!/bin/sh\n' >t
	printf "echo '%s'\n" "$@" >>t
	echo "exit ${STATUS:-0}" >>t
	chmod +x t
}

@test "a test that was skipped has not failed" {
	program 1..2 'ok 1 - a' 'not ok 2 # SKIP b'
	prove --exec "$TOP/tests/exec" ./t
}

@test "one that failed has" {
	program 1..2 'ok 1 - a' 'not ok 2 - b # SKIPPED a beat'
	run ! prove --exec "$TOP/tests/exec" ./t
}

@test "the exit status counts" {
	STATUS=3 program 1..1 'ok 1 - a'
	run "$TOP/tests/exec" ./t
	[ "$status" = 3 ]
}

@test "a test that hangs is ended" {
	printf '#!/bin/sh\necho 1..1\nexec sleep 1000\n' >t
	chmod +x t
	TEST_TIMEOUT=1 run "$TOP/tests/exec" ./t
	[ "$status" = 124 ]
	[[ $output == *$'\n./t: not over after 1 s:\n'*'sleep 1000'* ]]
}

@test "what a test leaves behind holds nobody up" {
	printf '#!/bin/sh\necho 1..1\necho ok 1\nsetsid sleep 1000 3>&- &\n' >t
	printf 'echo $! >pid\n' >>t
	chmod +x t
	run "$TOP/tests/exec" ./t
	kill "$(cat pid)"
	[ "$status" = 0 ]
	[[ $output == $'1..1\nok 1\n./t: something that it left behind '* ]]
}

# member NAME LINE - a test that says in the file log when it begins and ends,
# and has LINE in the comment at its head.  It goes on when AT_ONCE others have
# begun.
member()
{
	cat >"$1" <<-END
	#!/bin/sh
	# A test.
	#
	# $2
	echo 1..1
	echo "$1 begins" >>"$PWD/log"
	until [ "\$(grep -c begins "$PWD/log")" -ge "\${AT_ONCE-0}" ]; do
		sleep 0.05
	done
	echo "$1 ends" >>"$PWD/log"
	echo ok 1
	END
	chmod +x "$1"
}

@test "those that take longest are first; who must be alone is last, and is" {
	export BUILD=$PWD
	unset TESTS SAN SHMIF_SAN
	member only1 'alone: it says so'
	member a ''
	member b 'slow: 2'
	member only2 'alone: it says so'
	member 'c{*},d' 'slow: 10'
	AT_ONCE=3 TEST_JOBS=3 run "$TOP/tests/run" \
	    "$PWD"/{only1,a,b,only2,'c{*},d'}
	cat log
	[ "$status" -eq 0 ]
	[[ $output == *'Files=5, Tests=5,'* ]]
	[ "$(head -n 3 log | sort)" = $'a begins\nb begins\nc{*},d begins' ]
	[ "$(tail -n 4 log)" = \
	    $'only1 begins\nonly1 ends\nonly2 begins\nonly2 ends' ]
	rm log
	TEST_JOBS=1 run "$TOP/tests/run" "$PWD"/{only1,a,b,only2,'c{*},d'}
	[ "$(sed -n 's/ begins//p' log | tr '\n' ' ')" = \
	    'c{*},d b a only1 only2 ' ]
}
