/*
 * lb_mime_builder.c - Builder: a new message from its texts and attachments
 *
 * Made by kumo.mimepart.builder().  After build() every method raises
 * "builder already built!".
 *
 * All: events any; waits no; from KumoMTA.
 */
#include "lb.h"
#include "lb_mime.h"
#include "lb_open.h"

#include "milter/mime_body.h"
#include "milter/mime_build.h"

#include <string.h>

struct box {
	struct mime_builder b;
	bool built;
	size_t weight; /* of what it holds */
};

static struct mime_builder *
check(lua_State *L)
{
	struct box *box = lb_check(L, 1, LB_MIME_BUILDER);

	if (box->built)
		luaL_error(L, "builder already built!");
	return &box->b;
}

/* kumo.mimepart.builder() -> Builder */
static int
builder(lua_State *L)
{
	lb_new(L, LB_MIME_BUILDER, sizeof(struct box));
	lua_newtable(L);
	lua_setfenv(L, -2);
	return 1;
}

static int
gc(lua_State *L)
{
	mime_builder_fini(&((struct box *)lb_check(L, 1, LB_MIME_BUILDER))->b);
	return 0;
}

/* Have Lua count len bytes more; raises where there is no room for them. */
static void
charge(lua_State *L, size_t len)
{
	struct box *box = lua_touserdata(L, 1);

	lua_getfenv(L, 1);
	lua_newuserdata(L, len + 64);
	lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
	lua_pop(L, 1);
	box->weight += len;
}

static int
set_text(lua_State *L, struct str *text, bool *has)
{
	size_t len;
	const char *p = lb_text(L, 2, &len);

	charge(L, len);
	str_clear(text);
	str_add(text, p, len);
	*has = true;
	return 0;
}

/* builder:text_plain(text): the text; UTF-8.  Called again it replaces it. */
static int
text_plain(lua_State *L)
{
	struct mime_builder *b = check(L);

	return set_text(L, &b->text, &b->has_text);
}

/* builder:text_html(text): the text in HTML, beside text_plain's */
static int
text_html(lua_State *L)
{
	struct mime_builder *b = check(L);

	return set_text(L, &b->html, &b->has_html);
}

/* builder:text_amp_html(text): the text in AMP, beside one of the others */
static int
text_amp_html(lua_State *L)
{
	struct mime_builder *b = check(L);

	return set_text(L, &b->amp, &b->has_amp);
}

/*
 * builder:attach(content_type, bytes [, options])
 *   options as kumo.mimepart.new_binary's.  inline ones are related to the
 *   text, the others are attached to it.
 *   Raises on a content type that is none and on unknown options.
 */
static int
attach(lua_State *L)
{
	struct mime_builder *b = check(L);
	struct mime_attach options;
	const char *type, *data;
	struct str *part;
	size_t len;
	bool is_attached;

	lua_settop(L, 4);
	type = lb_mime_type(L, 2);
	data = lb_text(L, 3, &len);
	is_attached = lb_mime_attach(L, 4, &options);
	charge(L, len / 2 * 3);
	part = lb_mime_scratch(L);
	mime_build_binary(part, type, data, len, is_attached ? &options : NULL);
	mime_builder_attach(b, part, options.is_inline);
	return 0;
}

/*
 * builder:attach_part(part)
 *   Attaches a copy of a MimePart; inline where its Content-Disposition says
 *   so.
 */
static int
attach_part(lua_State *L)
{
	struct mime_builder *b = check(L);
	struct mime_part *part = lb_mime_check(L, 2, LB_MIME_PART);
	struct mime_value v;
	struct str *text;
	bool is_inline;

	charge(L, mime_size(part));
	text = lb_mime_scratch(L);
	mime_write(text, part);
	mime_part_value(part, "Content-Disposition", &v);
	is_inline = mime_value_is(&v, "inline");
	mime_value_fini(&v);
	mime_builder_attach(b, text, is_inline);
	return 0;
}

/*
 * builder:set_stable_content(boolean)
 *   true: boundaries and date are the same each time, for tests.
 */
static int
set_stable_content(lua_State *L)
{
	check(L)->stable = lua_toboolean(L, 2);
	return 0;
}

/*
 * builder:build() -> MimePart
 *   Raises where neither text_plain nor text_html was given.
 */
static int
build(lua_State *L)
{
	struct mime_builder *b = check(L);
	struct box *box = lua_touserdata(L, 1);
	struct str *out = lb_mime_scratch(L);
	struct err err;

	lua_newuserdata(L, box->weight); /* is there room for it? */
	if (mime_builder_build(b, out, &err) != 0)
		return luaL_error(L, "%s", err.msg);
	mime_builder_fini(b);
	box->built = true;
	lua_newtable(L);
	lua_setfenv(L, 1);
	lb_mime_push_taken(L, out);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "text_plain", text_plain },
	{ "text_html", text_html },
	{ "text_amp_html", text_amp_html },
	{ "attach", attach },
	{ "attach_part", attach_part },
	{ "set_stable_content", set_stable_content },
	{ "build", build },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__gc", gc },
	{ NULL, NULL },
};

static const struct lb_class class = { LB_MIME_BUILDER, NULL, methods, meta };

void
lb_mime_builder_open(lua_State *L)
{
	lb_class_open(L, &class);
	lua_getfield(L, -1, "mimepart"); /* lb_mimepart_open() made it */
	lua_pushcfunction(L, builder);
	lua_setfield(L, -2, "builder");
	lua_pop(L, 1);
}
