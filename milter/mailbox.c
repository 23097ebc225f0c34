#include "mailbox.h"

#include "header_text.h"
#include "mailbox_build.h"
#include "mailbox_token.h"

#include <stdlib.h>
#include <string.h>

/*
 * What a row of words is (a name, a local part, the name of a group) shows
 * only behind it.  So the row is passed over first and, when the mark behind
 * it is known, read again from where it began.
 */
struct row {
	struct mailbox_reader reader; /* behind first */
	struct mailbox_token first;
	const char *end; /* == first.p where there are no words */
};

struct parser {
	struct mailbox_reader reader;
	struct mailbox_token t; /* the one to be looked at */
	struct mailbox_build build;
	int decoded; /* names, see MAILBOX_DECODED_MAX */
	struct err *err;
};

static int
next(struct parser *p)
{
	return mailbox_token_next(&p->reader, &p->t, p->err);
}

static int
expected(struct parser *p, const char *what)
{
	return mailbox_token_expected(&p->t, what, p->err);
}

/* ---- rows of words ------------------------------------------------------ */

static bool
is_word(const struct mailbox_token *t)
{
	return t->kind == MAILBOX_ATOM || t->kind == MAILBOX_QUOTED ||
	       t->kind == MAILBOX_ENCODED;
}

static int
pass_row(struct parser *p, struct row *row)
{
	*row = (struct row){ p->reader, p->t, p->t.p };
	while (is_word(&p->t) || p->t.kind == '.') {
		row->end = p->t.p + p->t.n;
		if (next(p) != 0)
			return -1;
	}
	return 0;
}

static bool
row_is_empty(const struct row *row)
{
	return row->end == row->first.p;
}

/* The token behind *t in the row, which was read before; false at its end. */
static bool
row_next(struct row *row, struct mailbox_token *t)
{
	if (t->p + t->n == row->end)
		return false;
	must(mailbox_token_next(&row->reader, t, NULL) == 0);
	return true;
}

/* ---- display names ------------------------------------------------------ */

static void
add_decoded(struct parser *p, const char *text, size_t n)
{
	if (memmem(text, n, "=?", 2) != NULL &&
	    p->decoded++ < MAILBOX_DECODED_MAX)
		header_text_decode(&p->build.text, text, n);
	else
		str_add(&p->build.text, text, n);
}

/* The words waiting; together, for encoded words next to each other join. */
static void
flush(struct parser *p, struct str *words)
{
	if (words->len != 0)
		add_decoded(p, words->data, words->len);
	str_clear(words);
}

/*
 * A phrase: a word, then words and dots.  Adds it to the text with a NUL and
 * gives its length.
 */
static int
read_name(struct parser *p, struct row row, size_t *len)
{
	struct mailbox_token t = row.first;
	struct str *text = &p->build.text, words = { 0 }, quoted = { 0 };
	size_t start = text->len;
	bool after_word = false;

	if (t.kind == '.')
		return mailbox_token_expected(&t, "a name", p->err);
	do {
		if ((t.gap || (after_word && t.kind != '.')) &&
		    t.p != row.first.p)
			str_addc(words.len != 0 ? &words : text, ' ');
		after_word = t.kind != '.';
		if (t.kind != MAILBOX_QUOTED) {
			str_add(&words, t.p, t.n);
			continue;
		}
		flush(p, &words);
		str_clear(&quoted);
		mailbox_token_unquote(&quoted, &t);
		add_decoded(p, str_c(&quoted), quoted.len);
	} while (row_next(&row, &t));
	flush(p, &words);
	str_fini(&words);
	str_fini(&quoted);
	*len = text->len - start;
	str_addc(text, '\0');
	return 0;
}

/* ---- addr-spec ---------------------------------------------------------- */

/* What was added to the text from start on: may it be part of an address? */
static int
check_part(struct parser *p, size_t start, size_t at, const char *what)
{
	const struct str *text = &p->build.text;
	const char *s = str_c(text) + start;
	size_t n = text->len - start;

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return err_set(p->err,
			    "at byte %zu: this %s has a "
			    "control character",
			    at + 1, what);
	if (!header_text_is_utf8(s, n))
		return err_set(
		    p->err, "at byte %zu: this %s is not UTF-8", at + 1, what);
	return 0;
}

/* word *("." word) */
static int
read_local(struct parser *p, struct row row)
{
	struct mailbox_token t = row.first;
	struct str *text = &p->build.text;
	size_t start = text->len;
	bool word = true; /* is the next token to be one? */

	if (row_is_empty(&row))
		return expected(p, "a local part");
	do {
		if (word && t.kind != MAILBOX_ATOM && t.kind != MAILBOX_QUOTED)
			return mailbox_token_expected(&t, "a word", p->err);
		if (!word && t.kind != '.')
			return mailbox_token_expected(&t, "'@'", p->err);
		if (t.kind == MAILBOX_QUOTED)
			mailbox_token_unquote(text, &t);
		else
			str_add(text, t.p, t.n);
		word = !word;
	} while (row_next(&row, &t));
	if (word)
		return expected(p, "a word");
	if (check_part(p, start, row.first.at, "local part") != 0)
		return -1;
	str_addc(text, '\0');
	return 0;
}

/* A literal, or atom *("." atom); p->t becomes the token behind it. */
static int
read_domain(struct parser *p)
{
	struct str *text = &p->build.text;
	size_t start = text->len, at = p->t.at;

	if (p->t.kind == MAILBOX_LITERAL) {
		if (mailbox_token_literal(text, &p->t, p->err) != 0 ||
		    next(p) != 0)
			return -1;
	} else {
		for (;;) {
			if (p->t.kind != MAILBOX_ATOM)
				return expected(p, "a domain");
			str_add(text, p->t.p, p->t.n);
			if (next(p) != 0)
				return -1;
			if (p->t.kind != '.')
				break;
			str_addc(text, '.');
			if (next(p) != 0)
				return -1;
		}
	}
	if (check_part(p, start, at, "domain") != 0)
		return -1;
	str_addc(text, '\0');
	return 0;
}

/* A row of words was passed; p->t is to be the '@' behind it. */
static int
parse_addr_spec(struct parser *p, struct row row, struct mailbox_place *m)
{
	struct str *text = &p->build.text;

	if (p->t.kind != '@')
		return expected(p, "'@'");
	m->local = text->len;
	p->reader.plain = true;
	if (read_local(p, row) != 0 || next(p) != 0)
		return -1;
	m->domain = text->len;
	if (read_domain(p) != 0)
		return -1;
	mailbox_build_email(&p->build, m);
	return 0;
}

/* ---- angle-addr --------------------------------------------------------- */

/* "@a,@b:" is passed over; p->t is its first ',' or '@'. */
static int
pass_route(struct parser *p)
{
	size_t start = p->build.text.len;

	while (p->t.kind != ':') {
		if (p->t.kind == ',') {
			if (next(p) != 0)
				return -1;
			continue;
		}
		if (p->t.kind != '@')
			return expected(p, "'@' or ':'");
		if (next(p) != 0 || read_domain(p) != 0)
			return -1;
		p->build.text.len = start;
		if (p->t.kind != ',' && p->t.kind != ':')
			return expected(p, "',' or ':'");
	}
	return next(p);
}

/* p->t is behind the '<'; it becomes the token behind the '>'. */
static int
parse_angle(struct parser *p, struct mailbox_place *m)
{
	struct row row;

	if (p->t.kind == '>')
		return next(p);
	if ((p->t.kind == '@' || p->t.kind == ',') && pass_route(p) != 0)
		return -1;
	if (pass_row(p, &row) != 0 || parse_addr_spec(p, row, m) != 0)
		return -1;
	if (p->t.kind != '>')
		return expected(p, "'>'");
	return next(p);
}

/* ---- lists -------------------------------------------------------------- */

static int
parse_mailbox(struct parser *p, struct row row)
{
	struct mailbox_place *m = mailbox_build_box(&p->build);

	if (p->t.kind != '<')
		return parse_addr_spec(p, row, m);
	if (!row_is_empty(&row)) {
		m->name = p->build.text.len;
		if (read_name(p, row, &m->name_len) != 0)
			return -1;
	}
	p->reader.plain = true;
	if (next(p) != 0)
		return -1;
	return parse_angle(p, m);
}

/* Behind a member: ',' is passed, what ends the list stays. */
static int
pass_comma(struct parser *p, int end)
{
	p->reader.plain = false;
	if (p->t.kind == ',')
		return next(p);
	if (p->t.kind != end)
		return expected(p, end == ';' ? "',' or ';'" : "','");
	return 0;
}

static int
parse_member(struct parser *p)
{
	struct row row;

	return pass_row(p, &row) != 0 ? -1 : parse_mailbox(p, row);
}

/* p->t is the ':' behind the name, which is row. */
static int
parse_group(struct parser *p, struct row row)
{
	size_t name = p->build.text.len, len;
	struct mailbox_entry *e;

	if (row_is_empty(&row))
		return expected(p, "an address");
	if (read_name(p, row, &len) != 0 || next(p) != 0)
		return -1;
	e = mailbox_build_entry(&p->build, true, name, len);
	while (p->t.kind != ';') {
		if (p->t.kind != ',' && parse_member(p) != 0)
			return -1;
		if (pass_comma(p, ';') != 0)
			return -1;
	}
	e->n = p->build.n_boxes - e->first;
	return next(p);
}

static int
parse_address(struct parser *p)
{
	struct mailbox_entry *e;
	struct row row;

	if (pass_row(p, &row) != 0)
		return -1;
	if (p->t.kind == ':')
		return parse_group(p, row);
	e = mailbox_build_entry(&p->build, false, MAILBOX_NOWHERE, 0);
	e->n = 1;
	return parse_mailbox(p, row);
}

static int
parse_list(struct parser *p)
{
	if (next(p) != 0)
		return -1;
	while (p->t.kind != MAILBOX_END) {
		if (p->t.kind != ',' && parse_address(p) != 0)
			return -1;
		if (pass_comma(p, MAILBOX_END) != 0)
			return -1;
	}
	return 0;
}

struct mailbox_list *
mailbox_list_parse(const char *text, size_t len, struct err *err)
{
	struct parser p = { .reader = { .text = text, .len = len },
		.err = err };
	struct mailbox_list *list = NULL;

	if (len > MAILBOX_TEXT_MAX) {
		err_set(
		    err, "%zu bytes, the limit is %zu", len, MAILBOX_TEXT_MAX);
		return NULL;
	}
	if (parse_list(&p) == 0)
		list = mailbox_build_list(&p.build);
	mailbox_build_fini(&p.build);
	return list;
}
