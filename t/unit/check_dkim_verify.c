#include "dkim_mail.h"
#include "milter/hash.h"
#include "unit.h"

/* ---- the examples of the RFCs ------------------------------------------- */

#define HEADERS                                                                \
	"From: Joe SixPack <joe@football.example.com>\r\n"                     \
	"To: Suzie Q <suzie@shopping.example.net>\r\n"                         \
	"Subject: Is dinner ready?\r\n"                                        \
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"                      \
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\n"
#define BODY(gap)                                                              \
	"Hi.\r\n\r\nWe lost the game." gap "Are you hungry "                   \
	"yet?\r\n\r\nJoe.\r\n"

/* RFC 8463, A: both signatures of one message */
static const char rfc8463[] =
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
    " subject : date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
    " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
    " date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n" HEADERS
	BODY("  ");
static const char rfc8463_keys[] =
    "v=DKIM1; k=ed25519; p=" DKIM_MAIL_P "\n"
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V"
    "6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/"
    "e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIK"
    "T+l/K4w3QIDAQAB";

/* RFC 6376, A.2, with one space in the body: what was signed */
static const char rfc6376[] =
    "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n"
    "      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n"
    "      h=Received : From : To : Subject : Date : Message-ID;\r\n"
    "      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    "      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n"
    "      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n"
    "      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n"
    "      4bmp/YzhwvcubU4=;\r\n"
    "Received: from client1.football.example.com  [192.0.2.1]\r\n"
    "      by submitserver.example.com with SUBMISSION;\r\n"
    "      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n" HEADERS BODY(" ");
static const char rfc6376_key[] =
    "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/D"
    "kMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ"
    "1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ"
    "2QIDAQAB";

static const struct {
	const char *mail, *records, *result, *asked;
} examples[] = {
	{ rfc8463, rfc8463_keys, "pass|pass",
	    "brisbane._domainkey.football.example.com\n"
	    "test._domainkey.football.example.com\n" },
	{ rfc6376, rfc6376_key, "pass", "brisbane._domainkey.example.com\n" },
};

START_TEST(example)
{
	struct dkim_mail_dns dns = { .records = examples[_i].records };
	struct dkim_mail m = { .body = NULL };
	struct dkim_verdicts v;
	struct str out = { 0 };

	if (!hash_is_built())
		return;
	dkim_mail_read(&m, examples[_i].mail, strlen(examples[_i].mail));
	dkim_mail_verify(&out, &m, &dns, false, &v);
	ck_assert_str_eq(str_c(&out), examples[_i].result);
	ck_assert_str_eq(str_c(&dns.names), examples[_i].asked);
	dkim_verdicts_fini(&v);
	dkim_mail_fini(&m);
	str_fini(&dns.names);
	str_fini(&out);
}
END_TEST

/* ---- what became of the mail since -------------------------------------- */

enum change { TOP, BOTTOM, BODY_TAIL, BODY_OTHER, BLANK_LINES };

static const struct {
	const char *tags;
	enum change change;
	const char *text;
	const char *result, *from, *body; /* props that tell of it */
} changes[] = {
	{ ED H, TOP, "Received: again", "pass", NULL, NULL },
	{ ED H, TOP, "Reply-To: eve@example.org", "pass", NULL, NULL },
	{ ED H ":Reply-To", TOP, "Reply-To: eve@example.org",
	    "permerror (signature did not verify)", NULL, NULL },
	{ ED H, TOP, "From: eve@example.org", "pass", "1", NULL },
	{ ED H ":From", TOP, "From: eve@example.org",
	    "permerror (signature did not verify)", NULL, NULL },
	{ ED H, BOTTOM, "From: eve@example.org",
	    "permerror (signature did not verify)", NULL, NULL },
	{ ED H, BODY_TAIL, "more", "permerror (body hash did not verify)", NULL,
	    NULL },
	{ ED H "; l=19", BODY_TAIL, "more\r\n", "pass", NULL, "6" },
	{ ED H "; l=19", BLANK_LINES, "\r\n\r\n", "pass", NULL, NULL },
	{ ED H, BLANK_LINES, "\r\n\r\n", "pass", NULL, NULL },
	{ ED H "; l=3", BODY_OTHER, "Hi.", "pass", NULL, "2" },
	{ ED H, BODY_OTHER, "", "permerror (body hash did not verify)", NULL,
	    NULL },
	{ ED H "; l=19", BODY_OTHER, "Hi.",
	    "permerror (l= is more than there is of a body)", NULL, NULL },
};

static void
change_mail(struct dkim_mail *m, enum change change, const char *text)
{
	const char *colon = strchr(text, ':');
	struct str body = { 0 };

	switch (change) {
	case TOP:
		headers_prepend(&m->headers, text, (size_t)(colon - text),
		    colon + 1, strlen(colon + 1));
		return;
	case BOTTOM:
		headers_append(&m->headers, text, (size_t)(colon - text),
		    colon + 1, strlen(colon + 1));
		return;
	case BODY_TAIL:
	case BLANK_LINES:
		body_read(m->body, &body, NULL);
		break;
	case BODY_OTHER:
		break;
	}
	str_adds(&body, text);
	dkim_mail_body(m, str_c(&body), body.len);
	str_fini(&body);
}

START_TEST(changed)
{
	struct dkim_mail m = { .body = NULL };

	if (!hash_is_built())
		return;
	dkim_mail_make(&m);
	dkim_mail_sign(&m, "DKIM-Signature", changes[_i].tags);
	change_mail(&m, changes[_i].change, changes[_i].text);
	for (int quirks = 0; quirks < 2; quirks++) {
		struct dkim_mail_dns dns = { .records = RECORD "; t=y" };
		bool plain = quirks == 0;
		struct dkim_verdicts v;
		struct str out = { 0 };

		dkim_mail_verify(&out, &m, &dns, !plain, &v);
		if (plain || strncmp(changes[_i].result, "permerror (l=", 13))
			ck_assert_str_eq(str_c(&out), changes[_i].result);
		dkim_mail_told(
		    dkim_mail_prop(v.verdict, "policy.unsigned-from"),
		    plain ? changes[_i].from : NULL, _i);
		dkim_mail_told(
		    dkim_mail_prop(v.verdict, "policy.unsigned-body"),
		    plain ? changes[_i].body : NULL, _i);
		/* what is refused before is not asked for */
		dkim_mail_told(dkim_mail_prop(v.verdict, "policy.testing"),
		    plain && dns.asked > 0 ? "y" : NULL, _i);
		dkim_verdicts_fini(&v);
		str_fini(&dns.names);
		str_fini(&out);
	}
	dkim_mail_fini(&m);
}
END_TEST

/* ---- many of them ------------------------------------------------------- */

START_TEST(order_and_props)
{
	struct dkim_mail_dns dns = { .records = RECORD };
	struct dkim_mail m = { .body = NULL };
	struct dkim_verdicts v;
	struct str out = { 0 };

	if (!hash_is_built())
		return;
	dkim_mail_make(&m);
	dkim_mail_sign(&m, "DKIM-Signature", ED "t=5; c=relaxed; " H);
	dkim_mail_sign(&m, "DKIM-Signature", "v=9; a=b; d=x.example; s=y; " H);
	dkim_mail_sign(
	    &m, "dkim-SIGNATURE", ED "h=From:DKIM-Signature; x=2000000000");
	dkim_mail_verify(&out, &m, &dns, false, &v);
	ck_assert_str_eq(
	    str_c(&out), "permerror (incompatible version)|pass|pass");
	dkim_mail_told(
	    dkim_mail_prop(&v.verdict[0], "header.d"), "x.example", 0);
	dkim_mail_told(
	    dkim_mail_prop(&v.verdict[0], "header.i"), "@x.example", 0);
	dkim_mail_told(dkim_mail_prop(&v.verdict[0], "header.a"), "b", 0);
	dkim_mail_told(dkim_mail_prop(&v.verdict[0], "header.b"), NULL, 0);
	dkim_mail_told(
	    dkim_mail_prop(&v.verdict[1], "header.x"), "2000000000", 1);
	dkim_mail_told(dkim_mail_prop(&v.verdict[1], "header.c"), NULL, 1);
	dkim_mail_told(dkim_mail_prop(&v.verdict[2], "header.t"), "5", 2);
	dkim_mail_told(dkim_mail_prop(&v.verdict[2], "header.c"), "relaxed", 2);
	dkim_mail_told(dkim_mail_prop(&v.verdict[2], "header.s"), "sel", 2);
	ck_assert_uint_eq(strlen(dkim_mail_prop(&v.verdict[1], "header.b")), 8);
	ck_assert_str_ne(dkim_mail_prop(&v.verdict[1], "header.b"),
	    dkim_mail_prop(&v.verdict[2], "header.b"));
	dkim_verdicts_fini(&v);
	dkim_mail_fini(&m);
	str_fini(&dns.names);
	str_fini(&out);
}
END_TEST

/* b= of several signatures, and what is told of each. */
static const struct {
	const char *b[3], *told[3];
} beginnings[] = {
	{ { "AAAAAAAAAA==", "BBBBBBBBBB==", "CCCC" },
	    { "AAAAAAAA", "BBBBBBBB", "CCCC" } },
	{ { "AAAAAAAABB==", "AAAAAAAACC==", "AAAAAAAAAA==" },
	    { "AAAAAAAABB", "AAAAAAAACC", "AAAAAAAAAA" } },
	{ { "AAAAAAAAA\n ABB", "AAAAAAAAAACC", "AAAAAAAA" },
	    { "AAAAAAAAAABB", "AAAAAAAAAACC", "AAAAAAAA" } },
	{ { "AAAAAAAAAAAA", "AAAAAAAAAAAA", "AAAAAAAAAAAA" },
	    { "AAAAAAAA", "AAAAAAAA", "AAAAAAAA" } },
	{ { "\xff\xff\xff\xff", "\xff\xff", "" }, { NULL, NULL, "" } },
};

START_TEST(beginning)
{
	struct dkim_mail_dns dns = { .records = RECORD };
	struct dkim_mail m = { .body = NULL };
	struct dkim_verdicts v;
	struct str out = { 0 };

	if (!hash_is_built())
		return;
	dkim_mail_body(&m, "", 0);
	for (int i = 0; i < 3; i++) {
		struct str raw = { 0 };

		str_addf(&raw, ED H "; bh=AAAA; b=%s", beginnings[_i].b[i]);
		headers_received(&m.headers, "DKIM-Signature", str_c(&raw));
		str_fini(&raw);
	}
	dkim_mail_verify(&out, &m, &dns, false, &v);
	ck_assert_uint_eq(v.n, 3);
	ck_assert_uint_eq(dns.asked, 0);
	for (int i = 0; i < 3; i++)
		dkim_mail_told(dkim_mail_prop(&v.verdict[i], "header.b"),
		    beginnings[_i].told[i], _i);
	dkim_verdicts_fini(&v);
	dkim_mail_fini(&m);
	str_fini(&out);
}
END_TEST

static void
ask_late(void *arg, const char *name, struct dns_answer *out)
{
	dkim_mail_ask(((struct dkim_mail_dns **)arg)[0], name, out);
}

static void
ask_early(void *arg, const char *name, struct dns_answer *out)
{
	dkim_mail_ask(((struct dkim_mail_dns **)arg)[1], name, out);
}

/* All but the first are asked for early, and those that have no chance not. */
START_TEST(begun)
{
	struct dkim_mail_dns dns = { .status = DNS_TIMEOUT }, early = dns;
	struct dkim_mail m = { .body = NULL };
	struct dkim_verdicts v;
	struct dkim_verify q = { .headers = &m.headers,
		.now = DKIM_MAIL_NOW,
		.ask = ask_late,
		.begin = ask_early,
		.arg = (struct dkim_mail_dns *[]){ &dns, &early } };

	if (!hash_is_built())
		return;
	dkim_mail_make(&m);
	q.body = m.body;
	headers_received(
	    &m.headers, "DKIM-Signature", ED H "; bh=AAAA; b=AAAA");
	for (int i = 0; i < 3; i++) {
		char tags[] = "v=1; a=ed25519-sha256; d=example.com; s=s0; " H;

		strstr(tags, "s0")[1] = (char)('0' + i);
		dkim_mail_sign(&m, "DKIM-Signature", tags);
	}
	ck_assert_int_eq(dkim_verify(&q, &v, NULL), 0);
	ck_assert_str_eq(str_c(&early.names),
	    "s1._domainkey.example.com\ns0._domainkey.example.com\n");
	ck_assert_uint_eq(dns.asked, 3);
	dkim_verdicts_fini(&v);
	dkim_mail_fini(&m);
	str_fini(&dns.names);
	str_fini(&early.names);
}
END_TEST

static void
check_many(const char *raw, const char *first, unsigned asked)
{
	struct dkim_mail_dns dns = { .records = RECORD };
	struct dkim_mail m = { .body = NULL };
	struct dkim_verdicts v;
	struct str out = { 0 };

	dkim_mail_make(&m);
	for (int i = 0; i < 10000; i++)
		headers_received(&m.headers, "DKIM-Signature", raw);
	dkim_mail_verify(&out, &m, &dns, false, &v);
	ck_assert_uint_eq(v.n, DKIM_VERIFY_MAX);
	ck_assert_uint_eq(dns.asked, asked);
	ck_assert_str_eq(v.verdict[0].reason, first);
	dkim_verdicts_fini(&v);
	dkim_mail_fini(&m);
	str_fini(&dns.names);
	str_fini(&out);
}

START_TEST(ten_thousand)
{
	struct dkim_mail m = { .body = NULL };
	struct str hash = { 0 }, raw = { 0 };

	if (!hash_is_built())
		return;
	dkim_mail_make(&m);
	dkim_mail_hash(&hash, &m, DKIM_SIMPLE, -1);
	str_addf(&raw, ED H "; bh=%s; b=AAAA", str_c(&hash));
	check_many(str_c(&raw), "signature did not verify", DKIM_VERIFY_MAX);
	check_many(ED H "; bh=AAAA; b=AAAA", "body hash did not verify", 0);
	check_many("v=1", "signature missing required tag (a)", 0);
	check_many("", "signature syntax error: tag 1 has no '='", 0);
	dkim_mail_fini(&m);
	str_fini(&hash);
	str_fini(&raw);
}
END_TEST

/* Nothing that is long takes long. */
START_TEST(giant_tags)
{
	static const char *const names[] = { "h=From",
		"b=", "bh=", "c=", "a=", "d=", "s=", "i=@example.com", "t=1",
		"l=1", "z=" };
	struct dkim_mail_dns dns = { .records = RECORD };

	if (!hash_is_built())
		return;
	for (size_t i = 0; i < UNIT_N(names); i++) {
		struct dkim_mail m = { .body = NULL };
		struct dkim_verdicts v;
		struct str out = { 0 }, raw = { 0 };

		dkim_mail_make(&m);
		str_addf(&raw, "v=1; %s", names[i]);
		for (int k = 0; k < 200000; k++)
			str_adds(&raw, i == 0 ? ":From" : "1");
		str_adds(&raw, "; x1=1");
		for (const char *const *n = (const char *const[]){ "h=From",
			 "b=AAAA", "bh=AAAA", "a=ed25519-sha256",
			 "d=example.com", "s=sel", NULL };
		     *n != NULL; n++)
			if (strncmp(*n, names[i], 2) != 0)
				str_addf(&raw, "; %s", *n);
		headers_received(&m.headers, "DKIM-Signature", str_c(&raw));
		dkim_mail_verify(&out, &m, &dns, false, &v);
		ck_assert_uint_eq(v.n, 1);
		ck_assert_int_eq(v.verdict[0].result, DKIM_PERMERROR);
		for (size_t k = 0; k < v.verdict[0].n_props; k++)
			ck_assert_uint_le(
			    strlen(v.verdict[0].prop[k].value), 255);
		dkim_verdicts_fini(&v);
		dkim_mail_fini(&m);
		str_fini(&out);
		str_fini(&raw);
	}
	ck_assert_uint_eq(dns.asked, 0);
}
END_TEST

START_TEST(nothing)
{
	struct dkim_mail_dns dns = { .records = RECORD };
	struct dkim_mail m = { .body = NULL };
	struct dkim_verdicts v;
	struct str out = { 0 };

	dkim_mail_make(&m);
	dkim_mail_verify(&out, &m, &dns, false, &v);
	ck_assert_uint_eq(v.n, 0);
	dkim_verdicts_fini(&v);
	dkim_mail_fini(&m);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("dkim_verify", &tc);

	tcase_add_loop_test(tc, example, 0, UNIT_N(examples));
	tcase_add_loop_test(tc, changed, 0, UNIT_N(changes));
	tcase_add_test(tc, order_and_props);
	tcase_add_loop_test(tc, beginning, 0, UNIT_N(beginnings));
	tcase_add_test(tc, begun);
	tcase_add_test(tc, ten_thousand);
	tcase_add_test(tc, giant_tags);
	tcase_add_test(tc, nothing);
	return s;
}
UNIT_MAIN(suite)
