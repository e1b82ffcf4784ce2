#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# A sample of tests/conform, which make conform runs whole

setup()
{
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	export BUILD=${BUILD:-$TOP/build}
	[ -z "${SHMIF_SAN-}" ] || skip "Python loads no library with sanitizers"
	/usr/bin/python3 -c 'import scapy, pytest' 2>/dev/null ||
		skip "no python3-scapy, or no python3-pytest"
}

@test "segments of TCP for each state, and datagrams, by a raw peer" {
	run "$TOP/tests/conform/run" -k "$(sed 's/#.*//' <<-'END' | xargs
		test_reset_exact or test_syn_ack or test_ack_too_old
		or test_data_behind_fin or test_simultaneous_open
		or test_closed or test_mss or test_time_wait
		or test_broadcast or test_connect or test_msg_more
		or test_shutdown_listener or test_extension or test_option
		or test_lease or test_lies or test_all_prefixes
		or test_redirect4 or test_block or test_window_is_no_duplicate
		or test_echo_tos
		END
	)"
	printf '%s\n' "$output"
	[ "$status" = 0 ]
}
