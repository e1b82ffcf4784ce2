/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lwipapps.c - fuzz target: any bytes whatever, to lwIP's applications
 *
 * DOC: An input says with its first byte which application it is for, and then
 * has records: a byte that says what (enum op), two for the length, and bytes.
 *
 * There is one lwIP, without threads and without a bus.  Its only interface is a
 * mirror: what is sent to 10.0.0.2 comes back as from 10.0.0.2, with source and
 * destination exchanged, which changes no checksum.  So a connection to a server
 * of this lwIP, or from a client of it, has its other end in this program, which
 * says what the input has.  A datagram is handed to the application's function in
 * buffers of exactly its size, so that AddressSanitizer sees each byte that is
 * read behind its end; it may come in pieces, as fragments do.  What an answer
 * must repeat of its question (numbers, names) is put right where the record
 * asks for it: random bytes would never get that far.
 *
 * After each input what it began is ended, and minutes go by.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/altcp_tcp.h>
#include <lwip/altcp_tls.h>
#include <lwip/apps/altcp_proxyconnect.h>
#include <lwip/apps/fs.h>
#include <lwip/apps/http_client.h>
#include <lwip/apps/httpd.h>
#include <lwip/apps/lwiperf.h>
#include <lwip/apps/mdns.h>
#include <lwip/apps/mqtt.h>
#include <lwip/apps/netbiosns.h>
#include <lwip/apps/smtp.h>
#include <lwip/apps/snmp.h>
#include <lwip/apps/snmp_mib2.h>
#include <lwip/apps/sntp.h>
#include <lwip/apps/tftp_server.h>
#include <lwip/dhcp.h>
#include <lwip/dhcp6.h>
#include <lwip/dns.h>
#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/netif.h>
#include <lwip/prot/dhcp.h>
#include <lwip/prot/ip.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/udp.h>
#include <lwip/tcp.h>
#include <lwip/tcpip.h>
#include <lwip/timeouts.h>
#include <lwip/udp.h>
#if LWIP_ALTCP_TLS
#include <mbedtls/certs.h>
#endif

#include "examples/lwip/common/users.h"
#include "examples/lwip/common/versions.h"
#include "fuzz/fuzz.h"
#include "fuzz/lwipapps.h"
#include "fuzz/stack/host.h"
#include "stack/lwip/port.h"

#define WIRE_MAX 256u /* packets that wait */
#define HOPS_MAX 2000u
#define WARP_MAX 20000u /* ms, of one input */
#define RENEW 400u
#define LEAK 65536u
#define OUR_PORT 9000u

static struct netif netif;
static ip_addr_t peer4;
static unsigned app, inputs, hops, warps;

/* What was asked last by UDP: its first bytes, and where it came from. */
static struct {
	uint8_t b[512];
	size_t n;
	uint16_t from;
} asked;

/* ---- the mirror ---------------------------------------------------------- */

static struct pbuf *wire[WIRE_MAX];
static unsigned wire_from, wire_n;

static void
note_question(const uint8_t *udp, size_t n)
{
	if (n < UDP_HLEN)
		return;
	asked.from = (uint16_t)(udp[0] << 8 | udp[1]);
	asked.n = n - UDP_HLEN < sizeof(asked.b) ? n - UDP_HLEN :
						   sizeof(asked.b);
	memcpy(asked.b, udp + UDP_HLEN, asked.n);
}

static err_t
reflect(struct pbuf *p, bool v6)
{
	struct pbuf *q;
	uint8_t *ip, away[16];
	size_t at = v6 ? 8 : 12, n = v6 ? 16 : 4;

	if (wire_n == WIRE_MAX)
		return ERR_MEM;
	if ((q = pbuf_clone(PBUF_RAW, PBUF_RAM, p)) == NULL)
		return ERR_MEM;
	ip = q->payload;
	if (ip[v6 ? 6 : 9] == IP_PROTO_UDP) {
		note_question(ip + (v6 ? 40 : 20), q->len - (v6 ? 40u : 20u));
		pbuf_free(q);
		return ERR_OK;
	}
	memcpy(away, ip + at, n);
	memcpy(ip + at, ip + at + n, n);
	memcpy(ip + at + n, away, n);
	wire[(wire_from + wire_n++) % WIRE_MAX] = q;
	return ERR_OK;
}

static err_t
output4(struct netif *to, struct pbuf *p, const ip4_addr_t *dst)
{
	(void)to;
	(void)dst;
	return reflect(p, false);
}

static err_t
output6(struct netif *to, struct pbuf *p, const ip6_addr_t *dst)
{
	(void)to;
	(void)dst;
	return reflect(p, true);
}

static err_t
link_output(struct netif *to, struct pbuf *p)
{
	(void)to;
	(void)p;
	return ERR_OK;
}

static err_t
mirror_init(struct netif *n)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

	n->name[0] = 'm';
	n->name[1] = 'i';
	n->mtu = n->mtu6 = 1500;
	n->output = output4;
	n->output_ip6 = output6;
	n->linkoutput = link_output;
	n->hwaddr_len = sizeof(mac);
	memcpy(n->hwaddr, mac, sizeof(mac));
	n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHERNET |
	    NETIF_FLAG_IGMP | NETIF_FLAG_MLD6;
	return ERR_OK;
}

static void
pump(void)
{
	struct pbuf *p;

	for (; wire_n > 0 && hops > 0; hops--) {
		p = wire[wire_from];
		wire_from = (wire_from + 1) % WIRE_MAX;
		wire_n--;
		ip_input(p, &netif);
	}
}

static void
go_by(unsigned ms, unsigned step)
{
	for (; ms >= step; ms -= step) {
		warp_add((int64_t)step * 1000000);
		sys_check_timeouts();
		pump();
	}
}

/* What the driver would know. */
struct port *
port_of(const struct netif *of)
{
	(void)of;
	return NULL;
}

void
shmif_lwip_time(uint32_t seconds, uint32_t us)
{
	(void)seconds;
	(void)us;
}

/* ---- the other end of a connection --------------------------------------- */

static struct tcp_pcb *end;
/* What the client has that goes through a proxy, and whether it is through. */
static struct altcp_pcb *proxied;
static bool proxied_open;

static void
end_error(void *arg, err_t error)
{
	(void)arg;
	(void)error;
	end = NULL;
}

static err_t
end_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
	(void)arg;
	(void)error;
	if (p != NULL) {
		tcp_recved(pcb, p->tot_len);
		pbuf_free(p);
	}
	return ERR_OK;
}

static err_t
end_ready(void *arg, struct tcp_pcb *pcb, err_t error)
{
	(void)arg;
	if (error != ERR_OK || pcb == NULL)
		return ERR_VAL;
	if (end != NULL && end != pcb) {
		tcp_abort(pcb);
		return ERR_ABRT;
	}
	end = pcb;
	tcp_err(pcb, end_error);
	tcp_recv(pcb, end_recv);
	tcp_nagle_disable(pcb);
	return ERR_OK;
}

/* A connection to the server at PORT. */
static void
dial(uint16_t port)
{
	end = tcp_new();
	tcp_err(end, end_error);
	tcp_connect(end, &peer4, port, end_ready);
	pump();
}

static void
hang_up(bool rudely)
{
	struct tcp_pcb *pcb = end;

	if (pcb == NULL)
		return;
	end = NULL;
	/* It ends by itself then, and the program is not told. */
	if (!rudely && !proxied_open)
		proxied = NULL;
	tcp_err(pcb, NULL);
	tcp_recv(pcb, end_recv);
	if (rudely || tcp_close(pcb) != ERR_OK)
		tcp_abort(pcb);
	pump();
}

/* ---- applications -------------------------------------------------------- */

static mqtt_client_t *mqtt;

/* A file of the TFTP server is its own name. */
static void *
tftp_open_file(const char *name, const char *mode, u8_t is_write)
{
	(void)is_write;
	return *name == '!' || *mode == '!' ? NULL : strdup(name);
}

static void
tftp_close_file(void *file)
{
	free(file);
}

static int
tftp_read_file(void *file, void *to, int n)
{
	memset(to, *(char *)file, (size_t)n);
	return *(char *)file == '-' ? -1 : *(char *)file == 'l' ? n : n / 3;
}

static int
tftp_write_file(void *file, struct pbuf *p)
{
	static volatile uint8_t sum;

	for (; p != NULL; p = p->next)
		for (u16_t i = 0; i < p->len; i++)
			sum = (uint8_t)(sum + ((uint8_t *)p->payload)[i]);
	return *(char *)file == '-' ? -1 : 0;
}

/* The web server's files, some of which have tags. */
int fs_open_custom(struct fs_file *file, const char *name);
int fs_read_custom(struct fs_file *file, char *buffer, int count);
void fs_close_custom(struct fs_file *file);

static const char page[] = "<html><!--#tag--><!--#longer-tag-name---><!--#";

int
fs_open_custom(struct fs_file *file, const char *name)
{
	if (strstr(name, "no") != NULL)
		return 0;
	file->data = NULL;
	file->len = sizeof(page) - 1;
	file->index = 0;
	file->flags = 0;
	return 1;
}

int
fs_read_custom(struct fs_file *file, char *buffer, int count)
{
	int n = file->len - file->index;

	if (n > count)
		n = count;
	if (n <= 0)
		return FS_READ_EOF;
	memcpy(buffer, page + file->index, (size_t)n);
	file->index += n;
	return n;
}

void
fs_close_custom(struct fs_file *file)
{
	(void)file;
}

static const char *
cgi(int index, int n, char *names[], char *values[])
{
	size_t sum = 0;
	int i;

	(void)index;
	for (i = 0; i < n; i++)
		sum += strlen(names[i]) +
		    (values[i] != NULL ? strlen(values[i]) : 0);
	return sum % 2 == 0 ? "/a.shtml" : "/b.html";
}

static const char *tags[] = { "tag", "longer-tag-name" };

static u16_t
ssi(int tag, char *to, int n)
{
	return (u16_t)snprintf(to, (size_t)n, "%d", tag);
}

static void
mdns_text(struct mdns_service *service, void *arg)
{
	(void)arg;
	mdns_resp_add_service_txtitem(service, "path=/", 6);
}

static void
begin_servers(void)
{
	static const struct tftp_context files = { .open = tftp_open_file,
		.close = tftp_close_file,
		.read = tftp_read_file,
		.write = tftp_write_file };
	static const struct snmp_mib *mibs[] = { &mib2 };
	static const tCGI cgis[] = { { "/c", cgi } };

	snmp_set_mibs(mibs, 1);
	snmp_init();
	tftp_init_server(&files);
	netbiosns_init();
	netbiosns_set_name("FUZZED");
	mdns_resp_init();
	mdns_resp_add_netif(&netif, "fuzzed");
	mdns_resp_add_service(&netif, "web", "_http", DNSSD_PROTO_TCP, 80,
	    mdns_text, NULL);
	http_set_cgi_handlers(cgis, 1);
	http_set_ssi_handler(ssi, tags, 2);
	httpd_init();
#if LWIP_ALTCP_TLS
	httpd_inits(altcp_tls_create_config_server_privkey_cert(
	    (const u8_t *)mbedtls_test_srv_key_rsa,
	    mbedtls_test_srv_key_rsa_len, NULL, 0,
	    (const u8_t *)mbedtls_test_srv_crt_rsa,
	    mbedtls_test_srv_crt_rsa_len));
#endif
	lwiperf_start_tcp_server_default(NULL, NULL);
#if LWIP_SNMP_V3
	users_add("user", "authpassword", "privpassword");
#endif
}

static void
first(void)
{
	ip4_addr_t own, mask;
	struct tcp_pcb *listener;
	ip6_addr_t own6;

	lwip_init();
	netif_set_down(netif_list); /* its loop wants a thread */
	IP4_ADDR(&own, 10, 0, 0, 1);
	IP4_ADDR(&mask, 255, 255, 255, 0);
	IP_ADDR4(&peer4, 10, 0, 0, 2);
	netif_add_noaddr(&netif, NULL, mirror_init, ip_input);
	netif_set_addr(&netif, &own, &mask, ip_2_ip4(&peer4));
	netif_set_default(&netif);
	netif_set_link_up(&netif);
	netif_set_up(&netif);
	netif_create_ip6_linklocal_address(&netif, 1);
	netif_ip6_addr_set_state(&netif, 0, IP6_ADDR_PREFERRED);
	IP6_ADDR(&own6, PP_HTONL(0xfd000000), 0, 0, PP_HTONL(1));
	netif_ip6_addr_set(&netif, 1, &own6);
	netif_ip6_addr_set_state(&netif, 1, IP6_ADDR_PREFERRED);
	dns_setserver(0, &peer4);
	sntp_setserver(0, &peer4);
	listener = tcp_new();
	tcp_bind(listener, IP4_ADDR_ANY, OUR_PORT);
	tcp_accept(tcp_listen(listener), end_ready);
	begin_servers();
}

static void
on_name(const char *name, const ip_addr_t *address, void *arg)
{
	(void)name;
	(void)address;
	(void)arg;
}

static void
on_mqtt(mqtt_client_t *client, void *arg, mqtt_connection_status_t status)
{
	(void)arg;
	if (status != MQTT_CONNECT_ACCEPTED)
		return;
	mqtt_subscribe(client, "topic", 1, NULL, NULL);
	mqtt_publish(client, "topic", "text", 4, 2, 0, NULL, NULL);
}

static void
on_topic(void *arg, const char *topic, u32_t len)
{
	(void)arg;
	(void)len;
	if (strlen(topic) > 65535)
		fuzz_fail("a topic without an end");
}

static void
on_piece(void *arg, const u8_t *data, u16_t len, u8_t flags)
{
	static volatile uint8_t sum;

	(void)arg;
	(void)flags;
	for (; len > 0; len--)
		sum = (uint8_t)(sum + *data++);
}

static err_t
on_body(void *arg, struct altcp_pcb *pcb, struct pbuf *p, err_t error)
{
	(void)arg;
	(void)error;
	if (p != NULL) {
		altcp_recved(pcb, p->tot_len);
		pbuf_free(p);
	}
	return ERR_OK;
}

static err_t
on_proxied(void *arg, struct altcp_pcb *pcb, err_t error)
{
	(void)arg;
	(void)pcb;
	proxied_open = error == ERR_OK;
	return ERR_OK;
}

static void
proxied_gone(void *arg, err_t error)
{
	(void)arg;
	(void)error;
	proxied = NULL;
}

static void
begin_proxied(void)
{
	static struct altcp_proxyconnect_config config;

	proxied_open = false;
	config.proxy_addr = peer4;
	config.proxy_port = OUR_PORT;
	proxied = altcp_proxyconnect_new_tcp(&config, IPADDR_TYPE_V4);
	if (proxied == NULL)
		return;
	altcp_err(proxied, proxied_gone);
	altcp_recv(proxied, on_body);
	if (altcp_connect(proxied, &peer4, 80, on_proxied) != ERR_OK)
		altcp_abort(proxied);
}

static void
begin_app(void)
{
	static const struct mqtt_connect_client_info_t info = {
		.client_id = "fuzzed",
		.keep_alive = 30
	};
	static httpc_connection_t settings;
	static unsigned number;
	httpc_state_t *state;
	char name[32];
	ip_addr_t found;

	switch (app) {
	case APP_DNS:
		/* Another name each time: answers are remembered. */
		snprintf(name, sizeof(name), "n%u.example.org", ++number);
		dns_gethostbyname(name, &found, on_name, NULL);
		break;
	case APP_SNTP:
		sntp_init();
		go_by(100, 100);
		break;
	case APP_DHCP:
		dhcp_start(&netif);
		break;
	case APP_DHCP6:
		dhcp6_enable_stateless(&netif);
		dhcp6_nd6_ra_trigger(&netif, 0, 1);
		go_by(2000, 500);
		break;
	case APP_HTTPD:
		dial(80);
		break;
	case APP_HTTPS:
		dial(443);
		break;
	case APP_IPERF:
		dial(5001);
		break;
	case APP_MQTT:
		mqtt = mqtt_client_new();
		mqtt_set_inpub_callback(mqtt, on_topic, on_piece, NULL);
		mqtt_client_connect(mqtt, &peer4, OUR_PORT, on_mqtt, NULL,
		    &info);
		break;
	case APP_HTTPC:
		httpc_get_file(&peer4, OUR_PORT, "/x", &settings, on_body, NULL,
		    &state);
		break;
	case APP_SMTP:
		smtp_set_server_addr("10.0.0.2");
		smtp_set_server_port(OUR_PORT);
		smtp_set_auth("user", "password");
		smtp_send_mail("a@b", "c@d", "subject", "text\r\n.\r\n", NULL,
		    NULL);
		break;
	case APP_PROXY:
		begin_proxied();
		break;
	default:
		break;
	}
	pump();
}

static void
end_app(void)
{
	ip4_addr_t own, mask;

	hang_up(inputs & 1);
	switch (app) {
	case APP_SNTP:
		sntp_stop();
		break;
	case APP_DHCP:
		dhcp_release_and_stop(&netif);
		dhcp_cleanup(&netif);
		IP4_ADDR(&own, 10, 0, 0, 1);
		IP4_ADDR(&mask, 255, 255, 255, 0);
		netif_set_addr(&netif, &own, &mask, ip_2_ip4(&peer4));
		dns_setserver(0, &peer4);
		break;
	case APP_DHCP6:
		dhcp6_disable(&netif);
		dhcp6_cleanup(&netif);
		dns_setserver(0, &peer4);
		break;
	case APP_MQTT:
		mqtt_disconnect(mqtt);
		mqtt_client_free(mqtt);
		break;
	case APP_PROXY:
		if (proxied != NULL)
			altcp_abort(proxied);
		proxied = NULL;
		break;
	default:
		break;
	}
	pump();
	/* The applications' own patience. */
	go_by(90000, 1000);
	while (tcp_active_pcbs != NULL)
		tcp_abort(tcp_active_pcbs);
	while (tcp_tw_pcbs != NULL)
		tcp_abort(tcp_tw_pcbs);
	end = NULL;
}

/* ---- records ------------------------------------------------------------- */

/* A buffer that has exactly these bytes, and frees them. */
struct exact {
	struct pbuf_custom c;
	uint8_t *bytes;
};

static void
exact_free(struct pbuf *p)
{
	struct exact *e = (struct exact *)p;

	free(e->bytes);
	free(e);
}

static struct pbuf *
exact_new(const uint8_t *p, size_t n)
{
	struct exact *e = calloc(1, sizeof(*e));

	e->bytes = malloc(n);
	if (n > 0)
		memcpy(e->bytes, p, n);
	e->c.custom_free_function = exact_free;
	return pbuf_alloced_custom(PBUF_RAW, (u16_t)n, PBUF_REF, &e->c,
	    e->bytes, (u16_t)n);
}

/* What an answer repeats of its question, in the N bytes at B. */
static void
repeat(uint8_t *b, size_t n)
{
	size_t k;

	switch (app) {
	case APP_DNS:
		/* The number, and the name and its kinds. */
		if (asked.n < 12 || n < 12)
			return;
		memcpy(b, asked.b, 2);
		k = asked.n - 12 < n - 12 ? asked.n - 12 : n - 12;
		memcpy(b + 12, asked.b + 12, k);
		break;
	case APP_DHCP:
		if (asked.n < 44 || n < 44)
			return;
		memcpy(b + 4, asked.b + 4, 4);
		memcpy(b + 28, asked.b + 28, 16);
		break;
	case APP_DHCP6:
		if (asked.n < 4 || n < 4)
			return;
		memcpy(b + 1, asked.b + 1, 3);
		break;
	case APP_SNTP:
		if (asked.n >= 48 && n >= 32)
			memcpy(b + 24, asked.b + 40, 8);
		break;
	default:
		break;
	}
}

/* A datagram to the application, which begins with what OP says. */
static void
datagram(unsigned how, const uint8_t *p, size_t n)
{
	static const uint16_t ports[APPS] = { [APP_SNMP] = 161,
		[APP_TFTP] = 69,
		[APP_NETBIOS] = 137,
		[APP_MDNS] = 5353,
		[APP_SNTP] = 123,
		[APP_DHCP] = 68,
		[APP_DHCP6] = 546 };
	static const uint16_t theirs[APPS] = { [APP_SNMP] = 5000,
		[APP_TFTP] = 5000,
		[APP_NETBIOS] = 137,
		[APP_MDNS] = 5353,
		[APP_DNS] = 53,
		[APP_SNTP] = 123,
		[APP_DHCP] = 67,
		[APP_DHCP6] = 547 };
	uint16_t port = app == APP_DNS ? asked.from : ports[app];
	uint8_t copy[2048];
	struct udp_pcb *pcb;
	struct pbuf *whole = NULL, *q;
	size_t piece, at;
	ip_addr_t from = peer4, to;

	if (app == APP_SNTP)
		port = asked.from;
	for (pcb = udp_pcbs; pcb != NULL; pcb = pcb->next)
		if (pcb->local_port == port)
			break;
	if (pcb == NULL || pcb->recv == NULL)
		return;
	n = n < sizeof(copy) ? n : sizeof(copy);
	memcpy(copy, p, n);
	if (how & DATAGRAM_REPEATS)
		repeat(copy, n);
	piece = how & DATAGRAM_PIECES ? n / 3 + 1 : n;
	for (at = 0; at < n || whole == NULL; at += piece) {
		q = exact_new(copy + at, n - at < piece ? n - at : piece);
		if (whole == NULL)
			whole = q;
		else
			pbuf_cat(whole, q);
		if (n == 0)
			break;
	}
	IP_ADDR4(&to, 10, 0, 0, 1);
	if (app == APP_MDNS && !(how & DATAGRAM_ALONE))
		IP_ADDR4(&to, 224, 0, 0, 251);
	ip_data.current_netif = ip_data.current_input_netif = &netif;
	ip_data.current_iphdr_src = from;
	ip_data.current_iphdr_dest = to;
	pcb->recv(pcb->recv_arg, pcb, whole, &from,
	    how & DATAGRAM_ALONE ? (u16_t)(theirs[app] + 1) : theirs[app]);
	pump();
}

static void
stream(const uint8_t *p, size_t n)
{
	if (end == NULL || n == 0 || end->state != ESTABLISHED)
		return;
	if (tcp_write(end, p, (u16_t)n, TCP_WRITE_FLAG_COPY) == ERR_OK)
		tcp_output(end);
	pump();
}

static void
record(unsigned what, const uint8_t *p, size_t n)
{
	unsigned ms;

	if ((what & 7) == OP_WARP) {
		ms = n * 100 < warps ? (unsigned)n * 100 : warps;
		warps -= ms;
		go_by(ms, 100);
	} else if ((what & 7) == OP_CLOSE) {
		hang_up(n & 1);
	} else if (app >= APP_FIRST_TCP) {
		stream(p, n);
	} else {
		datagram(what, p, n);
	}
}

static void
settle(void)
{
	static size_t level;
	static unsigned times;
	size_t used;

	go_by(1500000, 5000);
	used = memory_used();
	if (times++ < 3 && used > level)
		level = used;
	if (used > level + LEAK)
		fuzz_fail("%zu bytes in use, %zu before", used, level);
	inputs = 0;
}

/* After the last input of a replay. */
void
fuzz_end(void)
{
	memory_mine(true);
	LOCK_TCPIP_CORE();
	settle();
	UNLOCK_TCPIP_CORE();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool begun;
	struct input in = { data, size };
	const uint8_t *p;
	unsigned what;
	size_t n;

	memory_mine(true);
	LOCK_TCPIP_CORE();
	if (!begun)
		first();
	begun = true;
	hops = HOPS_MAX;
	warps = WARP_MAX;
	app = in8(&in) % APPS;
	asked.n = 0;
	begin_app();
	while (in.n > 0) {
		what = in8(&in);
		n = in16(&in);
		p = in_bytes(&in, n, &n);
		record(what, p, n);
	}
	hops = HOPS_MAX;
	end_app();
	if (++inputs >= RENEW)
		settle();
	UNLOCK_TCPIP_CORE();
	memory_mine(false);
	return 0;
}
