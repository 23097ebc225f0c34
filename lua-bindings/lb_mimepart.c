/*
 * lb_mimepart.c - kumo.mimepart: new MimePart objects
 *
 * All: events any; waits no; from KumoMTA.
 */
#include "lb.h"
#include "lb_mime.h"
#include "lb_open.h"

#include "milter/mime_boundary.h"
#include "milter/mime_build.h"
#include "milter/xmalloc.h"

#include <stdlib.h>
#include <string.h>

/*
 * kumo.mimepart.parse(string) -> MimePart
 *   Any bytes: what is no MIME is a text part.  Never raises on content.
 */
static int
parse(lua_State *L)
{
	lb_text(L, 1, NULL); /* a number is a string from here */
	lb_mime_push_parsed(L, 1);
	return 1;
}

static int
push_text(lua_State *L, const char *type, int i)
{
	size_t len;
	const char *text = lb_text(L, i, &len);
	struct str *out = lb_mime_scratch(L);

	mime_build_text(out, type, text, len);
	lb_mime_push_taken(L, out);
	return 1;
}

/*
 * kumo.mimepart.new_text(content_type, text) -> MimePart
 *   text: UTF-8.  Encoded as it needs; ends with CRLF.
 *   Raises on a content type that is none.
 */
static int
new_text(lua_State *L)
{
	return push_text(L, lb_mime_type(L, 1), 2);
}

/* kumo.mimepart.new_text_plain(text) -> MimePart: as new_text, text/plain */
static int
new_text_plain(lua_State *L)
{
	return push_text(L, "text/plain", 1);
}

/* kumo.mimepart.new_html(text) -> MimePart: as new_text, text/html */
static int
new_html(lua_State *L)
{
	return push_text(L, "text/html", 1);
}

/*
 * kumo.mimepart.new_binary(content_type, bytes [, options]) -> MimePart
 *   options: { file_name = string, inline = boolean, content_id = string };
 *   with them the part has a Content-Disposition.
 *   Raises on a content type that is none and on unknown options.
 */
static int
new_binary(lua_State *L)
{
	const char *type, *data;
	struct mime_attach attach;
	struct str *out;
	bool is_attached;
	size_t len;

	lua_settop(L, 3);
	type = lb_mime_type(L, 1);
	data = lb_text(L, 2, &len);
	is_attached = lb_mime_attach(L, 3, &attach);
	out = lb_mime_scratch(L);
	mime_build_binary(out, type, data, len, is_attached ? &attach : NULL);
	lb_mime_push_taken(L, out);
	return 1;
}

/*
 * Write the parts in the array at 2 into an array whose texts scratches own.
 * *boundary is NULL then if one of them would take it for its own.
 */
static struct str *
write_parts(lua_State *L, int n, const char **boundary)
{
	struct str *list = lua_newuserdata(L, (size_t)(n + 1) * sizeof *list);

	for (int i = 0; i < n; i++) {
		struct mime_part *part;
		struct str *text = lb_mime_scratch(L);

		lua_rawgeti(L, 2, i + 1);
		part = lb_mime_check(L, lua_gettop(L), LB_MIME_PART);
		mime_write(text, part);
		if (*boundary != NULL && mime_boundary_is_claimed(part,
					     *boundary, strlen(*boundary)))
			*boundary = NULL;
		lua_pop(L, 1);
		list[i] = *text;
	}
	return list;
}

/*
 * kumo.mimepart.new_multipart(content_type, parts [, boundary]) -> MimePart
 *   parts: array of at most 200 MimePart, which are copied.  boundary: else,
 *   and where a part holds this one, a random one is made.
 *   Raises on a content type that is none, and on parts nested too deep.
 */
static int
new_multipart(lua_State *L)
{
	const char *type, *boundary;
	struct str *list, *out;
	int n;

	lua_settop(L, 3);
	type = lb_mime_type(L, 1);
	luaL_checktype(L, 2, LUA_TTABLE);
	boundary = lb_opt_text(L, 3, NULL);
	if (boundary != NULL && strlen(boundary) > 70)
		return luaL_argerror(L, 3, "longer than 70 characters");
	for (const char *p = boundary; p != NULL && *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return luaL_argerror(L, 3, "not printable ASCII");
	n = (int)lua_objlen(L, 2);
	if (n > 200)
		return luaL_argerror(L, 2, "more than 200 parts");
	luaL_checkstack(L, n + 10, "too many parts");
	list = write_parts(L, n, &boundary);
	out = lb_mime_scratch(L);
	mime_build_multipart(out, type, list, (size_t)n, boundary);
	lb_mime_push_taken(L, out);
	if (((struct lb_mime *)lua_touserdata(L, -1))->part->tree->limited)
		return luaL_argerror(L, 2, "too many parts or levels");
	return 1;
}

static const luaL_Reg functions[] = {
	{ "parse", parse },
	{ "new_text", new_text },
	{ "new_text_plain", new_text_plain },
	{ "new_html", new_html },
	{ "new_binary", new_binary },
	{ "new_multipart", new_multipart },
	{ NULL, NULL },
};

void
lb_mimepart_open(lua_State *L)
{
	lua_getfield(L, -1, "mimepart");
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, "mimepart");
	}
	for (const luaL_Reg *f = functions; f->name != NULL; f++) {
		lua_pushcfunction(L, f->func);
		lua_setfield(L, -2, f->name);
	}
	lua_pop(L, 1);
}
