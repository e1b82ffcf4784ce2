/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * real.c - replacing functions of the library
 *
 * DOC: How faults of lwipv6 are cured
 *
 * Debian's liblwipv6 calls its own exported functions through the procedure
 * linkage table, and does not bind them inside.  A function of the same name
 * in a library that comes earlier in the search order is therefore called
 * instead of the library's own, by the library itself too.  libshmif comes
 * earlier, being linked before -llwipv6.
 *
 * Each file in this folder cures one fault, but for those of the socket layer
 * (sock.h), which go together.  It begins with the fault, how it
 * is seen, and why what is here is right, and is written from what the
 * function is for (RFCs, POSIX, its callers' needs).  To add one: write the
 * file, call its functions OURS(name), and enter them in replace/names.h,
 * ../libshmif.map and, if it calls the library's own version, in struct real.
 *
 * None of it works when the order is wrong, so it is checked before the first
 * interface is made, for every name; port_init() in ../lwipv6.c makes sure
 * once more, for a stack at hand, that the library did call one of ours.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "stack/lwipv6/port.h"

/* Those that are not in replace/names.h: no switch turns them off. */
static const char *const replaced[] = {
	/* thread.c: thread_inside() relies on it */
	"netif_init",
	/* mbox.c: the driver waits there */
	"sys_mbox_new",
	"sys_mbox_free",
	"sys_mbox_post",
	"sys_arch_mbox_fetch",
	/* ioctl.c: neighbours are those of neigh.c */
	"update_arp_entry",
	/* fds.c: a thread cannot be changed while it runs */
	"netif_addfd",
	"slirp_tcp_close",
	"tcpip_callback",
};
#define REPLACED (sizeof(replaced) / sizeof(replaced[0]))

static struct real the_real;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A function pointer from an object pointer, as POSIX has it. */
#define FIND(name) (*(void **)&the_real.name = dlsym(RTLD_NEXT, #name))

static void
find_all(void)
{
	FIND(netif_init);
	FIND(netif_shutdown);
	FIND(netif_add_addr);
	FIND(netif_del_addr);
	FIND(netif_ioctl);
	FIND(etharp_ioctl);
	FIND(ip_route_list_add);
	FIND(ip_route_list_del);
	FIND(ip_autoconf_start);
	FIND(ip_autoconf_stop);
	FIND(update_arp_entry);
	FIND(tcp_connect);
	FIND(tcp_input);
	FIND(tcp_output);
	FIND(create_address_from_prefix);
	FIND(start_dad_on_addr);
	FIND(icmp_send_dad);
	FIND(ip_addr_list_deliveryfind);
	FIND(tcp_recved);
	FIND(tcp_pcb_purge);
	FIND(netif_addfd);
	FIND(slirp_tcp_close);
	FIND(tcpip_callback);
	FIND(tcp_slowtmr);
	FIND(lwip_del_stack);
	FIND(ip_input);
	FIND(radv_load_config);
	FIND(icmp_input);
}

const struct real *
real(void)
{
	pthread_once(&once, find_all);
	return &the_real;
}

/*
 * Where the object that has ADDR begins.  (To compare a function's address with
 * what is found by its name would not do: our own use of the name is bound to
 * whatever comes first, like everybody's.)
 */
static const void *
object_of(const void *addr)
{
	Dl_info info;

	return dladdr(addr, &info) != 0 ? info.dli_fbase : NULL;
}

/* Whether NAME is ours for all; if not, says so. */
static bool
is_in_use(const char *name)
{
	const void *used = dlsym(RTLD_DEFAULT, name);

	if (used != NULL && object_of(used) == object_of(&the_real))
		return true;
	fprintf(stderr,
	    "shmif: liblwipv6: %s() is not the one of libshmif; "
	    "link with -lshmif before -llwipv6\n",
	    name);
	return false;
}

int
real_check(void)
{
	const char *name;
	unsigned i;

	for (i = 0; i < REPLACED; i++)
		if (!is_in_use(replaced[i]))
			return ENOTSUP;
	for (i = 0; (name = switch_name(i)) != NULL; i++)
		if (!is_in_use(name))
			return ENOTSUP;
	if (real()->tcp_input == NULL || real()->netif_init == NULL) {
		fprintf(stderr, "shmif: liblwipv6: not found\n");
		return ENOTSUP;
	}
	return 0;
}
