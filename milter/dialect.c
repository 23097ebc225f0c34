#include "dialect.h"

#include "lua_token.h"
#include "str.h"

#include <stdint.h>
#include <string.h>

enum construct {
	NONE,
	IDIV,
	BAND,
	BOR,
	BXOR,
	BNOT,
	SHL,
	SHR,
	NOT_EQUAL,
	AND_AND,
	OR_OR,
	ATTRIB_CONST,
	ATTRIB_CLOSE,
	BREAK,
	EMPTY,
	CALL,
	ESCAPE,
};

static const struct {
	const char *what, *rewrite;
} constructs[] = {
	[IDIV] = { "the operator //", "math.floor(a / b)" },
	[BAND] = { "the operator &", "bit.band(a, b), on 32 bits" },
	[BOR] = { "the operator |", "bit.bor(a, b), on 32 bits" },
	[BXOR] = { "the operator ~ between two values",
	    "bit.bxor(a, b), on 32 bits" },
	[BNOT] = { "the operator ~ before a value", "bit.bnot(a), on 32 bits" },
	[SHL] = { "the operator <<", "bit.lshift(a, n), on 32 bits" },
	[SHR] = { "the operator >>", "bit.rshift(a, n), on 32 bits" },
	[NOT_EQUAL] = { "the operator !=, which is no Lua", "a ~= b" },
	[AND_AND] = { "the operator &&, which is no Lua", "a and b" },
	[OR_OR] = { "the operator ||, which is no Lua", "a or b" },
	[ATTRIB_CONST] = { "the attribute <const>", "the local without it" },
	[ATTRIB_CLOSE] = { "the attribute <close>",
	    "the local without it, and a call of its close function at the "
	    "end of the block" },
	[BREAK] = { "break before the end of its block", "do break end" },
	[EMPTY] = { "an empty statement (;)", "nothing" },
	[CALL] = { "a call whose ( begins a line",
	    "the ( on the line before, or ; there if it begins a new "
	    "statement" },
	[ESCAPE] = { "\\u{...} above 10FFFF or between D800 and DFFF",
	    "the bytes as \\xNN" },
};

/* Operators that are wrong wherever they stand; ~ is not among them. */
static const struct {
	const char *op;
	enum construct is;
} operators[] = {
	{ "//", IDIV },
	{ "&", BAND },
	{ "|", BOR },
	{ "<<", SHL },
	{ ">>", SHR },
	{ "!=", NOT_EQUAL },
	{ "&&", AND_AND },
	{ "||", OR_OR },
};

/*
 * What a keyword does to the scan.  PUSH and POP: a block begins or ends;
 * BODY: a statement may follow; ENDS: break may stand before it; VALUE: it
 * is the end of a value.
 */
enum { PUSH = 1, POP = 2, BODY = 4, ENDS = 8, VALUE = 16 };

static const struct {
	const char *word;
	int does;
} keywords[] = {
	{ "and", 0 },
	{ "break", 0 },
	{ "do", PUSH | BODY },
	{ "else", BODY | ENDS },
	{ "elseif", ENDS },
	{ "end", POP | ENDS | VALUE },
	{ "false", VALUE },
	{ "for", 0 },
	{ "function", PUSH },
	{ "if", PUSH },
	{ "in", 0 },
	{ "local", 0 },
	{ "nil", VALUE },
	{ "not", 0 },
	{ "or", 0 },
	{ "repeat", PUSH | BODY },
	{ "return", 0 },
	{ "then", BODY },
	{ "true", VALUE },
	{ "until", POP | ENDS },
	{ "while", 0 },
};

/* What is open, innermost last; a byte for each. */
enum {
	BLOCK = 'B',
	PAREN = '(',
	PARAMS = 'P',
	INDEX = '[',
	TABLE = '{',
	TABLE_ARG = 'A'
};

struct scan {
	dialect_found *found;
	void *arg;
	int count;
	struct str open;
	struct lua_token t, before;
	int end_line; /* where the token before ended */
	/* of the token before: */
	bool value;     /* it ends a value: a ~ behind it has two sides */
	bool callable;  /* it ends something that a ( behind it calls */
	bool statement; /* a statement may begin behind it, but not with ; */
	/* of what we are in: */
	bool in_head; /* between "function" and its "(" */
	bool label;   /* after goto */
	enum { NO_LOCAL, LOCAL_NAME, LOCAL_NAMED, ATTRIB, ATTRIB_NAMED } local;
	int break_line; /* of a break that is not yet at a block's end */
};

static void
report(struct scan *s, int line, enum construct is)
{
	s->count++;
	if (s->found != NULL)
		s->found(
		    s->arg, line, constructs[is].what, constructs[is].rewrite);
}

static char
innermost(const struct scan *s)
{
	return s->open.len > 0 ? s->open.data[s->open.len - 1] : '\0';
}

static char
pop(struct scan *s)
{
	return s->open.len > 0 ? s->open.data[--s->open.len] : '\0';
}

/* The keyword's row, or -1: it is an ordinary name. */
static int
keyword(const struct lua_token *t)
{
	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
		if (lua_token_is(t, keywords[i].word))
			return keywords[i].does;
	return -1;
}

static bool
is(const struct scan *s, const char *text)
{
	return lua_token_is(&s->t, text);
}

/* break and then something else than the end of its block? */
static void
check_break(struct scan *s, int does)
{
	if (s->break_line == 0)
		return;
	if (is(s, ";"))
		return;
	if (s->t.kind != LUA_TOKEN_EOF && (does < 0 || (does & ENDS) == 0))
		report(s, s->break_line, BREAK);
	s->break_line = 0;
}

/* local a <const>, b <close> = ...; true where the token is part of that */
static bool
take_local(struct scan *s, int does)
{
	bool name = s->t.kind == LUA_TOKEN_NAME && does < 0;

	if (s->local == LOCAL_NAME && name)
		s->local = LOCAL_NAMED;
	else if (s->local == LOCAL_NAMED && is(s, ","))
		s->local = LOCAL_NAME;
	else if (s->local == LOCAL_NAMED && is(s, "<"))
		s->local = ATTRIB;
	else if (s->local == ATTRIB && name)
		s->local = ATTRIB_NAMED;
	else if (s->local == ATTRIB_NAMED && is(s, ">"))
		s->local = LOCAL_NAMED;
	else
		s->local = NO_LOCAL;
	if (s->local == ATTRIB_NAMED && is(s, "const"))
		report(s, s->t.line, ATTRIB_CONST);
	if (s->local == ATTRIB_NAMED && is(s, "close"))
		report(s, s->t.line, ATTRIB_CLOSE);
	return s->local != NO_LOCAL;
}

static void
take_keyword(struct scan *s, int does)
{
	if ((does & PUSH) != 0)
		str_addc(&s->open, BLOCK);
	if ((does & POP) != 0 && innermost(s) == BLOCK)
		pop(s);
	s->statement = (does & BODY) != 0;
	s->value = (does & VALUE) != 0;
	s->callable = false;
	s->in_head = is(s, "function");
	if (is(s, "local"))
		s->local = LOCAL_NAME;
	if (is(s, "break"))
		s->break_line = s->t.line;
}

/*
 * LuaJIT looks one token ahead of the first name in a table's field, and so
 * never notices that a "(" behind that is on another line.
 */
static bool
begins_field(const struct scan *s)
{
	return (innermost(s) == TABLE || innermost(s) == TABLE_ARG) &&
	       (lua_token_is(&s->before, "{") ||
		   lua_token_is(&s->before, ",") ||
		   lua_token_is(&s->before, ";"));
}

static void
take_name(struct scan *s)
{
	bool is_goto = is(s, "goto");

	s->callable = !s->label && !is_goto && !s->in_head && !begins_field(s);
	s->value = !s->label;
	s->label = is_goto;
	s->statement = false;
}

static void
take_opening(struct scan *s)
{
	char kind = s->t.text[0];

	if (kind == PAREN && s->in_head) {
		kind = PARAMS;
		s->in_head = false;
	} else if (kind == PAREN && s->callable && s->t.line != s->end_line) {
		report(s, s->t.line, CALL);
	} else if (kind == TABLE && s->callable) {
		kind = TABLE_ARG;
	}
	str_addc(&s->open, kind);
	s->value = s->callable = s->statement = false;
}

static void
take_closing(struct scan *s)
{
	char kind = innermost(s) != BLOCK ? pop(s) : '\0';

	s->statement = kind == PARAMS;
	s->callable = kind != PARAMS && kind != TABLE;
	s->value = kind != PARAMS;
}

static void
take_operator(struct scan *s)
{
	for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
		if (is(s, operators[i].op))
			report(s, s->t.line, operators[i].is);
	if (is(s, "~"))
		report(s, s->t.line, s->value ? BXOR : BNOT);
	if (is(s, ";") && s->statement)
		report(s, s->t.line, EMPTY);
	if (s->t.len == 1 && strchr("([{", s->t.text[0]) != NULL) {
		take_opening(s);
		return;
	}
	if (s->t.len == 1 && strchr(")]}", s->t.text[0]) != NULL) {
		take_closing(s);
		return;
	}
	s->statement = is(s, ";");
	s->value = is(s, "...");
	s->callable = s->label = false;
}

static void
take(struct scan *s)
{
	int does = s->t.kind == LUA_TOKEN_NAME ? keyword(&s->t) : -1;

	check_break(s, does);
	if (take_local(s, does)) {
		s->value = s->callable = s->statement = false;
	} else if (does >= 0) {
		take_keyword(s, does);
	} else if (s->t.kind == LUA_TOKEN_NAME) {
		take_name(s);
	} else if (s->t.kind == LUA_TOKEN_OPERATOR) {
		take_operator(s);
	} else { /* a string may be an argument: f "x" */
		if (s->t.bad_escape)
			report(s, s->t.line, ESCAPE);
		s->callable &= s->t.kind == LUA_TOKEN_STRING;
		s->value = true;
		s->statement = false;
	}
}

int
dialect_scan(const char *text, size_t len, dialect_found *found, void *arg)
{
	struct scan s = { .found = found, .arg = arg, .statement = true };
	struct lua_reader r;

	lua_reader_init(&r, text, len);
	do {
		s.end_line = r.line;
		s.t = lua_reader_next(&r);
		take(&s);
		s.before = s.t;
	} while (s.t.kind != LUA_TOKEN_EOF);
	str_fini(&s.open);
	return s.count;
}
