#include "unit.h"

#include "milter/header_fold.h"
#include "milter/header_text.h"

#include <stdio.h>
#include <string.h>

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define E_ACUTE "\xc3\xa9"

static const struct {
	const char *value, *folded;
} rows[] = {
	{ "", "" },
	{ "one", "one" },
	{ "one two", "one two" },
	{ " one \t two\r\n\tthree ", "one two three" },
	{ " \t ", "" },
	/* 75 columns still fit */
	{ FIFTY " 123456789 12345678901234",
	    FIFTY " 123456789 12345678901234" },
	{ FIFTY " 123456789 123456789012345",
	    FIFTY " 123456789\n\t123456789012345" },
	{ "a " FIFTY TEN TEN TEN, "a\n\t" FIFTY TEN TEN TEN },
	{ FIFTY TEN TEN TEN " a", FIFTY TEN TEN TEN "\n\ta" },
	/* not ASCII */
	{ E_ACUTE, "=?UTF-8?q?=C3=A9?=" },
	{ "caf" E_ACUTE " au lait", "=?UTF-8?q?caf=C3=A9_au_lait?=" },
	{ E_ACUTE "_?=\"", "=?UTF-8?q?=C3=A9=5F=3F=3D=22?=" },
	/* nor fit for a line */
	{ "a\x01", "=?UTF-8?q?a=01?=" },
	{ "a\x7f", "=?UTF-8?q?a=7F?=" },
	{ E_ACUTE "\r\nX: y", "=?UTF-8?q?=C3=A9=0D=0AX=3A_y?=" },
	/* 75 octets are the most of a word: RFC 2047 2 */
	{ FIFTY "1234567" E_ACUTE, "=?UTF-8?q?" FIFTY "1234567=C3=A9?=" },
	{ FIFTY "12345678" E_ACUTE,
	    "=?UTF-8?q?" FIFTY "12345678?=\n\t=?UTF-8?q?=C3=A9?=" },
	{ E_ACUTE FIFTY "1234567x",
	    "=?UTF-8?q?=C3=A9" FIFTY "1234567?=\n\t=?UTF-8?q?x?=" },
	{ E_ACUTE FIFTY "1234567" FIFTY "1234567890123x",
	    "=?UTF-8?q?=C3=A9" FIFTY "1234567?=\n\t=?UTF-8?q?" FIFTY
	    "1234567890123?=\n\t=?UTF-8?q?x?=" },
};

START_TEST(value_is_folded)
{
	struct str out = { 0 };

	header_fold(&out, rows[_i].value, strlen(rows[_i].value));
	ck_assert_msg(strcmp(str_c(&out), rows[_i].folded) == 0,
	    "row %d: \"%s\"", _i, str_c(&out));
	/* behind something else it is the same */
	str_clear(&out);
	str_adds(&out, "Name: ");
	header_fold(&out, rows[_i].value, strlen(rows[_i].value));
	ck_assert_msg(strcmp(out.data + 6, rows[_i].folded) == 0,
	    "row %d, behind a name: \"%s\"", _i, out.data);
	str_fini(&out);
}
END_TEST

START_TEST(nul_is_encoded)
{
	struct str out = { 0 }, back = { 0 };

	header_fold(&out, "a\0b", 3);
	ck_assert_str_eq(str_c(&out), "=?UTF-8?q?a=00b?=");
	header_text_decode(&back, out.data, out.len);
	ck_assert_uint_eq(back.len, 3);
	ck_assert_mem_eq(back.data, "a\0b", 3);
	str_fini(&out);
	str_fini(&back);
}
END_TEST

/* ---- at random ---------------------------------------------------------- */

static unsigned
pick(unsigned *seed, unsigned n)
{
	return (unsigned)rand_r(seed) / 11 % n;
}

static void
add_char(struct str *s, unsigned long c)
{
	if (c < 0x80) {
		str_addc(s, (char)c);
	} else if (c < 0x800) {
		str_addc(s, (char)(0xc0 | c >> 6));
		str_addc(s, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		str_addc(s, (char)(0xe0 | c >> 12));
		str_addc(s, (char)(0x80 | (c >> 6 & 0x3f)));
		str_addc(s, (char)(0x80 | (c & 0x3f)));
	} else {
		str_addc(s, (char)(0xf0 | c >> 18));
		str_addc(s, (char)(0x80 | (c >> 12 & 0x3f)));
		str_addc(s, (char)(0x80 | (c >> 6 & 0x3f)));
		str_addc(s, (char)(0x80 | (c & 0x3f)));
	}
}

static unsigned long
random_char(unsigned *seed)
{
	static const unsigned long edges[] = { 0x80, 0x7ff, 0x800, 0xd7ff,
		0xe000, 0xfffd, 0xffff, 0x10000, 0x10ffff, 0, 0x7f, 0x0a };

	switch (pick(seed, 6)) {
	case 0:
		return edges[pick(seed, UNIT_N(edges))];
	case 1:
		return 0x80 + pick(seed, 0xd000);
	case 2:
		return 0x1f000 + pick(seed, 0x1000);
	default:
		return ' ' + pick(seed, 0x5f);
	}
}

/* Every line: at most so many columns, and no white space but its own. */
static void
check_lines(const struct str *out, size_t max)
{
	const char *p = str_c(out);

	for (const char *nl; (nl = strchr(p, '\n')) != NULL; p = nl + 1) {
		ck_assert_msg((size_t)(nl - p) <= max, "%zu: %.*s",
		    (size_t)(nl - p), (int)(nl - p), p);
		ck_assert_int_eq(nl[1], '\t');
		ck_assert(nl > p && nl[-1] != ' ' && nl[-1] != '\t');
		ck_assert(nl[2] > ' ' && nl[2] < 0x7f);
	}
	ck_assert_uint_le(strlen(p), max);
}

/* RFC 2047 5 (3) and section 2: what may stand in a word, anywhere. */
static void
check_words(const struct str *out)
{
	static const char open[] = "=?UTF-8?q?";
	char *copy = strdup(str_c(out)), *save = NULL;

	for (char *w = strtok_r(copy, "\n\t", &save); w != NULL;
	     w = strtok_r(NULL, "\n\t", &save)) {
		size_t len = strlen(w);
		struct str one = { 0 };

		ck_assert_msg(len <= 75, "%zu: %s", len, w);
		ck_assert(strncmp(w, open, sizeof open - 1) == 0);
		ck_assert_str_eq(w + len - 2, "?=");
		for (size_t i = sizeof open - 1; i < len - 2; i++)
			ck_assert(w[i] > ' ' && w[i] < 0x7f && w[i] != '?');
		/* whole characters only */
		header_text_decode(&one, w, len);
		ck_assert(strstr(str_c(&one), "\xef\xbf\xbd") == NULL ||
			  strstr(w, "=EF=BF=BD") != NULL);
		str_fini(&one);
	}
	free(copy);
}

START_TEST(encoded_text_is_read_as_it_was)
{
	unsigned seed = (unsigned)_i * 2750159 + 1;

	for (int round = 0; round < 60; round++) {
		struct str in = { 0 }, out = { 0 }, back = { 0 };

		for (unsigned n = pick(&seed, 150); n > 0; n--)
			add_char(&in, random_char(&seed));
		add_char(&in, 0xe9);
		for (unsigned n = pick(&seed, 150); n > 0; n--)
			add_char(&in, random_char(&seed));
		header_fold(&out, in.data, in.len);
		check_lines(&out, 76);
		check_words(&out);
		header_text_decode(&back, out.data, out.len);
		ck_assert_msg(back.len == in.len &&
				  memcmp(back.data, in.data, in.len) == 0,
		    "%s\n%s", in.data, out.data);
		str_fini(&in);
		str_fini(&out);
		str_fini(&back);
	}
}
END_TEST

/* Words of printable ASCII, none long enough to be broken. */
START_TEST(wrapped_text_is_read_as_it_was)
{
	unsigned seed = (unsigned)_i * 1299709 + 1;

	for (int round = 0; round < 60; round++) {
		struct str in = { 0 }, out = { 0 }, back = { 0 };

		for (unsigned n = pick(&seed, 60); n > 0; n--) {
			if (in.len > 0)
				str_addc(&in, ' ');
			for (unsigned k = 1 + pick(&seed, 20); k > 0; k--)
				str_addc(&in, (char)('!' + pick(&seed, 28)));
		}
		header_fold(&out, str_c(&in), in.len);
		check_lines(&out, 76);
		header_text_decode(&back, str_c(&out), out.len);
		ck_assert_str_eq(str_c(&back), str_c(&in));
		str_fini(&in);
		str_fini(&out);
		str_fini(&back);
	}
}
END_TEST

/* Words of any length: no line above the limit of SMTP, no byte lost. */
START_TEST(no_line_is_beyond_900)
{
	static const size_t lengths[] = { 76, 899, 900, 901, 1800, 1801, 9999 };
	struct str in = { 0 }, out = { 0 };
	size_t letters = 0;

	str_adds(&in, "to ");
	for (size_t k = 0; k < lengths[_i]; k++)
		str_addc(&in, 'x');
	str_adds(&in, " ox");
	header_fold(&out, in.data, in.len);
	check_lines(&out, 901); /* the tab, too */
	for (size_t k = 0; k < out.len; k++)
		letters += out.data[k] == 'x';
	ck_assert_uint_eq(letters, lengths[_i] + 1);
	str_fini(&in);
	str_fini(&out);
}
END_TEST

START_TEST(any_bytes_make_clean_lines)
{
	unsigned seed = (unsigned)_i * 611953 + 1;

	for (int round = 0; round < 60; round++) {
		struct str in = { 0 }, out = { 0 };

		for (unsigned n = pick(&seed, 300); n > 0; n--)
			str_addc(&in, (char)pick(&seed, 256));
		header_fold(&out, str_c(&in), in.len);
		check_lines(&out, 901);
		for (size_t i = 0; i < out.len; i++)
			ck_assert(out.data[i] == '\n' || out.data[i] == '\t' ||
				  (out.data[i] >= ' ' && out.data[i] < 0x7f));
		str_fini(&in);
		str_fini(&out);
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("header_fold", &t);

	tcase_add_loop_test(t, value_is_folded, 0, UNIT_N(rows));
	tcase_add_test(t, nul_is_encoded);
	tcase_add_loop_test(t, encoded_text_is_read_as_it_was, 0, 10);
	tcase_add_loop_test(t, wrapped_text_is_read_as_it_was, 0, 10);
	tcase_add_loop_test(t, no_line_is_beyond_900, 0, 7);
	tcase_add_loop_test(t, any_bytes_make_clean_lines, 0, 10);
	return s;
}

UNIT_MAIN(suite)
