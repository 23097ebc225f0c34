#include "fuzz.h"

#include "milter/message_id.h"
#include "milter/mime_body.h"
#include "milter/mime_build.h"
#include "milter/mime_field.h"
#include "milter/mime_move.h"
#include "milter/mime_text.h"

#include <string.h>
#include <strings.h>

static void
write_tree(struct str *out, const struct mime_tree *tree)
{
	mime_write(out, tree->root);
	must(out->len <= mime_size(tree->root));
}

/* Reading all there is to read of a part. */
static void
read_part(struct mime_part *part)
{
	struct mime_info info;
	struct str out = { 0 };
	size_t at = 0;
	const struct mime_field *f;

	must(mime_depth(part) < MIME_DEPTH_MAX);
	must((part->boundary != NULL) || part->n_children == 0);
	while ((f = mime_field_next(part, NULL, &at)) != NULL) {
		must(f->name_len > 0 && f->value > f->name_len);
		must(f->value <= f->line.len);
		mime_field_text(&out, f);
	}
	mime_info_init(&info, part);
	must(info.content_id == NULL ||
	     message_id_is(info.content_id, strlen(info.content_id)));
	mime_info_fini(&info);
	mime_body(&out, part);
	mime_id(&out, part);
	str_fini(&out);
	for (size_t i = 0; i < part->n_children; i++) {
		must(part->child[i]->parent == part && !part->removed);
		read_part(part->child[i]);
	}
}

/* What was written is read as the same tree. */
static void
same_tree(const struct mime_part *a, const struct mime_part *b)
{
	must(a->n_children == b->n_children);
	must((a->boundary != NULL) == (b->boundary != NULL));
	for (size_t i = 0; i < a->n_children; i++)
		same_tree(a->child[i], b->child[i]);
}

static void
check_written(const struct mime_tree *tree)
{
	struct str out = { 0 };
	struct mime_tree *again;

	if (tree->limited)
		return;
	write_tree(&out, tree);
	again = mime_parse(str_c(&out), out.len);
	if (!again->limited)
		same_tree(tree->root, again->root);
	mime_free(again);
	str_fini(&out);
}

static void
check_rebuilt(const struct mime_tree *tree)
{
	struct str out = { 0 }, twice = { 0 };
	struct mime_tree *again;

	mime_rebuild(&out, tree->root);
	again = mime_parse(out.data, out.len);
	if (!tree->limited && !again->limited)
		same_tree(tree->root, again->root);
	read_part(again->root);
	mime_rebuild(&twice, again->root);
	mime_free(again);
	str_fini(&out);
	str_fini(&twice);
}

/* Any part of the tree, chosen by the input. */
static struct mime_part *
choose(const struct mime_tree *tree, unsigned n)
{
	struct mime_part *part = tree->part[n % tree->n_parts];

	return part->removed ? tree->root : part;
}

/* A leaf does not become a multipart because its type says so. */
static bool
may_set(const struct mime_part *part, const char *name, size_t len)
{
	return part->boundary != NULL || len != 12 ||
	       strncasecmp(name, "Content-Type", 12) != 0;
}

/* Those of mime_move and mime_text, of which what marks the part. */
static void
move(struct mime_tree *tree, struct mime_part *part, uint8_t what,
    const char *from, size_t len)
{
	struct err err;

	switch (what % 5) {
	case 0:
		mime_insert(part, what / 5 % 4, choose(tree, what), &err);
		break;
	case 1:
		if (part->parent != NULL)
			mime_unlink(part);
		break;
	case 2:
		mime_set(part, from, len);
		break;
	case 3:
		mime_set_content(part, from, len);
		break;
	case 4:
		mime_text_set(part, from, len,
		    what & 64 ? "text/plain; charset=iso-8859-1" : NULL, NULL,
		    &err);
		break;
	}
}

/* Changes, as the first bytes say, with text of the message itself. */
static void
change(struct mime_tree *tree, const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct err err;

	for (size_t i = 0; i < 6 && i + 1 < size; i++) {
		struct mime_part *part = choose(tree, data[i + 1]);
		size_t len = size - i < 60 ? size - i : 60;
		const char *from = text + size - len;

		if (data[i] % 12 > 5) {
			move(tree, part, data[i] / 2, from, len);
			continue;
		}
		switch (data[i] % 12) {
		case 0:
			mime_body_set(part, from, len, NULL);
			break;
		case 1:
			mime_append(part, choose(tree, data[i]), &err);
			break;
		case 2:
			mime_field_put(part, MIME_FIELD_TOP, "X-A", 3, from,
			    len, data[i] & 64);
			break;
		case 3:
			if (!may_set(part, from, len / 2))
				break;
			mime_field_put(part, MIME_FIELD_SET, from, len / 2,
			    from, len, data[i] & 64);
			mime_follow_type(part);
			break;
		case 4:
			mime_field_remove(part, "Content-Type");
			mime_follow_type(part);
			break;
		case 5:
			if (part->boundary == NULL)
				break;
			mime_field_put(part, MIME_FIELD_SET, "Content-Type", 12,
			    from, len, true);
			mime_follow_type(part);
			break;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct mime_tree *tree = mime_parse(text, size);
	struct mime_structure s;
	struct str out = { 0 };

	must(tree->n_parts <= MIME_PARTS_MAX);
	write_tree(&out, tree);
	must(out.len == size && memcmp(str_c(&out), text, size) == 0);
	read_part(tree->root);
	mime_structure_init(&s, tree->root);
	must(s.n <= tree->n_parts);
	mime_structure_fini(&s);
	check_rebuilt(tree);
	change(tree, data, size);
	read_part(tree->root);
	check_written(tree);
	mime_free(tree);
	str_fini(&out);
	return 0;
}
