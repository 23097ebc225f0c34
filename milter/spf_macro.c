#include "spf_macro.h"

#include <ctype.h>
#include <netinet/in.h>
#include <string.h>

#define NAME_MAX_LEN 253
#define LABEL_MAX 63
#define DIGITS_MAX 128 /* labels to keep; no name has more */
#define DELIMITERS ".-+,/_="
#define PARTS_MAX 1024

/* "%{" letter digits "r" delimiters "}" */
struct macro {
	char letter; /* small */
	bool escaped;
	unsigned keep; /* 0: all */
	bool reversed;
	const char *delimiters;
	size_t n_delimiters;
	size_t len; /* of the whole, from '%' to '}' */
};

/* ---- grammar ------------------------------------------------------------ */

static bool
is_letter_of(char c, enum spf_text_kind kind)
{
	return c != '\0' &&
	       strchr(kind == SPF_EXPLANATION ? "slodiphvcrt" : "slodiphv",
		   tolower((unsigned char)c)) != NULL;
}

/* text begins with "%{" */
static int
macro_read(struct macro *m, const char *text, size_t len)
{
	size_t i = 3;

	if (len < 4)
		return -1;
	*m = (struct macro){
		.letter = (char)tolower((unsigned char)text[2]),
		.escaped = isupper((unsigned char)text[2]) != 0,
	};
	if (i < len && isdigit((unsigned char)text[i])) {
		for (; i < len && isdigit((unsigned char)text[i]); i++)
			if (m->keep < DIGITS_MAX)
				m->keep =
				    m->keep * 10 + (unsigned)(text[i] - '0');
		if (m->keep == 0)
			return -1;
	}
	if (i < len && (text[i] == 'r' || text[i] == 'R')) {
		m->reversed = true;
		i++;
	}
	m->delimiters = text + i;
	while (i < len && text[i] != '\0' && strchr(DELIMITERS, text[i]))
		i++;
	m->n_delimiters = (size_t)(text + i - m->delimiters);
	if (i >= len || text[i] != '}')
		return -1;
	m->len = i + 1;
	return 0;
}

static bool
is_macro_escape(const char *text, size_t len)
{
	return len >= 2 && (text[1] == '%' || text[1] == '_' || text[1] == '-');
}

/* Is text[0..len) a label with a letter or an inner '-' in it? */
static bool
is_top_label(const char *text, size_t len)
{
	bool letter = false;

	if (len == 0 || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (isalpha((unsigned char)text[i]) || text[i] == '-')
			letter = true;
		else if (!isdigit((unsigned char)text[i]))
			return false;
	}
	return letter;
}

/* What stands behind the last macro must end in "." toplabel ["."]. */
static bool
ends_well(const char *text, size_t len)
{
	size_t from;

	if (len > 0 && text[len - 1] == '.')
		len--;
	from = len;
	while (from > 0 && text[from - 1] != '.')
		from--;
	return from > 0 && is_top_label(text + from, len - from);
}

int
spf_text_check(
    const char *text, size_t len, enum spf_text_kind kind, struct err *err)
{
	size_t literal = 0; /* where the text behind the last macro begins */
	struct macro m;

	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)text[i];

		if (c != '%') {
			if (c > 0x7e || c < 0x20 ||
			    (c == ' ' && kind != SPF_EXPLANATION))
				return err_set(
				    err, "not a printable character");
			i++;
		} else if (is_macro_escape(text + i, len - i)) {
			i += 2;
		} else if (i + 2 < len && text[i + 1] == '{' &&
			   is_letter_of(text[i + 2], kind) &&
			   macro_read(&m, text + i, len - i) == 0) {
			i += m.len;
			literal = i;
		} else {
			return err_set(err, "not a macro: %.*s",
			    (int)(len - i < 40 ? len - i : 40), text + i);
		}
	}
	if (kind != SPF_DOMAIN_SPEC)
		return 0;
	if (len == 0)
		return err_set(err, "no domain");
	if (literal != len && !ends_well(text + literal, len - literal))
		return err_set(err, "not the end of a domain");
	return 0;
}

bool
spf_text_uses(const char *text, size_t len, char letter)
{
	for (size_t i = 0; i + 2 < len; i++) {
		if (text[i] != '%')
			continue;
		if (text[i + 1] == '{' &&
		    tolower((unsigned char)text[i + 2]) == letter)
			return true;
		i++;
	}
	return false;
}

/* ---- expansion ---------------------------------------------------------- */

/* "1.0.0.2" of IPv4; of IPv6 its 32 digits with dots between them */
static void
add_dotted(struct str *out, const struct ip *ip)
{
	static const char digit[] = "0123456789abcdef";

	if (ip->family == AF_INET) {
		ip_format(out, ip);
		return;
	}
	for (size_t i = 0; i < 16; i++)
		str_addf(out, "%s%c.%c", i != 0 ? "." : "",
		    digit[ip->bytes[i] >> 4], digit[ip->bytes[i] & 15]);
}

static void
add_value(struct str *out, char letter, const struct spf_names *n)
{
	const char *known = "unknown";

	switch (letter) {
	case 's':
		str_addf(out, "%s@%s", n->local, n->origin);
		break;
	case 'l':
		str_adds(out, n->local);
		break;
	case 'o':
		str_adds(out, n->origin);
		break;
	case 'd':
		str_adds(out, n->domain);
		break;
	case 'i':
		add_dotted(out, &n->ip);
		break;
	case 'c':
		ip_format(out, &n->ip);
		break;
	case 'p':
		str_adds(out, n->validated != NULL ? n->validated : known);
		break;
	case 'v':
		str_adds(out, n->ip.family == AF_INET ? "in-addr" : "ip6");
		break;
	case 'h':
		str_adds(out, n->helo);
		break;
	case 'r':
		str_adds(out, n->receiver != NULL ? n->receiver : known);
		break;
	default: /* 't': the grammar has no other */
		str_addf(out, "%lld", (long long)n->now);
	}
}

struct parts {
	const char *from[PARTS_MAX];
	size_t len[PARTS_MAX];
	size_t n;
};

static void
split(struct parts *p, const struct str *value, const struct macro *m)
{
	const char *at = str_c(value), *end = at + value->len, *from = at;

	p->n = 0;
	for (; at <= end && p->n < PARTS_MAX; at++) {
		bool is_delimiter =
		    at == end ||
		    (m->n_delimiters != 0 ? memchr(m->delimiters, *at,
						m->n_delimiters) != NULL
					  : *at == '.');

		if (!is_delimiter)
			continue;
		p->from[p->n] = from;
		p->len[p->n++] = (size_t)(at - from);
		from = at + 1;
	}
}

static void
add_escaped(struct str *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (isalnum(c) || (c != '\0' && strchr("-._~", c) != NULL))
			str_addc(out, (char)c);
		else
			str_addf(out, "%%%02X", c);
	}
}

static void
add_macro(struct str *out, const struct macro *m, const struct spf_names *names)
{
	struct str value = { 0 }, joined = { 0 };
	struct parts p;
	size_t first;

	add_value(&value, m->letter, names);
	if (m->keep == 0 && !m->reversed && m->n_delimiters == 0) {
		str_add(&joined, value.data, value.len);
	} else {
		split(&p, &value, m);
		first = m->keep != 0 && m->keep < p.n ? p.n - m->keep : 0;
		for (size_t i = first; i < p.n; i++) {
			/* reversed first, then those to the right are kept */
			size_t at = m->reversed ? p.n - 1 - i : i;

			if (i != first)
				str_addc(&joined, '.');
			str_add(&joined, p.from[at], p.len[at]);
		}
	}
	if (m->escaped)
		add_escaped(out, str_c(&joined), joined.len);
	else
		str_add(out, joined.data, joined.len);
	str_fini(&joined);
	str_fini(&value);
}

void
spf_text_expand(struct str *out, const char *text, size_t len,
    const struct spf_names *names)
{
	size_t most = out->len + SPF_EXPANSION_MAX;
	struct macro m;

	for (size_t i = 0; i < len && out->len < most;) {
		if (text[i] != '%') {
			str_addc(out, text[i++]);
		} else if (i + 1 < len && text[i + 1] == '{' &&
			   macro_read(&m, text + i, len - i) == 0) {
			add_macro(out, &m, names);
			i += m.len;
		} else {
			str_adds(out, i + 1 >= len || text[i + 1] == '%' ? "%"
				      : text[i + 1] == '_'               ? " "
							   : "%20");
			i += 2;
		}
	}
	if (out->len > most) {
		out->data[most] = '\0';
		out->len = most;
	}
}

int
spf_target(struct str *expanded)
{
	const char *text = str_c(expanded), *dot;
	size_t len = expanded->len, label = 0;

	if (len > 0 && text[len - 1] == '.')
		len--;
	while (len > NAME_MAX_LEN) {
		dot = memchr(text, '.', len);
		if (dot == NULL)
			return -1;
		len -= (size_t)(dot + 1 - text);
		text = dot + 1;
	}
	if (len == 0)
		return -1;
	for (size_t i = 0; i < len; i++) {
		label = text[i] == '.' ? 0 : label + 1;
		if (label > LABEL_MAX ||
		    (text[i] == '.' && (i == 0 || text[i - 1] == '.')) ||
		    text[i] == '\0' || (unsigned char)text[i] > 0x7f)
			return -1;
	}
	memmove(expanded->data, text, len);
	expanded->data[len] = '\0';
	expanded->len = len;
	return 0;
}
