/*
 * msys_parser.h - one token after the other, for msys_source_parse
 *
 * A parser that met something wrong is at the end of the text from then on,
 * so nobody who asks for more needs to know; only who makes edits does.
 */
#ifndef KUMILTER_MSYS_PARSER_H
#define KUMILTER_MSYS_PARSER_H

#include "milter/lua_token.h"
#include "milter/source_edit.h"

#include <stdbool.h>
#include <stddef.h>

/* A function that is being read; the main chunk has none. */
struct msys_body {
	struct msys_body *outer;
	bool dots, arg; /* "..." and "arg" are named in it */
};

struct msys_parser {
	const char *text;
	struct lua_reader reader;
	struct lua_token t, ahead;
	bool has_ahead;
	size_t end; /* of the token before */
	int level;
	bool failed;
	bool all_loops;
	struct msys_body *body;
	struct source_edits *edits;
};

/* The token: is it this one?  Where does it begin?  Which is behind it? */
bool msys_parser_is(const struct msys_parser *p, const char *text);
size_t msys_parser_place(const struct msys_parser *p);
const struct lua_token *msys_parser_ahead(struct msys_parser *p);
bool msys_parser_is_name(const struct lua_token *t); /* no keyword */

void msys_parser_next(struct msys_parser *p);
bool msys_parser_accept(struct msys_parser *p, const char *text);
void msys_parser_expect(struct msys_parser *p, const char *text);
void msys_parser_expect_name(struct msys_parser *p);
void msys_parser_fail(struct msys_parser *p);

/* One level deeper: false where that is too deep.  p->level-- goes back. */
bool msys_parser_enter(struct msys_parser *p);

/* What begins at start and ended with the token before: "before" and ")". */
void msys_parser_wrap(struct msys_parser *p, size_t start, const char *before);

#endif
