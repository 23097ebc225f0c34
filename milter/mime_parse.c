#include "mime.h"
#include "mime_boundary.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NONE ((size_t)-1)

/* A multipart that is being read. */
struct open {
	const char *boundary;
	size_t len;
};

struct parser {
	struct mime_tree *tree;
	const char *at, *end;
	struct open open[MIME_DEPTH_MAX];
	size_t n_open, depth; /* depth: of the part being read */
	/* where scan() came to rest; line == end of it all: no delimiter */
	struct {
		const char *line, *next; /* the line and what follows it */
		size_t level;            /* of open[], or NONE */
		bool close;
	} found;
};

static const char *
line_end(const char *p, const char *end)
{
	const char *nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;

	return nl != NULL ? nl + 1 : end;
}

static struct mime_bytes
bytes(const char *from, const char *to)
{
	return (struct mime_bytes){ from, (size_t)(to - from), NULL };
}

/* ---- delimiters --------------------------------------------------------- */

/*
 * Which of the open boundaries does the line at p begin with?  The longest,
 * and of the same ones the innermost.
 */
static size_t
match(const struct parser *ps, const char *p)
{
	size_t best = NONE, len = (size_t)(ps->end - p);

	if (len < 2 || p[0] != '-' || p[1] != '-')
		return NONE;
	for (size_t i = ps->n_open; i > 0; i--) {
		const struct open *o = &ps->open[i - 1];

		if (o->len <= len - 2 &&
		    (best == NONE || o->len > ps->open[best].len) &&
		    memcmp(p + 2, o->boundary, o->len) == 0)
			best = i - 1;
	}
	return best;
}

/* Is the line at p a delimiter?  Then ps->found is it. */
static bool
look(struct parser *ps, const char *p)
{
	size_t level = match(ps, p);
	const char *rest;

	if (level == NONE)
		return false;
	rest = p + 2 + ps->open[level].len;
	ps->found.line = p;
	ps->found.next = line_end(rest, ps->end);
	ps->found.level = level;
	ps->found.close =
	    ps->end - rest >= 2 && rest[0] == '-' && rest[1] == '-';
	return true;
}

/* From the line at ps->at to the next delimiter, which ps->found is then. */
static void
scan(struct parser *ps)
{
	const char *p = ps->at;

	while (ps->n_open > 0 && p < ps->end) {
		if (look(ps, p))
			return;
		p = line_end(p, ps->end);
	}
	ps->found.line = ps->found.next = ps->end;
	ps->found.level = NONE;
	ps->found.close = false;
}

/* ---- the head ----------------------------------------------------------- */

/* Length of the name of a field at p, spaces before its colon included. */
static size_t
field_name(const char *p, const char *end, size_t *name_len)
{
	const char *c = p;

	while (c < end && *c != ':' && *c != 0x7f && (unsigned char)*c > ' ')
		c++;
	*name_len = (size_t)(c - p);
	while (c < end && (*c == ' ' || *c == '\t'))
		c++;
	return c > p && c < end && *c == ':' && *name_len > 0 ? (size_t)(c - p)
							      : 0;
}

static void
add_field(struct mime_part *part, const char *line, const char *next,
    size_t name_len, size_t colon)
{
	if (part->n_fields == part->cap_fields) {
		part->cap_fields = part->cap_fields ? part->cap_fields * 2 : 8;
		part->field = xrealloc(
		    part->field, part->cap_fields * sizeof *part->field);
	}
	part->field[part->n_fields++] = (struct mime_field){
		.line = bytes(line, next),
		.name_len = name_len,
		.value = colon + 1,
	};
	part->tree->n_fields++;
	part->tree->owned += sizeof *part->field;
}

/* What belongs to no field and yet does not end the head. */
static void
read_lead(struct parser *ps, struct mime_part *part)
{
	const char *p = ps->at;

	if (ps->end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	if (ps->end - p >= 5 && memcmp(p, "From ", 5) == 0)
		p = line_end(p, ps->end);
	else if (ps->end - p >= 6 && memcmp(p, ">From ", 6) == 0)
		p = line_end(p, ps->end);
	part->lead = bytes(ps->at, p);
	ps->at = p;
}

/* Join the line to the field before it. */
static void
extend(struct mime_part *part, const char *next)
{
	struct mime_bytes *line = &part->field[part->n_fields - 1].line;

	line->len = (size_t)(next - line->p);
}

static bool
is_empty_line(const char *line, const char *next)
{
	return next - line <= 2 && next[-1] == '\n' &&
	       (next - line == 1 || line[0] == '\r');
}

/* false: a delimiter, which ps->found is, came before the body. */
static bool
read_head(struct parser *ps, struct mime_part *part)
{
	for (const char *next; ps->at < ps->end; ps->at = next) {
		const char *line = ps->at;
		size_t name_len, colon;

		next = line_end(line, ps->end);
		if (look(ps, line))
			return false;
		if (is_empty_line(line, next)) {
			part->gap = bytes(line, next);
			ps->at = next;
			break;
		}
		colon = field_name(line, next, &name_len);
		if ((*line == ' ' || *line == '\t') && part->n_fields > 0) {
			extend(part, next);
		} else if (colon == 0) {
			break;
		} else if (ps->tree->n_fields >= MIME_FIELDS_MAX &&
			   part->n_fields > 0) {
			ps->tree->limited = true;
			extend(part, next);
		} else {
			add_field(part, line, next, name_len, colon);
		}
	}
	return true;
}

/* ---- parts -------------------------------------------------------------- */

static void read_part(struct parser *ps, struct mime_part *part);

/* Between the first delimiter of this part, which is found, and its last. */
static void
read_children(struct parser *ps, struct mime_part *part, size_t level)
{
	while (ps->found.level == level && !ps->found.close &&
	       ps->tree->n_parts < MIME_PARTS_MAX) {
		struct mime_part *child = mime_part_new(ps->tree, part);

		child->delimiter = bytes(ps->found.line, ps->found.next);
		ps->at = ps->found.next;
		read_part(ps, child);
	}
	ps->n_open = level;
	if (ps->found.level == NONE || ps->found.level < level)
		return;
	if (ps->found.close) {
		part->close = bytes(ps->found.line, ps->found.next);
		ps->at = ps->found.next;
	} else {
		ps->tree->limited = true;
		ps->at = ps->found.line;
	}
	scan(ps);
	part->epilogue = bytes(ps->at, ps->found.line);
}

static void
read_multipart(
    struct parser *ps, struct mime_part *part, char *boundary, size_t len)
{
	size_t level = ps->n_open++;

	ps->open[level] = (struct open){ boundary, len };
	scan(ps);
	part->body = bytes(ps->at, ps->found.line);
	if (ps->found.level != level) {
		/* it never comes: a leaf */
		ps->n_open = level;
		free(boundary);
		return;
	}
	part->boundary = boundary;
	part->boundary_len = len;
	part->tree->owned += len;
	read_children(ps, part, level);
}

/* From ps->at to the next delimiter outside of it, which is found then. */
static void
read_part(struct parser *ps, struct mime_part *part)
{
	char *boundary;
	size_t len;

	part->body = bytes(ps->end, ps->end);
	read_lead(ps, part);
	if (!read_head(ps, part))
		return;
	boundary = mime_boundary_find(part, &len);
	if (boundary != NULL && ps->depth + 1 >= MIME_DEPTH_MAX) {
		ps->tree->limited = true;
		free(boundary);
		boundary = NULL;
	}
	if (boundary == NULL) {
		scan(ps);
		part->body = bytes(ps->at, ps->found.line);
		return;
	}
	ps->depth++;
	read_multipart(ps, part, boundary, len);
	ps->depth--;
}

static void
read_text(struct mime_part *part, const char *text, size_t len)
{
	struct parser ps = {
		.tree = part->tree,
		.at = text,
		.end = text + len,
		.depth = mime_depth(part),
	};

	read_part(&ps, part);
}

struct mime_tree *
mime_parse(const char *text, size_t len)
{
	struct mime_tree *tree = xcalloc(1, sizeof *tree);

	tree->root = mime_part_new(tree, NULL);
	read_text(tree->root, text, len);
	return tree;
}

static void
keep_text(struct mime_tree *tree, struct str *text)
{
	tree->text =
	    xrealloc(tree->text, (tree->n_texts + 1) * sizeof *tree->text);
	tree->owned += text->len;
	tree->text[tree->n_texts++] = str_take(text);
}

struct mime_tree *
mime_parse_take(struct str *text)
{
	struct mime_tree *tree;

	str_reserve(text, 0);
	tree = mime_parse(text->data, text->len);
	keep_text(tree, text);
	return tree;
}

void
mime_parse_into(struct mime_part *part, struct str *text)
{
	str_reserve(text, 0);
	read_text(part, text->data, text->len);
	keep_text(part->tree, text);
}
