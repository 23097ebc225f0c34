#include "relay.h"

#include "esmtp_listener.h"
#include "event_call.h"
#include "session_learn.h"
#include "xmalloc.h"

#include <lua.h>
#include <stdlib.h>
#include <string.h>

#define DOMAINS_CACHED 17

/* What the handler says of a domain, as JSON; null for nothing. */
static json_t *
ask(struct session *s, const char *domain, struct verdict *v)
{
	const char *via = session_meta_text(s, "received_via");
	json_t *answer = NULL;
	struct call c;
	struct err err;

	if (call_begin(&c, s, EVENT_LISTENER_DOMAIN, call_deadline(s, false))) {
		lua_pushstring(c.L, domain);
		lua_pushstring(c.L, via != NULL ? via : "0.0.0.0:25");
		bindings_push_conn_meta(c.L, s);
		call_run(&c, 3);
		if (c.result == RUN_OK && lua_gettop(c.L) > 0) {
			answer = bindings_tojson(c.L, 1, &err);
			if (answer == NULL)
				call_fail(&c, err.msg);
		} else if (c.result == RUN_ERROR &&
			   bindings_take_reject(c.L, -1, v)) {
			/* KumoMTA takes a reject here for an error */
			verdict_clear(v);
			call_fail(&c, "kumo.reject has no meaning in "
				      "get_listener_domain");
		}
	}
	call_end(&c, v);
	return answer != NULL ? answer : json_null();
}

static const json_t *
domain_of(struct session *s, const char *domain, struct verdict *v)
{
	struct session_lua *lua = s->lua;
	json_t *known;

	if (lua->domains == NULL)
		lua->domains = json_object();
	known = json_object_get(lua->domains, domain);
	if (known == NULL) {
		known = ask(s, domain, v);
		if (json_object_size(lua->domains) >= DOMAINS_CACHED)
			json_object_clear(lua->domains);
		json_object_set_new_nocheck(lua->domains, domain, known);
	}
	return known;
}

static bool
lists(const json_t *nets, const struct ip *peer)
{
	struct cidr net;

	for (size_t i = 0; i < json_array_size(nets); i++) {
		const char *text = json_string_value(json_array_get(nets, i));

		if (text != NULL && cidr_parse(&net, text, NULL) == 0 &&
		    cidr_contains(&net, peer))
			return true;
	}
	return false;
}

static bool
takes_reports(const json_t *domain, const char *key)
{
	const json_t *value = json_object_get(domain, key);
	const char *text = json_string_value(value);

	return json_is_true(value) ||
	       (text != NULL && strcmp(text, "Ignore") != 0);
}

static void
refuse(struct session *s, struct verdict *v)
{
	char *text = xasprintf("5.7.1 relaying not permitted for %s",
	    s->client != NULL ? s->client : "unknown");

	verdict_refuse(v, 550, DISCONNECT_IF421, text, strlen(text));
	free(text);
}

void
relay_check(struct session *s, const struct address *rcpt, struct verdict *v)
{
	const json_t *from, *to;
	bool from_relays, to_relays;
	struct ip peer;
	int port;
	bool known = session_peer(s, &peer, &port);

	if (!call_has(s, EVENT_LISTENER_DOMAIN) &&
	    !s->lua->epoch->settings.enforce_relay)
		return;
	from = domain_of(s, s->sender.domain, v);
	from_relays =
	    known && lists(json_object_get(from, "relay_from"), &peer);
	if (v->kind != VERDICT_CONTINUE)
		return;
	to = domain_of(s, rcpt->domain, v);
	to_relays = json_is_true(json_object_get(to, "relay_to")) ||
		    takes_reports(to, "log_oob") ||
		    takes_reports(to, "log_arf");
	if (v->kind != VERDICT_CONTINUE ||
	    !s->lua->epoch->settings.enforce_relay)
		return;
	if (!from_relays && !to_relays &&
	    !(known && esmtp_listener_relays_for(s->params, &peer)))
		refuse(s, v);
}
