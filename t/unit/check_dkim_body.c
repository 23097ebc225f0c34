#include "milter/dkim_body.h"
#include "milter/encoding.h"
#include "milter/hash.h"
#include "unit.h"

#include <string.h>

#define ALL (-1)
#define S DKIM_SIMPLE
#define R DKIM_RELAXED

static const struct {
	const char *body;
	enum dkim_canon canon;
	int64_t limit;
	const char *hashed; /* what was */
	uint64_t size;      /* and how much there was */
} rows[] = {
	{ "", S, ALL, "\r\n", 2 },
	{ "", R, ALL, "", 0 },
	{ "a b\r\n\r\n", S, ALL, "a b\r\n", 5 },
	{ "a  b\r\n", R, ALL, "a b\r\n", 5 },
	{ "a  b\r\n", R, 5, "a b\r\n", 5 },
	{ "a  b\r\n", R, 4, "a b\r", 5 },
	{ "a  b\r\n", R, 2, "a ", 5 },
	{ "a  b\r\n", R, 0, "", 5 },
	{ "a  b\r\n", R, 6, "a b\r\n", 5 },
	{ "a", S, 2, "a\r", 3 },
};

static void
take(void *arg, const void *data, size_t len)
{
	dkim_body_add(arg, data, len);
}

START_TEST(limits)
{
	unsigned char hash[DKIM_HASH_SIZE];
	struct str expected = { 0 };
	struct dkim_body b;

	if (!hash_is_built()) {
		ck_assert_int_eq(dkim_body_init(&b, S, ALL, NULL), -1);
		return;
	}
	hash_digest(&expected, HASH_SHA256, rows[_i].hashed,
	    strlen(rows[_i].hashed), NULL);
	ck_assert_int_eq(
	    dkim_body_init(&b, rows[_i].canon, rows[_i].limit, NULL), 0);
	take(&b, rows[_i].body, strlen(rows[_i].body));
	dkim_body_end(&b, hash);
	ck_assert_msg(
	    memcmp(hash, str_c(&expected), sizeof hash) == 0, "row %d", _i);
	ck_assert_uint_eq(b.canon.size, rows[_i].size);
	str_fini(&expected);
}
END_TEST

/* A body of all bytes, in pieces around the size of the buffer. */
START_TEST(large)
{
	static const size_t pieces[] = { 1, 7, 2047, 2048, 2049, 65536 };
	unsigned char first[DKIM_HASH_SIZE], hash[DKIM_HASH_SIZE];
	static char body[100000];
	struct dkim_body b;

	if (!hash_is_built())
		return;
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (char)(i * i / 3 % 256);
	for (size_t i = 0; i < UNIT_N(pieces); i++) {
		ck_assert_int_eq(
		    dkim_body_init(&b, (enum dkim_canon)_i, 90000, NULL), 0);
		for (size_t at = 0; at < sizeof body; at += pieces[i])
			dkim_body_add(&b, body + at,
			    at + pieces[i] < sizeof body ? pieces[i]
							 : sizeof body - at);
		dkim_body_end(&b, i == 0 ? first : hash);
		ck_assert(i == 0 || memcmp(first, hash, sizeof hash) == 0);
	}
}
END_TEST

/* RFC 6376, 3.4.3 and 3.4.4 */
START_TEST(of_nothing)
{
	static const char *const known[] = {
		"frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=",
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
	};
	unsigned char hash[DKIM_HASH_SIZE];
	struct str text = { 0 };
	struct dkim_body b;

	if (dkim_body_init(&b, (enum dkim_canon)_i, ALL, NULL) != 0)
		return;
	dkim_body_end(&b, hash);
	encoding_write(&text, ENCODING_BASE64, hash, sizeof hash);
	ck_assert_str_eq(str_c(&text), known[_i]);
	str_fini(&text);
	ck_assert_int_eq(dkim_body_init(&b, S, ALL, NULL), 0);
	dkim_body_end(&b, NULL);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("dkim_body", &tc);

	tcase_add_loop_test(tc, limits, 0, UNIT_N(rows));
	tcase_add_loop_test(tc, large, 0, 2);
	tcase_add_loop_test(tc, of_nothing, 0, 2);
	return s;
}
UNIT_MAIN(suite)
