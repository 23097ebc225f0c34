/*
 * lb_msys_text.c - native.text: addresses in a text, parts of a message
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/mailbox.h"
#include "milter/mime.h"
#include "milter/mime_body.h"

#include <stdlib.h>
#include <string.h>

#define LIST "kumo.MailboxList"

/* ---- addresses ---------------------------------------------------------- */

static const char *const components[] = { "all", "localpart", "user", "detail",
	"domain", NULL };

enum component {
	COMPONENT_ALL,
	COMPONENT_LOCALPART,
	COMPONENT_USER,
	COMPONENT_DETAIL,
	COMPONENT_DOMAIN,
};

static void
push_component(lua_State *L, const struct mailbox *m, enum component c)
{
	const char *plus = strchr(m->local, '+');

	switch (c) {
	case COMPONENT_ALL:
		lua_pushstring(L, m->email);
		break;
	case COMPONENT_USER:
		if (plus == NULL)
			plus = strchr(m->local, '\0');
		lua_pushlstring(L, m->local, (size_t)(plus - m->local));
		break;
	case COMPONENT_LOCALPART:
		lua_pushstring(L, m->local);
		break;
	case COMPONENT_DETAIL:
		lua_pushstring(L, plus != NULL ? plus + 1 : "");
		break;
	case COMPONENT_DOMAIN:
		lua_pushstring(L, m->domain);
		break;
	}
}

struct list {
	struct mailbox_list *list;
};

static int
list_gc(lua_State *L)
{
	struct list *box = lb_check(L, 1, LIST);

	free(box->list);
	box->list = NULL;
	return 0;
}

/*
 * text.addresses(text, component) -> array | nil, why
 *   Of each mailbox in it, those in groups included: "all", "localpart",
 *   "user" and "detail" (before and behind the first '+' of the local part;
 *   no detail is ""), or "domain".  "<>" is none.  nil: it is no list of
 *   addresses.
 */
static int
addresses(lua_State *L)
{
	size_t len;
	const char *text = lb_text(L, 1, &len);
	enum component c =
	    (enum component)luaL_checkoption(L, 2, "all", components);
	struct list *box = lb_new(L, LIST, sizeof *box);
	const struct mailbox_list *list;
	struct err err;
	int n = 0;

	list = box->list = mailbox_list_parse(text, len, &err);
	if (list == NULL) {
		lua_pushnil(L);
		lua_pushstring(L, err.msg);
		return 2;
	}
	lua_createtable(L, (int)list->n_boxes, 0);
	for (size_t i = 0; i < list->n_boxes; i++) {
		if (list->box[i].email == NULL)
			continue;
		push_component(L, &list->box[i], c);
		lua_rawseti(L, -2, ++n);
	}
	free(box->list);
	box->list = NULL;
	return 1;
}

/* ---- parts -------------------------------------------------------------- */

static bool
is_text(const struct mime_part *part)
{
	struct mime_info info;
	bool yes;

	mime_info_init(&info, part);
	yes = info.is_text;
	mime_info_fini(&info);
	return yes;
}

/* The n-th leaf below part, counting from 1; *n is what is left to count. */
static const struct mime_part *
find_leaf(const struct mime_part *part, size_t *n, bool text_only)
{
	const struct mime_part *found;

	if (part->n_children == 0) {
		if (text_only && !is_text(part))
			return NULL;
		return --*n == 0 ? part : NULL;
	}
	for (size_t i = 0; i < part->n_children; i++)
		if ((found = find_leaf(part->child[i], n, text_only)) != NULL)
			return found;
	return NULL;
}

/*
 * text.part(message, n, text_only, decoded) -> string or nil
 *   The n-th part that holds no others, from 1, text_only: of those of a
 *   text/ type.  As it stands with its headers, or only its body decoded, in
 *   UTF-8.  nil: there are not so many.
 */
static int
part(lua_State *L)
{
	size_t len, n;
	const char *text = lb_text(L, 1, &len);
	const struct mime_part *found;
	struct mime_tree *tree;
	struct str out = { 0 };

	n = (size_t)lb_integer(L, 2, 1, MIME_PARTS_MAX);
	tree = mime_parse(text, len);
	found = find_leaf(tree->root, &n, lua_toboolean(L, 3));
	if (found != NULL && lua_toboolean(L, 4))
		mime_body(&out, found);
	else if (found != NULL)
		mime_write(&out, found);
	mime_free(tree);
	if (found == NULL)
		lua_pushnil(L);
	else
		lb_push_str(L, &out);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "addresses", addresses },
	{ "part", part },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = { { "__gc", list_gc }, { NULL, NULL } };

static const struct lb_class class = { LIST, NULL, NULL, meta };

void
lb_msys_text_open(lua_State *L)
{
	lb_class_open(L, &class);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "text");
}
