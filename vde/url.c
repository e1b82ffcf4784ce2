/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * url.c - what a URL of the plug says: shmif://path[option=value/...]
 *
 * DOC: libvdeplug's own parser takes the options apart, and says which one is
 * none.  What it lets through is refused here: options that do not end, values
 * that are none, and two that contradict each other.  Nothing is opened or made.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libvdeplug_mod.h>

#include "base/addr.h"
#include "base/number.h"
#include "vde/url.h"

void
url_complain(const char *path, const char *what, int error)
{
	fprintf(stderr, "vde shmif://%s: %s\n", path, what);
	errno = error;
}

/* The number that TEXT is, of an option; NULL: 0.  False: it is none. */
static bool
option_number(const char *text, uint64_t max, uint32_t *n)
{
	uint64_t v = 0;

	if (text != NULL && (!number_parse(text, max, &v) || v == 0))
		return false;
	*n = (uint32_t)v;
	return true;
}

int
url_parse(struct url *u, const char *given, const char *descr)
{
	char *url = strdup(given), *mtu = NULL, *slots = NULL, *mode = NULL;
	char *mac = NULL, *name = NULL, *promisc = NULL, *learning = NULL;
	struct vdeparms parms[] = {
		{ "mtu", &mtu },
		{ "slots", &slots },
		{ "mode", &mode },
		{ "mac", &mac },
		{ "name", &name },
		{ "promisc", &promisc },
		{ "learn", &learning },
		{ NULL, NULL },
	};
	static const uint8_t nobody[6];
	struct shmbus_geometry *g = &u->how.geometry;
	const char *open = strchr(given, '['), *wrong = NULL;
	char here[PATH_MAX], *end;
	unsigned long bits;
	int error = -1;

	if (url == NULL) {
		url_complain(given, strerror(ENOMEM), ENOMEM);
		return -1;
	}
	/* The library's parser takes a bracket that is not closed, too. */
	if (open != NULL && strchr(open, ']') != given + strlen(given) - 1) {
		url_complain(given, "options end with ]", EINVAL);
		goto out;
	}
	/* It says itself which option is none. */
	if (vde_parsepathparms(url, parms) != 0) {
		errno = EINVAL;
		goto out;
	}
	if (mode != NULL) {
		bits = strtoul(mode, &end, 8);
		g->mode = (uint32_t)bits;
		if (mode[0] < '0' || mode[0] > '7' || *end != '\0' ||
		    bits == 0 || bits > 0777)
			wrong = "mode: not the permissions of a file, octal";
	}
	if (!option_number(mtu, SHMBUS_MTU_MAX, &g->mtu))
		wrong = "mtu: not an MTU";
	if (!option_number(slots, SHMBUS_SLOTS_MAX, &g->slots))
		wrong = "slots: not a number of slots";
	if (mac != NULL &&
	    (!mac_parse(mac, u->how.mac) || u->how.mac[0] & 1 ||
		memcmp(u->how.mac, nobody, sizeof(nobody)) == 0))
		wrong = "mac: not the hardware address of a station";
	if (promisc != NULL && learning != NULL)
		wrong = "promisc and learn: one of them";
	if (url[0] == '\0')
		wrong = "which bus?";
	if (wrong != NULL) {
		url_complain(given, wrong, EINVAL);
		goto out;
	}
	u->own_mac = mac != NULL;
	u->promisc = promisc != NULL;
	u->how.flags = SHMBUS_CREATE | (u->promisc ? SHMBUS_PROMISC : 0);
	u->how.spin_us = -1; /* the client waits in poll(2) */
	snprintf(u->how.name, sizeof(u->how.name), "%s",
	    name != NULL      ? name :
		descr != NULL ? descr :
				"vde");
	here[0] = '\0';
	if ((url[0] != '/' && getcwd(here, sizeof(here)) == NULL) ||
	    asprintf(&u->path, "%s%s%s", here, here[0] != '\0' ? "/" : "",
		url) == -1) {
		u->path = NULL;
		url_complain(given, strerror(errno), errno);
	} else {
		error = 0;
	}
out:
	free(url);
	return error;
}

void
url_free(struct url *u)
{
	free(u->path);
	u->path = NULL;
}
