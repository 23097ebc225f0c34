/*
 * lb_address_header.c - AddressHeader: the addresses of From:, To: or Cc:
 *
 *   header.user    string: local part without quotes and comments
 *   header.domain  string: domain as written, without comments
 *   header.email   string: both, the local part quoted where it must be
 *   header.name    string: display name, decoded; nil if there is none
 *   header.list    array of entries, those of groups among them
 *   entry.user, entry.domain, entry.email, entry.name
 *                  the same of an entry
 *   tostring(header), tostring(entry) are JSON
 * All but list and tostring are of the header's one mailbox.  They raise "no
 * addresses" for an empty header, "is not a simple single address" for several
 * and "is not a simple address" for a group.  "<>" is an entry whose email is
 * nil; its user and domain raise "no address".  Other fields raise.  Valid for
 * ever: a header is a copy.
 *
 * KumoMTA cuts user and domain out of email at the first '@', so that of
 * "a@b"@c.example its domain is b"@c.example.  Here both are as parsed.
 *
 * All: events any; waits no; from KumoMTA AddressHeader.
 */
#include "lb_address_header.h"

#include "lb.h"
#include "lb_message.h"
#include "lb_open.h"

#include "milter/header_text.h"
#include "milter/mailbox.h"
#include "milter/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER "kumo.AddressHeader"
#define ENTRY "kumo.AddressHeaderEntry"
#define PARSED "kumo.AddressHeaderParsed"

/* An entry points into a header, which is kept alive by its environment. */
struct entry {
	const struct mailbox *m;
};

/* Owns what was parsed until it is a header. */
struct parsed {
	struct mailbox_list *list;
};

/* ---- JSON --------------------------------------------------------------- */

static void
add_escape(luaL_Buffer *b, unsigned char c)
{
	static const char letters[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	char text[8] = "\\";

	for (size_t i = 0; letters[i] != '\0'; i += 2)
		if (letters[i] == (char)c) {
			text[1] = letters[i + 1];
			luaL_addlstring(b, text, 2);
			return;
		}
	snprintf(text, sizeof text, "\\u%04x", c);
	luaL_addlstring(b, text, 6);
}

/* A string, or null.  What is not UTF-8 becomes U+FFFD. */
static void
add_json(luaL_Buffer *b, const char *s, size_t len)
{
	if (s == NULL) {
		luaL_addstring(b, "null");
		return;
	}
	luaL_addchar(b, '"');
	for (size_t i = 0, n; i < len; i += n) {
		unsigned char c = (unsigned char)s[i];

		for (n = 1; n < 4 && i + n < len; n++)
			if (header_text_is_utf8(s + i, n))
				break;
		if (!header_text_is_utf8(s + i, n)) {
			luaL_addstring(b, "\xef\xbf\xbd");
			n = 1;
		} else if (c < ' ' || c == '"' || c == '\\') {
			add_escape(b, c);
		} else {
			luaL_addlstring(b, s + i, n);
		}
	}
	luaL_addchar(b, '"');
}

static void
add_mailbox(luaL_Buffer *b, const struct mailbox *m)
{
	luaL_addstring(b, "{\"name\":");
	add_json(b, m->name, m->name_len);
	luaL_addstring(b, ",\"address\":");
	add_json(b, m->email, m->email != NULL ? strlen(m->email) : 0);
	luaL_addchar(b, '}');
}

static void
add_entry(
    luaL_Buffer *b, const struct mailbox_list *l, const struct mailbox_entry *e)
{
	const struct mailbox *m = l->box + e->first;

	if (!e->is_group) {
		luaL_addstring(b, "{\"Address\":");
		add_mailbox(b, m);
		luaL_addchar(b, '}');
		return;
	}
	luaL_addstring(b, "{\"Group\":{\"name\":");
	add_json(b, e->name_len != 0 ? e->name : NULL, e->name_len);
	luaL_addstring(b, ",\"addresses\":[");
	for (size_t i = 0; i < e->n; i++) {
		if (i > 0)
			luaL_addchar(b, ',');
		add_mailbox(b, m + i);
	}
	luaL_addstring(b, "]}}");
}

/* ---- one mailbox -------------------------------------------------------- */

static int
push_part(lua_State *L, const char *part)
{
	if (part == NULL)
		return luaL_error(L, "no address");
	lua_pushstring(L, part);
	return 1;
}

static int
push_email(lua_State *L, const struct mailbox *m)
{
	if (m->email != NULL)
		lua_pushstring(L, m->email);
	else
		lua_pushnil(L);
	return 1;
}

static int
push_name(lua_State *L, const struct mailbox *m)
{
	if (m->name != NULL)
		lua_pushlstring(L, m->name, m->name_len);
	else
		lua_pushnil(L);
	return 1;
}

/* ---- entries ------------------------------------------------------------ */

static const struct mailbox *
check_entry(lua_State *L)
{
	return ((struct entry *)lb_check(L, 1, ENTRY))->m;
}

static int
entry_user(lua_State *L)
{
	return push_part(L, check_entry(L)->local);
}

static int
entry_domain(lua_State *L)
{
	return push_part(L, check_entry(L)->domain);
}

static int
entry_email(lua_State *L)
{
	return push_email(L, check_entry(L));
}

static int
entry_name(lua_State *L)
{
	return push_name(L, check_entry(L));
}

static int
entry_tostring(lua_State *L)
{
	const struct mailbox *m = check_entry(L);
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	add_mailbox(&b, m);
	luaL_pushresult(&b);
	return 1;
}

/* ---- headers ------------------------------------------------------------ */

static struct mailbox_list *
check_header(lua_State *L)
{
	return lb_check(L, 1, HEADER);
}

/* The one mailbox that there is. */
static const struct mailbox *
check_single(lua_State *L)
{
	const struct mailbox_list *l = check_header(L);

	if (l->n_entries == 0)
		luaL_error(L, "no addresses");
	if (l->n_entries > 1)
		luaL_error(L, "is not a simple single address");
	if (l->entry[0].is_group)
		luaL_error(L, "is not a simple address");
	return l->box;
}

static int
header_user(lua_State *L)
{
	return push_part(L, check_single(L)->local);
}

static int
header_domain(lua_State *L)
{
	return push_part(L, check_single(L)->domain);
}

static int
header_email(lua_State *L)
{
	return push_email(L, check_single(L));
}

static int
header_name(lua_State *L)
{
	return push_name(L, check_single(L));
}

static int
header_list(lua_State *L)
{
	const struct mailbox_list *l = check_header(L);

	lua_createtable(L, 1, 0); /* the environment: what keeps the header */
	lua_pushvalue(L, 1);
	lua_rawseti(L, -2, 1);
	lua_createtable(L, (int)l->n_boxes, 0);
	for (size_t i = 0; i < l->n_boxes; i++) {
		struct entry *e = lb_new(L, ENTRY, sizeof *e);

		e->m = &l->box[i];
		lua_pushvalue(L, -3);
		lua_setfenv(L, -2);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lb_mark_array(L);
	return 1;
}

static int
header_tostring(lua_State *L)
{
	const struct mailbox_list *l = check_header(L);
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	luaL_addchar(&b, '[');
	for (size_t i = 0; i < l->n_entries; i++) {
		if (i > 0)
			luaL_addchar(&b, ',');
		add_entry(&b, l, &l->entry[i]);
	}
	luaL_addchar(&b, ']');
	luaL_pushresult(&b);
	return 1;
}

/* ---- methods of Message ------------------------------------------------- */

static int
parsed_gc(lua_State *L)
{
	struct parsed *box = lb_check(L, 1, PARSED);

	free(box->list);
	box->list = NULL;
	return 0;
}

/* What Lua holds is its own memory, so that the limit of it holds. */
static int
push_header(lua_State *L, const char *name, const struct header *f)
{
	struct parsed *box = lb_new(L, PARSED, sizeof *box);
	struct err err;

	box->list = mailbox_list_parse(f->raw, f->raw_len, &err);
	if (box->list == NULL)
		return luaL_error(L, "%s: %s", name, err.msg);
	mailbox_list_copy(lb_new(L, HEADER, box->list->size), box->list);
	free(box->list);
	box->list = NULL;
	return 1;
}

static int
get_address_header(lua_State *L, const char *name)
{
	const struct message *m = lb_message_check(L);
	size_t at = 0;
	const struct header *f = headers_next(&m->headers, name, &at);

	if (f != NULL)
		return push_header(L, name, f);
	lua_pushnil(L);
	return 1;
}

/*
 * message:get_address_header(name) -> AddressHeader or nil
 *   Reads the first header of that name as RFC 5322 has it.  nil if there is
 *   none.  Raises "From: at byte 5: '@' expected, found '.'" where its value
 *   is no list of addresses: then nobody can say whose mail it is.
 */
int
lb_message_get_address_header(lua_State *L)
{
	lb_message_check(L);
	return get_address_header(L, lb_text(L, 2, NULL));
}

/*
 * message:from_header() -> AddressHeader or nil
 *   get_address_header("From"): message:from_header().domain is the domain of
 *   the author.  Of several From headers, which no mail may have, the first.
 */
int
lb_message_from_header(lua_State *L)
{
	return get_address_header(L, "From");
}

/* message:to_header() -> AddressHeader or nil: get_address_header("To") */
int
lb_message_to_header(lua_State *L)
{
	return get_address_header(L, "To");
}

/* ---- classes ------------------------------------------------------------ */

static const luaL_Reg header_fields[] = {
	{ "user", header_user },
	{ "domain", header_domain },
	{ "email", header_email },
	{ "name", header_name },
	{ "list", header_list },
	{ NULL, NULL },
};

static const luaL_Reg header_meta[] = {
	{ "__tostring", header_tostring },
	{ NULL, NULL },
};

static const luaL_Reg entry_fields[] = {
	{ "user", entry_user },
	{ "domain", entry_domain },
	{ "email", entry_email },
	{ "name", entry_name },
	{ NULL, NULL },
};

static const luaL_Reg entry_meta[] = {
	{ "__tostring", entry_tostring },
	{ NULL, NULL },
};

static const luaL_Reg parsed_meta[] = { { "__gc", parsed_gc }, { NULL, NULL } };

static const struct lb_class classes[] = {
	{ HEADER, header_fields, NULL, header_meta },
	{ ENTRY, entry_fields, NULL, entry_meta },
	{ PARSED, NULL, NULL, parsed_meta },
};

void
lb_address_header_open(lua_State *L)
{
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		lb_class_open(L, &classes[i]);
}
