/*
 * dkim_mail.h - signed mail for suites, and a DNS that has its keys
 *
 * The key is that of RFC 8463, A; what is signed is made by the rooms that
 * are tested, which the vectors of the RFCs keep from agreeing with
 * themselves alone.
 */
#ifndef DKIM_MAIL_H
#define DKIM_MAIL_H

#include "milter/dkim_body.h"
#include "milter/dkim_fields.h"
#include "milter/dkim_private.h"
#include "milter/dkim_verify.h"
#include "milter/encoding.h"
#include "milter/xmalloc.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define DKIM_MAIL_P "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define DKIM_MAIL_RECORD "v=DKIM1; k=ed25519; p=" DKIM_MAIL_P
#define DKIM_MAIL_NOW 1700000000

/* What rows of tables are made of. */
#define ED "v=1; a=ed25519-sha256; d=example.com; s=sel; "
#define H "h=From:To:Subject"
#define RECORD DKIM_MAIL_RECORD

struct dkim_mail {
	struct headers headers;
	struct body *body;
};

static inline void
dkim_mail_fini(struct dkim_mail *m)
{
	headers_fini(&m->headers);
	body_unref(m->body);
}

static inline void
dkim_mail_body(struct dkim_mail *m, const char *text, size_t len)
{
	static const struct body_limits limits = { 1 << 20, 1 << 24, "/tmp" };

	body_unref(m->body);
	m->body = body_from(text, len, &limits, NULL);
	must(m->body != NULL);
}

/* From a text with CR LF: headers, an empty line, the body. */
static inline void
dkim_mail_read(struct dkim_mail *m, const char *text, size_t len)
{
	struct headers none = { 0 };
	size_t at = headers_replace(&m->headers, &none, text, len);

	dkim_mail_body(m, text + at, len - at);
}

static inline struct dkim_private *
dkim_mail_key(void)
{
	/* PKCS #8's words around the 32 bytes */
	static const char der[] = "302e020100300506032b657004220420"
				  "9d61b19deffd5a60ba844af492ec2cc4"
				  "4449c5697b326919703bac031cae7f60";
	struct str bytes = { 0 };
	struct dkim_private *key;

	encoding_read(&bytes, ENCODING_HEX, der, sizeof der - 1, NULL);
	key = dkim_private_read(str_c(&bytes), bytes.len, NULL);
	str_fini(&bytes);
	must(key != NULL);
	return key;
}

static inline int
dkim_mail_take(void *arg, const void *data, size_t len)
{
	dkim_body_add(arg, data, len);
	return 0;
}

static inline void
dkim_mail_hash(struct str *out, const struct dkim_mail *m,
    enum dkim_canon canon, int64_t limit)
{
	unsigned char hash[DKIM_HASH_SIZE];
	struct dkim_body b;

	must(dkim_body_init(&b, canon, limit, NULL) == 0);
	body_walk(m->body, dkim_mail_take, &b, NULL);
	dkim_body_end(&b, hash);
	encoding_write(out, ENCODING_BASE64, hash, sizeof hash);
}

/* A signature with these tags, but bh= and b=, on top of the headers. */
static inline void
dkim_mail_sign(struct dkim_mail *m, const char *name, const char *tags)
{
	const char *c = strstr(tags, "c="), *l = strstr(tags, "; l=");
	enum dkim_canon header = c != NULL && strncmp(c, "c=relaxed", 9) == 0;
	enum dkim_canon body = c != NULL && strstr(c, "/relaxed") != NULL;
	struct dkim_private *key = dkim_mail_key();
	struct str raw = { 0 }, data = { 0 }, sig = { 0 };
	struct dkim_tags list = { .n = 0 };
	struct dkim_fields fields;

	str_addf(&raw, " %s; bh=", tags);
	dkim_mail_hash(&raw, m, body, l != NULL ? atoll(l + 4) : -1);
	str_adds(&raw, ";\n\tb=");
	dkim_fields_init(&fields, &m->headers);
	if (dkim_tags_parse(&list, str_c(&raw), raw.len, NULL) == 0 &&
	    dkim_tags_find(&list, "h") != NULL)
		dkim_fields_add(&fields, &data, header,
		    dkim_tags_find(&list, "h"), DKIM_FIELDS_NONE);
	dkim_fields_fini(&fields);
	dkim_canon_field(&data, header, name, str_c(&raw), raw.len);
	must(dkim_private_sign(&sig, key, str_c(&data), data.len, NULL) == 0);
	encoding_write(&raw, ENCODING_BASE64, str_c(&sig), sig.len);
	/* value without the space that headers_prepend() puts there */
	headers_prepend(
	    &m->headers, name, strlen(name), raw.data + 1, raw.len - 1);
	dkim_private_free(key);
	str_fini(&raw);
	str_fini(&data);
	str_fini(&sig);
}

/* A DNS of one name: its records, a line each; or a status. */
struct dkim_mail_dns {
	const char *records;
	enum dns_status status; /* where there are none */
	unsigned asked;
	struct str names; /* each with a line end */
};

static inline void
dkim_mail_ask(void *arg, const char *name, struct dns_answer *out)
{
	struct dkim_mail_dns *dns = arg;
	const char *at = dns->records;

	dns->asked++;
	str_addf(&dns->names, "%s\n", name);
	*out = (struct dns_answer){ .status = dns->status };
	while (at != NULL) {
		const char *end = strchr(at, '\n');
		size_t n = end != NULL ? (size_t)(end - at) : strlen(at);

		out->record =
		    xrealloc(out->record, (out->n + 1) * sizeof *out->record);
		out->record[out->n++] =
		    (struct dns_record){ 0, xmemdup0(at, n), n };
		out->status = DNS_FOUND;
		at = end != NULL ? end + 1 : NULL;
	}
}

/* "result (reason)" of each signature, with '|' between. */
static inline void
dkim_mail_verify(struct str *out, const struct dkim_mail *m,
    struct dkim_mail_dns *dns, bool quirks, struct dkim_verdicts *v)
{
	struct dkim_verify q = { .headers = &m->headers,
		.body = m->body,
		.now = DKIM_MAIL_NOW,
		.kumomta_quirks = quirks,
		.ask = dkim_mail_ask,
		.arg = dns };
	struct err err = { "" };

	ck_assert_msg(dkim_verify(&q, v, &err) == 0, "%s", err.msg);
	for (size_t i = 0; i < v->n; i++) {
		const struct dkim_verdict *one = &v->verdict[i];

		ck_assert_int_eq(one->result == DKIM_PASS, one->reason == NULL);
		str_addf(out, "%s%s", i > 0 ? "|" : "",
		    dkim_result_text(one->result));
		if (one->reason != NULL)
			str_addf(out, " (%s)", one->reason);
	}
}

static inline const char *
dkim_mail_prop(const struct dkim_verdict *v, const char *name)
{
	for (size_t i = 0; i < v->n_props; i++)
		if (strcmp(v->prop[i].name, name) == 0)
			return v->prop[i].value;
	return NULL;
}

static inline void
dkim_mail_make(struct dkim_mail *m)
{
	static const char text[] =
	    "Received: by here\r\n"
	    "From: ann@example.com\r\n"
	    "To: bob@example.net,\r\n\tcy@example.net\r\n"
	    "Subject: x\r\n"
	    "\r\n"
	    "Hi.\r\nHow are you?\r\n";

	dkim_mail_read(m, text, sizeof text - 1);
}

static inline void
dkim_mail_told(const char *got, const char *expected, int row)
{
	const char *a = got != NULL ? got : "not told";
	const char *b = expected != NULL ? expected : "not told";

	ck_assert_msg(strcmp(a, b) == 0, "row %d: %s", row, a);
}

#endif
