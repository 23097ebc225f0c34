#include "milter/mime_body.h"
#include "milter/mime_build.h"
#include "milter/mime_field.h"
#include "milter/xmalloc.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- messages as text --------------------------------------------------- */

static void
add_shown(struct str *out, const struct str *bytes)
{
	for (size_t i = 0; i < bytes->len; i++)
		switch (bytes->data[i]) {
		case '\n':
			str_addc(out, '|');
			break;
		case '\r':
			break;
		case '\0':
			str_addc(out, '@');
			break;
		default:
			str_addc(out, bytes->data[i]);
		}
}

/* A leaf is type"decoded body", a multipart its parts in brackets. */
static void
outline(struct str *out, const struct mime_part *part, bool bodies)
{
	struct mime_info info;
	struct str body = { 0 };

	mime_info_init(&info, part);
	str_adds(out, info.type.value[0] != '\0' ? info.type.value : "-");
	if (part->boundary != NULL) {
		str_addc(out, '[');
		for (size_t i = 0; i < part->n_children; i++) {
			if (i > 0)
				str_addc(out, ' ');
			outline(out, part->child[i], bodies);
		}
		str_addc(out, ']');
	} else if (bodies) {
		mime_body(&body, part);
		str_addc(out, '"');
		add_shown(out, &body);
		str_addc(out, '"');
	}
	str_fini(&body);
	mime_info_fini(&info);
}

static struct str
read_file(const char *name)
{
	char *path = xasprintf("t/data/mime/%s.eml", name);
	FILE *f = fopen(path, "re");
	struct str s = { 0 };
	char buf[4096];
	size_t n;

	ck_assert_msg(f != NULL, "%s", path);
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		str_add(&s, buf, n);
	fclose(f);
	free(path);
	return s;
}

#define MIX "multipart/mixed"
#define ALT "multipart/alternative"

static const struct {
	const char *file, *expected;
} files[] = {
	{ "plain", "-\"One line.||Another.|\"" },
	{ "newsletter", ALT
	    "[text/plain\"Guten Tag, |nur heute 20 % auf alles\xe2\x80\xa6||\""
	    " text/html\"<html><body><p style=\"color:red\">Guten Tag</p>"
	    "</body></html>||\"]" },
	{ "outlook_related",
	    MIX "[multipart/related[" ALT "[text/plain\"Gr\xc3\xbc\xc3\x9f"
		"e||\" text/html\"<img src=\"cid:img1@a.example\">||\"]"
		" image/gif\"GIF89a\1@\1@@@@,\"]"
		" application/msword\"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\"]" },
	{ "bounce",
	    "multipart/report[text/plain\"Could not deliver.||\""
	    " message/delivery-status\"Reporting-MTA: dns; mx.example||"
	    "Final-Recipient: rfc822; nobody@b.example|Action: failed|"
	    "Status: 5.1.1||\""
	    " message/rfc822\"From: a@a.example|"
	    "Content-Type: multipart/mixed; boundary=inner||--inner||text|"
	    "--inner--||\"]" },
	{ "lf_only", MIX "[-\"one|\" text/html\"<p>|\"]" },
	{ "mixed_line_ends", MIX "[-\"barecr intext|\" -\"z|\"]" },
	{ "unclosed", MIX "[text/plain\"first|\" " ALT "[-\"second|\"]]" },
	{ "outer_ends_inner", MIX "[" MIX "[-\"in|\"] -\"out|\"]" },
	{ "same_boundary_twice", MIX "[" MIX "[-\"in|\"] -\"after|\"]" },
	{ "prefix_boundaries", MIX "[" MIX "[-\"one|\"] -\"two|\"]" },
	{ "boundary_never_comes", MIX "\"nothing of it here|\"" },
	{ "no_boundary_parameter", MIX "\"--b||x|--b--|\"" },
	{ "empty_boundary", MIX "\"--||x|----|\"" },
	{ "no_blank_line", MIX "[-\"This is text at once|\" text/html\"\"]" },
	{ "header_only", "-\"\"" },
	{ "bom_and_mbox", "-\"body|\"" },
	{ "nul_and_8bit",
	    "text/plain\"bad \xef\xbf\xbd( and @ and \xf0\x9f\x8d\x89|\"" },
	{ "odd_headers",
	    "text/plain\"this line is no header|X-Not: a header||body|\"" },
	{ "first_line_is_fold",
	    "-\" folded before anything|Subject: x||body|\"" },
	{ "delimiter_with_spaces", MIX "[-\"one|\" -\"two|\"]" },
	{ "many_types", "text/plain\"--b||x|--b--|\"" },
	{ "japanese", "text/plain\"\xe6\x97\xa5\xe6\x9c\xac|\"" },
	{ "rfc2231", "application/x-stuff\"%PDF-\"" },
	{ "qp_mistakes",
	    "text/plain\"a=b \xc3\xa4 trailing|softbreak =ZZ =4 |end\"" },
	{ "unknown_encoding", "text/plain\"begin 644 x|\"" },
	{ "empty_parts", MIX "[-\"\" -\"\" -\"\"]" },
	{ "close_first", MIX "[]" },
	{ "empty", "-\"\"" },
	{ "signed",
	    "multipart/signed[text/plain\"signed =20 text  |\""
	    " application/pgp-signature\"-----BEGIN PGP SIGNATURE-----|iQ==|"
	    "-----END PGP SIGNATURE-----|\"]" },
	/* read and written, with no outline */
	{ "long_lines", NULL },
	{ "broken_base64", NULL },
	{ "deep", NULL },
};

static void
check_identity(
    const char *name, const struct mime_tree *tree, const struct str *text)
{
	struct str written = { 0 };

	mime_write(&written, tree->root);
	ck_assert_msg(written.len == text->len &&
			  memcmp(str_c(&written), str_c(text), text->len) == 0,
	    "%s:\n%s", name, str_c(&written));
	ck_assert_uint_ge(mime_size(tree->root), written.len);
	str_fini(&written);
}

START_TEST(file)
{
	struct str text = read_file(files[_i].file), shown = { 0 };
	struct mime_tree *tree = mime_parse(str_c(&text), text.len);

	check_identity(files[_i].file, tree, &text);
	outline(&shown, tree->root, true);
	if (files[_i].expected != NULL)
		ck_assert_msg(strcmp(shown.data, files[_i].expected) == 0,
		    "%s:\nexpected %s\ngot      %s", files[_i].file,
		    files[_i].expected, shown.data);
	mime_free(tree);
	str_fini(&text);
	str_fini(&shown);
}
END_TEST

/* What is rebuilt says the same, and rebuilt again it is the same. */
START_TEST(rebuilt_file)
{
	struct str text = read_file(files[_i].file);
	struct str once = { 0 }, twice = { 0 };
	struct mime_tree *tree = mime_parse(str_c(&text), text.len), *again;

	mime_rebuild(&once, tree->root);
	again = mime_parse(once.data, once.len);
	ck_assert_uint_eq(again->n_parts, tree->n_parts);
	mime_rebuild(&twice, again->root);
	ck_assert_msg(strcmp(once.data, twice.data) == 0, "%s:\n%s\n%s",
	    files[_i].file, once.data, twice.data);
	mime_free(tree);
	mime_free(again);
	str_fini(&text);
	str_fini(&once);
	str_fini(&twice);
}
END_TEST

/* However a message is cut, it is written as it was read. */
START_TEST(cut_file)
{
	struct str text = read_file(files[_i].file);

	for (size_t cut = 0; cut < text.len && cut < 3000; cut++) {
		struct str part = { 0 };
		struct mime_tree *tree;

		str_add(&part, text.data, cut);
		tree = mime_parse(str_c(&part), part.len);
		check_identity(files[_i].file, tree, &part);
		mime_free(tree);
		str_fini(&part);
	}
	str_fini(&text);
}
END_TEST

/* ---- limits ------------------------------------------------------------- */

START_TEST(depth_has_an_end)
{
	struct str text = read_file("deep"), shown = { 0 };
	struct mime_tree *tree = mime_parse(text.data, text.len);

	ck_assert(tree->limited);
	ck_assert_uint_eq(tree->n_parts, MIME_DEPTH_MAX);
	mime_id(&shown, tree->part[tree->n_parts - 1]);
	ck_assert_uint_eq(shown.len, 2 * (MIME_DEPTH_MAX - 1) - 1); /* 0.0.0 */
	mime_free(tree);
	str_fini(&text);
	str_fini(&shown);
}
END_TEST

START_TEST(parts_have_an_end)
{
	struct str text = { 0 };
	struct mime_tree *tree;

	str_adds(&text, "Content-Type: " MIX "; boundary=b\n\n");
	for (int i = 0; i < 5000; i++)
		str_adds(&text, "--b\nA: b\n\nx\n");
	tree = mime_parse(text.data, text.len);
	ck_assert(tree->limited);
	ck_assert_uint_eq(tree->n_parts, MIME_PARTS_MAX);
	check_identity("parts", tree, &text);
	mime_free(tree);
	str_fini(&text);
}
END_TEST

START_TEST(fields_have_an_end)
{
	struct str text = { 0 };
	struct mime_tree *tree;

	for (int i = 0; i < MIME_FIELDS_MAX + 10; i++)
		str_adds(&text, "a:\n");
	tree = mime_parse(text.data, text.len);
	ck_assert(tree->limited);
	ck_assert_uint_eq(tree->n_fields, MIME_FIELDS_MAX);
	check_identity("fields", tree, &text);
	mime_free(tree);
	str_fini(&text);
}
END_TEST

/* ---- changes ------------------------------------------------------------ */

#define HEAD "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

static struct mime_tree *
parse(const char *text)
{
	return mime_parse(text, strlen(text));
}

static void
expect(struct mime_tree *tree, const char *expected)
{
	struct str written = { 0 }, shown = { 0 };
	struct mime_tree *again;

	mime_write(&written, tree->root);
	again = mime_parse(str_c(&written), written.len);
	outline(&shown, again->root, true);
	ck_assert_str_eq(shown.data, expected);
	str_clear(&shown);
	outline(&shown, tree->root, true);
	ck_assert_str_eq(shown.data, expected);
	mime_free(again);
	str_fini(&written);
	str_fini(&shown);
}

static void
set_body(struct mime_part *part, const char *text)
{
	ck_assert_int_eq(mime_body_set(part, text, strlen(text), NULL), 0);
}

START_TEST(append_to_what_has_no_end)
{
	struct mime_tree *tree = parse(HEAD "--b\r\n\r\none");
	struct mime_tree *note = parse("X: y\r\n\r\ntwo");
	struct str out = { 0 };
	struct err err;

	ck_assert_int_eq(mime_append(tree->root, note->root, &err), 0);
	mime_write(&out, tree->root);
	ck_assert_str_eq(out.data,
	    HEAD "--b\r\n\r\none\r\n--b\r\nX: y\r\n\r\ntwo\r\n--b--\r\n");
	str_fini(&out);
	mime_free(tree);
	mime_free(note);
}
END_TEST

START_TEST(append_keeps_preamble_and_epilogue)
{
	struct mime_tree *tree =
	    parse(HEAD "pre\r\n--b\r\n\r\none\r\n--b--\r\nepi\r\n");
	struct mime_tree *note = parse("X: y\r\n\r\ntwo\r\n");
	struct str out = { 0 };
	struct err err;

	ck_assert_int_eq(mime_append(tree->root, note->root, &err), 0);
	mime_write(&out, tree->root);
	ck_assert_str_eq(out.data,
	    HEAD "pre\r\n--b\r\n\r\none\r\n--b\r\nX: y\r\n\r\ntwo\r\n"
		 "--b--\r\nepi\r\n");
	str_fini(&out);
	mime_free(tree);
	mime_free(note);
}
END_TEST

START_TEST(append_checks)
{
	struct mime_tree *tree = parse("A: b\r\n\r\nx"), *note = parse("y");
	struct mime_tree *full = parse(HEAD "--b\r\n\r\none\r\n--b--\r\n");
	struct err err;

	ck_assert_int_eq(mime_append(tree->root, note->root, &err), -1);
	while (full->n_parts < MIME_PARTS_MAX)
		ck_assert_int_eq(mime_append(full->root, note->root, &err), 0);
	ck_assert_int_eq(mime_append(full->root, note->root, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "1000"));
	mime_free(tree);
	mime_free(note);
	mime_free(full);
}
END_TEST

START_TEST(boundaries_give_way)
{
	struct mime_tree *tree = parse(
	    HEAD "--b\r\n" HEAD "--b\r\n\r\nin\r\n--b--\r\n--b\r\n\r\nout\r\n"
		 "--b--\r\n");
	struct mime_tree *like = parse(HEAD "--b\r\n\r\nmore\r\n--b--\r\n");
	struct err err;

	set_body(tree->root->child[0]->child[0], "--b\r\nx\r\n--b--");
	expect(tree, MIX "[" MIX "[text/plain\"--b|x|--b--|\"] -\"out|\"]");
	ck_assert_int_eq(mime_append(tree->root, like->root, &err), 0);
	expect(tree, MIX "[" MIX "[text/plain\"--b|x|--b--|\"] -\"out|\" " MIX
			 "[-\"more|\"]]");
	ck_assert_int_eq(
	    mime_append(tree->root->child[0], tree->root, &err), 0);
	mime_free(tree);
	mime_free(like);
}
END_TEST

/* The last line of a message may be a delimiter without its line end. */
START_TEST(a_delimiter_is_a_line)
{
	struct mime_tree *tree = parse(HEAD "--b");

	ck_assert_uint_eq(tree->root->n_children, 1);
	mime_field_put(
	    tree->root->child[0], MIME_FIELD_TOP, "X", 1, "y", 1, false);
	expect(tree, MIX "[-\"\"]");
	set_body(tree->root->child[0], "z");
	expect(tree, MIX "[text/plain\"z|\"]");
	mime_free(tree);
}
END_TEST

/* A sender's multipart without end takes nothing of what is appended. */
START_TEST(unclosed_parts_take_nothing)
{
	struct mime_tree *tree = parse(HEAD "--b\r\n" HEAD "in\r\n");
	struct mime_tree *like = parse(
	    "Content-Type: multipart/mixed; boundary=\"b--\"\r\n\r\nx\r\n");
	struct err err;

	ck_assert_int_eq(mime_append(tree->root, like->root, &err), 0);
	ck_assert_int_eq(mime_append(tree->root, like->root, &err), 0);
	expect(tree, MIX "[" MIX "\"in|\" " MIX "\"x|\" " MIX "\"x|\"]");
	mime_free(tree);
	tree = parse(HEAD "--b\r\n\r\nin\r\n--b--\r\n");
	ck_assert_int_eq(mime_append(tree->root, like->root, &err), 0);
	expect(tree, MIX "[-\"in|\" " MIX "\"x|\"]");
	mime_free(tree);
	mime_free(like);
}
END_TEST

START_TEST(a_new_body_drops_the_parts)
{
	struct mime_tree *tree = parse(HEAD "--b\r\n\r\none\r\n--b--\r\nepi");
	struct mime_part *child = tree->root->child[0];

	set_body(tree->root, "now");
	ck_assert(child->removed);
	ck_assert_ptr_null(child->parent);
	expect(tree, "text/plain\"now|\"");
	ck_assert_int_eq(mime_body_set(tree->root, "x", 1, "text"), -1);
	ck_assert_int_eq(mime_body_set(tree->root, "\xff", 1, NULL), 0);
	expect(tree, "text/plain\"\xc3\xbf\"");
	ck_assert_int_eq(mime_body_set(tree->root, "\xff", 1, "a/b"), 0);
	expect(tree, "a/b\"\xff\"");
	mime_free(tree);
}
END_TEST

START_TEST(fields)
{
	struct mime_tree *tree =
	    parse("a: 1\r\nB : 2\r\n\tmore\r\nA: 3\r\n\r\n");
	struct mime_part *root = tree->root;
	const struct mime_field *f = mime_field_first(root, "b");
	struct str out = { 0 };
	size_t len, at = 0, n = 0;

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(f->name_len, 1);
	ck_assert_int_eq(
	    memcmp(mime_field_value(f, &len), "2\r\n\tmore", 8), 0);
	ck_assert_uint_eq(len, 8);
	mime_field_text(&out, f);
	ck_assert_str_eq(out.data, "2 more");
	while (mime_field_next(root, "A", &at) != NULL)
		n++;
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(
	    mime_field_put(root, MIME_FIELD_TOP, "x y", 3, "", 0, false), -1);
	mime_field_put(root, MIME_FIELD_SET, "A", 1, "new", 3, false);
	mime_field_put(root, MIME_FIELD_TOP, "T", 1, "t", 1, false);
	mime_field_put(
	    root, MIME_FIELD_END, "E", 1, "a\r\nb\r\n\tc\0d", 10, true);
	ck_assert_uint_eq(mime_field_remove(root, "b"), 1);
	str_clear(&out);
	mime_write(&out, root);
	ck_assert_str_eq(
	    out.data, "T: t\r\nA: new\r\nA: 3\r\nE: a b\r\n\tcd\r\n\r\n");
	str_fini(&out);
	mime_free(tree);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("mime", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, file, 0, UNIT_N(files));
	tcase_add_loop_test(tcase, rebuilt_file, 0, UNIT_N(files));
	tcase_add_loop_test(tcase, cut_file, 0, UNIT_N(files));
	tcase_add_test(tcase, depth_has_an_end);
	tcase_add_test(tcase, parts_have_an_end);
	tcase_add_test(tcase, fields_have_an_end);
	tcase_add_test(tcase, append_to_what_has_no_end);
	tcase_add_test(tcase, append_keeps_preamble_and_epilogue);
	tcase_add_test(tcase, append_checks);
	tcase_add_test(tcase, boundaries_give_way);
	tcase_add_test(tcase, unclosed_parts_take_nothing);
	tcase_add_test(tcase, a_delimiter_is_a_line);
	tcase_add_test(tcase, a_new_body_drops_the_parts);
	tcase_add_test(tcase, fields);
	return s;
}

UNIT_MAIN(suite)
