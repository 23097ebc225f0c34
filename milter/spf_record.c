#include "spf_record.h"

#include "spf_macro.h"
#include "xmalloc.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VERSION "v=spf1"
#define VERSION_LEN (sizeof VERSION - 1)

/* What may stand behind a mechanism's name. */
enum argument {
	ARGUMENT_NONE,
	ARGUMENT_DOMAIN,   /* :domain-spec */
	ARGUMENT_OPTIONAL, /* [:domain-spec] */
	ARGUMENT_CIDRS,    /* [:domain-spec] [/n] [//n] */
	ARGUMENT_IP4,
	ARGUMENT_IP6
};

static const struct {
	const char *name;
	enum argument argument;
} mechanisms[] = {
	[SPF_ALL] = { "all", ARGUMENT_NONE },
	[SPF_INCLUDE] = { "include", ARGUMENT_DOMAIN },
	[SPF_A] = { "a", ARGUMENT_CIDRS },
	[SPF_MX] = { "mx", ARGUMENT_CIDRS },
	[SPF_PTR] = { "ptr", ARGUMENT_OPTIONAL },
	[SPF_IP4] = { "ip4", ARGUMENT_IP4 },
	[SPF_IP6] = { "ip6", ARGUMENT_IP6 },
	[SPF_EXISTS] = { "exists", ARGUMENT_DOMAIN },
};

#define N_MECHANISMS (sizeof mechanisms / sizeof *mechanisms)

bool
spf_is_record(const char *text, size_t len)
{
	return len >= VERSION_LEN &&
	       strncasecmp(text, VERSION, VERSION_LEN) == 0 &&
	       (len == VERSION_LEN || text[VERSION_LEN] == ' ');
}

/* ---- mechanisms --------------------------------------------------------- */

static int
bad(struct err *err, const struct spf_term *t, const char *why)
{
	return err_set(err, "%.*s: %s",
	    (int)(t->whole.len < 200 ? t->whole.len : 200), t->whole.at, why);
}

/* "0" to most, without a zero before it: all of text, or -1 */
static int
number(const char *text, size_t len, int most)
{
	int n = 0;

	if (len == 0 || len > 3 || (len > 1 && text[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return -1;
		n = n * 10 + (text[i] - '0');
	}
	return n <= most ? n : -1;
}

/* Where digits at the end of text follow these slashes; else len. */
static size_t
slash_before_digits(const char *text, size_t len, size_t slashes)
{
	size_t at = len;

	while (at > 0 && isdigit((unsigned char)text[at - 1]))
		at--;
	if (at == len || at < slashes)
		return len;
	for (size_t i = 1; i <= slashes; i++)
		if (text[at - i] != '/')
			return len;
	return at - slashes;
}

/* Take "[/n] [//n]" from the end of text. */
static int
take_cidrs(struct spf_term *t, const char *text, size_t *len)
{
	size_t at = slash_before_digits(text, *len, 2);

	if (at != *len) {
		t->prefix6 = number(text + at + 2, *len - at - 2, 128);
		*len = at;
	}
	at = slash_before_digits(text, *len, 1);
	if (at != *len) {
		t->prefix4 = number(text + at + 1, *len - at - 1, 32);
		*len = at;
	}
	return t->prefix4 < 0 || t->prefix6 < 0 ? -1 : 0;
}

static int
read_address(struct spf_term *t, int family, const char *text, size_t len)
{
	int *prefix = family == AF_INET ? &t->prefix4 : &t->prefix6;
	const char *slash = memchr(text, '/', len);
	size_t n = slash != NULL ? (size_t)(slash - text) : len;
	char address[INET6_ADDRSTRLEN];

	if (slash != NULL)
		*prefix = number(slash + 1, len - n - 1, *prefix);
	if (*prefix < 0 || n == 0 || n >= sizeof address)
		return -1;
	memcpy(address, text, n);
	address[n] = '\0';
	t->ip.family = family;
	return strlen(address) == n &&
		       inet_pton(family, address, t->ip.bytes) == 1
		   ? 0
		   : -1;
}

static int
read_domain(struct spf_term *t, const char *text, size_t len, struct err *err)
{
	struct err why;

	if (spf_text_check(text, len, SPF_DOMAIN_SPEC, &why) != 0)
		return bad(err, t, why.msg);
	t->domain = (struct spf_text){ text, len };
	return 0;
}

/* rest: what follows the name, with its ':' or '/' */
static int
read_argument(struct spf_term *t, const char *rest, size_t len, struct err *err)
{
	enum argument kind = mechanisms[t->mechanism].argument;

	if (kind == ARGUMENT_CIDRS && take_cidrs(t, rest, &len) != 0)
		return bad(err, t, "not the length of a prefix");
	if (len == 0 && (kind == ARGUMENT_NONE || kind == ARGUMENT_OPTIONAL ||
			    kind == ARGUMENT_CIDRS))
		return 0;
	if (len == 0)
		return bad(err, t, "something must follow");
	if (kind == ARGUMENT_NONE || rest[0] != ':')
		return bad(err, t, "nothing may follow the name like this");
	rest++;
	len--;
	switch (kind) {
	case ARGUMENT_IP4:
	case ARGUMENT_IP6:
		if (read_address(t, kind == ARGUMENT_IP4 ? AF_INET : AF_INET6,
			rest, len) != 0)
			return bad(err, t, "not an address or network");
		return 0;
	default:
		return read_domain(t, rest, len, err);
	}
}

static int
read_mechanism(
    struct spf_record *r, const char *text, size_t len, struct err *err)
{
	static const char qualifiers[] = "+-~?";
	const char *q = memchr(qualifiers, text[0], sizeof qualifiers - 1);
	struct spf_term *t = &r->term[r->n];
	size_t skip = q != NULL, n = skip, m;

	*t = (struct spf_term){ .whole = { text, len },
		.qualifier = q != NULL ? (enum spf_qualifier)(q - qualifiers)
				       : SPF_Q_PASS,
		.prefix4 = 32,
		.prefix6 = 128 };
	while (n < len && text[n] != ':' && text[n] != '/')
		n++;
	for (m = 0; m < N_MECHANISMS; m++)
		if (strlen(mechanisms[m].name) == n - skip &&
		    strncasecmp(mechanisms[m].name, text + skip, n - skip) == 0)
			break;
	if (m == N_MECHANISMS)
		return bad(err, t, "not a mechanism of SPF");
	t->mechanism = (enum spf_mechanism)m;
	r->n++;
	return read_argument(t, text + n, len - n, err);
}

/* ---- modifiers ---------------------------------------------------------- */

/* The length of "name" where text is "name=...", or 0. */
static size_t
modifier_name(const char *text, size_t len)
{
	size_t n = 0;

	if (!isalpha((unsigned char)text[0]))
		return 0;
	while (n < len && (isalnum((unsigned char)text[n]) ||
			      (text[n] != '\0' && strchr("-_.", text[n]))))
		n++;
	return n < len && text[n] == '=' ? n : 0;
}

static int
read_modifier(struct spf_record *r, const char *text, size_t name, size_t len,
    struct err *err)
{
	struct spf_term t = { .whole = { text, len } };
	struct spf_text value = { text + name + 1, len - name - 1 }, *to = NULL;
	struct err why;

	if (name == 8 && strncasecmp(text, "redirect", name) == 0)
		to = &r->redirect;
	else if (name == 3 && strncasecmp(text, "exp", name) == 0)
		to = &r->exp;
	if (to != NULL && to->at != NULL)
		return bad(err, &t, "given twice");
	if (spf_text_check(value.at, value.len,
		to != NULL ? SPF_DOMAIN_SPEC : SPF_MACRO_STRING, &why) != 0)
		return bad(err, &t, why.msg);
	if (to != NULL)
		*to = value;
	return 0;
}

/* ---- records ------------------------------------------------------------ */

static int
read_term(struct spf_record *r, const char *text, size_t len, struct err *err)
{
	size_t name = modifier_name(text, len);

	if (name != 0)
		return read_modifier(r, text, name, len, err);
	return read_mechanism(r, text, len, err);
}

static int
read_terms(struct spf_record *r, const char *at, size_t len, struct err *err)
{
	const char *end = at + len;

	while (at < end) {
		const char *blank = memchr(at, ' ', (size_t)(end - at));
		size_t n = (size_t)((blank != NULL ? blank : end) - at);

		if (n != 0 && r->n == SPF_TERMS_MAX)
			return err_set(
			    err, "more than %d mechanisms", SPF_TERMS_MAX);
		if (n != 0 && read_term(r, at, n, err) != 0)
			return -1;
		at += n + 1;
	}
	return 0;
}

int
spf_record_read(
    struct spf_record *r, const char *text, size_t len, struct err *err)
{
	size_t blanks = 0;

	*r = (struct spf_record){ 0 };
	if (len > SPF_RECORD_MAX)
		return err_set(err, "longer than %d bytes", SPF_RECORD_MAX);
	text += VERSION_LEN;
	len -= VERSION_LEN;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 ||
		    (unsigned char)text[i] > 0x7e)
			return err_set(err, "not printable ASCII");
		blanks += text[i] == ' ';
	}
	r->text = xmemdup0(text, len);
	r->term = xcalloc(blanks < SPF_TERMS_MAX ? blanks + 1 : SPF_TERMS_MAX,
	    sizeof *r->term);
	if (read_terms(r, r->text, len, err) != 0) {
		spf_record_fini(r);
		return -1;
	}
	return 0;
}

void
spf_record_fini(struct spf_record *r)
{
	free(r->text);
	free(r->term);
	*r = (struct spf_record){ 0 };
}
