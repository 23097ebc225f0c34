#include "milter/msys_source.h"

#include "milter/lua_token.h"
#include "milter/msys_source_parse.h"
#include "milter/source_edit.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct scan {
	const char *text;
	struct source_edits edits;
	bool operators; /* some are there */
	bool loop;      /* over something else than pairs() and ipairs() */
	bool in;        /* right behind "in" */
	bool iter;      /* __iter is named */
	bool arg, dots; /* arg and "..." are named */
};

static void
replace(struct scan *s, const char *at, size_t len, const char *with)
{
	source_edits_replace(&s->edits, (size_t)(at - s->text), len, with);
}

/* ---- strings ------------------------------------------------------------ */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* As it was in the first UTF-8: up to 31 bits in up to six bytes. */
static size_t
utf8_bytes(uint32_t code, unsigned char *bytes)
{
	static const uint32_t ends[] = { 0x7f, 0x7ff, 0xffff, 0x1fffff,
		0x3ffffff };
	size_t n = 1;

	while (n <= 5 && code > ends[n - 1])
		n++;
	if (n == 1) {
		bytes[0] = (unsigned char)code;
		return 1;
	}
	for (size_t i = n - 1; i > 0; i--, code >>= 6)
		bytes[i] = (unsigned char)(0x80 | (code & 0x3f));
	bytes[0] = (unsigned char)((0xff00 >> n & 0xff) | code);
	return n;
}

/* At the "\u": a code of 4, 6 or 8 digits becomes "\195\169". */
static void
take_unicode(struct scan *s, const char *p, const char *end)
{
	unsigned char bytes[6];
	char with[SOURCE_EDIT_MAX] = "";
	uint32_t code = 0;
	size_t digits = 0, n, len = 0;

	while (
	    digits < 8 && p + 2 + digits < end && hex_digit(p[2 + digits]) >= 0)
		code = code << 4 | (uint32_t)hex_digit(p[2 + digits++]);
	if ((digits != 4 && digits != 6 && digits != 8) || code > 0x7fffffff)
		return;
	n = utf8_bytes(code, bytes);
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(
		    with + len, sizeof with - len, "\\%03d", bytes[i]);
	replace(s, p, 2 + digits, with);
}

/* Does white space with a line end follow? */
static bool
ends_line(const char *p, const char *end)
{
	for (; p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r')); p++)
		if (*p == '\n' || *p == '\r')
			return true;
	return false;
}

/* Behind the quote of a string. */
static void
take_string(struct scan *s, const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p != '\\' || p + 1 >= end)
			continue;
		if (p[1] == 'u')
			take_unicode(s, p, end);
		else if (p[1] == 'z' && ends_line(p + 2, end))
			; /* LuaJIT's: in Momentum the string were unfinished */
		else if (memchr("abfnrtvx\\\"'\n\r0123456789", p[1], 23) ==
			 NULL)
			replace(s, p, 1, "");
		p++;
	}
}

/* ---- the others --------------------------------------------------------- */

static void
take_number(struct scan *s, const struct lua_token *t)
{
	char with[SOURCE_EDIT_MAX];
	uint64_t n = 0;

	if (t->len < 2 || t->text[0] != '0')
		return;
	for (size_t i = 1; i < t->len; i++) {
		if (t->text[i] < '0' || t->text[i] > '7' || n >> 60 != 0)
			return;
		n = n * 8 + (uint64_t)(t->text[i] - '0');
	}
	snprintf(with, sizeof with, "%" PRIu64, n);
	replace(s, t->text, t->len, with);
}

static void
take_operator(struct scan *s, const struct lua_token *t)
{
	static const char *const operators[] = { "&", "|", "^^", "<<", ">>",
		"~", "\\" };

	if (lua_token_is(t, "!="))
		replace(s, t->text, 2, "~=");
	else if (lua_token_is(t, "!"))
		replace(s, t->text, 1, " not ");
	else if (lua_token_is(t, "..."))
		s->dots = true;
	for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
		s->operators |= lua_token_is(t, operators[i]);
}

static void
take_name(struct scan *s, const struct lua_token *t)
{
	if (lua_token_is(t, "arg"))
		s->arg = true;
	else if (lua_token_is(t, "__iter"))
		s->iter = true;
}

static void
take(struct scan *s, const struct lua_token *t)
{
	if (s->in && !lua_token_is(t, "pairs") && !lua_token_is(t, "ipairs"))
		s->loop = true;
	s->in = lua_token_is(t, "in");
	if (t->kind == LUA_TOKEN_NUMBER)
		take_number(s, t);
	else if (t->kind == LUA_TOKEN_OPERATOR)
		take_operator(s, t);
	else if (t->kind == LUA_TOKEN_NAME)
		take_name(s, t);
	if (t->kind != LUA_TOKEN_STRING)
		return;
	if (t->text[0] != '[')
		take_string(s, t->text + 1, t->text + t->len);
	if (memmem(t->text, t->len, "__iter", 6) != NULL)
		s->iter = true;
}

/* On the line of the first token: no lookup in an environment that changes. */
static void
add_local(struct scan *s, size_t len)
{
	struct lua_reader r;
	struct lua_token first;

	lua_reader_init(&r, s->text, len);
	first = lua_reader_next(&r);
	source_edits_before(&s->edits, (size_t)(first.text - s->text),
	    "local __msys_op=__msys_op; ");
}

bool
msys_source(const char *text, size_t len, struct str *out)
{
	struct scan s = { .text = text };
	struct lua_reader r;
	struct lua_token t;
	bool changed;
	size_t n;

	if (len > 0 && text[0] == '\033')
		return false;
	lua_reader_init(&r, text, len);
	do {
		t = lua_reader_next(&r);
		take(&s, &t);
	} while (t.kind != LUA_TOKEN_EOF);
	n = s.edits.n;
	if (s.operators || s.loop || s.iter || (s.arg && s.dots))
		msys_source_parse(text, len, s.iter, &s.edits);
	if (s.edits.n > n)
		add_local(&s, len);
	changed = s.edits.n > 0;
	if (changed)
		source_edits_apply(&s.edits, text, len, out);
	source_edits_fini(&s.edits);
	return changed;
}
