/*
 * Headers of addresses as text again, so that a row shows all that was read:
 *
 *   local|domain|email        a mailbox; "-" instead of all where it is "<>"
 *   name: local|domain|email  with a display name, in [] to show its ends
 *   name{ ... }               a group; entries are joined by ", "
 */
#include "unit.h"

#include "milter/clock.h"
#include "milter/header_text.h"
#include "milter/mailbox.h"
#include "milter/str.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
show_box(struct str *out, const struct mailbox *m)
{
	if (m->name != NULL) {
		ck_assert_uint_eq(m->name[m->name_len], 0);
		str_addc(out, '[');
		str_add(out, m->name, m->name_len);
		str_adds(out, "]: ");
	}
	ck_assert((m->email == NULL) == (m->local == NULL) &&
		  (m->email == NULL) == (m->domain == NULL));
	if (m->email == NULL)
		str_addc(out, '-');
	else
		str_addf(out, "%s|%s|%s", m->local, m->domain, m->email);
}

static void
show(struct str *out, const struct mailbox_list *l)
{
	size_t boxes = 0;

	for (size_t i = 0; i < l->n_entries; i++) {
		const struct mailbox_entry *e = &l->entry[i];

		ck_assert_uint_eq(e->first, boxes);
		ck_assert(e->is_group || (e->n == 1 && e->name == NULL));
		boxes += e->n;
		if (i > 0)
			str_adds(out, ", ");
		if (e->is_group) {
			str_add(out, e->name, e->name_len);
			str_addc(out, '{');
		}
		for (size_t k = 0; k < e->n; k++) {
			if (k > 0)
				str_adds(out, ", ");
			show_box(out, &l->box[e->first + k]);
		}
		if (e->is_group)
			str_addc(out, '}');
	}
	ck_assert_uint_eq(boxes, l->n_boxes);
}

/* The text and its end lie at the end of a block: reading on is seen. */
static struct mailbox_list *
parse(const char *text, size_t len, struct err *err)
{
	char *exact = malloc(len != 0 ? len : 1);
	struct mailbox_list *l;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, text, len);
	err->msg[0] = '\0';
	l = mailbox_list_parse(exact, len, err);
	free(exact);
	return l;
}

static void
expect(const char *text, size_t len, const char *expected)
{
	struct str out = { 0 };
	struct err err;
	struct mailbox_list *l = parse(text, len, &err);

	if (l != NULL)
		show(&out, l);
	else
		str_addf(&out, "! %s", err.msg);
	ck_assert_msg(strcmp(str_c(&out), expected) == 0,
	    "%s\nexpected %s\ngot      %s", text, expected, str_c(&out));
	str_fini(&out);
	free(l);
}

struct row {
	const char *text, *expected;
};

/* ---- what is read ------------------------------------------------------- */

static const struct row plain[] = {
	{ "a@b", "a|b|a@b" },
	{ "<a@b>", "a|b|a@b" },
	{ " \t ann@host.example \n", "ann|host.example|ann@host.example" },
	{ "Ann <ann@host.example>",
	    "[Ann]: ann|host.example|ann@host.example" },
	{ "Ann<ann@host.example>", "[Ann]: ann|host.example|ann@host.example" },
	{ "Ann B. Sea <a@b>", "[Ann B. Sea]: a|b|a@b" },
	{ "J.R.R. X <a@b>", "[J.R.R. X]: a|b|a@b" },
	{ "Mr . X <a@b>", "[Mr . X]: a|b|a@b" },
	{ "Big & Co. = 1/2! <a@b>", "[Big & Co. = 1/2!]: a|b|a@b" },
	{ "\"Ann\" <a@b>", "[Ann]: a|b|a@b" },
	{ "\"Sea, Ann\" <a@b>", "[Sea, Ann]: a|b|a@b" },
	{ "\"a@other.example\" <a@b>", "[a@other.example]: a|b|a@b" },
	{ "\"An\\\"n\\\\\" <a@b>", "[An\"n\\]: a|b|a@b" },
	{ "\"Ann\" \"Sea\" <a@b>", "[Ann Sea]: a|b|a@b" },
	{ "\"Ann\"\"Sea\" <a@b>", "[Ann Sea]: a|b|a@b" },
	{ "\"Dr.\" Ann <a@b>", "[Dr. Ann]: a|b|a@b" },
	{ "Ann \"the\" Sea <a@b>", "[Ann the Sea]: a|b|a@b" },
	{ "\"  two  blanks \" <a@b>", "[  two  blanks ]: a|b|a@b" },
	{ "\"\" <a@b>", "[]: a|b|a@b" },
	{ "a@b, c@d", "a|b|a@b, c|d|c@d" },
	{ "a@b,c@d,Eve <e@f>", "a|b|a@b, c|d|c@d, [Eve]: e|f|e@f" },
	{ "A+B=c!#$%&'*-/?^_`{|}~@x", "A+B=c!#$%&'*-/?^_`{|}~|x|"
				      "A+B=c!#$%&'*-/?^_`{|}~@x" },
	{ "a@X.Example.COM", "a|X.Example.COM|a@X.Example.COM" },
	{ "a@-x_.1", "a|-x_.1|a@-x_.1" },
	{ "a@[192.0.2.1]", "a|[192.0.2.1]|a@[192.0.2.1]" },
	{ "a@[IPv6:2001:db8::1]", "a|[IPv6:2001:db8::1]|"
				  "a@[IPv6:2001:db8::1]" },
	{ "a@ [ 192.0.2.1\n ] (x)", "a|[192.0.2.1]|a@[192.0.2.1]" },
	{ "a@[]", "a|[]|a@[]" },
	{ "a@[x\\y]", "a|[xy]|a@[xy]" },
	{ "<>", "-" },
	{ "Mail Delivery <>", "[Mail Delivery]: -" },
	{ "< (nobody) >, a@b", "-, a|b|a@b" },
};

static const struct row quoted_locals[] = {
	{ "\"a\"@b", "a|b|a@b" },
	{ "\"a b\"@c", "a b|c|\"a b\"@c" },
	{ "\"a@b\"@c", "a@b|c|\"a@b\"@c" },
	{ "\"<a>\"@c", "<a>|c|\"<a>\"@c" },
	{ "\"a\\\"b\\\\c\"@d", "a\"b\\c|d|\"a\\\"b\\\\c\"@d" },
	{ "\"\\a\\b\"@c", "ab|c|ab@c" },
	{ "\"\"@c", "|c|\"\"@c" },
	{ "\".a\"@c", ".a|c|\".a\"@c" },
	{ "\"a.\"@c", "a.|c|\"a.\"@c" },
	{ "\"a..b\"@c", "a..b|c|\"a..b\"@c" },
	{ "\"a.b\"@c", "a.b|c|a.b@c" },
	{ "\"a\tb\"@c", "a b|c|\"a b\"@c" },
	{ "\"a\r\n b\"@c", "a b|c|\"a b\"@c" },
	{ "\"(x)\"@c", "(x)|c|\"(x)\"@c" },
	{ "a.\"b c\".d@e", "a.b c.d|e|\"a.b c.d\"@e" },
	{ "\"a\".\"b\"@c", "a.b|c|a.b@c" },
	{ "\"a,b\" <\"c,d\"@e>", "[a,b]: c,d|e|\"c,d\"@e" },
};

/* RFC 5322 4.4, and comments wherever they may stand */
static const struct row obsolete[] = {
	{ "a . b @ c . d", "a.b|c.d|a.b@c.d" },
	{ "(1)a(2).(3)b(4)@(5)c(6).(7)d(8)", "a.b|c.d|a.b@c.d" },
	{ "(1) Ann (2) Sea (3) < (4) a@b (5) > (6)", "[Ann Sea]: a|b|a@b" },
	{ "Ann(x)Sea <a@b>", "[Ann Sea]: a|b|a@b" },
	{ "a@b (Ann Sea)", "a|b|a@b" },
	{ "a@b (1 (2 (3) \\) ) \\( \",<>@ )", "a|b|a@b" },
	{ "(a@x)b@c", "b|c|b@c" },
	{ "a@b (\xff\x01)", "a|b|a@b" },
	{ "Ann\n <a\n\t@\r\n b>", "[Ann]: a|b|a@b" },
	{ "Ann\n \n <a@b>", "[Ann]: a|b|a@b" },
	{ "<@x:a@b>", "a|b|a@b" },
	{ "<@x.example,@[192.0.2.1]:a@b>", "a|b|a@b" },
	{ "Ann <,, @x , (c) ,@y,:a@b>", "[Ann]: a|b|a@b" },
	{ "< @ x . y : \"q q\"@b>", "q q|b|\"q q\"@b" },
	{ ",a@b", "a|b|a@b" },
	{ "a@b,", "a|b|a@b" },
	{ ",, a@b ,(x), ,c@d,,", "a|b|a@b, c|d|c@d" },
	{ "", "" },
	{ "  \n ", "" },
	{ "(nobody)", "" },
	{ ", ,,", "" },
};

static const struct row groups[] = {
	{ "x:;", "x{}" },
	{ "undisclosed-recipients:;", "undisclosed-recipients{}" },
	{ "Undisclosed recipients : (none) ; (really)",
	    "Undisclosed recipients{}" },
	{ "x:a@b;", "x{a|b|a@b}" },
	{ "My \"best, of\" Co.: a@b, Ann <c@d>;",
	    "My best, of Co.{a|b|a@b, [Ann]: c|d|c@d}" },
	{ "x: ,a@b,,(y),c@d, ;", "x{a|b|a@b, c|d|c@d}" },
	{ "x:,;", "x{}" },
	{ "e@f, x:a@b;, y:;, Ann <c@d>",
	    "e|f|e@f, x{a|b|a@b}, y{}, [Ann]: c|d|c@d" },
	{ "x:<@r:a@b>;", "x{a|b|a@b}" },
	{ "\"\":a@b;", "{a|b|a@b}" },
	{ "=?utf-8?q?caf=C3=A9?=:a@b;", "caf\xc3\xa9{a|b|a@b}" },
};

static const struct row encoded[] = {
	{ "=?utf-8?Q?J=C3=BCrgen_X?= <a@b>", "[J\xc3\xbcrgen X]: a|b|a@b" },
	{ "=?UTF-8?b?SsO8?= =?utf-8?b?cmdlbg==?= <a@b>",
	    "[J\xc3\xbcrgen]: a|b|a@b" },
	{ "=?utf-8?q?a=C3?=\n =?utf-8?q?=BCb?= <a@b>", "[a\xc3\xbc"
						       "b]: a|b|a@b" },
	{ "=?iso-8859-1?q?J=FC?= Y <a@b>", "[J\xc3\xbc Y]: a|b|a@b" },
	{ "Y =?iso-8859-1*de?q?J=FC?=<a@b>", "[Y J\xc3\xbc]: a|b|a@b" },
	{ "\"Dr.\" =?utf-8?q?J=C3=BC?= \"X Y\" <a@b>",
	    "[Dr. J\xc3\xbc X Y]: a|b|a@b" },
	/* in quotes, where mail programs put them */
	{ "\"=?utf-8?q?J=C3=BC?=\" <a@b>", "[J\xc3\xbc]: a|b|a@b" },
	{ "\"X =?utf-8?q?J?=\" Y <a@b>", "[X J Y]: a|b|a@b" },
	/* with characters that RFC 2047 forbids here */
	{ "=?utf-8?Q?Sea,_Ann?= <a@b>", "[Sea, Ann]: a|b|a@b" },
	{ "=?utf-8?Q?ann@x.example?= <a@b>", "[ann@x.example]: a|b|a@b" },
	{ "=?utf-8?Q?Ann_(x)?= <a@b>, =?utf-8?q?;:?= Z <c@d>",
	    "[Ann (x)]: a|b|a@b, [;: Z]: c|d|c@d" },
	/* "<" that comes out of one is no "<" */
	{ "=?utf-8?Q?Ann_=3Cann=40good.example=3E?= <a@b>",
	    "[Ann <ann@good.example>]: a|b|a@b" },
	{ "=?no-such?Q?x?= <a@b>", "[=?no-such?Q?x?=]: a|b|a@b" },
	{ "=?utf-8?X?x?= <a@b>", "[=?utf-8?X?x?=]: a|b|a@b" },
	{ "=?utf-8?Q?x <a@b>", "[=?utf-8?Q?x]: a|b|a@b" },
	/* an address is never decoded */
	{ "=?utf-8?q?x?=@b", "=?utf-8?q?x?=|b|\"=?utf-8?q?x?=\"@b" },
	{ "\"=?utf-8?q?x?=\"@=?utf-8?q?y?=",
	    "=?utf-8?q?x?=|=?utf-8?q?y?=|\"=?utf-8?q?x?=\"@=?utf-8?q?y?=" },
	{ "X <=?a?q?b@c?=>", "[X]: =?a?q?b|c?=|\"=?a?q?b\"@c?=" },
	{ "=?a?q?b@[ c?= ]", "=?a?q?b|[c?=]|\"=?a?q?b\"@[c?=]" },
	{ "a@=?b?q?c . d?=", "a|=?b?q?c.d?=|a@=?b?q?c.d?=" },
	{ "x:<a@=?b?q?c.d?=>, =?utf-8?q?,?= <e@f>;",
	    "x{a|=?b?q?c.d?=|a@=?b?q?c.d?=, [,]: e|f|e@f}" },
};

static const struct row utf8[] = {
	{ "J\xc3\xbcrgen <j\xc3\xbc@b\xc3\xbc.example>",
	    "[J\xc3\xbcrgen]: j\xc3\xbc|b\xc3\xbc.example|"
	    "j\xc3\xbc@b\xc3\xbc.example" },
	{ "\"\xe6\x97\xa5 \xe6\x9c\xac\"@\xe4\xbe\x8b\xe3\x81\x88.jp",
	    "\xe6\x97\xa5 \xe6\x9c\xac|\xe4\xbe\x8b\xe3\x81\x88.jp|"
	    "\"\xe6\x97\xa5 \xe6\x9c\xac\"@\xe4\xbe\x8b\xe3\x81\x88.jp" },
	{ "a@xn--bcher-kva.example",
	    "a|xn--bcher-kva.example|a@xn--bcher-kva.example" },
	/* a name may be Latin-1: it is shown as it came */
	{ "J\xfcrgen X <a@b>", "[J\xfcrgen X]: a|b|a@b" },
	{ "\"J\xfcrgen\" <a@b>", "[J\xfcrgen]: a|b|a@b" },
	{ "\"\x01\x7f\" <a@b>", "[\x01\x7f]: a|b|a@b" },
	/* an address may not */
	{ "j\xfc@b", "! at byte 1: this local part is not UTF-8" },
	{ "X <j@b\xfc>", "! at byte 6: this domain is not UTF-8" },
	{ "x <j@[\xc3]>", "! at byte 6: this domain is not UTF-8" },
	{ "j\xc3.\xbc@b", "! at byte 1: this local part is not UTF-8" },
};

/* ---- what is not -------------------------------------------------------- */

static const struct row broken[] = {
	{ "a", "! at byte 2: '@' expected, found the end" },
	{ "Ann Sea", "! at byte 8: '@' expected, found the end" },
	{ "Ann, a@b", "! at byte 4: '@' expected, found ','" },
	{ "@", "! at byte 1: a local part expected, found '@'" },
	{ "@b", "! at byte 1: a local part expected, found '@'" },
	{ "a@", "! at byte 3: a domain expected, found the end" },
	{ "a@b@c", "! at byte 4: ',' expected, found '@'" },
	{ "a@b c", "! at byte 5: ',' expected, found 'c'" },
	{ "a@b c@d", "! at byte 5: ',' expected, found 'c'" },
	{ "a b@c", "! at byte 3: '@' expected, found 'b'" },
	{ "\"a\"b@c", "! at byte 4: '@' expected, found 'b'" },
	{ "a..b@c", "! at byte 3: a word expected, found '.'" },
	{ ".a@c", "! at byte 1: a word expected, found '.'" },
	{ "a.@c", "! at byte 3: a word expected, found '@'" },
	{ "a@b..c", "! at byte 5: a domain expected, found '.'" },
	{ "a@.b", "! at byte 3: a domain expected, found '.'" },
	{ "a@b.", "! at byte 5: a domain expected, found the end" },
	{ "a@\"b\"", "! at byte 3: a domain expected, found '\"'" },
	{ "a@b[c]", "! at byte 4: ',' expected, found '['" },
	{ "a@[b]c", "! at byte 6: ',' expected, found 'c'" },
	{ "a@[b[c]]", "! at byte 5: '[' within a domain literal" },
	{ "a@[b\\]]", "! at byte 6: ']' within a domain literal" },
	{ "a@[b", "! at byte 3: this domain literal has no end" },
	{ "[b]@c", "! at byte 1: '@' expected, found '['" },
	{ "<a@b", "! at byte 5: '>' expected, found the end" },
	{ "a@b>", "! at byte 4: ',' expected, found '>'" },
	{ "<a>", "! at byte 3: '@' expected, found '>'" },
	{ "<a@b> c", "! at byte 7: ',' expected, found 'c'" },
	{ "<a@b>, <", "! at byte 9: '@' expected, found the end" },
	{ "<<a@b>>", "! at byte 2: '@' expected, found '<'" },
	{ "Ann <a@b, c@d>", "! at byte 9: '>' expected, found ','" },
	{ "a@x <a@b>", "! at byte 5: ',' expected, found '<'" },
	{ "Ann <a@b> <c@d>", "! at byte 11: ',' expected, found '<'" },
	{ ". Ann <a@b>", "! at byte 1: a name expected, found '.'" },
	{ "=?utf-8?q?a,b?=@c", "! at byte 1: a word expected, found '='" },
	{ "a@=?utf-8?q?a,b?=", "! at byte 18: '@' expected, found the end" },
	{ "\"a", "! at byte 1: this quoted string has no end" },
	{ "a@b, \"a\\\"@c", "! at byte 6: this quoted string has no end" },
	{ "\"\\", "! at byte 1: this quoted string has no end" },
	{ "\"", "! at byte 1: this quoted string has no end" },
	{ "[", "! at byte 1: this domain literal has no end" },
	{ "(a@b", "! at byte 1: this comment has no end" },
	{ "a@b (c (d)", "! at byte 5: this comment has no end" },
	{ "a@b (\\", "! at byte 5: this comment has no end" },
	{ "a@b )", "! at byte 5: an address expected, found ')'" },
	{ "a\\b@c", "! at byte 2: an address expected, found '\\'" },
	{ "a]@c", "! at byte 2: an address expected, found ']'" },
	{ "a\x01@c", "! at byte 2: an address expected, found byte 0x01" },
	{ "a@b; c@d", "! at byte 4: ',' expected, found ';'" },
	{ ";", "! at byte 1: '@' expected, found ';'" },
	{ ":;", "! at byte 1: an address expected, found ':'" },
	{ "x:", "! at byte 3: '@' expected, found the end" },
	{ "x:a@b", "! at byte 6: ',' or ';' expected, found the end" },
	{ "x:a@b,", "! at byte 7: '@' expected, found the end" },
	{ "x:y:a@b;;", "! at byte 4: '@' expected, found ':'" },
	{ "x:a@b;c@d", "! at byte 7: ',' expected, found 'c'" },
	{ "x:a@b;;", "! at byte 7: ',' expected, found ';'" },
	{ "<x:a@b;>", "! at byte 3: '@' expected, found ':'" },
	{ "<@x>", "! at byte 4: ',' or ':' expected, found '>'" },
	{ "<@x,>", "! at byte 5: '@' or ':' expected, found '>'" },
	{ "<@:a@b>", "! at byte 3: a domain expected, found ':'" },
	{ "<@x:>", "! at byte 5: '@' expected, found '>'" },
	{ "<@x@y:a@b>", "! at byte 4: ',' or ':' expected, found '@'" },
	{ "\"a\x01\"@b", "! at byte 1: this local part has a control "
			 "character" },
	{ "\"a\x7f\"@b", "! at byte 1: this local part has a control "
			 "character" },
	{ "\"a\\\t\"@b", "! at byte 1: this local part has a control "
			 "character" },
	{ "a@[\x02]", "! at byte 3: this domain has a control character" },
};

static const struct {
	const struct row *rows;
	size_t n;
} tables[] = {
	{ plain, UNIT_N(plain) },
	{ quoted_locals, UNIT_N(quoted_locals) },
	{ obsolete, UNIT_N(obsolete) },
	{ groups, UNIT_N(groups) },
	{ encoded, UNIT_N(encoded) },
	{ utf8, UNIT_N(utf8) },
	{ broken, UNIT_N(broken) },
};

START_TEST(addresses_are_read)
{
	for (size_t i = 0; i < tables[_i].n; i++)
		expect(tables[_i].rows[i].text, strlen(tables[_i].rows[i].text),
		    tables[_i].rows[i].expected);
}
END_TEST

/* ---- NULs and other bytes ----------------------------------------------- */

static const struct {
	const char *text;
	size_t len;
	const char *expected; /* NULL: a name with this NUL in it */
} nuls[] = {
	{ "a@b\0c", 5, "! at byte 4: an address expected, found byte 0x00" },
	{ "\0a@b", 4, "! at byte 1: an address expected, found byte 0x00" },
	{ "\"a\0b\"@c", 7,
	    "! at byte 1: this local part has a control "
	    "character" },
	{ "\"a\\\0\"@c", 7,
	    "! at byte 1: this local part has a control "
	    "character" },
	{ "a@[\0]", 5, "! at byte 3: this domain has a control character" },
	{ "a@b (\0)", 7, "a|b|a@b" },
	{ "\"a\0b\" <c@d>", 11, NULL },
	{ "\"a\\\0b\" <c@d>", 12, NULL },
	{ "=?utf-8?q?a=00b?= <c@d>", 23, NULL },
};

START_TEST(a_nul_is_one_more_byte)
{
	struct mailbox_list *l;
	struct err err;

	if (nuls[_i].expected != NULL) {
		expect(nuls[_i].text, nuls[_i].len, nuls[_i].expected);
		return;
	}
	l = parse(nuls[_i].text, nuls[_i].len, &err);
	ck_assert_msg(l != NULL, "%s", err.msg);
	ck_assert_uint_eq(l->box[0].name_len, 3);
	ck_assert_mem_eq(l->box[0].name, "a\0b", 3);
	ck_assert_str_eq(l->box[0].email, "c@d");
	free(l);
}
END_TEST

/* What was read of an address is read again from its email. */
static void
check_again(const struct mailbox *m)
{
	struct err err;
	struct mailbox_list *l = parse(m->email, strlen(m->email), &err);

	ck_assert_msg(l != NULL, "%s: %s", m->email, err.msg);
	ck_assert_uint_eq(l->n_entries, 1);
	ck_assert_str_eq(l->box[0].local, m->local);
	ck_assert_str_eq(l->box[0].domain, m->domain);
	ck_assert_str_eq(l->box[0].email, m->email);
	ck_assert(header_text_is_utf8(m->email, strlen(m->email)));
	free(l);
}

/* Pieces that matter, put together by chance, always in the same way. */
START_TEST(any_text_is_read_or_refused)
{
	static const char *const pieces[] = { "a", "b.c", "@", ",", ":", ";",
		"<", ">", "\"", "\\", "(", ")", "[", "]", ".", " ", "\n ",
		"\xc3\xbc", "\xff", "=?utf-8?q?", "x?=", "\t", "<a@b>", "c@d,",
		"\"q\"" };
	uint64_t chance = 88172645463325252u + (uint64_t)_i;
	unsigned read = 0;

	for (int round = 0; round < 20000; round++) {
		struct str text = { 0 };
		struct mailbox_list *l;
		struct err err;

		for (int k = 0; k < 1 + round % 12; k++) {
			chance ^= chance << 13;
			chance ^= chance >> 7;
			chance ^= chance << 17;
			str_adds(&text, pieces[chance % UNIT_N(pieces)]);
		}
		l = parse(text.data, text.len, &err);
		ck_assert((l == NULL) == (err.msg[0] != '\0'));
		for (size_t i = 0; l != NULL && i < l->n_boxes; i++)
			if (l->box[i].email != NULL) {
				check_again(&l->box[i]);
				read++;
			}
		free(l);
		str_fini(&text);
	}
	ck_assert_uint_gt(read, 200);
}
END_TEST

/* ---- copies ------------------------------------------------------------- */

START_TEST(a_copy_stands_alone)
{
	static const char text[] = "Ann <a@b>, x:\"c c\"@d, <>;, e@f";
	struct str before = { 0 }, after = { 0 };
	struct err err;
	struct mailbox_list *l = parse(text, strlen(text), &err), *copy;
	void *mem;

	ck_assert_msg(l != NULL, "%s", err.msg);
	show(&before, l);
	mem = malloc(l->size);
	copy = mailbox_list_copy(mem, l);
	ck_assert_ptr_eq(copy, mem);
	memset(l, 0xa5, l->size);
	free(l);
	show(&after, copy);
	ck_assert_str_eq(str_c(&after), str_c(&before));
	ck_assert_str_eq(str_c(&after), "[Ann]: a|b|a@b, x{c c|d|\"c c\"@d, "
					"-}, e|f|e@f");
	free(copy);
	str_fini(&before);
	str_fini(&after);
}
END_TEST

/* ---- limits ------------------------------------------------------------- */

/* head, n times piece, tail */
static struct str
many(const char *head, size_t n, const char *piece, const char *tail)
{
	struct str s = { 0 };

	str_adds(&s, head);
	for (size_t i = 0; i < n; i++)
		str_adds(&s, piece);
	str_adds(&s, tail);
	return s;
}

static void
expect_many(const char *head, size_t n, const char *piece, const char *tail,
    const char *expected)
{
	struct str s = many(head, n, piece, tail);

	expect(s.data, s.len, expected);
	str_fini(&s);
}

START_TEST(limits_hold)
{
	struct str s;
	struct err err;
	struct mailbox_list *l;

	expect_many("a@b ", 64, "(",
	    ")))))))))))))))))))))))))))))))))))))"
	    ")))))))))))))))))))))))))))",
	    "a|b|a@b");
	expect_many("a@b ", 65, "(", "",
	    "! at byte 69: comments nested more "
	    "than 64 deep");
	expect_many("a@b ", 100000, "(x)", "", "a|b|a@b");
	expect_many("", MAILBOX_TEXT_MAX, ",", "", "");
	expect_many("", MAILBOX_TEXT_MAX + 1, ",", "",
	    "! 1048577 bytes, the limit is 1048576");

	s = many("", 300, "=?utf-8?q?x?= <a@b>,", "");
	l = parse(s.data, s.len, &err);
	ck_assert_msg(l != NULL, "%s", err.msg);
	ck_assert_uint_eq(l->n_boxes, 300);
	ck_assert_str_eq(l->box[0].name, "x");
	ck_assert_str_eq(l->box[MAILBOX_DECODED_MAX - 1].name, "x");
	ck_assert_str_eq(l->box[MAILBOX_DECODED_MAX].name, "=?utf-8?q?x?=");
	ck_assert_str_eq(l->box[299].email, "a@b");
	free(l);
	str_fini(&s);
}
END_TEST

static const struct {
	const char *head, *piece, *tail;
	bool read; /* or refused */
} costly[] = {
	{ "", "a@b,", "", true },
	{ "", "Ann B. Sea <ann@host.example>, ", "", true },
	{ "", "=?cp037?q?=81?= <a@b>,", "", true },
	{ "", "=?utf-8?q?a", " <a@b>", true },
	{ "", "=?utf-8?q?,", "", false },
	{ "", "a.", "a@b", true },
	{ "a@", "b.", "b", true },
	{ "", "a ", "<a@b>", true },
	{ "", "\"a\" ", "<a@b>", true },
	{ "", "\"=?utf-8?q?a?=\" ", "<a@b>", true },
	{ "\"", "\\\"", "\"@b", true },
	{ "a@b ", "(((())))", "", true },
	{ "<", "@a,", ":a@b>", true },
	{ "x:", "a@b,", ";", true },
	{ "", "x:;,", "", true },
	{ "", "<>,", "", true },
	{ "", "\"a", "", false },
	{ "", "<", "", false },
};

/* The times are a report, not a verdict: machines differ. */
START_TEST(long_headers)
{
	double ms[2];

	for (int k = 0; k < 2; k++) {
		size_t size = k == 0 ? 100000 : 1000000;
		struct str s =
		    many(costly[_i].head, size / strlen(costly[_i].piece),
			costly[_i].piece, costly[_i].tail);
		struct err err;
		int64_t start = clock_mono();
		struct mailbox_list *l =
		    mailbox_list_parse(s.data, s.len, &err);

		ms[k] = (double)(clock_mono() - start) / 1e6;
		ck_assert_msg((l != NULL) == costly[_i].read, "%s: %s",
		    costly[_i].piece, l != NULL ? "read" : err.msg);
		free(l);
		str_fini(&s);
	}
	printf("%-34s 100 kB %8.2f ms, 1 MB %8.2f ms\n", costly[_i].piece,
	    ms[0], ms[1]);
	fflush(stdout);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("mailbox", &tcase);

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, addresses_are_read, 0, UNIT_N(tables));
	tcase_add_loop_test(tcase, a_nul_is_one_more_byte, 0, UNIT_N(nuls));
	tcase_add_loop_test(tcase, any_text_is_read_or_refused, 0, 4);
	tcase_add_test(tcase, a_copy_stands_alone);
	tcase_add_test(tcase, limits_hold);
	tcase_add_loop_test(tcase, long_headers, 0, UNIT_N(costly));
	return s;
}

UNIT_MAIN(suite)
