/*
 * msys_source.h - Momentum's Lua for LuaJIT's compiler
 *
 * Momentum runs a Lua 5.1 with more in it than others have.  This makes of
 * its sources what LuaJIT compiles to the same effect, every line where it
 * was:
 *   a != b   !a             a ~= b, not a
 *   "\@" "\z"               in a string: without the backslash
 *   "\u00e9" (4, 6 or 8)    the bytes of that character
 *   0644                    420: digits behind a 0 are octal
 *   operators on integers, loops over a value with __iter, the table arg
 *                           calls of a table __msys_op (msys_source_parse.h),
 *                           which must be a global when the chunk runs
 *
 * "\x41" means the same in both.  What Momentum refuses stays as it is: 09,
 * "\u{e9}", and a "\z" at the end of a line.  Text without any of these is
 * not touched.  Text that is no Lua is changed up to where it goes wrong, so
 * that the compiler still names the line.  Time and memory are linear.
 */
#ifndef KUMILTER_MSYS_SOURCE_H
#define KUMILTER_MSYS_SOURCE_H

#include "milter/str.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Adds the changed text to out, or gives false: nothing to change, and
 * nothing added.  Compiled code is not changed.
 */
bool msys_source(const char *text, size_t len, struct str *out);

#endif
