#include "api_calls.h"

#include "lua_token.h"
#include "str.h"

#include <stdbool.h>
#include <string.h>

struct scan {
	struct lua_reader reader;
	struct lua_token token; /* the next one */
	int line;               /* where the name begins */
	char name[API_CALL_MAX];
};

static void
step(struct scan *s)
{
	s->token = lua_reader_next(&s->reader);
}

static bool
add(struct scan *s, const char *text, size_t len)
{
	size_t at = strlen(s->name);

	if (at + len >= sizeof s->name)
		return false;
	memcpy(s->name + at, text, len);
	s->name[at + len] = '\0';
	return true;
}

/* On "kumo": all of "kumo.a.b" into name; false: it is not such a name. */
static bool
read_name(struct scan *s)
{
	bool fits = true;

	s->line = s->token.line;
	strcpy(s->name, "kumo");
	step(s);
	if (!lua_token_is(&s->token, "."))
		return false;
	while (lua_token_is(&s->token, ".")) {
		step(s);
		if (s->token.kind != LUA_TOKEN_NAME)
			return false;
		fits = fits && add(s, ".", 1) &&
		       add(s, s->token.text, s->token.len);
		step(s);
	}
	return fits;
}

static bool
begins_arguments(const struct lua_token *t)
{
	return t->kind == LUA_TOKEN_STRING || lua_token_is(t, "(") ||
	       lua_token_is(t, "{");
}

/* Is one of the names that the text gives a value to the beginning of this? */
static bool
is_own(const struct str *own, const char *name)
{
	for (const char *p = str_c(own); *p != '\0'; p += strlen(p) + 1) {
		size_t n = strlen(p);

		if (strncmp(p, name, n) == 0 &&
		    (name[n] == '\0' || name[n] == '.'))
			return true;
	}
	return false;
}

/* Each name: into own, where it gets a value; else, if own is given back as
 * const, to found. */
static void
scan(const char *text, size_t len, struct str *own, api_call_found *found,
    void *arg)
{
	struct scan s = { .line = 0 };
	bool defines = false, inside = false;

	lua_reader_init(&s.reader, text, len);
	step(&s);
	while (s.token.kind != LUA_TOKEN_EOF) {
		if (inside || !lua_token_is(&s.token, "kumo")) {
			defines = lua_token_is(&s.token, "function");
			/* "x.kumo", "x:kumo": another kumo */
			inside = lua_token_is(&s.token, ".") ||
				 lua_token_is(&s.token, ":");
			step(&s);
			continue;
		}
		if (read_name(&s)) {
			bool value = defines || lua_token_is(&s.token, "=");

			if (found == NULL && value)
				str_add(own, s.name, strlen(s.name) + 1);
			if (found != NULL && begins_arguments(&s.token) &&
			    !is_own(own, s.name))
				found(arg, s.line, s.name);
		}
		defines = false;
	}
}

void
api_calls_scan(const char *text, size_t len, api_call_found *found, void *arg)
{
	struct str own = { 0 };

	scan(text, len, &own, NULL, NULL);
	scan(text, len, &own, found, arg);
	str_fini(&own);
}
