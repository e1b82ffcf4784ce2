/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl/radv_file.c - the file that says what routers advertise
 *
 * DOC: The grammar is lwipv6's, its reader is not used: that skips each line
 * that it does not understand, and with one value out of range advertises
 * nothing, and says neither; it takes [shmif1] for sh0 and any prefix for an
 * address; for each prefix it writes a pointer beyond an array of its own.
 *
 * Here the whole file is read and understood, or refused by the number of a
 * line, before anything is changed and before the stack's thread is asked.
 * Values are those of RFC 4861, 6.2.1; what is not said has the library's.
 */
#include <sys/stat.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stack/lwipv6/ctl/ctl.h"

#define FILE_MAX 65536 /* of a file */
#define SECTIONS_MAX 64
#define PREFIXES_MAX 36		 /* as many fit into a message, see ip/radv.c */
#define PREFERRED_PRESET 604800u /* RFC 4861: 7 days */

struct radv_prefix *radv_prefix_list_alloc(void);
void radv_prefix_list_free(struct radv_prefix *);

struct section {
	char name[16];
	char letters[2];
	int num;
	unsigned line;
	bool min_given;
	struct radv radv;
	struct radv_prefix prefix[PREFIXES_MAX];
	unsigned prefixes;
	struct netif *netif;
	struct radv_prefix *list; /* the library's memory */
};

struct reading {
	struct stack *stack;
	struct section *section[SECTIONS_MAX];
	unsigned sections;
	unsigned line;
	char *why;
	size_t size;
	int error;
};

/* Stores what is wrong with line LINE.  Returns ERROR. */
static int __attribute__((format(printf, 4, 5)))
wrong(struct reading *r, unsigned line, int error, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(r->why, r->size, "line %u: ", line);

	va_start(ap, fmt);
	vsnprintf(r->why + n, r->size - (size_t)n, fmt, ap);
	va_end(ap);
	return error;
}

/* ---- a line ------------------------------------------------------------- */

static char *
strip(char *text)
{
	char *end;

	text += strspn(text, " \t\r");
	for (end = text + strlen(text);
	     end > text && strchr(" \t\r", end[-1]) != NULL; end--)
		continue;
	*end = '\0';
	return text;
}

/* Cuts TEXT at the first C, and both halves of blanks.  NULL: there is none. */
static char *
cut(char **text, char c)
{
	char *behind = strchr(*text, c);

	if (behind != NULL) {
		*behind = '\0';
		behind = strip(behind + 1);
	}
	*text = strip(*text);
	return behind;
}

static bool
get_bool(const char *text, uint32_t *value)
{
	static const char *const words[] = { "off", "on", "false", "true" };
	uint32_t i;

	for (i = 0; i < 4; i++)
		if (strcasecmp(text, words[i]) == 0) {
			*value = i & 1;
			return true;
		}
	return false;
}

/* A decimal number from MIN to MAX. */
static bool
get_number(const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	uint64_t n = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9' && n <= max; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	if (p == text || *p != '\0' || n < min || n > max)
		return false;
	*value = (uint32_t)n;
	return true;
}

/* A member of struct radv or struct radv_prefix. */
struct param {
	const char *name;
	size_t offset, size;
	uint32_t min, max; /* both 0: on or off */
	bool other;	   /* 0 is allowed too; of a lifetime: infinity */
};

#define PARAM(s, name, member, ...) \
	{ \
		name, offsetof(struct s, member), \
		    sizeof(((struct s *)0)->member), __VA_ARGS__ \
	}

static const struct param params[] = {
	PARAM(radv, "AdvSendAdvert", send, 0, 0, false),
	PARAM(radv, "MaxRtrAdvInterval", max_s, 4, 1800, false),
	PARAM(radv, "MinRtrAdvInterval", min_s, 3, 1350, false),
	PARAM(radv, "MinDelayBetweenRAs", rest_s, 3, 1800, false),
	PARAM(radv, "AdvManagedFlag", managed, 0, 0, false),
	PARAM(radv, "AdvOtherConfigFlag", other, 0, 0, false),
	PARAM(radv, "AdvLinkMTU", mtu, 1280, 65535, true),
	PARAM(radv, "AdvReachableTime", reachable, 0, 3600000, false),
	PARAM(radv, "AdvRetransTimer", retrans, 0, UINT32_MAX, false),
	PARAM(radv, "AdvCurHopLimit", hop_limit, 0, 255, false),
	PARAM(radv, "AdvDefaultLifetime", lifetime, 4, 9000, true),
	PARAM(radv, "AdvSourceLLAddress", source_link, 0, 0, false),
	PARAM(radv, "UnicastOnly", unicast_only, 0, 0, false),
	{ .name = NULL },
};

static const struct param prefix_params[] = {
	PARAM(radv_prefix, "AdvOnLinkFlag", on_link, 0, 0, false),
	PARAM(radv_prefix, "AdvAutonomousFlag", autonomous, 0, 0, false),
	PARAM(radv_prefix, "AdvValidLifetime", valid, 0, UINT32_MAX, true),
	PARAM(radv_prefix, "AdvPreferredLifetime", preferred, 0, UINT32_MAX,
	    true),
	{ .name = NULL },
};

/* Sets the parameter KEY of what is at BASE, one of TABLE, to VALUE. */
static int
set(struct reading *r, const struct param *table, void *base, const char *key,
    const char *value)
{
	const struct param *p = table;
	uint8_t *to;
	uint32_t n;
	bool ok;

	while (p->name != NULL && strcmp(p->name, key) != 0)
		p++;
	if (p->name == NULL)
		return wrong(r, r->line, EINVAL, "%.40s: no such parameter",
		    key);
	if (p->max == 0) {
		if (!get_bool(value, &n))
			return wrong(r, r->line, EINVAL, "%s: on or off",
			    p->name);
	} else {
		ok = get_number(value, p->min, p->max, &n);
		if (!ok && p->other && p->min == 0 &&
		    strcasecmp(value, "infinity") == 0) {
			n = UINT32_MAX;
			ok = true;
		}
		ok = ok || (p->other && get_number(value, 0, 0, &n));
		if (!ok)
			return wrong(r, r->line, EINVAL, "%s: %s%u to %u%s",
			    p->name, p->other && p->min != 0 ? "0 or " : "",
			    p->min, p->max,
			    p->other && p->min == 0 ? " or infinity" : "");
	}
	to = (uint8_t *)base + p->offset;
	if (p->size == sizeof(uint8_t))
		*to = (uint8_t)n;
	else if (p->size == sizeof(uint16_t))
		memcpy(to, &(uint16_t){ (uint16_t)n }, sizeof(uint16_t));
	else
		memcpy(to, &n, sizeof(n));
	return 0;
}

/* PREFIX/LENGTH , PARAMETER = VALUE , ... */
static int
add_prefix(struct reading *r, struct section *s, char *text)
{
	struct radv_prefix *p = &s->prefix[s->prefixes];
	char *rest, *value, *key = text;
	uint32_t len;
	uint8_t *ip;
	unsigned i;
	int error;

	if (s->prefixes == PREFIXES_MAX)
		return wrong(r, r->line, ENOSPC,
		    "a message has room for %d prefixes", PREFIXES_MAX);
	ip_radv_prefix_init(p);
	rest = cut(&key, ',');
	value = cut(&key, '/');
	if (value == NULL || inet_pton(AF_INET6, key, &p->ip) != 1 ||
	    !get_number(value, 0, 128, &len))
		return wrong(r, r->line, EINVAL,
		    "AddPrefix: not a prefix, as 2001:db8::/64 is");
	p->len = (uint8_t)len;
	for (ip = (uint8_t *)&p->ip, i = len; i < 128; i++)
		ip[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	while ((key = rest) != NULL) {
		rest = cut(&key, ',');
		if ((value = cut(&key, '=')) == NULL)
			return wrong(r, r->line, EINVAL,
			    "AddPrefix: %.40s: not a parameter = value", key);
		if ((error = set(r, prefix_params, p, key, value)) != 0)
			return error;
	}
	/* What was not said is no reason to refuse it. */
	if (p->preferred > p->valid && p->preferred == PREFERRED_PRESET)
		p->preferred = p->valid;
	if (p->preferred > p->valid)
		return wrong(r, r->line, EINVAL,
		    "AdvPreferredLifetime is above AdvValidLifetime");
	s->prefixes++;
	return 0;
}

/* What follows is about the interface NAME. */
static int
begin_section(struct reading *r, const char *name, struct section **sp)
{
	struct section *s;
	char letters[2];
	unsigned i;
	int num;

	if (strlen(name) >= sizeof(s->name) ||
	    !ctl_split_name(name, letters, &num) || num == -1)
		return wrong(r, r->line, ENXIO, "%.40s: no such interface",
		    name);
	for (i = 0; i < r->sections; i++) {
		*sp = s = r->section[i];
		if (memcmp(s->letters, letters, 2) == 0 && s->num == num)
			return 0;
	}
	if (r->sections == SECTIONS_MAX)
		return wrong(r, r->line, ENOSPC, "more than %d interfaces",
		    SECTIONS_MAX);
	if ((*sp = s = calloc(1, sizeof(*s))) == NULL)
		return ENOMEM;
	r->section[r->sections++] = s;
	strcpy(s->name, name);
	memcpy(s->letters, letters, 2);
	s->num = num;
	s->line = r->line;
	ip_radv_data_init(&s->radv);
	return 0;
}

/* [INTERFACE], PARAMETER = VALUE, or nothing. */
static int
read_line(struct reading *r, char *line, struct section **s)
{
	char *key = line, *value;
	size_t len;

	line[strcspn(line, ";#")] = '\0';
	key = strip(line);
	len = strlen(key);
	if (len == 0)
		return 0;
	if (key[0] == '[' && key[len - 1] == ']') {
		key[len - 1] = '\0';
		return begin_section(r, strip(key + 1), s);
	}
	if ((value = cut(&key, '=')) == NULL)
		return wrong(r, r->line, EINVAL, "not understood");
	if (*s == NULL)
		return wrong(r, r->line, EINVAL,
		    "of which interface? [sh0] begins what is said of sh0");
	if (strcmp(key, "AddPrefix") == 0)
		return add_prefix(r, *s, value);
	(*s)->min_given |= strcmp(key, "MinRtrAdvInterval") == 0;
	return set(r, params, &(*s)->radv, key, value);
}

/* ---- a file ------------------------------------------------------------- */

/* Whether what is said of an interface goes together. */
static int
check_section(struct reading *r, struct section *s)
{
	struct radv *a = &s->radv;

	if (!s->min_given)
		a->min_s = a->max_s >= 9 ? a->max_s / 3 : 3;
	if (a->min_s > a->max_s * 3 / 4)
		return wrong(r, s->line, EINVAL,
		    "MinRtrAdvInterval is above 3/4 of MaxRtrAdvInterval");
	if (a->lifetime != 0 && a->lifetime < a->max_s)
		return wrong(r, s->line, EINVAL,
		    "AdvDefaultLifetime is below MaxRtrAdvInterval");
	return 0;
}

/* TEXT is a whole file. */
static int
read_text(struct reading *r, char *text)
{
	struct section *s = NULL;
	unsigned i;
	int error;
	char *line;

	while ((line = strsep(&text, "\n")) != NULL) {
		r->line++;
		if ((error = read_line(r, line, &s)) != 0)
			return error;
	}
	if (r->sections == 0) {
		snprintf(r->why, r->size, "it says nothing of any interface");
		return EINVAL;
	}
	for (i = 0; i < r->sections; i++)
		if ((error = check_section(r, r->section[i])) != 0)
			return error;
	return 0;
}

/* Reads FILE whole into *TEXT, to be freed.  Never waits for what is none. */
static int
slurp(const char *file, char **text)
{
	struct stat st;
	ssize_t n = 0;
	size_t len = 0;
	int error = 0;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	*text = NULL;
	if (fd == -1)
		return errno;
	if (fstat(fd, &st) == -1)
		error = errno;
	else if (!S_ISREG(st.st_mode))
		error = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	else if (st.st_size >= FILE_MAX)
		error = EFBIG;
	else if ((*text = malloc(FILE_MAX)) == NULL)
		error = ENOMEM;
	while (*text != NULL && len < FILE_MAX - 1 &&
	    (n = read(fd, *text + len, FILE_MAX - 1 - len)) > 0)
		len += (size_t)n;
	if (n == -1)
		error = errno;
	close(fd);
	if (*text != NULL) {
		if (error == 0 && memchr(*text, '\0', len) != NULL)
			error = EINVAL;
		(*text)[len] = '\0';
	}
	return error;
}

/* ---- the stack ---------------------------------------------------------- */

/* Finds S's interface, and memory.  On the stack's thread. */
static int
prepare(struct reading *r, struct section *s)
{
	unsigned i = s->prefixes;

	s->netif = ctl_netif(r->stack, s->name);
	if (s->netif == NULL)
		return wrong(r, s->line, ENXIO, "%s: no such interface",
		    s->name);
	if (s->netif->radv == NULL)
		return wrong(r, s->line, EOPNOTSUPP,
		    "%s: it was created without radv", s->name);
	if (s->radv.mtu > s->netif->mtu)
		return wrong(r, s->line, EINVAL,
		    "AdvLinkMTU is above the MTU of %s, %u", s->name,
		    s->netif->mtu);
	while (i-- > 0) {
		struct radv_prefix *p = radv_prefix_list_alloc();

		if (p == NULL)
			return ENOMEM;
		*p = s->prefix[i];
		p->next = s->list;
		s->list = p;
	}
	return 0;
}

/* All interfaces, or none.  On the stack's thread. */
static void
carry_out(void *arg)
{
	struct reading *r = arg;
	unsigned i;

	for (i = 0; i < r->sections && r->error == 0; i++)
		r->error = prepare(r, r->section[i]);
	for (i = 0; i < r->sections; i++) {
		struct section *s = r->section[i];

		if (r->error != 0) {
			while (s->list != NULL) {
				struct radv_prefix *p = s->list;

				s->list = p->next;
				radv_prefix_list_free(p);
			}
			continue;
		}
		ip_radv_netif_reset(s->netif);
		*s->netif->radv = s->radv;
		s->netif->radv->prefixes = s->list;
		if (s->netif->flags & NETIF_FLAG_UP)
			ip_radv_start(s->netif);
	}
}

int
ctl_radv(void *stack, const char *file, char *why, size_t size)
{
	struct reading r = { .stack = stack, .why = why, .size = size };
	char *text;

	why[0] = '\0';
	r.error = slurp(file, &text);
	if (r.error == 0)
		r.error = read_text(&r, text);
	free(text);
	if (r.error == 0 && thread_call(stack, carry_out, &r) != 0)
		r.error = ENOMEM;
	while (r.sections > 0)
		free(r.section[--r.sections]);
	return r.error;
}
