#include "regex_rust.h"

#include <string.h>

#define DEPTH_MAX 50 /* classes in classes */

struct reader {
	const char *begin, *p, *end;
	bool extended; /* (?x) */
	int depth;
	struct err *err;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
looking_at(const struct reader *r, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(r->end - r->p) >= n && memcmp(r->p, text, n) == 0;
}

static int
refuse(struct reader *r, const char *what)
{
	return err_set(
	    r->err, "%s at byte %zu", what, (size_t)(r->p - r->begin) + 1);
}

/* ---- escapes ------------------------------------------------------------ */

static const struct {
	const char *name, *category;
} categories[] = {
	{ "Letter", "L" },
	{ "Uppercase_Letter", "Lu" },
	{ "Lowercase_Letter", "Ll" },
	{ "Titlecase_Letter", "Lt" },
	{ "Modifier_Letter", "Lm" },
	{ "Other_Letter", "Lo" },
	{ "Cased_Letter", "L&" },
	{ "Mark", "M" },
	{ "Nonspacing_Mark", "Mn" },
	{ "Spacing_Mark", "Mc" },
	{ "Enclosing_Mark", "Me" },
	{ "Number", "N" },
	{ "Decimal_Number", "Nd" },
	{ "Letter_Number", "Nl" },
	{ "Other_Number", "No" },
	{ "Punctuation", "P" },
	{ "Symbol", "S" },
	{ "Math_Symbol", "Sm" },
	{ "Currency_Symbol", "Sc" },
	{ "Separator", "Z" },
	{ "Space_Separator", "Zs" },
	{ "Other", "C" },
	{ "Control", "Cc" },
	{ "Format", "Cf" },
};

/* \p{Letter} at p, whose name may be long here. */
static void
copy_property(struct reader *r, struct str *out)
{
	const char *name = r->p + 3, *close;
	const char *what = NULL;

	str_add(out, r->p, 2);
	r->p += 2;
	if (r->p == r->end || *r->p != '{')
		return;
	if (name < r->end && *name == '^')
		name++;
	close = memchr(name, '}', (size_t)(r->end - name));
	for (size_t i = 0;
	     close != NULL && i < sizeof categories / sizeof *categories; i++)
		if (strlen(categories[i].name) == (size_t)(close - name) &&
		    memcmp(categories[i].name, name, (size_t)(close - name)) ==
			0)
			what = categories[i].category;
	if (what == NULL)
		return;
	str_add(out, r->p, (size_t)(name - r->p));
	str_adds(out, what);
	r->p = close;
}

/* \u1234, \U00012345 or \u{e9} at p */
static int
copy_number(struct reader *r, struct str *out)
{
	size_t digits = r->p[1] == 'u' ? 4 : 8;
	const char *p = r->p + 2;

	if (p < r->end && *p == '{') {
		str_adds(out, "\\x");
		r->p = p;
		return 0;
	}
	if ((size_t)(r->end - p) < digits)
		return refuse(r, "hexadecimal digits are missing");
	str_adds(out, "\\x{");
	str_add(out, p, digits);
	str_addc(out, '}');
	r->p = p + digits;
	return 0;
}

static const struct {
	const char *from, *to, *in_class; /* NULL: as it is */
} escapes[] = {
	{ "\\b{start}", "\\b(?=\\w)", NULL },
	{ "\\b{end}", "\\b(?<=\\w)", NULL },
	{ "\\b{start-half}", "(?<!\\w)", NULL },
	{ "\\b{end-half}", "(?!\\w)", NULL },
	{ "\\<", "\\b(?=\\w)", "<" },
	{ "\\>", "\\b(?<=\\w)", ">" },
	{ "\\h", "[0-9A-Fa-f]", "0-9A-Fa-f" },
	{ "\\H", "[^0-9A-Fa-f]", "\\x00-/:-@G-`g-\\x{10ffff}" },
	{ "\\v", "\\x0b", "\\x0b" },
};

/* The escape at p, in a class or not. */
static int
copy_escape(struct reader *r, struct str *out, bool in_class)
{
	if (r->end - r->p < 2)
		return refuse(r, "\\ at the end");
	for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
		const char *to = in_class ? escapes[i].in_class : escapes[i].to;

		if (to != NULL && looking_at(r, escapes[i].from)) {
			str_adds(out, to);
			r->p += strlen(escapes[i].from);
			return 0;
		}
	}
	switch (r->p[1]) {
	case 'p':
	case 'P':
		copy_property(r, out);
		return 0;
	case 'u':
	case 'U':
		return copy_number(r, out);
	case 'Q':
	case 'E':
	case 'C':
		return refuse(r, "an escape that is none");
	default:
		str_add(out, r->p, 2);
		r->p += 2;
		return 0;
	}
}

/* ---- classes ------------------------------------------------------------ */

static const struct {
	const char *name, *set;
} posix[] = {
	{ "[:alnum:]", "0-9A-Za-z" },
	{ "[:alpha:]", "A-Za-z" },
	{ "[:ascii:]", "\\x00-\\x7f" },
	{ "[:blank:]", "\\t\\x20" },
	{ "[:cntrl:]", "\\x00-\\x1f\\x7f" },
	{ "[:digit:]", "0-9" },
	{ "[:graph:]", "!-~" },
	{ "[:lower:]", "a-z" },
	{ "[:print:]", "\\x20-~" },
	{ "[:punct:]", "!-\\/:-@\\[-`{-~" },
	{ "[:space:]", "\\t-\\r\\x20" },
	{ "[:upper:]", "A-Z" },
	{ "[:word:]", "0-9A-Z_a-z" },
	{ "[:xdigit:]", "0-9A-Fa-f" },
};

static bool
copy_posix(struct reader *r, struct str *items)
{
	for (size_t i = 0; i < sizeof posix / sizeof *posix; i++)
		if (looking_at(r, posix[i].name)) {
			str_adds(items, posix[i].set);
			r->p += strlen(posix[i].name);
			return true;
		}
	return false;
}

/* One side of an operator, or all of a class without one. */
struct operand {
	struct str items, nested; /* what stands in [], classes after | */
};

static void
operand_clear(struct operand *o)
{
	str_fini(&o->items);
	str_fini(&o->nested);
}

/* As a pattern for one character. */
static void
operand_write(const struct operand *o, bool negated, struct str *out)
{
	bool items = o->items.len > 0;

	if (o->nested.len == 0) {
		str_adds(out, negated ? "[^" : "[");
		str_add(out, str_c(&o->items), o->items.len);
		str_addc(out, ']');
		return;
	}
	str_adds(out, negated ? "(?:(?!" : "(?:");
	if (items) {
		str_addc(out, '[');
		str_add(out, str_c(&o->items), o->items.len);
		str_adds(out, "]|");
	}
	str_add(out, str_c(&o->nested), o->nested.len);
	str_adds(out, negated ? ")(?s:.))" : ")");
}

static int copy_class(struct reader *r, struct str *out);

/* The [ at p, in a class. */
static int
copy_nested(struct reader *r, struct operand *o)
{
	if (copy_posix(r, &o->items))
		return 0;
	if (looking_at(r, "[:"))
		return refuse(r, "a class of that name is not there");
	if (r->depth >= DEPTH_MAX)
		return refuse(r, "classes nested too deep");
	if (o->nested.len > 0)
		str_addc(&o->nested, '|');
	return copy_class(r, &o->nested);
}

/* Up to the end of the class, or an operator of two characters. */
static int
copy_items(struct reader *r, struct operand *o)
{
	while (r->p < r->end && *r->p != ']') {
		int rc = 0;

		if (looking_at(r, "&&") || looking_at(r, "--") ||
		    looking_at(r, "~~"))
			return 0;
		if (*r->p == '\\')
			rc = copy_escape(r, &o->items, true);
		else if (*r->p == '[')
			rc = copy_nested(r, o);
		else if (r->extended && is_space(*r->p))
			r->p++;
		else
			str_addc(&o->items, *r->p++);
		if (rc != 0)
			return -1;
	}
	return r->p < r->end ? 0 : refuse(r, "a class has no ]");
}

/* What was read so far, op, and the operand behind it. */
static int
combine(struct reader *r, struct str *so_far)
{
	struct operand o = { 0 };
	struct str right = { 0 }, both = { 0 };
	char op = *r->p;
	int rc;

	if (op == '~')
		return refuse(r, "~~ in a class is not supported");
	r->p += 2;
	rc = copy_items(r, &o);
	if (rc == 0 && o.items.len + o.nested.len == 0)
		rc = refuse(r, "nothing stands behind an operator of classes");
	if (rc == 0) {
		operand_write(&o, false, &right);
		str_addf(&both, "(?:(?%c%s)%s)", op == '&' ? '=' : '!',
		    str_c(&right), str_c(so_far));
		str_clear(so_far);
		str_add(so_far, str_c(&both), both.len);
	}
	operand_clear(&o);
	str_fini(&right);
	str_fini(&both);
	return rc;
}

/* What stands for itself at the beginning: ] and any number of - */
static void
copy_first(struct reader *r, struct operand *o)
{
	while (r->p < r->end && *r->p == '-') {
		str_adds(&o->items, "\\-");
		r->p++;
	}
	if (o->items.len == 0 && r->p < r->end && *r->p == ']') {
		str_adds(&o->items, "\\]");
		r->p++;
	}
}

static int
copy_operators(struct reader *r, const struct operand *first, bool negated,
    struct str *out)
{
	struct str so_far = { 0 };
	int rc = 0;

	if (first->items.len + first->nested.len == 0)
		return refuse(
		    r, "nothing stands before an operator of classes");
	operand_write(first, false, &so_far);
	while (rc == 0 && *r->p != ']')
		rc = combine(r, &so_far);
	if (rc == 0 && negated)
		str_addf(out, "(?:(?!%s)(?s:.))", str_c(&so_far));
	else if (rc == 0)
		str_add(out, str_c(&so_far), so_far.len);
	str_fini(&so_far);
	return rc;
}

/* The class at p. */
static int
copy_class(struct reader *r, struct str *out)
{
	struct operand o = { 0 };
	bool negated;
	int rc;

	r->depth++;
	r->p++;
	negated = r->p < r->end && *r->p == '^';
	r->p += negated;
	copy_first(r, &o);
	rc = copy_items(r, &o);
	if (rc == 0 && *r->p == ']')
		operand_write(&o, negated, out);
	else if (rc == 0)
		rc = copy_operators(r, &o, negated, out);
	operand_clear(&o);
	r->p += rc == 0;
	r->depth--;
	return rc;
}

/* ---- the rest ----------------------------------------------------------- */

/* Flags behind "(?" at p, if flags they are: u is always on. */
static int
copy_flags(struct reader *r, struct str *out)
{
	const char *q = r->p;
	bool off = false;

	while (q < r->end && (is_letter(*q) || *q == '-'))
		q++;
	if (q == r->end || (*q != ')' && *q != ':'))
		return 0;
	for (; r->p < q; r->p++) {
		off = off || *r->p == '-';
		if (*r->p == 'u' && !off)
			continue;
		if (memchr("imsxU-", *r->p, 6) == NULL)
			return refuse(r, "a flag that is not supported");
		if (*r->p == 'x')
			r->extended = !off;
		str_addc(out, *r->p);
	}
	return 0;
}

static int
copy_open(struct reader *r, struct str *out)
{
	const char *close;

	if (looking_at(r, "(*"))
		return refuse(r, "a * behind nothing");
	if (looking_at(r, "(?C"))
		return refuse(r, "a flag that is not supported");
	if (looking_at(r, "(?#")) {
		close = memchr(r->p, ')', (size_t)(r->end - r->p));
		r->p = close != NULL ? close + 1 : r->end;
		return close != NULL ? 0 : refuse(r, "a comment has no )");
	}
	str_addc(out, *r->p++);
	if (r->p == r->end || *r->p != '?')
		return 0;
	str_addc(out, *r->p++);
	return copy_flags(r, out);
}

/* {,5}, which PCRE2 takes for text */
static void
copy_brace(struct reader *r, struct str *out)
{
	const char *q = r->p + 2;

	str_addc(out, '{');
	if (looking_at(r, "{,")) {
		while (q < r->end && is_digit(*q))
			q++;
		if (q > r->p + 2 && q < r->end && *q == '}')
			str_addc(out, '0');
	}
	r->p++;
}

static void
copy_comment(struct reader *r)
{
	while (r->p < r->end && *r->p != '\n')
		r->p++;
}

int
regex_rust_pattern(
    struct str *out, const char *pattern, size_t len, struct err *err)
{
	struct reader r = {
		.begin = pattern, .p = pattern, .end = pattern + len, .err = err
	};
	int rc = 0;

	if (memchr(pattern, '\0', len) != NULL)
		return err_set(err, "a pattern with a byte 0");
	if (len > REGEX_PATTERN_MAX)
		return err_set(
		    err, "a pattern of more than %zu bytes", REGEX_PATTERN_MAX);
	while (rc == 0 && r.p < r.end) {
		if (*r.p == '\\')
			rc = copy_escape(&r, out, false);
		else if (*r.p == '[')
			rc = copy_class(&r, out);
		else if (*r.p == '(')
			rc = copy_open(&r, out);
		else if (*r.p == '{')
			copy_brace(&r, out);
		else if (*r.p == '#' && r.extended)
			copy_comment(&r);
		else
			str_addc(out, *r.p++);
	}
	return rc;
}

void
regex_rust_escape(struct str *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\0' && strchr("\\.+*?()|[]{}^$#&-~", text[i]))
			str_addc(out, '\\');
		str_addc(out, text[i]);
	}
}

/* ---- replacements ------------------------------------------------------- */

static size_t
id_length(const char *p, const char *end)
{
	const char *q = p;

	while (q < end && (is_digit(*q) || is_letter(*q) || *q == '_'))
		q++;
	return (size_t)(q - p);
}

static void
add_group(struct str *out, const struct regex_search *s, unsigned group)
{
	const char *text;
	size_t len;

	if (regex_group(s, group, &text, &len))
		str_add(out, text, len);
}

static void
add_id(struct str *out, const struct regex *re, const struct regex_search *s,
    const char *id, size_t len)
{
	unsigned group = 0;
	const char *name;
	size_t digits = 0;

	for (unsigned i = 0; (name = regex_name(re, i, &group)) != NULL; i++)
		if (strlen(name) == len && memcmp(name, id, len) == 0) {
			add_group(out, s, group);
			return;
		}
	for (group = 0; digits < len && digits < 6 && is_digit(id[digits]);
	     digits++)
		group = group * 10 + (unsigned)(id[digits] - '0');
	if (digits == len)
		add_group(out, s, group);
}

/* What stands behind the dollar at p[-1]: its bytes; 0 if nothing does. */
static size_t
expand_one(struct str *out, const struct regex *re,
    const struct regex_search *s, const char *p, const char *end)
{
	size_t n;

	if (p < end && *p == '$') {
		str_addc(out, '$');
		return 1;
	}
	if (p < end && *p == '{') {
		n = id_length(p + 1, end);
		if (n == 0 || p + 1 + n == end || p[1 + n] != '}')
			return 0;
		add_id(out, re, s, p + 1, n);
		return n + 2;
	}
	n = id_length(p, end);
	if (n > 0)
		add_id(out, re, s, p, n);
	return n;
}

void
regex_rust_expand(struct str *out, const struct regex *re,
    const struct regex_search *s, const char *with, size_t len)
{
	const char *p = with, *end = with + len;

	while (p < end) {
		const char *dollar = memchr(p, '$', (size_t)(end - p));
		size_t n;

		if (dollar == NULL)
			dollar = end;
		str_add(out, p, (size_t)(dollar - p));
		if (dollar == end)
			return;
		p = dollar + 1;
		n = expand_one(out, re, s, p, end);
		if (n == 0)
			str_addc(out, '$');
		p += n;
	}
}
