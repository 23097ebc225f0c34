/*
 * lb_arc.c - Message: is its chain of ARC intact?
 */
#include "lb.h"
#include "lb_message.h"
#include "lb_open.h"
#include "lb_resolver.h"

#include "milter/arc.h"
#include "milter/clock.h"
#include "milter/co.h"
#include "milter/message.h"

#define CHECK "kumo.ArcCheck"

/* It has all that is verified, so that the message may end meanwhile. */
struct check {
	struct wait wait;
	struct lb_resolver resolver;
	int64_t until; /* no lookup waits longer */
	struct headers headers;
	struct body *body;
	struct str client; /* "": unknown */
	struct arc_answer answer;
};

static void
ask(void *arg, const char *name, struct dns_answer *out)
{
	const struct check *w = arg;

	lb_resolver_ask_until(&w->resolver, name, DNS_TXT, w->until, out);
}

static void
check_block(struct wait *wait, int64_t deadline)
{
	struct check *w = (struct check *)wait;
	struct arc_query q = { .headers = &w->headers,
		.body = w->body,
		.now = clock_wall() / CLOCK_S,
		.kumomta_quirks = w->resolver.settings->kumomta_quirks,
		.ask = ask,
		.arg = w };

	w->until = lb_resolver_end(deadline);
	arc_verify(&q, &w->answer);
}

/* RFC 8617, 6: of a message that has sets */
static void
push_props(lua_State *L, const struct check *w)
{
	bool quirks = w->resolver.settings->kumomta_quirks;

	lua_newtable(L);
	if (w->answer.oldest_pass >= 0) {
		lua_pushfstring(L, "%d", w->answer.oldest_pass);
		lua_setfield(L, -2, "header.oldest-pass");
	}
	if (w->answer.status != ARC_NONE && w->client.len != 0 && !quirks) {
		lua_pushstring(L, str_c(&w->client));
		lua_setfield(L, -2, "smtp.remote-ip");
	}
}

static int
check_finish(struct wait *wait, lua_State *L)
{
	const struct check *w = (struct check *)wait;
	const struct arc_answer *a = &w->answer;

	lua_newtable(L);
	lua_pushstring(L, "arc");
	lua_setfield(L, -2, "method");
	lua_pushstring(L, arc_status_text(a->status));
	lua_setfield(L, -2, "result");
	lua_pushstring(L, a->reason);
	lua_setfield(L, -2, "reason");
	push_props(L, w);
	lua_setfield(L, -2, "props");
	return 1;
}

static int
check_gc(lua_State *L)
{
	struct check *w = lua_touserdata(L, 1);

	headers_fini(&w->headers);
	body_unref(w->body);
	str_fini(&w->client);
	arc_answer_fini(&w->answer);
	w->body = NULL;
	return 0;
}

static void
take_client(struct str *out, const struct message *m)
{
	const char *text =
	    json_string_value(json_object_get(m->meta, "received_from"));
	struct ip ip;
	int port;

	if (text != NULL && ip_parse_port(&ip, &port, text, NULL) == 0)
		ip_format(out, &ip);
}

/*
 * message:arc_verify([resolver]) -> table
 *   Is the chain of those who handled the message intact?  resolver: a name of
 *   kumo.dns.define_resolver.
 *   -> { method = "arc", result = "none", "pass" or "fail", reason, props },
 *   as add_authentication_results and arc_seal take it.  reason: what was
 *   wrong.  props["header.oldest-pass"]: of a chain that passes, the oldest
 *   instance whose ARC-Message-Signature is still right, "0" where all are;
 *   ["smtp.remote-ip"]: of one that has any sets, the client's address.
 *   All errors are "fail", those of the DNS, too.  With kumomta_quirks every
 *   ARC-Message-Signature must be right, and oldest-pass is "0" of a chain
 *   that passes, of one that fails the last instance that was right; without
 *   smtp.remote-ip.
 *   50 sets at the most; 20 s or nine tenths of what the handler has left.
 *   Raises on an unknown resolver.
 *   Events: smtp_server_data and later.  Waits: yes.  From: KumoMTA, RFC 8617.
 */
int
lb_message_arc_verify(lua_State *L)
{
	struct message *m = lb_message_check(L);
	struct lb_resolver resolver;
	struct check *w;

	lua_settop(L, 2);
	if (!dns_is_built())
		return luaL_error(L, "arc_verify: built without libunbound");
	if (!arc_is_built())
		return luaL_error(L, "arc_verify: built without OpenSSL");
	if (lb_resolver_find(L, 2, &resolver) != 0)
		return luaL_error(L, "arc_verify: resolver %s is not defined",
		    lua_tostring(L, 2));
	w = lb_new(L, CHECK, sizeof *w);
	*w = (struct check){ .wait = { check_block, check_finish,
				 "message:arc_verify" },
		.resolver = resolver };
	headers_copy(&w->headers, &m->headers);
	w->body = body_ref(m->body);
	take_client(&w->client, m);
	return co_wait(L);
}

void
lb_arc_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__gc", check_gc }, { NULL, NULL } };
	static const struct lb_class class = { CHECK, NULL, NULL, meta };

	lb_class_open(L, &class);
}
