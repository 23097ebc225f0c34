#include "redis_options.h"

#include "clock.h"
#include "duration.h"
#include "xmalloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * KumoMTA waits for 30 s; a milter's handler has 10 s unless told otherwise,
 * and what is to be caught must end before that.
 */
#define CONNECT_TIMEOUT (3 * CLOCK_S)
#define WAIT_TIMEOUT (3 * CLOCK_S)
#define RESPONSE_TIMEOUT (5 * CLOCK_S)
#define RECYCLE_TIMEOUT (1 * CLOCK_S)
#define POOL_SIZE 10

static int
read_duration(
    int64_t *ns, const char *key, const json_t *value, struct err *err)
{
	struct err why;
	double s = json_number_value(value);

	if (json_is_string(value)) {
		if (duration_parse(json_string_value(value), ns, &why) != 0)
			return err_set(err, "%s: %s", key, why.msg);
	} else if (json_is_number(value) && s >= 0 && s <= 1e9) {
		*ns = (int64_t)(s * (double)CLOCK_S);
	} else {
		return err_set(err, "%s: a duration expected", key);
	}
	if (*ns < CLOCK_MS || *ns > 86400 * CLOCK_S)
		return err_set(err, "%s: 1ms to 1day expected", key);
	return 0;
}

static int
read_bool(bool *out, const char *key, const json_t *value, struct err *err)
{
	if (!json_is_boolean(value))
		return err_set(err, "%s: true or false expected", key);
	*out = json_is_true(value);
	return 0;
}

static int
read_pool_size(int *out, const json_t *value, struct err *err)
{
	double n = json_number_value(value);

	if (!json_is_number(value) || !(n >= 1 && n <= REDIS_POOL_MAX) ||
	    n != floor(n))
		return err_set(err,
		    "pool_size: an integer from 1 to %d expected",
		    REDIS_POOL_MAX);
	*out = (int)n;
	return 0;
}

static int
add_node(struct redis_options *o, const json_t *value, struct err *err)
{
	if (!json_is_string(value) ||
	    strlen(json_string_value(value)) != json_string_length(value))
		return err_set(err, "node: a URL or an array of them expected");
	if (o->n_nodes == REDIS_NODES_MAX)
		return err_set(err, "node: more than %d", REDIS_NODES_MAX);
	return redis_url_parse(
	    &o->node[o->n_nodes++], json_string_value(value), err);
}

static int
read_node(struct redis_options *o, const json_t *value, struct err *err)
{
	const json_t *one;
	size_t i;

	if (!json_is_array(value))
		return add_node(o, value, err);
	if (json_array_size(value) == 0)
		return err_set(err, "node: a URL or an array of them expected");
	json_array_foreach (value, i, one)
		if (add_node(o, one, err) != 0)
			return -1;
	return 0;
}

static int
read_secret(char *out, const char *key, const json_t *value, struct err *err)
{
	const char *text = json_string_value(value);

	if (text == NULL || strlen(text) != json_string_length(value) ||
	    strlen(text) > REDIS_SECRET_MAX)
		return err_set(err,
		    "%s: a string of at most %d bytes without NUL expected",
		    key, REDIS_SECRET_MAX);
	strcpy(out, text);
	return 0;
}

struct login {
	char user[REDIS_SECRET_MAX + 1], password[REDIS_SECRET_MAX + 1];
};

static int
read_one(struct redis_options *o, struct login *login, const char *key,
    const json_t *value, struct err *err)
{
	const struct {
		const char *name;
		int64_t *ns;
	} times[] = {
		{ "connect_timeout", &o->connect_timeout },
		{ "wait_timeout", &o->wait_timeout },
		{ "response_timeout", &o->response_timeout },
		{ "recycle_timeout", &o->recycle_timeout },
	};

	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		if (strcmp(key, times[i].name) == 0)
			return read_duration(times[i].ns, key, value, err);
	if (strcmp(key, "node") == 0)
		return read_node(o, value, err);
	if (strcmp(key, "username") == 0)
		return read_secret(login->user, key, value, err);
	if (strcmp(key, "password") == 0)
		return read_secret(login->password, key, value, err);
	if (strcmp(key, "cluster") == 0)
		return read_bool(&o->cluster, key, value, err);
	if (strcmp(key, "read_from_replicas") == 0)
		return read_bool(&o->read_from_replicas, key, value, err);
	if (strcmp(key, "pool_size") == 0)
		return read_pool_size(&o->pool_size, value, err);
	return err_set(err, "unknown field `%.60s`", key);
}

int
redis_options_read(
    struct redis_options *o, const json_t *table, struct err *err)
{
	struct login login = { { 0 }, { 0 } };
	const char *key;
	json_t *value;

	*o = (struct redis_options){ .pool_size = POOL_SIZE,
		.connect_timeout = CONNECT_TIMEOUT,
		.wait_timeout = WAIT_TIMEOUT,
		.response_timeout = RESPONSE_TIMEOUT,
		.recycle_timeout = RECYCLE_TIMEOUT };
	if (!json_is_object(table))
		return err_set(err, "a table with node expected");
	json_object_foreach ((json_t *)table, key, value)
		if (read_one(o, &login, key, value, err) != 0)
			return -1;
	if (o->n_nodes == 0)
		return err_set(err, "missing field `node`");
	if (json_object_get(table, "cluster") == NULL)
		o->cluster = json_is_array(json_object_get(table, "node"));
	if (o->n_nodes > 1 && !o->cluster)
		return err_set(err, "node: several are a cluster");
	for (int i = 0; i < o->n_nodes; i++) {
		struct redis_node *n = &o->node[i];

		if (login.user[0] != '\0')
			strcpy(n->user, login.user);
		if (login.password[0] != '\0')
			strcpy(n->password, login.password);
		if (o->cluster && (n->db != 0 || n->host[0] == '\0'))
			return err_set(err,
			    "node: a cluster has hosts, and database 0 alone");
	}
	return 0;
}

char *
redis_options_key(const json_t *table)
{
	char *text = json_dumps(table, JSON_SORT_KEYS | JSON_COMPACT);

	must(text != NULL);
	return text;
}

char *
redis_options_show(const json_t *table)
{
	static const char *const hidden[] = { "node", "username", "password" };
	json_t *copy = json_copy((json_t *)table);
	char *text;

	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		if (json_object_get(copy, hidden[i]) != NULL)
			json_object_set_new(
			    copy, hidden[i], json_string("..."));
	text =
	    json_dumps(copy, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(copy);
	return text != NULL ? text : xstrdup("?");
}
