#include "unit.h"

#include "milter/header.h"
#include "milter/xmalloc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int
append(struct headers *h, const char *name, const char *value)
{
	return headers_append(h, name, strlen(name), value, strlen(value));
}

static int
prepend(struct headers *h, const char *name, const char *value)
{
	return headers_prepend(h, name, strlen(name), value, strlen(value));
}

static void
expect(const struct headers *h, const char *text)
{
	struct str out = { 0 };

	headers_write(&out, h);
	ck_assert_str_eq(str_c(&out), text);
	ck_assert_uint_eq(out.len, strlen(text));
	ck_assert_uint_eq(headers_size(h), out.len);
	str_fini(&out);
}

/* What every message here arrives with. */
static void
arrive(struct headers *h)
{
	*h = (struct headers){ 0 };
	headers_received(h, "From", " a@b.example");
	headers_received(h, "Subject", " one\n two");
	headers_received(h, "X-A", "none"); /* no space after the colon */
	headers_received(h, "subject", " three");
	headers_received(h, "X-Empty", "");
}

#define ARRIVED                                                                \
	"From: a@b.example\r\nSubject: one\r\n two\r\nX-A:none\r\n"            \
	"subject: three\r\nX-Empty:\r\n"

START_TEST(write)
{
	struct headers h = { 0 };

	expect(&h, "");
	arrive(&h);
	expect(&h, ARRIVED);
	ck_assert_int_eq(append(&h, "X-Last", "z"), 0);
	ck_assert_int_eq(prepend(&h, "X-B", ""), 0);
	ck_assert_int_eq(prepend(&h, "X-A", "a\r\n\tb"), 0);
	expect(&h, "X-A: a\r\n\tb\r\nX-B: \r\n" ARRIVED "X-Last: z\r\n");
	headers_fini(&h);
	expect(&h, "");
	headers_fini(&h);
}
END_TEST

START_TEST(find_and_remove)
{
	struct headers h;
	size_t at = 0;

	arrive(&h);
	ck_assert_str_eq(headers_next(&h, "SUBJECT", &at)->raw, " one\n two");
	ck_assert_str_eq(headers_next(&h, "SUBJECT", &at)->raw, " three");
	ck_assert_ptr_null(headers_next(&h, "SUBJECT", &at));
	ck_assert_ptr_null(headers_next(&h, "SUBJECT", &at));
	at = 0;
	ck_assert_ptr_null(headers_next(&h, "Subjec", &at));
	ck_assert_uint_eq(headers_remove(&h, "none"), 0);
	ck_assert_uint_eq(headers_remove(&h, "sUBJECT"), 2);
	ck_assert_uint_eq(headers_remove(&h, "Subject"), 0);
	expect(&h, "From: a@b.example\r\nX-A:none\r\nX-Empty:\r\n");
	ck_assert_uint_eq(headers_remove_prefix(&h, "x-"), 2);
	headers_remove_at(&h, 0);
	expect(&h, "");
	headers_fini(&h);
}
END_TEST

START_TEST(copy_and_equal)
{
	struct headers a, b;

	arrive(&a);
	headers_copy(&b, &a);
	ck_assert(headers_equal(&a, &b));
	append(&b, "X", "1");
	ck_assert(!headers_equal(&a, &b));
	append(&a, "X", "1");
	ck_assert(headers_equal(&a, &b));
	append(&a, "Y", "1");
	append(&b, "Y", "2");
	ck_assert(!headers_equal(&a, &b));
	headers_remove(&a, "y");
	headers_remove(&b, "y");
	headers_remove(&a, "x");
	ck_assert(!headers_equal(&a, &b));
	prepend(&a, "X", "1"); /* the same field elsewhere */
	ck_assert(!headers_equal(&a, &b));
	headers_fini(&a);
	expect(&b, ARRIVED "X: 1\r\n"); /* a copy is its own */
	headers_fini(&b);
}
END_TEST

/* ---- nothing gets out of its field -------------------------------------- */

static const struct {
	const char *name;
	size_t len;
	bool good;
} names[] = {
	{ "X", 1, true },
	{ "X-Spam-Flag", 11, true },
	{ "!#$%&'*+-.^_`|~", 15, true },
	{ "", 0, false },
	{ "X Y", 3, false },
	{ "X:", 2, false },
	{ "X\n", 2, false },
	{ "X\r\nBcc", 6, false },
	{ "X\0Y", 3, false },
	{ "X\t", 2, false },
	{ " X", 2, false },
	{ "X\x7f", 2, false },
	{ "X\xc3\xa4", 3, false },
};

START_TEST(name)
{
	struct headers h = { 0 };
	int want = names[_i].good ? 0 : -1;

	ck_assert_int_eq(
	    headers_append(&h, names[_i].name, names[_i].len, "v", 1), want);
	ck_assert_int_eq(
	    headers_prepend(&h, names[_i].name, names[_i].len, "v", 1), want);
	ck_assert_uint_eq(h.n, names[_i].good ? 2 : 0);
	headers_fini(&h);
}
END_TEST

START_TEST(long_name)
{
	struct headers h = { 0 };
	char text[300];

	memset(text, 'x', sizeof text);
	ck_assert_int_eq(headers_append(&h, text, 255, "v", 1), 0);
	ck_assert_int_eq(headers_append(&h, text, 256, "v", 1), -1);
	headers_fini(&h);
}
END_TEST

static const struct {
	const char *value;
	size_t len;
	const char *raw;
} values[] = {
	{ "plain", 5, " plain" },
	{ "", 0, " " },
	{ "a\r\nBcc: x", 9, " a Bcc: x" },
	{ "a\nBcc: x", 8, " a Bcc: x" },
	{ "a\rBcc: x", 8, " a Bcc: x" },
	{ "a\r\n\r\nbody", 9, " a  body" },
	{ "a\n\n.\n", 5, " a  ." },
	{ "a\r\n b", 5, " a\n b" },
	{ "a\n\tb", 4, " a\n\tb" },
	{ "a\0b", 3, " ab" },
	{ "a\n\0 b", 5, " a  b" },
	{ "a\r\0\nb", 5, " a  b" },
	{ "a\r\r\n b", 6, " a \n b" },
	{ "a\r\n", 3, " a" },
	{ "\r\n\r\n", 4, " " },
	{ "\nBcc: x", 7, "  Bcc: x" },
	{ "caf\xc3\xa9", 5, " caf\xc3\xa9" },
};

START_TEST(value)
{
	struct headers h = { 0 };

	headers_append(&h, "X", 1, values[_i].value, values[_i].len);
	ck_assert_str_eq(h.field[0].raw, values[_i].raw);
	ck_assert_uint_eq(h.field[0].raw_len, strlen(values[_i].raw));
	headers_fini(&h);
}
END_TEST

static void
expect_one_field(const struct header *f, const char *given, size_t len)
{
	ck_assert_uint_eq(strlen(f->raw), f->raw_len); /* no NUL */
	for (const char *p = f->raw; *p != '\0'; p++)
		if (*p == '\r' || (*p == '\n' && p[1] != ' ' && p[1] != '\t'))
			ck_abort_msg("%.*s", (int)len, given);
}

/* All values of up to six of the bytes that matter. */
START_TEST(no_value_gets_out)
{
	static const char bytes[] = { 'a', '\r', '\n', ' ', '\t', '\0', ':' };
	size_t all = 1;

	for (size_t len = 1; len <= 6; len++) {
		all *= sizeof bytes;
		for (size_t k = 0; k < all; k++) {
			struct headers h = { 0 };
			char text[6];
			size_t rest = k;

			for (size_t i = 0; i < len; i++) {
				text[i] = bytes[rest % sizeof bytes];
				rest /= sizeof bytes;
			}
			headers_append(&h, "X", 1, text, len);
			expect_one_field(&h.field[0], text, len);
			headers_fini(&h);
		}
	}
}
END_TEST

/* ---- edits -------------------------------------------------------------- */

/*
 * An MTA that holds a message: its own Received: on top, which it does not
 * count as an instance, then the fields received.  ghosts: a deleted field
 * still counts, as the MTAs do not agree.
 */
struct mta {
	struct line {
		char *name, *raw; /* raw NULL: deleted */
		bool own;
	} line[600];
	size_t n;
	bool ghosts;
};

static void
mta_insert(struct mta *m, size_t at, const char *line_name, const char *raw)
{
	ck_assert_uint_lt(m->n, UNIT_N(m->line));
	if (at > m->n)
		at = m->n;
	memmove(m->line + at + 1, m->line + at, (m->n - at) * sizeof *m->line);
	m->line[at] = (struct line){ xstrdup(line_name), xstrdup(raw), false };
	m->n++;
}

static size_t
mta_find(const struct mta *m, const char *line_name, int instance)
{
	for (size_t i = 0; i < m->n; i++)
		if (!m->line[i].own &&
		    strcasecmp(m->line[i].name, line_name) == 0 &&
		    --instance == 0)
			return i;
	ck_abort_msg("no such instance of %s", line_name);
	return 0;
}

static void
mta_delete(struct mta *m, size_t at)
{
	free(m->line[at].raw);
	m->line[at].raw = NULL;
	if (m->ghosts)
		return;
	free(m->line[at].name);
	m->n--;
	memmove(m->line + at, m->line + at + 1, (m->n - at) * sizeof *m->line);
}

static void
mta_edit(struct mta *m, const struct header_edit *e)
{
	size_t at;

	switch (e->kind) {
	case HEADER_EDIT_INSERT:
		mta_insert(m, (size_t)e->index, e->name, e->raw);
		break;
	case HEADER_EDIT_APPEND:
		mta_insert(m, m->n, e->name, e->raw);
		break;
	case HEADER_EDIT_CHANGE:
		at = mta_find(m, e->name, e->index);
		ck_assert_ptr_nonnull(m->line[at].raw);
		free(m->line[at].raw);
		m->line[at].raw = xstrdup(e->raw);
		break;
	case HEADER_EDIT_DELETE:
		at = mta_find(m, e->name, e->index);
		ck_assert_ptr_nonnull(m->line[at].raw);
		mta_delete(m, at);
		break;
	}
}

/* Names in lower case: which case a changed field has is the MTA's affair. */
static void
add_line(struct str *out, const char *line_name, const char *raw)
{
	for (; *line_name != '\0'; line_name++)
		str_addc(out, (char)tolower((unsigned char)*line_name));
	str_addf(out, ":%s\n", raw);
}

/* What the MTA is left with, without its own line; the model ends. */
static void
mta_write(struct mta *m, struct str *out)
{
	for (size_t i = 0; i < m->n; i++) {
		struct line *l = &m->line[i];

		if (l->raw != NULL && !l->own)
			add_line(out, l->name, l->raw);
		free(l->name);
		free(l->raw);
	}
}

static void
expect_edits_make(
    const struct headers *before, const struct headers *after, bool ghosts)
{
	static struct mta m;
	struct str want = { 0 }, got = { 0 };
	struct header_edit *edits;
	size_t n;

	m = (struct mta){ .ghosts = ghosts };
	mta_insert(&m, 0, "Received", " by us");
	m.line[0].own = true;
	for (size_t i = 0; i < before->n; i++)
		mta_insert(
		    &m, m.n, before->field[i].name, before->field[i].raw);
	edits = headers_diff(before, after, &n);
	for (size_t i = 0; i < n; i++)
		mta_edit(&m, &edits[i]);
	ck_assert(headers_equal(before, after) ? n == 0 : n > 0);
	for (size_t i = 0; i < after->n; i++)
		add_line(&want, after->field[i].name, after->field[i].raw);
	mta_write(&m, &got);
	ck_assert_str_eq(str_c(&got), str_c(&want));
	free(edits);
	str_fini(&want);
	str_fini(&got);
}

static unsigned seed;

static unsigned
any(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static const char *
some_name(void)
{
	static const char *const some[] = { "A", "a", "B", "X-C", "x-c",
		"Subject", "Received" };

	return some[any(UNIT_N(some))];
}

/* The list's text with a line dropped, doubled, changed or added. */
static void
replace_somehow(struct headers *h, const struct headers *received)
{
	struct str text = { 0 };
	size_t body;
	unsigned at = any((unsigned)h->n + 1), how = any(4);

	for (size_t i = 0; i < h->n; i++) {
		const struct header *f = &h->field[i];

		if (i == at && how == 0)
			continue;
		if (i == at && how == 1)
			str_addf(&text, "%s: new %u\r\n", some_name(), any(9));
		str_addf(&text, "%s:", f->name);
		if (i == at && how == 2)
			str_addf(&text, " changed %u", any(9));
		else
			str_adds(&text, f->raw);
		str_adds(&text, "\r\n");
		if (i == at && how == 3)
			str_addf(&text, "%s:%s\r\n", f->name, f->raw);
	}
	str_adds(&text, "\r\nbody");
	body = headers_replace(h, received, str_c(&text), text.len);
	ck_assert_str_eq(text.data + body, "body");
	str_fini(&text);
}

static void
change_somehow(struct headers *h, const struct headers *received)
{
	char text[32];

	snprintf(text, sizeof text, "v%u", any(1000));
	switch (any(8)) {
	case 0:
	case 1:
		append(h, some_name(), text);
		break;
	case 2:
	case 3:
		prepend(h, some_name(), text);
		break;
	case 4:
		headers_remove(h, some_name());
		break;
	case 5:
		headers_remove_prefix(h, "X-");
		break;
	case 6:
		if (h->n != 0)
			headers_remove_at(h, any((unsigned)h->n));
		break;
	default:
		replace_somehow(h, received);
	}
}

/* Whatever was done to a list, the edits do the same to the MTA's. */
START_TEST(edits_do_what_the_policy_did)
{
	for (unsigned round = 0; round < 2000; round++) {
		struct headers before = { 0 }, after;
		unsigned n = any(9), steps = any(8);

		seed = (unsigned)_i * 100000 + round;
		for (unsigned i = 0; i < n; i++)
			headers_received(
			    &before, some_name(), any(2) ? " x" : " y\n z");
		headers_copy(&after, &before);
		for (unsigned i = 0; i < steps; i++)
			change_somehow(&after, &before);
		expect_edits_make(&before, &after, round % 2 != 0);
		headers_fini(&before);
		headers_fini(&after);
	}
}
END_TEST

START_TEST(as_few_edits_as_can_be)
{
	struct headers before, after;
	struct header_edit *e;
	size_t n;

	arrive(&before);
	headers_copy(&after, &before);
	free(headers_diff(&before, &after, &n));
	ck_assert_uint_eq(n, 0);
	append(&after, "X", "1");
	prepend(&after, "Y", "2");
	headers_remove(&after, "X-A");
	e = headers_diff(&before, &after, &n);
	ck_assert_uint_eq(n, 3);
	free(e);
	headers_fini(&before);
	headers_fini(&after);
}
END_TEST

/* Text that is no header block, or hardly one: taken somehow, never beyond. */
START_TEST(replace_by_anything)
{
	static const char *const texts[] = { "", "\r\n", "\n", "body", "A: b",
		"A: b\r\n", "A:b\n\nbody", ": x\r\n\r\n", "A b: c\r\n",
		" folded\r\nA: b\r\n\r\n", "A: b\r\n folded\r\n\r\nc",
		"A: b\r\n\r\nC: d\r\n\r\n", "A:\r\n\r\n", "A: b\rC: d\r\n" };

	for (size_t i = 0; i < UNIT_N(texts); i++) {
		struct headers received, h;
		size_t body;

		arrive(&received);
		headers_copy(&h, &received);
		body =
		    headers_replace(&h, &received, texts[i], strlen(texts[i]));
		ck_assert_uint_le(body, strlen(texts[i]));
		for (size_t k = 0; k < h.n; k++)
			expect_one_field(
			    &h.field[k], texts[i], strlen(texts[i]));
		expect_edits_make(&received, &h, i % 2 != 0);
		headers_fini(&received);
		headers_fini(&h);
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("header", &t);

	tcase_set_timeout(t, 60);
	tcase_add_test(t, write);
	tcase_add_test(t, find_and_remove);
	tcase_add_test(t, copy_and_equal);
	tcase_add_loop_test(t, name, 0, UNIT_N(names));
	tcase_add_test(t, long_name);
	tcase_add_loop_test(t, value, 0, UNIT_N(values));
	tcase_add_test(t, no_value_gets_out);
	tcase_add_loop_test(t, edits_do_what_the_policy_did, 0, 10);
	tcase_add_test(t, as_few_edits_as_can_be);
	tcase_add_test(t, replace_by_anything);
	return s;
}

UNIT_MAIN(suite)
