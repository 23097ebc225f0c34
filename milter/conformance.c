#include "conformance.h"

#include "message_id.h"
#include "mime_body.h"
#include "mime_build.h"
#include "mime_field.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#define LINE_MAX_LEN 78

/* ---- names -------------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned flag;
} issues[] = {
	/* sorted */
	{ "INVALID_MIME_HEADERS", CONFORMANCE_MIME_HEADERS },
	{ "LINE_TOO_LONG", CONFORMANCE_LONG_LINE },
	{ "MISSING_COLON_VALUE", CONFORMANCE_COLON },
	{ "MISSING_DATE_HEADER", CONFORMANCE_DATE },
	{ "MISSING_MESSAGE_ID_HEADER", CONFORMANCE_MESSAGE_ID },
	{ "MISSING_MIME_VERSION", CONFORMANCE_MIME_VERSION },
	{ "NAME_ENDS_WITH_SPACE", CONFORMANCE_NAME_SPACE },
	{ "NEEDS_TRANSFER_ENCODING", CONFORMANCE_8BIT },
	{ "NON_CANONICAL_LINE_ENDINGS", CONFORMANCE_LINE_ENDS },
};
#define N_ISSUES (sizeof issues / sizeof *issues)

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_space(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

static void
trim(const char **p, size_t *len)
{
	for (; *len > 0 && is_space(**p); (*len)--)
		(*p)++;
	while (*len > 0 && is_space((*p)[*len - 1]))
		(*len)--;
}

static unsigned
issue_named(const char *name, size_t len)
{
	for (size_t i = 0; i < N_ISSUES; i++)
		if (strlen(issues[i].name) == len &&
		    memcmp(issues[i].name, name, len) == 0)
			return issues[i].flag;
	return 0;
}

int
conformance_parse(unsigned *set, const char *names, size_t len, struct err *err)
{
	const char *end = names + len;

	*set = 0;
	trim(&names, &len);
	if (len == 0)
		return 0;
	for (const char *bar; names <= end; names = bar + 1) {
		size_t n;
		unsigned flag;

		bar = memchr(names, '|', (size_t)(end - names));
		if (bar == NULL)
			bar = end;
		n = (size_t)(bar - names);
		trim(&names, &n);
		flag = issue_named(names, n);
		if (flag == 0)
			return err_set(err,
			    "unknown conformance issue \"%.*s\"",
			    n < 64 ? (int)n : 64, names);
		*set |= flag;
	}
	return 0;
}

void
conformance_names(struct str *out, unsigned set)
{
	const char *bar = "";

	for (size_t i = 0; i < N_ISSUES; i++)
		if ((set & issues[i].flag) != 0) {
			str_adds(out, bar);
			str_adds(out, issues[i].name);
			bar = "|";
		}
}

/* ---- checks ------------------------------------------------------------- */

static bool
is_crlf(const char *p, const char *end)
{
	return end - p >= 2 && p[0] == '\r' && p[1] == '\n';
}

static unsigned
check_bytes(const char *p, size_t len)
{
	const char *end = p + len, *line = p;
	unsigned found = 0;

	for (; p < end; p++) {
		if ((*p & 0x80) != 0)
			found |= CONFORMANCE_8BIT;
		if (is_crlf(p, end)) {
			line = p + 2;
			p++;
		} else if (*p == '\n') {
			found |= CONFORMANCE_LINE_ENDS;
			line = p + 1;
		} else {
			if (*p == '\r')
				found |= CONFORMANCE_LINE_ENDS;
			if (p - line >= LINE_MAX_LEN)
				found |= CONFORMANCE_LONG_LINE;
		}
	}
	return found;
}

static bool
is_transfer(const char *value)
{
	static const char *const names[] = {
		"7bit",
		"8bit",
		"binary",
		"quoted-printable",
		"base64",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcasecmp(value, names[i]) == 0)
			return true;
	return false;
}

/* Is a field of this name there whose value is not good? */
static bool
has_bad(const struct mime_part *part, const char *name,
    bool (*is_good)(const char *value))
{
	struct mime_value v;
	bool bad = mime_part_value(part, name, &v) && !is_good(v.value);

	mime_value_fini(&v);
	return bad;
}

static unsigned
check_part(const struct mime_part *part)
{
	unsigned found = 0;

	/* without a gap the head ended where the body begins */
	if (part->gap.len == 0 && part->body.len > 0)
		found |= CONFORMANCE_COLON;
	for (size_t i = 0; i < part->n_fields; i++)
		if (part->field[i].name_len + 1 != part->field[i].value)
			found |= CONFORMANCE_NAME_SPACE;
	if (has_bad(part, "Content-Type", mime_build_is_type) ||
	    has_bad(part, "Content-Transfer-Encoding", is_transfer))
		found |= CONFORMANCE_MIME_HEADERS;
	return found;
}

/* "Thu, 1 Jan 1970 00:00", and anything behind it. */
static bool
is_date(const char *text)
{
	struct tm tm = { 0 };
	const char *comma = strchr(text, ',');

	if (comma != NULL && comma - text < 12)
		text = comma + 1;
	return strptime(text, " %d %b %Y %H:%M", &tm) != NULL;
}

static bool
has_id(const char *text)
{
	size_t len;

	return message_id_next(&text, text + strlen(text), &len) != NULL;
}

static bool
lacks(const struct mime_part *root, const char *name,
    bool (*is_good)(const char *text))
{
	const struct mime_field *f = mime_field_first(root, name);
	struct str text = { 0 };
	bool good = false;

	if (f != NULL) {
		mime_field_text(&text, f);
		good = is_good(str_c(&text));
	}
	str_fini(&text);
	return !good;
}

static unsigned
check_root(const struct mime_part *root)
{
	unsigned found = 0;
	struct mime_value v;

	if (lacks(root, "Date", is_date))
		found |= CONFORMANCE_DATE;
	if (lacks(root, "Message-ID", has_id))
		found |= CONFORMANCE_MESSAGE_ID;
	/* RFC 2045 4: it may have comments */
	if (!mime_part_value(root, "MIME-Version", &v) ||
	    !mime_value_is(&v, "1.0"))
		found |= CONFORMANCE_MIME_VERSION;
	mime_value_fini(&v);
	return found;
}

unsigned
conformance_check(const char *text, size_t len)
{
	struct mime_tree *tree = mime_parse(text, len);
	unsigned found = check_bytes(text, len) | check_root(tree->root);

	for (size_t i = 0; i < tree->n_parts; i++)
		found |= check_part(tree->part[i]);
	mime_free(tree);
	return found;
}

void
conformance_date(struct str *out)
{
	char date[64];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	str_adds(out, date);
}
