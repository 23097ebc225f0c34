/*
 * lb_mime_header.c - Header: one field of a part, as headers:iter() gives it
 *
 * A copy: it stays as it is whatever becomes of the part.
 *   header.name           as written
 *   header.raw_value      folds and all, without the white space around it
 *   header.unstructured   decoded: one line of UTF-8
 *   header.value          as what it is by its name, decoded:
 *     From, Resent-From            array of { name, address = { local_part,
 *                                  domain } }
 *     Sender, Resent-Sender        one of these
 *     To, Cc, Bcc, Reply-To, Resent-To, Resent-Cc, Resent-Bcc
 *                                  array of these and of groups { name,
 *                                  entries = array of these }
 *     Message-ID, Content-ID       string without its angle brackets
 *     References                   array of those
 *     Content-Type, Content-Disposition, Content-Transfer-Encoding
 *                                  { value, parameters = { name = value } }
 *     Authentication-Results       { serv_id, version, results = array of
 *                                  { method, method_version, result, reason,
 *                                  props = { ["ptype.property"] = value } } }
 *     others                       as unstructured
 *   header.mailbox_list, header.address_list, header.message_id,
 *   header.message_id_list, header.mime_params, header.authentication_results
 *                         read it so, whatever its name
 *   tostring(header)      "Name: value\r\n"
 * Each raises "invalid header NAME: why" where the header is no such thing.
 *
 * All: events any; waits no; from KumoMTA Header.
 */
#include "lb.h"
#include "lb_mime.h"
#include "lb_open.h"

#include "milter/header_text.h"

#include <string.h>

struct header {
	size_t name_len, len;
	char bytes[]; /* the name, NUL, the value */
};

static struct header *
check(lua_State *L)
{
	return lb_check(L, 1, LB_HEADER);
}

static const char *
value_of(const struct header *h)
{
	return h->bytes + h->name_len + 1;
}

void
lb_mime_header_push(lua_State *L, const struct mime_field *f)
{
	size_t len;
	const char *value = mime_field_value(f, &len);
	struct header *h =
	    lb_new(L, LB_HEADER, sizeof *h + f->name_len + 1 + len);

	h->name_len = f->name_len;
	h->len = len;
	memcpy(h->bytes, f->line.p, f->name_len);
	memcpy(h->bytes + f->name_len + 1, value, len);
}

static int
name(lua_State *L)
{
	struct header *h = check(L);

	lua_pushlstring(L, h->bytes, h->name_len);
	return 1;
}

static int
raw_value(lua_State *L)
{
	struct header *h = check(L);

	lua_pushlstring(L, value_of(h), h->len);
	return 1;
}

static int
push_as(lua_State *L, enum lb_mime_kind kind)
{
	struct header *h = check(L);

	lb_mime_value_push(L, kind, h->bytes, value_of(h), h->len);
	return 1;
}

static int
value(lua_State *L)
{
	struct header *h = check(L);

	return push_as(L, lb_mime_kind_of(h->bytes, h->name_len));
}

static int
unstructured(lua_State *L)
{
	return push_as(L, LB_MIME_TEXT);
}

static int
mailbox_list(lua_State *L)
{
	return push_as(L, LB_MIME_MAILBOX_LIST);
}

static int
address_list(lua_State *L)
{
	return push_as(L, LB_MIME_ADDRESS_LIST);
}

static int
message_id(lua_State *L)
{
	return push_as(L, LB_MIME_ID);
}

static int
message_id_list(lua_State *L)
{
	return push_as(L, LB_MIME_ID_LIST);
}

static int
mime_params(lua_State *L)
{
	return push_as(L, LB_MIME_PARAMS);
}

static int
authentication_results(lua_State *L)
{
	return push_as(L, LB_MIME_AUTH_RESULTS);
}

static int
to_string(lua_State *L)
{
	struct header *h = check(L);

	lua_pushlstring(L, h->bytes, h->name_len);
	lua_pushliteral(L, ": ");
	lua_pushlstring(L, value_of(h), h->len);
	lua_pushliteral(L, "\r\n");
	lua_concat(L, 4);
	return 1;
}

static const luaL_Reg fields[] = {
	{ "name", name },
	{ "raw_value", raw_value },
	{ "unstructured", unstructured },
	{ "value", value },
	{ "mailbox_list", mailbox_list },
	{ "address_list", address_list },
	{ "message_id", message_id },
	{ "message_id_list", message_id_list },
	{ "mime_params", mime_params },
	{ "authentication_results", authentication_results },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__tostring", to_string },
	{ NULL, NULL },
};

static const struct lb_class class = { LB_HEADER, fields, NULL, meta };

void
lb_mime_header_open(lua_State *L)
{
	lb_class_open(L, &class);
}
