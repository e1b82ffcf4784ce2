# SPDX-License-Identifier: BSD-2-Clause
# A sample of CPython's own tests of sockets; make cpython runs them all.
#
# slow: 5

load ../lib/mstack

@test "asyncio's tests of sockets, and a list of failures that is out of date" {
	need python3
	mstack=$BUILD/bin/mstack
	can_notify || skip "the kernel has no seccomp notifications"
	[ -z "${SHMIF_SAN-}" ] || skip "these tests measure time"
	mkdir cpython
	cp "$TOP"/tests/cpython/{one,run,expected} cpython/
	export BUILD OUT=$HERE/out STACKS=lwipv6 MODULE=test_asyncio.test_sock_lowlevel
	run cpython/run "$MODULE"
	echo "$output"
	[ "$status" -ne 77 ] || skip "CPython's tests are not installed"
	[ "$status" -eq 0 ]
	[[ "$output" =~ "| $MODULE | lwipv6 | "[0-9]+" | "[0-9]+" | 0 | 0 |" ]]
	# What passes must not be there, and what is there must be a test.
	echo "lwipv6 $MODULE.EPollEventLoopTests.test_sock_accept" \
	    >>cpython/expected
	echo "both $MODULE.EPollEventLoopTests.test_nothing" >>cpython/expected
	ONLY=EPollEventLoopTests run cpython/run "$MODULE"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ "$output" == *"WRONG: lwipv6: test.$MODULE.EPollEventLoopTests.test_sock_accept: passes"* ]]
	[[ "$output" == *"WRONG: lwipv6: $MODULE.EPollEventLoopTests.test_nothing: there is no such test"* ]]
}
