#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# What runs the tests does not lose what they say.

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
