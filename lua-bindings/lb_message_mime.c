/*
 * lb_message_mime.c - Message: its content as a tree of parts
 *
 * All: events that are given a message; waits no; from KumoMTA Message.
 */
#include "lb.h"
#include "lb_message.h"
#include "lb_mime.h"

#include "milter/header_text.h"
#include "milter/message.h"
#include "milter/mime_body.h"

#include <string.h>
#include <strings.h>

/* Push the whole message as it stands now. */
static void
push_data(lua_State *L, const struct message *m)
{
	struct str *out = lb_mime_scratch(L);
	struct err err;

	if (message_write(out, m, &err) != 0)
		luaL_error(L, "%s", err.msg);
	lb_mime_scratch_text(L, out);
}

/*
 * message:parse_mime() -> MimePart
 *   A copy of the message as it stands now, as a tree.  Changing it does not
 *   change the message: message:set_data(tostring(part)) does.
 *   Never raises on content.  From: KumoMTA.
 */
int
lb_message_parse_mime(lua_State *L)
{
	push_data(L, lb_message_check(L));
	lb_mime_push_parsed(L, lua_gettop(L));
	return 1;
}

/* Where the last </body> of a text begins; its end where it has none. */
static size_t
end_of_html(const struct str *text)
{
	static const char tag[] = "</body>";

	for (size_t i = text->len; i >= sizeof tag - 1; i--) {
		size_t at = i - (sizeof tag - 1);

		if (text->data[at] == '<' &&
		    strncasecmp(text->data + at, tag, sizeof tag - 1) == 0)
			return at;
	}
	return text->len;
}

static void
add(struct str *out, const struct str *body, size_t at, const char *text,
    size_t len, bool html)
{
	str_add(out, str_c(body), at);
	if (!html)
		str_adds(out, "\r\n");
	str_add(out, text, len);
	str_add(out, str_c(body) + at, body->len - at);
}

static void
change_part(lua_State *L, struct mime_part *part, bool html)
{
	struct str *body = lb_mime_scratch(L), *out = lb_mime_scratch(L);
	size_t len;
	const char *text = lb_text(L, 2, &len);

	mime_body(body, part);
	if (!header_text_is_utf8(str_c(body), body->len))
		luaL_error(L, "the text is in a charset that is not known");
	add(out, body, html ? end_of_html(body) : body->len, text, len, html);
	must(mime_body_set(part, str_c(out), out->len, NULL) == 0);
	lua_pop(L, 2);
}

static int
append_text(lua_State *L, bool html)
{
	struct message *m = lb_message_check(L);
	struct mime_structure s;
	struct mime_part *root, *part;
	struct str *out;

	lb_text(L, 2, NULL);
	lua_settop(L, 2);
	push_data(L, m);
	lb_mime_push_parsed(L, 3);
	root = lb_mime_check(L, 4, LB_MIME_PART);
	mime_structure_init(&s, root);
	part = html ? s.html : s.text;
	mime_structure_fini(&s);
	if (part != NULL) {
		change_part(L, part, html);
		out = lb_mime_scratch(L);
		mime_write(out, root);
		lb_message_replace(L, m, str_c(out), out->len);
	}
	lua_pushboolean(L, part != NULL);
	return 1;
}

/*
 * message:append_text_plain(text) -> boolean
 *   Puts a line end and text below the first text/plain that a reader is
 *   shown; false where the message has none.  Only that part is encoded anew.
 *   Raises where the text cannot be read as UTF-8.  From: KumoMTA.
 */
int
lb_message_append_text_plain(lua_State *L)
{
	return append_text(L, false);
}

/*
 * message:append_text_html(text) -> boolean
 *   As append_text_plain with the first text/html, in front of its last
 *   </body>.
 */
int
lb_message_append_text_html(lua_State *L)
{
	return append_text(L, true);
}
