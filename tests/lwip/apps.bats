#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# lwIP's applications: a sample of what make lwip_apps runs.
#
# slow: 5

bats_require_minimum_version 1.5.0

# cases FILE NAMES - runs those of apps_FILE.bats whose names match.
cases()
{
	bats -f "$2" "$BATS_TEST_DIRNAME/apps_$1.bats"
}

@test "lwIP's web server, with TLS too, and its client" {
	cases web 'includes|https|httpget'
}

@test "lwIP's raw API without a copy; SNMP" {
	cases api 'echo'
	cases services 'snmp'
}
