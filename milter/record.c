#include "record.h"

#include "charset.h"
#include "header_text.h"
#include "json_text.h"
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

/* A text of JSON; most have nothing in them to escape. */
static void
add_text_n(struct str *out, const char *p, size_t n)
{
	struct str good = { 0 };
	size_t plain = 0;

	while (plain < n && p[plain] >= ' ' && p[plain] <= '~' &&
	       p[plain] != '"' && p[plain] != '\\')
		plain++;
	if (plain == n) {
		str_addc(out, '"');
		str_add(out, p, n);
		str_addc(out, '"');
	} else if (header_text_is_utf8(p, n)) {
		json_text_string(out, p, n);
	} else {
		charset_repair(&good, p, n);
		json_text_string(out, str_c(&good), good.len);
		str_fini(&good);
	}
}

static void
add_text(struct str *out, const char *p)
{
	if (p != NULL)
		add_text_n(out, p, strlen(p));
	else
		str_adds(out, "null");
}

static void
add_key(struct str *out, const char *key)
{
	str_adds(out, ",\"");
	str_adds(out, key);
	str_adds(out, "\":");
}

static void
add_member(struct str *out, const char *key, const char *text)
{
	add_key(out, key);
	add_text(out, text);
}

/* Seconds, and all of it as text. */
static void
add_time(struct str *out, const char *seconds, const char *full, int64_t ns)
{
	struct moment m = { .s = ns / SECOND, .ns = (int32_t)(ns % SECOND) };

	if (m.ns < 0) {
		m.ns += (int32_t)SECOND;
		m.s--;
	}
	add_key(out, seconds);
	str_addf(out, "%" PRId64, m.s);
	add_key(out, full);
	str_addc(out, '"');
	moment_write_rfc3339(out, &m);
	/* "+00:00" as "Z" */
	if (out->len > 6 && memcmp(out->data + out->len - 6, "+00:00", 6) == 0)
		out->len -= 6;
	str_adds(out, "Z\"");
}

static void
add_enhanced(struct str *out, const char *code)
{
	int class, subject, detail;

	if (sscanf(code, "%d.%d.%d", &class, &subject, &detail) != 3)
		str_adds(out, "null");
	else
		str_addf(out, "{\"class\":%d,\"subject\":%d,\"detail\":%d}",
		    class, subject, detail);
}

static void
add_single_line(struct str *out, const char *content)
{
	struct str line = { 0 };

	for (const char *p = content; *p != '\0'; p++)
		if (*p == '\n' || (*p == '\r' && p[1] != '\n'))
			str_addc(&line, ' ');
		else if (*p != '\r')
			str_addc(&line, *p);
	add_text_n(out, str_c(&line), line.len);
	str_fini(&line);
}

static void
add_command(struct str *out, const struct record *r)
{
	struct str line = { 0 };

	if (r->verb == NULL) {
		str_adds(out, "null");
		return;
	}
	str_adds(&line, r->verb);
	str_adds(&line, r->argument);
	add_text_n(out, str_c(&line), line.len);
	str_fini(&line);
}

static void
add_response(struct str *out, const struct record *r)
{
	str_addf(out, ",\"response\":{\"code\":%d", r->code);
	add_key(out, "enhanced_code");
	add_enhanced(out, r->enhanced);
	add_key(out, "content");
	add_single_line(out, r->content);
	add_key(out, "command");
	add_command(out, r);
	str_addc(out, '}');
}

static void
add_recipients(struct str *out, const struct record *r)
{
	add_key(out, "recipient");
	if (r->n_rcpt == 1) {
		add_text(out, r->rcpt[0]);
		return;
	}
	str_addc(out, '[');
	for (size_t i = 0; i < r->n_rcpt; i++) {
		if (i > 0)
			str_addc(out, ',');
		add_text(out, r->rcpt[i]);
	}
	str_addc(out, ']');
}

static void
add_peer(struct str *out, const struct record *r)
{
	add_key(out, "peer_address");
	if (r->peer == NULL) {
		str_adds(out, "null");
		return;
	}
	str_adds(out, "{\"name\":");
	add_text(out, r->helo);
	add_member(out, "addr", r->peer);
	str_addc(out, '}');
}

static void
add_json(struct str *out, const char *key, const json_t *value)
{
	add_key(out, key);
	if (value != NULL)
		json_text_write(out, value, false);
	else
		str_adds(out, "{}");
}

void
record_write(struct str *out, const struct record *r)
{
	str_addf(out, "{\"type\":\"%s\"", record_type_name(r->type));
	add_member(out, "id", r->id);
	add_member(out, "sender", r->sender);
	add_recipients(out, r);
	add_member(out, "queue", r->queue);
	add_member(out, "site", "");
	str_addf(out, ",\"size\":%zu", r->size);
	add_response(out, r);
	add_peer(out, r);
	add_time(out, "timestamp", "event_time", r->time);
	add_time(out, "created", "created_time", r->created);
	str_adds(out, ",\"num_attempts\":0,\"bounce_classification\":"
		      "\"Uncategorized\",\"egress_pool\":null,"
		      "\"egress_source\":null,\"source_address\":null,"
		      "\"feedback_report\":null");
	add_json(out, "meta", r->meta);
	add_json(out, "headers", r->headers);
	str_adds(out, ",\"delivery_protocol\":null");
	add_member(out, "reception_protocol", r->reception_protocol);
	add_member(out, "nodeid", r->node);
	if (r->tls_cipher != NULL)
		add_member(out, "tls_cipher", r->tls_cipher);
	if (r->tls_protocol_version != NULL)
		add_member(
		    out, "tls_protocol_version", r->tls_protocol_version);
	if (r->tls_subject != NULL)
		add_json(out, "tls_peer_subject_name", r->tls_subject);
	add_member(out, "session_id", r->session);
	str_addc(out, '}');
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

static json_t *
text_value(const char *p, size_t n)
{
	struct str good = { 0 };
	json_t *text;

	if (header_text_is_utf8(p, n))
		return json_stringn_nocheck(p, n);
	charset_repair(&good, p, n);
	text = json_stringn_nocheck(str_c(&good), good.len);
	str_fini(&good);
	return text;
}

/* Another value of a name that is there: they become an array. */
static void
add_value(json_t *found, const char *key, json_t *value)
{
	json_t *known = json_object_get(found, key), *array;

	if (known == NULL) {
		json_object_set_new_nocheck(found, key, value);
	} else if (json_is_array(known)) {
		json_array_append_new(known, value);
	} else {
		array = json_array();
		json_array_append(array, known);
		json_array_append_new(array, value);
		json_object_set_new_nocheck(found, key, array);
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
		add_value(found, spelling(found, one->name), text_value(p, n));
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
