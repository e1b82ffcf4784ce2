/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replace/names.h - the functions of liblwipv6 that are replaced (not
 *	installed)
 *
 * These two lists are the only place where a replaced function is entered.
 * What follows from them: the declarations of the library's own versions
 * (struct real, replace/replace.h) and how they are found, the stubs and the
 * switch (replace/switch.c), the table of our versions (driver/cures.c), the
 * check before the first interface, and the names that libshmif exports
 * (libshmif.map, which the preprocessor makes of shmif/libshmif.map.in).
 *
 * An entry is X(group, name), or WITH(group, name) where our version, or
 * another file, calls the library's own as real()->name(); then name has to be
 * declared by a header that replace/replace.h includes.  This file has nothing
 * but macros: it is also read where no C is compiled.
 */
#ifndef SHMIF_LWIPV6_NAMES_H
#define SHMIF_LWIPV6_NAMES_H

/*
 * OURS(name) is defined in stack/lwipv6/, most of a group in one file; a group
 * can be switched off, see replace/switch.c.
 */
#define LWIPV6_NAMES(X, WITH) \
	X(thread, sys_thread_new) \
	WITH(thread, netif_add_addr) \
	WITH(thread, netif_del_addr) \
	WITH(thread, ip_route_list_add) \
	WITH(thread, ip_route_list_del) \
	WITH(delete, netif_shutdown) \
	X(shrink, pbuf_realloc) \
	X(sem, sys_sem_new) \
	X(sem, sys_sem_free) \
	X(sem, sys_sem_signal) \
	X(sem, sys_arch_sem_wait) \
	X(timer, sys_mbox_fetch) \
	X(checksum, inet_chksum) \
	X(checksum, inet_chksum_pbuf) \
	X(checksum, inet6_chksum_pseudo) \
	X(isn, tcp_next_iss) \
	WITH(isn, tcp_connect) \
	X(recover, tcp_fasttmr) \
	WITH(recover, tcp_input) \
	WITH(recover, tcp_output) \
	WITH(recover, tcp_pcb_purge) \
	WITH(recover, tcp_listen) \
	WITH(recover, tcp_enqueue) \
	WITH(recover, tcp_slowtmr) \
	WITH(recover, tcp_recved) \
	X(sock, lwip_msocket) \
	X(sock, lwip_socket) \
	X(sock, lwip_close) \
	X(sock, lwip_event_subscribe) \
	WITH(sock, udp_input) \
	X(sock, lwip_bind) \
	X(sock, lwip_connect) \
	X(sock, lwip_listen) \
	X(sock, lwip_accept) \
	X(sock, lwip_shutdown) \
	X(sock, tcp_shutdown) \
	WITH(sock, lwip_del_stack) \
	X(sock, lwip_sendto) \
	X(sock, lwip_send) \
	X(sock, lwip_write) \
	X(sock, lwip_writev) \
	X(sock, lwip_sendmsg) \
	X(sock, lwip_recvfrom) \
	X(sock, lwip_recv) \
	X(sock, lwip_read) \
	X(sock, lwip_readv) \
	X(sock, lwip_recvmsg) \
	X(sock, lwip_poll) \
	X(sock, lwip_ppoll) \
	X(sock, lwip_pselect) \
	X(sock, lwip_select) \
	X(sock, lwip_getsockname) \
	X(sock, lwip_getpeername) \
	X(sock, lwip_setsockopt) \
	X(sock, lwip_getsockopt) \
	X(sock, lwip_fcntl) \
	X(sock, lwip_fcntl64) \
	X(sock, lwip_ioctl) \
	X(frag, ip4_frag) \
	X(frag, ip6_frag) \
	WITH(autoconf, ip_autoconf_start) \
	WITH(autoconf, ip_autoconf_stop) \
	WITH(autoconf, ip_autoconf_handle_ra) \
	WITH(autoconf, ip_autoconf_handle_na) \
	X(autoconf, icmp_router_solicitation) \
	WITH(dad, create_address_from_prefix) \
	WITH(dad, start_dad_on_addr) \
	WITH(dad, icmp_send_dad) \
	WITH(dad, ip_addr_list_deliveryfind) \
	X(route, ip_route_findpath) \
	X(source, ip_route_select_source_ip) \
	WITH(dhcp, dhcp_start) \
	WITH(dhcp, dhcp_release) \
	WITH(dhcp, dhcp_stop) \
	WITH(deliver, ip_input) \
	WITH(icmp, icmp_input) \
	X(icmp, icmp_dest_unreach) \
	X(icmp, icmp_time_exceeded) \
	X(icmp, icmp_packet_too_big) \
	X(radv, ip_radv_start) \
	X(radv, ip_radv_stop) \
	X(radv, ip_radv_handle_rs) \
	WITH(radv, radv_load_config) \
	WITH(slirp, slirpif_init) \
	X(slirp, slirp_tcp_fconnect) \
	X(slirp, slirp_tcp_update_listen2data) \
	X(slirp, slirp_tcp_recv) \
	X(slirp, slirp_tcp_sent) \
	WITH(slirp, slirp_tcp_close) \
	X(slirp, slirp_udp_bind) \
	X(slirp, slirp_udp_recv) \
	WITH(ioctl, netif_ioctl) \
	WITH(ioctl, etharp_ioctl)

/*
 * Those that no switch turns off; they are defined under their own names.
 *
 * threads	thread_inside() relies on it.
 * mbox		A stack's thread waits for its bus there.
 * ioctl	Neighbours are those of link/neighbours.c.
 * fds		A thread cannot be changed while it runs.
 */
#define LWIPV6_FIXED(X, WITH) \
	WITH(threads, netif_init) \
	X(mbox, sys_mbox_new) \
	X(mbox, sys_mbox_free) \
	X(mbox, sys_mbox_post) \
	X(mbox, sys_arch_mbox_fetch) \
	WITH(ioctl, update_arp_entry) \
	WITH(fds, netif_addfd) \
	WITH(fds, tcpip_callback)

#endif /* SHMIF_LWIPV6_NAMES_H */
