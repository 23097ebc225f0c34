#include "dkim_signing.h"
#include "milter/dkim_fields.h"
#include "milter/dkim_key.h"

#ifdef HAVE_OPENSSL

/* "From: a\nTo: b\n" */
static void
read_headers(struct headers *h, const char *text)
{
	*h = (struct headers){ 0 };
	while (*text != '\0') {
		size_t name = strcspn(text, ":"), n = name + 1;
		char *copy;

		do
			n += strcspn(text + n, "\n") + 1;
		while (text[n] == ' ' || text[n] == '\t');
		copy = strndup(text, n - 1);
		copy[name] = '\0';
		headers_received(h, copy, copy + name + 1);
		free(copy);
		text += n;
	}
}

static const unsigned char no_body[DKIM_HASH_SIZE];

static void
make(struct str *out, struct dkim_signer *s, const struct headers *h,
    bool quirks)
{
	struct dkim_signing what = { .signer = s,
		.field = "DKIM-Signature",
		.first = "v=1",
		.headers = h,
		.body = no_body,
		.now = 1528637909,
		.kumomta_quirks = quirks };
	struct err err;

	ck_assert_msg(dkim_sign(out, NULL, &what, &err) == 0, "%s", err.msg);
}

/* ---- which fields ------------------------------------------------------- */

#define FULL "From: a@b\nTo: c@d\nSubject: x\nDate: y\n"

static const struct {
	const char *headers, *names;
	bool over_sign, quirks;
	const char *h;
} rows[] = {
	{ FULL, "From:To:Subject", false, false, "from:to:subject" },
	{ FULL, "From:Cc", false, false, "from:cc" },
	{ FULL, "From:From", false, false, "from:from" },
	{ FULL, "Subject:From", true, false, "subject:subject:from:from" },
	{ FULL, "From:From:Cc", true, false, "from:from:cc" },
	{ FULL "To: e@f\n", "From:To", true, false, "from:from:to:to:to" },
	{ FULL "to: e@f\n", "From:To", false, false, "from:to" },
	/* all From: are signed */
	{ FULL "From: e\n", "From:To", false, false, "from:from:to" },
	{ FULL "From: e\n", "From:To:From", false, false, "from:to:from" },
	{ FULL "From: e\nFROM: f\n", "From:From", false, false,
	    "from:from:from" },
	{ FULL "From: e\n", "From:To", false, true, "from:to" },
	{ FULL "From: e\n", "From:To", true, false, "from:from:from:to:to" },
	/* what MTAs add behind us is signed where it is there */
	{ FULL, "From:Date:Message-ID", false, false, "from:date" },
	{ FULL, "From:Date:Message-ID", true, false, "from:from:date" },
	{ FULL, "From:Date:Message-ID", false, true, "from:date:message-id" },
	{ FULL, "From:Date:Message-ID", true, true,
	    "from:from:date:date:message-id" },
	{ FULL, "From:Date:Date", false, false, "from:date" },
	{ FULL "Received: x\nReceived: y\n", "From:Received", true, false,
	    "from:from:received:received" },
	/* and what they take away is not */
	{ FULL "Return-Path: x\nBcc: y\n", "From:Return-Path:Bcc", false, false,
	    "from" },
	{ FULL, "From:Bcc", false, false, "from:bcc" },
	{ FULL "Bcc: y\n", "From:Bcc", false, true, "from:bcc" },
};

/* The value of a tag, folds taken out. */
static void
tag_text(struct str *out, const struct str *raw, const char *name)
{
	const struct dkim_tag *tag;
	struct dkim_tags tags;

	ck_assert_int_eq(dkim_tags_parse(&tags, str_c(raw), raw->len, NULL), 0);
	tag = dkim_tags_find(&tags, name);
	ck_assert_ptr_nonnull(tag);
	for (size_t i = 0; i < tag->len; i++)
		if (!dkim_is_space(tag->value[i]))
			str_addc(out, tag->value[i]);
}

START_TEST(names)
{
	struct dkim_signer *s =
	    signing_signer(rows[_i].names, rows[_i].over_sign);
	struct str raw = { 0 }, h = { 0 };
	struct headers headers;

	read_headers(&headers, rows[_i].headers);
	make(&raw, s, &headers, rows[_i].quirks);
	tag_text(&h, &raw, "h");
	ck_assert_str_eq(str_c(&h), rows[_i].h);
	str_fini(&raw);
	str_fini(&h);
	headers_fini(&headers);
	dkim_signer_unref(s);
}
END_TEST

/* ---- the text ----------------------------------------------------------- */

/* Ed25519 gives the same signature each time. */
START_TEST(exact_text)
{
	struct dkim_signer *s = signing_signer("From:To:Subject", false);
	struct headers headers;
	struct str raw = { 0 };

	read_headers(&headers, FULL);
	s->expiration = 600;
	s->body = DKIM_SIMPLE;
	make(&raw, s, &headers, false);
	ck_assert_str_eq(str_c(&raw),
	    " v=1; a=ed25519-sha256; c=relaxed/simple; d=example.org; "
	    "s=sel;\n"
	    "\tt=1528637909; x=1528638509; h=from:to:subject;\n"
	    "\tbh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;\n"
	    "\tb=Jo+2jKXUj2xgSv62vmAUDAbB9SwseXn/UZnWanoiySPJfcoM/QfV25M3blc/"
	    "dXT5gY6gLbZCiBf\n"
	    "\tR/ZuY0dCYAw==");
	str_fini(&raw);
	headers_fini(&headers);
	dkim_signer_unref(s);
}
END_TEST

/* Lines of at most 78 columns, whatever the names are. */
START_TEST(folds)
{
	struct dkim_signer *s = signing_signer("From", false);
	struct str name = { 0 }, raw = { 0 }, line = { 0 };
	struct headers headers;
	size_t longest = 0;

	for (int i = 0; i < 100; i++) {
		str_clear(&name);
		str_addf(&name, "X-%.*s", (i * 7 + _i) % 72,
		    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdef"
		    "ghijklmnopqrstuvwxyz");
		ck_assert_int_eq(
		    dkim_signer_sign(s, name.data, name.len, NULL), 0);
	}
	read_headers(&headers, FULL);
	make(&raw, s, &headers, false);
	str_adds(&line, "DKIM-Signature:");
	for (const char *p = str_c(&raw); *p != '\0'; p++) {
		if (*p == '\n') {
			ck_assert(p[1] == '\t');
			str_clear(&line);
			continue;
		}
		str_addc(&line, *p);
		if (line.len > longest)
			longest = line.len;
	}
	ck_assert_uint_le(longest, 78);
	ck_assert_uint_ge(longest, 75);
	str_fini(&name);
	str_fini(&raw);
	str_fini(&line);
	headers_fini(&headers);
	dkim_signer_unref(s);
}
END_TEST

/* ---- verified ----------------------------------------------------------- */

static const char *const messages[] = {
	FULL,
	"From: a@b\nTO : odd\nsubject:\n folded  twice \n\t and more\n",
	"from:tight\nX-Empty:\nSubject: \xc3\xbc \xff\n",
	"From: one\nFrom: two\nTo:\t\tx\n",
};

START_TEST(verifies)
{
	struct dkim_signer *s =
	    signing_signer("From:To:Subject:X-Empty", _i & 1);
	struct headers headers;
	struct str raw = { 0 }, data = { 0 }, sig = { 0 };
	struct dkim_fields fields;
	struct dkim_tags tags;
	struct dkim_key key;
	struct err err;

	s->header = _i & 2 ? DKIM_SIMPLE : DKIM_RELAXED;
	read_headers(&headers, messages[_i / 4]);
	make(&raw, s, &headers, false);
	headers_prepend(
	    &headers, "DKIM-Signature", 14, str_c(&raw) + 1, raw.len - 1);
	ck_assert_str_eq(headers.field[0].raw, str_c(&raw));
	ck_assert_int_eq(dkim_tags_parse(&tags, str_c(&raw), raw.len, &err), 0);
	dkim_fields_init(&fields, &headers);
	dkim_fields_add(
	    &fields, &data, s->header, dkim_tags_find(&tags, "h"), 0);
	ck_assert_int_eq(
	    dkim_fields_signature(&data, s->header, &headers.field[0], &err),
	    0);
	ck_assert_int_eq(
	    dkim_tag_base64(&sig, dkim_tags_find(&tags, "b"), &err), 0);
	ck_assert_int_eq(
	    dkim_key_read(&key, SIGNING_RECORD, strlen(SIGNING_RECORD), &err),
	    DKIM_KEY_OK);
	ck_assert_int_eq(dkim_key_verify(&key, DKIM_ED25519_SHA256, data.data,
			     data.len, sig.data, sig.len, &err),
	    1);
	dkim_key_fini(&key);
	dkim_fields_fini(&fields);
	str_fini(&raw);
	str_fini(&data);
	str_fini(&sig);
	headers_fini(&headers);
	dkim_signer_unref(s);
}
END_TEST

/* ---- bodies ------------------------------------------------------------- */

#define PIECE ((size_t)64 << 10) /* what body_walk() gives at once */

/* LF alone is CR LF, also where a piece begins or ends with it. */
START_TEST(line_ends)
{
	struct str mixed = { 0 }, clean = { 0 };
	unsigned char a[DKIM_HASH_SIZE], b[DKIM_HASH_SIZE];
	struct body_limits limits = { 4 * PIECE, 64 * PIECE, "/tmp" };
	struct body *one, *two;

	while (mixed.len < PIECE - 3) {
		str_addc(&mixed, 'x');
		str_addc(&clean, 'x');
	}
	/* _i moves it over the border between two pieces */
	for (int i = 0; i < _i; i++) {
		str_addc(&mixed, 'y');
		str_addc(&clean, 'y');
	}
	str_adds(&mixed, "\nz\r\nlone\r cr\n\nend\r\n\n\r\n");
	str_adds(&clean, "\r\nz\r\nlone\r cr\r\n\r\nend\r\n");
	one = body_from(mixed.data, mixed.len, &limits, NULL);
	two = body_from(clean.data, clean.len, &limits, NULL);
	for (int canon = DKIM_SIMPLE; canon <= DKIM_RELAXED; canon++) {
		ck_assert_int_eq(
		    dkim_sign_body(a, (enum dkim_canon)canon, one, NULL), 0);
		ck_assert_int_eq(
		    dkim_sign_body(b, (enum dkim_canon)canon, two, NULL), 0);
		ck_assert(memcmp(a, b, sizeof a) == 0);
	}
	body_unref(one);
	body_unref(two);
	str_fini(&mixed);
	str_fini(&clean);
}
END_TEST

/* ---- signers ------------------------------------------------------------ */

static const struct {
	const char *domain, *selector, *name, *why;
} refused[] = {
	{ "", "s", "From", "domain: \"\" is no name of the DNS" },
	{ "a..b", "s", "From", "domain: \"a..b\" is no name of the DNS" },
	{ "a;b=c", "s", "From", "domain: \"a;b=c\" is no name of the DNS" },
	{ "a\nb", "s", "From", "domain: \"a | b\" is no name of the DNS" },
	{ "a.b.", "s", "From", "domain: \"a.b.\" is no name of the DNS" },
	{ "a.b", "s d", "From", "selector: \"s d\" is no name of the DNS" },
	{ "a.b", "s", "Fr:om", "headers: \"Fr:om\" is no name of a header" },
	{ "a.b", "s", "Fr;om", "headers: \"Fr;om\" is no name of a header" },
	{ "a.b", "s", "", "headers: \"\" is no name of a header" },
	{ "a.b", "s", "To", "missing From in signed headers" },
	{ "a.b", NULL, "From", "missing field `selector`" },
	{ NULL, "s", "From", "missing field `domain`" },
};

START_TEST(no_signer)
{
	struct dkim_signer *s = dkim_signer_new();
	const char *domain = refused[_i].domain, *sel = refused[_i].selector;
	struct err err = { "" };
	int rc = 0;

	if (domain != NULL)
		rc = dkim_signer_domain(s, domain, strlen(domain), &err);
	if (rc == 0 && sel != NULL)
		rc = dkim_signer_selector(s, sel, strlen(sel), &err);
	if (rc == 0)
		rc = dkim_signer_sign(
		    s, refused[_i].name, strlen(refused[_i].name), &err);
	if (rc == 0)
		rc = dkim_signer_complete(
		    s, signing_key, sizeof signing_key - 1, &err);
	ck_assert_int_eq(rc, -1);
	ck_assert_str_eq(err.msg, refused[_i].why);
	dkim_signer_unref(s);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("dkim_sign", &t);

	tcase_add_loop_test(t, names, 0, UNIT_N(rows));
	tcase_add_test(t, exact_text);
	tcase_add_loop_test(t, folds, 0, 7);
	tcase_add_loop_test(t, verifies, 0, 4 * UNIT_N(messages));
	tcase_add_loop_test(t, line_ends, 0, 6);
	tcase_add_loop_test(t, no_signer, 0, UNIT_N(refused));
	return s;
}

#else

static Suite *
suite(void)
{
	return suite_create("dkim_sign");
}

#endif

UNIT_MAIN(suite)
