#include "record.h"

#include "charset.h"
#include "header_text.h"
#include "moment.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
/* 100 ns intervals between 1582-10-15 and 1970-01-01 (RFC 9562, 5.1) */
#define UUID_EPOCH INT64_C(0x01b21dd213814000)

static json_t *
text_n(const char *p, size_t n)
{
	struct str out = { 0 };
	json_t *text;

	if (header_text_is_utf8(p, n))
		return json_stringn_nocheck(p, n);
	charset_repair(&out, p, n);
	text = json_stringn_nocheck(str_c(&out), out.len);
	str_fini(&out);
	return text;
}

static json_t *
text(const char *p)
{
	return p != NULL ? text_n(p, strlen(p)) : json_null();
}

static void
set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new_nocheck(object, key, value);
}

/* Seconds, and all of it as text. */
static void
set_time(json_t *record, const char *seconds, const char *full, int64_t ns)
{
	struct moment m = { .s = ns / SECOND, .ns = (int32_t)(ns % SECOND) };
	struct str out = { 0 };

	if (m.ns < 0) {
		m.ns += (int32_t)SECOND;
		m.s--;
	}
	moment_write_rfc3339(&out, &m);
	/* "+00:00" as "Z" */
	if (out.len > 6 && strcmp(str_c(&out) + out.len - 6, "+00:00") == 0) {
		out.len -= 6;
		str_addc(&out, 'Z');
	}
	set(record, seconds, json_integer(m.s));
	set(record, full, json_stringn_nocheck(str_c(&out), out.len));
	str_fini(&out);
}

static json_t *
enhanced_code(const char *code)
{
	json_t *object;
	int class, subject, detail;

	if (sscanf(code, "%d.%d.%d", &class, &subject, &detail) != 3)
		return json_null();
	object = json_object();
	set(object, "class", json_integer(class));
	set(object, "subject", json_integer(subject));
	set(object, "detail", json_integer(detail));
	return object;
}

static json_t *
single_line(const char *content)
{
	struct str out = { 0 };
	json_t *value;

	for (const char *p = content; *p != '\0'; p++)
		if (*p == '\n' || (*p == '\r' && p[1] != '\n'))
			str_addc(&out, ' ');
		else if (*p != '\r')
			str_addc(&out, *p);
	value = text_n(str_c(&out), out.len);
	str_fini(&out);
	return value;
}

static json_t *
command(const struct record *r)
{
	struct str out = { 0 };
	json_t *value;

	if (r->verb == NULL)
		return json_null();
	str_adds(&out, r->verb);
	str_adds(&out, r->argument);
	value = text_n(str_c(&out), out.len);
	str_fini(&out);
	return value;
}

static json_t *
response(const struct record *r)
{
	json_t *object = json_object();

	set(object, "code", json_integer(r->code));
	set(object, "enhanced_code", enhanced_code(r->enhanced));
	set(object, "content", single_line(r->content));
	set(object, "command", command(r));
	return object;
}

static json_t *
recipients(const struct record *r)
{
	json_t *array;

	if (r->n_rcpt == 1)
		return text(r->rcpt[0]);
	array = json_array();
	for (size_t i = 0; i < r->n_rcpt; i++)
		json_array_append_new(array, text(r->rcpt[i]));
	return array;
}

static json_t *
peer(const struct record *r)
{
	json_t *object;

	if (r->peer == NULL)
		return json_null();
	object = json_object();
	set(object, "name", text(r->helo));
	set(object, "addr", text(r->peer));
	return object;
}

static json_t *
picked(const json_t *object)
{
	return object != NULL ? json_incref((json_t *)object) : json_object();
}

static void
set_what_is_known(json_t *record, const struct record *r)
{
	if (r->tls_cipher != NULL)
		set(record, "tls_cipher", text(r->tls_cipher));
	if (r->tls_protocol_version != NULL)
		set(record, "tls_protocol_version",
		    text(r->tls_protocol_version));
	if (r->tls_subject != NULL)
		set(record, "tls_peer_subject_name", picked(r->tls_subject));
	set(record, "session_id", text(r->session));
}

json_t *
record_json(const struct record *r)
{
	static const char *const nothing[] = { "egress_pool", "egress_source",
		"source_address", "feedback_report" };
	json_t *record = json_object();

	set(record, "type", text(record_type_name(r->type)));
	set(record, "id", text(r->id));
	set(record, "sender", text(r->sender));
	set(record, "recipient", recipients(r));
	set(record, "queue", text(r->queue));
	set(record, "site", text(""));
	set(record, "size", json_integer((json_int_t)r->size));
	set(record, "response", response(r));
	set(record, "peer_address", peer(r));
	set_time(record, "timestamp", "event_time", r->time);
	set_time(record, "created", "created_time", r->created);
	set(record, "num_attempts", json_integer(0));
	set(record, "bounce_classification", text("Uncategorized"));
	for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
		set(record, nothing[i], json_null());
	set(record, "meta", picked(r->meta));
	set(record, "headers", picked(r->headers));
	set(record, "delivery_protocol", json_null());
	set(record, "reception_protocol", text(r->reception_protocol));
	set(record, "nodeid", text(r->node));
	set_what_is_known(record, r);
	return record;
}

/* ---- choosing ----------------------------------------------------------- */

json_t *
record_pick_meta(const json_t *names, const json_t *meta)
{
	json_t *found = json_object(), *pattern, *value;
	const char *name, *key;
	size_t i, len, key_len;

	json_array_foreach ((json_t *)names, i, pattern) {
		name = json_string_value(pattern);
		len = json_string_length(pattern);
		if (len == 0 || name[len - 1] != '*') {
			value = json_object_getn(meta, name, len);
			if (value != NULL && !json_is_null(value))
				json_object_setn_nocheck(
				    found, name, len, value);
			continue;
		}
		json_object_keylen_foreach((json_t *)meta, key, key_len, value)
		{
			if (key_len >= len - 1 &&
			    memcmp(key, name, len - 1) == 0)
				json_object_setn_nocheck(
				    found, key, key_len, value);
		}
	}
	return found;
}

static bool
fits(const struct header *h, const char *name, size_t len)
{
	if (len > 0 && name[len - 1] == '*')
		return h->name_len >= len - 1 &&
		       strncasecmp(h->name, name, len - 1) == 0;
	return h->name_len == len && strncasecmp(h->name, name, len) == 0;
}

/* Another value of a name that is there: they become an array. */
static void
add_value(json_t *found, const char *key, json_t *value)
{
	json_t *known = json_object_get(found, key), *array;

	if (known == NULL) {
		set(found, key, value);
	} else if (json_is_array(known)) {
		json_array_append_new(known, value);
	} else {
		array = json_array();
		json_array_append(array, known);
		json_array_append_new(array, value);
		set(found, key, array);
	}
}

/* The spelling of a header's name that counts: that of the first. */
static const char *
spelling(json_t *found, const char *name)
{
	const char *key;
	json_t *value;

	json_object_foreach (found, key, value) {
		if (strcasecmp(key, name) == 0)
			return key;
	}
	return name;
}

json_t *
record_pick_headers(const json_t *names, const struct headers *h)
{
	json_t *found = json_object(), *pattern;
	size_t i;

	for (size_t k = 0; json_array_size(names) > 0 && k < h->n; k++) {
		const struct header *one = &h->field[k];
		struct str value = { 0 };
		const char *p;
		size_t n;
		bool wanted = false;

		json_array_foreach ((json_t *)names, i, pattern) {
			wanted = wanted || fits(one, json_string_value(pattern),
					       json_string_length(pattern));
		}
		if (!wanted || !header_text_is_utf8(one->name, one->name_len))
			continue;
		header_text_decode(&value, one->raw, one->raw_len);
		p = str_c(&value);
		n = value.len;
		text_trim(&p, &n, true, true);
		add_value(found, spelling(found, one->name), text_n(p, n));
		str_fini(&value);
	}
	return found;
}

/* ---- identities --------------------------------------------------------- */

static uint64_t
mix(uint64_t h, const char *p)
{
	for (; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

void
record_node(char out[RECORD_UUID])
{
	char name[256] = "";
	FILE *f = fopen("/etc/machine-id", "re");
	uint64_t a, b;

	if (f == NULL || fgets(name, sizeof name, f) == NULL)
		gethostname(name, sizeof name - 1);
	if (f != NULL)
		fclose(f);
	a = mix(mix(UINT64_C(0xcbf29ce484222325), "kumilter"), name);
	b = mix(mix(a, name), "node");
	snprintf(out, RECORD_UUID,
	    "%08" PRIx64 "-%04" PRIx64 "-8%03" PRIx64 "-a%03" PRIx64
	    "-%012" PRIx64,
	    a >> 32, a >> 16 & 0xffff, a & 0xfff, b >> 48 & 0xfff,
	    b & UINT64_C(0xffffffffffff));
}

void
record_session(char out[RECORD_UUID], const char *id, const char *node)
{
	snprintf(out, RECORD_UUID, "%.8s-%.4s-8%.3s-a%.1s00-%s", id, id + 8,
	    id + 12, id + 15, node + 24);
}

static int64_t
digits(const char *p, int n)
{
	char part[9] = "";

	memcpy(part, p, (size_t)n);
	return (int64_t)strtoull(part, NULL, 16);
}

int64_t
record_created(const char id[33])
{
	int64_t ticks = (digits(id + 12, 4) & 0xfff) << 48 |
			digits(id + 8, 4) << 32 | digits(id, 8);

	return (ticks - UUID_EPOCH) * 100;
}
