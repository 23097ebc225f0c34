#include "fuzz.h"

#include "milter/dialect.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

static void
found(void *arg, int line, const char *what, const char *rewrite)
{
	int *seen = arg;

	must(line >= 1);
	must(what != NULL && what[0] != '\0' && rewrite != NULL);
	(*seen)++;
}

/* Does LuaJIT compile it? */
static int
compiles(const char *text, size_t len)
{
	lua_State *L = luaL_newstate();
	int rc;

	must(L != NULL);
	rc = luaL_loadbufferx(L, text, len, "=fuzz", "t");
	lua_close(L);
	return rc == 0;
}

/* What is reported, LuaJIT refuses. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	int seen = 0, n = dialect_scan(text, size, found, &seen);

	must(n == seen);
	must(dialect_scan(text, size, NULL, NULL) == n);
	if (n > 0)
		must(!compiles(text, size));
	return 0;
}
