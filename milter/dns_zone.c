#include "dns_zone.h"

#include "dns_record.h"
#include "ip.h"
#include "str.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define WORDS_MAX 64 /* of one record */
#define TTL 60       /* where nothing says another */
#define TTL_MAX 0x7fffffff

struct word {
	const char *text; /* not ended */
	size_t len;
	bool quoted;
};

struct zone {
	json_t *zones, *records;
	const char *at, *end; /* what is still to be read */
	int line;
	struct str origin, owner; /* with a final dot, or empty */
	unsigned long ttl;
	struct word word[WORDS_MAX];
	size_t n_words;
	bool indented; /* the record has no owner of its own */
};

/* ---- words -------------------------------------------------------------- */

static int
add_word(struct zone *z, struct err *err)
{
	bool quoted = *z->at == '"';
	const char *begin = z->at += quoted;

	if (z->n_words == WORDS_MAX)
		return err_set(err, "more than %d words", WORDS_MAX);
	while (
	    z->at < z->end && *z->at != '\n' &&
	    (quoted ? *z->at != '"' : strchr(" \t\r;()\"", *z->at) == NULL)) {
		if (*z->at == '\\' && z->end - z->at > 1 && z->at[1] != '\n')
			z->at++;
		z->at++;
	}
	if (quoted && (z->at == z->end || *z->at != '"'))
		return err_set(err, "a quoted string without an end");
	z->word[z->n_words++] =
	    (struct word){ begin, (size_t)(z->at - begin), quoted };
	z->at += quoted;
	return 0;
}

/* The words of the next record: up to the end of a line outside (). */
static int
read_words(struct zone *z, struct err *err)
{
	bool open = false;

	z->n_words = 0;
	z->indented = z->at < z->end && strchr(" \t", *z->at) != NULL;
	while (z->at < z->end) {
		char c = *z->at;

		if (c == '\n') {
			z->at++;
			z->line++;
			if (!open)
				return 0;
		} else if (c == ';') {
			while (z->at < z->end && *z->at != '\n')
				z->at++;
		} else if (strchr(" \t\r", c) != NULL) {
			z->at++;
		} else if (c == '(' || c == ')') {
			if (open == (c == '('))
				return err_set(err, "parentheses do not fit");
			open = !open;
			z->at++;
		} else if (add_word(z, err) != 0) {
			return -1;
		}
	}
	return open ? err_set(err, "a parenthesis without an end") : 0;
}

static bool
is(const struct word *w, const char *text)
{
	return !w->quoted && w->len == strlen(text) &&
	       strncasecmp(w->text, text, w->len) == 0;
}

/* ---- names -------------------------------------------------------------- */

/* Add the name, whole and as the DNS has it. */
static int
add_name(struct zone *z, struct str *out, const struct word *w, struct err *err)
{
	struct str whole = { 0 }, name = { 0 };
	bool absolute = w->len > 0 && w->text[w->len - 1] == '.';
	int rc = 0;

	if (!is(w, "@")) {
		str_add(&whole, w->text, w->len);
		if (!absolute)
			str_addc(&whole, '.');
	}
	if (!absolute && z->origin.len == 0)
		rc = err_set(err, "no $ORIGIN for a relative name");
	else if (!absolute &&
		 (whole.len == 0 || strcmp(str_c(&z->origin), ".") != 0))
		str_add(&whole, z->origin.data, z->origin.len);
	if (rc == 0)
		rc = dns_name_utf8(&name, str_c(&whole), whole.len, err);
	if (rc == 0) {
		str_add(out, name.data, name.len);
		if (name.data[name.len - 1] != '.')
			str_addc(out, '.');
	}
	str_fini(&name);
	str_fini(&whole);
	return rc;
}

static int
set_name(
    struct zone *z, struct str *name, const struct word *w, struct err *err)
{
	struct str out = { 0 };

	if (add_name(z, &out, w, err) != 0) {
		str_fini(&out);
		return -1;
	}
	str_fini(name);
	*name = out;
	return 0;
}

static int
set_origin(struct zone *z, struct err *err)
{
	json_t *known;
	size_t i;

	if (z->n_words != 2)
		return err_set(err, "$ORIGIN has one name");
	if (set_name(z, &z->origin, &z->word[1], err) != 0)
		return -1;
	json_array_foreach (z->zones, i, known)
		if (strcasecmp(json_string_value(known), str_c(&z->origin)) ==
		    0)
			return 0;
	json_array_append_new(z->zones, json_string(str_c(&z->origin)));
	return 0;
}

/* ---- records ------------------------------------------------------------ */

/* "300" or "1h30m"; false: no time. */
static bool
read_ttl(unsigned long *ttl, const struct word *w)
{
	unsigned long sum = 0, n = 0;
	bool digits = false;

	if (w->quoted || w->len == 0 || !isdigit((unsigned char)w->text[0]))
		return false;
	for (size_t i = 0; i < w->len && sum + n <= TTL_MAX; i++) {
		static const char units[] = "smhdw";
		static const unsigned long of[] = { 1, 60, 3600, 86400,
			604800 };
		int c = tolower((unsigned char)w->text[i]);
		const char *unit = strchr(units, c);

		digits = isdigit(c);
		if (digits) {
			n = n * 10 + (unsigned long)(c - '0');
			continue;
		}
		if (unit == NULL || c == '\0')
			return false;
		sum += n * of[unit - units];
		n = 0;
	}
	*ttl = sum + n < TTL_MAX ? sum + n : TTL_MAX;
	return true;
}

static int
add_address(struct str *out, int family, const struct word *w, struct err *err)
{
	struct str text = { 0 };
	struct ip ip;
	int rc;

	str_add(&text, w->text, w->len);
	rc = ip_parse(&ip, str_c(&text), err);
	str_fini(&text);
	if (rc != 0)
		return -1;
	if (ip.family != family)
		return err_set(err, "an address of the other family");
	ip_format(out, &ip);
	return 0;
}

static int
add_strings(struct str *out, const struct word *w, size_t n, struct err *err)
{
	for (; n > 0; n--, w++) {
		if (w->len > 4 * 255)
			return err_set(err, "a string of more than 255 bytes");
		str_addc(out, '"');
		str_add(out, w->text, w->len);
		str_adds(out, n > 1 ? "\" " : "\"");
	}
	return 0;
}

/* What stands behind the type, words i to the last. */
static int
add_data(struct zone *z, struct str *out, enum dns_type type, size_t i,
    struct err *err)
{
	const struct word *w = &z->word[i];
	size_t n = z->n_words - i;
	unsigned long preference;

	if (type == DNS_TXT ? n == 0 : n != (type == DNS_MX ? 2 : 1))
		return err_set(
		    err, "%zu words behind %s", n, dns_type_text(type));
	switch (type) {
	case DNS_A:
		return add_address(out, AF_INET, w, err);
	case DNS_AAAA:
		return add_address(out, AF_INET6, w, err);
	case DNS_TXT:
		return add_strings(out, w, n, err);
	case DNS_MX:
		if (!read_ttl(&preference, w) || preference > 65535)
			return err_set(err, "MX without a preference");
		str_addf(out, "%lu ", preference);
		return add_name(z, out, w + 1, err);
	default:
		return add_name(z, out, w, err);
	}
}

/* Word i is the type. */
static int
add_record(struct zone *z, unsigned long ttl, size_t i, struct err *err)
{
	struct str type_text = { 0 }, out = { 0 };
	enum dns_type type;
	struct err unknown;
	int rc;

	if (i == z->n_words)
		return err_set(err, "a record without a type");
	str_add(&type_text, z->word[i].text, z->word[i].len);
	rc = dns_type_parse(&type, str_c(&type_text), &unknown);
	str_fini(&type_text);
	if (rc != 0) {
		if (!isalpha((unsigned char)z->word[i].text[0]))
			return err_set(err, "%s", unknown.msg);
		return 0; /* SOA, TLSA, ... are never asked for */
	}
	str_addf(
	    &out, "%s %lu IN %s ", str_c(&z->owner), ttl, dns_type_text(type));
	rc = add_data(z, &out, type, i + 1, err);
	if (rc == 0)
		json_array_append_new(
		    z->records, json_stringn_nocheck(out.data, out.len));
	str_fini(&out);
	return rc;
}

static int
take_record(struct zone *z, struct err *err)
{
	unsigned long ttl = z->ttl;
	bool has_ttl = false, has_class = false;
	size_t i = 0;

	if (!z->indented && set_name(z, &z->owner, &z->word[i++], err) != 0)
		return -1;
	if (z->owner.len == 0)
		return err_set(err, "a record without an owner");
	for (; i < z->n_words; i++) {
		if (!has_ttl && read_ttl(&ttl, &z->word[i]))
			has_ttl = true;
		else if (!has_class && is(&z->word[i], "IN"))
			has_class = true;
		else
			break;
	}
	return add_record(z, ttl, i, err);
}

static int
take(struct zone *z, struct err *err)
{
	if (z->n_words == 0)
		return 0;
	if (z->indented || z->word[0].len == 0 || z->word[0].text[0] != '$')
		return take_record(z, err);
	if (is(&z->word[0], "$ORIGIN"))
		return set_origin(z, err);
	if (is(&z->word[0], "$TTL") && z->n_words == 2 &&
	    read_ttl(&z->ttl, &z->word[1]))
		return 0;
	return err_set(
	    err, "what is %.*s?", (int)(z->word[0].len % 40), z->word[0].text);
}

int
dns_zone_read(json_t *zones, json_t *records, const char *text, size_t len,
    struct err *err)
{
	struct zone z = { .zones = zones,
		.records = records,
		.at = text,
		.end = text + len,
		.ttl = TTL };
	struct err why;
	int rc = 0;

	if (len > DNS_ZONE_MAX)
		return err_set(
		    err, "a zone of more than %zu bytes", DNS_ZONE_MAX);
	if (memchr(text, '\0', len) != NULL)
		return err_set(err, "a zone with a NUL in it");
	while (rc == 0 && z.at < z.end) {
		int line = z.line + 1;

		rc = read_words(&z, &why);
		if (rc == 0)
			rc = take(&z, &why);
		if (rc != 0)
			err_set(err, "zone, line %d: %s", line, why.msg);
	}
	if (rc == 0 && z.origin.len == 0)
		rc = err_set(err, "a zone without $ORIGIN");
	str_fini(&z.origin);
	str_fini(&z.owner);
	return rc;
}
