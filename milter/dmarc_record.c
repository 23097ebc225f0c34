#include "dmarc_record.h"

#include "xmalloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VALUE_MAX 900 /* bytes that are shown of one: a line of a header */

/* A piece of the record. */
struct span {
	const char *at;
	size_t len;
};

/* The record as it is read. */
struct input {
	struct dmarc_record *out;
	bool exact;                  /* letters have their case */
	bool has_p, has_sp, spoiled; /* spoiled: p or sp, RFC 7489, 6.6.3 */
	bool wants_reports;
	unsigned seen; /* tags, a bit each */
};

const char *
dmarc_policy_text(enum dmarc_policy policy)
{
	static const char *const text[] = {
		[DMARC_P_NONE] = "none",
		[DMARC_P_QUARANTINE] = "quarantine",
		[DMARC_P_REJECT] = "reject",
	};

	return text[policy];
}

/* ---- pieces ------------------------------------------------------------- */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span
trim(struct span s)
{
	for (; s.len > 0 && is_space(s.at[0]); s.len--)
		s.at++;
	while (s.len > 0 && is_space(s.at[s.len - 1]))
		s.len--;
	return s;
}

/* What stands before the first c; *rest begins behind it, or is NULL. */
static struct span
cut(struct span *rest, char c)
{
	struct span piece = *rest;
	const char *at = piece.len != 0 ? memchr(piece.at, c, piece.len) : NULL;

	if (at == NULL) {
		*rest = (struct span){ NULL, 0 };
		return piece;
	}
	piece.len = (size_t)(at - piece.at);
	rest->len -= piece.len + 1;
	rest->at = at + 1;
	return piece;
}

static bool
is_word(const struct input *in, struct span s, const char *word)
{
	return s.len == strlen(word) &&
	       (in->exact ? memcmp(s.at, word, s.len)
			  : strncasecmp(s.at, word, s.len)) == 0;
}

/* ---- values ------------------------------------------------------------- */

static bool
read_policy(const struct input *in, struct span v, enum dmarc_policy *out)
{
	for (int p = DMARC_P_NONE; p <= DMARC_P_REJECT; p++)
		if (is_word(in, v, dmarc_policy_text((enum dmarc_policy)p))) {
			*out = (enum dmarc_policy)p;
			return true;
		}
	return false;
}

static bool
take_p(struct input *in, struct span v)
{
	in->has_p = read_policy(in, v, &in->out->p);
	in->spoiled |= !in->has_p;
	return in->has_p;
}

static bool
take_sp(struct input *in, struct span v)
{
	in->has_sp = read_policy(in, v, &in->out->sp);
	in->spoiled |= !in->has_sp;
	return in->has_sp;
}

static bool
take_np(struct input *in, struct span v)
{
	return read_policy(in, v, &in->out->np);
}

static bool
read_flag(const struct input *in, struct span v, const char *yes,
    const char *no, bool *flag)
{
	*flag = is_word(in, v, yes);
	return *flag || is_word(in, v, no);
}

static bool
take_adkim(struct input *in, struct span v)
{
	return read_flag(in, v, "s", "r", &in->out->adkim_strict);
}

static bool
take_aspf(struct input *in, struct span v)
{
	return read_flag(in, v, "s", "r", &in->out->aspf_strict);
}

static bool
read_number(struct span v, uint64_t most, uint64_t *out)
{
	*out = 0;
	if (v.len == 0)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		if (v.at[i] < '0' || v.at[i] > '9')
			return false;
		*out = *out * 10 + (uint64_t)(v.at[i] - '0');
		if (*out > most)
			return false;
	}
	return true;
}

static bool
take_pct(struct input *in, struct span v)
{
	uint64_t n;

	if (!read_number(v, in->exact ? UINT8_MAX : 100, &n))
		return false;
	in->out->pct = (unsigned)n;
	return true;
}

static bool
take_t(struct input *in, struct span v)
{
	return read_flag(in, v, "y", "n", &in->out->testing);
}

static bool
take_ri(struct input *in, struct span v)
{
	uint64_t n;

	(void)in;
	return read_number(v, UINT32_MAX, &n);
}

/* "1:d:s" */
static bool
take_fo(struct input *in, struct span v)
{
	struct span rest = v;

	while (rest.at != NULL) {
		struct span one = trim(cut(&rest, ':'));

		if (!is_word(in, one, "0") && !is_word(in, one, "1") &&
		    !is_word(in, one, "d") && !is_word(in, one, "s"))
			return false;
	}
	return true;
}

static bool
take_rf(struct input *in, struct span v)
{
	struct span rest = v;

	while (rest.at != NULL)
		if (!is_word(in, trim(cut(&rest, ':')), "afrf"))
			return false;
	return true;
}

/* "mailto:ann@example.com", also with "!10m" behind it */
static bool
is_uri(struct span s)
{
	size_t colon = 0;

	while (colon < s.len && s.at[colon] != ':')
		colon++;
	for (size_t i = 0; i < colon; i++)
		if (!(((s.at[i] | 0x20) >= 'a' && (s.at[i] | 0x20) <= 'z') ||
			(i > 0 && s.at[i] != '\0' &&
			    strchr("0123456789+-.", s.at[i]) != NULL)))
			return false;
	for (size_t i = colon; i < s.len; i++)
		if (s.at[i] <= ' ' || s.at[i] >= 0x7f)
			return false;
	return colon > 0 && colon + 1 < s.len && s.at[colon + 1] != '!';
}

/* One that is an address is enough (RFC 7489, 6.6.3). */
static bool
has_uri(struct span v, bool all)
{
	struct span rest = v;
	size_t n = 0, good = 0;

	for (; rest.at != NULL; n++)
		good += is_uri(trim(cut(&rest, ',')));
	return all ? good == n : good > 0;
}

static bool
take_rua(struct input *in, struct span v)
{
	in->wants_reports = has_uri(v, in->exact);
	return in->wants_reports;
}

static bool
take_ruf(struct input *in, struct span v)
{
	return has_uri(v, in->exact);
}

static const struct {
	const char *name;
	bool (*take)(struct input *in, struct span value);
} tags[DMARC_TAGS] = {
	[DMARC_TAG_P] = { "p", take_p },
	[DMARC_TAG_SP] = { "sp", take_sp },
	[DMARC_TAG_NP] = { "np", take_np },
	[DMARC_TAG_ADKIM] = { "adkim", take_adkim },
	[DMARC_TAG_ASPF] = { "aspf", take_aspf },
	[DMARC_TAG_PCT] = { "pct", take_pct },
	[DMARC_TAG_FO] = { "fo", take_fo },
	[DMARC_TAG_T] = { "t", take_t },
	[DMARC_TAG_RF] = { "rf", take_rf },
	[DMARC_TAG_RI] = { "ri", take_ri },
	[DMARC_TAG_RUA] = { "rua", take_rua },
	[DMARC_TAG_RUF] = { "ruf", take_ruf },
};

const char *
dmarc_tag_text(enum dmarc_tag tag)
{
	return tags[tag].name;
}

/* ---- records ------------------------------------------------------------ */

/* "v = DMARC1" and its end; then *rest is what follows. */
static bool
take_version(struct span *rest)
{
	struct span value = cut(rest, ';'), name = cut(&value, '=');

	value = trim(value);
	return name.len > 0 && name.at[0] == 'v' && trim(name).len == 1 &&
	       value.len == strlen("DMARC1") &&
	       memcmp(value.at, "DMARC1", value.len) == 0;
}

bool
dmarc_is_record(const char *text, size_t len)
{
	struct span rest = { text, len };

	return take_version(&rest);
}

/* As one line that a header can hold. */
static char *
shown(struct span v)
{
	char *text =
	    xmemdup0(v.at, v.len < VALUE_MAX ? v.len : (size_t)VALUE_MAX);

	for (size_t i = 0; i < v.len && i < VALUE_MAX; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = is_space(text[i]) ? ' ' : '?';
	return text;
}

/* What KumoMTA stumbles over, of which the RFC makes nothing: -1. */
static int
take_tag(struct input *in, struct span name, struct span value)
{
	char **kept = in->out->value;
	int tag = 0;

	while (tag < DMARC_TAGS && !is_word(in, name, tags[tag].name))
		tag++;
	if (tag == DMARC_TAGS ||
	    (in->exact && (tag == DMARC_TAG_NP || tag == DMARC_TAG_T)))
		return -1;
	if ((in->seen & 1U << tag) != 0 && !in->exact) {
		/* RFC 6376, 3.2: the list cannot be believed */
		if (tag == DMARC_TAG_P || tag == DMARC_TAG_SP)
			in->spoiled = true;
		return -1;
	}
	in->seen |= 1U << tag;
	if (!tags[tag].take(in, value))
		return -1;
	free(kept[tag]);
	kept[tag] = shown(value);
	return 0;
}

static int
take_tags(struct input *in, struct span rest, struct err *err)
{
	while (rest.at != NULL) {
		struct span part = trim(cut(&rest, ';')), value = part;
		struct span name = trim(cut(&value, '='));

		if (part.len == 0)
			continue;
		if ((value.at == NULL ||
			take_tag(in, name, trim(value)) != 0) &&
		    in->exact)
			return err_set(err, "invalid part");
	}
	return 0;
}

/* No policy that could be read. */
static int
settle(struct input *in, struct err *err)
{
	struct dmarc_record *r = in->out;

	if (in->has_p && !in->spoiled) {
		if (!in->has_sp)
			r->sp = r->p;
		if (r->value[DMARC_TAG_NP] == NULL)
			r->np = r->sp;
		return 0;
	}
	if (in->exact || !in->wants_reports)
		return err_set(err, "no valid policy");
	r->p = r->sp = r->np = DMARC_P_NONE;
	for (int tag = DMARC_TAG_P; tag <= DMARC_TAG_NP; tag++) {
		free(r->value[tag]);
		r->value[tag] = NULL;
	}
	return 0;
}

int
dmarc_record_read(struct dmarc_record *out, const char *text, size_t len,
    bool kumomta_quirks, struct err *err)
{
	struct span rest = { text, len };
	struct input in = { .out = out, .exact = kumomta_quirks };
	int rc;

	*out = (struct dmarc_record){ .pct = 100 };
	if (!take_version(&rest) ||
	    (in.exact &&
		(len < strlen("v=DMARC1;") ||
		    memcmp(text, "v=DMARC1;", strlen("v=DMARC1;")) != 0)))
		return err_set(err, "no DMARC record");
	rc = take_tags(&in, rest, err);
	if (rc == 0)
		rc = settle(&in, err);
	if (rc != 0)
		dmarc_record_fini(out);
	return rc;
}

void
dmarc_record_fini(struct dmarc_record *r)
{
	for (size_t i = 0; i < DMARC_TAGS; i++)
		free(r->value[i]);
	*r = (struct dmarc_record){ 0 };
}
