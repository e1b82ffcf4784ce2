/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * users.c - what lwIP's SNMPv3 asks a program for: its engine and its users
 *
 * An engine is known by an identifier, by how often it was started and by the
 * seconds since then, by which old requests are refused (RFC 3414).  A program
 * that runs for more than a demonstration has to keep the number of starts;
 * this one takes the time of its start for it, which grows as well.
 */
#include <err.h>
#include <string.h>
#include <time.h>

#include <lwip/apps/snmpv3.h>

#include "users.h"

#if LWIP_SNMP_V3
#define USERS 8

static struct {
	const char *name;
	u8_t auth[20], priv[20];
} users[USERS];
static u8_t n_users;

static char engine[32] = "\x80\x00\x7e\xd9\x04shmif"; /* RFC 3411, 32473 */
static u8_t engine_len = 10;
static time_t begun;
static u32_t boots;

void
users_add(const char *name, const char *auth, const char *priv)
{
	if (n_users == USERS || strlen(name) > 32)
		errx(1, "%s: too many users, or too long a name", name);
	if (begun == 0) {
		begun = time(NULL);
		boots = (u32_t)begun & 0x7fffffff;
	}
	users[n_users].name = name;
	snmpv3_password_to_key_sha((const u8_t *)auth, strlen(auth),
	    (u8_t *)engine, engine_len, users[n_users].auth);
	snmpv3_password_to_key_sha((const u8_t *)priv, strlen(priv),
	    (u8_t *)engine, engine_len, users[n_users].priv);
	n_users++;
}

err_t
snmpv3_get_user(const char *name, snmpv3_auth_algo_t *auth, u8_t *auth_key,
    snmpv3_priv_algo_t *priv, u8_t *priv_key)
{
	u8_t i;

	for (i = 0; i < n_users; i++) {
		if (strcmp(users[i].name, name) != 0)
			continue;
		if (auth != NULL)
			*auth = SNMP_V3_AUTH_ALGO_SHA;
		if (auth_key != NULL)
			memcpy(auth_key, users[i].auth, 20);
		if (priv != NULL)
			*priv = SNMP_V3_PRIV_ALGO_AES;
		if (priv_key != NULL)
			memcpy(priv_key, users[i].priv, 16);
		return ERR_OK;
	}
	return ERR_VAL;
}

u8_t
snmpv3_get_amount_of_users(void)
{
	return n_users;
}

err_t
snmpv3_get_username(char *name, u8_t i)
{
	if (i >= n_users)
		return ERR_VAL;
	strcpy(name, users[i].name);
	return ERR_OK;
}

err_t
snmpv3_get_user_storagetype(const char *name, snmpv3_user_storagetype_t *type)
{
	*type = SNMP_V3_USER_STORAGETYPE_VOLATILE;
	return snmpv3_get_user(name, NULL, NULL, NULL, NULL);
}

void
snmpv3_get_engine_id(const char **id, u8_t *len)
{
	*id = engine;
	*len = engine_len;
}

/* The keys are made for the identifier that there is. */
err_t
snmpv3_set_engine_id(const char *id, u8_t len)
{
	(void)id;
	(void)len;
	return ERR_VAL;
}

u32_t
snmpv3_get_engine_boots(void)
{
	return boots;
}

void
snmpv3_set_engine_boots(u32_t n)
{
	boots = n;
}

u32_t
snmpv3_get_engine_time(void)
{
	return (u32_t)(time(NULL) - begun);
}

void
snmpv3_reset_engine_time(void)
{
	begun = time(NULL);
}
#else
void
users_add(const char *name, const char *auth, const char *priv)
{
	(void)auth;
	(void)priv;
	warnx("%s: this build has no mbedTLS, so no SNMPv3", name);
}
#endif
