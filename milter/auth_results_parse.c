#include "auth_results_parse.h"

#include "header_text.h"
#include "str.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct input {
	const char *begin, *p, *end;
	struct err *err;
};

static void
skip_comment(struct input *in)
{
	int depth = 0;

	for (; in->p < in->end; in->p++) {
		if (*in->p == '\\' && in->p + 1 < in->end)
			in->p++;
		else if (*in->p == '(')
			depth++;
		else if (*in->p == ')' && --depth == 0) {
			in->p++;
			return;
		}
	}
}

static void
skip_space(struct input *in)
{
	for (; in->p < in->end; in->p++) {
		if (*in->p == '(') {
			skip_comment(in);
			in->p--;
		} else if (strchr(" \t\r\n", *in->p) == NULL ||
			   *in->p == '\0') {
			return;
		}
	}
}

/* Is c next, white space aside?  Then it is taken. */
static bool
take(struct input *in, char c)
{
	skip_space(in);
	if (in->p == in->end || *in->p != c)
		return false;
	in->p++;
	return true;
}

static int
fail(struct input *in, const char *what)
{
	return err_set(in->err, "%s expected at byte %zu", what,
	    (size_t)(in->p - in->begin) + 1);
}

/* A word up to one of the stops, or a quoted string; into *out. */
static int
read_word(
    struct input *in, struct str *out, const char *stops, const char *what)
{
	str_clear(out);
	skip_space(in);
	if (in->p < in->end && *in->p == '"') {
		for (in->p++; in->p < in->end && *in->p != '"'; in->p++) {
			if (*in->p == '\\' && in->p + 1 < in->end)
				in->p++;
			if (*in->p != '\r' && *in->p != '\n')
				str_addc(out, *in->p);
		}
		if (in->p == in->end)
			return fail(in, "a closing quote");
		in->p++;
	}
	while (in->p < in->end && (unsigned char)*in->p > ' ' &&
	       strchr(stops, *in->p) == NULL)
		str_addc(out, *in->p++);
	if (out->len == 0)
		return fail(in, what);
	if (!header_text_is_utf8(out->data, out->len))
		return err_set(in->err, "%s is not UTF-8", what);
	return 0;
}

static json_t *
text(const struct str *s)
{
	return json_stringn(s->data, s->len);
}

/* "reason=..." and "ptype.property=value", to the end of this result. */
static int
read_props(struct input *in, json_t *result, json_t *props)
{
	struct str name = { 0 }, value = { 0 };
	int rc = 0;

	for (skip_space(in); rc == 0 && in->p < in->end && *in->p != ';';
	     skip_space(in)) {
		rc = read_word(in, &name, ";=(\"", "a property");
		if (rc == 0 && !take(in, '='))
			rc = fail(in, "\"=\"");
		if (rc == 0)
			rc = read_word(in, &value, ";(\"", "a value");
		if (rc != 0)
			break;
		if (strcasecmp(name.data, "reason") == 0)
			json_object_set_new(result, "reason", text(&value));
		else
			json_object_setn_new(
			    props, name.data, name.len, text(&value));
	}
	str_fini(&name);
	str_fini(&value);
	return rc;
}

/* "method/version=result" and what follows it. */
static int
read_result(struct input *in, json_t *results)
{
	json_t *result = json_object(), *props = json_object();
	struct str word = { 0 };
	int rc = read_word(in, &word, ";=/(\"", "a method");

	json_object_set_new(result, "props", props);
	skip_space(in);
	if (rc == 0 && strcasecmp(word.data, "none") == 0 &&
	    (in->p == in->end || *in->p == ';'))
		goto out;
	if (rc == 0) {
		json_object_set_new(result, "method", text(&word));
		if (take(in, '/') &&
		    (rc = read_word(in, &word, ";=(\"", "a version")) == 0)
			json_object_set_new(result, "method_version",
			    json_integer(strtol(word.data, NULL, 10)));
	}
	if (rc == 0 && !take(in, '='))
		rc = fail(in, "\"=\"");
	if (rc == 0 && (rc = read_word(in, &word, ";(\"", "a result")) == 0) {
		json_object_set_new(result, "result", text(&word));
		rc = read_props(in, result, props);
	}
	if (rc == 0)
		json_array_append(results, result);
out:
	json_decref(result);
	str_fini(&word);
	return rc;
}

static int
read_all(struct input *in, json_t *object)
{
	json_t *results = json_array();
	struct str word = { 0 };
	int rc = read_word(in, &word, ";(", "the name of a server");

	json_object_set_new(object, "results", results);
	if (rc == 0) {
		json_object_set_new(object, "serv_id", text(&word));
		skip_space(in);
		if (in->p < in->end && *in->p >= '0' && *in->p <= '9' &&
		    (rc = read_word(in, &word, ";(", "a version")) == 0)
			json_object_set_new(object, "version",
			    json_integer(strtol(word.data, NULL, 10)));
	}
	while (rc == 0 && take(in, ';')) {
		skip_space(in);
		if (in->p < in->end)
			rc = read_result(in, results);
	}
	if (rc == 0 && in->p < in->end)
		rc = fail(in, "\";\"");
	str_fini(&word);
	return rc;
}

json_t *
auth_results_parse(const char *p, size_t len, struct err *err)
{
	struct input in = { p, p, p + len, err };
	json_t *object = json_object();

	if (read_all(&in, object) == 0)
		return object;
	json_decref(object);
	return NULL;
}
