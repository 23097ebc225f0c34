#include "unit.h"

#include "milter/edits.h"
#include "milter/xmalloc.h"

#include <string.h>

static const struct message_limits roomy = { .size = 1 << 20,
	.headers = 100,
	.header_bytes = 1 << 16,
	.body = { .memory = 1 << 16, .folder = "/tmp" } };

static void
parse(struct address *a, const char *text)
{
	address_parse_lenient(a, text, strlen(text));
}

/* From <s@a.example> to <one@b.example> and <two@b.example>, with A and B. */
static struct message *
make(void)
{
	static const char *const to[] = { "<one@b.example>",
		"<two@b.example>" };
	struct address a;
	struct message *m;

	parse(&a, "<s@a.example>");
	m = message_new(&a, "<s@a.example>");
	address_fini(&a);
	for (size_t i = 0; i < UNIT_N(to); i++) {
		parse(&a, to[i]);
		message_accept_rcpt(m, &a, to[i]);
		address_fini(&a);
	}
	message_add_header(m, "A", " one", &roomy);
	message_add_header(m, "B", " two", &roomy);
	message_add_body(m, "text\r\n", 6, &roomy);
	message_complete(m);
	return m;
}

static void
nothing(struct message *m)
{
	(void)m;
}

static void
headers(struct message *m)
{
	headers_remove(&m->headers, "A");
	headers_prepend(&m->headers, "P", 1, "x", 1);
	headers_append(&m->headers, "Z", 1, "y", 1);
}

static void
envelope(struct message *m)
{
	struct address a;

	parse(&a, "t@c.example");
	message_set_sender(m, &a);
	message_add_rcpt(m, &a);
	address_fini(&a);
	parse(&a, "one@b.example");
	message_remove_rcpt(m, &a);
	address_fini(&a);
}

static void
content(struct message *m)
{
	static const char data[] = "A: one\r\nB: 2\r\n\r\nother\r\n";
	struct err err;

	ck_assert_int_eq(
	    message_set_data(m, data, sizeof data - 1, &roomy.body, &err), 0);
	message_quarantine(m, "why", 3);
}

static const struct {
	const char *name;
	void (*change)(struct message *m);
	const char *expected;
} rows[] = {
	{ "nothing", nothing, "" },
	{ "headers", headers,
	    "delete header A#1\ninsert header P#0: x\nadd header Z#0: y\n" },
	{ "envelope", envelope,
	    "change sender <t@c.example>#0\n"
	    "delete recipient <one@b.example>#0\n"
	    "add recipient <t@c.example>#0\n" },
	{ "content", content,
	    "change header B#1: 2\nreplace body #0\nquarantine why#0\n" },
};

START_TEST(edits_are_told_in_their_order)
{
	struct message *m = make();
	struct edits list;
	struct str out = { 0 };

	rows[_i].change(m);
	edits_of(&list, m);
	for (size_t i = 0; i < list.n; i++) {
		const struct edit *e = &list.edit[i];

		str_addf(&out, "%s %s#%d%s%s\n", edit_text(e->kind), e->name,
		    e->index, e->raw != NULL ? ":" : "",
		    e->raw != NULL ? e->raw : "");
	}
	ck_assert_msg(strcmp(str_c(&out), rows[_i].expected) == 0,
	    "%s: expected\n%s, got\n%s", rows[_i].name, rows[_i].expected,
	    str_c(&out));
	edits_fini(&list);
	str_fini(&out);
	message_free(m);
}
END_TEST

static Suite *
edits_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("edits", &tc);

	tcase_add_loop_test(
	    tc, edits_are_told_in_their_order, 0, (int)UNIT_N(rows));
	return s;
}

UNIT_MAIN(edits_suite)
