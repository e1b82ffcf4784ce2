/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl/foreign.c - interfaces of lwipv6's own kinds
 *
 * DOC: VDE, tap, tun and slirp interfaces are the library's.  They are put on
 * the stack with their own init functions, but in memory that is ours and
 * zeroed, with the lowest free number (the library's only go up), a hardware
 * address that two processes do not have in common, and an input function that
 * does not post to the thread it runs on (see threads/fds.c).
 *
 * They are taken off like units: on the stack's thread, then a second visit
 * after what was queued, and only then is memory freed.  Connections through
 * a slirp interface outlive it, and keep its memory.
 *
 * Names have one digit, as the library shows them.
 */
#include <sys/ioctl.h>
#include <sys/random.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "stack/lwipv6/ctl/ctl.h"

#define DIGITS 10 /* of which a name has one */

/* The netif comes first: lwipv6 sees only it. */
struct foreign {
	struct netif netif;
	const struct kind *kind;
	int num; /* the number; -1: the lowest that is free */
	int error;
	char path[256];
	struct foreign *next; /* in the graveyard */
};

static struct foreign *graveyard; /* under lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static err_t
foreign_input(struct pbuf *p, struct netif *netif)
{
	const struct foreign *f = (const struct foreign *)netif;

	if (f->kind->queued || !thread_inside(netif->stack))
		return tcpip_input(p, netif);
	ip_input(p, netif);
	return ERR_OK;
}

static struct foreign *
foreign_of(const struct netif *netif)
{
	return netif->input == foreign_input ?
	    (struct foreign *)(uintptr_t)netif :
	    NULL;
}

void
foreign_path(const struct netif *netif, char *path, size_t size)
{
	const struct foreign *f = foreign_of(netif);

	snprintf(path, size, "%s", f != NULL ? f->path : "");
}

/* above.descriptor_lost: what NETIF is connected to is gone for good. */
static bool
foreign_lost(struct netif *netif)
{
	const struct foreign *f = foreign_of(netif);

	if (f == NULL || f->kind->queued)
		return false;
	netif->flags &= (uint16_t) ~(NETIF_FLAG_LINK_UP | NETIF_FLAG_RUNNING);
	diag(DIAG_PEER, "%c%c%u: %s: the other end is gone", netif->name[0],
	    netif->name[1], netif->num, f->path);
	return true;
}

__attribute__((constructor)) static void
fill_above(void)
{
	above.descriptor_lost = foreign_lost;
}

/* ---- on ------------------------------------------------------------------ */

/* The number that F is to have.  0, EEXIST or EMFILE. */
static int
choose_number(struct foreign *f)
{
	bool taken[DIGITS] = { false };
	const struct netif *n;
	int i;

	n = STACK_FIELD(f->netif.stack, STACK_NETIF_LIST, struct netif *);
	for (; n != NULL; n = n->next)
		if (memcmp(n->name, f->kind->seam.name, 2) == 0 &&
		    n->num < DIGITS)
			taken[n->num] = true;
	if (f->num != -1)
		return taken[f->num] ? EEXIST : 0;
	for (i = 0; i < DIGITS && taken[i]; i++)
		continue;
	f->num = i;
	return i == DIGITS ? EMFILE : 0;
}

/* The init function: on the stack's thread. */
static err_t
foreign_init(struct netif *netif)
{
	struct foreign *f = (struct foreign *)netif;
	uint8_t mac[6] = { 0xb2, 0xa0 };

	if ((f->error = choose_number(f)) != 0)
		return ERR_IF;
	netif->state = f->path; /* the library takes the path from here */
	if (f->kind->init(netif) != ERR_OK) {
		f->error = EIO;
		return ERR_IF;
	}
	netif->num = (uint8_t)f->num;
	if (netif->hwaddr_len == 6 && getrandom(mac + 2, 4, 0) == 4)
		memcpy(netif->hwaddr, mac, sizeof(mac));
	return ERR_OK;
}

/*
 * Whether the system lets us have the tap or tun PATH. The library would say
 * so on standard error only, and lose a descriptor.
 */
static int
try_tun(int flags, const char *path)
{
	struct ifreq ifr = { .ifr_flags = (short)flags };
	int error = 0;
	int fd;

	if (strlen(path) >= sizeof(ifr.ifr_name))
		return ENAMETOOLONG;
	strcpy(ifr.ifr_name, path);
	if ((fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC)) == -1)
		return errno;
	if (ioctl(fd, TUNSETIFF, &ifr) == -1)
		error = errno;
	close(fd);
	return error;
}

/* Frees interfaces that no connection of slirp uses any more. */
static void
clear_graveyard(void)
{
	struct foreign **p, *f;

	pthread_mutex_lock(&lock);
	for (p = &graveyard; (f = *p) != NULL;)
		if (fds_in_use(&f->netif)) {
			p = &f->next;
		} else {
			*p = f->next;
			free(f);
		}
	pthread_mutex_unlock(&lock);
}

int
foreign_create(void *stack, const char *name, const char *path, unsigned flags,
    char made[SHMIF_NAME_MAX])
{
	const struct kind *kind;
	struct foreign *f;
	char letters[2];
	int num, error = 0;

	clear_graveyard();
	if (!ctl_split_name(name, letters, &num) || num >= DIGITS)
		return EINVAL;
	kind = kind_named(letters);
	if (kind->init == NULL)
		return EINVAL;
	if (path != NULL && !kind->seam.path)
		return EOPNOTSUPP;
	if (path == NULL)
		path = "";
	/* The library takes "-" for the standard input of the process. */
	if (path[0] == '-')
		return EINVAL;
	if (strlen(path) >= sizeof(f->path))
		return ENAMETOOLONG;
	if ((f = calloc(1, sizeof(*f))) == NULL)
		return ENOMEM;
	f->kind = kind;
	f->num = num;
	strcpy(f->path, path);
	f->netif.flags = (uint16_t)((kind->queued ||
						(flags & SHMIF_NOAUTOCONF) ?
					    0 :
					    NETIF_FLAG_AUTOCONF) |
	    (flags & SHMIF_RADV ? NETIF_FLAG_RADV : 0));
	if (kind->tun_flags != 0)
		error = try_tun(kind->tun_flags, path);
	if (error == 0 &&
	    tcpip_netif_add(stack, &f->netif, f->path, foreign_init,
		foreign_input, tcpip_notify) == NULL)
		error = f->error != 0 ? f->error : ENOMEM;
	if (error != 0) {
		free(f);
		return error;
	}
	snprintf(made, SHMIF_NAME_MAX, "%s%d", kind->seam.name, f->num);
	return 0;
}

/* ---- off ----------------------------------------------------------------- */

struct removal {
	struct stack *stack;
	const char *name;
	struct foreign *f;
	int error;
};

/* On the stack's thread. */
static void
take_off(void *arg)
{
	struct removal *r = arg;
	struct netif *netif = ctl_netif(r->stack, r->name);

	if (netif == NULL || (r->f = foreign_of(netif)) == NULL) {
		r->error = netif == NULL ? ENXIO : EOPNOTSUPP;
		return;
	}
	port_quiet(netif);
	if (netif->radv != NULL) {
		ip_radv_netif_reset(netif);
		mem_free(netif->radv);
		netif->radv = NULL;
	}
	if (!r->f->kind->queued)
		fds_forget(netif);
	netif_remove(netif);
	netif->state = NULL;
}

static void
nothing(void *arg)
{
	(void)arg;
}

int
foreign_destroy(void *stack, const char *name)
{
	struct removal r = { .stack = stack, .name = name };

	if (thread_call(stack, take_off, &r) != 0)
		return ENOMEM;
	if (r.error != 0)
		return r.error;
	while (thread_call(stack, nothing, NULL) != 0)
		usleep(1000);
	pthread_mutex_lock(&lock);
	r.f->next = graveyard;
	graveyard = r.f;
	pthread_mutex_unlock(&lock);
	netif_thread_wake(stack);
	clear_graveyard();
	return 0;
}
