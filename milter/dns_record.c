#include "dns_record.h"

#include "address.h"
#include "xmalloc.h"

#include <ctype.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define LABEL_MAX 63
#define WIRE_MAX 255 /* of a name, its length bytes included */

static const struct {
	const char *text;
	enum dns_type type;
} types[] = {
	{ "A", DNS_A },
	{ "AAAA", DNS_AAAA },
	{ "TXT", DNS_TXT },
	{ "MX", DNS_MX },
	{ "PTR", DNS_PTR },
	{ "NS", DNS_NS },
	{ "CNAME", DNS_CNAME },
};
#define N_TYPES (sizeof types / sizeof *types)

int
dns_type_parse(enum dns_type *type, const char *text, struct err *err)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (strcasecmp(types[i].text, text) == 0) {
			*type = types[i].type;
			return 0;
		}
	return err_set(err,
	    "\"%.40s\" is no record type; there are A, AAAA, TXT, MX, PTR, NS "
	    "and CNAME",
	    text);
}

const char *
dns_type_text(enum dns_type type)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].type == type)
			return types[i].text;
	return "?";
}

/* ---- from the wire ------------------------------------------------------ */

static void
add_byte(struct str *out, unsigned char c)
{
	if (c == '.' || c == '\\')
		str_addf(out, "\\%c", c);
	else if (c > ' ' && c < 0x7f)
		str_addc(out, (char)c);
	else
		str_addf(out, "\\%03u", c);
}

/* All of the len bytes are one name without compression. */
static int
read_name(struct str *out, const unsigned char *p, size_t len)
{
	size_t at = 0;

	if (len == 0 || len > WIRE_MAX)
		return -1;
	while (at < len && p[at] != 0) {
		size_t n = p[at++];

		if (n > LABEL_MAX || n > len - at)
			return -1;
		if (out->len != 0)
			str_addc(out, '.');
		for (; n > 0; n--)
			add_byte(out, p[at++]);
	}
	if (at + 1 != len)
		return -1;
	if (out->len == 0)
		str_addc(out, '.');
	return 0;
}

static int
read_strings(struct str *out, const unsigned char *p, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t n = p[at++];

		if (n > len - at)
			return -1;
		str_add(out, p + at, n);
		at += n;
	}
	return len > 0 ? 0 : -1;
}

static int
read_address(struct str *out, int family, const unsigned char *p, size_t len)
{
	struct ip ip = { .family = family };

	if (len != (family == AF_INET ? 4 : 16))
		return -1;
	memcpy(ip.bytes, p, len);
	ip_format(out, &ip);
	return 0;
}

static int
read_data(struct str *out, int *preference, enum dns_type type,
    const unsigned char *p, size_t len)
{
	switch (type) {
	case DNS_A:
		return read_address(out, AF_INET, p, len);
	case DNS_AAAA:
		return read_address(out, AF_INET6, p, len);
	case DNS_TXT:
		return read_strings(out, p, len);
	case DNS_MX:
		if (len < 2)
			return -1;
		*preference = p[0] << 8 | p[1];
		return read_name(out, p + 2, len - 2);
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		return read_name(out, p, len);
	}
	return -1;
}

int
dns_record_read(
    struct dns_record *out, enum dns_type type, const void *data, size_t len)
{
	struct str text = { 0 };
	int preference = 0;

	if (len > UINT16_MAX ||
	    read_data(&text, &preference, type, data, len) != 0) {
		str_fini(&text);
		return -1;
	}
	out->preference = preference;
	out->len = text.len;
	out->text = str_take(&text);
	return 0;
}

void
dns_record_fini(struct dns_record *r)
{
	free(r->text);
	*r = (struct dns_record){ 0 };
}

/* ---- names to ask for --------------------------------------------------- */

void
dns_reverse(struct str *out, const struct ip *ip)
{
	if (ip->family == AF_INET) {
		str_addf(out, "%u.%u.%u.%u.in-addr.arpa", ip->bytes[3],
		    ip->bytes[2], ip->bytes[1], ip->bytes[0]);
		return;
	}
	for (int i = 15; i >= 0; i--)
		str_addf(out, "%x.%x.", ip->bytes[i] & 15, ip->bytes[i] >> 4);
	str_adds(out, "ip6.arpa");
}

/*
 * One byte of a label at *at, escapes read; -1 for the dot between two labels,
 * -2 for an escape that is none.
 */
static int
next_byte(const unsigned char *text, size_t len, size_t *at)
{
	const unsigned char *p = text + *at;
	size_t left = len - *at;
	int n;

	*at += 1;
	if (p[0] == '.')
		return -1;
	if (p[0] != '\\')
		return p[0];
	if (left < 2)
		return -2;
	if (!isdigit(p[1])) {
		*at += 1;
		return p[1];
	}
	if (left < 4 || !isdigit(p[2]) || !isdigit(p[3]))
		return -2;
	*at += 3;
	n = (p[1] - '0') * 100 + (p[2] - '0') * 10 + p[3] - '0';
	return n <= 255 ? n : -2;
}

static const char *
read_labels(struct str *out, const unsigned char *text, size_t len)
{
	size_t at = 0, label = 0, wire = 1;

	while (at < len) {
		int c = next_byte(text, len, &at);

		if (c == -2)
			return "a backslash that escapes nothing";
		if (c == -1) {
			if (label == 0)
				return "an empty label";
			label = 0;
			if (at < len)
				str_addc(out, '.');
			continue;
		}
		wire += label == 0 ? 2 : 1;
		if (++label > LABEL_MAX)
			return "a label of more than 63 bytes";
		if (wire > WIRE_MAX)
			return "more than 255 bytes";
		add_byte(out, (unsigned char)c);
	}
	return NULL;
}

int
dns_name(struct str *out, const char *text, size_t len, struct err *err)
{
	struct str name = { 0 };
	const char *wrong = NULL;

	if (len == 0)
		wrong = "nothing in it";
	else if (len == 1 && text[0] == '.')
		str_addc(&name, '.');
	else
		wrong = read_labels(&name, (const unsigned char *)text, len);
	if (wrong == NULL)
		str_add(out, name.data, name.len);
	str_fini(&name);
	if (wrong == NULL)
		return 0;
	return err_set(err, "a name for the DNS has %s", wrong);
}

static int
add_label(struct str *out, const char *text, size_t len, struct err *err)
{
	bool ascii = true;
	char *label;

	for (size_t i = 0; i < len; i++)
		ascii = ascii && (unsigned char)text[i] < 0x80;
	if (ascii) {
		str_add(out, text, len);
		return 0;
	}
	label = address_domain(text, len, err);
	if (label == NULL)
		return -1;
	str_adds(out, label);
	free(label);
	return 0;
}

int
dns_name_utf8(struct str *out, const char *text, size_t len, struct err *err)
{
	struct str ascii = { 0 };
	int rc =
	    len > 4 * WIRE_MAX
		? err_set(err, "a name for the DNS has more than 255 bytes")
		: 0;

	while (rc == 0 && len > 0) {
		const char *dot = memchr(text, '.', len);
		size_t n = dot != NULL ? (size_t)(dot - text) : len;

		rc = add_label(&ascii, text, n, err);
		if (dot != NULL)
			str_addc(&ascii, '.');
		n += dot != NULL;
		text += n;
		len -= n;
	}
	if (rc == 0)
		rc = dns_name(out, str_c(&ascii), ascii.len, err);
	str_fini(&ascii);
	return rc;
}
