#include "fuzz.h"

#include "milter/msys_source.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Below this no limit of LuaJIT's on depth or registers is reached. */
enum { SHORT = 120 };

/* The line of the mistake that LuaJIT finds, or 0. */
static int
wrong_line(const char *text, size_t len)
{
	lua_State *L = luaL_newstate();
	const char *error;
	int line = 0;

	must(L != NULL);
	if (luaL_loadbufferx(L, text, len, "=f", "t") != 0) {
		error = lua_tostring(L, -1);
		must(strncmp(error, "f:", 2) == 0);
		line = atoi(error + 2);
	}
	lua_close(L);
	return line;
}

static size_t
count(const char *text, size_t len, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == c;
	return n;
}

static bool
has(const char *text, size_t len, const char *word)
{
	return memmem(text, len, word, strlen(word)) != NULL;
}

static bool
has_octal(const char *text, size_t len)
{
	for (size_t i = 1; i < len; i++)
		if (text[i - 1] == '0' && text[i] >= '0' && text[i] <= '7')
			return true;
	return false;
}

/*
 * Of what LuaJIT compiles only these are changed, and compile still.  What it
 * refuses is not wrong on an earlier line than before; but of a jump to nowhere
 * it learns at the end of the block, and then names the jump's line.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct str out = { 0 };
	bool changed = msys_source(text, size, &out);
	int before;

	if (!changed) {
		must(out.len == 0);
		return 0;
	}
	must(count(out.data, out.len, '\n') == count(text, size, '\n'));
	must(count(out.data, out.len, '\r') == count(text, size, '\r'));
	before = wrong_line(text, size);
	if (before == 0)
		must(has_octal(text, size) || has(text, size, "\\z") ||
		     has(text, size, "in") || has(text, size, "arg"));
	if (size < SHORT) {
		int after = wrong_line(out.data, out.len);
		bool jumps =
		    has(text, size, "goto") || has(text, size, "break");

		must(before != 0 || after == 0);
		must(jumps || after == 0 || after >= before);
	}
	str_fini(&out);
	return 0;
}
