#include "dns_spec.h"

#include "clock.h"
#include "dns_servers.h"
#include "dns_zone.h"
#include "duration.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A zone's resolver has a context of libunbound: few are kept. */
#define KEPT 32
#define ATTEMPTS 2

static struct {
	pthread_mutex_t lock;
	struct {
		json_int_t id;
		struct dns_resolver *r; /* or NULL */
		int64_t used;
	} kept[KEPT];
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static atomic_llong last_id;

/* ---- reading ------------------------------------------------------------ */

static bool
among(const char *key, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(key, *list) == 0)
			return true;
	return false;
}

static int
check_keys(const json_t *table, const char *const *known, struct err *err)
{
	const char *key;
	json_t *value;

	/* an empty table of Lua may be either */
	if (!json_is_object(table) && json_array_size(table) != 0)
		return err_set(err, "a table with names expected");
	json_object_foreach ((json_t *)table, key, value)
		if (!among(key, known))
			return err_set(err, "unknown field `%.60s`", key);
	return 0;
}

/* "10s", 10, or { secs = 10, nanos = 0 } */
static int
read_duration(int64_t *ns, const json_t *value, struct err *err)
{
	double s = json_number_value(value);

	if (json_is_string(value))
		return duration_parse(json_string_value(value), ns, err);
	if (json_is_object(value))
		s = json_number_value(json_object_get(value, "secs")) +
		    json_number_value(json_object_get(value, "nanos")) / 1e9;
	else if (!json_is_number(value))
		return err_set(err, "timeout: a duration expected");
	if (!(s >= 0 && s <= 86400))
		return err_set(err, "timeout: out of range");
	*ns = (int64_t)(s * (double)CLOCK_S);
	return 0;
}

static int
read_options(json_t *one, const json_t *options, struct err *err)
{
	static const char *const known[] = { "ndots", "timeout", "attempts",
		"edns0", "validate", "ip_strategy", "cache_size",
		"use_hosts_file", "positive_min_ttl", "negative_min_ttl",
		"positive_max_ttl", "negative_max_ttl", "num_concurrent_reqs",
		"preserve_intermediates", "try_tcp_on_error",
		"server_ordering_strategy", "recursion_desired",
		"case_randomization", "trust_anchor_file", NULL };
	const json_t *timeout = json_object_get(options, "timeout");
	const json_t *tries = json_object_get(options, "attempts");
	double n = tries != NULL ? json_number_value(tries) : ATTEMPTS;
	int64_t ns;

	if (options == NULL)
		return 0;
	if (check_keys(options, known, err) != 0)
		return -1;
	if (tries != NULL && !(json_is_number(tries) && n >= 0 && n <= 1000))
		return err_set(err, "attempts: a number expected");
	if (timeout == NULL)
		return 0;
	if (read_duration(&ns, timeout, err) != 0)
		return -1;
	json_object_set_new(one, "timeout",
	    json_integer((json_int_t)((double)ns * (n > 1 ? n : 1))));
	return 0;
}

static int
read_server(struct str *list, const json_t *server, struct err *err)
{
	static const char *const known[] = { "socket_addr", "protocol",
		"trust_negative_responses", "bind_addr", NULL };
	const char *text = json_string_value(server);

	if (json_is_object(server)) {
		if (check_keys(server, known, err) != 0)
			return -1;
		text =
		    json_string_value(json_object_get(server, "socket_addr"));
	}
	if (text == NULL)
		return err_set(
		    err, "name_servers: \"IP:PORT\" or a table expected");
	str_addf(list, "%s ", text);
	return 0;
}

/* D of KumoMTA: servers and how to ask them. */
static json_t *
read_servers(const json_t *config, struct err *err)
{
	static const char *const known[] = { "domain", "search", "name_servers",
		"options", NULL };
	const json_t *servers = json_object_get(config, "name_servers");
	struct str list = { 0 }, clean = { 0 };
	json_t *one = json_object(), *server;
	int rc = check_keys(config, known, err);
	size_t i;

	if (rc == 0 && servers == NULL)
		rc = err_set(err, "missing field `name_servers`");
	json_array_foreach (servers, i, server)
		if (rc == 0)
			rc = read_server(&list, server, err);
	if (rc == 0)
		rc = dns_servers_parse(&clean, str_c(&list), err);
	if (rc == 0)
		rc = read_options(one, json_object_get(config, "options"), err);
	if (rc == 0)
		json_object_set_new(one, "servers", json_string(str_c(&clean)));
	else
		json_decref(one);
	str_fini(&list);
	str_fini(&clean);
	return rc == 0 ? one : NULL;
}

static int
read_zone(json_t *one, const json_t *zone, struct err *err)
{
	static const char *const known[] = { "zone", "secure", NULL };
	const json_t *text = zone;

	if (json_is_object(zone)) {
		if (check_keys(zone, known, err) != 0)
			return -1;
		text = json_object_get(zone, "zone");
	}
	if (!json_is_string(text))
		return err_set(err, "a zone is a string or a table with zone");
	return dns_zone_read(json_object_get(one, "zones"),
	    json_object_get(one, "records"), json_string_value(text),
	    json_string_length(text), err);
}

static int
read_fail(json_t *one, const json_t *name, struct err *err)
{
	struct str out = { 0 };
	int rc;

	if (!json_is_string(name))
		return err_set(err, "servfail: an array of names expected");
	rc = dns_name_utf8(
	    &out, json_string_value(name), json_string_length(name), err);
	if (rc == 0)
		json_array_append_new(
		    json_object_get(one, "servfail"), json_string(str_c(&out)));
	str_fini(&out);
	return rc;
}

static bool
is_list(const json_t *value)
{
	return json_is_array(value) ||
	       (json_is_object(value) && json_object_size(value) == 0);
}

/* T of KumoMTA: zones in memory. */
static json_t *
read_test(const json_t *config, struct err *err)
{
	static const char *const known[] = { "zones", "servfail", NULL };
	const json_t *zones = config, *fails = NULL;
	json_t *one, *value;
	int rc = 0;
	size_t i;

	if (json_is_object(config) && json_object_size(config) != 0) {
		rc = check_keys(config, known, err);
		zones = json_object_get(config, "zones");
		fails = json_object_get(config, "servfail");
	}
	if (rc == 0 && (!is_list(zones) || (fails != NULL && !is_list(fails))))
		rc = err_set(err, "an array of zones expected");
	if (rc == 0 &&
	    json_array_size(zones) + json_array_size(fails) > DNS_ZONES_MAX)
		rc = err_set(err, "more than %d zones", DNS_ZONES_MAX);
	if (rc != 0)
		return NULL;
	one = json_pack("{s:[], s:[], s:[], s:I}", "zones", "records",
	    "servfail", "id", (json_int_t)(atomic_fetch_add(&last_id, 1) + 1));
	json_array_foreach (zones, i, value)
		if (rc == 0)
			rc = read_zone(one, value, err);
	json_array_foreach (fails, i, value)
		if (rc == 0)
			rc = read_fail(one, value, err);
	if (rc == 0)
		return one;
	json_decref(one);
	return NULL;
}

static int read_any(json_t *list, const json_t *config, struct err *err);

static int
read_list(json_t *list, const json_t *members, struct err *err)
{
	json_t *member;
	size_t i;

	if (!is_list(members))
		return err_set(err, "Aggregate: an array expected");
	json_array_foreach (members, i, member)
		if (read_any(list, member, err) != 0)
			return -1;
	return 0;
}

static int
read_any(json_t *list, const json_t *config, struct err *err)
{
	const char *kind = json_string_value(config);
	const json_t *value = NULL;
	json_t *one = NULL;

	if (json_is_object(config) && json_object_size(config) == 1) {
		void *first = json_object_iter((json_t *)config);

		kind = json_object_iter_key(first);
		value = json_object_iter_value(first);
	}
	if (kind == NULL)
		return err_set(err, "the name of a resolver expected");
	if (value != NULL && strcmp(kind, "Aggregate") == 0)
		return read_list(list, value, err);
	if (strcmp(kind, "HickorySystemConfig") == 0)
		one = json_pack("{s:s}", "servers", DNS_SERVERS_SYSTEM);
	else if (value != NULL &&
		 (strcmp(kind, "Hickory") == 0 || strcmp(kind, "Unbound") == 0))
		one = read_servers(value, err);
	else if (value != NULL && strcmp(kind, "Test") == 0)
		one = read_test(value, err);
	else
		return err_set(err,
		    "unknown variant `%.60s`, expected one of `Hickory`, "
		    "`HickorySystemConfig`, `Unbound`, `Test`, `Aggregate`",
		    kind);
	if (one == NULL)
		return -1;
	json_array_append_new(list, one);
	if (json_array_size(list) > DNS_SPECS_MAX)
		return err_set(err, "more than %d resolvers", DNS_SPECS_MAX);
	return 0;
}

json_t *
dns_spec_read(const json_t *config, struct err *err)
{
	json_t *list = json_array();

	if (read_any(list, config, err) == 0)
		return list;
	json_decref(list);
	return NULL;
}

/* ---- resolvers ---------------------------------------------------------- */

/* The texts of an array, the last first, NULL behind them. */
static const char **
texts(const json_t *list)
{
	size_t n = json_array_size(list);
	const char **text = xcalloc(n + 1, sizeof *text);

	for (size_t i = 0; i < n; i++)
		text[n - 1 - i] = json_string_value(json_array_get(list, i));
	return text;
}

/*
 * All records are with the last zone, when all zones are there; libunbound
 * puts each before those that it has.
 */
static struct dns_resolver *
make(const json_t *one, struct err *err)
{
	static const char *const none[] = { NULL };
	const char **zones = texts(json_object_get(one, "zones"));
	const char **records = texts(json_object_get(one, "records"));
	const char **fails = texts(json_object_get(one, "servfail"));
	size_t n = json_array_size(json_object_get(one, "zones"));
	struct dns_zone *zone = xcalloc(n + 1, sizeof *zone);
	struct dns_config c = {
		.zones = zone, .n_zones = n, .servfail = fails
	};
	struct dns_resolver *r;

	for (size_t i = 0; i < n; i++)
		zone[i] =
		    (struct dns_zone){ zones[i], i + 1 == n ? records : none };
	r = dns_resolver_new(&c, err);
	free(zone);
	free(zones);
	free(records);
	free(fails);
	return r;
}

/* By id, in the place of the one not used for longest. */
static struct dns_resolver *
get_zones(const json_t *one, struct err *err)
{
	json_int_t id = json_integer_value(json_object_get(one, "id"));
	struct dns_resolver *r = NULL;
	int at = 0;

	pthread_mutex_lock(&all.lock);
	for (int i = 0; i < KEPT && r == NULL; i++) {
		if (all.kept[i].r != NULL && all.kept[i].id == id)
			r = all.kept[at = i].r;
		else if (all.kept[i].used < all.kept[at].used)
			at = i;
	}
	if (r == NULL && (r = make(one, err)) != NULL) {
		dns_resolver_unref(all.kept[at].r);
		all.kept[at].r = r;
		all.kept[at].id = id;
	}
	if (r != NULL) {
		all.kept[at].used = clock_mono();
		dns_resolver_ref(r);
	}
	pthread_mutex_unlock(&all.lock);
	return r;
}

static struct dns_resolver *
get(const json_t *one, struct err *err)
{
	const char *servers =
	    json_string_value(json_object_get(one, "servers"));

	return servers != NULL ? dns_resolver_get(servers, err)
			       : get_zones(one, err);
}

int
dns_spec_prepare(const json_t *spec, struct err *err)
{
	struct dns_resolver *r;
	json_t *one;
	size_t i;

	json_array_foreach (spec, i, one) {
		r = get(one, err);
		if (r == NULL)
			return -1;
		dns_resolver_unref(r);
	}
	return 0;
}

static void
ask(const json_t *one, const char *name, enum dns_type type, int64_t deadline,
    struct dns_answer *out)
{
	const json_t *timeout = json_object_get(one, "timeout");
	struct dns_resolver *r;
	struct err err;
	int64_t own;

	*out = (struct dns_answer){ .status = DNS_FAILED };
	r = get(one, &err);
	if (r == NULL) {
		snprintf(out->why, sizeof out->why, "%.120s", err.msg);
		return;
	}
	if (timeout != NULL) {
		own = clock_mono() + json_integer_value(timeout);
		deadline = own < deadline ? own : deadline;
	}
	dns_lookup(r, name, type, deadline, out);
	dns_resolver_unref(r);
}

/* The more is known, the more. */
static int
weight(const struct dns_answer *a)
{
	return a->status == DNS_FOUND     ? 2
	       : a->status == DNS_NO_DATA ? 1
	       : a->status == DNS_NO_NAME ? 1
					  : 0;
}

void
dns_spec_lookup(const json_t *spec, const char *name, enum dns_type type,
    int64_t deadline, struct dns_answer *out)
{
	json_t *one;
	size_t i;

	*out = (struct dns_answer){ .status = DNS_SERVFAIL };
	json_array_foreach (spec, i, one) {
		struct dns_answer a;

		ask(one, name, type, deadline, &a);
		if (i == 0 || weight(&a) > weight(out)) {
			dns_answer_fini(out);
			*out = a;
		} else {
			dns_answer_fini(&a);
		}
		if (out->status == DNS_FOUND)
			return;
	}
}
