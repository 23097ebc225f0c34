#include "milter/msys_expr.h"

#include <string.h>

/* Gives how many there are; *last is the last. */
int
msys_expr_list(struct msys_parser *p, struct msys_node *last)
{
	int n = 0;

	do {
		*last = msys_expr(p);
		n++;
	} while (msys_parser_accept(p, ","));
	return n;
}

static void
table_field(struct msys_parser *p)
{
	if (msys_parser_accept(p, "[")) {
		msys_expr(p);
		msys_parser_expect(p, "]");
		msys_parser_expect(p, "=");
	} else if (msys_parser_is_name(&p->t) &&
		   lua_token_is(msys_parser_ahead(p), "=")) {
		msys_parser_next(p);
		msys_parser_next(p);
	}
	msys_expr(p);
}

static void
table(struct msys_parser *p)
{
	msys_parser_expect(p, "{");
	while (!msys_parser_is(p, "}") && !p->failed) {
		table_field(p);
		if (!msys_parser_accept(p, ",") && !msys_parser_accept(p, ";"))
			break;
	}
	msys_parser_expect(p, "}");
}

/* Gives whether the last of them is "...". */
static bool
parameters(struct msys_parser *p)
{
	bool dots = false;

	msys_parser_expect(p, "(");
	while (!msys_parser_is(p, ")") && !p->failed && !dots) {
		dots = msys_parser_accept(p, "...");
		if (!dots)
			msys_parser_expect_name(p);
		if (!msys_parser_accept(p, ","))
			break;
	}
	msys_parser_expect(p, ")");
	return dots;
}

/* From its "(" to its "end". */
void
msys_expr_function(struct msys_parser *p)
{
	struct msys_body body = { .outer = p->body };
	bool dots = parameters(p);
	size_t head = p->end;

	p->body = &body;
	msys_block(p);
	msys_parser_expect(p, "end");
	p->body = body.outer;
	if (!p->failed && dots && body.arg && !body.dots)
		source_edits_after(
		    p->edits, head, " local arg=__msys_op.arg(...);");
}

static bool
arguments(struct msys_parser *p)
{
	struct msys_node last;

	if (p->t.kind == LUA_TOKEN_STRING) {
		msys_parser_next(p);
	} else if (msys_parser_is(p, "{")) {
		table(p);
	} else if (msys_parser_accept(p, "(")) {
		if (!msys_parser_is(p, ")"))
			msys_expr_list(p, &last);
		msys_parser_expect(p, ")");
	} else {
		return false;
	}
	return true;
}

/* A name or "(...)", and what is behind it: .x [x] (x) :f(x); is it a call? */
bool
msys_expr_primary(struct msys_parser *p)
{
	bool call = false;

	if (msys_parser_accept(p, "(")) {
		msys_expr(p);
		msys_parser_expect(p, ")");
	} else {
		msys_parser_expect_name(p);
	}
	while (!p->failed) {
		if (msys_parser_accept(p, ".")) {
			msys_parser_expect_name(p);
			call = false;
		} else if (msys_parser_accept(p, "[")) {
			msys_expr(p);
			msys_parser_expect(p, "]");
			call = false;
		} else if (msys_parser_accept(p, ":")) {
			msys_parser_expect_name(p);
			if (!arguments(p))
				msys_parser_fail(p);
			call = true;
		} else if (arguments(p)) {
			call = true;
		} else {
			break;
		}
	}
	return call;
}

/* Is it a call, or "..."? */
static bool
simple(struct msys_parser *p)
{
	if (p->t.kind == LUA_TOKEN_NUMBER || p->t.kind == LUA_TOKEN_STRING ||
	    msys_parser_is(p, "nil") || msys_parser_is(p, "true") ||
	    msys_parser_is(p, "false")) {
		msys_parser_next(p);
	} else if (msys_parser_accept(p, "...")) {
		if (p->body != NULL)
			p->body->dots = true;
		return true;
	} else if (msys_parser_accept(p, "function")) {
		msys_expr_function(p);
	} else if (msys_parser_is(p, "{")) {
		table(p);
	} else {
		return msys_expr_primary(p);
	}
	return false;
}

/*
 * How strongly an operator holds what is on its left and its right, as in
 * Momentum: & | ^^ as + does, << >> \ as * does.  The bigger number wins.
 */
static const struct binary {
	const char *op;
	int left, right;
	const char *call;
} binaries[] = {
	{ "or", 1, 1, NULL },
	{ "and", 2, 2, NULL },
	{ "<", 3, 3, NULL },
	{ ">", 3, 3, NULL },
	{ "<=", 3, 3, NULL },
	{ ">=", 3, 3, NULL },
	{ "==", 3, 3, NULL },
	{ "~=", 3, 3, NULL },
	{ "!=", 3, 3, NULL },
	{ "..", 5, 4, NULL },
	{ "+", 6, 6, NULL },
	{ "-", 6, 6, NULL },
	{ "|", 6, 6, " __msys_op.bor(" },
	{ "&", 6, 6, " __msys_op.band(" },
	{ "^^", 6, 6, " __msys_op.bxor(" },
	{ "*", 7, 7, NULL },
	{ "/", 7, 7, NULL },
	{ "%", 7, 7, NULL },
	{ "<<", 7, 7, " __msys_op.shl(" },
	{ ">>", 7, 7, " __msys_op.shr(" },
	{ "\\", 7, 7, " __msys_op.idiv(" },
	{ "^", 10, 9, NULL },
};

enum { UNARY = 8 };

static const struct binary *
binary(const struct msys_parser *p)
{
	for (size_t i = 0; i < sizeof binaries / sizeof binaries[0]; i++)
		if (msys_parser_is(p, binaries[i].op))
			return &binaries[i];
	return NULL;
}

static struct msys_node subexpr(struct msys_parser *p, int limit);

/* One without operators between; those before it included. */
static struct msys_node
operand(struct msys_parser *p)
{
	struct msys_node node = { .start = msys_parser_place(p) };

	if (msys_parser_accept(p, "~")) {
		subexpr(p, UNARY);
		if (p->failed)
			return node;
		source_edits_replace(
		    p->edits, node.start, 1, " __msys_op.bnot(");
		source_edits_after(p->edits, p->end, ")");
		node.ours = true;
	} else if (msys_parser_accept(p, "not") || msys_parser_accept(p, "!") ||
		   msys_parser_accept(p, "-") || msys_parser_accept(p, "#")) {
		subexpr(p, UNARY);
	} else {
		node.call = simple(p);
	}
	return node;
}

/*
 * An operand, and all operators behind it that hold it more strongly than
 * limit.  Of what a call on the right gives, the functions of __msys_op take
 * the first value, as an operator does.
 */
static struct msys_node
subexpr(struct msys_parser *p, int limit)
{
	const struct binary *op;
	struct msys_node node = { 0 };

	if (!msys_parser_enter(p))
		return node;
	node = operand(p);
	while ((op = binary(p)) != NULL && op->left > limit) {
		size_t at = msys_parser_place(p);

		msys_parser_next(p);
		subexpr(p, op->right);
		if (p->failed)
			break;
		node.call = false;
		node.ours = op->call != NULL;
		if (!node.ours)
			continue;
		source_edits_replace(p->edits, at, strlen(op->op), ",");
		msys_parser_wrap(p, node.start, op->call);
	}
	p->level--;
	return node;
}

struct msys_node
msys_expr(struct msys_parser *p)
{
	return subexpr(p, 0);
}
