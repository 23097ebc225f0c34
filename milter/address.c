#include "address.h"

#include "str.h"
#include "xmalloc.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#ifdef HAVE_IDN2
#include <idn2.h>
#endif

struct span {
	const char *p;
	size_t n;
};

/* ---- characters --------------------------------------------------------- */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_8bit(char c)
{
	return ((unsigned char)c & 0x80) != 0;
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* RFC 5321 atext, with RFC 6531's bytes */
static bool
is_atext(char c)
{
	return is_alnum(c) || is_8bit(c) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool
is_graphic(char c)
{
	return (c >= ' ' && c < 0x7f) || is_8bit(c);
}

static struct span
trim(struct span s)
{
	for (; s.n > 0 && is_space(s.p[0]); s.n--)
		s.p++;
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* ---- domains ------------------------------------------------------------ */

static bool
has_8bit(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_8bit(s.p[i]))
			return true;
	return false;
}

/*
 * Letters, digits, '-' and '_' in labels that are not empty.  '_' is in no
 * standard for mail but in real names, and the MTA has the last word.
 */
static bool
is_name(struct span s, bool utf8)
{
	size_t label = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (is_alnum(s.p[i]) || s.p[i] == '-' || s.p[i] == '_' ||
			   (utf8 && is_8bit(s.p[i]))) {
			label++;
		} else {
			return false;
		}
	}
	return label > 0;
}

static bool
is_literal(struct span s)
{
	if (s.n < 3 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	for (size_t i = 1; i + 1 < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '[' ||
		    s.p[i] == '\\' || s.p[i] == ']')
			return false;
	return true;
}

static char *
lower_case(struct span s)
{
	char *d = xmemdup0(s.p, s.n);

	for (size_t i = 0; i < s.n; i++)
		if (d[i] >= 'A' && d[i] <= 'Z')
			d[i] = (char)(d[i] - 'A' + 'a');
	return d;
}

#ifdef HAVE_IDN2
/*
 * The mapping of UTS #46 turns some characters into ASCII that has no place
 * in a domain (a full-width '@', for one), so its result is looked at again.
 */
static char *
a_labels(struct span s, struct err *err)
{
	char *copy = xmemdup0(s.p, s.n), *ascii = NULL, *result = NULL;
	int rc = idn2_to_ascii_8z(
	    copy, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

	if (rc != IDN2_OK)
		err_set(
		    err, "\"%s\" is no domain: %s", copy, idn2_strerror(rc));
	else if (!is_name((struct span){ ascii, strlen(ascii) }, false))
		err_set(
		    err, "\"%s\" is no domain: it reads \"%s\"", copy, ascii);
	else
		result = lower_case((struct span){ ascii, strlen(ascii) });
	idn2_free(ascii);
	free(copy);
	return result;
}
#else
static char *
a_labels(struct span s, struct err *err)
{
	if (is_name(s, true))
		return lower_case(s);
	err_set(err, "\"%.*s\" is no domain", (int)s.n, s.p);
	return NULL;
}
#endif

/* The final dot of a name that ends in a label; that of ".." stays. */
static struct span
without_final_dot(struct span s)
{
	if (s.n >= 2 && s.p[s.n - 1] == '.' && s.p[s.n - 2] != '.')
		s.n--;
	return s;
}

char *
address_domain(const char *text, size_t len, struct err *err)
{
	struct span s = { text, len };

	if (s.n > ADDRESS_DOMAIN_MAX) {
		err_set(err, "domain of %zu bytes, the limit is %d", s.n,
		    ADDRESS_DOMAIN_MAX);
		return NULL;
	}
	if (is_literal(s))
		return xmemdup0(s.p, s.n);
	s = without_final_dot(s);
	if (has_8bit(s) && memchr(s.p, '\0', s.n) == NULL)
		return a_labels(s, err);
	if (is_name(s, false))
		return lower_case(s);
	err_set(err, "\"%.*s\" is no domain", (int)s.n, s.p);
	return NULL;
}

bool
address_knows_idn(void)
{
#ifdef HAVE_IDN2
	return true;
#else
	return false;
#endif
}

char *
address_domain_utf8(const char *text, size_t len, struct err *err)
{
	char *ascii = address_domain(text, len, err);
#ifdef HAVE_IDN2
	char *utf8 = NULL, *copy;

	if (ascii == NULL ||
	    idn2_to_unicode_8z8z(ascii, &utf8, IDN2_NFC_INPUT) != IDN2_OK)
		return ascii;
	copy = xstrdup(utf8);
	idn2_free(utf8);
	free(ascii);
	return copy;
#else
	return ascii;
#endif
}

/* ---- local parts -------------------------------------------------------- */

/* Length of the quoted string at the start of s, or 0. */
static size_t
quoted_len(struct span s)
{
	if (s.n == 0 || s.p[0] != '"')
		return 0;
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\')
			i++;
		if (i == s.n || !is_graphic(s.p[i]))
			return 0;
	}
	return 0;
}

/* Length of the dot-string at the start of s: atoms with dots between. */
static size_t
dot_string_len(struct span s)
{
	size_t i = 0;

	for (; i < s.n; i++)
		if (s.p[i] == '.' ? i == 0 || s.p[i - 1] == '.'
				  : !is_atext(s.p[i]))
			break;
	return i > 0 && s.p[i - 1] == '.' ? 0 : i;
}

static char *
unquoted(struct span s)
{
	struct str user = { 0 };

	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return xmemdup0(s.p, s.n);
	for (size_t i = 1; i + 1 < s.n; i++) {
		if (s.p[i] == '\\' && i + 2 < s.n)
			i++;
		str_addc(&user, s.p[i]);
	}
	return str_take(&user);
}

/* ---- whole addresses ---------------------------------------------------- */

/* Without "@a,@b:", where that is what s begins with. */
static struct span
without_route(struct span s)
{
	bool literal = false;

	if (s.n == 0 || s.p[0] != '@')
		return s;
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '[')
			literal = true;
		else if (s.p[i] == ']')
			literal = false;
		else if (s.p[i] == ':' && !literal)
			return (struct span){ s.p + i + 1, s.n - i - 1 };
		else if (s.p[i] == '"' || s.p[i] == '\\')
			break;
	}
	return s;
}

static bool
is_postmaster(struct span s)
{
	return s.n == 10 && strncasecmp(s.p, "postmaster", s.n) == 0;
}

/* The three strings of an address behind one another. */
struct address_text {
	atomic_uint refs;
	char strings[];
};

/* Takes user and domain. */
static void
pack(struct address *a, char *user, char *domain, const struct str *email)
{
	size_t u = strlen(user) + 1, d = strlen(domain) + 1;
	struct address_text *t = xmalloc(sizeof *t + u + d + email->len + 1);

	atomic_init(&t->refs, 1);
	a->text = t;
	a->user = memcpy(t->strings, user, u);
	a->domain = memcpy(t->strings + u, domain, d);
	a->email = memcpy(t->strings + u + d, str_c(email), email->len + 1);
	free(user);
	free(domain);
}

/* Takes domain; NULL means that there was no '@'. */
static void
fill(struct address *a, struct span local, char *domain)
{
	struct str email = { 0 };

	str_add(&email, local.p, local.n);
	if (domain != NULL) {
		str_addc(&email, '@');
		str_adds(&email, domain);
	}
	pack(a, unquoted(local), domain != NULL ? domain : xstrdup(""), &email);
	str_fini(&email);
}

/* Takes "<" and ">" away; false where only one of them is there. */
static bool
bare(struct span *s)
{
	bool opens = s->n > 0 && s->p[0] == '<';
	bool closes = s->n > 1 && s->p[s->n - 1] == '>';

	if (opens != closes)
		return false;
	if (opens)
		*s = (struct span){ s->p + 1, s->n - 2 };
	return true;
}

static int
parse_mailbox(struct address *a, struct span s, struct err *err)
{
	struct span local = { s.p, quoted_len(s) }, rest;
	char *domain;

	if (local.n == 0)
		local.n = dot_string_len(s);
	rest = (struct span){ s.p + local.n, s.n - local.n };
	if (local.n == 0 || rest.n == 0 || rest.p[0] != '@')
		return err_set(err,
		    "\"%.*s\" is no address: local@domain "
		    "expected",
		    (int)s.n, s.p);
	if (local.n > ADDRESS_LOCAL_MAX)
		return err_set(err,
		    "local part of %zu bytes, the limit is "
		    "%d",
		    local.n, ADDRESS_LOCAL_MAX);
	domain = address_domain(rest.p + 1, rest.n - 1, err);
	if (domain == NULL)
		return -1;
	fill(a, local, domain);
	return 0;
}

int
address_parse(struct address *a, const char *text, size_t len, struct err *err)
{
	struct span s = trim((struct span){ text, len });

	*a = (struct address){ 0 };
	if (s.n > ADDRESS_MAX)
		return err_set(err, "address of %zu bytes, the limit is %d",
		    s.n, ADDRESS_MAX);
	if (!bare(&s))
		return err_set(
		    err, "\"%.*s\" is no address: unpaired <", (int)s.n, s.p);
	if (s.n == 0) {
		fill(a, s, NULL);
		return 0;
	}
	if (is_postmaster(s)) {
		struct str email = { 0 };

		str_adds(&email, "Postmaster");
		pack(a, xstrdup("postmaster"), xstrdup(""), &email);
		str_fini(&email);
		return 0;
	}
	return parse_mailbox(a, without_route(s), err);
}

static size_t
last_at(struct span s)
{
	size_t i = s.n;

	while (i > 0 && s.p[i - 1] != '@')
		i--;
	return i > 0 ? i - 1 : s.n;
}

void
address_parse_lenient(struct address *a, const char *text, size_t len)
{
	struct span s = { text, strnlen(text, len) };
	struct span local, domain;
	char *name;
	size_t at;

	if (s.n > ADDRESS_MAX)
		s.n = ADDRESS_MAX;
	if (address_parse(a, s.p, s.n, NULL) == 0)
		return;
	s = trim(s);
	if (s.n > 0 && s.p[0] == '<')
		s = (struct span){ s.p + 1, s.n - 1 };
	if (s.n > 0 && s.p[s.n - 1] == '>')
		s.n--;
	s = without_route(s);
	at = last_at(s);
	local = (struct span){ s.p, at };
	if (at == s.n) {
		fill(a, local, NULL);
		return;
	}
	domain = (struct span){ s.p + at + 1, s.n - at - 1 };
	name = address_domain(domain.p, domain.n, NULL);
	fill(a, local,
	    name != NULL ? name : lower_case(without_final_dot(domain)));
}

void
address_copy(struct address *to, const struct address *from)
{
	*to = *from;
	if (to->text != NULL)
		atomic_fetch_add_explicit(
		    &to->text->refs, 1, memory_order_relaxed);
}

void
address_fini(struct address *a)
{
	if (a->text != NULL && atomic_fetch_sub(&a->text->refs, 1) == 1)
		free(a->text);
	*a = (struct address){ 0 };
}

bool
address_is_null(const struct address *a)
{
	return a->email == NULL || a->email[0] == '\0';
}
