/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_netif.c - an interface of lwIP on a bus in a file, to be compiled in
 *
 * DOC: Theory of Operation
 *
 * The options of lwIP decide what there is of it.  So this file uses only what
 * is there with all of them: pbufs, struct netif, netif->input, and, where there
 * are threads, tcpip_api_call().
 *
 * Receiving.  shmbus_peek() tells a frame's length, and where it lies in the
 * ring.  A pbuf of that length may be a chain, when pools have small pieces.
 * The second and later pieces are filled from the ring first; shmbus_take() then
 * fills the first piece, and tells whether the frame was there throughout, that
 * is, whether the bytes of the other pieces are this frame's.  If not, the pbuf
 * is thrown away, and the bus has counted the frame as lost.  netif->input
 * decides how lwIP gets it: at once, by its mailbox, or with the core's lock.
 * A frame for which there is no pbuf is dropped, as other drivers do.
 *
 * Sending.  lwIP calls output() on its own thread or with its lock, so one at a
 * time.  The frame is built in its slot of the ring, from however many pieces.
 * If this thread was stopped for so long that the others gave up on it, the
 * frame is sent again.
 *
 * A thread of ours (NO_SYS=0) waits and polls.  shmif_netif_remove() first ends
 * it, then takes the interface off lwIP, and only then detaches: nobody uses an
 * attachment that is gone.  Therefore the caller must not hold the core's lock,
 * for which the thread may be waiting.
 *
 * A bus that is gone is said to lwIP once, as a link that is down.
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE 1 /* poll() and signals, with -std=c99 too */
#endif
#include <lwip/opt.h>

#include <lwip/pbuf.h>
#include <lwip/snmp.h>
#include <lwip/stats.h>
#if LWIP_IPV4
#include <lwip/etharp.h>
#endif
#if LWIP_IPV6
#include <lwip/ethip6.h>
#endif
#if !NO_SYS
#include <lwip/priv/tcpip_priv.h>
#endif

#include <shmif_netif.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <shmbus.h>

#if LWIP_IPV4 && defined(LWIP_ARP) && !LWIP_ARP
#error "a bus is an Ethernet: LWIP_ARP has to be 1"
#endif
#if defined(LWIP_ETHERNET) && !LWIP_ETHERNET
#error "a bus is an Ethernet: LWIP_ETHERNET has to be 1"
#endif

/* What a received frame is put into: PBUF_POOL or PBUF_RAM. */
#ifndef SHMIF_NETIF_PBUF
#define SHMIF_NETIF_PBUF PBUF_POOL
#endif

#define HEADER 14	/* Ethernet's */
#define SEND_TRIES 100	/* each of them waited for 2 ms: the file is not sane */
#define THREAD_BATCH 64 /* frames, then the thread looks whether it may go on */

/* ---- sending ------------------------------------------------------------ */

static err_t
output(struct netif *netif, struct pbuf *p)
{
	struct shmif_netif *port = netif->state;
	u16_t len = (u16_t)(p->tot_len - ETH_PAD_SIZE);
	int error = SHMBUS_EGIVENUP, tries;
	void *slot;

	if (port->bus == NULL)
		return ERR_IF;
	/* Programs change netif->hwaddr as they like. */
	if (memcmp(port->mac, netif->hwaddr, sizeof(port->mac)) != 0 &&
	    shmbus_set_mac(port->bus, netif->hwaddr) == 0)
		memcpy(port->mac, netif->hwaddr, sizeof(port->mac));
	for (tries = 0; error == SHMBUS_EGIVENUP && tries < SEND_TRIES;
	     tries++) {
		error = shmbus_reserve(port->bus, len, &slot);
		if (error != 0)
			continue;
		if (pbuf_copy_partial(p, slot, len, ETH_PAD_SIZE) == len) {
			error = shmbus_commit(port->bus, len);
		} else {
			shmbus_cancel(port->bus);
			error = EINVAL;
		}
	}
	if (error != 0) {
		port->tx_failed++;
		LINK_STATS_INC(link.drop);
		MIB2_STATS_NETIF_INC(netif, ifoutdiscards);
		/* TCP sends again what there was no room for. */
		return error == EMSGSIZE ? ERR_IF : ERR_MEM;
	}
	LINK_STATS_INC(link.xmit);
	MIB2_STATS_NETIF_ADD(netif, ifoutoctets, len);
	if (((u8_t *)p->payload)[ETH_PAD_SIZE] & 1) {
		MIB2_STATS_NETIF_INC(netif, ifoutnucastpkts);
	} else {
		MIB2_STATS_NETIF_INC(netif, ifoutucastpkts);
	}
	return ERR_OK;
}

/* ---- on lwIP's thread --------------------------------------------------- */

#if NO_SYS
static void
on_core(struct netif *netif, void (*fn)(struct netif *))
{
	fn(netif);
}
#else
struct call {
	struct tcpip_api_call_data data; /* first */
	struct netif *netif;
	void (*fn)(struct netif *);
};

static err_t
called(struct tcpip_api_call_data *data)
{
	struct call *call = (struct call *)(void *)data;

	call->fn(call->netif);
	return ERR_OK;
}

static void
on_core(struct netif *netif, void (*fn)(struct netif *))
{
	struct call call;

	memset(&call, 0, sizeof(call));
	call.netif = netif;
	call.fn = fn;
	tcpip_api_call(called, &call.data);
}
#endif

/* ---- receiving ---------------------------------------------------------- */

/* The bus is gone. */
static void
gone(struct shmif_netif *port, int error)
{
	if (port->error == 0) {
		port->error = error;
		on_core(port->netif, netif_set_link_down);
	}
}

/* Copies the frame that was peeked into P; 0 or why it is not there. */
static int
fill(struct shmif_netif *port, struct pbuf *p, const u8_t *data)
{
	struct pbuf *q;

	data += p->len;
	for (q = p->next; q != NULL; q = q->next) {
		memcpy(q->payload, data, q->len);
		data += q->len;
	}
	return shmbus_take(port->bus, p->payload, p->len);
}

static int
for_us(const struct netif *netif, const u8_t *frame)
{
	return (frame[0] & 1) != 0 ||
	    memcmp(frame, netif->hwaddr, sizeof(netif->hwaddr)) == 0;
}

/* Gives P to lwIP.  Which it is for is counted. */
static void
deliver(struct netif *netif, struct pbuf *p, u32_t len)
{
	struct shmif_netif *port = netif->state;

	if (!for_us(netif, p->payload)) {
		port->rx_bad++;
		pbuf_free(p);
		return;
	}
	LINK_STATS_INC(link.recv);
	MIB2_STATS_NETIF_ADD(netif, ifinoctets, len);
	LWIP_UNUSED_ARG(len);
	if (*(u8_t *)p->payload & 1) {
		MIB2_STATS_NETIF_INC(netif, ifinnucastpkts);
	} else {
		MIB2_STATS_NETIF_INC(netif, ifinucastpkts);
	}
#if ETH_PAD_SIZE
	pbuf_header(p, ETH_PAD_SIZE);
#endif
	if (netif->input(p, netif) != ERR_OK) {
		port->rx_nomem++;
		LINK_STATS_INC(link.drop);
		pbuf_free(p);
	}
}

/* Takes the next frame off the bus.  0, EAGAIN: there is none, or an error. */
static int
next(struct netif *netif)
{
	struct shmif_netif *port = netif->state;
	struct shmbus_frame frame;
	struct pbuf *p;
	int error = shmbus_peek(port->bus, &frame);

	if (error != 0)
		return error;
	if (frame.len < HEADER || frame.len > 0xffffu - ETH_PAD_SIZE) {
		port->rx_bad++;
		error = shmbus_skip(port->bus);
		return error == ESTALE ? 0 : error;
	}
	p = pbuf_alloc(PBUF_RAW, (u16_t)(frame.len + ETH_PAD_SIZE),
	    SHMIF_NETIF_PBUF);
	if (p == NULL) {
		port->rx_nomem++;
		LINK_STATS_INC(link.memerr);
		MIB2_STATS_NETIF_INC(netif, ifindiscards);
		error = shmbus_skip(port->bus);
		return error == ESTALE ? 0 : error;
	}
#if ETH_PAD_SIZE
	pbuf_header(p, -ETH_PAD_SIZE);
#endif
	error = fill(port, p, frame.data);
	if (error != 0) {
		pbuf_free(p);
		return error == ESTALE ? 0 : error;
	}
	if (p->len < HEADER) { /* a pool of tiny pieces */
		port->rx_bad++;
		pbuf_free(p);
		return 0;
	}
	deliver(netif, p, frame.len);
	return 0;
}

int
shmif_netif_poll(struct netif *netif, int most)
{
	struct shmif_netif *port = netif->state;
	int n = 0, error = 0;

	if (port->bus == NULL || port->error != 0)
		return 0;
	while (n < most && (error = next(netif)) == 0)
		n++;
	if (error == EAGAIN) {
		if (port->fd != -1)
			shmbus_fd_done(port->bus);
	} else if (error != 0) {
		gone(port, error);
	}
	return n;
}

/* ---- waiting ------------------------------------------------------------ */

void
shmif_netif_wait(struct netif *netif, u32_t ms)
{
	struct shmif_netif *port = netif->state;
	int error;

	if (port->bus != NULL && port->error == 0 && port->fd == -1) {
		error = shmbus_wait(port->bus,
		    ms == 0xffffffffu ? -1 : (int64_t)ms * 1000000);
		if (error != 0 && error != ETIMEDOUT && error != ECANCELED)
			gone(port, error);
	} else {
		struct pollfd p;

		p.fd = port->bus != NULL && port->error == 0 ? port->fd : -1;
		p.events = POLLIN;
		poll(&p, 1, ms > 0x7fffffffu ? -1 : (int)ms);
	}
}

int
shmif_netif_fd(struct netif *netif)
{
	struct shmif_netif *port = netif->state;
	int error;

	if (port->fd == -1 && port->bus != NULL &&
	    (error = shmbus_fd(port->bus, &port->fd)) != 0) {
		port->fd = -1;
		port->error = error;
	}
	return port->fd;
}

#if !NO_SYS
struct worker {
	pthread_t thread;
	int quit; /* by __atomic_ */
};

static void *
work(void *arg)
{
	struct shmif_netif *port = arg;
	struct worker *w = port->thread;
	int error;

#if LWIP_NETCONN_SEM_PER_THREAD
	LWIP_NETCONN_THREAD_SEM_ALLOC();
#endif
	while (__atomic_load_n(&w->quit, __ATOMIC_ACQUIRE) == 0 &&
	    port->error == 0) {
		if (shmif_netif_poll(port->netif, THREAD_BATCH) > 0)
			continue;
		error = shmbus_wait(port->bus, -1);
		if (error != 0 && error != ETIMEDOUT && error != ECANCELED)
			gone(port, error);
	}
#if LWIP_NETCONN_SEM_PER_THREAD
	LWIP_NETCONN_THREAD_SEM_FREE();
#endif
	return NULL;
}

err_t
shmif_netif_start(struct netif *netif)
{
	struct shmif_netif *port = netif->state;
	struct worker *w;
	sigset_t all, old;
	int error;

	if (port->bus == NULL || port->thread != NULL)
		return ERR_ARG;
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return ERR_MEM;
	port->thread = w;
	/* The program's signals are for its own threads. */
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&w->thread, NULL, work, port);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error != 0) {
		port->thread = NULL;
		free(w);
		return ERR_MEM;
	}
	return ERR_OK;
}
#endif

/* ---- on and off --------------------------------------------------------- */

err_t
shmif_netif_init(struct netif *netif)
{
	struct shmif_netif *port = netif->state;
	struct shmbus_options how;
	struct shmbus_info info;

	if (port == NULL)
		return ERR_ARG;
	port->bus = NULL;
	port->netif = netif;
	port->thread = NULL;
	port->fd = -1;
	port->error = EINVAL;
	if (port->path == NULL)
		return ERR_ARG;
	memset(&how, 0, sizeof(how));
	how.flags = SHMBUS_CREATE;
	how.geometry.mtu = port->mtu;
	memcpy(how.mac, port->mac, sizeof(how.mac));
	port->error = shmbus_attach(port->path, &how, &port->bus);
	if (port->error != 0) {
		port->bus = NULL;
		return ERR_IF;
	}
	shmbus_info(port->bus, &info);
	shmbus_mac(port->bus, port->mac);

	netif->name[0] = 's';
	netif->name[1] = 'h';
	netif->mtu = (u16_t)info.geometry.mtu;
#if LWIP_IPV6 && LWIP_ND6_ALLOW_RA_UPDATES
	netif->mtu6 = netif->mtu;
#endif
	netif->hwaddr_len = sizeof(port->mac);
	memcpy(netif->hwaddr, port->mac, sizeof(port->mac));
	netif->flags |= NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP |
	    NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
	netif->linkoutput = output;
#if LWIP_IPV4
	netif->output = etharp_output;
#if LWIP_IGMP
	netif->flags |= NETIF_FLAG_IGMP;
#endif
#endif
#if LWIP_IPV6
	netif->output_ip6 = ethip6_output;
#if LWIP_IPV6_MLD
	netif->flags |= NETIF_FLAG_MLD6;
#endif
	netif_create_ip6_linklocal_address(netif, 1);
#endif
	MIB2_INIT_NETIF(netif, snmp_ifType_ethernet_csmacd, 0);
	return ERR_OK;
}

void
shmif_netif_remove(struct netif *netif)
{
	struct shmif_netif *port = netif->state;

	if (port->bus == NULL)
		return;
#if !NO_SYS
	if (port->thread != NULL) {
		struct worker *w = port->thread;

		__atomic_store_n(&w->quit, 1, __ATOMIC_RELEASE);
		shmbus_wake(port->bus);
		pthread_join(w->thread, NULL);
		port->thread = NULL;
		free(w);
	}
#endif
	on_core(netif, netif_remove);
	shmbus_detach(port->bus);
	port->bus = NULL;
	port->fd = -1;
}
