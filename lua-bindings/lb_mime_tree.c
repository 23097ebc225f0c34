#include "lb.h"
#include "lb_mime.h"

#include "milter/message_id.h"
#include "milter/mime_build.h"
#include "milter/mime_param.h"

#include <string.h>

#define TREE "kumo.MimeTree"
#define SCRATCH "kumo.MimeScratch"

/* Places in the environment table of an object. */
enum { ENV_TREE = 1, ENV_SOURCE, ENV_WEIGHT };

struct tree_box {
	struct mime_tree *tree;
};

static int
tree_gc(lua_State *L)
{
	struct tree_box *box = lb_check(L, 1, TREE);

	mime_free(box->tree);
	box->tree = NULL;
	return 0;
}

static int
scratch_gc(lua_State *L)
{
	str_fini(lb_check(L, 1, SCRATCH));
	return 0;
}

struct str *
lb_mime_scratch(lua_State *L)
{
	return lb_new(L, SCRATCH, sizeof(struct str));
}

void
lb_mime_scratch_text(lua_State *L, struct str *s)
{
	lua_pushlstring(L, str_c(s), s->len);
	str_fini(s);
	lua_replace(L, -2);
}

struct mime_part *
lb_mime_check(lua_State *L, int i, const char *class)
{
	struct lb_mime *box = lb_check(L, i, class);

	if (box->part->removed)
		luaL_error(L, "part used after it was removed from its "
			      "message");
	return box->part;
}

void
lb_mime_push(lua_State *L, int i, const char *class, struct mime_part *part)
{
	struct lb_mime *box;

	lua_getfenv(L, i);
	box = lb_new(L, class, sizeof *box);
	box->part = part;
	lua_insert(L, -2);
	lua_setfenv(L, -2);
}

void
lb_mime_charge(lua_State *L, int i)
{
	struct tree_box *box;
	size_t weight;

	lua_getfenv(L, i);
	lua_rawgeti(L, -1, ENV_TREE);
	box = lua_touserdata(L, -1);
	lua_rawgeti(L, -2, ENV_WEIGHT);
	weight = lua_isnil(L, -1) ? 0 : lua_objlen(L, -1);
	lua_pop(L, 2);
	/* small steps are not worth a block each */
	if (box->tree->owned > weight + 1024) {
		lua_newuserdata(L, box->tree->owned + box->tree->owned / 4);
		lua_rawseti(L, -2, ENV_WEIGHT);
	}
	lua_pop(L, 1);
}

/* The userdata of a tree that is yet to come, and its table above it. */
static struct tree_box *
push_box(lua_State *L)
{
	struct tree_box *box = lb_new(L, TREE, sizeof *box);

	lua_createtable(L, ENV_WEIGHT, 0);
	lua_pushvalue(L, -2);
	lua_rawseti(L, -2, ENV_TREE);
	return box;
}

/* Both are replaced by the root's MimePart. */
static void
finish_box(lua_State *L, struct tree_box *box)
{
	struct lb_mime *root = lb_new(L, LB_MIME_PART, sizeof *root);

	root->part = box->tree->root;
	lua_insert(L, -2);
	lua_setfenv(L, -2);
	lua_replace(L, -2);
	lb_mime_charge(L, lua_gettop(L));
}

void
lb_mime_push_parsed(lua_State *L, int i)
{
	struct tree_box *box = push_box(L);
	size_t len;
	const char *text;

	lua_pushvalue(L, i);
	text = lua_tolstring(L, -1, &len);
	lua_rawseti(L, -2, ENV_SOURCE);
	box->tree = mime_parse(text, len);
	finish_box(L, box);
}

void
lb_mime_push_taken(lua_State *L, struct str *text)
{
	struct tree_box *box = push_box(L);

	box->tree = mime_parse_take(text);
	finish_box(L, box);
}

/* ---- arguments ---------------------------------------------------------- */

const char *
lb_mime_type(lua_State *L, int i)
{
	size_t len;
	const char *text = lb_text(L, i, &len);
	struct mime_value v;

	mime_value_parse(&v, text, len);
	lua_pushstring(L, v.value);
	mime_value_fini(&v);
	if (!mime_build_is_type(lua_tostring(L, -1)))
		luaL_argerror(L, i, "not a content type such as text/plain");
	return lua_tostring(L, -1);
}

static void
check_attach_keys(lua_State *L, int i)
{
	for (lua_pushnil(L); lua_next(L, i); lua_pop(L, 1)) {
		const char *key = lua_type(L, -2) == LUA_TSTRING
				      ? lua_tostring(L, -2)
				      : luaL_typename(L, -2);

		if (strcmp(key, "file_name") != 0 &&
		    strcmp(key, "inline") != 0 &&
		    strcmp(key, "content_id") != 0)
			luaL_argerror(L, i,
			    lua_pushfstring(L,
				"unknown field '%s', expected "
				"file_name, inline or "
				"content_id",
				key));
	}
}

/* "<id>" or "id" of the options, or NULL; pushes. */
static const char *
attach_id(lua_State *L, int i)
{
	const char *id, *p;
	size_t len;

	lua_getfield(L, i, "content_id");
	if (lua_isnil(L, -1))
		return NULL;
	id = p = lb_text(L, lua_gettop(L), &len);
	if (*id == '<')
		id = message_id_next(&p, p + len, &len);
	if (id == NULL || !message_id_is(id, len))
		luaL_argerror(L, i, "content_id is no message id");
	lua_pushlstring(L, id, len);
	lua_replace(L, -2);
	return lua_tostring(L, -1);
}

bool
lb_mime_attach(lua_State *L, int i, struct mime_attach *a)
{
	*a = (struct mime_attach){ 0 };
	if (lua_isnoneornil(L, i))
		return false;
	luaL_checktype(L, i, LUA_TTABLE);
	check_attach_keys(L, i);
	lua_getfield(L, i, "inline");
	a->is_inline = lua_toboolean(L, -1);
	lua_pop(L, 1);
	a->content_id = attach_id(L, i);
	lua_getfield(L, i, "file_name");
	if (!lua_isnil(L, -1))
		a->file_name = lb_text(L, lua_gettop(L), NULL);
	return true;
}

static const luaL_Reg tree_meta[] = {
	{ "__gc", tree_gc },
	{ NULL, NULL },
};

static const luaL_Reg scratch_meta[] = {
	{ "__gc", scratch_gc },
	{ NULL, NULL },
};

static const struct lb_class tree_class = { TREE, NULL, NULL, tree_meta };
static const struct lb_class scratch_class = { SCRATCH, NULL, NULL,
	scratch_meta };

void
lb_mime_tree_open(lua_State *L)
{
	lb_class_open(L, &tree_class);
	lb_class_open(L, &scratch_class);
}
