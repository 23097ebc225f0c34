#include "unit.h"

#include "milter/message.h"
#include "milter/xmalloc.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct message_limits roomy = { .size = 1 << 20,
	.headers = 100,
	.header_bytes = 1 << 16,
	.body = { .memory = 1 << 16, .folder = "/tmp" } };

static struct address
address(const char *text)
{
	struct address a;

	ck_assert_int_eq(address_parse(&a, text, strlen(text), NULL), 0);
	return a;
}

static struct message *
new_message(const char *sender)
{
	struct address a = address(sender);
	char *raw = xasprintf("<%s>", sender);
	struct message *m = message_new(&a, raw);

	address_fini(&a);
	free(raw);
	return m;
}

static void
accept_rcpt(struct message *m, const char *text)
{
	struct address a = address(text);
	char *raw = xasprintf("<%s>", text);

	message_accept_rcpt(m, &a, raw);
	address_fini(&a);
	free(raw);
}

/* From s@a.example to x@b.example and y@c.example, complete. */
static struct message *
arrived(void)
{
	struct message *m = new_message("s@a.example");

	accept_rcpt(m, "x@b.example");
	accept_rcpt(m, "y@c.example");
	message_add_header(m, "From", " s@a.example", &roomy);
	message_add_header(m, "Subject", " hello\n there", &roomy);
	message_add_body(m, "line\r\n", 6, &roomy);
	message_add_body(m, "end", 3, &roomy);
	message_complete(m);
	return m;
}

#define ARRIVED                                                                \
	"From: s@a.example\r\nSubject: hello\r\n there\r\n\r\nline\r\nend"

static void
expect(const struct message *m, const char *text)
{
	struct str out = { 0 };
	struct err err;

	ck_assert_int_eq(message_write(&out, m, &err), 0);
	ck_assert_str_eq(str_c(&out), text);
	ck_assert_uint_eq(message_size(m), strlen(text));
	str_fini(&out);
}

START_TEST(collects)
{
	struct message *m = arrived();
	struct address x = address("x@b.example"), z = address("z@b.example");

	expect(m, ARRIVED);
	ck_assert_str_eq(m->sender.email, "s@a.example");
	ck_assert_str_eq(m->content->sender_raw, "<s@a.example>");
	ck_assert_uint_eq(m->n_rcpt, 2);
	ck_assert_str_eq(m->content->rcpt_raw[1], "<y@c.example>");
	ck_assert(message_has_rcpt(m, &x));
	ck_assert(!message_has_rcpt(m, &z));
	ck_assert(!message_is_edited(m));
	ck_assert_int_eq(m->content->trouble, CONTENT_FINE);
	address_fini(&x);
	address_fini(&z);
	message_free(m);
	message_free(NULL);
}
END_TEST

START_TEST(ids)
{
	char last[33] = "";

	for (int i = 0; i < 1000; i++) {
		struct message *m = new_message("");

		ck_assert_uint_eq(strspn(m->id, "0123456789abcdef"), 32);
		ck_assert_uint_eq(strlen(m->id), 32);
		ck_assert_int_eq(m->id[12], '1'); /* UUID version 1 */
		ck_assert_ptr_nonnull(strchr("89ab", m->id[16]));
		ck_assert_str_ne(m->id, last);
		strcpy(last, m->id);
		message_free(m);
	}
}
END_TEST

/* One edit is an edit, and undone it is none. */
START_TEST(edited)
{
	struct message *m = arrived();
	struct address z = address("z@b.example"), *list;

	headers_append(&m->headers, "X", 1, "1", 1);
	ck_assert(message_is_edited(m));
	headers_remove(&m->headers, "X");
	ck_assert(!message_is_edited(m));

	message_add_rcpt(m, &z);
	ck_assert(message_is_edited(m));
	message_remove_rcpt(m, &z);
	ck_assert(!message_is_edited(m));
	message_remove_rcpt(m, &z);
	ck_assert(!message_is_edited(m));

	/* as many recipients, another one */
	list = xcalloc(2, sizeof *list);
	address_copy(&list[0], &m->rcpt[0]);
	address_copy(&list[1], &z);
	message_take_rcpts(m, list, 2);
	ck_assert(message_is_edited(m));
	message_remove_rcpt(m, &z);
	message_add_rcpt(m, &m->content->rcpt[1]);
	ck_assert(!message_is_edited(m));

	message_set_sender(m, &z);
	ck_assert(message_is_edited(m));
	ck_assert_str_eq(m->content->sender.email, "s@a.example");
	message_set_sender(m, &m->content->sender);
	ck_assert(!message_is_edited(m));
	message_set_sender(m, &m->sender); /* its own */
	ck_assert(!message_is_edited(m));

	message_quarantine(m, "x", 1);
	ck_assert(message_is_edited(m));
	address_fini(&z);
	message_free(m);
}
END_TEST

static const struct {
	const char *data, *text;
	bool edited;
} datas[] = {
	{ ARRIVED, ARRIVED, false },
	{ "From: s@a.example\r\nSubject: hello\r\n there\r\n\r\nother",
	    "From: s@a.example\r\nSubject: hello\r\n there\r\n\r\nother",
	    true },
	{ "From: s@a.example\r\n\r\nline\r\nend",
	    "From: s@a.example\r\n\r\nline\r\nend", true },
	{ "X: y\r\n" ARRIVED, "X: y\r\n" ARRIVED, true },
	{ "", "\r\n", true },
	{ "\r\nbody alone", "\r\nbody alone", true },
};

static void
set(struct message *m, const char *data)
{
	struct err err;

	ck_assert_msg(
	    message_set_data(m, data, strlen(data), &roomy.body, &err) == 0,
	    "%s", err.msg);
}

START_TEST(set_data)
{
	struct message *m = arrived();

	set(m, datas[_i].data);
	expect(m, datas[_i].text);
	ck_assert_int_eq(message_is_edited(m), datas[_i].edited);
	set(m, ARRIVED);
	expect(m, ARRIVED);
	ck_assert(!message_is_edited(m));
	message_free(m);
}
END_TEST

/* A body that the policy made lives where a received one would. */
START_TEST(set_data_spools)
{
	static const char much[] = "A: b\r\n\r\na body of some length";
	struct body_limits few = { 8, SIZE_MAX, "/tmp" },
			   nowhere = { 8, SIZE_MAX, "/nowhere" };
	struct message *m = arrived();
	struct err err;

	ck_assert_int_eq(
	    message_set_data(m, much, strlen(much), &nowhere, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "/nowhere"));
	expect(m, ARRIVED);
	ck_assert(!message_is_edited(m));
	ck_assert_int_eq(
	    message_set_data(m, much, strlen(much), &few, &err), 0);
	ck_assert(body_is_spooled(m->body));
	expect(m, much);
	message_free(m);
}
END_TEST

/* A copy shares what was received and nothing else. */
START_TEST(copies)
{
	struct message *m = arrived(), *copy;
	struct address z = address("z@b.example");

	message_set_sender(m, &z);
	json_object_set_new(m->meta, "k", json_pack("[i]", 1));
	headers_append(&m->headers, "X", 1, "1", 1);
	copy = message_copy(m);
	ck_assert_ptr_eq(copy->content, m->content);
	ck_assert_str_ne(copy->id, m->id);
	ck_assert_str_eq(copy->sender.email, "s@a.example"); /* MAIL FROM's */
	ck_assert_uint_eq(copy->n_rcpt, 0);
	ck_assert(json_equal(copy->meta, m->meta));
	ck_assert(headers_equal(&copy->headers, &m->headers));

	json_array_append_new(
	    json_object_get(copy->meta, "k"), json_integer(2));
	headers_remove(&copy->headers, "x");
	message_add_rcpt(copy, &z);
	message_quarantine(copy, "q", 1);
	ck_assert_uint_eq(json_array_size(json_object_get(m->meta, "k")), 1);
	ck_assert_uint_eq(m->headers.n, 3);
	ck_assert_uint_eq(m->n_rcpt, 2);
	ck_assert(!m->quarantined);
	message_free(m); /* the content stays for the copy */
	expect(copy, ARRIVED);
	message_free(copy);
	address_fini(&z);
}
END_TEST

static const struct {
	struct message_limits limits;
	int headers; /* of 20 bytes each */
	size_t body;
	enum content_trouble trouble;
} limits[] = {
	{ { 100, 100, 1000, { 10, SIZE_MAX, "/tmp" } }, 5, 0, CONTENT_FINE },
	{ { 100, 100, 1000, { 10, SIZE_MAX, "/tmp" } }, 4, 20, CONTENT_FINE },
	{ { 100, 100, 1000, { 10, SIZE_MAX, "/tmp" } }, 4, 21,
	    CONTENT_TOO_BIG },
	{ { 100, 100, 1000, { 10, SIZE_MAX, "/tmp" } }, 6, 0, CONTENT_TOO_BIG },
	{ { 1000, 3, 1000, { 10, SIZE_MAX, "/tmp" } }, 3, 10, CONTENT_FINE },
	{ { 1000, 3, 1000, { 10, SIZE_MAX, "/tmp" } }, 4, 10,
	    CONTENT_TOO_MANY_HEADERS },
	{ { 1000, 100, 60, { 10, SIZE_MAX, "/tmp" } }, 3, 10, CONTENT_FINE },
	{ { 1000, 100, 60, { 10, SIZE_MAX, "/tmp" } }, 4, 10,
	    CONTENT_TOO_MANY_HEADERS },
	{ { 1000, 100, 1000, { 10, SIZE_MAX, "/no/such/folder" } }, 1, 10,
	    CONTENT_FINE },
	{ { 1000, 100, 1000, { 10, SIZE_MAX, "/no/such/folder" } }, 1, 11,
	    CONTENT_NO_ROOM },
	{ { 1000000, 100, 1000, { 0, SIZE_MAX, "/tmp" } }, 1, 500000,
	    CONTENT_FINE },
};

START_TEST(limit)
{
	const struct message_limits *l = &limits[_i].limits;
	struct message *m = new_message("s@a.example");
	char *body = xcalloc(1, limits[_i].body + 1);

	memset(body, 'x', limits[_i].body);
	for (int i = 0; i < limits[_i].headers; i++)
		message_add_header(m, "X-Long", " 0123456789", l);
	message_add_body(m, body, limits[_i].body / 2, l);
	message_add_body(m, body, limits[_i].body - limits[_i].body / 2, l);
	ck_assert_int_eq(m->content->trouble, limits[_i].trouble);
	if (limits[_i].trouble == CONTENT_FINE) {
		ck_assert_uint_eq(
		    m->content->headers.n, (size_t)limits[_i].headers);
		ck_assert_uint_eq(body_size(m->content->body), limits[_i].body);
	} else { /* nothing is kept, and nothing more is taken */
		message_add_header(m, "X", " y", l);
		message_add_body(m, "z", 1, l);
		ck_assert_uint_eq(m->content->headers.n, 0);
		ck_assert_uint_eq(body_size(m->content->body), 0);
		ck_assert_int_eq(m->content->trouble, limits[_i].trouble);
	}
	if (limits[_i].trouble == CONTENT_NO_ROOM)
		ck_assert_ptr_nonnull(
		    strstr(m->content->why.msg, "/no/such/folder"));
	message_free(m);
	free(body);
}
END_TEST

static const struct {
	const char *reason;
	size_t len;
	const char *is;
} reasons[] = {
	{ "looks odd", 9, "looks odd" },
	{ "", 0, "held by policy" },
	{ "a\r\nb", 4, "a\\x0d | b" },
	{ "a\0b", 3, "a\\x00b" },
};

START_TEST(quarantine)
{
	struct message *m = arrived();
	char much[2000];

	message_quarantine(m, reasons[_i].reason, reasons[_i].len);
	ck_assert(m->quarantined);
	ck_assert_ptr_null(strpbrk(m->quarantine_reason, "\r\n"));
	if (_i < 2)
		ck_assert_str_eq(m->quarantine_reason, reasons[_i].is);
	memset(much, 'x', sizeof much);
	message_quarantine(m, much, sizeof much); /* the last one counts */
	ck_assert_uint_le(strlen(m->quarantine_reason), 900);
	message_free(m);
}
END_TEST

/* What Lua holds learns that the message is gone. */
START_TEST(handle)
{
	struct message *m = arrived();
	void *box = m;

	m->handle = &box;
	message_free(m);
	ck_assert_ptr_null(box);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("message", &t);

	tcase_add_test(t, collects);
	tcase_add_test(t, ids);
	tcase_add_test(t, edited);
	tcase_add_loop_test(t, set_data, 0, UNIT_N(datas));
	tcase_add_test(t, set_data_spools);
	tcase_add_test(t, copies);
	tcase_add_loop_test(t, limit, 0, UNIT_N(limits));
	tcase_add_loop_test(t, quarantine, 0, UNIT_N(reasons));
	tcase_add_test(t, handle);
	return s;
}

UNIT_MAIN(suite)
