/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snmp.c - lwIP's SNMP agent: versions 1, 2c and 3, MIB-2, and a MIB of its own
 *
 *	snmp bus.file 10.0.0.2/24 [USER AUTHPASSWORD PRIVPASSWORD]
 *
 * Communities are "public" and, to write, "private".  Below the number that is
 * for examples, 1.3.6.1.4.1.32473 (RFC 5612): .1.0 the frames that this host got
 * from the bus, .2.0 a number that may be set, 0 to 100, .3.0 a text.
 */
#include <stdio.h>
#include <string.h>

#include <lwip/apps/snmp.h>
#include <lwip/apps/snmp_mib2.h>
#include <lwip/apps/snmp_scalar.h>
#include <lwip/tcpip.h>
#include <shmif.h>

#include "common/host.h"
#include "common/users.h"

static s32_t level = 42;

static s16_t
get(const struct snmp_scalar_array_node_def *node, void *value)
{
	static const char text[] = "lwIP on a bus in a file";
	struct shmif_stats stats;

	switch (node->oid) {
	case 1:
		if (shmif_stats(0, &stats) != 0)
			return 0;
		*(u64_t *)value = stats.in_frames;
		return sizeof(u64_t);
	case 2:
		*(s32_t *)value = level;
		return sizeof(level);
	default:
		memcpy(value, text, sizeof(text) - 1);
		return sizeof(text) - 1;
	}
}

static snmp_err_t
may_set(const struct snmp_scalar_array_node_def *node, u16_t len, void *value)
{
	(void)len;
	return node->oid == 2 && *(s32_t *)value >= 0 &&
		*(s32_t *)value <= 100 ?
	    SNMP_ERR_NOERROR :
	    SNMP_ERR_WRONGVALUE;
}

static snmp_err_t
set(const struct snmp_scalar_array_node_def *node, u16_t len, void *value)
{
	(void)node;
	(void)len;
	level = *(s32_t *)value;
	return SNMP_ERR_NOERROR;
}

static const struct snmp_scalar_array_node_def nodes[] = {
	{ 1, SNMP_ASN1_TYPE_COUNTER64, SNMP_NODE_INSTANCE_READ_ONLY },
	{ 2, SNMP_ASN1_TYPE_INTEGER, SNMP_NODE_INSTANCE_READ_WRITE },
	{ 3, SNMP_ASN1_TYPE_OCTET_STRING, SNMP_NODE_INSTANCE_READ_ONLY }
};
static const struct snmp_scalar_array_node root =
    SNMP_SCALAR_CREATE_ARRAY_NODE(32473, nodes, get, may_set, set);
static const u32_t base[] = { 1, 3, 6, 1, 4, 1, 32473 };
static const struct snmp_mib mib = SNMP_MIB_CREATE(base, &root.node.node);

int
main(int argc, char **argv)
{
	static const struct snmp_mib *mibs[] = { &mib2, &mib };

	if (argc != 3 && argc != 6) {
		fprintf(stderr,
		    "usage: snmp bus.file ADDRESSES"
		    " [USER AUTHPASSWORD PRIVPASSWORD]\n");
		return 2;
	}
	if (argc == 6)
		users_add(argv[3], argv[4], argv[5]);
	host(argv[1], argv[2]);
	LOCK_TCPIP_CORE();
	snmp_mib2_set_sysdescr((const u8_t *)"shmif", NULL);
	snmp_set_mibs(mibs, 2);
	snmp_init();
	UNLOCK_TCPIP_CORE();
	return host_wait(1);
}
