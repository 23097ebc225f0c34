#include "unit.h"

#include "milter/batch.h"
#include "milter/xmalloc.h"

#include <string.h>

static const struct message_limits roomy = { .size = 1 << 20,
	.headers = 100,
	.header_bytes = 1 << 16,
	.body = { .memory = 1 << 16, .folder = "/tmp" } };

/* "a@x b@y" as the recipients of a message with one header. */
static struct message *
make(const char *rcpts)
{
	struct address a;
	struct message *m;
	char *copy = xstrdup(rcpts), *rest, *w;

	address_parse_lenient(&a, "s@a.example", 11);
	m = message_new(&a, "<s@a.example>");
	address_fini(&a);
	for (w = strtok_r(copy, " ", &rest); w != NULL;
	     w = strtok_r(NULL, " ", &rest)) {
		address_parse_lenient(&a, w, strlen(w));
		message_accept_rcpt(m, &a, w);
		address_fini(&a);
	}
	free(copy);
	message_add_header(m, "A", " b", &roomy);
	message_complete(m);
	return m;
}

static char *
rcpts_of(const struct message *m)
{
	struct str out = { 0 };

	for (size_t i = 0; i < m->n_rcpt; i++)
		str_addf(&out, "%s%s", i != 0 ? " " : "", m->rcpt[i].email);
	return out.data != NULL ? str_take(&out) : xstrdup("");
}

/* "a@x b@y|c@z" */
static char *
batches_text(const struct batches *b)
{
	struct str out = { 0 };

	for (size_t i = 0; i < b->n; i++) {
		char *list = rcpts_of(b->m[i]);

		str_addf(&out, "%s%s", i != 0 ? "|" : "", list);
		free(list);
	}
	return out.data != NULL ? str_take(&out) : xstrdup("");
}

static void
batches_free(struct batches *b)
{
	for (size_t i = 0; i < b->n; i++)
		message_free(b->m[i]);
	free(b->m);
}

static const struct {
	const char *rcpts;
	enum batch_handling how;
	const char *batches;
} makes[] = {
	{ "", BATCH_BIFURCATE, "" },
	{ "a@x", BATCH_BIFURCATE, "a@x" },
	{ "a@x b@y a@x", BATCH_BIFURCATE, "a@x|b@y|a@x" },
	{ "a@x b@y c@X d@z e@y", BATCH_BY_DOMAIN, "a@x c@x|b@y e@y|d@z" },
	{ "Postmaster a@x postmaster", BATCH_BY_DOMAIN,
	    "Postmaster Postmaster|a@x" },
	{ "a@x b@y", BATCH_ALL_IN_ONE, "a@x b@y" },
	{ "", BATCH_ALL_IN_ONE, "" },
};

START_TEST(batches)
{
	struct message *base = make(makes[_i].rcpts);
	struct batches b = { 0 };
	char *text;

	json_object_set_new(base->meta, "k", json_integer(1));
	headers_append(&base->headers, "X", 1, "1", 1);
	batches_make(&b, base, makes[_i].how);
	text = batches_text(&b);
	ck_assert_str_eq(text, makes[_i].batches);
	for (size_t i = 0; i < b.n; i++) {
		ck_assert_str_ne(b.m[i]->id, base->id);
		ck_assert(json_equal(b.m[i]->meta, base->meta));
		ck_assert(headers_equal(&b.m[i]->headers, &base->headers));
	}
	free(text);
	batches_free(&b);
	message_free(base);
}
END_TEST

/* What split_transaction asks for: also batches without anybody. */
START_TEST(added_one_by_one)
{
	struct message *base = make("a@x b@y");
	struct batches b = { 0 };
	char *text;

	batches_add(&b, base, 2, &base->rcpt[0]);
	batches_add(&b, base, 0, &base->rcpt[1]);
	batches_add(&b, base, 3, NULL);
	batches_add(&b, base, 3, NULL);
	text = batches_text(&b);
	ck_assert_str_eq(text, "b@y||a@x|");
	free(text);
	batches_free(&b);
	message_free(base);
}
END_TEST

static void
drop(struct message *m)
{
	json_object_set_new(m->meta, "queue", json_string("null"));
}

/*
 * What a policy does to each of three batches: '-' nothing, 'h' adds a
 * header, 'g' another, 'q' quarantines, 'd' drops, 's' another sender.
 */
static const struct {
	const char *does, *rcpts; /* NULL: all dropped */
	const char *headers;
	bool unequal, quarantined;
} merges[] = {
	{ "---", "a@x b@y c@z", "A: b\r\n", false, false },
	{ "hhh", "a@x b@y c@z", "A: b\r\nH: 1\r\n", false, false },
	{ "h--", "a@x b@y c@z", "A: b\r\nH: 1\r\n", true, false },
	{ "-h-", "a@x b@y c@z", "A: b\r\n", true, false },
	{ "hg-", "a@x b@y c@z", "A: b\r\nH: 1\r\n", true, false },
	{ "--q", "a@x b@y c@z", "A: b\r\n", false, true },
	{ "q--", "a@x b@y c@z", "A: b\r\n", false, true },
	{ "d--", "b@y c@z", "A: b\r\n", false, false },
	{ "dhd", "b@y", "A: b\r\nH: 1\r\n", false, false },
	{ "hdg", "a@x c@z", "A: b\r\nH: 1\r\n", true, false },
	{ "ddd", NULL, NULL, false, false },
	{ "-s-", "a@x b@y c@z", "A: b\r\n", true, false },
	{ "sss", "a@x b@y c@z", "A: b\r\n", false, false },
};

static void
change(struct message *m, char what)
{
	struct address a;

	switch (what) {
	case 'h':
		headers_append(&m->headers, "H", 1, "1", 1);
		break;
	case 'g':
		headers_append(&m->headers, "G", 1, "2", 1);
		break;
	case 'q':
		message_quarantine(m, "why", 3);
		break;
	case 'd':
		drop(m);
		break;
	case 's':
		address_parse_lenient(&a, "o@x", 3);
		message_set_sender(m, &a);
		address_fini(&a);
		break;
	}
}

START_TEST(merge)
{
	struct message *base = make("a@x b@y c@z"), *m;
	struct batches b = { 0 };
	struct str out = { 0 };
	bool unequal;
	char *rcpts;

	batches_make(&b, base, BATCH_BIFURCATE);
	for (int i = 0; i < 3; i++)
		change(b.m[i], merges[_i].does[i]);
	ck_assert_int_eq(batches_quarantined(&b), merges[_i].quarantined);
	m = batches_merge(&b, &unequal);
	ck_assert_int_eq(unequal, merges[_i].unequal);
	if (merges[_i].rcpts == NULL) {
		ck_assert_ptr_null(m);
	} else {
		rcpts = rcpts_of(m);
		ck_assert_str_eq(rcpts, merges[_i].rcpts);
		free(rcpts);
		headers_write(&out, &m->headers);
		ck_assert_str_eq(str_c(&out), merges[_i].headers);
		ck_assert_int_eq(m->quarantined, merges[_i].quarantined);
		if (m->quarantined)
			ck_assert_str_eq(m->quarantine_reason, "why");
	}
	str_fini(&out);
	message_free(m);
	batches_free(&b);
	message_free(base);
}
END_TEST

START_TEST(recipients_are_joined_once)
{
	struct message *base = make("a@x b@y"), *m;
	struct batches b = { 0 };
	bool unequal;
	char *rcpts;

	batches_make(&b, base, BATCH_BIFURCATE);
	message_add_rcpt(b.m[0], &base->rcpt[1]);
	message_add_rcpt(b.m[1], &base->rcpt[0]);
	m = batches_merge(&b, &unequal);
	rcpts = rcpts_of(m);
	ck_assert_str_eq(rcpts, "a@x b@y");
	ck_assert(!unequal);
	free(rcpts);
	message_free(m);
	batches_free(&b);
	message_free(base);
}
END_TEST

START_TEST(dropped)
{
	static const struct {
		const char *queue;
		bool dropped;
	} queues[] = { { "null", true }, { "NULL", false }, { "", false },
		{ "nullable", false } };
	struct message *m = make("a@x");

	ck_assert(!batch_is_dropped(m));
	for (size_t i = 0; i < UNIT_N(queues); i++) {
		json_object_set_new(
		    m->meta, "queue", json_string(queues[i].queue));
		ck_assert_int_eq(batch_is_dropped(m), queues[i].dropped);
	}
	json_object_set_new(m->meta, "queue", json_null());
	ck_assert(!batch_is_dropped(m));
	message_free(m);
}
END_TEST

START_TEST(nothing_to_merge)
{
	struct batches b = { 0 };
	bool unequal = true;

	ck_assert_ptr_null(batches_merge(&b, &unequal));
	ck_assert(!unequal);
	ck_assert(!batches_quarantined(&b));
}
END_TEST

START_TEST(handling_names)
{
	static const char *const names[] = { [BATCH_BIFURCATE] =
						 "BifurcateAlways",
		[BATCH_BY_DOMAIN] = "BatchByDomain",
		[BATCH_ALL_IN_ONE] = "AllInOne" };
	struct err err;
	int how = -1;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(batch_handling_parse(names[i], &how, &err), 0);
		ck_assert_int_eq(how, i);
	}
	ck_assert_int_eq(batch_handling_parse("Nope", &how, &err), -1);
	ck_assert_int_eq(how, 2);
	ck_assert_ptr_nonnull(strstr(err.msg, "\"Nope\""));
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("batch", &t);

	tcase_add_loop_test(t, batches, 0, UNIT_N(makes));
	tcase_add_test(t, added_one_by_one);
	tcase_add_loop_test(t, merge, 0, UNIT_N(merges));
	tcase_add_test(t, recipients_are_joined_once);
	tcase_add_test(t, dropped);
	tcase_add_test(t, nothing_to_merge);
	tcase_add_test(t, handling_names);
	return s;
}

UNIT_MAIN(suite)
