#include "spf.h"

#include "spf_lookup.h"
#include "spf_macro.h"
#include "spf_record.h"
#include "xmalloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOKUPS_MAX 10
#define VOIDS_MAX 2
#define SPF_HOSTS_MAX 10 /* of one MX or PTR */
#define REASON_MAX 400   /* bytes */

/* One check, whatever it includes. */
struct check {
	const struct spf_query *q;
	struct spf_lookup dns;
	unsigned lookups, voids;
	struct str why;
	struct str explanation; /* of the record that failed */
	bool explained;
};

static enum spf_result check_host(
    struct check *c, const char *domain, bool included);

const char *
spf_result_text(enum spf_result result)
{
	static const char *const text[] = {
		[SPF_NONE] = "none",
		[SPF_NEUTRAL] = "neutral",
		[SPF_PASS] = "pass",
		[SPF_FAIL] = "fail",
		[SPF_SOFTFAIL] = "softfail",
		[SPF_TEMPERROR] = "temperror",
		[SPF_PERMERROR] = "permerror",
	};

	return text[result];
}

static enum spf_result because(struct check *c, enum spf_result result,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static enum spf_result
because(struct check *c, enum spf_result result, const char *fmt, ...)
{
	char text[REASON_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	str_clear(&c->why);
	str_adds(&c->why, text);
	return result;
}

static enum spf_result
cannot_tell(struct check *c, const struct dns_answer *a, const char *name,
    enum dns_type type)
{
	struct str text = { 0 };
	enum spf_result r;

	dns_explain(&text, a, name, type);
	r = because(c, SPF_TEMPERROR, "%s", str_c(&text));
	str_fini(&text);
	return r;
}

/* ---- domains ------------------------------------------------------------ */

/* What is to be asked for: labels, at least two, no address. */
static bool
is_domain(const char *domain)
{
	struct str copy = { 0 };
	bool ok = false;
	const char *dot;

	str_adds(&copy, domain);
	if (copy.len <= 254 && spf_target(&copy) == 0) {
		dot = strrchr(str_c(&copy), '.');
		ok = dot != NULL && strpbrk(str_c(&copy), "[] @") == NULL &&
		     dot[1 + strspn(dot + 1, "0123456789")] != '\0';
	}
	str_fini(&copy);
	return ok;
}

static void
expand(struct check *c, struct str *out, const char *domain,
    const struct spf_text *text)
{
	const struct spf_query *q = c->q;
	struct spf_names names = { .ip = c->dns.ip,
		.local =
		    q->local != NULL && q->local[0] ? q->local : "postmaster",
		.origin = q->origin != NULL ? q->origin : q->domain,
		.domain = domain,
		.helo = q->helo != NULL ? q->helo : "",
		.receiver = q->receiver,
		.now = q->now };

	if (spf_text_uses(text->at, text->len, 'p'))
		names.validated = spf_lookup_validated(&c->dns, domain);
	spf_text_expand(out, text->at, text->len, &names);
}

/* The name that a term is about; false: none that could be asked for. */
static bool
target(struct check *c, struct str *out, const char *domain,
    const struct spf_text *text)
{
	if (text->at == NULL) {
		str_adds(out, domain);
		return true;
	}
	expand(c, out, domain, text);
	return spf_target(out) == 0;
}

/* ---- mechanisms --------------------------------------------------------- */

enum match { MATCH, NO_MATCH, MATCH_ERROR };

static int
prefix_of(const struct check *c, const struct spf_term *t)
{
	return spf_lookup_type(&c->dns) == DNS_A ? t->prefix4 : t->prefix6;
}

/* A lookup of a term that found nothing. */
static enum match
in_vain(struct check *c, enum spf_result *error)
{
	if (++c->voids <= VOIDS_MAX || c->q->kumomta_quirks)
		return NO_MATCH;
	*error = because(
	    c, SPF_PERMERROR, "more than %d lookups found nothing", VOIDS_MAX);
	return MATCH_ERROR;
}

static enum match
match_a(struct check *c, const struct spf_term *t, const char *name,
    enum spf_result *error)
{
	struct dns_answer a;
	bool match;
	enum spf_found found =
	    spf_lookup_address(&c->dns, name, prefix_of(c, t), &a, &match);
	enum match m = match ? MATCH : NO_MATCH;

	if (found == SPF_NOTHING)
		m = in_vain(c, error);
	if (found == SPF_UNKNOWN) {
		*error = cannot_tell(c, &a, name, spf_lookup_type(&c->dns));
		m = MATCH_ERROR;
	}
	dns_answer_fini(&a);
	return m;
}

/* The hosts of an answer, until the client is one of them. */
static enum match
match_hosts(struct check *c, const struct spf_term *t,
    const struct dns_answer *mx, enum spf_result *error)
{
	enum match m = NO_MATCH;
	struct dns_answer a;
	bool match;

	for (size_t i = 0; i < mx->n && m == NO_MATCH; i++) {
		const char *host = mx->record[i].text;

		if (strcmp(host, ".") == 0)
			continue;
		if (spf_lookup_address(&c->dns, host, prefix_of(c, t), &a,
			&match) == SPF_UNKNOWN) {
			*error =
			    cannot_tell(c, &a, host, spf_lookup_type(&c->dns));
			m = MATCH_ERROR;
		} else if (match) {
			m = MATCH;
		}
		dns_answer_fini(&a);
	}
	return m;
}

static enum match
match_mx(struct check *c, const struct spf_term *t, const char *name,
    enum spf_result *error)
{
	struct dns_answer mx;
	enum match m;

	switch (spf_lookup_ask(&c->dns, name, DNS_MX, &mx)) {
	case SPF_NOTHING:
		m = in_vain(c, error);
		break;
	case SPF_UNKNOWN:
		*error = cannot_tell(c, &mx, name, DNS_MX);
		m = MATCH_ERROR;
		break;
	default:
		if (mx.n > SPF_HOSTS_MAX) {
			*error = because(c, SPF_PERMERROR,
			    "more than %d MX of %s", SPF_HOSTS_MAX, name);
			m = MATCH_ERROR;
			break;
		}
		m = match_hosts(c, t, &mx, error);
	}
	dns_answer_fini(&mx);
	return m;
}

static enum match
match_ptr(struct check *c, const char *name, enum spf_result *error)
{
	bool known = c->dns.has_names;

	if (spf_lookup_names(&c->dns) == SPF_NOTHING && !known)
		return in_vain(c, error);
	for (size_t i = 0; i < c->dns.n_names; i++)
		if (spf_is_within(c->dns.name[i], name))
			return MATCH;
	return NO_MATCH;
}

static enum match
match_exists(struct check *c, const char *name, enum spf_result *error)
{
	struct dns_answer a;
	enum match m = MATCH;

	switch (spf_lookup_ask(&c->dns, name, DNS_A, &a)) {
	case SPF_NOTHING:
		m = in_vain(c, error);
		break;
	case SPF_UNKNOWN:
		*error = cannot_tell(c, &a, name, DNS_A);
		m = MATCH_ERROR;
		break;
	default:
		break;
	}
	dns_answer_fini(&a);
	return m;
}

static enum match
match_include(struct check *c, const char *name, enum spf_result *error)
{
	switch (check_host(c, name, true)) {
	case SPF_PASS:
		return MATCH;
	case SPF_TEMPERROR:
		*error = SPF_TEMPERROR;
		return MATCH_ERROR;
	case SPF_NONE:
		*error = because(
		    c, SPF_PERMERROR, "no SPF record of included %s", name);
		return MATCH_ERROR;
	case SPF_PERMERROR:
		*error = SPF_PERMERROR;
		return MATCH_ERROR;
	default:
		return NO_MATCH;
	}
}

/* One more term that looks something up. */
static bool
may_look_up(struct check *c, enum spf_result *error)
{
	if (++c->lookups <= LOOKUPS_MAX)
		return true;
	*error = because(c, SPF_PERMERROR, "DNS lookup limits exceeded");
	return false;
}

static enum match
match_named(struct check *c, const struct spf_term *t, const char *domain,
    enum spf_result *error)
{
	struct str name = { 0 };
	enum match m = NO_MATCH;

	if (!may_look_up(c, error))
		return MATCH_ERROR;
	if (target(c, &name, domain, &t->domain)) {
		switch (t->mechanism) {
		case SPF_A:
			m = match_a(c, t, str_c(&name), error);
			break;
		case SPF_MX:
			m = match_mx(c, t, str_c(&name), error);
			break;
		case SPF_PTR:
			m = match_ptr(c, str_c(&name), error);
			break;
		case SPF_EXISTS:
			m = match_exists(c, str_c(&name), error);
			break;
		default:
			m = match_include(c, str_c(&name), error);
		}
	} else if (t->mechanism == SPF_INCLUDE) {
		*error = because(c, SPF_PERMERROR, "%.*s: no domain",
		    (int)(t->whole.len < 200 ? t->whole.len : 200),
		    t->whole.at);
		m = MATCH_ERROR;
	}
	str_fini(&name);
	return m;
}

static enum match
match_term(struct check *c, const struct spf_term *t, const char *domain,
    enum spf_result *error)
{
	switch (t->mechanism) {
	case SPF_ALL:
		return MATCH;
	case SPF_IP4:
		return spf_in_prefix(&c->dns.ip, &t->ip, t->prefix4) ? MATCH
								     : NO_MATCH;
	case SPF_IP6:
		return spf_in_prefix(&c->dns.ip, &t->ip, t->prefix6) ? MATCH
								     : NO_MATCH;
	default:
		return match_named(c, t, domain, error);
	}
}

/* ---- records ------------------------------------------------------------ */

/* One line of printable ASCII with something on it, or false. */
static bool
is_explanation(const struct str *text)
{
	for (size_t i = 0; i < text->len; i++)
		if ((unsigned char)text->data[i] < 0x20 ||
		    (unsigned char)text->data[i] > 0x7e)
			return false;
	return text->len != 0;
}

/* What the domain wants to be told to who may not; nothing where it fails. */
static void
explain(struct check *c, const char *domain, const struct spf_text *exp)
{
	struct str name = { 0 }, text = { 0 };
	struct dns_answer a;

	if (target(c, &name, domain, exp)) {
		if (spf_lookup_ask(&c->dns, str_c(&name), DNS_TXT, &a) ==
			SPF_FOUND &&
		    a.n == 1 &&
		    spf_text_check(a.record[0].text, a.record[0].len,
			SPF_EXPLANATION, NULL) == 0) {
			struct spf_text t = { a.record[0].text,
				a.record[0].len };

			expand(c, &text, domain, &t);
			if (text.len > REASON_MAX) {
				text.len = REASON_MAX;
				text.data[text.len] = '\0';
			}
			c->explained = is_explanation(&text);
		}
		dns_answer_fini(&a);
	}
	if (c->explained)
		str_add(&c->explanation, text.data, text.len);
	str_fini(&name);
	str_fini(&text);
}

static enum spf_result
redirected(struct check *c, const struct spf_record *r, const char *domain,
    bool included)
{
	struct str name = { 0 };
	enum spf_result result;

	if (!may_look_up(c, &result))
		return result;
	if (!target(c, &name, domain, &r->redirect))
		result = because(c, SPF_PERMERROR, "redirect: no domain");
	else
		result = check_host(c, str_c(&name), included);
	if (result == SPF_NONE)
		result = because(c, SPF_PERMERROR,
		    "no SPF record of %s, where redirect points to",
		    str_c(&name));
	str_fini(&name);
	return result;
}

static enum spf_result
evaluate(struct check *c, const struct spf_record *r, const char *domain,
    bool included)
{
	static const enum spf_result says[] = {
		[SPF_Q_PASS] = SPF_PASS,
		[SPF_Q_FAIL] = SPF_FAIL,
		[SPF_Q_SOFTFAIL] = SPF_SOFTFAIL,
		[SPF_Q_NEUTRAL] = SPF_NEUTRAL,
	};
	enum spf_result result = SPF_PERMERROR;

	for (size_t i = 0; i < r->n; i++) {
		const struct spf_term *t = &r->term[i];

		switch (match_term(c, t, domain, &result)) {
		case NO_MATCH:
			continue;
		case MATCH_ERROR:
			return result;
		case MATCH:
			break;
		}
		result =
		    because(c, says[t->qualifier], "matched '%.*s' directive",
			(int)(t->whole.len < 200 ? t->whole.len : 200),
			t->whole.at);
		if (result == SPF_FAIL && r->exp.at != NULL && !included)
			explain(c, domain, &r->exp);
		return result;
	}
	if (r->redirect.at != NULL)
		return redirected(c, r, domain, included);
	return because(c, SPF_NEUTRAL, "default result");
}

/* Is it the record of the domain?  "v=spf1" alone is none to KumoMTA. */
static bool
counts(const struct check *c, const struct dns_record *r)
{
	return spf_is_record(r->text, r->len) &&
	       !(c->q->kumomta_quirks && r->len == strlen("v=spf1"));
}

static enum spf_result
take_record(struct check *c, const struct dns_answer *a, const char *domain,
    bool included)
{
	const struct dns_record *own = NULL;
	struct spf_record record;
	enum spf_result result;
	struct err err;

	for (size_t i = 0; i < a->n; i++) {
		if (!counts(c, &a->record[i]))
			continue;
		if (own != NULL && !c->q->kumomta_quirks)
			return because(c, SPF_PERMERROR,
			    "several SPF records of %s", domain);
		if (own == NULL)
			own = &a->record[i];
	}
	if (own == NULL)
		return because(
		    c, SPF_NONE, "no SPF records found for %s", domain);
	if (spf_record_read(&record, own->text, own->len, &err) != 0)
		return because(c, SPF_PERMERROR, "SPF record of %s: %.300s",
		    domain, err.msg);
	result = evaluate(c, &record, domain, included);
	spf_record_fini(&record);
	return result;
}

static enum spf_result
check_host(struct check *c, const char *domain, bool included)
{
	struct dns_answer a;
	enum spf_result result;

	if (!is_domain(domain))
		return because(c, SPF_NONE, "%s is no domain",
		    domain[0] != '\0' ? domain : "the empty name");
	switch (spf_lookup_ask(&c->dns, domain, DNS_TXT, &a)) {
	case SPF_UNKNOWN:
		result = cannot_tell(c, &a, domain, DNS_TXT);
		break;
	default:
		result = take_record(c, &a, domain, included);
	}
	dns_answer_fini(&a);
	return result;
}

/* A reason may hold pieces of records: printable ASCII stays. */
static char *
clean(struct str *text)
{
	for (size_t i = 0; i < text->len; i++)
		if ((unsigned char)text->data[i] < 0x20 ||
		    (unsigned char)text->data[i] > 0x7e)
			text->data[i] = '?';
	return xstrdup(str_c(text));
}

void
spf_check(const struct spf_query *q, struct spf_answer *out)
{
	struct check c = { .q = q };

	spf_lookup_init(&c.dns, &q->ip, q->ask, q->arg);
	out->result = check_host(&c, q->domain, false);
	out->explained = out->result == SPF_FAIL && c.explained;
	out->reason = clean(out->explained ? &c.explanation : &c.why);
	out->lookups = c.lookups;
	spf_lookup_fini(&c.dns);
	str_fini(&c.why);
	str_fini(&c.explanation);
}

void
spf_answer_fini(struct spf_answer *a)
{
	free(a->reason);
	*a = (struct spf_answer){ 0 };
}
