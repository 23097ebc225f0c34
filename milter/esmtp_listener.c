#include "esmtp_listener.h"

#include "duration.h"
#include "settings.h"

#include <string.h>

enum kind { ANY, TEXT, META, NETS, NET_MAP, COUNT, BATCHING, DURATION };

/* kumo-api 4.1; ANY: accepted, no effect in a milter. */
static const struct {
	const char *key;
	enum kind kind;
} keys[] = {
	{ "listen", TEXT },
	{ "hostname", TEXT },
	{ "meta", META },
	{ "relay_hosts", NETS },
	{ "peer", NET_MAP },
	{ "via", NET_MAP },
	{ "batch_handling", BATCHING },
	{ "max_recipients_per_message", COUNT },
	{ "max_messages_per_connection", COUNT },
	{ "max_message_size", COUNT },
	{ "data_processing_timeout", DURATION },
	{ "invalid_line_endings", ANY },
	{ "trace_headers", ANY },
	{ "banner", ANY },
	{ "tls_certificate", ANY },
	{ "tls_private_key", ANY },
	{ "tls_required_client_ca", ANY },
	{ "client_timeout", ANY },
	{ "data_buffer_size", ANY },
	{ "line_length_hard_limit", ANY },
	{ "max_connections", ANY },
	{ "deferred_spool", ANY },
	{ "deferred_queue", ANY },
	{ "allow_xclient", ANY },
	{ "require_proxy_protocol", ANY },
	{ "require_proxy_protocol_from", ANY },
};

static int
find_kind(const char *key)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strcmp(keys[i].key, key) == 0)
			return (int)keys[i].kind;
	return -1;
}

static int
check_nets(const char *key, const json_t *list, struct err *err)
{
	struct cidr net;
	struct err why;

	/* an empty Lua table may be either */
	if (!json_is_array(list) &&
	    !(json_is_object(list) && json_object_size(list) == 0))
		return err_set(err, "%s: an array of networks expected", key);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text == NULL)
			return err_set(
			    err, "%s: entry %zu is no string", key, i + 1);
		if (cidr_parse(&net, text, &why) != 0)
			return err_set(err, "%s: %s", key, why.msg);
	}
	return 0;
}

static int
check_net_map(const char *key, const json_t *map, struct err *err)
{
	const char *text;
	json_t *params;
	struct cidr net;
	struct err why;

	if (!json_is_object(map))
		return err_set(err, "%s: a table of networks expected", key);
	json_object_foreach ((json_t *)map, text, params) {
		if (cidr_parse(&net, text, &why) != 0)
			return err_set(err, "%s: %s", key, why.msg);
		if (esmtp_listener_check(params, &why) != 0)
			return err_set(
			    err, "%s: ['%s']: %s", key, text, why.msg);
	}
	return 0;
}

static int64_t
duration_of(const json_t *value)
{
	double seconds = json_number_value(value);
	int64_t ns = 0;

	if (json_is_string(value))
		return duration_parse(json_string_value(value), &ns, NULL) == 0
			   ? ns
			   : 0;
	return seconds > 0 && seconds < 1e9 ? (int64_t)(seconds * 1e9) : 0;
}

static int
check_key(const char *key, const json_t *value, struct err *err)
{
	int unused;

	switch (find_kind(key)) {
	case TEXT:
		if (!json_is_string(value))
			return err_set(err, "%s: a string expected", key);
		return 0;
	case META:
		if (!json_is_object(value))
			return err_set(err, "%s: a table expected", key);
		return 0;
	case COUNT:
		if (!json_is_integer(value) || json_integer_value(value) < 0)
			return err_set(
			    err, "%s: a whole number from 0 expected", key);
		return 0;
	case NETS:
		return check_nets(key, value, err);
	case NET_MAP:
		return check_net_map(key, value, err);
	case BATCHING:
		return batch_handling_parse(
		    json_is_string(value) ? json_string_value(value) : "",
		    &unused, err);
	case DURATION:
		if (duration_of(value) <= 0)
			return err_set(err,
			    "%s: a duration such as '30s' or a number of "
			    "seconds expected",
			    key);
		return 0;
	case ANY:
		return 0;
	default:
		return err_set(err, "unknown key \"%s\"", key);
	}
}

int
esmtp_listener_check(const json_t *params, struct err *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(params) &&
	    !(json_is_array(params) && json_array_size(params) == 0))
		return err_set(err, "a table of parameters expected");
	json_object_foreach ((json_t *)params, key, value)
		if (check_key(key, value, err) != 0)
			return -1;
	return 0;
}

/* 0: not this listener; 3: exactly its address. */
static int
match_listen(const char *listen, const struct ip *local, int port)
{
	static const struct ip zero;
	struct ip ip;
	int listen_port;

	if (listen == NULL || local == NULL ||
	    ip_parse_port(&ip, &listen_port, listen, NULL) != 0 ||
	    listen_port != port)
		return 0;
	if (ip_equal(&ip, local))
		return 3;
	return memcmp(ip.bytes, zero.bytes, sizeof zero.bytes) == 0 ? 2 : 1;
}

static const json_t *
find_profile(const json_t *profiles, const struct ip *local, int port)
{
	const json_t *best = json_array_get(profiles, 0);
	int best_match = 0;

	for (size_t i = 0; i < json_array_size(profiles); i++) {
		const json_t *p = json_array_get(profiles, i);
		int match = match_listen(
		    json_string_value(json_object_get(p, "listen")), local,
		    port);

		if (match > best_match) {
			best_match = match;
			best = p;
		}
	}
	return best;
}

/* The longest network of the map that holds ip. */
static const json_t *
find_in_map(const json_t *map, const struct ip *ip)
{
	const json_t *best = NULL;
	int best_prefix = -1;
	const char *text;
	json_t *params;
	struct cidr net;

	json_object_foreach ((json_t *)map, text, params)
		if (cidr_parse(&net, text, NULL) == 0 &&
		    cidr_contains(&net, ip) && net.prefix > best_prefix) {
			best = params;
			best_prefix = net.prefix;
		}
	return best;
}

void
esmtp_listener_override(json_t *params, const json_t *overrides)
{
	json_t *meta = json_object_get(params, "meta");
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)overrides, key, value)
		if (strcmp(key, "meta") == 0 && json_is_object(meta))
			json_object_update(meta, value);
		else
			json_object_set_new_nocheck(
			    params, key, json_deep_copy(value));
}

json_t *
esmtp_listener_params(const json_t *profiles, const struct ip *local, int port,
    const struct ip *peer)
{
	const json_t *profile = find_profile(profiles, local, port);
	json_t *params = json_object();

	esmtp_listener_override(params, profile);
	if (peer != NULL)
		esmtp_listener_override(params,
		    find_in_map(json_object_get(profile, "peer"), peer));
	if (local != NULL)
		esmtp_listener_override(params,
		    find_in_map(json_object_get(profile, "via"), local));
	json_object_del(params, "peer");
	json_object_del(params, "via");
	return params;
}

bool
esmtp_listener_relays_for(const json_t *params, const struct ip *peer)
{
	const json_t *list = json_object_get(params, "relay_hosts");
	struct cidr net;

	if (list == NULL)
		return (cidr_parse(&net, "127.0.0.1", NULL) == 0 &&
			   cidr_contains(&net, peer)) ||
		       (cidr_parse(&net, "::1", NULL) == 0 &&
			   cidr_contains(&net, peer));
	for (size_t i = 0; i < json_array_size(list); i++)
		if (cidr_parse(&net, json_string_value(json_array_get(list, i)),
			NULL) == 0 &&
		    cidr_contains(&net, peer))
			return true;
	return false;
}

long long
esmtp_listener_number(const json_t *params, const char *key, long long preset)
{
	const json_t *value = json_object_get(params, key);

	return json_is_integer(value) ? json_integer_value(value) : preset;
}

int64_t
esmtp_listener_duration(const json_t *params, const char *key)
{
	return duration_of(json_object_get(params, key));
}
