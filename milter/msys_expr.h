/*
 * msys_expr.h - the expressions of Momentum's Lua, for msys_source_parse
 */
#ifndef KUMILTER_MSYS_EXPR_H
#define KUMILTER_MSYS_EXPR_H

#include "milter/msys_parser.h"

#include <stdbool.h>
#include <stddef.h>

/* An expression: where it begins, and what it ends in. */
struct msys_node {
	size_t start;
	bool call; /* a call, or "..." */
	bool ours; /* all of it became a call of __msys_op */
};

struct msys_node msys_expr(struct msys_parser *p);

/* Gives how many there are; *last is the last. */
int msys_expr_list(struct msys_parser *p, struct msys_node *last);

/* A name or "(...)", and what is behind it: .x [x] (x) :f(x); is it a call? */
bool msys_expr_primary(struct msys_parser *p);

/* Of a function, from its "(" to its "end". */
void msys_expr_function(struct msys_parser *p);

/* What ends in "end", "else", "elseif", "until" or with the text. */
void msys_block(struct msys_parser *p);

#endif
