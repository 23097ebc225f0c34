#include "mailbox_token.h"

#include "encoded_word.h"

#include <string.h>

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
mailbox_is_atext(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || ((unsigned char)c & 0x80) != 0 ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static int
unfinished(const char *what, size_t at, struct err *err)
{
	return err_set(err, "at byte %zu: this %s has no end", at + 1, what);
}

/* ---- what stands between tokens ----------------------------------------- */

/* r->at is at a '('. */
static int
skip_comment(struct mailbox_reader *r, struct err *err)
{
	size_t start = r->at;
	int depth = 0;

	for (; r->at < r->len; r->at++) {
		switch (r->text[r->at]) {
		case '\\':
			r->at++;
			break;
		case '(':
			if (++depth > MAILBOX_COMMENT_DEPTH)
				return err_set(err,
				    "at byte %zu: comments "
				    "nested more than %d deep",
				    r->at + 1, MAILBOX_COMMENT_DEPTH);
			break;
		case ')':
			if (--depth == 0) {
				r->at++;
				return 0;
			}
			break;
		default:
			break;
		}
	}
	return unfinished("comment", start, err);
}

static int
skip_gap(struct mailbox_reader *r, struct err *err)
{
	while (r->at < r->len) {
		if (is_space(r->text[r->at]))
			r->at++;
		else if (r->text[r->at] != '(')
			return 0;
		else if (skip_comment(r, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- tokens ------------------------------------------------------------- */

/* The length of what p begins and close ends, both included, or 0. */
static size_t
delimited(const char *p, size_t n, char close)
{
	for (size_t i = 1; i < n; i++)
		if (p[i] == close)
			return i + 1;
		else if (p[i] == '\\')
			i++;
	return 0;
}

static size_t
atom(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && mailbox_is_atext(p[i]))
		i++;
	return i;
}

/* Sets t->kind and t->n; there is at least one byte. */
static int
read_token(
    const struct mailbox_reader *r, struct mailbox_token *t, struct err *err)
{
	size_t n = r->len - t->at;
	struct encoded_word w;

	if (t->p[0] == '"' || t->p[0] == '[') {
		t->kind = t->p[0];
		t->n = delimited(t->p, n, t->p[0] == '"' ? '"' : ']');
		if (t->n != 0)
			return 0;
		return unfinished(
		    t->p[0] == '"' ? "quoted string" : "domain literal", t->at,
		    err);
	}
	t->n = 1;
	t->kind = t->p[0];
	if (memchr("<>@,;:.", t->p[0], 7) != NULL)
		return 0;
	t->kind = MAILBOX_ATOM;
	t->n = atom(t->p, n);
	if (t->n == 0)
		return mailbox_token_expected(t, "an address", err);
	if (!r->plain && encoded_word_scan(&w, t->p, n) && w.len > t->n) {
		t->kind = MAILBOX_ENCODED;
		t->n = w.len;
	}
	return 0;
}

int
mailbox_token_next(
    struct mailbox_reader *r, struct mailbox_token *t, struct err *err)
{
	size_t before = r->at;

	*t = (struct mailbox_token){ .kind = MAILBOX_END };
	if (skip_gap(r, err) != 0)
		return -1;
	t->p = r->text + r->at;
	t->at = r->at;
	t->gap = r->at > before;
	if (r->at == r->len)
		return 0;
	if (read_token(r, t, err) != 0)
		return -1;
	r->at += t->n;
	return 0;
}

int
mailbox_token_expected(
    const struct mailbox_token *t, const char *what, struct err *err)
{
	unsigned char c;

	if (t->kind == MAILBOX_END)
		return err_set(err, "at byte %zu: %s expected, found the end",
		    t->at + 1, what);
	c = (unsigned char)t->p[0];
	if (c > ' ' && c < 0x7f)
		return err_set(err, "at byte %zu: %s expected, found '%c'",
		    t->at + 1, what, c);
	return err_set(err, "at byte %zu: %s expected, found byte 0x%02x",
	    t->at + 1, what, c);
}

/* ---- what they say ------------------------------------------------------ */

void
mailbox_token_unquote(struct str *out, const struct mailbox_token *t)
{
	for (size_t i = 1; i + 1 < t->n; i++) {
		char c = t->p[i];

		if (c == '\t')
			c = ' ';
		if (c == '\\')
			c = t->p[++i];
		if (c != '\r' && c != '\n')
			str_addc(out, c);
	}
}

int
mailbox_token_literal(
    struct str *out, const struct mailbox_token *t, struct err *err)
{
	str_addc(out, '[');
	for (size_t i = 1; i + 1 < t->n; i++) {
		bool pair = t->p[i] == '\\';
		char c = t->p[pair ? ++i : i];

		if (c == '[' || c == ']' || c == '\\')
			return err_set(err,
			    "at byte %zu: '%c' within a "
			    "domain literal",
			    t->at + i + 1, c);
		if (!is_space(c))
			str_addc(out, c);
	}
	str_addc(out, ']');
	return 0;
}
