#include "reply_text.h"

#include "xmalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the MTA has beside each line's text: "550-5.999.999 " and CR LF. */
#define LINE_COST 16
#define XCODE_LONGEST 9 /* "5.999.999" */

struct span {
	const char *p;
	size_t n;
};

/* A reply while its lines are added. */
struct draft {
	struct reply *r;
	enum mta mta;
	int most;
	size_t total;      /* bytes of a reply as the MTA holds it */
	struct span given; /* the enhanced code as the policy wrote it */
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_blank(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

static bool
all_blank(struct span s)
{
	while (s.n != 0 && is_blank(*s.p))
		s.p++, s.n--;
	return s.n == 0;
}

static struct span
without_blank_ends(const char *p, size_t n)
{
	const char *end = p + n, *from = p, *to = end;

	while (from < end && is_blank(*from))
		from++;
	if (from == end)
		return (struct span){ p, 0 };
	while (from > p && from[-1] != '\n')
		from--;
	while (is_blank(to[-1]))
		to--;
	while (to < end && to[-1] != '\n')
		to++;
	return (struct span){ from, (size_t)(to - from) };
}

static bool
next_line(struct span *rest, struct span *line)
{
	const char *nl;

	if (rest->n == 0)
		return false;
	nl = memchr(rest->p, '\n', rest->n);
	*line = *rest;
	if (nl == NULL) {
		rest->n = 0;
		return true;
	}
	line->n = (size_t)(nl - rest->p);
	rest->p += line->n + 1;
	rest->n -= line->n + 1;
	if (line->n != 0 && nl[-1] == '\r')
		line->n--;
	return true;
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629), or 0. */
static size_t
utf8_len(const unsigned char *p, size_t n)
{
	static const struct {
		unsigned char first, last, from, to; /* first byte, second */
		size_t len;
	} forms[] = {
		{ 0x00, 0x7f, 0, 0, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, /* no surrogates */
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t k = 0;

	while (k < sizeof forms / sizeof *forms && p[0] > forms[k].last)
		k++;
	if (k == sizeof forms / sizeof *forms || p[0] < forms[k].first ||
	    n < forms[k].len)
		return 0;
	if (forms[k].len > 1 && (p[1] < forms[k].from || p[1] > forms[k].to))
		return 0;
	for (size_t i = 2; i < forms[k].len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return forms[k].len;
}

static bool
is_control(const unsigned char *p)
{
	return p[0] < ' ' || p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0);
}

/* The first character of in, as it is to be said; returns its length in in. */
static size_t
character(struct span in, enum mta mta, struct span *as, unsigned *notes)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t len = utf8_len(p, in.n);

	*as = (struct span){ in.p, len };
	if (len == 0) {
		*notes |= REPLY_NOTE_NOT_UTF8;
		*as = (struct span){ "?", 1 };
		return 1;
	}
	if (is_control(p)) {
		*notes |= REPLY_NOTE_CONTROL;
		*as = (struct span){ " ", 1 };
	} else if (len > 1 && mta == MTA_SENDMAIL) {
		*notes |= REPLY_NOTE_NOT_ASCII;
		*as = (struct span){ "?", 1 };
	} else if (*p == '%') {
		*as = (struct span){ "%%", 2 };
	}
	return len;
}

/* False where there is no room for it: the reply ends before this line. */
static bool
add_line(struct draft *d, struct span in)
{
	struct str out = { 0 };
	unsigned notes = 0;

	while (in.n != 0) {
		struct span as;
		size_t used = character(in, d->mta, &as, &notes);

		if (out.len + as.n > REPLY_LINE_MAX) {
			notes |= REPLY_NOTE_LINE_CUT;
			break;
		}
		str_add(&out, as.p, as.n);
		in.p += used;
		in.n -= used;
	}
	if (d->r->nlines == d->most ||
	    d->total + LINE_COST + out.len >= REPLY_TEXT_MAX) {
		d->r->notes |= REPLY_NOTE_LINES_CUT;
		str_fini(&out);
		return false;
	}
	d->total += LINE_COST + out.len;
	d->r->notes |= notes;
	d->r->line[d->r->nlines++] = str_take(&out);
	return true;
}

/* Length of the enhanced status code that s begins with, or 0. */
static size_t
enhanced_len(struct span s)
{
	size_t i = 1;

	if (s.n == 0 || (*s.p != '2' && *s.p != '4' && *s.p != '5'))
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t from;

		if (i == s.n || s.p[i++] != '.')
			return 0;
		from = i;
		while (i < s.n && is_digit(s.p[i]))
			i++;
		if (i == from || i - from > 3)
			return 0;
	}
	return i == s.n || is_blank(s.p[i]) ? i : 0;
}

static void
skip(struct span *line, size_t n)
{
	if (n < line->n)
		n++; /* the space behind it */
	line->p += n;
	line->n -= n;
}

static void
take_xcode(struct draft *d, struct span *line)
{
	size_t n = enhanced_len(*line);

	must(n <= XCODE_LONGEST && XCODE_LONGEST < sizeof d->r->xcode);
	if (n == 0)
		return;
	d->given = (struct span){ line->p, n };
	memcpy(d->r->xcode, line->p, n);
	d->r->xcode[n] = '\0';
	if (d->r->xcode[0] != d->r->code[0]) {
		d->r->xcode[0] = d->r->code[0];
		d->r->notes |= REPLY_NOTE_CLASS;
	}
	skip(line, n);
}

static void
drop_repeated_xcode(const struct draft *d, struct span *line)
{
	size_t n = enhanced_len(*line);

	if (n != 0 && n == d->given.n && memcmp(line->p, d->given.p, n) == 0)
		skip(line, n);
}

static void
use_own_words(struct reply *r)
{
	const char *words = strcmp(r->code, "421") == 0
				? "closing connection, try again later"
			    : r->code[0] == '4' ? "try again later"
						: "refused by policy";

	if (r->nlines != 0)
		free(r->line[0]);
	r->line[0] = xstrdup(words);
	r->nlines = 1;
	r->notes = (r->notes & REPLY_NOTE_CLASS) | REPLY_NOTE_NO_TEXT;
}

void
reply_text(struct reply *r, int code, const char *text, size_t len,
    enum mta mta, int most)
{
	struct draft d = { .r = r, .mta = mta, .most = most };
	struct span rest = without_blank_ends(text, len), line;

	must(code >= 400 && code <= 599 && most >= 1 && most <= REPLY_LINES);
	snprintf(r->code, sizeof r->code, "%u", (unsigned)code % 1000);
	for (bool first = true; next_line(&rest, &line); first = false) {
		if (first)
			take_xcode(&d, &line);
		else
			drop_repeated_xcode(&d, &line);
		if (!add_line(&d, line))
			break;
	}
	if (r->nlines == 0 ||
	    (r->nlines == 1 &&
		all_blank((struct span){ r->line[0], strlen(r->line[0]) })))
		use_own_words(r);
	if (r->xcode[0] == '\0' && (r->nlines > 1 || is_digit(*r->line[0]))) {
		snprintf(r->xcode, sizeof r->xcode, "%c.0.0", r->code[0]);
		r->notes |= REPLY_NOTE_XCODE_ADDED;
	}
}
