/*
 * lb_header_map.c - HeaderMap: the fields in the head of a part
 *
 * It shows the part as it is at each time, and its changes are the part's.
 *
 * For each NAME of from, sender, to, cc, bcc, reply_to, resent_from,
 * resent_sender, resent_to, resent_cc, resent_bcc, subject, comments,
 * mime_version, message_id, content_id, references, content_type,
 * content_disposition and content_transfer_encoding:
 *
 * headers:NAME() -> value or nil
 *   What the first header of that name says, as header.value has it; nil
 *   without one.  Raises "invalid header X: why" where it cannot be read as
 *   that.
 *
 * headers:set_NAME(value)
 *   Writes over that header, or appends one.  value: text as it stands in a
 *   header, checked, or what the function without "set_" gives; subject,
 *   comments and mime_version take any text, encoded as it needs.
 *   set_resent_from writes Resent-From, where KumoMTA's writes From.
 *
 *   tostring(headers)   the block as written
 *
 * All: events any; waits no; from KumoMTA HeaderMap.
 */
#include "lb.h"
#include "lb_mime.h"
#include "lb_open.h"

#include "milter/mime_field.h"
#include "milter/mime_param.h"

#include <string.h>
#include <strings.h>

#define VALUE_MAX ((size_t)256 * 1024)

static struct mime_part *
check(lua_State *L)
{
	return lb_mime_check(L, 1, LB_HEADER_MAP);
}

void
lb_header_map_push(lua_State *L, int i, struct mime_part *part)
{
	lb_mime_push(L, i, LB_HEADER_MAP, part);
}

static void
put(lua_State *L, enum mime_field_place where, int i, bool as_is,
    const char *value, size_t len)
{
	struct mime_part *part = check(L);
	size_t name_len;
	const char *name = lb_text(L, i, &name_len);

	if (len > VALUE_MAX)
		luaL_argerror(L, i + 1, "a header of more than 256 kB");
	if (part->tree->n_fields >= MIME_FIELDS_MAX)
		luaL_error(L, "more than %d headers", MIME_FIELDS_MAX);
	if (mime_field_put(part, where, name, name_len, value, len, as_is) != 0)
		luaL_argerror(
		    L, i, "not a header name (printable ASCII without colon)");
	if (strcasecmp(name, "Content-Type") == 0)
		mime_follow_type(part);
	lb_mime_charge(L, 1);
}

/*
 * headers:append(name, value)
 *   Adds a header below the others.  value: wrapped where it is long, encoded
 *   where it is not ASCII; it is one header, whatever it holds.
 *   Raises on a name that is none.
 */
static int
append(lua_State *L)
{
	size_t len;
	const char *value = lb_text(L, 3, &len);

	put(L, MIME_FIELD_END, 2, false, value, len);
	return 0;
}

/* headers:prepend(name, value): as append, above the others */
static int
prepend(lua_State *L)
{
	size_t len;
	const char *value = lb_text(L, 3, &len);

	put(L, MIME_FIELD_TOP, 2, false, value, len);
	return 0;
}

/* headers:remove_all_named(name): no error where there is none */
static int
remove_all_named(lua_State *L)
{
	struct mime_part *part = check(L);

	mime_field_remove(part, lb_text(L, 2, NULL));
	return 0;
}

/* headers:get_first_named(name) -> Header or nil: from the top */
static int
get_first_named(lua_State *L)
{
	const struct mime_field *f =
	    mime_field_first(check(L), lb_text(L, 2, NULL));

	if (f == NULL)
		lua_pushnil(L);
	else
		lb_mime_header_push(L, f);
	return 1;
}

/* Upvalues: an array of Header, how many were given. */
static int
next_header(lua_State *L)
{
	int at = (int)lua_tointeger(L, lua_upvalueindex(2)) + 1;

	lua_pushinteger(L, at);
	lua_replace(L, lua_upvalueindex(2));
	lua_rawgeti(L, lua_upvalueindex(1), at);
	return 1;
}

/*
 * headers:iter([name]) -> function that gives the next Header, then nil
 *   All of them, or those of that name, as they are at the call: a loop may
 *   change them.
 */
static int
iter(lua_State *L)
{
	struct mime_part *part = check(L);
	const char *wanted = lb_opt_text(L, 2, NULL);
	const struct mime_field *f;
	size_t at = 0;

	lua_newtable(L);
	for (int n = 1; (f = mime_field_next(part, wanted, &at)) != NULL; n++) {
		lb_mime_header_push(L, f);
		lua_rawseti(L, -2, n);
	}
	lua_pushinteger(L, 0);
	lua_pushcclosure(L, next_header, 2);
	return 1;
}

static int
to_string(lua_State *L)
{
	struct mime_part *part = check(L);
	struct str *out = lb_mime_scratch(L);

	mime_write_head(out, part);
	lb_mime_scratch_text(L, out);
	return 1;
}

/* ---- headers by their names --------------------------------------------- */

static int
get(lua_State *L, const char *name)
{
	const struct mime_field *f = mime_field_first(check(L), name);
	size_t len;
	const char *value;

	if (f == NULL) {
		lua_pushnil(L);
		return 1;
	}
	value = mime_field_value(f, &len);
	lb_mime_value_push(
	    L, lb_mime_kind_of(name, strlen(name)), name, value, len);
	return 1;
}

/* A part that has parts stays a multipart. */
static void
check_type(lua_State *L, const char *name, const struct str *text)
{
	struct mime_value v;
	bool fine;

	if (strcmp(name, "Content-Type") != 0 || check(L)->boundary == NULL)
		return;
	mime_value_parse(&v, str_c(text), text->len);
	fine = mime_value_begins(&v, "multipart/");
	mime_value_fini(&v);
	if (!fine)
		luaL_argerror(L, 2, "the part has parts: it is a multipart");
}

static int
set(lua_State *L, const char *name)
{
	enum lb_mime_kind kind = lb_mime_kind_of(name, strlen(name));
	struct str *value;
	size_t len;
	const char *text;

	check(L);
	lua_settop(L, 2);
	lua_pushstring(L, name);
	if (kind == LB_MIME_TEXT) {
		text = lb_text(L, 2, &len);
		put(L, MIME_FIELD_SET, 3, false, text, len);
		return 0;
	}
	value = lb_mime_scratch(L);
	lb_mime_value_write(L, 2, kind, name, value);
	check_type(L, name, value);
	put(L, MIME_FIELD_SET, 3, true, str_c(value), value->len);
	return 0;
}

#define EACH_HEADER(X)                                                         \
	X(from, "From")                                                        \
	X(sender, "Sender")                                                    \
	X(to, "To")                                                            \
	X(cc, "Cc")                                                            \
	X(bcc, "Bcc")                                                          \
	X(reply_to, "Reply-To")                                                \
	X(resent_from, "Resent-From")                                          \
	X(resent_sender, "Resent-Sender")                                      \
	X(resent_to, "Resent-To")                                              \
	X(resent_cc, "Resent-Cc")                                              \
	X(resent_bcc, "Resent-Bcc")                                            \
	X(subject, "Subject")                                                  \
	X(comments, "Comments")                                                \
	X(mime_version, "Mime-Version")                                        \
	X(message_id, "Message-ID")                                            \
	X(content_id, "Content-ID")                                            \
	X(references, "References")                                            \
	X(content_type, "Content-Type")                                        \
	X(content_disposition, "Content-Disposition")                          \
	X(content_transfer_encoding, "Content-Transfer-Encoding")

#define ACCESSORS(function, name)                                              \
	static int get_##function(lua_State *L)                                \
	{                                                                      \
		return get(L, name);                                           \
	}                                                                      \
	static int set_##function(lua_State *L)                                \
	{                                                                      \
		return set(L, name);                                           \
	}
EACH_HEADER(ACCESSORS)

#define ROWS(function, name)                                                   \
	{ #function, get_##function }, { "set_" #function, set_##function },

static const luaL_Reg methods[] = {
	{ "append", append },
	{ "prepend", prepend },
	{ "remove_all_named", remove_all_named },
	{ "get_first_named", get_first_named },
	{ "iter", iter },
	EACH_HEADER(ROWS){ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__tostring", to_string },
	{ NULL, NULL },
};

static const struct lb_class class = { LB_HEADER_MAP, NULL, methods, meta };

void
lb_header_map_open(lua_State *L)
{
	lb_class_open(L, &class);
}
