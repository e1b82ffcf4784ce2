/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port.h - what the files of the lwipv6 driver share (not installed)
 */
#ifndef SHMIF_LWIPV6_PORT_H
#define SHMIF_LWIPV6_PORT_H

#include <stdio.h>

#include "stack/lwipv6/abi.h"
#include "stack/lwipv6/replace/names.h"
#include "shmif/unit.h"

/* A function that replaces one of the library's, or that a program calls. */
#define EXPORT __attribute__((visibility("default")))
/*
 * Our version of the library's function NAME, which is in replace/names.h.
 * Whoever means NAME, the one that is switched on, calls that.
 */
#ifdef __x86_64__
#define OURS(name) shmif_our_##name
#else
#define OURS(name) name
#endif

struct neigh_table;
struct reass_table;
struct path_table;
struct group_table;
struct dad;

/* The stack's side of a unit.  The netif comes first: lwipv6 sees only it. */
struct port {
	struct netif netif;
	struct unit *unit;
	struct neigh_table *neigh;
	struct reass_table *reass;  /* NULL until there is a fragment */
	struct path_table *paths;   /* NULL until one is narrow */
	struct group_table *groups; /* NULL until one was joined */
	struct dad *dad;	    /* NULL until there is an address */
	uint16_t mtu;		    /* as we set it; see ctl/ioctl.c */
	bool removing;	   /* we take it off; else the stack goes down */
	int tid;	   /* of the stack's thread */
	struct port *next; /* in the graveyard of lwipv6.c */
};

/* The port of NETIF, or NULL where the interface is not ours. */
struct port *port_of(const struct netif *netif);

/* ---- replace/replace.c: the library's own versions of what we replace ------- */

struct netif_fddata;

struct real {
	void (*netif_init)(struct stack *);
	void (*netif_shutdown)(struct stack *);
	int (*netif_add_addr)(struct netif *, struct ip_addr *,
	    struct ip_addr *);
	int (*netif_del_addr)(struct netif *, struct ip_addr *,
	    struct ip_addr *);
	int (*netif_ioctl)(struct stack *, int, struct ifreq *, int);
	int (*etharp_ioctl)(struct stack *, int, struct arpreq *, int);
	err_t (*ip_route_list_add)(struct stack *, struct ip_addr *,
	    struct ip_addr *, struct ip_addr *, struct netif *, int);
	err_t (*ip_route_list_del)(struct stack *, struct ip_addr *,
	    struct ip_addr *, struct ip_addr *, struct netif *, int);
	void (*ip_autoconf_start)(struct netif *);
	void (*ip_autoconf_stop)(struct netif *);
	err_t (*update_arp_entry)(struct netif *, struct ip_addr *, uint8_t *,
	    uint32_t);
	err_t (*tcp_connect)(struct tcp_pcb *, struct ip_addr *, uint16_t,
	    err_t (*)(void *, struct tcp_pcb *, err_t));
	err_t (*tcp_output)(struct tcp_pcb *);
	void (*tcp_input)(struct pbuf *, struct ip_addr_list *, void *,
	    struct netif *);
	int (*create_address_from_prefix)(struct ip_addr *, struct ip_addr *,
	    struct ip_addr *, int, struct netif *);
	void (*start_dad_on_addr)(struct ip_addr_list *, struct netif *);
	void (*icmp_send_dad)(struct stack *, struct ip_addr_list *,
	    struct netif *);
	struct ip_addr_list *(*ip_addr_list_deliveryfind)(struct ip_addr_list *,
	    struct ip_addr *, struct ip_addr *);
	void (*tcp_recved)(struct tcp_pcb *, uint16_t);
	void (*tcp_pcb_purge)(struct tcp_pcb *);
	struct netif_fddata *(*netif_addfd)(struct netif *, int,
	    void (*)(struct netif_fddata *, short), void *, int, short);
	void (*slirp_tcp_close)(struct tcp_pcb *);
	err_t (*tcpip_callback)(struct stack *, void (*)(void *), void *, int);
	void (*tcp_slowtmr)(struct stack *);
	void (*lwip_del_stack)(struct stack *);
	void (*ip_input)(struct pbuf *, struct netif *);
	void (*radv_load_config)(struct stack *, FILE *);
	void (*icmp_input)(struct stack *, struct pbuf *, struct ip_addr_list *,
	    void *);
};
const struct real *real(void);
/* sem.c: what the library makes at first use, made before there are threads. */
void sem_early(struct stack *stack);
/*
 * Whether the library calls our replacements.  0 or ENOTSUP, with a message
 * on stderr.
 */
int real_check(void);

/* ---- replace/switch.c ---------------------------------------------------- */

/* The Ith function of replace/names.h; NULL behind the last. */
const char *switch_name(unsigned i);

/* ---- threads/timer.c ----------------------------------------------------- */

/* The calling thread, which ends, has no timers any more. */
void timers_end(void);

/* ---- threads/threads.c ---------------------------------------------------- */

/* Whether the calling thread is STACK's own. */
bool thread_inside(const struct stack *stack);
/* The stack whose thread this is, or NULL. */
struct stack *thread_stack(void);
/* Makes this thread count as STACK's own; NULL: as nobody's. */
void thread_be(struct stack *stack);
/* Runs FN(ARG) on STACK's thread and waits.  0 or ENOMEM. */
int thread_call(struct stack *stack, void (*fn)(void *), void *arg);

/* ---- driver/delete.c ---------------------------------------------------- */

/* STACK ends: does what is queued now.  On the stack's thread. */
void queue_finish(struct stack *stack);

/* ---- threads/fds.c ------------------------------------------------------- */

/* A stack begins; what it makes next is its thread for descriptors. */
void fds_begin(struct stack *stack);
/* Whether that thread is to be fds_main(). */
bool fds_take_thread(struct stack *stack);
void fds_main(void *stack);
/* On the stack's thread: descriptors of NETIF are watched no longer. */
void fds_forget(const struct netif *netif);
bool fds_in_use(const struct netif *netif);
/*
 * ctl/foreign.c, on the stack's thread: a descriptor of NETIF failed.
 * False: that is not for us to handle.
 */
bool foreign_lost(struct netif *netif);

/* ---- threads/mbox.c ------------------------------------------------------ */

/* Whether M is one of ours; of the library's, it would have pipes. */
bool mbox_ours(const struct sys_mbox *m);
/* How many messages there are. */
unsigned mbox_waiting(struct sys_mbox *m);
/*
 * Between the two the calling thread, a stack's, wakes nobody: who has got a
 * message meanwhile is woken at the end.
 */
void mbox_batch_begin(void);
void mbox_batch_end(void);
bool mbox_batch(void); /* whether it is between the two */
/*
 * The thread of STACK waits for the bus of U as well, and drains it; one unit
 * at a time: false when there is another.  On the stack's thread.
 */
bool mbox_watch(struct stack *stack, struct unit *u);
/* No more; U is not touched after this.  On the stack's thread. */
void mbox_unwatch(struct stack *stack, struct unit *u);
/*
 * Wakes N threads that sleep at the futex BELL (private), INT_MAX: all; in a
 * batch, at its end.
 */
void mbox_wake_later(uint32_t *bell, int n);
/*
 * Runs FN(ARG) as STACK: at once, on the caller's thread, while the stack's
 * sleeps, or else on that, later.  FN may do what is done on the stack's
 * thread, but may not start timers or wait for anybody; the caller holds no
 * lock that FN takes.  0 or ENOMEM.
 */
int core_call(struct stack *stack, void (*fn)(void *), void *arg);

/* ---- tcp/output.c; on the stack's thread ---------------------------- */

/* What tcp_output() of recover.c is for: sends what the windows allow. */
err_t tcp_out(struct tcp_pcb *pcb);
/* A batch of frames is over: acknowledges what came in it. */
void tcp_batch_end(struct stack *stack);
/* The timer of delayed acknowledgements sends that of PCB. */
void tcp_ack_late(struct tcp_pcb *pcb);

/* ---- threads/spin.c ------------------------------------------------------ */

struct spin {
	unsigned misses; /* in a row */
	unsigned skip;	 /* waits that do not look */
	_Atomic unsigned again;
};
/*
 * Looks for up to NS until READY(ARG), before one sleeps; less often where that
 * was in vain.  One thread uses S at a time; all zeros: new.  Returns whether
 * it was ready.
 */
bool spin_wait(struct spin *s, int64_t ns, bool (*ready)(void *), void *arg);
/* Has who looks with S do so for as long again, once: from any thread. */
void spin_again(struct spin *s);

/* ---- replace/check.c ----------------------------------------------------- */

/*
 * Whether the library that is loaded has the layout of abi.h; finds
 * out once.  0, ENOMEM or ENOTSUP, with a message on stderr.
 */
int check_layout(struct stack *stack);

/* ---- tcp/ooseq.c: around a segment of LEN bytes that comes for PCB ---- */

void ooseq_before(struct tcp_pcb *pcb, uint32_t seq, uint32_t len);
void ooseq_after(struct tcp_pcb *pcb);

/* ---- lwipv6.c; on the stack's thread ------------------------------------ */

/* Takes what there is for U from its bus. */
void port_drain(struct unit *u);
/*
 * NETIF, of whatever kind, is about to leave: the IP layer is told, it is down,
 * its addresses go.
 */
void port_quiet(struct netif *netif);

/* ---- sock/close.c ----------------------------------------------------- */

/*
 * Has the process wait, when it exits, for connections that are being closed
 * and have data to send yet.
 */
void close_at_exit(void);

/* ---- TCP, all on the stack's thread ------------------------------------- */

/* tcp/isn.c: a segment with FLAGS was for PCB, which may be gone. */
void isn_after(struct stack *stack, const struct tcp_pcb *pcb, unsigned flags);

/* tcp/persist.c: whether PCB waits for its peer's window to open. */
bool persist_needed(const struct tcp_pcb *pcb);
/* Sends an empty segment that the peer must answer. */
void persist_probe(struct tcp_pcb *pcb);

/* tcp/recover.c: a connection as it was before a segment was looked at. */
struct recover_seen {
	struct tcp_pcb *pcb;
	uint32_t lastack, rcv_nxt;
	uint16_t cwnd;
	uint8_t dupacks;
	bool fast, gap;
};
void recover_before(struct tcp_pcb *pcb, struct recover_seen *s);
void recover_after(struct stack *stack, const struct recover_seen *s);
/* STACK's connections may need their timer; and: STACK ends. */
void recover_thread(struct stack *stack);
void recover_end(struct stack *stack);
/* Sends what is not acknowledged of PCB once more, the first segment of it. */
void recover_again(struct tcp_pcb *pcb);
/* The same for all of it. */
void recover_all(struct tcp_pcb *pcb);

/* Sends the acknowledgement that PCB owes and has delayed, if any. */
static inline void
tcp_ack_delayed(struct tcp_pcb *pcb)
{
	if (!(pcb->flags & TCP_FLAG_ACK_DELAY))
		return;
	pcb->flags |= TCP_FLAG_ACK_NOW;
	tcp_output(pcb);
	pcb->flags &= (uint8_t) ~(TCP_FLAG_ACK_DELAY | TCP_FLAG_ACK_NOW);
}

/* ---- link/neighbours.c, link/nd.c; all on the stack's thread ------------- */

struct neigh_table *neigh_new(void);
void neigh_free(struct neigh_table *t);
/* Once a second. */
void neigh_timer(struct port *port);
/* netif.output: resolves DST and sends. */
err_t neigh_output(struct netif *netif, struct pbuf *p, struct ip_addr *dst);
/*
 * DST has the hardware address MAC.  CREATE: remember it even where nobody
 * asked for it.
 */
void neigh_learn(struct port *port, const struct ip_addr *dst,
    const uint8_t mac[6], bool create);
bool neigh_find(struct port *port, const struct ip_addr *dst, uint8_t mac[6]);
void neigh_forget(struct port *port, const struct ip_addr *dst);
/* Tells neighbours that the interface, if it is up, has the address IP. */
void neigh_announce(struct port *port, const struct ip_addr *ip);
/* Asks whether anybody has IP, in nobody's name. */
void neigh_arp_probe(struct port *port, const struct ip_addr *ip);
void nd_probe(struct port *port, const struct ip_addr *ip);
void nd_announce(struct port *port, const struct ip_addr *ip);
/* Handles a well-formed ARP frame. */
void neigh_arp_input(struct port *port, const uint8_t *frame, uint32_t len);
/*
 * Handles a well-formed neighbour solicitation for TARGET from SOURCE.
 * Returns whether it was answered.
 */
bool nd_solicited(struct port *port, const uint8_t *frame, uint32_t len,
    const uint8_t target[16], const uint8_t source[16]);

/* ---- link/dad.c; all on the stack's thread ---------------------------- */

/* The interface, if it is up, has IP from now on, or in another place. */
void dad_begin(struct port *port, const struct ip_addr *ip);
void dad_begin_all(struct port *port);
/* Once a second. */
void dad_timer(struct port *port);
/* Somebody with the hardware address MAC has IP, or PROBES for it. */
void dad_other(struct port *port, const struct ip_addr *ip,
    const uint8_t mac[6], bool probes);

/* ---- ip/deliver.c --------------------------------------------------- */

/*
 * The interface that has the address DST, to which a packet came by IN, where
 * IN has not and the stack is a router; otherwise IN.  On the stack's thread.
 */
struct netif *deliver_at(struct netif *in, const struct ip_addr *dst);

/* ---- ip/reass.c; all on the stack's thread -------------------------- */

/*
 * P is a frame that the wall passed as a fragment of a datagram.  True: it was
 * taken.  False: it is not for this interface.
 */
bool reass_input(struct port *port, struct pbuf *p);
/* Once a second. */
void reass_timer(struct port *port);
void reass_free(struct reass_table *t);

/* ---- ip/frag.c ------------------------------------------------------ */

err_t OURS(ip4_frag)(struct stack *, struct pbuf *, struct netif *,
    struct ip_addr *hop);
err_t OURS(ip6_frag)(struct stack *, struct pbuf *, struct netif *,
    struct ip_addr *hop);

/* ---- ip/forward.c --------------------------------------------------- */

/*
 * Whether P, which came by IN for the address DST, must not be left to the
 * library; then it was taken.  On the stack's thread.
 */
bool forward_not(struct pbuf *p, struct netif *in, const struct ip_addr *dst);

/* ---- sock/kind/multicast.c ----------------------------------------------------- */

/*
 * Whether P, which came by IN for the group DST, is not for the library; then
 * it was taken.  On the stack's thread.
 */
bool group_input(struct pbuf *p, struct netif *in, const struct ip_addr *dst);

/* ---- link/igmp.c; all on the stack's thread --------------------------- */

/* A member more of GROUP.  What to leave it by; 0: there is no memory. */
uint32_t igmp_join(struct port *port, const struct ip_addr *group);
void igmp_leave(struct port *port, uint32_t serial);
bool igmp_joined(const struct port *port, const struct ip_addr *group);
/* The interface is up, or in another place: reports all. */
void igmp_again(struct port *port);
/* Once a second. */
void igmp_timer(struct port *port);
/* Handles the N bytes of a message. */
void igmp_input(struct port *port, const uint8_t *igmp, size_t n);
void igmp_free(struct port *port);

/* ---- ip/path.c; all on the stack's thread --------------------------- */

/* How large a packet that begins with the header IP may be, by NETIF. */
unsigned path_mtu(const struct netif *netif, const uint8_t *ip);
/* Whether P, an IP packet of the stack's own, is larger, and no fragment. */
bool path_exceeded(const struct netif *netif, const struct pbuf *p);
void path_free(struct path_table *t);

/* ---- driver/frames.c ---------------------------------------------------- */

/* netif.linkoutput: a whole frame.  Any thread. */
err_t port_linkoutput(struct netif *netif, struct pbuf *p);
/* Sends a frame that was built by the driver. */
void port_send_bytes(struct port *port, const uint8_t *frame, uint32_t len);
/* Sends a frame as the stack does: packet sockets see it. */
err_t port_send(struct port *port, struct pbuf *p);
/* buffer(), drop() and input() of stack.h, on the stack's thread. */
void *port_buffer(struct unit *u, uint32_t len, uint8_t **data);
void port_drop(void *buffer);
enum stack_verdict port_input(struct unit *u, void *buffer, uint8_t *data,
    uint32_t len);

/* ---- buffers ------------------------------------------------------------ */

/* Copies N bytes from OFFSET of the chain P to TO.  Whether they are there. */
static inline bool
pbuf_read(uint8_t *to, const struct pbuf *p, size_t offset, size_t n)
{
	for (; p != NULL && n > 0; p = p->next) {
		size_t part;

		if (offset >= p->len) {
			offset -= p->len;
			continue;
		}
		part = p->len - offset < n ? p->len - offset : n;
		__builtin_memcpy(to, (const uint8_t *)p->payload + offset,
		    part);
		to += part;
		n -= part;
		offset = 0;
	}
	return n == 0;
}

/* ---- addresses ---------------------------------------------------------- */

static inline bool
ip_is_v4(const struct ip_addr *ip)
{
	return ip->addr[0] == 0 && ip->addr[1] == 0 &&
	    ip->addr[2] == htonl(0xffff);
}

static inline bool
ip_same(const struct ip_addr *a, const struct ip_addr *b)
{
	return __builtin_memcmp(a, b, sizeof(*a)) == 0;
}

/* The IPv4 address, or the IPv6 one, that stands AT4 or AT6 bytes into IP. */
static inline struct ip_addr
ip_in_header(const uint8_t *ip, unsigned at4, unsigned at6)
{
	struct ip_addr a = { { 0, 0, htonl(0xffff), 0 } };

	if (ip[0] >> 4 == 4)
		__builtin_memcpy(&a.addr[3], ip + at4, 4);
	else
		__builtin_memcpy(&a, ip + at6, sizeof(a));
	return a;
}

/* The sender, and the destination, of the packet with the header IP. */
static inline struct ip_addr
ip_sender(const uint8_t *ip)
{
	return ip_in_header(ip, 12, 8);
}

static inline struct ip_addr
ip_target(const uint8_t *ip)
{
	return ip_in_header(ip, 16, 24);
}

/* Whether IP is good on one link only: RFC 4291, 2.5.6. */
static inline bool
ip_is_link_local(const struct ip_addr *ip)
{
	return ntohl(ip->addr[0]) >> 22 == 0xfe80 >> 6;
}

/* Whether A is before B, of TCP's numbers, which come around. */
static inline bool
seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

#endif /* SHMIF_LWIPV6_PORT_H */
