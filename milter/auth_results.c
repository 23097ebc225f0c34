#include "auth_results.h"

#include "xmalloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* RFC 2045 token characters, and '@' */
static bool
is_bare(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f ||
		    strchr("()<>,;:\\\"/[]?=", text[i]) != NULL)
			return false;
	return len > 0;
}

static void
add_value(struct str *out, const char *text, size_t len)
{
	if (is_bare(text, len)) {
		str_add(out, text, len);
		return;
	}
	str_addc(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"' || text[i] == '\\')
			str_addc(out, '\\');
		/* no line of its own, whatever a DNS answer held */
		str_addc(out, (unsigned char)text[i] < ' ' ? ' ' : text[i]);
	}
	str_addc(out, '"');
}

static void
add_json(struct str *out, const json_t *text)
{
	add_value(out, json_string_value(text), json_string_length(text));
}

/* A table of Lua that is empty may be an array as well as an object. */
static bool
is_props(const json_t *props)
{
	return props == NULL || json_is_object(props) ||
	       (json_is_array(props) && json_array_size(props) == 0);
}

static int
check(const json_t *result, size_t i, struct err *err)
{
	static const struct {
		const char *key;
		bool needed;
	} keys[] = { { "method", true }, { "result", true },
		{ "reason", false } };
	const char *key;
	json_t *value;

	if (!json_is_object(result))
		return err_set(err, "result %zu is no table", i + 1);
	for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
		value = json_object_get(result, keys[k].key);
		if (value == NULL ? keys[k].needed : !json_is_string(value))
			return err_set(err, "result %zu: %s: a string expected",
			    i + 1, keys[k].key);
	}
	value = json_object_get(result, "method_version");
	if (value != NULL && !json_is_number(value))
		return err_set(err,
		    "result %zu: method_version: a number expected", i + 1);
	if (!is_props(json_object_get(result, "props")))
		return err_set(err,
		    "result %zu: props: a table of named "
		    "values expected",
		    i + 1);
	json_object_foreach ((json_t *)result, key, value)
		if (strcmp(key, "method") != 0 && strcmp(key, "result") != 0 &&
		    strcmp(key, "reason") != 0 && strcmp(key, "props") != 0 &&
		    strcmp(key, "method_version") != 0)
			return err_set(
			    err, "result %zu: unknown key \"%s\"", i + 1, key);
	json_object_foreach (json_object_get(result, "props"), key, value)
		if (!json_is_string(value))
			return err_set(err,
			    "result %zu: props: %s: a string expected", i + 1,
			    key);
	return 0;
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
add_props(struct str *out, json_t *props)
{
	size_t n = json_object_size(props), i = 0;
	const char **keys = xcalloc(n, sizeof *keys);
	const char *key;
	json_t *value;

	json_object_foreach (props, key, value)
		keys[i++] = key;
	qsort(keys, n, sizeof *keys, by_bytes);
	for (i = 0; i < n; i++) {
		str_addf(out, "\n\t%s=", keys[i]);
		add_json(out, json_object_get(props, keys[i]));
	}
	free(keys);
}

int
auth_results_check(const json_t *results, struct err *err)
{
	if (!json_is_array(results) &&
	    (!json_is_object(results) || json_object_size(results) != 0))
		return err_set(err, "an array of results expected");
	for (size_t i = 0; i < json_array_size(results); i++)
		if (check(json_array_get(results, i), i, err) != 0)
			return -1;
	return 0;
}

int
auth_results_write(struct str *out, const char *serv_id, const json_t *results,
    struct err *err)
{
	if (auth_results_check(results, err) != 0)
		return -1;
	add_value(out, serv_id, strlen(serv_id));
	if (json_array_size(results) == 0)
		str_adds(out, "; none");
	for (size_t i = 0; i < json_array_size(results); i++) {
		json_t *r = json_array_get(results, i);
		json_t *reason = json_object_get(r, "reason");

		str_adds(out, ";\n\t");
		add_json(out, json_object_get(r, "method"));
		str_addc(out, '=');
		add_json(out, json_object_get(r, "result"));
		if (reason != NULL) {
			str_adds(out, " reason=");
			add_json(out, reason);
		}
		add_props(out, json_object_get(r, "props"));
	}
	return 0;
}
