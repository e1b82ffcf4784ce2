#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The module shmbus of Python, by pytest; and the examples of it.

setup() {
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	export BUILD=${BUILD:-$TOP/build}
	export PYTHONPATH=$TOP/python PYTHONDONTWRITEBYTECODE=1
	[ -z "${SHMIF_SAN-}" ] ||
		skip "Python cannot load a library with sanitizers"
	# Not every python3 sees Debian's modules.
	for python in python3 /usr/bin/python3; do
		"$python" -c 'import pytest' 2>/dev/null && return
	done
	skip "python3-pytest is not installed"
}

pytest() {
	"$python" -m pytest -q -p no:cacheprovider \
	    --basetemp="$BATS_TEST_TMPDIR/t" "$@"
}

has() { # MODULE
	"$python" -c "import $1" 2>/dev/null || skip "python3-$1 is not installed"
}

@test "a bus" {
	pytest "$TOP/tests/python/test_bus.py"
}

@test "sockets of scapy" {
	has scapy
	pytest "$TOP/tests/python/test_scapy.py"
}

@test "stacks, and fixtures" {
	pytest "$TOP/tests/python/test_server.py"
}

@test "example: a test of a protocol" {
	has scapy
	pytest -p shmbus.pytest_plugin -o testpaths= \
	    "$TOP/examples/python/test_protocol.py"
}

@test "example: a responder" {
	has scapy
	cd "$BATS_TEST_TMPDIR"
	"$python" "$TOP/examples/python/ping_responder.py" bus 10.0.0.9 \
	    >out 2>err 3>&- &
	until [ -s out ]; do
		kill -0 $! || { cat err; false; }
		sleep 0.05
	done
	run "$python" -c '
from shmbus.server import Lab
with Lab(".") as lab:
    print(lab.host("10.0.0.1/24").ping("10.0.0.9", count=2, interval_ms=50,
                                       timeout_ms=60000).received)'
	kill $!
	[ "$output" = 2 ]
}

@test "example: lies to a DHCP client" {
	has scapy
	"$python" "$TOP/examples/python/dhcp_fuzzer.py" 1
}
