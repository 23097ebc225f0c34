/*
 * lb_message_conform.c - Message: what departs from the standards, repaired
 *
 * All: events that are given a message; waits no; from KumoMTA Message.
 */
#include "lb.h"
#include "lb_message.h"
#include "lb_mime.h"

#include "milter/conformance.h"
#include "milter/message.h"
#include "milter/message_id.h"

#include <string.h>
#include <unistd.h>

#define ME "check_fix_conformance"

struct repair {
	bool detects;
	struct conformance_detect detect;
	const char *id; /* without its brackets, or NULL */
	size_t id_len;
};

/* ---- arguments ---------------------------------------------------------- */

static unsigned
take_issues(lua_State *L, int i)
{
	size_t len;
	const char *names = lb_text(L, i, &len);
	struct err err;
	unsigned set;

	if (conformance_parse(&set, names, len, &err) != 0)
		luaL_error(L, ME ": %s", err.msg);
	return set;
}

/* The array on top of the stack, which keeps the strings. */
static void
take_charsets(lua_State *L, struct conformance_charsets *list, const char *key)
{
	if (lua_type(L, -1) != LUA_TTABLE)
		luaL_error(L, ME ": %s is no array of strings", key);
	list->n = lua_objlen(L, -1);
	if (list->n > CONFORMANCE_CHARSETS_MAX)
		luaL_error(L, ME ": %s has more than %d entries", key,
		    CONFORMANCE_CHARSETS_MAX);
	for (size_t i = 0; i < list->n; i++) {
		lua_rawgeti(L, -1, (int)i + 1);
		if (lua_type(L, -1) != LUA_TSTRING)
			luaL_error(L, ME ": %s is no array of strings", key);
		list->name[i] = lua_tostring(L, -1);
		lua_pop(L, 1);
	}
}

static void
take_id(lua_State *L, struct repair *s)
{
	if (lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L, ME ": message_id is no string");
	s->id = lua_tolstring(L, -1, &s->id_len);
	if (s->id_len > 1 && s->id[0] == '<' && s->id[s->id_len - 1] == '>') {
		s->id++;
		s->id_len -= 2;
	}
	if (!message_id_is(s->id, s->id_len))
		luaL_error(L, ME ": message_id is no message id");
}

/* The table of settings at i, which keeps the strings, or nil. */
static void
take_repair(lua_State *L, int i, struct repair *s)
{
	memset(s, 0, sizeof *s);
	if (lua_isnoneornil(L, i))
		return;
	luaL_checktype(L, i, LUA_TTABLE);
	for (lua_pushnil(L); lua_next(L, i); lua_pop(L, 1)) {
		const char *key =
		    lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";

		if (strcmp(key, "detect_encoding") == 0)
			s->detects = lua_toboolean(L, -1);
		else if (strcmp(key, "include_encodings") == 0)
			take_charsets(L, &s->detect.include, key);
		else if (strcmp(key, "exclude_encodings") == 0)
			take_charsets(L, &s->detect.exclude, key);
		else if (strcmp(key, "message_id") == 0)
			take_id(L, s);
		else
			luaL_error(L, ME ": unknown key \"%s\"", key);
	}
}

/* ---- repair ------------------------------------------------------------- */

/* In place of what is there under this name and says nothing. */
static void
set_header(struct message *m, const char *name, const struct str *value)
{
	headers_remove(&m->headers, name);
	headers_append(
	    &m->headers, name, strlen(name), str_c(value), value->len);
}

/* The null sender has no domain, and the MTA takes others that are none. */
static void
add_id(struct str *out, const struct message *m, const struct repair *s)
{
	char host[256] = "";
	const char *domain = m->sender.domain;

	if (s->id != NULL) {
		str_addc(out, '<');
		str_add(out, s->id, s->id_len);
		str_addc(out, '>');
		return;
	}
	if (!message_id_is(domain, strlen(domain))) {
		gethostname(host, sizeof host - 1);
		domain = message_id_is(host, strlen(host)) ? host : "localhost";
	}
	str_addf(out, "<%s@%s>", m->id, domain);
}

static void
fix_headers(struct message *m, unsigned fixes, const struct repair *s)
{
	struct str value = { 0 };

	if ((fixes & CONFORMANCE_DATE) != 0) {
		conformance_date(&value);
		set_header(m, "Date", &value);
	}
	if ((fixes & CONFORMANCE_MESSAGE_ID) != 0) {
		str_clear(&value);
		add_id(&value, m, s);
		set_header(m, "Message-ID", &value);
	}
	if ((fixes & CONFORMANCE_MIME_VERSION) != 0) {
		str_clear(&value);
		str_adds(&value, "1.0");
		set_header(m, "MIME-Version", &value);
	}
	str_fini(&value);
}

/* Gives the issues that stay. */
static unsigned
fix(lua_State *L, struct message *m, const struct str *data, struct str *fresh,
    unsigned fixes, const struct repair *s)
{
	unsigned anew = fixes & ~CONFORMANCE_HEADERS;

	if (anew != 0) {
		if (!conformance_rebuild(fresh, str_c(data), data->len, anew,
			s->detects ? &s->detect : NULL))
			return anew;
		lb_message_replace(L, m, str_c(fresh), fresh->len);
	}
	fix_headers(m, fixes, s);
	return 0;
}

/*
 * message:check_fix_conformance(checks, fixes [, settings]) -> string or nil
 *   checks, fixes: names of issues with '|' between them, or ""; they
 *   are in kumilter-message(7).
 *   settings: { detect_encoding=, include_encodings=, exclude_encodings=,
 *   message_id= }.
 *   A string names the issues of checks that the message has and fixes does
 *   not name; then nothing is repaired.  nil: what fixes names is repaired.
 *   What has too many parts or levels cannot be written anew: its issues are in
 *   the string, too.
 *   Raises on names and keys that are none.  From: KumoMTA.
 */
int
lb_message_check_fix_conformance(lua_State *L)
{
	struct message *m = lb_message_check(L);
	unsigned checks = take_issues(L, 2), fixes = take_issues(L, 3), found;
	struct repair repair;
	struct str *data, *fresh, *text;
	struct err err;

	lua_settop(L, 4);
	take_repair(L, 4, &repair);
	data = lb_mime_scratch(L);
	fresh = lb_mime_scratch(L);
	text = lb_mime_scratch(L);
	if (message_write(data, m, &err) != 0)
		return luaL_error(L, "%s", err.msg);
	found = conformance_check(str_c(data), data->len);
	checks &= found & ~fixes;
	if (checks == 0)
		checks = fix(L, m, data, fresh, fixes & found, &repair);
	str_fini(data);
	str_fini(fresh);
	if (checks == 0)
		return 0;
	str_adds(text, "Message has conformance issues: ");
	conformance_names(text, checks);
	lb_mime_scratch_text(L, text);
	return 1;
}

/* ---- queue_name --------------------------------------------------------- */

/* A key of the metadata that is set; raises when it is no text. */
static bool
has_text(lua_State *L, const struct message *m, const char *key)
{
	const json_t *value = json_object_get(m->meta, key);

	if (value == NULL || json_is_null(value))
		return false;
	if (!json_is_string(value))
		luaL_error(L, "queue_name: metadata \"%s\" is no string", key);
	return true;
}

/*
 * message:queue_name() -> string
 *   The metadata "queue", else CAMPAIGN:TENANT@DOMAIN!ROUTING_DOMAIN of the
 *   metadata and the first recipient, without what is not set.  A name for
 *   logs: queues are the MTA's.
 *   Raises when one of these is no string, or there is no recipient.
 *   From: KumoMTA.
 */
int
lb_message_queue_name(lua_State *L)
{
	static const char *const parts[] = { "campaign", "tenant",
		"routing_domain" };
	struct message *m = lb_message_check(L);
	struct str name = { 0 };

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		has_text(L, m, parts[i]);
	if (!has_text(L, m, "queue") && m->n_rcpt == 0)
		return luaL_error(L, "queue_name: no recipient");
	message_queue_name(&name, m);
	lb_push_str(L, &name);
	return 1;
}
