#include "milter/msys_source_parse.h"

#include "milter/msys_expr.h"
#include "milter/msys_parser.h"

static void
if_statement(struct msys_parser *p)
{
	do {
		msys_expr(p);
		msys_parser_expect(p, "then");
		msys_block(p);
	} while (msys_parser_accept(p, "elseif"));
	if (msys_parser_accept(p, "else"))
		msys_block(p);
	msys_parser_expect(p, "end");
}

static void
do_block(struct msys_parser *p)
{
	msys_parser_expect(p, "do");
	msys_block(p);
	msys_parser_expect(p, "end");
}

static void
for_statement(struct msys_parser *p)
{
	struct msys_node last = { 0 };
	size_t start;
	int n;

	msys_parser_expect_name(p);
	if (msys_parser_accept(p, "=")) {
		msys_expr_list(p, &last);
		do_block(p);
		return;
	}
	while (msys_parser_accept(p, ","))
		msys_parser_expect_name(p);
	msys_parser_expect(p, "in");
	start = msys_parser_place(p);
	n = msys_expr_list(p, &last);
	if (!p->failed && (p->all_loops || (n == 1 && !last.call)))
		msys_parser_wrap(p, start, " __msys_op.iter(");
	do_block(p);
}

static void
function_statement(struct msys_parser *p)
{
	msys_parser_expect_name(p);
	while (msys_parser_accept(p, "."))
		msys_parser_expect_name(p);
	if (msys_parser_accept(p, ":"))
		msys_parser_expect_name(p);
	msys_expr_function(p);
}

static void
local_statement(struct msys_parser *p)
{
	struct msys_node last;

	if (msys_parser_accept(p, "function")) {
		msys_parser_expect_name(p);
		msys_expr_function(p);
		return;
	}
	do {
		msys_parser_expect_name(p);
	} while (msys_parser_accept(p, ","));
	if (msys_parser_accept(p, "="))
		msys_expr_list(p, &last);
}

static bool
ends_block(const struct msys_parser *p)
{
	return p->t.kind == LUA_TOKEN_EOF || msys_parser_is(p, "end") ||
	       msys_parser_is(p, "else") || msys_parser_is(p, "elseif") ||
	       msys_parser_is(p, "until");
}

/* In brackets it is no tail call, and an error has the line of the return. */
static void
return_statement(struct msys_parser *p)
{
	struct msys_node last = { 0 };

	if (ends_block(p) || msys_parser_is(p, ";"))
		return;
	if (msys_expr_list(p, &last) == 1 && last.ours && !p->failed)
		msys_parser_wrap(p, last.start, " (");
}

/* A call, or a, b.c, d[e] = f, g */
static void
expr_statement(struct msys_parser *p)
{
	struct msys_node last;
	bool call = msys_expr_primary(p);

	if (call && !msys_parser_is(p, ",") && !msys_parser_is(p, "="))
		return;
	while (msys_parser_accept(p, ","))
		msys_expr_primary(p);
	msys_parser_expect(p, "=");
	msys_expr_list(p, &last);
}

static void
repeat_statement(struct msys_parser *p)
{
	msys_block(p);
	msys_parser_expect(p, "until");
	msys_expr(p);
}

static void
statement(struct msys_parser *p)
{
	if (msys_parser_accept(p, "if")) {
		if_statement(p);
	} else if (msys_parser_accept(p, "while")) {
		msys_expr(p);
		do_block(p);
	} else if (msys_parser_is(p, "do")) {
		do_block(p);
	} else if (msys_parser_accept(p, "for")) {
		for_statement(p);
	} else if (msys_parser_accept(p, "repeat")) {
		repeat_statement(p);
	} else if (msys_parser_accept(p, "function")) {
		function_statement(p);
	} else if (msys_parser_accept(p, "local")) {
		local_statement(p);
	} else if (msys_parser_accept(p, "return")) {
		return_statement(p);
	} else if (msys_parser_accept(p, "::")) {
		msys_parser_expect_name(p);
		msys_parser_expect(p, "::");
	} else if (msys_parser_is(p, "goto") &&
		   msys_parser_is_name(msys_parser_ahead(p))) {
		msys_parser_next(p);
		msys_parser_next(p);
	} else if (!msys_parser_accept(p, "break")) {
		expr_statement(p);
	}
}

void
msys_block(struct msys_parser *p)
{
	if (!msys_parser_enter(p))
		return;
	while (!ends_block(p)) {
		statement(p);
		msys_parser_accept(p, ";");
	}
	p->level--;
}

void
msys_source_parse(
    const char *text, size_t len, bool all_loops, struct source_edits *edits)
{
	struct msys_parser p = {
		.text = text, .all_loops = all_loops, .edits = edits
	};

	lua_reader_init(&p.reader, text, len);
	p.t = lua_reader_next(&p.reader);
	msys_block(&p);
}
