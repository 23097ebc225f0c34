/*
 * lb_msys_mime.c - native.mime: what Momentum does with the parts of a message
 * and kumo's MimePart does not
 *
 * part is a MimePart.  All raise for one that was removed from its message.
 */
#include "lb.h"
#include "lb_mime.h"
#include "lb_open.h"

#include "milter/mime_body.h"
#include "milter/mime_boundary.h"
#include "milter/mime_move.h"
#include "milter/mime_text.h"

#include <string.h>

static struct mime_part *
check(lua_State *L)
{
	return lb_mime_check(L, 1, LB_MIME_PART);
}

static int
push_part(lua_State *L, struct mime_part *part)
{
	if (part == NULL)
		lua_pushnil(L);
	else
		lb_mime_push(L, 1, LB_MIME_PART, part);
	return 1;
}

/*
 * mime.key(part) -> light userdata, the same for all objects of one part; nil
 * for one that was removed
 */
static int
key(lua_State *L)
{
	struct lb_mime *box = lb_check(L, 1, LB_MIME_PART);

	if (box->part->removed)
		lua_pushnil(L);
	else
		lua_pushlightuserdata(L, box->part);
	return 1;
}

/* mime.parent(part) -> MimePart, or nil of the root */
static int
parent(lua_State *L)
{
	return push_part(L, check(L)->parent);
}

/* mime.first(part) -> MimePart, or nil where it holds none */
static int
first(lua_State *L)
{
	struct mime_part *part = check(L);

	return push_part(L, part->n_children > 0 ? part->child[0] : NULL);
}

/* mime.child(part, place) -> MimePart, from 0, or nil */
static int
child(lua_State *L)
{
	struct mime_part *part = check(L);
	lua_Integer n = luaL_checkinteger(L, 2);

	return push_part(
	    L, n >= 0 && (size_t)n < part->n_children ? part->child[n] : NULL);
}

/* mime.next(part) -> the next MimePart of the same parent, or nil */
static int
next(lua_State *L)
{
	return push_part(L, mime_next(check(L)));
}

/* mime.place(part) -> which child it is of its parent, from 0 */
static int
place(lua_State *L)
{
	struct mime_part *part = check(L);
	int n = 0;

	while (part->parent != NULL && part->parent->child[n] != part)
		n++;
	lua_pushinteger(L, n);
	return 1;
}

/* mime.is_container(part) -> boolean: a multipart */
static int
is_container(lua_State *L)
{
	lua_pushboolean(L, check(L)->boundary != NULL);
	return 1;
}

typedef void write_fn(struct str *out, const struct mime_part *part);

static int
push_written(lua_State *L, write_fn *write)
{
	struct mime_part *part = check(L);
	struct str *out = lb_mime_scratch(L);

	write(out, part);
	lb_mime_scratch_text(L, out);
	return 1;
}

/* mime.raw(part) -> it, head and all, as it stands */
static int
raw(lua_State *L)
{
	return push_written(L, mime_write);
}

/* mime.content(part) -> what is behind its head, as it stands */
static int
content(lua_State *L)
{
	return push_written(L, mime_content);
}

/* mime.set_raw(part, text): it is this */
static int
set_raw(lua_State *L)
{
	struct mime_part *part = check(L);
	size_t len;
	const char *text = lb_text(L, 2, &len);

	mime_set(part, text, len);
	lb_mime_charge(L, 1);
	return 0;
}

/* mime.set_content(part, text): this is behind its head */
static int
set_content(lua_State *L)
{
	struct mime_part *part = check(L);
	size_t len;
	const char *text = lb_text(L, 2, &len);

	mime_set_content(part, text, len);
	lb_mime_charge(L, 1);
	return 0;
}

/*
 * mime.set_text(part, text, type, charset) -> nil, or why not: see mime_text.h
 */
static int
set_text(lua_State *L)
{
	struct mime_part *part = check(L);
	size_t len;
	const char *text = lb_text(L, 2, &len);
	const char *type = lb_opt_text(L, 3, NULL);
	const char *charset = lb_opt_text(L, 4, NULL);
	struct err err;

	if (mime_text_set(part, text, len, type, charset, &err) != 0) {
		lua_pushstring(L, err.msg);
		return 1;
	}
	lb_mime_charge(L, 1);
	return 0;
}

static void
set_field(lua_State *L, const char *name, const char *value)
{
	lua_pushstring(L, value); /* or nil */
	lua_setfield(L, -2, name);
}

/*
 * mime.info(part) -> { mimetype=, charset=, encoding=, filename=,
 *   is_attachment=, is_text= }, what is not said as nil
 */
static int
info(lua_State *L)
{
	struct mime_part *part = check(L);
	struct mime_info i;
	struct mime_value v;
	const struct mime_param *p;
	bool is_attached = false;

	lua_createtable(L, 0, 6);
	if (mime_part_value(part, "Content-Disposition", &v))
		is_attached = mime_value_is(&v, "attachment");
	mime_value_fini(&v);
	mime_info_init(&i, part);
	set_field(L, "mimetype", i.type.value[0] != '\0' ? i.type.value : NULL);
	p = mime_value_get(&i.type, "charset");
	set_field(L, "charset", p != NULL ? p->value : NULL);
	set_field(L, "filename", i.file_name);
	lua_pushboolean(L, is_attached || i.file_name != NULL);
	lua_setfield(L, -2, "is_attachment");
	lua_pushboolean(L, i.is_text);
	lua_setfield(L, -2, "is_text");
	mime_info_fini(&i);
	if (mime_part_value(part, "Content-Transfer-Encoding", &v))
		set_field(L, "encoding", v.value);
	mime_value_fini(&v);
	return 1;
}

/*
 * mime.insert(part, place, other) -> MimePart, a copy of other as child number
 * place of part, from 0; nil, why
 */
static int
insert(lua_State *L)
{
	struct mime_part *into = check(L);
	size_t at = (size_t)luaL_checkinteger(L, 2);
	struct mime_part *other = lb_mime_check(L, 3, LB_MIME_PART);
	struct mime_part *child;
	struct err err;

	lua_newuserdata(L, mime_size(other)); /* is there room for it? */
	child = mime_insert(into, at, other, &err);
	if (child == NULL) {
		lua_pushnil(L);
		lua_pushstring(L, err.msg);
		return 2;
	}
	lb_mime_charge(L, 1);
	return push_part(L, child);
}

/* mime.unlink(part): out of its message; the root cannot be */
static int
unlink_part(lua_State *L)
{
	struct mime_part *part = check(L);

	if (part->parent == NULL)
		return luaL_error(L, "the top part cannot be unlinked");
	mime_unlink(part);
	return 0;
}

/* mime.boundary() -> random letters and digits */
static int
boundary(lua_State *L)
{
	struct str *out = lb_mime_scratch(L);

	mime_boundary_random(out);
	lb_mime_scratch_text(L, out);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "key", key },
	{ "parent", parent },
	{ "first", first },
	{ "child", child },
	{ "next", next },
	{ "place", place },
	{ "is_container", is_container },
	{ "raw", raw },
	{ "content", content },
	{ "set_raw", set_raw },
	{ "set_content", set_content },
	{ "set_text", set_text },
	{ "info", info },
	{ "insert", insert },
	{ "unlink", unlink_part },
	{ "boundary", boundary },
	{ NULL, NULL },
};

void
lb_msys_mime_open(lua_State *L)
{
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "mime");
}
