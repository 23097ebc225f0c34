#include "arc_chain.h"

#include "dkim_tags.h"

#include <string.h>
#include <strings.h>

const char *
arc_field_name(enum arc_field field)
{
	static const char *const name[] = {
		[ARC_RESULTS] = "ARC-Authentication-Results",
		[ARC_SIGNATURE] = "ARC-Message-Signature",
		[ARC_SEAL] = "ARC-Seal",
	};

	return name[field];
}

const char *
arc_status_text(enum arc_status status)
{
	static const char *const text[] = {
		[ARC_NONE] = "none",
		[ARC_PASS] = "pass",
		[ARC_FAIL] = "fail",
	};

	return text[status];
}

/* White space may stand before the colon. */
static int
kind_of(const char *name)
{
	for (int i = 0; i < ARC_FIELDS; i++) {
		const char *known = arc_field_name((enum arc_field)i);
		size_t len = strlen(known);

		if (strncasecmp(name, known, len) == 0 &&
		    name[len + strspn(name + len, " \t")] == '\0')
			return i;
	}
	return -1;
}

bool
arc_is_field(const char *name)
{
	return kind_of(name) >= 0;
}

bool
arc_set_is_whole(const struct arc_set *s)
{
	for (int i = 0; i < ARC_FIELDS; i++)
		if (s->field[i] == NULL)
			return false;
	return true;
}

/* ---- instances ---------------------------------------------------------- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One or two digits, 1 to 50; or 0. */
static unsigned
position(const char *text, size_t len)
{
	unsigned n = 0;

	if (len == 0 || len > 2)
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(text[i]))
			return 0;
		n = n * 10 + (unsigned)(text[i] - '0');
	}
	return n <= ARC_SETS_MAX ? n : 0;
}

static unsigned
instance_of_tags(const struct header *h)
{
	struct dkim_tags tags;
	const struct dkim_tag *i;

	if (dkim_tags_parse(&tags, h->raw, h->raw_len, NULL) != 0)
		return 0;
	i = dkim_tags_find(&tags, "i");
	return i != NULL ? position(i->value, i->len) : 0;
}

/* Behind white space and comments. */
static const char *
skip_cfws(const char *at, const char *end)
{
	unsigned depth = 0;

	for (; at < end; at++) {
		if (depth != 0 && *at == '\\' && at + 1 < end)
			at++;
		else if (*at == '(')
			depth++;
		else if (depth != 0 && *at == ')')
			depth--;
		else if (depth == 0 && strchr(" \t\r\n", *at) == NULL)
			break;
	}
	return at;
}

/* "i=1;", with white space and comments, before the results */
static unsigned
instance_of_results(const struct header *h)
{
	const char *at = h->raw, *end = at + h->raw_len, *digits;
	unsigned n;

	at = skip_cfws(at, end);
	if (at == end || *at++ != 'i')
		return 0;
	at = skip_cfws(at, end);
	if (at == end || *at++ != '=')
		return 0;
	digits = at = skip_cfws(at, end);
	while (at < end && is_digit(*at))
		at++;
	n = position(digits, (size_t)(at - digits));
	at = skip_cfws(at, end);
	return at < end && *at == ';' ? n : 0;
}

/* ---- structure ---------------------------------------------------------- */

/* What a seal says of the chain below it; ARC_STATUSES: nothing valid. */
#define ARC_STATUSES (ARC_FAIL + 1)

static int
seal_says(const struct header *seal)
{
	struct dkim_tags tags;
	const struct dkim_tag *cv;

	if (seal == NULL ||
	    dkim_tags_parse(&tags, seal->raw, seal->raw_len, NULL) != 0)
		return ARC_STATUSES;
	cv = dkim_tags_find(&tags, "cv");
	for (int i = 0; cv != NULL && i < ARC_STATUSES; i++) {
		const char *text = arc_status_text((enum arc_status)i);

		if (cv->len == strlen(text) &&
		    strncasecmp(cv->value, text, cv->len) == 0)
			return i;
	}
	return ARC_STATUSES;
}

static bool
has_tag(const struct header *h, const char *name)
{
	struct dkim_tags tags;

	return dkim_tags_parse(&tags, h->raw, h->raw_len, NULL) == 0 &&
	       dkim_tags_find(&tags, name) != NULL;
}

/* Takes one field to its set; -1: there is no place for it. */
static int
take(struct arc_chain *c, const struct header *h, enum arc_field kind,
    struct err *err)
{
	unsigned i =
	    kind == ARC_RESULTS ? instance_of_results(h) : instance_of_tags(h);
	const struct header **place;

	if (i == 0)
		return err_set(
		    err, "%s without a valid instance", arc_field_name(kind));
	if (i > c->n)
		c->n = i;
	place = &c->set[i - 1].field[kind];
	if (*place != NULL)
		return err_set(
		    err, "several %s of instance %u", arc_field_name(kind), i);
	*place = h;
	return 0;
}

static int
check_set(const struct arc_chain *c, unsigned i, struct err *err)
{
	const struct arc_set *s = &c->set[i - 1];
	enum arc_status expected = i == 1 ? ARC_NONE : ARC_PASS;

	for (int k = 0; k < ARC_FIELDS; k++)
		if (s->field[k] == NULL)
			return err_set(err, "no %s of instance %u",
			    arc_field_name((enum arc_field)k), i);
	if (has_tag(s->field[ARC_SEAL], "h"))
		return err_set(err, "ARC-Seal of instance %u with h=", i);
	if (seal_says(s->field[ARC_SEAL]) != (int)expected)
		return err_set(err, "ARC-Seal of instance %u without cv=%s", i,
		    arc_status_text(expected));
	return 0;
}

int
arc_chain_collect(
    struct arc_chain *c, const struct headers *headers, struct err *err)
{
	size_t fields = 0;
	int rc = 0;

	*c = (struct arc_chain){ 0 };
	for (size_t i = 0; i < headers->n; i++) {
		const struct header *h = &headers->field[i];
		int kind = kind_of(h->name);

		if (kind < 0)
			continue;
		c->any = true;
		if (++fields > ARC_FIELDS * ARC_SETS_MAX) {
			c->cut_short = true;
			return err_set(
			    err, "more than %d ARC sets", ARC_SETS_MAX);
		}
		if (take(c, h, (enum arc_field)kind, rc == 0 ? err : NULL) != 0)
			rc = -1;
	}
	c->ended = c->n != 0 &&
		   seal_says(c->set[c->n - 1].field[ARC_SEAL]) == ARC_FAIL;
	if (c->ended)
		return err_set(
		    err, "ARC-Seal of instance %u says cv=fail", c->n);
	for (unsigned i = 1; rc == 0 && i <= c->n; i++)
		rc = check_set(c, i, err);
	return rc;
}
