/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * abi.h - what liblwipv6 1.5a exports but does not declare
 *
 * DOC: The public header of lwipv6 knows vde, tap, tun and slirp interfaces
 * only.  The shared object exports the rest as well, and a driver of one's
 * own declares what it uses.  These are our own declarations of its binary
 * interface on amd64, as measured on the Debian 12 package: the layout of
 * its structures by offset, nothing else.  What is here and does not hold in
 * the library that is really loaded is found by driver/layout.c before an
 * interface is put on a stack.
 *
 * Names are the library's where the linker needs them; types have the
 * library's names as well, so that `struct netif *' is the one that
 * <lwipv6.h> speaks of.
 */
#ifndef SHMIF_LWIPV6_ABI_H
#define SHMIF_LWIPV6_ABI_H

#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifndef __LP64__
#error "lwipv6's layout is known for 64-bit machines only"
#endif

#define ABI_AT(type, field, offset) \
	static_assert(offsetof(struct type, field) == (offset), \
	    #type "." #field)
#define ABI_SIZE(type, size) \
	static_assert(sizeof(struct type) == (size), "size of " #type)

typedef int8_t err_t;
enum {
	ERR_OK = 0,
	ERR_MEM = -1,
	ERR_BUF = -2,
	ERR_ABRT = -3,
	ERR_RST = -4,
	ERR_CONN = -6,
	ERR_VAL = -7,
	ERR_ARG = -8,
	ERR_RTE = -9,
	ERR_USE = -10,
	ERR_IF = -11,
};

struct stack;
struct sys_sem;
struct tcp_pcb;

/* An address; IPv4 is ::ffff:a.b.c.d.  Network byte order. */
struct ip_addr {
	uint32_t addr[4];
};
ABI_SIZE(ip_addr, 16);

/* ---- interfaces -------------------------------------------------------- */

enum {
	NETIF_FLAG_UP = 0x1,
	NETIF_FLAG_BROADCAST = 0x2,
	NETIF_FLAG_LOOPBACK = 0x8,
	NETIF_FLAG_RUNNING = 0x40,
	NETIF_FLAG_PROMISC = 0x100,
	NETIF_FLAG_AUTOCONF = 0x800,
	NETIF_FLAG_RADV = 0x2000,
	NETIF_FLAG_DHCP = 0x4000,
	NETIF_FLAG_LINK_UP = 0x8000,
};
/* A larger datagram is written beyond a buffer of the library's. */
#define LWIPV6_MTU_MAX 1500
enum { NETIF_CHANGE_UP = 1, NETIF_CHANGE_DOWN, NETIF_CHANGE_MTU };
enum { NETIFCTL_CLEANUP = 1 };
enum {
	NETIF_LINK_TYPE = 5, /* free in this build; 6 overruns an array */
	NETIF_ARPHRD_ETHER = 1,
	NETIF_PACKET_OUTGOING = 4,
	ARP_TMR_INTERVAL_MS = 5000,
};

/*
 * One address of an interface.  They are a ring; the interface points to the
 * last one.
 */
struct ip_addr_list {
	struct ip_addr_list *next;
	struct ip_addr ipaddr;
	struct ip_addr netmask;
	struct netif *netif;
	char flags;
	struct {
		uint8_t flag; /* 0: configured by hand */
		uint8_t dad_counter;
		uint32_t preferred;
		uint32_t valid;
	} info;
};
ABI_AT(ip_addr_list, ipaddr, 8);
ABI_AT(ip_addr_list, netmask, 24);
ABI_AT(ip_addr_list, netif, 40);
ABI_AT(ip_addr_list, flags, 48);
ABI_AT(ip_addr_list, info, 52);
ABI_SIZE(ip_addr_list, 64);

/* State of stateless autoconfiguration; exists while the interface is up. */
struct autoconf {
	uint8_t status; /* 0: nothing configured yet */
	uint8_t flags[7];
	struct ip_addr_list *tentative;
	/* more follows */
};
ABI_AT(autoconf, tentative, 8);
enum { AUTOCONF_INIT = 0, AUTOCONF_FAIL, AUTOCONF_SUCC };

/* What a router advertises; in seconds, where nothing else is said. */
struct radv_prefix {
	struct radv_prefix *next;
	struct ip_addr ip;
	uint8_t len;
	uint8_t on_link, autonomous;
	uint32_t valid, preferred;
};
ABI_AT(radv_prefix, ip, 8);
ABI_AT(radv_prefix, len, 24);
ABI_AT(radv_prefix, on_link, 25);
ABI_AT(radv_prefix, valid, 28);
ABI_SIZE(radv_prefix, 40);

struct radv {
	uint8_t send; /* at all */
	uint32_t max_s, min_s;
	uint32_t rest_s; /* at least between two */
	uint8_t managed, other;
	uint32_t mtu;
	uint32_t reachable, retrans; /* milliseconds */
	uint8_t hop_limit;
	uint16_t lifetime;
	uint8_t source_link;
	uint8_t unicast_only;
	struct radv_prefix *prefixes;
	uint8_t asked;	 /* somebody waits for one */
	uint8_t resting; /* the library's flags, used by radv.c */
	uint8_t initial; /* what was left of its structure */
};
ABI_AT(radv, max_s, 4);
ABI_AT(radv, rest_s, 12);
ABI_AT(radv, managed, 16);
ABI_AT(radv, mtu, 20);
ABI_AT(radv, hop_limit, 32);
ABI_AT(radv, lifetime, 34);
ABI_AT(radv, source_link, 36);
ABI_AT(radv, unicast_only, 37);
ABI_AT(radv, prefixes, 40);
ABI_AT(radv, asked, 48);
ABI_SIZE(radv, 56);

struct pbuf;

struct netif {
	struct netif *next;
	struct ip_addr_list *addrs;
	err_t (*input)(struct pbuf *, struct netif *);
	err_t (*output)(struct netif *, struct pbuf *, struct ip_addr *);
	err_t (*linkoutput)(struct netif *, struct pbuf *);
	err_t (*netifctl)(struct netif *, int, void *);
	void *state;
	void (*change)(struct netif *, uint32_t);
	void *dhcp;
	struct autoconf *autoconf;
	struct radv *radv;
	uint8_t hwaddr_len;
	uint8_t hwaddr[6];
	uint16_t mtu;
	uint8_t link_type;
	char name[2];
	uint8_t num;
	uint8_t id;
	uint16_t flags;
	uint16_t type;
	struct stack *stack;
};
ABI_AT(netif, next, 0);
ABI_AT(netif, addrs, 8);
ABI_AT(netif, input, 16);
ABI_AT(netif, output, 24);
ABI_AT(netif, linkoutput, 32);
ABI_AT(netif, netifctl, 40);
ABI_AT(netif, state, 48);
ABI_AT(netif, change, 56);
ABI_AT(netif, dhcp, 64);
ABI_AT(netif, autoconf, 72);
ABI_AT(netif, radv, 80);
ABI_AT(netif, hwaddr_len, 88);
ABI_AT(netif, hwaddr, 89);
ABI_AT(netif, mtu, 96);
ABI_AT(netif, link_type, 98);
ABI_AT(netif, name, 99);
ABI_AT(netif, num, 101);
ABI_AT(netif, id, 102);
ABI_AT(netif, flags, 104);
ABI_AT(netif, type, 106);
ABI_AT(netif, stack, 112);
ABI_SIZE(netif, 120);

struct netif *tcpip_netif_add(struct stack *, struct netif *, void *,
    err_t (*)(struct netif *), err_t (*)(struct pbuf *, struct netif *),
    void (*)(struct netif *, uint32_t));
void netif_remove(struct netif *);
void netif_set_up(struct netif *, int);
void netif_set_down(struct netif *);
void netif_set_down_low(struct netif *);
struct netif *netif_find(struct stack *, char *);
int netif_add_addr(struct netif *, struct ip_addr *, struct ip_addr *);
int netif_del_addr(struct netif *, struct ip_addr *, struct ip_addr *);
void netif_init(struct stack *);
void netif_shutdown(struct stack *);
struct ifreq;
int netif_ioctl(struct stack *, int, struct ifreq *, int);
void ip_notify(struct netif *, uint32_t);
void tcpip_notify(struct netif *, uint32_t);
void netif_thread_wake(struct stack *);
/* What the library knows of a descriptor. */
struct netif_fddata {
	int fd;
	short events;
	struct netif *netif;
	void (*fun)(struct netif_fddata *, short revents);
	void *opaque;
	int flags;
	int refcnt;
};
ABI_AT(netif_fddata, events, 4);
ABI_AT(netif_fddata, netif, 8);
ABI_AT(netif_fddata, fun, 16);
ABI_AT(netif_fddata, opaque, 24);
ABI_AT(netif_fddata, flags, 32);
ABI_SIZE(netif_fddata, 40);
enum { FDDATA_EACH_SECOND = 1 }; /* of its flags: FUN is called with 0, too */
/* Has the descriptor FD of NETIF watched; see threads/fds.c. */
struct netif_fddata *netif_addfd(struct netif *, int fd,
    void (*fun)(struct netif_fddata *, short), void *opaque, int flags,
    short events);
struct ip_addr_list *ip_addr_list_alloc(struct stack *);
void ip_addr_list_free(struct stack *, struct ip_addr_list *);
void ip_addr_list_add(struct ip_addr_list **, struct ip_addr_list *);
void ip_addr_list_del(struct ip_addr_list **, struct ip_addr_list *);

/* ---- buffers ----------------------------------------------------------- */

/* How much room a buffer has before its payload. */
enum pbuf_layer { PBUF_TRANSPORT, PBUF_IP, PBUF_LINK, PBUF_RAW };
enum pbuf_kind { PBUF_RAM, PBUF_ROM, PBUF_REF, PBUF_POOL };
enum {
	PBUF_LINK_HLEN = 16,
	PBUF_IP_HLEN = 40,
	PBUF_TRANSPORT_HLEN = 20,
};

struct pbuf {
	struct pbuf *next;
	void *payload;
	uint16_t tot_len; /* of this one and those after it */
	uint16_t len;	  /* of this one */
	uint16_t flags;
	uint16_t ref;
	struct {
		uint32_t info;
		uint32_t dir;
		void *track;
	} nat;
};
ABI_AT(pbuf, payload, 8);
ABI_AT(pbuf, tot_len, 16);
ABI_AT(pbuf, len, 18);
ABI_AT(pbuf, flags, 20);
ABI_AT(pbuf, ref, 22);
ABI_AT(pbuf, nat, 24);
ABI_SIZE(pbuf, 40);

struct pbuf *pbuf_alloc(enum pbuf_layer, uint16_t, enum pbuf_kind);
uint8_t pbuf_header(struct pbuf *, int16_t);
uint8_t pbuf_free(struct pbuf *);
void pbuf_realloc(struct pbuf *, uint16_t);
void pbuf_ref(struct pbuf *);
void *mem_malloc(size_t);
void mem_free(void *);

/* ---- the stack's thread ------------------------------------------------ */

struct stack *lwip_stack_get(void);
void lwip_stack_set(struct stack *);
struct stack *lwip_add_stack(unsigned long);
void lwip_del_stack(struct stack *);
#define STACK_FORWARDING 1ul /* of a stack's flags: it is a router */
unsigned long lwip_stack_flags_get(struct stack *);
void lwip_stack_flags_set(struct stack *, unsigned long);
/* Runs F(CTX) on the stack's thread; SYNC: returns when it has run. */
err_t tcpip_callback(struct stack *, void (*f)(void *), void *ctx, int sync);
err_t tcpip_input(struct pbuf *, struct netif *);
pthread_t sys_thread_new(void (*)(void *), void *, int prio);
void sys_timeout(uint32_t, void (*)(void *), void *);
void sys_untimeout(void (*)(void *), void *);
/* The timers of the calling thread, each relative to the one before. */
struct sys_timeout {
	struct sys_timeout *next;
	uint32_t time; /* milliseconds */
	void (*h)(void *);
	void *arg;
	uint8_t raw; /* somebody else's memory */
};
ABI_AT(sys_timeout, time, 8);
ABI_AT(sys_timeout, h, 16);
ABI_AT(sys_timeout, arg, 24);
ABI_AT(sys_timeout, raw, 32);
struct sys_timeouts {
	struct sys_timeout *next;
};
struct sys_timeouts *sys_arch_timeouts(void);
enum { MEMP_TCP_SEG = 5, MEMP_TCPIP_MSG = 8, MEMP_SYS_TIMEOUT = 9 };
void *memp_malloc(int);
void memp_free(int, void *);

/* What is in the queue of a stack. */
struct tcpip_msg {
	enum {
		TCPIP_MSG_API,
		TCPIP_MSG_INPUT,
		TCPIP_MSG_CALLBACK,
		TCPIP_MSG_SYNC_CALLBACK,
	} type;
	void *unused;
	union {
		struct {
			struct pbuf *p;
			struct netif *netif;
		} in;
		struct {
			struct sys_sem **sem;
			void (*fn)(void *);
			void *arg;
		} call;
	};
};
ABI_AT(tcpip_msg, in.p, 16);
ABI_AT(tcpip_msg, in.netif, 24);
ABI_AT(tcpip_msg, call.fn, 24);
ABI_AT(tcpip_msg, call.arg, 32);

struct sys_mbox; /* threads/mbox.c */
struct sys_mbox *sys_mbox_new(void);
uint32_t sys_arch_mbox_fetch(struct sys_mbox *, void **, uint32_t);
void sys_mbox_fetch(struct sys_mbox *, void **);
void sys_mbox_post(struct sys_mbox *, void *);
void sys_mbox_free(struct sys_mbox *);
struct sys_sem *sys_sem_new(uint8_t);
void sys_sem_free(struct sys_sem *);
void sys_sem_wait(struct sys_sem *);
void sys_sem_signal(struct sys_sem *);
uint32_t sys_arch_sem_wait(struct sys_sem *, uint32_t);
#define SYS_ARCH_TIMEOUT 0xffffffffu

/* ---- IP ---------------------------------------------------------------- */

void ip_input(struct pbuf *, struct netif *);
/* SRC NULL: chosen by route. */
err_t ip_output(struct stack *, struct pbuf *, struct ip_addr *src,
    struct ip_addr *dst, uint8_t ttl, uint8_t tos, uint8_t proto);
/* By NETIF and HOP. */
err_t ip_output_if(struct stack *, struct pbuf *, struct ip_addr *src,
    struct ip_addr *dst, uint8_t ttl, uint8_t tos, uint8_t proto,
    struct netif *, struct ip_addr *hop, int flags);
err_t dhcp_start(struct netif *);
err_t dhcp_release(struct netif *);
void dhcp_stop(struct netif *);
void icmp_input(struct stack *, struct pbuf *, struct ip_addr_list *to,
    void *pseudo);
enum { ICMP_FOR_NET, ICMP_FOR_HOST, ICMP_FOR_PROTO, ICMP_FOR_PORT };
/* P begins with its IP header; WHAT and CODE are those of IPv4. */
void icmp_dest_unreach(struct stack *, struct pbuf *p, int what);
void icmp_time_exceeded(struct stack *, struct pbuf *p, int code);
void icmp_packet_too_big(struct stack *, struct pbuf *p, uint16_t mtu);
/* In network byte order. */
uint16_t inet6_chksum_pseudo(struct pbuf *, struct ip_addr *src,
    struct ip_addr *dst, uint8_t proto, uint32_t len);
err_t ip4_frag(struct stack *, struct pbuf *, struct netif *, struct ip_addr *);
err_t ip6_frag(struct stack *, struct pbuf *, struct netif *, struct ip_addr *);
void etharp_tmr(struct netif *);
void etharp_ip_input(struct netif *, struct pbuf *);
void etharp_arp_input(struct netif *, uint8_t *hwaddr, struct pbuf *);
err_t etharp_output(struct netif *, struct ip_addr *, struct pbuf *);
void eth_packet_mgmt(struct netif *, struct pbuf *, uint8_t);
err_t update_arp_entry(struct netif *, struct ip_addr *, uint8_t *hwaddr,
    uint32_t);
struct raw_pcb;
struct raw_pcb *packet_new(struct stack *, uint16_t, uint16_t);
void packet_remove(struct raw_pcb *);
struct arpreq;
int etharp_ioctl(struct stack *, int, struct arpreq *, int);
void ip_radv_data_init(struct radv *);
void ip_radv_prefix_init(struct radv_prefix *);
void ip_radv_netif_reset(struct netif *);
void ip_radv_start(struct netif *);
void ip_radv_stop(struct netif *);
void radv_load_config(struct stack *, FILE *);
struct ip_addr_list *ip_addr_list_find(struct ip_addr_list *, struct ip_addr *,
    struct ip_addr *);
struct ip_addr_list *ip_addr_list_maskfind(struct ip_addr_list *,
    struct ip_addr *);
struct ip_addr_list *ip_addr_list_deliveryfind(struct ip_addr_list *,
    struct ip_addr *dst, struct ip_addr *src);
void icmp_neighbor_solicitation(struct stack *, struct ip_addr *,
    struct ip_addr_list *);
uint16_t inet_chksum(void *, uint16_t);
int create_address_from_prefix(struct ip_addr *, struct ip_addr *mask,
    struct ip_addr *prefix, int len, struct netif *);
void start_dad_on_addr(struct ip_addr_list *, struct netif *);
void icmp_send_dad(struct stack *, struct ip_addr_list *, struct netif *);
struct ip_addr_list *ip_route_select_source_ip(struct netif *,
    struct ip_addr *dst, struct ip_addr *hop);
uint16_t inet_chksum_pbuf(struct pbuf *);
void ip_autoconf_start(struct netif *);
void ip_autoconf_stop(struct netif *);
/* P, whose payload is ICMP, is an advertisement of a router; of a neighbour. */
void ip_autoconf_handle_ra(struct netif *, struct pbuf *p, const uint8_t *ip,
    const uint8_t *icmp);
void ip_autoconf_handle_na(struct netif *, struct pbuf *p, const uint8_t *ip,
    const uint8_t *icmp);
void icmp_router_solicitation(struct stack *, struct ip_addr *,
    struct ip_addr_list *from);
void rtr_sol_timeout(void *);
void dad_remove_timer(struct ip_addr_list *);
err_t ip_route_list_add(struct stack *, struct ip_addr *, struct ip_addr *,
    struct ip_addr *, struct netif *, int);
err_t ip_route_list_delnetif(struct stack *, struct netif *);
err_t ip_route_list_del(struct stack *, struct ip_addr *, struct ip_addr *,
    struct ip_addr *, struct netif *, int);

struct ip_route_list {
	struct ip_route_list *next;
	struct ip_addr addr;
	struct ip_addr netmask;
	struct ip_addr nexthop;
	struct netif *netif;
	int flags;
};
ABI_AT(ip_route_list, netif, 56);

/* The few fields of a stack that are looked at. */
enum {
	STACK_CAPFUN = 8, /* cap_fn *: what the program may do */
	STACK_NETIF_LIST = 16,
	STACK_ROUTE_HEAD = 48,
	STACK_TCP_INPUT = 333016, /* the connection that has got a segment */
	STACK_PACKET_ACTIVE = 333026, /* uint16_t: packet sockets exist */
	STACK_UDP_LIST = 333040,
	STACK_TCP_TICKS = 333056, /* uint32_t: of half a second */
	STACK_TCP_LISTEN = 333064,
	STACK_TCP_ACTIVE = 333072,
	STACK_TCP_TW = 333080,
	STACK_QUEUE = 333096,
};
typedef int cap_fn(void);
#define STACK_FIELD(stack, offset, type) \
	(*(type *)(void *)((char *)(stack) + (offset)))

/* ---- what the driver calls of the socket layer (sock/sock.h) ---------- */

int lwip_msocket(struct stack *stack, int domain, int type, int protocol);
int lwip_close(int);
int lwip_event_subscribe(void (*)(void *), void *, int, int);

#endif /* SHMIF_LWIPV6_ABI_H */
