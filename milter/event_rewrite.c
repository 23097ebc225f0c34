#include "event_rewrite.h"

#include "event_call.h"
#include "log.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

void
event_reply_text(struct str *out, const struct reply *r)
{
	if (r->xcode[0] != '\0')
		str_addf(out, "%s ", r->xcode);
	for (int i = 0; i < r->nlines; i++) {
		if (i > 0)
			str_addc(out, '\n');
		for (const char *p = r->line[i]; *p != '\0'; p++) {
			str_addc(out, *p);
			if (p[0] == '%' && p[1] == '%')
				p++;
		}
	}
}

/* The handler's (status, response): either may be nil. */
static void
take_results(struct call *c, struct verdict *v, const struct str *text)
{
	int code = v->code;
	const char *response = str_c(text);
	size_t len = text->len;

	if (lua_isnumber(c->L, 1))
		code = (int)lua_tointeger(c->L, 1);
	if (lua_isstring(c->L, 2))
		response = lua_tolstring(c->L, 2, &len);
	if (code < 400 || code > 599) {
		call_fail(c,
		    "the status returned is no code that SMTP can refuse with "
		    "(400 to 599)");
		return;
	}
	verdict_refuse(v, code, DISCONNECT_IF421, response, len);
}

void
event_rewrite(struct session *s, enum phase phase,
    const struct event_command *command, const struct reply_rules *rules,
    struct reply *reply)
{
	struct verdict v = { .kind = VERDICT_CONTINUE };
	struct str text = { 0 };
	struct call c;

	if (reply->action != REPLY_TEMPFAIL && reply->action != REPLY_REJECT)
		return;
	if (!call_has(s, EVENT_REWRITE_RESPONSE))
		return;
	v.code = atoi(reply->code);
	event_reply_text(&text, reply);
	if (call_begin(
		&c, s, EVENT_REWRITE_RESPONSE, call_deadline(s, false))) {
		lua_pushinteger(c.L, v.code);
		lua_pushlstring(c.L, str_c(&text), text.len);
		if (command->verb != NULL)
			lua_pushfstring(
			    c.L, "%s%s", command->verb, command->argument);
		else
			lua_pushnil(c.L);
		bindings_push_conn_meta(c.L, s);
		call_run(&c, 4);
		if (c.result == RUN_OK)
			take_results(&c, &v, &text);
	}
	call_end(&c, NULL);
	if (v.kind == VERDICT_REFUSE) {
		reply_fini(reply);
		reply_for(reply, &v, phase, rules);
	}
	verdict_clear(&v);
	str_fini(&text);
}
