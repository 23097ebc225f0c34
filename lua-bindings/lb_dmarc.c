/*
 * lb_dmarc.c - kumo.dmarc: the primitive of dmarc.lua
 */
#include "lb.h"
#include "lb_message.h"
#include "lb_open.h"
#include "lb_resolver.h"

#include "milter/auth_results.h"
#include "milter/co.h"
#include "milter/dmarc.h"
#include "milter/dmarc_from.h"
#include "milter/message.h"
#include "milter/public_suffix.h"
#include "milter/xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CHECK "kumo.DmarcCheck"

struct check {
	struct wait wait;
	struct lb_resolver resolver;
	int64_t until; /* no lookup waits longer */
	unsigned chance;
	struct dmarc_from from;
	char **dkim;
	size_t n_dkim;
	bool dkim_unnamed;
	char *spf;
	struct dmarc_answer answer;
	json_t *outcome; /* what Lua is given */
};

static void
ask(void *arg, const char *name, enum dns_type type, struct dns_answer *out)
{
	const struct check *w = arg;

	lb_resolver_ask_until(&w->resolver, name, type, w->until, out);
}

static void
check_block(struct wait *wait, int64_t deadline)
{
	struct check *w = (struct check *)wait;
	struct dmarc_query q = { .from = (const char *const *)w->from.domain,
		.n_from = w->from.n,
		.dkim = (const char *const *)w->dkim,
		.n_dkim = w->n_dkim,
		.dkim_unnamed = w->dkim_unnamed,
		.spf = w->spf,
		.chance = w->chance,
		.kumomta_quirks = w->resolver.settings->kumomta_quirks,
		.ask = ask,
		.arg = w };

	w->until = lb_resolver_end(deadline);
	dmarc_check(&q, &w->answer);
}

/* ---- results ------------------------------------------------------------ */

static void
set(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, json_string(text));
}

/* Push the table of check_msg(), and true before it. */
static int
push(lua_State *L, struct check *w, const char *disposition, const char *result,
    const char *reason, json_t *props)
{
	json_t *r = json_object();

	w->outcome = json_object();
	set(w->outcome, "disposition", disposition);
	json_object_set_new(w->outcome, "result", r);
	set(r, "method", "dmarc");
	set(r, "result", result);
	set(r, "reason", reason);
	json_object_set_new(r, "props", props);
	lua_pushboolean(L, 1);
	lb_pushjson(L, w->outcome);
	return 2;
}

static json_t *
props_of(const struct check *w)
{
	bool quirks = w->resolver.settings->kumomta_quirks;
	const struct dmarc_answer *a = &w->answer;
	bool fails = strcmp(a->result, "fail") == 0;
	json_t *props = json_object();
	char name[32] = "policy.";

	for (int t = 0; a->has_record && t < DMARC_TAGS; t++) {
		if (a->record.value[t] == NULL)
			continue;
		strcpy(name + strlen("policy."),
		    dmarc_tag_text((enum dmarc_tag)t));
		set(props, name, a->record.value[t]);
	}
	if (fails)
		set(props, "policy.published-domain-policy",
		    dmarc_policy_text(a->policy));
	if (!quirks)
		set(props, "header.from", a->from);
	return props;
}

static int
check_finish(struct wait *wait, lua_State *L)
{
	struct check *w = (struct check *)wait;

	return push(L, w, dmarc_disposition_text(w->answer.disposition),
	    w->answer.result, w->answer.reason, props_of(w));
}

/* A message whose From: names no domain. */
static int
push_nobody(lua_State *L, struct check *w)
{
	const char *result = w->from.broken ? "permerror" : "none";

	if (w->resolver.settings->kumomta_quirks)
		result = "None"; /* sic */
	return push(L, w, w->from.broken ? "PermError" : "None", result,
	    w->from.why, json_object());
}

static int
check_gc(lua_State *L)
{
	struct check *w = lua_touserdata(L, 1);

	dmarc_from_fini(&w->from);
	for (size_t i = 0; i < w->n_dkim; i++)
		free(w->dkim[i]);
	free(w->dkim);
	free(w->spf);
	dmarc_answer_fini(&w->answer);
	json_decref(w->outcome);
	w->outcome = NULL;
	w->dkim = NULL;
	w->n_dkim = 0;
	w->spf = NULL;
	return 0;
}

/* ---- what was found before ---------------------------------------------- */

static bool
is_pass(const json_t *result)
{
	const char *text = json_string_value(json_object_get(result, "result"));

	return text != NULL && strcasecmp(text, "pass") == 0;
}

/* NULL where it is not there or empty; what has a NUL in it is no name. */
static const char *
prop(const json_t *result, const char *name)
{
	const json_t *value =
	    json_object_get(json_object_get(result, "props"), name);
	size_t len = json_string_length(value);

	if (len == 0)
		return NULL;
	return strlen(json_string_value(value)) == len
		   ? json_string_value(value)
		   : "?";
}

static char *
domain_of(const char *text)
{
	return text != NULL ? address_domain(text, strlen(text), NULL) : NULL;
}

static void
take_dkim(struct check *w, const json_t *results)
{
	const json_t *r;
	const char *d;
	char *domain;
	size_t i;

	w->dkim = xcalloc(json_array_size(results) + 1, sizeof *w->dkim);
	json_array_foreach (results, i, r) {
		if (!is_pass(r))
			continue;
		d = prop(r, "header.d");
		domain = domain_of(d);
		if (domain != NULL)
			w->dkim[w->n_dkim++] = domain;
		else
			w->dkim_unnamed = true;
	}
}

static void
take_spf(struct check *w, const json_t *result, const struct message *m)
{
	const char *name = prop(result, "smtp.mailfrom"), *at;

	if (!is_pass(result))
		return;
	if (name != NULL) {
		at = strrchr(name, '@');
		name = at != NULL ? at + 1 : name;
	} else {
		name = prop(result, "smtp.helo");
	}
	w->spf = domain_of(name != NULL ? name : m->sender.domain);
}

/* The results at index i: array; or, where it is one, an array of that. */
static json_t *
results_at(lua_State *L, int i, bool one, struct err *err)
{
	json_t *value = NULL, *list;

	if (lua_istable(L, i))
		value = lb_tojson(L, i, NULL, err);
	else
		err_set(err, "a table expected, got %s", luaL_typename(L, i));
	if (value == NULL)
		return NULL;
	list = one ? json_pack("[o]", value) : value;
	if (auth_results_check(list, err) == 0)
		return list;
	json_decref(list);
	return NULL;
}

static int
fail(lua_State *L, const char *fmt, const char *what)
{
	lua_pushboolean(L, 0);
	lua_pushfstring(L, fmt, what);
	return 2;
}

/*
 * native.check(message, dkim_results, resolver, spf_result, chance)
 *   -> true, what check_msg() gives; or false, why
 *   chance: 0 to 99.
 */
static int
check(lua_State *L)
{
	const struct message *m = lb_message_check(L);
	unsigned chance = (unsigned)lb_integer(L, 5, 0, 99);
	struct lb_resolver resolver;
	json_t *dkim, *spf;
	struct check *w;
	struct err err;

	if (!dns_is_built() || !public_suffix_is_built())
		return fail(L, "built without %s",
		    dns_is_built() ? "libpsl" : "libunbound");
	if (lb_resolver_find(L, 3, &resolver) != 0)
		return fail(
		    L, "resolver %s is not defined", lua_tostring(L, 3));
	w = lb_new(L, CHECK, sizeof *w);
	*w =
	    (struct check){ .wait = { check_block, check_finish, "kumo.dmarc" },
		    .resolver = resolver,
		    .chance = chance };
	dkim = results_at(L, 2, false, &err);
	if (dkim == NULL)
		return fail(L, "dkim_results: %s", err.msg);
	take_dkim(w, dkim);
	json_decref(dkim);
	spf = results_at(L, 4, true, &err);
	if (spf == NULL)
		return fail(L, "spf_result: %s", err.msg);
	take_spf(w, json_array_get(spf, 0), m);
	json_decref(spf);
	dmarc_from_read(
	    &w->from, &m->headers, resolver.settings->kumomta_quirks);
	return w->from.n != 0 ? co_wait(L) : push_nobody(L, w);
}

/* native.notice(): once in the life of the process */
static int
no_reports(lua_State *L)
{
	lb_notice(
	    L, "kumo.dmarc.check_msg: use_reporting", "no reports are written");
	return 0;
}

void
lb_dmarc_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__gc", check_gc }, { NULL, NULL } };
	static const struct lb_class class = { CHECK, NULL, NULL, meta };

	lb_class_open(L, &class);
	lb_load_part(L, "dmarc.lua");
	lua_pushvalue(L, -2);
	lua_newtable(L);
	lua_pushcfunction(L, check);
	lua_setfield(L, -2, "check");
	lua_pushcfunction(L, no_reports);
	lua_setfield(L, -2, "notice");
	lua_call(L, 2, 0);
}
