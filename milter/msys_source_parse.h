/*
 * msys_source_parse.h - the operators and loops of Momentum's Lua
 *
 * Reads the whole grammar, for only that tells where an operand begins and
 * ends, and notes as edits:
 *   a & b   a | b   a ^^ b   a << n   a >> n   ~a   a \ b
 *           become calls: __msys_op.band(a,b)
 *   for k, v in t do    where t is no call: in __msys_op.iter(t)
 *   function f(...)     whose body names arg and has no "...": begins with
 *                       local arg=__msys_op.arg(...);
 * No edit adds or takes a line.  Where the text is no Lua, or nested deeper
 * than LuaJIT allows, it ends; edits of what came before are whole.
 */
#ifndef KUMILTER_MSYS_SOURCE_PARSE_H
#define KUMILTER_MSYS_SOURCE_PARSE_H

#include "milter/source_edit.h"

#include <stdbool.h>
#include <stddef.h>

/* all_loops: also "for ... in f() do". */
void msys_source_parse(
    const char *text, size_t len, bool all_loops, struct source_edits *edits);

#endif
