/*
 * lb_mime.c - MimePart, and kumo.mimepart: a message as a tree of its parts
 *
 * A part stays usable as long as the policy keeps it, in any event: it is a
 * copy, and changing it changes no message.  msg:set_data(tostring(part))
 * does.  What was not changed is written back byte for byte.  A part that was
 * removed from its tree (its parent got another body) raises when it is used.
 *
 * All: events any; waits no; from KumoMTA MimePart.
 */
#include "lb_mime.h"
#include "lb.h"
#include "lb_open.h"

#include "milter/mime_body.h"

#include <string.h>

/* part.id -> its place: "" is the root, "1.0" the first in its second part */
static int
id(lua_State *L)
{
	struct mime_part *part = lb_mime_check(L, 1, LB_MIME_PART);
	struct str *out = lb_mime_scratch(L);

	mime_id(out, part);
	lb_mime_scratch_text(L, out);
	return 1;
}

/*
 * part.body -> string
 *   Decoded; of a text part as UTF-8; "" of one that has parts.  Never raises
 *   for what a sender wrote: what cannot be decoded comes as it is.
 * part.body = string is part:replace_body(string)
 */
static int
body(lua_State *L)
{
	struct mime_part *part = lb_mime_check(L, 1, LB_MIME_PART);
	struct str *out = lb_mime_scratch(L);

	mime_body(out, part);
	lb_mime_scratch_text(L, out);
	return 1;
}

/* part.headers -> HeaderMap, which shows the part as it is at each time */
static int
headers(lua_State *L)
{
	lb_header_map_push(L, 1, lb_mime_check(L, 1, LB_MIME_PART));
	return 1;
}

/*
 * part.limited -> boolean                          [kumilter's own]
 *   The message had more parts, levels or fields than are looked at (1000, 50,
 *   20000): a part of it may hold others that are not shown.
 */
static int
limited(lua_State *L)
{
	struct mime_part *part = lb_mime_check(L, 1, LB_MIME_PART);

	lua_pushboolean(L, part->tree->limited);
	return 1;
}

static void
replace(lua_State *L, struct mime_part *part, int data, int type)
{
	size_t len;
	const char *text = lb_text(L, data, &len);
	const char *as = type != 0 && !lua_isnoneornil(L, type)
			     ? lb_mime_type(L, type)
			     : NULL;

	must(mime_body_set(part, text, len, as) == 0);
	lb_mime_charge(L, 1);
}

/*
 * part:replace_body(string [, content_type])
 *   UTF-8 becomes text, other bytes are encoded in base64.  Without a content
 *   type the part keeps its own.  Parts inside it are removed.
 *   Raises on a content type that is none.
 */
static int
replace_body(lua_State *L)
{
	struct mime_part *part = lb_mime_check(L, 1, LB_MIME_PART);

	lua_settop(L, 3);
	replace(L, part, 2, 3);
	return 0;
}

/*
 * part:append_part(other)
 *   Adds a copy of other as the last part of this one.  Raises where this one
 *   is no multipart, and past 1000 parts or 50 levels.
 */
static int
append_part(lua_State *L)
{
	struct mime_part *part = lb_mime_check(L, 1, LB_MIME_PART);
	struct mime_part *other = lb_mime_check(L, 2, LB_MIME_PART);
	struct err err;

	lua_newuserdata(L, mime_size(other)); /* is there room for it? */
	if (mime_append(part, other, &err) != 0)
		return luaL_error(L, "append_part: %s", err.msg);
	lb_mime_charge(L, 1);
	return 0;
}

/*
 * part:rebuild() -> MimePart
 *   The whole message (of which this may be a part) written anew: text as
 *   UTF-8, other bodies as base64, 8-bit headers encoded, CRLF, MIME-Version.
 *   What message/ parts and signed or encrypted multiparts hold stays.
 */
static int
rebuild(lua_State *L)
{
	struct mime_part *part = lb_mime_check(L, 1, LB_MIME_PART);
	struct str *out = lb_mime_scratch(L);

	mime_rebuild(out, part->tree->root);
	lb_mime_push_taken(L, out);
	return 1;
}

static void
set_part(lua_State *L, const char *key, struct mime_part *part)
{
	if (part == NULL)
		return;
	lb_mime_push(L, 1, LB_MIME_PART, part);
	lua_setfield(L, -2, key);
}

static void
set_text(lua_State *L, const char *key, const char *value)
{
	if (value == NULL)
		return;
	lua_pushstring(L, value);
	lua_setfield(L, -2, key);
}

static void
push_attachment(lua_State *L, struct mime_part *part)
{
	struct mime_info info;

	lua_createtable(L, 0, 5);
	set_part(L, "part", part);
	mime_info_init(&info, part);
	set_text(L, "file_name", info.file_name);
	set_text(L, "content_id", info.content_id);
	set_text(L, "content_type",
	    info.type.value[0] != '\0' ? info.type.value
				       : "application/octet-stream");
	lua_pushboolean(L, info.is_inline);
	lua_setfield(L, -2, "inline");
	mime_info_fini(&info);
}

/*
 * part:get_simple_structure() -> table
 *   text_part, html_part, amp_html_part: the first inline part of each kind,
 *   or nil; header_part: this one; attachments: array of { file_name, inline,
 *   content_id, content_type, part } of all others, in their order.  file_name
 *   and content_id are nil where the part has none; no file name is safe to use
 *   as one.
 */
static int
get_simple_structure(lua_State *L)
{
	struct mime_part *part = lb_mime_check(L, 1, LB_MIME_PART);
	struct mime_structure s;

	lua_createtable(L, 0, 5);
	lua_createtable(L, 8, 0);
	mime_structure_init(&s, part);
	for (size_t i = 0; i < s.n; i++) {
		push_attachment(L, s.attachment[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	mime_structure_fini(&s);
	lb_mark_array(L);
	lua_setfield(L, -2, "attachments");
	set_part(L, "text_part", s.text);
	set_part(L, "html_part", s.html);
	set_part(L, "amp_html_part", s.amp);
	set_part(L, "header_part", part);
	return 1;
}

/* tostring(part) -> the whole message, also of a part of it */
static int
to_string(lua_State *L)
{
	struct mime_part *part = lb_mime_check(L, 1, LB_MIME_PART);
	struct str *out = lb_mime_scratch(L);

	mime_write(out, part->tree->root);
	lb_mime_scratch_text(L, out);
	return 1;
}

static int
set_field(lua_State *L)
{
	struct mime_part *part = lb_mime_check(L, 1, LB_MIME_PART);

	if (lua_type(L, 2) != LUA_TSTRING ||
	    strcmp(lua_tostring(L, 2), "body") != 0)
		return luaL_error(L, "attempt to set an unknown field '%s'",
		    lua_isstring(L, 2) ? lua_tostring(L, 2)
				       : luaL_typename(L, 2));
	replace(L, part, 3, 0);
	return 0;
}

static const luaL_Reg fields[] = {
	{ "id", id },
	{ "body", body },
	{ "headers", headers },
	{ "limited", limited },
	{ NULL, NULL },
};

static const luaL_Reg methods[] = {
	{ "get_simple_structure", get_simple_structure },
	{ "append_part", append_part },
	{ "replace_body", replace_body },
	{ "rebuild", rebuild },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__tostring", to_string },
	{ NULL, NULL },
};

static const struct lb_class class = { LB_MIME_PART, fields, methods, meta };

void
lb_mime_open(lua_State *L)
{
	lb_mime_tree_open(L);
	lb_mime_value_open(L);
	lb_class_open(L, &class);
	luaL_getmetatable(L, LB_MIME_PART);
	lua_pushcfunction(L, set_field);
	lua_setfield(L, -2, "__newindex");
	lua_pop(L, 1);
}
