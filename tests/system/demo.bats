#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The demo, with either stack; a file of a MiB instead of 64.
#
# slow: 6

bats_require_minimum_version 1.5.0

setup() {
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	export BUILD=${BUILD:-$TOP/build}
	head -c 1000003 /dev/urandom >"$BATS_TEST_TMPDIR/file"
}

# demo STACK - all of it, and what it must have shown
demo() {
	STACK=$1 FILE=$BATS_TEST_TMPDIR/file run -0 timeout 120 "$TOP/demo/demo.sh"
	echo "$output"
	[[ $output == *"Two stacks ($1)"* ]]
	[ "$(grep -c '5 of 5 answers from' <<<"$output")" -eq 4 ]
	[ "$(grep -c 'ok: 1000003 bytes from' <<<"$output")" -eq 2 ]
	[ "$(grep -c 'the same' <<<"$output")" -eq 2 ]
	[[ $output == *"All is well."* ]]
	# Nothing is left behind.
	local bus
	bus=$(grep -o '/[^ ]*shmif-demo[^ ]*/bus.file' <<<"$output" | head -n 1)
	[ -n "$bus" ]
	[ ! -e "${bus%/*}" ]
}

@test "the demo on lwipv6" {
	demo lwipv6
}

@test "the demo on lwIP" {
	[ -x "$BUILD/demo/peer_lwip" ] || skip 'lwIP was not built'
	demo lwip
}

@test "a stack that there is not" {
	STACK=bsd run -1 "$TOP/demo/demo.sh"
	[[ $output == *"STACK=bsd: it is lwipv6 or lwip"* ]]
}
