#include "unit.h"

#include "milter/header.h"
#include "milter/xmalloc.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LONG_255                                                               \
	"Nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"     \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"     \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"     \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

/*
 * What was received ("A=1 B=2"), the text, then the list it makes and what it
 * leaves as the body.  Of each field: its number among the received ones with
 * '*' where its value changed; or '^' prepended, '+' inserted, '$' appended;
 * then "name=raw", a fold written as '/'.
 */
static const struct row {
	const char *received, *text, *list, *body;
} rows[] = {
	/* where the block ends */
	{ "", "", "", "" },
	{ "", "\r\n", "", "" },
	{ "", "\r\nbody", "", "body" },
	{ "", "\nbody", "", "body" },
	{ "", "A: 1\r\n\r\nbody", "$A= 1", "body" },
	{ "", "A: 1\n\nbody", "$A= 1", "body" },
	{ "", "A: 1\r\n\nbody", "$A= 1", "body" },
	{ "", "A: 1\r\n\r\n\r\nbody", "$A= 1", "\r\nbody" },
	{ "", "A: 1\r\n", "$A= 1", "" },
	{ "", "A: 1", "$A= 1", "" },
	{ "", "A: 1\r", "$A= 1", "" },
	{ "", "A: 1\r\n\r", "$A= 1", "\r" },
	/* what is no field is body */
	{ "", "no field\r\nA: 1\r\n", "", "no field\r\nA: 1\r\n" },
	{ "", "A: 1\r\nno field\r\n", "$A= 1", "no field\r\n" },
	{ "", "A: 1\r\n: 2\r\n", "$A= 1", ": 2\r\n" },
	{ "", " A: 1\r\n", "", " A: 1\r\n" },
	{ "", "A b: 1\r\n", "", "A b: 1\r\n" },
	{ "", "A\x80: 1\r\n", "", "A\x80: 1\r\n" },
	{ "", "A", "", "A" },
	{ "", "A\r\n: 1\r\n", "", "A\r\n: 1\r\n" },
	{ "", LONG_255 ": 1\r\n", "$" LONG_255 "= 1", "" },
	{ "", LONG_255 "x: 1\r\n", "", LONG_255 "x: 1\r\n" },
	/* values */
	{ "", "A:1\r\nB:  2 \r\nC:\t3\r\n", "$A=1 $B=  2  $C=\t3", "" },
	{ "", "A:\r\nB: 2\r\n", "$A= $B= 2", "" },
	{ "", "A: 1:2\r\n", "$A= 1:2", "" },
	{ "", "A \t: 1\r\n", "$A= 1", "" },
	{ "", "A: 1\r\n 2\r\n\t3\r\nB: 4\r\n", "$A= 1/ 2/\t3 $B= 4", "" },
	{ "", "A: 1\n 2\n\t3\n\n 4", "$A= 1/ 2/\t3", " 4" },
	{ "", "A:\r\n 1\r\n", "$A=/ 1", "" },
	{ "", "A: 1\r2\r\n", "$A= 12", "" },
	{ "", "A: \xc3\xa9\xff\r\n", "$A= \xc3\xa9\xff", "" },

	/* which of them are received ones */
	{ "A=1", "A: 1\r\n", "1A= 1", "" },
	{ "A=1", "A:1\r\n", "1*A=1", "" },
	{ "A=1", "a: 1\r\n", "$a= 1", "" },
	{ "A=1", "B: 1\r\n", "$B= 1", "" },
	{ "A=1", "", "", "" },
	{ "A=1 B=2 C=3", "A: 1\r\nB: 2\r\nC: 3\r\n", "1A= 1 2B= 2 3C= 3", "" },
	{ "A=1 B=2 C=3", "A: 1\r\nC: 3\r\n", "1A= 1 3C= 3", "" },
	{ "A=1 B=2 C=3", "A: 1\r\nB: 9\r\nC: 3\r\n", "1A= 1 2*B= 9 3C= 3", "" },
	{ "A=1 B=2 C=3", "A: 1\r\nX: 0\r\nB: 2\r\nC: 3\r\n",
	    "1A= 1 +X= 0 2B= 2 3C= 3", "" },
	{ "A=1 B=2 C=3", "X: 0\r\nA: 1\r\nB: 2\r\nC: 3\r\nY: 0\r\n",
	    "^X= 0 1A= 1 2B= 2 3C= 3 $Y= 0", "" },
	/* a changed one first or last is still that one */
	{ "A=1 B=2", "A: 9\r\nB: 2\r\n", "1*A= 9 2B= 2", "" },
	{ "A=1 B=2", "A: 1\r\nB: 9\r\n", "1A= 1 2*B= 9", "" },
	{ "A=1 B=2", "A: 8\r\nB: 9\r\n", "1*A= 8 2*B= 9", "" },
	/* new values beside new fields */
	{ "A=1 B=2", "X: 0\r\nA: 9\r\nB: 2\r\n", "^X= 0 1*A= 9 2B= 2", "" },
	{ "A=1 B=2", "A: 1\r\nX: 0\r\nB: 9\r\nY: 0\r\n",
	    "1A= 1 +X= 0 2*B= 9 $Y= 0", "" },
	/* doubled, moved */
	{ "A=1 B=2", "A: 1\r\nA: 1\r\nB: 2\r\n", "1A= 1 +A= 1 2B= 2", "" },
	{ "A=1 A=1 B=2", "A: 1\r\nB: 2\r\n", "1A= 1 3B= 2", "" },
	{ "A=1 B=2", "B: 2\r\nA: 1\r\n", "^B= 2 1A= 1", "" },
	{ "A=1 B=2 C=3 D=4", "D: 4\r\nA: 1\r\nB: 2\r\nC: 3\r\n",
	    "^D= 4 1A= 1 2B= 2 3C= 3", "" },
	/* the longest common part wins */
	{ "A=1 B=2 C=3 D=4 E=5",
	    "X: 0\r\nE: 5\r\nB: 2\r\nD: 4\r\nA: 1\r\nY: 0\r\n",
	    "^X= 0 ^E= 5 2B= 2 4D= 4 $A= 1 $Y= 0", "" },
	{ "Received=1 Received=2 Subject=x",
	    "Received: 0\r\nReceived: 1\r\nReceived: 2\r\nSubject: y\r\n",
	    "^Received= 0 1Received= 1 2Received= 2 3*Subject= y", "" },
};

static struct headers
headers_of(const char *text)
{
	struct headers h = { 0 };
	char *copy = xstrdup(text), *save = NULL;

	for (char *w = strtok_r(copy, " ", &save); w != NULL;
	     w = strtok_r(NULL, " ", &save)) {
		char *value = strchr(w, '=');
		char *raw = xasprintf(" %s", value + 1);

		*value = '\0';
		headers_received(&h, w, raw);
		free(raw);
	}
	free(copy);
	return h;
}

static const char *
list_text(struct str *out, const struct headers *h)
{
	static const char marks[] = {
		[HEADER_PREPENDED] = '^',
		[HEADER_INSERTED] = '+',
		[HEADER_APPENDED] = '$',
	};

	for (size_t i = 0; i < h->n; i++) {
		const struct header *f = &h->field[i];

		if (i > 0)
			str_addc(out, ' ');
		if (f->origin == HEADER_RECEIVED)
			str_addf(out, "%zu%s", f->seq, f->changed ? "*" : "");
		else
			str_addc(out, marks[f->origin]);
		str_addf(out, "%s=", f->name);
		for (const char *p = f->raw; *p != '\0'; p++)
			str_addc(out, *p == '\n' ? '/' : *p);
	}
	return str_c(out);
}

START_TEST(text_is_told_apart)
{
	const struct row *r = &rows[_i];
	struct headers received = headers_of(r->received), h = { 0 };
	struct str list = { 0 };
	size_t body;

	headers_append(&h, "Old", 3, "goes", 4);
	body = headers_replace(&h, &received, r->text, strlen(r->text));
	ck_assert_msg(strcmp(list_text(&list, &h), r->list) == 0,
	    "row %d: \"%s\"", _i, str_c(&list));
	ck_assert_msg(strcmp(r->text + body, r->body) == 0,
	    "row %d: body \"%s\"", _i, r->text + body);
	str_fini(&list);
	headers_fini(&received);
	headers_fini(&h);
}
END_TEST

START_TEST(nul_does_not_end_a_value)
{
	static const char text[] = "A: 1\0"
				   "2\r\nB: 3\r\n";
	static const char bad[] = "A\0: 1\r\n";
	struct headers h = { 0 }, none = { 0 };

	ck_assert_uint_eq(
	    headers_replace(&h, &none, text, sizeof text - 1), sizeof text - 1);
	ck_assert_uint_eq(h.n, 2);
	ck_assert_str_eq(h.field[0].raw, " 12");
	ck_assert_uint_eq(h.field[0].raw_len, 3);
	ck_assert_uint_eq(headers_replace(&h, &none, bad, sizeof bad - 1), 0);
	ck_assert_uint_eq(h.n, 0);
	ck_assert_uint_eq(headers_replace(&h, &none, NULL, 0), 0);
	headers_fini(&h);
}
END_TEST

/* ---- at random ---------------------------------------------------------- */

/* What header.h promises of every list. */
static void
check_field(const struct header *f)
{
	ck_assert_uint_eq(f->name_len, strlen(f->name));
	ck_assert_uint_eq(f->raw_len, strlen(f->raw));
	ck_assert(f->name_len >= 1 && f->name_len <= 255);
	for (const char *p = f->name; *p != '\0'; p++)
		ck_assert(*p > ' ' && *p < 0x7f && *p != ':');
	for (const char *p = f->raw; *p != '\0'; p++) {
		ck_assert_int_ne(*p, '\r');
		ck_assert(*p != '\n' || p[1] == ' ' || p[1] == '\t');
	}
}

/* Prepended, then received in order with inserted between, then appended. */
static void
check_list(const struct headers *h, const struct headers *received)
{
	size_t seq = 0, i = 0;

	for (size_t k = 0; k < h->n; k++)
		check_field(&h->field[k]);
	while (i < h->n && h->field[i].origin == HEADER_PREPENDED)
		ck_assert_uint_eq(h->field[i++].seq, 0);
	for (; i < h->n && h->field[i].origin != HEADER_APPENDED; i++) {
		const struct header *f = &h->field[i];

		if (f->origin == HEADER_INSERTED) {
			ck_assert(f->seq == 0 && seq != 0);
			continue;
		}
		ck_assert_int_eq(f->origin, HEADER_RECEIVED);
		ck_assert(f->seq > seq && f->seq <= received->n);
		seq = f->seq;
		ck_assert_int_eq(
		    strcasecmp(f->name, received->field[seq - 1].name), 0);
		ck_assert_int_eq(f->changed,
		    strcmp(f->raw, received->field[seq - 1].raw) != 0);
	}
	while (i < h->n) {
		ck_assert_int_eq(h->field[i].origin, HEADER_APPENDED);
		ck_assert_uint_eq(h->field[i++].seq, 0);
	}
}

static struct str
random_bytes(unsigned *seed)
{
	static const char likely[] = "AaB::: \t\r\n\n12\0";
	struct str s = { 0 };

	for (int n = rand_r(seed) / 5 % 120; n > 0; n--)
		if (rand_r(seed) / 7 % 40 == 0)
			str_addc(&s, (char)(rand_r(seed) / 3));
		else
			str_addc(&s,
			    likely[(size_t)rand_r(seed) / 9 % sizeof likely]);
	return s;
}

/* Any bytes; and what was made of them is the same when it is read again. */
START_TEST(random_text_keeps_the_promises)
{
	unsigned seed = (unsigned)_i * 48611 + 1;
	struct headers received = headers_of("A=1 B=2 a=1 A=2 AA=1 B=1");

	for (int round = 0; round < 300; round++) {
		struct str text = random_bytes(&seed), again = { 0 };
		struct headers h = { 0 }, same;
		size_t at =
		    headers_replace(&h, &received, str_c(&text), text.len);

		ck_assert_uint_le(at, text.len);
		check_list(&h, &received);
		headers_copy(&same, &h);
		ck_assert(headers_equal(&same, &h));
		headers_write(&again, &h);
		ck_assert_uint_eq(again.len, headers_size(&h));
		ck_assert_uint_eq(
		    headers_replace(&h, &received, str_c(&again), again.len),
		    again.len);
		ck_assert(headers_equal(&same, &h));
		headers_fini(&same);
		headers_fini(&h);
		str_fini(&again);
		str_fini(&text);
	}
	headers_fini(&received);
}
END_TEST

START_TEST(what_a_policy_adds_stays_one_field)
{
	unsigned seed = (unsigned)_i * 32452843 + 1;
	struct headers none = { 0 };

	for (int round = 0; round < 300; round++) {
		struct str value = random_bytes(&seed), text = { 0 };
		struct headers h = { 0 };

		headers_append(&h, "X-A", 3, str_c(&value), value.len);
		headers_prepend(&h, "X-B", 3, str_c(&value), value.len);
		check_field(&h.field[0]);
		check_field(&h.field[1]);
		headers_write(&text, &h);
		str_adds(&text, "\r\nbody");
		ck_assert_str_eq(
		    text.data + headers_replace(&h, &none, text.data, text.len),
		    "body");
		ck_assert_uint_eq(h.n, 2);
		headers_fini(&h);
		str_fini(&text);
		str_fini(&value);
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("header_replace", &t);

	tcase_add_loop_test(t, text_is_told_apart, 0, UNIT_N(rows));
	tcase_add_test(t, nul_does_not_end_a_value);
	tcase_add_loop_test(t, random_text_keeps_the_promises, 0, 10);
	tcase_add_loop_test(t, what_a_policy_adds_stays_one_field, 0, 5);
	return s;
}

UNIT_MAIN(suite)
