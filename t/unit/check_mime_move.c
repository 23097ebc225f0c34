#include "milter/mime_move.h"
#include "milter/xmalloc.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* Leaves by their bodies, multiparts in brackets; '|' is a line end. */
static void
outline(struct str *out, const struct mime_part *part)
{
	if (part->boundary == NULL) {
		for (size_t i = 0; i < part->body.len; i++)
			if (part->body.p[i] == '\n')
				str_addc(out, '|');
			else if (part->body.p[i] != '\r')
				str_addc(out, part->body.p[i]);
		return;
	}
	str_addc(out, '[');
	for (size_t i = 0; i < part->n_children; i++) {
		if (i > 0)
			str_addc(out, ' ');
		outline(out, part->child[i]);
	}
	str_addc(out, ']');
}

/* What it is, and what it is read as again. */
static void
check_outline(const struct mime_tree *tree, const char *expected)
{
	struct str now = { 0 }, text = { 0 }, then = { 0 };
	struct mime_tree *again;

	outline(&now, tree->root);
	ck_assert_str_eq(str_c(&now), expected);
	mime_write(&text, tree->root);
	again = mime_parse(str_c(&text), text.len);
	outline(&then, again->root);
	ck_assert_msg(strcmp(str_c(&then), expected) == 0,
	    "expected %s, read again %s of\n%s", expected, str_c(&then),
	    str_c(&text));
	mime_free(again);
	str_fini(&now);
	str_fini(&text);
	str_fini(&then);
}

static struct mime_tree *
parse(const char *text)
{
	return mime_parse(text, strlen(text));
}

#define MULTI(b) "Content-Type: multipart/mixed; boundary=" b "\r\n\r\n"
#define THREE                                                                  \
	MULTI("b")                                                             \
	"--b\r\n\r\n1\r\n--b\r\n" MULTI(                                       \
	    "c") "--c\r\n\r\n2\r\n--c--\r\n--b\r\n\r\n3\r\n--b--\r\n"
#define OPEN_END MULTI("b") "--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n"
#define CLAIMS MULTI("b") "nothing of it\r\n"

static const struct {
	const char *into, *part;
	size_t place;
	const char *expected; /* NULL: no */
} inserts[] = {
	{ THREE, "\r\nx\r\n", 0, "[x| 1| [2|] 3|]" },
	{ THREE, "\r\nx\r\n", 1, "[1| x| [2|] 3|]" },
	{ THREE, "\r\nx\r\n", 3, "[1| [2|] 3| x|]" },
	{ THREE, "\r\nx\r\n", 99, "[1| [2|] 3| x|]" },
	{ THREE, THREE, 0, "[[1| [2|] 3|] 1| [2|] 3|]" },
	{ THREE, "\r\n--b\r\nx\r\n", 1, "[1| --b|x| [2|] 3|]" },
	{ OPEN_END, "\r\nx\r\n", 1, "[1| x| 2|]" },
	{ OPEN_END, OPEN_END, 0, "[[1| 2|] 1| 2|]" },
	{ OPEN_END, CLAIMS, 0, "[nothing of it| 1| 2|]" },
	{ THREE, CLAIMS, 1, "[1| nothing of it| [2|] 3|]" },
	{ "A: b\r\n\r\nleaf", "\r\nx\r\n", 0, NULL },
};

START_TEST(insert)
{
	struct mime_tree *tree = parse(inserts[_i].into);
	struct mime_tree *other = parse(inserts[_i].part);
	struct err err = { "" };
	struct mime_part *child =
	    mime_insert(tree->root, inserts[_i].place, other->root, &err);

	if (inserts[_i].expected == NULL) {
		ck_assert_ptr_null(child);
		ck_assert_str_ne(err.msg, "");
	} else {
		ck_assert_msg(child != NULL, "%s", err.msg);
		ck_assert_ptr_eq(child->parent, tree->root);
		check_outline(tree, inserts[_i].expected);
	}
	mime_free(other);
	mime_free(tree);
}
END_TEST

START_TEST(unlinked)
{
	struct mime_tree *tree = parse(THREE);
	struct mime_part *one = tree->root->child[0], *two = one, *inner;

	two = mime_next(one);
	inner = two->child[0];
	ck_assert_ptr_eq(mime_next(two), tree->root->child[2]);
	ck_assert_ptr_null(mime_next(tree->root->child[2]));
	ck_assert_ptr_null(mime_next(tree->root));
	mime_unlink(two);
	ck_assert(two->removed && inner->removed && !one->removed);
	check_outline(tree, "[1| 3|]");
	mime_unlink(one);
	mime_unlink(tree->root->child[0]);
	check_outline(tree, "[]");
	mime_free(tree);
	tree = parse(OPEN_END);
	mime_unlink(tree->root->child[0]);
	mime_unlink(tree->root->child[0]);
	check_outline(tree, "[]");
	mime_free(tree);
}
END_TEST

/* Another text instead of a part, at a place: "root", or a child. */
static const struct {
	const char *was;
	int child; /* -1: the root */
	bool content_only;
	const char *text, *expected;
} sets[] = {
	{ THREE, 0, false, "A: b\r\n\r\nx\r\n", "[x| [2|] 3|]" },
	{ THREE, 1, false, "A: b\r\n\r\nx\r\n", "[1| x| 3|]" },
	{ THREE, 0, false, "A: b\r\n\r\n--b--\r\n", "[--b--| [2|] 3|]" },
	{ THREE, 0, false, THREE, "[[1| [2|] 3|] [2|] 3|]" },
	{ THREE, 0, false, CLAIMS, "[nothing of it| [2|] 3|]" },
	{ THREE, -1, false, "A: b\r\n\r\nx\r\n", "x|" },
	{ THREE, -1, false, "", "" },
	{ THREE, 0, true, "x\r\n", "[x| [2|] 3|]" },
	{ THREE, 0, true, "", "[ [2|] 3|]" },
	{ THREE, 1, true, "--c\r\n\r\n4\r\n--c\r\n\r\n5\r\n--c--\r\n",
	    "[1| [4| 5|] 3|]" },
	{ THREE, -1, true, "--b\r\n\r\n4\r\n--b--\r\n", "[4|]" },
	{ "A: b", -1, true, "B: c\r\n\r\nd", "B: c||d" },
};

START_TEST(set)
{
	struct mime_tree *tree = parse(sets[_i].was);
	struct mime_part *part = sets[_i].child >= 0
				     ? tree->root->child[sets[_i].child]
				     : tree->root;
	const char *text = sets[_i].text;
	struct str content = { 0 };

	if (sets[_i].content_only)
		mime_set_content(part, text, strlen(text));
	else
		mime_set(part, text, strlen(text));
	check_outline(tree, sets[_i].expected);
	if (sets[_i].content_only) {
		mime_content(&content, part);
		ck_assert_str_eq(str_c(&content), text);
		str_fini(&content);
	}
	mime_free(tree);
}
END_TEST

/* As often as one likes. */
START_TEST(again_and_again)
{
	struct mime_tree *tree = parse(THREE);
	struct mime_part *part = tree->root->child[0];

	for (int i = 0; i < 3000; i++)
		mime_set(part, "A: b\r\n\r\nx\r\n", 11);
	check_outline(tree, "[x| [2|] 3|]");
	ck_assert_uint_eq(tree->n_fields, 3);
	mime_free(tree);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("mime_move", &tcase);

	tcase_add_loop_test(tcase, insert, 0, UNIT_N(inserts));
	tcase_add_test(tcase, unlinked);
	tcase_add_loop_test(tcase, set, 0, UNIT_N(sets));
	tcase_add_test(tcase, again_and_again);
	return s;
}

UNIT_MAIN(suite)
