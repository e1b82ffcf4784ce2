/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replace/names.h - functions of liblwipv6 that are replaced and can be
 *	switched off, in the groups in which that makes sense (not installed)
 *
 * X(group, name): OURS(name) is defined in lwipv6/, most of a group in one
 * file.  See replace/switch.c.
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
	X(isn, tcp_connect) \
	X(recover, tcp_fasttmr) \
	X(recover, tcp_input) \
	X(recover, tcp_output) \
	X(recover, tcp_pcb_purge) \
	X(sock, lwip_msocket) \
	X(sock, lwip_socket) \
	X(sock, lwip_close) \
	X(sock, lwip_event_subscribe) \
	X(sock, tcp_slowtmr) \
	X(sock, lwip_bind) \
	X(sock, lwip_connect) \
	X(sock, lwip_listen) \
	X(sock, lwip_accept) \
	X(sock, lwip_shutdown) \
	X(sock, tcp_shutdown) \
	X(sock, lwip_del_stack) \
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
	X(output, tcp_recved) \
	X(frag, ip4_frag) \
	X(frag, ip6_frag) \
	X(autoconf, ip_autoconf_start) \
	X(autoconf, ip_autoconf_stop) \
	X(dad, create_address_from_prefix) \
	X(dad, start_dad_on_addr) \
	X(dad, icmp_send_dad) \
	X(dad, ip_addr_list_deliveryfind) \
	X(source, ip_route_select_source_ip) \
	X(deliver, ip_input) \
	X(icmp, icmp_input) \
	X(icmp, icmp_dest_unreach) \
	X(icmp, icmp_time_exceeded) \
	X(icmp, icmp_packet_too_big) \
	X(radv, ip_radv_start) \
	X(radv, ip_radv_stop) \
	X(radv, ip_radv_handle_rs) \
	X(radv, radv_load_config) \
	X(ioctl, netif_ioctl) \
	X(ioctl, etharp_ioctl)

#endif /* SHMIF_LWIPV6_NAMES_H */
