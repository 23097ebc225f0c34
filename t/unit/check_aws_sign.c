#include "milter/aws_sign.h"
#include "milter/hash.h"
#include "unit.h"

#include <string.h>

/*
 * Amazon's examples for the algorithm; all are of one day, with one key, for
 * one service.
 */
static const struct {
	const char *name, *method, *path, *query, *headers, *payload;
	const char *canonical; /* a piece of it */
	const char *signature; /* NULL: not one of Amazon's */
} rows[] = {
	{ "get-vanilla", "GET", "/", "{}",
	    "{\"Host\":\"example.amazonaws.com\"}", "",
	    "GET\n/\n\nhost:example.amazonaws.com\n"
	    "x-amz-date:20150830T123600Z\n\nhost;x-amz-date\ne3b0c442",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf3"
	    "1" },
	{ "get-vanilla-query-order-key-case", "GET", "/",
	    "{\"Param2\":\"value2\",\"Param1\":\"value1\"}",
	    "{\"Host\":\"example.amazonaws.com\"}", "",
	    "GET\n/\nParam1=value1&Param2=value2\n",
	    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf250"
	    "0" },
	{ "post-vanilla", "POST", "/", NULL,
	    "{\"HOST\":\"example.amazonaws.com\"}", "", "POST\n/\n\nhost",
	    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6"
	    "b" },
	{ "no path", "GET", "", "{}", "{\"host\":\"h\"}", "", "GET\n/\n\n",
	    NULL },
	{ "what is encoded", "GET", "/a b/\xc3\xbc*<", "{\"a/b\":\"~ +\"}",
	    "{\"host\":\"h\"}", "", "GET\n/a%20b/%C3%BC%2A%3C\na%2Fb=~%20%2B\n",
	    NULL },
	{ "white space in headers", "GET", "/", "{}",
	    "{\"host\":\" h \\t\",\"X-A\":\" a \\t b  \\\"c  d\\\" \"}", "",
	    "host:h\nx-a:a b \"c  d\"\nx-amz-date:", NULL },
	{ "names in any case", "GET", "/", "{}",
	    "{\"host\":\"a\",\"Host\":\"b\",\"X-Amz-Date\":\"x\"}", "",
	    "host:b\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n", NULL },
};

static int
sign(struct aws_signature *out, int i, const char *service, const char *token,
    struct err *err)
{
	json_t *query =
	    rows[i].query != NULL ? json_loads(rows[i].query, 0, NULL) : NULL;
	json_t *headers = json_loads(rows[i].headers, 0, NULL);
	struct aws_request r = {
		.access_key = "AKIDEXAMPLE",
		.secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
		.region = "us-east-1",
		.service = service,
		.method = rows[i].method,
		.path = rows[i].path,
		.session_token = token,
		.payload = rows[i].payload,
		.payload_len = strlen(rows[i].payload),
		.query = query,
		.headers = headers,
		.at = 1440938160,
	};
	int rc = aws_sign(out, &r, err);

	json_decref(query);
	json_decref(headers);
	return rc;
}

START_TEST(row)
{
	struct aws_signature s;
	struct err err = { "" };
	int rc = sign(&s, _i, "service", NULL, &err);

	ck_assert_msg((rc == 0) == hash_is_built(), "%s", err.msg);
	if (rc == 0) {
		ck_assert_str_eq(s.timestamp, "20150830T123600Z");
		ck_assert_msg(strstr(str_c(&s.canonical_request),
				  rows[_i].canonical) != NULL,
		    "%s: %s", rows[_i].name, str_c(&s.canonical_request));
		if (rows[_i].signature != NULL)
			ck_assert_str_eq(
			    str_c(&s.signature), rows[_i].signature);
		ck_assert_ptr_nonnull(
		    strstr(str_c(&s.authorization), str_c(&s.signature)));
		ck_assert_ptr_nonnull(strstr(str_c(&s.authorization),
		    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/"
		    "us-east-1/service/aws4_request, SignedHeaders=host;"));
	}
	aws_signature_fini(&s);
}
END_TEST

START_TEST(what_else_is_signed)
{
	struct aws_signature s;

	if (!hash_is_built())
		return;
	ck_assert_int_eq(sign(&s, 0, "s3", "tok", NULL), 0);
	ck_assert_ptr_nonnull(strstr(str_c(&s.canonical_request),
	    "host;x-amz-content-sha256;x-amz-date;x-amz-security-token\n"));
	aws_signature_fini(&s);
}
END_TEST

START_TEST(what_is_refused)
{
	struct aws_request r = { "a", "b", "c", "d", "GET", "/", NULL, "", 0,
		NULL, NULL, 0 };
	struct aws_signature s;
	struct err err;

	ck_assert_int_eq(aws_sign(&s, &r, &err), -1);
	if (hash_is_built())
		ck_assert_str_eq(err.msg, "headers must include 'host'");
	aws_signature_fini(&s);
	r.at = INT64_MAX;
	ck_assert_int_eq(aws_sign(&s, &r, &err), -1);
	ck_assert_str_eq(err.msg, "the timestamp is out of range");
	aws_signature_fini(&s);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("aws_sign", &tcase);

	tcase_add_loop_test(tcase, row, 0, UNIT_N(rows));
	tcase_add_test(tcase, what_else_is_signed);
	tcase_add_test(tcase, what_is_refused);
	return s;
}

UNIT_MAIN(suite)
