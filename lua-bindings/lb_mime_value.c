#include "lb.h"
#include "lb_mime.h"

#include "milter/auth_results_parse.h"
#include "milter/header_text.h"
#include "milter/mailbox.h"
#include "milter/message_id.h"
#include "milter/mime_param.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIST "kumo.MimeMailboxes"

static const struct {
	const char *name;
	enum lb_mime_kind kind;
} kinds[] = {
	{ "From", LB_MIME_MAILBOX_LIST },
	{ "Resent-From", LB_MIME_MAILBOX_LIST },
	{ "Sender", LB_MIME_MAILBOX },
	{ "Resent-Sender", LB_MIME_MAILBOX },
	{ "To", LB_MIME_ADDRESS_LIST },
	{ "Cc", LB_MIME_ADDRESS_LIST },
	{ "Bcc", LB_MIME_ADDRESS_LIST },
	{ "Reply-To", LB_MIME_ADDRESS_LIST },
	{ "Resent-To", LB_MIME_ADDRESS_LIST },
	{ "Resent-Cc", LB_MIME_ADDRESS_LIST },
	{ "Resent-Bcc", LB_MIME_ADDRESS_LIST },
	{ "Message-ID", LB_MIME_ID },
	{ "Content-ID", LB_MIME_ID },
	{ "References", LB_MIME_ID_LIST },
	{ "Content-Type", LB_MIME_PARAMS },
	{ "Content-Disposition", LB_MIME_PARAMS },
	{ "Content-Transfer-Encoding", LB_MIME_PARAMS },
	{ "Authentication-Results", LB_MIME_AUTH_RESULTS },
};

enum lb_mime_kind
lb_mime_kind_of(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strlen(kinds[i].name) == len &&
		    strncasecmp(kinds[i].name, name, len) == 0)
			return kinds[i].kind;
	return LB_MIME_TEXT;
}

static int
invalid(lua_State *L, const char *name, const char *why)
{
	return luaL_error(L, "invalid header %s: %s", name, why);
}

/* ---- mailboxes ---------------------------------------------------------- */

static void
push_mailbox(lua_State *L, const struct mailbox *m)
{
	lua_createtable(L, 0, 2);
	if (m->name != NULL) {
		lua_pushlstring(L, m->name, m->name_len);
		lua_setfield(L, -2, "name");
	}
	lua_createtable(L, 0, 2);
	lua_pushstring(L, m->local != NULL ? m->local : "");
	lua_setfield(L, -2, "local_part");
	lua_pushstring(L, m->domain != NULL ? m->domain : "");
	lua_setfield(L, -2, "domain");
	lua_setfield(L, -2, "address");
}

static void
push_boxes(lua_State *L, const struct mailbox *m, size_t n)
{
	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		push_mailbox(L, &m[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lb_mark_array(L);
}

static void
push_entries(lua_State *L, const struct mailbox_list *list)
{
	lua_createtable(L, (int)list->n_entries, 0);
	for (size_t i = 0; i < list->n_entries; i++) {
		const struct mailbox_entry *e = &list->entry[i];

		if (e->is_group) {
			lua_createtable(L, 0, 2);
			lua_pushlstring(L, e->name, e->name_len);
			lua_setfield(L, -2, "name");
			push_boxes(L, list->box + e->first, e->n);
			lua_setfield(L, -2, "entries");
		} else {
			push_mailbox(L, &list->box[e->first]);
		}
		lua_rawseti(L, -2, (int)i + 1);
	}
	lb_mark_array(L);
}

/* Parse, check that it is of this kind, push what frees it. */
static const struct mailbox_list *
push_list(lua_State *L, enum lb_mime_kind kind, const char *name,
    const char *text, size_t len)
{
	struct err err;
	struct mailbox_list **own = lb_new(L, LIST, sizeof *own), *list;
	bool has_group = false;

	list = *own = mailbox_list_parse(text, len, &err);
	if (list == NULL)
		invalid(L, name, err.msg);
	for (size_t i = 0; i < list->n_entries; i++)
		has_group |= list->entry[i].is_group;
	if (kind != LB_MIME_ADDRESS_LIST && has_group)
		invalid(L, name, "a group where a mailbox is expected");
	if (kind == LB_MIME_MAILBOX && list->n_boxes != 1)
		invalid(L, name, "one mailbox expected");
	return list;
}

static int
list_gc(lua_State *L)
{
	free(*(struct mailbox_list **)lb_check(L, 1, LIST));
	return 0;
}

static void
push_mailboxes(lua_State *L, enum lb_mime_kind kind, const char *name,
    const char *text, size_t len)
{
	const struct mailbox_list *list = push_list(L, kind, name, text, len);

	if (kind == LB_MIME_MAILBOX)
		push_mailbox(L, &list->box[0]);
	else if (kind == LB_MIME_MAILBOX_LIST)
		push_boxes(L, list->box, list->n_boxes);
	else
		push_entries(L, list);
	lua_replace(L, -2);
}

/* ---- the others --------------------------------------------------------- */

static void
push_id(lua_State *L, const char *name, const char *text, size_t len)
{
	const char *id = message_id_next(&text, text + len, &len);

	if (id == NULL)
		invalid(L, name, "no id in angle brackets");
	lua_pushlstring(L, id, len);
}

static void
push_ids(lua_State *L, const char *name, const char *text, size_t len)
{
	const char *end = text + len, *id;
	int n = 0;

	lua_newtable(L);
	while ((id = message_id_next(&text, end, &len)) != NULL) {
		lua_pushlstring(L, id, len);
		lua_rawseti(L, -2, ++n);
	}
	if (n == 0)
		invalid(L, name, "no id in angle brackets");
	lb_mark_array(L);
}

static void
push_params(lua_State *L, const char *name, const char *text, size_t len)
{
	struct mime_value v;
	bool empty;

	mime_value_parse(&v, text, len);
	empty = v.value[0] == '\0';
	lua_createtable(L, 0, 2);
	lua_pushstring(L, v.value);
	lua_setfield(L, -2, "value");
	lua_createtable(L, 0, (int)v.n);
	for (size_t i = 0; i < v.n; i++) {
		lua_pushstring(L, v.param[i].name);
		lua_pushlstring(L, v.param[i].value, v.param[i].len);
		lua_rawset(L, -3);
	}
	lua_setfield(L, -2, "parameters");
	mime_value_fini(&v);
	if (empty)
		invalid(L, name, "it has no value");
}

static void
push_auth_results(lua_State *L, const char *name, const char *text, size_t len)
{
	struct err err;
	json_t *value = auth_results_parse(text, len, &err);

	if (value == NULL)
		invalid(L, name, err.msg);
	lb_pushjson(L, value);
	json_decref(value);
}

void
lb_mime_value_push(lua_State *L, enum lb_mime_kind kind, const char *name,
    const char *text, size_t len)
{
	struct str *out;

	switch (kind) {
	case LB_MIME_TEXT:
		out = lb_mime_scratch(L);
		header_text_decode(out, text, len);
		lb_mime_scratch_text(L, out);
		break;
	case LB_MIME_MAILBOX:
	case LB_MIME_MAILBOX_LIST:
	case LB_MIME_ADDRESS_LIST:
		push_mailboxes(L, kind, name, text, len);
		break;
	case LB_MIME_ID:
		push_id(L, name, text, len);
		break;
	case LB_MIME_ID_LIST:
		push_ids(L, name, text, len);
		break;
	case LB_MIME_PARAMS:
		push_params(L, name, text, len);
		break;
	case LB_MIME_AUTH_RESULTS:
		push_auth_results(L, name, text, len);
		break;
	}
}

static const luaL_Reg list_meta[] = {
	{ "__gc", list_gc },
	{ NULL, NULL },
};

static const struct lb_class list_class = { LIST, NULL, NULL, list_meta };

void
lb_mime_value_open(lua_State *L)
{
	lb_class_open(L, &list_class);
}
