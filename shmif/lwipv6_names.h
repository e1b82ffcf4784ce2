/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lwipv6_names.h - functions of liblwipv6 that are replaced and can be
 *	switched off, in the groups in which that makes sense (not installed)
 *
 * X(group, name): OURS(name) is defined in lwipv6/, most of a group in one
 * file.  See lwipv6/switch.c.
 */
#ifndef SHMIF_LWIPV6_NAMES_H
#define SHMIF_LWIPV6_NAMES_H

#define LWIPV6_NAMES(X) \
	X(thread, sys_thread_new) \
	X(thread, netif_add_addr) \
	X(thread, netif_del_addr) \
	X(thread, ip_route_list_add) \
	X(thread, ip_route_list_del) \
	X(delete, netif_shutdown) \
	X(sem, sys_sem_new) \
	X(sem, sys_sem_free) \
	X(sem, sys_sem_signal) \
	X(sem, sys_arch_sem_wait) \
	X(mbox, sys_mbox_post) \
	X(mbox, sys_arch_mbox_fetch) \
	X(close, tcp_close) \
	X(isn, tcp_next_iss) \
	X(isn, tcp_connect) \
	X(recover, tcp_fasttmr) \
	X(recover, tcp_input) \
	X(recover, tcp_output) \
	X(recover, tcp_pcb_purge) \
	X(write, netconn_write) \
	X(sendmsg, lwip_sendmsg) \
	X(recv, netconn_recv) \
	X(accept, tcp_accept) \
	X(accept, netconn_accept) \
	X(frag, ip4_frag) \
	X(frag, ip6_frag) \
	X(autoconf, ip_autoconf_start) \
	X(autoconf, ip_autoconf_stop) \
	X(ioctl, netif_ioctl) \
	X(ioctl, etharp_ioctl)

#endif /* SHMIF_LWIPV6_NAMES_H */
