#include "milter/msys_parser.h"

/* As deep as LuaJIT goes, which refuses what is deeper. */
enum { LEVELS = 200 };

bool
msys_parser_is(const struct msys_parser *p, const char *text)
{
	return lua_token_is(&p->t, text);
}

/* From here on there is nothing but the end, for everybody. */
void
msys_parser_fail(struct msys_parser *p)
{
	p->failed = true;
	p->t.kind = LUA_TOKEN_EOF;
}

void
msys_parser_next(struct msys_parser *p)
{
	if (p->failed)
		return;
	if (msys_parser_is(p, "arg"))
		for (struct msys_body *b = p->body; b != NULL; b = b->outer)
			b->arg = true;
	p->end = (size_t)(p->t.text - p->text) + p->t.len;
	p->t = p->has_ahead ? p->ahead : lua_reader_next(&p->reader);
	p->has_ahead = false;
}

const struct lua_token *
msys_parser_ahead(struct msys_parser *p)
{
	if (!p->has_ahead)
		p->ahead = lua_reader_next(&p->reader);
	p->has_ahead = true;
	return &p->ahead;
}

bool
msys_parser_accept(struct msys_parser *p, const char *text)
{
	if (!msys_parser_is(p, text))
		return false;
	msys_parser_next(p);
	return true;
}

void
msys_parser_expect(struct msys_parser *p, const char *text)
{
	if (!msys_parser_accept(p, text))
		msys_parser_fail(p);
}

bool
msys_parser_is_name(const struct lua_token *t)
{
	static const char *const reserved[] = { "and", "break", "do", "else",
		"elseif", "end", "false", "for", "function", "if", "in",
		"local", "nil", "not", "or", "repeat", "return", "then", "true",
		"until", "while" };

	if (t->kind != LUA_TOKEN_NAME)
		return false;
	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
		if (lua_token_is(t, reserved[i]))
			return false;
	return true;
}

void
msys_parser_expect_name(struct msys_parser *p)
{
	if (msys_parser_is_name(&p->t))
		msys_parser_next(p);
	else
		msys_parser_fail(p);
}

size_t
msys_parser_place(const struct msys_parser *p)
{
	return (size_t)(p->t.text - p->text);
}

bool
msys_parser_enter(struct msys_parser *p)
{
	if (++p->level > LEVELS)
		msys_parser_fail(p);
	return !p->failed;
}

/* What begins at start and ended with the last token: behind "before". */
void
msys_parser_wrap(struct msys_parser *p, size_t start, const char *before)
{
	source_edits_before(p->edits, start, before);
	source_edits_after(p->edits, p->end, ")");
}
