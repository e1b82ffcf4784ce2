/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses as text: what is one, what it becomes, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/addr.h"

static void
test_ip(void **state)
{
	static const struct {
		const char *text;
		bool v4;
		unsigned prefix;
	} good[] = {
		{ "10.0.0.1", true, ADDR_PREFIX_NONE },
		{ "10.0.0.1/0", true, 96 },
		{ "10.0.0.1/32", true, 128 },
		{ "fe80::1", false, ADDR_PREFIX_NONE },
		{ "::/0", false, 0 },
		{ "2001:db8::1/128", false, 128 },
	};
	static const char *const bad[] = { "", "/24", "10.0.0", "10.0.0.1/33",
		"10.0.0.1/", "10.0.0.1/+1", "10.0.0.1/ 1", "10.0.0.1/0024",
		"::/129", "::ffff:10.0.0.1", "host", "10.0.0.1/24/24" };
	uint8_t ip[16];
	unsigned prefix;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(addr_parse(good[i].text, ip, &prefix));
		assert_int_equal(addr_is_v4(ip), good[i].v4);
		assert_int_equal(prefix, good[i].prefix);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (addr_parse(bad[i], ip, &prefix))
			fail_msg("\"%s\" is taken for an address", bad[i]);
}

static void
test_mac(void **state)
{
	static const uint8_t is[6] = { 0xb2, 0xa0, 1, 2, 0xff, 0 };
	static const char *const bad[] = { "", "b2:a0:01:02:ff",
		"b2:a0:01:02:ff:00:11", "b2:a0:01:02:ff:0g",
		" b2:a0:01:02:ff:00", "b2:a0:01:02:ff:00 ", "b2:a0:01:02:ff:+1",
		"b2:a0:01:02:ff:0x1", "b2:a0:01:02:ff:001", "b2:a0::02:ff:00",
		"b2-a0-01-02-ff-00", "b2:a0:\n1:02:ff:00" };
	char text[MAC_TEXT];
	uint8_t mac[6];

	(void)state;
	assert_true(mac_parse("B2:a0:1:02:fF:0", mac));
	assert_memory_equal(mac, is, sizeof(is));
	assert_string_equal(mac_text(mac, text), "b2:a0:01:02:ff:00");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mac_parse(bad[i], mac))
			fail_msg("\"%s\" is taken for an address", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ip),
		cmocka_unit_test(test_mac),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
