/*
 * lua_token.h - the words of a Lua source
 *
 * Cuts a text into tokens where LuaJIT's own reader does: comments and white
 * space are skipped, a string or long string is one token, a number is all
 * that LuaJIT would take for one.  Nothing is ever an error: an unfinished
 * string ends with its line or the text, an unknown byte is an operator.
 * Operators are those of Lua 5.4, and "!=", "&&", "||", "^^".
 */
#ifndef KUMILTER_LUA_TOKEN_H
#define KUMILTER_LUA_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

enum lua_token_kind {
	LUA_TOKEN_EOF,
	LUA_TOKEN_NAME, /* keywords are names, too */
	LUA_TOKEN_NUMBER,
	LUA_TOKEN_STRING,
	LUA_TOKEN_OPERATOR,
};

struct lua_token {
	enum lua_token_kind kind;
	const char *text; /* borrowed */
	size_t len;
	int line;        /* where it begins */
	bool bad_escape; /* a string with a \u{} that LuaJIT refuses */
};

struct lua_reader {
	const char *p, *end;
	int line; /* where the last token ended */
};

/* Skips a byte order mark and a first line that begins with '#'. */
void lua_reader_init(struct lua_reader *r, const char *text, size_t len);
struct lua_token lua_reader_next(struct lua_reader *r);
bool lua_token_is(const struct lua_token *t, const char *text);

#endif
