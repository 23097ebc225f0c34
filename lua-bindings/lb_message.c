/*
 * lb_message.c - Message: the mail as a policy sees and changes it
 *
 * Valid in the events that are given one (smtp_server_data,
 * smtp_server_split_transaction, smtp_server_message_received) until the
 * transaction ends; used later it raises.  Reads give the message with the
 * policy's own edits applied; edits reach the MTA at the end of the message,
 * unless it is refused.
 *
 * Values read from headers are decoded: folds become one space, RFC 2047
 * words become UTF-8; what does not decode comes as it is.
 *
 * All: events that are given a message; waits no; from KumoMTA Message.
 */
#include "lb_message.h"
#include "bindings.h"
#include "lb.h"
#include "lb_address_header.h"
#include "lb_open.h"

#include "milter/header_text.h"
#include "milter/message.h"

#include <string.h>

#define MESSAGE "kumo.Message"

struct box {
	struct message *m;
	bool owned; /* made by kumo.make_message: ends with this object */
};

struct message *
lb_message_check(lua_State *L)
{
	struct box *box = lb_check(L, 1, MESSAGE);

	if (box->m == NULL)
		luaL_error(L, "message used after its transaction ended");
	return box->m;
}

/*
 * message:get_meta(name) -> value or nil
 *   What set_meta() was given, by any event of this message; a table comes as
 *   a copy.
 */
static int
get_meta(lua_State *L)
{
	return lb_meta_get(L, lb_message_check(L)->meta);
}

/*
 * message:set_meta(name, value)
 *   Seen by later events of this message only.  "queue" set to "null" makes
 *   smtp_server_message_received discard the message.
 */
static int
set_meta(lua_State *L)
{
	return lb_meta_set(L, lb_message_check(L)->meta);
}

/* message:id() -> 32 hex digits, unique for each message and batch */
static int
id(lua_State *L)
{
	lua_pushstring(L, lb_message_check(L)->id);
	return 1;
}

/*
 * message:sender() -> address
 *   An EnvelopeAddress; its user and domain are "" for the null sender.
 */
static int
sender(lua_State *L)
{
	lb_push_address(L, &lb_message_check(L)->sender);
	return 1;
}

static void
push_rcpts(lua_State *L, const struct message *m)
{
	lua_createtable(L, (int)m->n_rcpt, 0);
	for (size_t i = 0; i < m->n_rcpt; i++) {
		lb_push_address(L, &m->rcpt[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lb_mark_array(L);
}

/*
 * message:recipient() -> nil, an address, or an array of several
 *   Of this batch; EnvelopeAddresses.
 */
static int
recipient(lua_State *L)
{
	struct message *m = lb_message_check(L);

	if (m->n_rcpt == 0)
		lua_pushnil(L);
	else if (m->n_rcpt == 1)
		lb_push_address(L, &m->rcpt[0]);
	else
		push_rcpts(L, m);
	return 1;
}

/*
 * message:recipient_list() -> array of addresses
 *   Of this batch; empty where it has none.
 */
static int
recipient_list(lua_State *L)
{
	push_rcpts(L, lb_message_check(L));
	return 1;
}

/*
 * message:get_data() -> string
 *   The whole message, with the edits that were made, CRLF line ends.
 *   Raises where the file that holds a large body cannot be read.
 */
static int
get_data(lua_State *L)
{
	struct message *m = lb_message_check(L);
	struct str out = { 0 };
	struct err err;

	if (message_write(&out, m, &err) != 0) {
		str_fini(&out);
		return luaL_error(L, "get_data: %s", err.msg);
	}
	lb_push_str(L, &out);
	return 1;
}

static void
push_value(lua_State *L, const struct header *f)
{
	struct str out = { 0 };

	header_text_decode(&out, f->raw, f->raw_len);
	lb_push_str(L, &out);
}

/*
 * message:get_first_named_header_value(name) -> string or nil
 *   Of the first header of that name, decoded; nil where there is none.
 */
static int
get_first(lua_State *L)
{
	struct message *m = lb_message_check(L);
	size_t at = 0;
	const struct header *f =
	    headers_next(&m->headers, lb_text(L, 2, NULL), &at);

	if (f == NULL)
		lua_pushnil(L);
	else
		push_value(L, f);
	return 1;
}

/*
 * message:get_all_named_header_values(name) -> array of strings
 *   Of all headers of that name, from the top, decoded; empty where there is
 *   none.
 */
static int
get_all_named(lua_State *L)
{
	struct message *m = lb_message_check(L);
	const char *name = lb_text(L, 2, NULL);
	const struct header *f;
	size_t at = 0;

	lua_newtable(L);
	for (int n = 1; (f = headers_next(&m->headers, name, &at)) != NULL;
	     n++) {
		push_value(L, f);
		lua_rawseti(L, -2, n);
	}
	lb_mark_array(L);
	return 1;
}

/*
 * message:get_all_headers() -> array of { name, value }
 *   From the top; names as written, values decoded.
 */
static int
get_all(lua_State *L)
{
	struct message *m = lb_message_check(L);

	lua_createtable(L, (int)m->headers.n, 0);
	for (size_t i = 0; i < m->headers.n; i++) {
		const struct header *f = &m->headers.field[i];

		lua_createtable(L, 2, 0);
		lua_pushlstring(L, f->name, f->name_len);
		lua_rawseti(L, -2, 1);
		push_value(L, f);
		lua_rawseti(L, -2, 2);
		lb_mark_array(L);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lb_mark_array(L);
	return 1;
}

/*
 * message:queue_id() -> string or nil               [kumilter's own]
 *   The MTA's queue id, for logs.
 */
static int
queue_id(lua_State *L)
{
	lua_pushstring(L, lb_message_check(L)->content->queue_id);
	return 1;
}

/* message:size() -> octets of get_data()            [kumilter's own] */
static int
size(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)message_size(lb_message_check(L)));
	return 1;
}

/* message:num_attempts() -> 0: it was not tried yet */
static int
num_attempts(lua_State *L)
{
	lb_message_check(L);
	lua_pushinteger(L, 0);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "get_meta", get_meta },
	{ "set_meta", set_meta },
	{ "id", id },
	{ "sender", sender },
	{ "recipient", recipient },
	{ "recipient_list", recipient_list },
	{ "get_data", get_data },
	{ "get_first_named_header_value", get_first },
	{ "get_all_named_header_values", get_all_named },
	{ "get_all_headers", get_all },
	{ "get_address_header", lb_message_get_address_header },
	{ "from_header", lb_message_from_header },
	{ "to_header", lb_message_to_header },
	{ "queue_id", queue_id },
	{ "size", size },
	{ "num_attempts", num_attempts },
	{ "append_header", lb_message_append_header },
	{ "prepend_header", lb_message_prepend_header },
	{ "remove_all_named_headers", lb_message_remove_all_named },
	{ "remove_x_headers", lb_message_remove_x_headers },
	{ "import_x_headers", lb_message_import_x_headers },
	{ "import_headers", lb_message_import_headers },
	{ "add_authentication_results", lb_message_add_auth_results },
	{ "set_data", lb_message_set_data },
	{ "parse_mime", lb_message_parse_mime },
	{ "append_text_plain", lb_message_append_text_plain },
	{ "append_text_html", lb_message_append_text_html },
	{ "set_sender", lb_message_set_sender },
	{ "set_recipient", lb_message_set_recipient },
	{ "add_recipient", lb_message_add_recipient },
	{ "remove_recipient", lb_message_remove_recipient },
	{ "quarantine", lb_message_quarantine },
	{ "discard", lb_message_discard },
	{ "increment_num_attempts", lb_message_no_effect },
	{ "set_due", lb_message_no_effect },
	{ "set_scheduling", lb_message_no_effect },
	{ "import_scheduling_header", lb_message_import_scheduling },
	{ "save", lb_message_no_effect },
	{ "shrink", lb_message_no_effect_true },
	{ "shrink_data", lb_message_no_effect_true },
	{ "set_force_sync", lb_message_no_effect },
	{ "arc_verify", lb_message_arc_verify },
	{ "check_fix_conformance", lb_message_check_fix_conformance },
	{ "parse_rfc3464", lb_message_parse_rfc3464 },
	{ "parse_rfc5965", lb_message_parse_rfc5965 },
	{ "queue_name", lb_message_queue_name },
	{ NULL, NULL },
};

static int
message_gc(lua_State *L)
{
	struct box *box = lb_check(L, 1, MESSAGE);

	if (box->owned)
		message_free(box->m);
	box->m = NULL;
	return 0;
}

static const luaL_Reg meta[] = {
	{ "__gc", message_gc },
	{ NULL, NULL },
};

static const struct lb_class class = { MESSAGE, NULL, methods, meta };

/*
 * kumo.make_message(sender, recipient, text) -> message
 *   sender, recipient: string or EnvelopeAddress.  text: headers and body.
 *   A message of its own, bound to no transaction: for tests and for working
 *   on text with Message's methods.  It lives as long as it is referred to.
 *   Raises when an address does not parse.  Events: any.  Waits: no.
 *   From: KumoMTA kumo.make_message.
 */
static int
make_message(lua_State *L)
{
	const struct address *sender, *rcpt;
	const char *text;
	struct box *box;
	size_t len;

	lua_settop(L, 3); /* what lb_to_address() pushes is no argument */
	sender = lb_to_address(L, 1);
	rcpt = lb_to_address(L, 2);
	text = lb_text(L, 3, &len);
	box = lb_new(L, MESSAGE, sizeof *box);
	box->m = message_new(sender, sender->email);
	box->owned = true;
	message_add_rcpt(box->m, rcpt);
	message_complete(box->m);
	lb_message_replace(L, box->m, text, len);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "make_message", make_message },
	{ NULL, NULL },
};

void
lb_message_open(lua_State *L)
{
	lb_class_open(L, &class);
	luaL_register(L, NULL, functions);
}

void
bindings_push_message(lua_State *L, struct message *m)
{
	struct box *box;

	if (m->handle != NULL) {
		lua_rawgeti(L, LUA_REGISTRYINDEX, m->handle_ref);
		return;
	}
	box = lb_new(L, MESSAGE, sizeof *box);
	lua_pushvalue(L, -1);
	m->handle_ref = luaL_ref(L, LUA_REGISTRYINDEX);
	box->m = m;
	m->handle = (void **)&box->m;
}
