#include "lua_token.h"

#include <string.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* LuaJIT takes every byte above 0x7f for a letter. */
static bool
is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' ||
	       ((unsigned char)c & 0x80) != 0;
}

static bool
is_newline(char c)
{
	return c == '\n' || c == '\r';
}

static char
peek(const struct lua_reader *r, size_t ahead)
{
	return (size_t)(r->end - r->p) > ahead ? r->p[ahead] : '\0';
}

/* Over one byte; "\r\n" and "\n\r" count as one line end. */
static void
step(struct lua_reader *r)
{
	char c = *r->p++;

	if (!is_newline(c))
		return;
	r->line++;
	if (r->p < r->end && is_newline(*r->p) && *r->p != c)
		r->p++;
}

static void
skip_line(struct lua_reader *r)
{
	while (r->p < r->end && !is_newline(*r->p))
		r->p++;
}

/* ---- long brackets ------------------------------------------------------ */

/* Length of "[==[" at p, or of "]==]" for close, or 0. */
static size_t
bracket_len(const struct lua_reader *r, char bracket)
{
	size_t n = 1;

	if (peek(r, 0) != bracket)
		return 0;
	while (peek(r, n) == '=')
		n++;
	return peek(r, n) == bracket ? n + 1 : 0;
}

/*
 * Over "[[...]]".  A "]==" that turns out to close nothing is not looked at
 * again, so the work stays linear.
 */
static void
skip_long(struct lua_reader *r, size_t open)
{
	size_t n;

	r->p += open;
	while (r->p < r->end) {
		if (*r->p != ']') {
			step(r);
			continue;
		}
		n = bracket_len(r, ']');
		if (n == open) {
			r->p += n;
			return;
		}
		for (r->p++; peek(r, 0) == '=';)
			r->p++;
	}
}

static void
skip_blank(struct lua_reader *r)
{
	size_t open;

	while (r->p < r->end) {
		if (peek(r, 0) == '-' && peek(r, 1) == '-') {
			r->p += 2;
			open = bracket_len(r, '[');
			if (open != 0)
				skip_long(r, open);
			else
				skip_line(r);
		} else if (*r->p == ' ' || is_newline(*r->p) ||
			   (*r->p >= '\t' && *r->p <= '\f')) {
			step(r);
		} else {
			return;
		}
	}
}

/* ---- tokens ------------------------------------------------------------- */

static void
skip_number(struct lua_reader *r)
{
	char exponent = 'e', before = '0';

	if (peek(r, 0) == '0' && (peek(r, 1) | 0x20) == 'x')
		exponent = 'p';
	for (; r->p < r->end; r->p++) {
		bool sign = (*r->p == '+' || *r->p == '-') &&
			    (before | 0x20) == exponent;

		if (!is_word(*r->p) && *r->p != '.' && !sign)
			return;
		before = *r->p;
	}
}

static int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * At the "u{" of an escape that is well-formed in Lua 5.4 and names no
 * character of Unicode?
 */
static bool
is_bad_escape(const struct lua_reader *r)
{
	unsigned long code = 0;
	size_t n = 2;

	if (peek(r, 0) != 'u' || peek(r, 1) != '{')
		return false;
	for (; hex_digit(peek(r, n)) >= 0; n++) {
		code = code * 16 + (unsigned long)hex_digit(peek(r, n));
		if (code > 0x7fffffff)
			return false;
	}
	if (n == 2 || peek(r, n) != '}')
		return false;
	return code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff);
}

/* After "\": "\z" skips white space, an escaped line end is in the string. */
static bool
skip_escape(struct lua_reader *r)
{
	bool bad = is_bad_escape(r);
	bool z = peek(r, 0) == 'z';

	if (r->p < r->end)
		step(r);
	while (z && r->p < r->end &&
	       (*r->p == ' ' || (*r->p >= '\t' && *r->p <= '\r')))
		step(r);
	return bad;
}

static bool
skip_string(struct lua_reader *r)
{
	char quote = *r->p++;
	bool bad = false;

	while (r->p < r->end && !is_newline(*r->p)) {
		char c = *r->p++;

		if (c == quote)
			break;
		if (c == '\\')
			bad |= skip_escape(r);
	}
	return bad;
}

/* Longer ones first. */
static const char operators[][4] = { "...", "..", "==", "~=", "<=", ">=", "//",
	"<<", ">>", "::", "!=", "&&", "||", "^^" };

static void
skip_operator(struct lua_reader *r)
{
	size_t left = (size_t)(r->end - r->p);

	for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
		size_t n = strlen(operators[i]);

		if (left >= n && memcmp(r->p, operators[i], n) == 0) {
			r->p += n;
			return;
		}
	}
	r->p++;
}

void
lua_reader_init(struct lua_reader *r, const char *text, size_t len)
{
	*r = (struct lua_reader){ text, text + len, 1 };
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		r->p += 3;
	if (peek(r, 0) == '#')
		skip_line(r);
}

struct lua_token
lua_reader_next(struct lua_reader *r)
{
	struct lua_token t = { .kind = LUA_TOKEN_EOF };
	size_t open;

	skip_blank(r);
	t.text = r->p;
	t.line = r->line;
	if (r->p == r->end)
		return t;
	open = bracket_len(r, '[');
	if (open != 0) {
		t.kind = LUA_TOKEN_STRING;
		skip_long(r, open);
	} else if (*r->p == '"' || *r->p == '\'') {
		t.kind = LUA_TOKEN_STRING;
		t.bad_escape = skip_string(r);
	} else if (is_digit(*r->p) || (*r->p == '.' && is_digit(peek(r, 1)))) {
		t.kind = LUA_TOKEN_NUMBER;
		skip_number(r);
	} else if (is_word(*r->p)) {
		t.kind = LUA_TOKEN_NAME;
		while (r->p < r->end && is_word(*r->p))
			r->p++;
	} else {
		t.kind = LUA_TOKEN_OPERATOR;
		skip_operator(r);
	}
	t.len = (size_t)(r->p - t.text);
	return t;
}

bool
lua_token_is(const struct lua_token *t, const char *text)
{
	return t->kind != LUA_TOKEN_STRING && t->kind != LUA_TOKEN_EOF &&
	       strlen(text) == t->len && memcmp(t->text, text, t->len) == 0;
}
