/* SPDX-License-Identifier: BSD-2-Clause */
/* users.h - who may ask an SNMPv3 agent */
#ifndef EXAMPLES_USERS_H
#define EXAMPLES_USERS_H

/*
 * NAME may, with the passwords AUTH (by SHA-1) and PRIV (by AES-128).  Call it
 * before snmp_init(), eight times at most.
 */
void users_add(const char *name, const char *auth, const char *priv);

#endif
