/*
 * dialect.h - Lua 5.4 that LuaJIT does not read
 *
 * KumoMTA's policies are Lua 5.4, ours run in LuaJIT.  Its compiler stops at
 * the first of these with "unexpected symbol near"; this scan finds them all
 * and says what to write instead:
 *   //  &  |  ~  <<  >>     operators on integers
 *   <const> <close>         attributes of locals
 *   break                   that is not the last statement of its block
 *   ;                       as an empty statement
 *   f NEWLINE (x)           a call whose "(" begins a line
 *   "\u{...}"               above 10FFFF, and surrogates
 * and, because people write them and no Lua has them: !=  &&  ||.
 *
 * Only tokens are looked at, so a text with other mistakes may be scanned
 * too.  Nothing is reported that LuaJIT would compile: a text with reports is
 * one that LuaJIT refuses.
 */
#ifndef KUMILTER_DIALECT_H
#define KUMILTER_DIALECT_H

#include <stddef.h>

/* what and rewrite are constants: "the operator //", "math.floor(a / b)". */
typedef void dialect_found(
    void *arg, int line, const char *what, const char *rewrite);

/* Calls found (NULL: nobody) for each, in order; gives how many there are. */
int dialect_scan(const char *text, size_t len, dialect_found *found, void *arg);

#endif
