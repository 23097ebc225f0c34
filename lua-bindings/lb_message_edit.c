/*
 * lb_message_edit.c - Message: what changes it
 *
 * Edits are recorded on the message, seen by every later read of it, and
 * carried out by the MTA at the end of the message, unless it is refused.
 *
 * All: events that are given a message; waits no; from KumoMTA Message.
 */
#include "lb.h"
#include "lb_message.h"

#include "milter/header_fold.h"
#include "milter/message.h"
#include "milter/xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADER_MAX ((size_t)256 * 1024)

typedef int add_fn(struct headers *h, const char *name, size_t name_len,
    const char *value, size_t len);

static int
add_header(lua_State *L, add_fn *add)
{
	struct message *m = lb_message_check(L);
	size_t name_len, len;
	const char *name = lb_text(L, 2, &name_len);
	const char *value = lb_text(L, 3, &len);
	struct str folded = { 0 };
	int rc;

	if (len > HEADER_MAX)
		return luaL_argerror(L, 3, "a header of more than 256 kB");
	if (lua_toboolean(L, 4)) {
		header_fold(&folded, value, len);
		value = str_c(&folded);
		len = folded.len;
	}
	rc = add(&m->headers, name, name_len, value, len);
	str_fini(&folded);
	if (rc != 0)
		return luaL_argerror(
		    L, 2, "not a header name (printable ASCII without colon)");
	return 0;
}

/*
 * message:append_header(name, value [, encode])
 *   Adds "name: value" at the end of the header block.  A line break in value
 *   is kept only as a fold (white space follows), so no line is injected.
 *   encode true: long values are folded, non-ASCII is RFC 2047 encoded.
 *   Raises on a name that is none.  From: KumoMTA.
 */
int
lb_message_append_header(lua_State *L)
{
	return add_header(L, headers_append);
}

/*
 * message:prepend_header(name, value [, encode])
 *   As append_header(), at the very top, above the MTA's own Received.
 */
int
lb_message_prepend_header(lua_State *L)
{
	return add_header(L, headers_prepend);
}

/* message:remove_all_named_headers(name): no error where there is none */
int
lb_message_remove_all_named(lua_State *L)
{
	struct message *m = lb_message_check(L);

	headers_remove(&m->headers, lb_text(L, 2, NULL));
	return 0;
}

/* An array of strings at i, or nil; its length, 0 for nil. */
static int
check_names(lua_State *L, int i)
{
	int n;

	if (lua_isnoneornil(L, i))
		return 0;
	luaL_checktype(L, i, LUA_TTABLE);
	n = (int)lua_objlen(L, i);
	for (int k = 1; k <= n; k++) {
		lua_rawgeti(L, i, k);
		if (lua_type(L, -1) != LUA_TSTRING)
			luaL_argerror(L, i, "array of strings expected");
		lua_pop(L, 1);
	}
	return n;
}

/*
 * message:remove_x_headers([names])
 *   names: array of strings, any names; nil or empty: every X- header.
 *   From: KumoMTA.
 */
int
lb_message_remove_x_headers(lua_State *L)
{
	struct message *m = lb_message_check(L);
	int n = check_names(L, 2);

	if (n == 0)
		headers_remove_prefix(&m->headers, "X-");
	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, 2, i);
		headers_remove(&m->headers, lua_tostring(L, -1));
		lua_pop(L, 1);
	}
	return 0;
}

void
lb_message_replace(
    lua_State *L, struct message *m, const char *text, size_t len)
{
	const struct settings *set = state_of(L)->settings;
	struct body_limits limits = { set->message_memory, set->messages_memory,
		set->spool_directory };
	struct err err;

	if (message_set_data(m, text, len, &limits, &err) != 0)
		luaL_error(L, "%s", err.msg);
}

/*
 * message:set_data(text)
 *   text: the whole message, headers and body.  The MTA is told the smallest
 *   set of header changes that makes it so, and the body if it differs.
 *   Raises where a large body cannot be put into its file: disk full.
 *   From: KumoMTA.
 */
int
lb_message_set_data(lua_State *L)
{
	struct message *m = lb_message_check(L);
	size_t len;
	const char *text = lb_text(L, 2, &len);

	lb_message_replace(L, m, text, len);
	return 0;
}

/*
 * message:set_sender(address)
 *   address: string or EnvelopeAddress; "" is the null sender.  Has an effect
 *   in smtp_server_message_received.  Raises when it does not parse.
 *   From: KumoMTA.
 */
int
lb_message_set_sender(lua_State *L)
{
	struct message *m = lb_message_check(L);

	message_set_sender(m, lb_to_address(L, 2));
	return 0;
}

/*
 * message:set_recipient(address or array)
 *   Replaces the recipients of this message (of this batch).  Raises when one
 *   does not parse.  From: KumoMTA.
 */
int
lb_message_set_recipient(lua_State *L)
{
	struct message *m = lb_message_check(L);
	int n = lua_istable(L, 2) ? (int)lua_objlen(L, 2) : 1;
	struct address *list;

	lua_settop(L, 2);
	luaL_checkstack(L, n + 4, "too many recipients");
	for (int i = 1; i <= n; i++) { /* all checked before any is taken */
		if (lua_istable(L, 2))
			lua_rawgeti(L, 2, i);
		else
			lua_pushvalue(L, 2);
		lb_to_address(L, 2 + i);
		lua_replace(L, 2 + i);
	}
	list = xcalloc((size_t)n, sizeof *list);
	for (int i = 0; i < n; i++)
		address_copy(&list[i], lua_touserdata(L, 3 + i));
	message_take_rcpts(m, list, (size_t)n);
	return 0;
}

/*
 * message:add_recipient(address)                    [kumilter's own]
 *   One more recipient of this message.  No error where it is there already.
 */
int
lb_message_add_recipient(lua_State *L)
{
	struct message *m = lb_message_check(L);
	const struct address *a = lb_to_address(L, 2);

	if (!message_has_rcpt(m, a))
		message_add_rcpt(m, a);
	return 0;
}

/*
 * message:remove_recipient(address)                 [kumilter's own]
 *   One recipient less.  No error where it is not there.
 */
int
lb_message_remove_recipient(lua_State *L)
{
	struct message *m = lb_message_check(L);

	message_remove_rcpt(m, lb_to_address(L, 2));
	return 0;
}

/*
 * message:quarantine(reason)                       [kumilter's own]
 *   reason: text for the MTA's log and queue.
 *   The MTA accepts the message and holds it (Postfix: hold queue; Sendmail:
 *   quarantined queue file).  A refusal of the message undoes it.
 */
int
lb_message_quarantine(lua_State *L)
{
	struct message *m = lb_message_check(L);
	size_t len;
	const char *reason = lb_text(L, 2, &len);

	message_quarantine(m, reason, len);
	return 0;
}

/*
 * message:discard()                                [kumilter's own]
 *   The client is told that the message was accepted, and it is dropped (for
 *   the recipients of this batch).  As set_meta('queue', 'null').
 */
int
lb_message_discard(lua_State *L)
{
	lb_message_check(L)->discarded = true;
	return 0;
}
