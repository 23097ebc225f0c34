#include "milter/clock.h"
#include "milter/uuid.h"
#include "unit.h"

#include <stdbool.h>
#include <string.h>

#define SOME "00112233-4455-6677-8899-aabbccddeeff"

static const struct {
	const char *text;
	bool is_one;
} texts[] = {
	{ SOME, true },
	{ "00112233445566778899aabbccddeeff", true },
	{ "{" SOME "}", true },
	{ "urn:uuid:" SOME, true },
	{ "00112233-4455-6677-8899-AABBCCDDEEFF", true },
	{ "", false },
	{ "0", false },
	{ SOME "0", false },
	{ "{" SOME ")", false },
	{ "URN:UUID:" SOME, false },
	{ "00112233-4455-6677-8899_aabbccddeeff", false },
	{ "0011223-34455-6677-8899-aabbccddeeff", false },
	{ "0011223g-4455-6677-8899-aabbccddeeff", false },
	{ "00112233445566778899aabbccddeef-", false },
	{ "-0112233445566778899aabbccddeeff", false },
	{ "{0112233445566778899aabbccddeeff}", false },
};

START_TEST(parse)
{
	struct uuid id;
	char out[UUID_TEXT];
	const char *text = texts[_i].text;
	int rc = uuid_parse(&id, text, strlen(text), NULL);

	ck_assert_msg((rc == 0) == texts[_i].is_one, "%s", text);
	if (rc != 0)
		return;
	uuid_write(out, &id, UUID_HYPHENATED);
	ck_assert_str_eq(out, SOME);
	uuid_write(out, &id, UUID_SIMPLE);
	ck_assert_str_eq(out, "00112233445566778899aabbccddeeff");
	uuid_write(out, &id, UUID_BRACED);
	ck_assert_str_eq(out, "{" SOME "}");
	uuid_write(out, &id, UUID_URN);
	ck_assert_str_eq(out, "urn:uuid:" SOME);
}
END_TEST

static const int versions[] = { 1, 4, 6, 7 };

START_TEST(new_ones)
{
	struct uuid a, b;
	int version = versions[_i];

	uuid_new(&a, version);
	for (int round = 0; round < 10000; round++) {
		uuid_new(&b, version);
		ck_assert_int_eq(b.bytes[6] >> 4, version);
		ck_assert_int_eq(b.bytes[8] >> 6, 2);
		if (version == 6 || version == 7)
			ck_assert_int_lt(memcmp(a.bytes, b.bytes, 16), 0);
		else
			ck_assert_int_ne(memcmp(a.bytes, b.bytes, 16), 0);
		a = b;
	}
}
END_TEST

static uint64_t
number(const unsigned char *p, int n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

START_TEST(the_time_is_in_them)
{
	struct uuid one, six, seven;
	uint64_t now, at;

	uuid_new(&one, 1);
	uuid_new(&six, 6);
	uuid_new(&seven, 7);
	now = (uint64_t)clock_wall();
	at = number(one.bytes, 4) | number(one.bytes + 4, 2) << 32 |
	     (number(one.bytes + 6, 2) & 0xfff) << 48;
	at = (at - 0x01b21dd213814000) * 100;
	ck_assert(at <= now + CLOCK_S && at + 60 * CLOCK_S > now);
	at = number(six.bytes, 6) << 12 | (number(six.bytes + 6, 2) & 0xfff);
	at = (at - 0x01b21dd213814000) * 100;
	ck_assert(at <= now + CLOCK_S && at + 60 * CLOCK_S > now);
	at = number(seven.bytes, 6) * CLOCK_MS;
	ck_assert(at <= now + CLOCK_S && at + 60 * CLOCK_S > now);
	/* the same node, and no network card's */
	ck_assert(memcmp(one.bytes + 8, six.bytes + 8, 8) == 0);
	ck_assert_int_eq(one.bytes[10] & 1, 1);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("uuid", &tcase);

	tcase_add_loop_test(tcase, parse, 0, UNIT_N(texts));
	tcase_add_loop_test(tcase, new_ones, 0, UNIT_N(versions));
	tcase_add_test(tcase, the_time_is_in_them);
	return s;
}

UNIT_MAIN(suite)
