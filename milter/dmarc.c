#include "dmarc.h"

#include "public_suffix.h"
#include "xmalloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_MAX 400 /* bytes */

const char *
dmarc_disposition_text(enum dmarc_disposition d)
{
	static const char *const text[] = {
		[DMARC_PASS] = "Pass",
		[DMARC_NONE] = "None",
		[DMARC_PERMERROR] = "PermError",
		[DMARC_TEMPERROR] = "TempError",
		[DMARC_QUARANTINE] = "Quarantine",
		[DMARC_REJECT] = "Reject",
	};

	return text[d];
}

static void decide(struct dmarc_answer *a, enum dmarc_disposition d,
    const char *result, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void
decide(struct dmarc_answer *a, enum dmarc_disposition d, const char *result,
    const char *fmt, ...)
{
	char text[REASON_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* without libidn2 a domain may be in UTF-8 */
	for (char *c = text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	free(a->reason);
	a->reason = xstrdup(text);
	a->disposition = d;
	a->result = result;
}

/* ---- names -------------------------------------------------------------- */

/* The organisational domain; NULL: a public suffix has none. */
static const char *
organisation(const char *domain)
{
	return public_suffix_registered(domain, strlen(domain));
}

static bool
is_aligned(const struct dmarc_query *q, const char *from, const char *other,
    bool strict)
{
	const char *a = organisation(from), *b = organisation(other);
	bool same = strcmp(from, other) == 0;

	if (strict || (same && !q->kumomta_quirks))
		return same;
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* ---- records ------------------------------------------------------------ */

enum found { FOUND, NOTHING, SEVERAL, BROKEN, UNKNOWN };

static void
ask(const struct dmarc_query *q, const char *prefix, const char *domain,
    enum dns_type type, struct dns_answer *out)
{
	struct str name = { 0 }, wire = { 0 };

	str_adds(&name, prefix);
	str_adds(&name, domain);
	*out = (struct dns_answer){ .status = DNS_NO_NAME };
	if (dns_name(&wire, name.data, name.len, NULL) == 0)
		q->ask(q->arg, str_c(&wire), type, out);
	str_fini(&name);
	str_fini(&wire);
}

/* Of several the first that can be read, as KumoMTA has it. */
static enum found
take_first(struct dmarc_answer *a, const struct dns_answer *txt)
{
	for (size_t i = 0; i < txt->n; i++)
		if (dmarc_record_read(&a->record, txt->record[i].text,
			txt->record[i].len, true, NULL) == 0)
			return FOUND;
	return NOTHING;
}

static enum found
take_only(struct dmarc_answer *a, const struct dns_answer *txt)
{
	const struct dns_record *own = NULL;

	for (size_t i = 0; i < txt->n; i++) {
		const struct dns_record *r = &txt->record[i];

		if (!dmarc_is_record(r->text, r->len))
			continue;
		if (own != NULL)
			return SEVERAL;
		own = r;
	}
	if (own == NULL)
		return NOTHING;
	return dmarc_record_read(
		   &a->record, own->text, own->len, false, NULL) == 0
		   ? FOUND
		   : BROKEN;
}

static enum found
fetch(const struct dmarc_query *q, struct dmarc_answer *a, const char *domain)
{
	struct dns_answer txt;
	enum found found = UNKNOWN;

	ask(q, "_dmarc.", domain, DNS_TXT, &txt);
	switch (txt.status) {
	case DNS_FOUND:
		found = q->kumomta_quirks ? take_first(a, &txt)
					  : take_only(a, &txt);
		break;
	case DNS_NO_DATA:
	case DNS_NO_NAME:
		found = NOTHING;
		break;
	default:
		break;
	}
	a->has_record = found == FOUND;
	dns_answer_fini(&txt);
	return found;
}

/* What is said where there is no record to go by. */
static void
no_record(const struct dmarc_query *q, struct dmarc_answer *a, enum found found,
    const char *domain, bool is_organisation)
{
	/* KumoMTA names what it asked for where that was not From: itself */
	const char *prefix =
	    q->kumomta_quirks && is_organisation ? "_dmarc." : "";

	switch (found) {
	case UNKNOWN:
		if (q->kumomta_quirks && !is_organisation)
			decide(a, DMARC_TEMPERROR, "temperror",
			    "no DMARC records found for %s", domain);
		else
			decide(a, DMARC_TEMPERROR, "temperror",
			    "DNS records could not be resolved for _dmarc.%s",
			    domain);
		break;
	case SEVERAL:
		decide(a, DMARC_NONE, "none", "several DMARC records of %s",
		    domain);
		break;
	case BROKEN:
		decide(a, DMARC_PERMERROR, "permerror",
		    "the DMARC record of %s has no valid policy", domain);
		break;
	default:
		if (q->kumomta_quirks)
			decide(a, DMARC_PERMERROR, "permerror",
			    "no DMARC records found for %s%s", prefix, domain);
		else
			decide(a, DMARC_NONE, "none",
			    "no DMARC records found for %s", a->from);
	}
}

/* ---- what a record says ------------------------------------------------- */

/* Is there such a name? (RFC 9091, 2.7)  NOTHING: no. */
static enum found
exists(const struct dmarc_query *q, const char *domain)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_MX };
	struct dns_answer a;
	enum dns_status status = DNS_NO_DATA;

	for (size_t i = 0;
	     i < sizeof types / sizeof *types && status == DNS_NO_DATA; i++) {
		ask(q, "", domain, types[i], &a);
		status = a.status;
		dns_answer_fini(&a);
	}
	if (status == DNS_FOUND)
		return FOUND;
	return status == DNS_NO_DATA || status == DNS_NO_NAME ? NOTHING
							      : UNKNOWN;
}

/* The policy for From:; false: it cannot be known now. */
static bool
policy_of(
    const struct dmarc_query *q, struct dmarc_answer *a, bool is_organisation)
{
	const struct dmarc_record *r = &a->record;

	a->policy = is_organisation ? r->sp : r->p;
	if (!is_organisation || r->np == r->sp)
		return true;
	switch (exists(q, a->from)) {
	case FOUND:
		return true;
	case NOTHING:
		a->policy = r->np;
		return true;
	default:
		decide(a, DMARC_TEMPERROR, "temperror",
		    "DNS records could not be resolved for %s", a->from);
		return false;
	}
}

/* Why is nothing aligned?  Whatever the order that it was found in. */
static void
misaligned(const struct dmarc_query *q, const struct dmarc_record *r,
    char reason[static REASON_MAX])
{
	const char *spf = r->aspf_strict ? "strict" : "relaxed";
	const char *dkim = r->adkim_strict ? "strict" : "relaxed";

	if (q->spf != NULL)
		snprintf(reason, REASON_MAX, "DMARC: SPF %s check failed", spf);
	else if (q->n_dkim != 0)
		snprintf(
		    reason, REASON_MAX, "DMARC: DKIM %s check failed", dkim);
	else
		snprintf(reason, REASON_MAX, "%s",
		    q->dkim_unnamed ? "DMARC: DKIM signature missing 'd=' tag"
				    : "No aligned DKIM or SPF");
}

static void
fails(const struct dmarc_query *q, struct dmarc_answer *a)
{
	static const enum dmarc_disposition asked[] = {
		[DMARC_P_NONE] = DMARC_NONE,
		[DMARC_P_QUARANTINE] = DMARC_QUARANTINE,
		[DMARC_P_REJECT] = DMARC_REJECT,
	};
	enum dmarc_policy policy = a->policy;
	char reason[REASON_MAX];

	misaligned(q, &a->record, reason);
	/* RFC 7489, 6.6.4: who is not sampled gets the next weaker; and
	 * RFC 9989: so does all mail of who is only trying */
	if (policy != DMARC_P_NONE && a->record.testing) {
		policy--;
		snprintf(reason, sizeof reason, "test mode due to t=y");
	} else if (policy != DMARC_P_NONE && q->chance >= a->record.pct) {
		policy--;
		snprintf(reason, sizeof reason, "sampled_out due to pct=%u",
		    a->record.pct);
	}
	decide(a, asked[policy],
	    q->kumomta_quirks && policy == DMARC_P_NONE ? "none" : "fail", "%s",
	    reason);
}

static void
evaluate(
    const struct dmarc_query *q, struct dmarc_answer *a, bool is_organisation)
{
	const struct dmarc_record *r = &a->record;
	bool aligned =
	    q->spf != NULL && is_aligned(q, a->from, q->spf, r->aspf_strict);

	if (q->kumomta_quirks && q->chance >= r->pct) {
		decide(
		    a, DMARC_PASS, "pass", "sampled_out due to pct=%u", r->pct);
		return;
	}
	for (size_t i = 0; i < q->n_dkim && !aligned; i++)
		aligned = is_aligned(q, a->from, q->dkim[i], r->adkim_strict);
	if (aligned)
		decide(a, DMARC_PASS, "pass", "Success");
	else if (policy_of(q, a, is_organisation))
		fails(q, a);
}

static void
check_domain(
    const struct dmarc_query *q, struct dmarc_answer *a, const char *from)
{
	const char *above = organisation(from), *at = from;
	bool is_organisation = false;
	enum found found;

	*a = (struct dmarc_answer){ .from = from };
	found = fetch(q, a, from);
	/* KumoMTA goes on where it could not learn whether there is one */
	if ((found == NOTHING || (found == UNKNOWN && q->kumomta_quirks)) &&
	    above != NULL && strcmp(above, from) != 0) {
		at = above;
		is_organisation = true;
		found = fetch(q, a, at);
	}
	if (found == FOUND)
		evaluate(q, a, is_organisation);
	else if (q->kumomta_quirks && above == NULL)
		decide(a, DMARC_NONE, "none", "no DMARC records found for %s",
		    from);
	else
		no_record(q, a, found, at, is_organisation);
}

/*
 * The most severe of all domains (RFC 7489, 6.6.1).  One that passes does not
 * speak for one beside it that has no record.
 */
void
dmarc_check(const struct dmarc_query *q, struct dmarc_answer *out)
{
	struct dmarc_answer a;

	must(q->n_from > 0);
	check_domain(q, out, q->from[0]);
	for (size_t i = 1; i < q->n_from && out->disposition != DMARC_REJECT;
	     i++) {
		check_domain(q, &a, q->from[i]);
		if (a.disposition > out->disposition) {
			dmarc_answer_fini(out);
			*out = a;
		} else {
			dmarc_answer_fini(&a);
		}
	}
}

void
dmarc_answer_fini(struct dmarc_answer *a)
{
	free(a->reason);
	dmarc_record_fini(&a->record);
	*a = (struct dmarc_answer){ 0 };
}
