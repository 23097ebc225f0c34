#include "recording_text.h"

#include "encoding.h"
#include "header_text.h"
#include "json_text.h"
#include "phase.h"

#include <string.h>

#define STEPS_MAX 100000
#define MS_MAX 1e12 /* some thirty years */

/* ---- writing ------------------------------------------------------------- */

void
recording_value(struct str *out, const char *p, size_t n)
{
	if (header_text_is_utf8(p, n) && memchr(p, '\0', n) == NULL) {
		json_text_string(out, p, n);
		return;
	}
	str_adds(out, "{\"base64\":\"");
	encoding_write(out, ENCODING_BASE64, p, n);
	str_adds(out, "\"}");
}

void
recording_key(struct str *out, const char *key)
{
	if (out->len > 0 && out->data[out->len - 1] != '{')
		str_addc(out, ',');
	str_addc(out, '"');
	str_adds(out, key);
	str_adds(out, "\":");
}

void
recording_bytes(struct str *out, const char *key, const char *p, size_t n)
{
	recording_key(out, key);
	recording_value(out, p, n);
}

void
recording_text(struct str *out, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		recording_bytes(out, key, text, strlen(text));
}

void
recording_number(struct str *out, const char *key, long long n)
{
	recording_key(out, key);
	str_addf(out, "%lld", n);
}

void
recording_true(struct str *out, const char *key, bool is)
{
	if (!is)
		return;
	recording_key(out, key);
	str_adds(out, "true");
}

void
recording_ms(struct str *out, const char *key, int64_t ns)
{
	long long us = ns > 0 ? (long long)(ns / 1000) : 0;

	recording_key(out, key);
	str_addf(out, "%lld.%03lld", us / 1000, us % 1000);
}

/* ---- reading ------------------------------------------------------------- */

int
recording_read(struct str *out, const json_t *value)
{
	const json_t *base64 = json_object_get(value, "base64");

	if (json_is_string(value)) {
		str_add(
		    out, json_string_value(value), json_string_length(value));
		return 0;
	}
	if (!json_is_string(base64))
		return -1;
	return encoding_read(out, ENCODING_BASE64, json_string_value(base64),
	    json_string_length(base64), NULL);
}

char *
recording_string(const json_t *value)
{
	struct str text = { 0 };

	if (value == NULL || recording_read(&text, value) != 0 ||
	    strlen(str_c(&text)) != text.len) {
		str_fini(&text);
		return NULL;
	}
	str_add(&text, "", 0);
	return str_take(&text);
}

int64_t
recording_ns(const json_t *value)
{
	double ms = json_is_number(value) ? json_number_value(value) : 0;

	return ms > 0 && ms < MS_MAX ? (int64_t)(ms * 1e6) : 0;
}

/* ---- is it one? ---------------------------------------------------------- */

static bool
is_text(const json_t *value)
{
	char *text = recording_string(value);
	bool is = text != NULL;

	free(text);
	return is;
}

static bool
is_bytes(const json_t *value)
{
	struct str text = { 0 };
	bool is = recording_read(&text, value) == 0;

	str_fini(&text);
	return is;
}

static bool
has_text(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return value == NULL || is_text(value);
}

static bool
are_macros(const json_t *macros)
{
	const char *name;
	json_t *value;

	if (macros != NULL && !json_is_object(macros))
		return false;
	json_object_foreach ((json_t *)macros, name, value)
		if (!json_is_null(value) && !is_text(value))
			return false;
	return true;
}

static bool
are_headers(const json_t *headers)
{
	json_t *pair;
	size_t i;

	if (headers != NULL && !json_is_array(headers))
		return false;
	json_array_foreach ((json_t *)headers, i, pair)
		if (json_array_size(pair) != 2 ||
		    !is_text(json_array_get(pair, 0)) ||
		    !is_text(json_array_get(pair, 1)))
			return false;
	return true;
}

static bool
is_reply(const json_t *reply)
{
	if (reply == NULL || json_is_string(reply))
		return true;
	return json_is_object(reply) &&
	       json_is_integer(json_object_get(reply, "code")) &&
	       has_text(reply, "text");
}

static bool
are_edits(const json_t *edits)
{
	json_t *edit;
	size_t i;

	if (edits != NULL && !json_is_array(edits))
		return false;
	json_array_foreach ((json_t *)edits, i, edit)
		if (!json_is_string(json_object_get(edit, "edit")) ||
		    !has_text(edit, "name") || !has_text(edit, "value"))
			return false;
	return true;
}

static bool
are_handlers(const json_t *handlers)
{
	json_t *one;
	size_t i;

	if (handlers != NULL && !json_is_array(handlers))
		return false;
	json_array_foreach ((json_t *)handlers, i, one)
		if (!json_is_string(json_object_get(one, "event")))
			return false;
	return true;
}

/* What of a step is wrong, or NULL. */
static const char *
wrong_with(const json_t *step)
{
	const char *what = json_string_value(json_object_get(step, "do"));
	const json_t *body = json_object_get(step, "body");
	enum phase phase;

	if (what == NULL || phase_parse(what, &phase, NULL) != 0)
		return "do";
	if (!has_text(step, "text"))
		return "text";
	if (!are_macros(json_object_get(step, "macros")))
		return "macros";
	if (!are_headers(json_object_get(step, "headers")))
		return "headers";
	if (body != NULL && !is_bytes(body))
		return "body";
	if (!is_reply(json_object_get(step, "reply")))
		return "reply";
	if (!are_edits(json_object_get(step, "edits")))
		return "edits";
	if (!are_handlers(json_object_get(step, "handlers")))
		return "handlers";
	return NULL;
}

int
recording_check(const json_t *session, struct err *err)
{
	const json_t *version = json_object_get(session, "kumilter_recording"),
		     *steps = json_object_get(session, "steps"),
		     *client = json_object_get(session, "client");
	const char *what;
	json_t *step;
	size_t i;

	if (!json_is_integer(version))
		return err_set(err, "is no session of a recording");
	if (json_integer_value(version) != RECORDING_VERSION)
		return err_set(err,
		    "is of version %lld of the format; this kumilter reads %d",
		    (long long)json_integer_value(version), RECORDING_VERSION);
	if (!json_is_array(steps) || json_array_size(steps) == 0 ||
	    json_array_size(steps) > STEPS_MAX)
		return err_set(err, "has no steps, or too many");
	if (client != NULL &&
	    (!json_is_object(client) || !has_text(client, "name") ||
		!has_text(client, "address")))
		return err_set(err, "its client is none");
	json_array_foreach ((json_t *)steps, i, step)
		if ((what = wrong_with(step)) != NULL)
			return err_set(
			    err, "step %zu: \"%s\" is wrong", i + 1, what);
	return 0;
}
