/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/apps.h - how lwIP's applications are built into libshmif-lwip-apps.a
 *
 * They are not in libshmif-lwip: they are large, some need mbedTLS, and a program
 * uses one or two.  Some call the program, which has to define:
 *
 *   web server    fs_open_custom(), fs_read_custom(), fs_close_custom()
 *   SNTP client   shmif_lwip_time()
 *   SNMP agent    snmpv3_get_*(), snmpv3_set_*(), snmpv3_reset_engine_time()
 *
 * examples/lwip/common has such functions.
 */
#ifndef SHMIF_LWIP_APPS_H
#define SHMIF_LWIP_APPS_H

/* ---- TLS ---------------------------------------------------------------- */

/* lwIP's core is built without: it would need mbedTLS as well. */
#if !defined LWIP_ALTCP_TLS && defined __has_include
#if __has_include(<mbedtls/ssl_internal.h>)
#define LWIP_ALTCP_TLS 1
#define LWIP_ALTCP_TLS_MBEDTLS 1
#define ALTCP_MBEDTLS_USE_SESSION_CACHE 1
#endif
#endif
#ifndef LWIP_ALTCP_TLS
#define LWIP_ALTCP_TLS 0
#endif

/* ---- HTTP --------------------------------------------------------------- */

#define LWIP_HTTPD_CGI 1
#define LWIP_HTTPD_SSI 1
#define LWIP_HTTPD_SSI_INCLUDE_TAG 0
#define LWIP_HTTPD_MAX_TAG_NAME_LEN 16
#define LWIP_HTTPD_CUSTOM_FILES 1
#define LWIP_HTTPD_FILE_EXTENSION 1 /* where a file is remembered */
#define LWIP_HTTPD_DYNAMIC_FILE_READ 1
#define LWIP_HTTPD_DYNAMIC_HEADERS 1
#define LWIP_HTTPD_SUPPORT_EXTSTATUS 1
#define LWIP_HTTPD_SUPPORT_11_KEEPALIVE 1
#define LWIP_HTTPD_REQ_QUEUELEN 64
#define LWIP_HTTPD_MAX_REQ_LENGTH 8191
#define LWIP_HTTPD_MAX_REQUEST_URI_LEN 255
#define HTTPD_LIMIT_SENDING_TO_2MSS 0
#define HTTPD_ENABLE_HTTPS LWIP_ALTCP_TLS

/* ---- names, time, files ------------------------------------------------- */

#define LWIP_MDNS_RESPONDER 1
#define MDNS_MAX_SERVICES 8
#define LWIP_NETBIOS_RESPOND_NAME_QUERY 1
#define SNTP_STARTUP_DELAY 0
#define SNTP_CHECK_RESPONSE 1 /* it comes from whom was asked */
#define SNTP_MAX_SERVERS 4
#define SNTP_SERVER_DNS 1
#define SNTP_SET_SYSTEM_TIME_US(sec, us) shmif_lwip_time(sec, us)
#ifdef __cplusplus
extern "C" {
#endif
/* The program's: it is SECONDS since 1970, and MICROSECONDS. */
void shmif_lwip_time(uint32_t seconds, uint32_t microseconds);
#ifdef __cplusplus
}
#endif
#define TFTP_MAX_FILENAME_LEN 255
/* To copy it, smtp.c copies -1 bytes where there is no password. */
#define SMTP_COPY_AUTHDATA 0

/* ---- MQTT, SNMP --------------------------------------------------------- */

#define MQTT_OUTPUT_RINGBUF_SIZE 16384
#define MQTT_VAR_HEADER_BUFFER_LEN 1024
#define MQTT_REQ_MAX_IN_FLIGHT 16
#define LWIP_SNMP 1
#define LWIP_SNMP_V3 LWIP_ALTCP_TLS /* its cryptography is mbedTLS's */
#define LWIP_SNMP_V3_CRYPTO LWIP_SNMP_V3
#define LWIP_SNMP_V3_MBEDTLS LWIP_SNMP_V3
#define SNMP_TRAP_DESTINATIONS 4

#endif /* SHMIF_LWIP_APPS_H */
