/*
 * mime.h - a message as a tree of its parts
 *
 * Our own parser and not GMime, which design.md had in mind: GMime does not
 * bound depth, parts or time, its fuzzers found endless loops and overflows,
 * it brings GLib and its main-thread rules into a threaded daemon, and it
 * gives back other bytes than it read.  This one takes any bytes, is linear
 * in them, and writes back what it read to the byte until it is changed.
 *
 * How it reads
 *   lines       end with LF or CRLF; a CR alone is text
 *   head        ends at an empty line, or without one at the first line that
 *               is no field; a BOM and an mbox "From " line before it are kept
 *   delimiters  a line that begins with "--" and the boundary of this part or
 *               of one around it (RFC 2046 5.1.1); of several the longest; an
 *               outer one ends all inside it
 *   a body      keeps the line end before the next delimiter, as in KumoMTA
 *   multipart/  without a boundary, or one that never comes: a leaf
 *   message/    a leaf: parse its body for its tree
 *
 * Past MIME_DEPTH_MAX levels, MIME_PARTS_MAX parts or MIME_FIELDS_MAX fields
 * the rest stays in one piece (the body, the epilogue, the last field), and
 * tree->limited says so.
 *
 * Ownership: a tree owns its parts; a part that is removed from it stays
 * allocated, with removed set and without content, until mime_free(), so a
 * pointer to a part is good as long as the tree is.  No locks.
 */
#ifndef KUMILTER_MIME_H
#define KUMILTER_MIME_H

#include "err.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

#define MIME_DEPTH_MAX 50
#define MIME_PARTS_MAX 1000
#define MIME_FIELDS_MAX 20000

/* Of the text that was parsed, or malloc'ed where own is not NULL. */
struct mime_bytes {
	const char *p;
	size_t len;
	char *own;
};

/* "Name: value", folds and the last line end included. */
struct mime_field {
	struct mime_bytes line;
	size_t name_len;
	size_t value; /* where it begins: behind the colon */
};

struct mime_part {
	struct mime_tree *tree;
	struct mime_part *parent; /* NULL: the root, or removed */
	bool removed;
	struct mime_bytes delimiter; /* the line before it, of its parent */
	struct mime_bytes lead;      /* BOM and "From " line */
	struct mime_field *field;
	size_t n_fields, cap_fields;
	struct mime_bytes gap;  /* the empty line */
	struct mime_bytes body; /* of a multipart: its preamble */
	/* NULL: a leaf */
	char *boundary;
	size_t boundary_len;
	struct mime_part **child;
	size_t n_children, cap_children;
	struct mime_bytes close,
	    epilogue; /* the last delimiter, what follows */
};

struct mime_tree {
	struct mime_part *root;
	struct mime_part **part; /* all that ever were */
	size_t n_parts, cap_parts, n_fields;
	char **text; /* what was parsed into it later */
	size_t n_texts;
	size_t owned; /* bytes allocated, about */
	bool limited;
};

/* mime.c */
void mime_free(struct mime_tree *tree); /* NULL allowed */
/* "" for the root, else the places on the way to it, from 0: "1.0" */
void mime_id(struct str *out, const struct mime_part *part);
size_t mime_depth(const struct mime_part *part); /* 0: the root */
/* Changes that look at no boundary: see mime_boundary.h. */
void mime_bytes_set(
    struct mime_tree *tree, struct mime_bytes *b, const char *p, size_t len);
struct mime_part *mime_part_new(
    struct mime_tree *tree, struct mime_part *parent);
/* Empty the part of children, which are removed from the tree. */
void mime_remove_children(struct mime_part *part);
/* Of all but its delimiter. */
void mime_clear(struct mime_part *part);
/* Clear it and mark it; its parent's list is the caller's. */
void mime_remove(struct mime_part *part);

/* mime_write.c: the part with its head, without its delimiter */
void mime_write(struct str *out, const struct mime_part *part);
void mime_write_head(struct str *out, const struct mime_part *part);
size_t mime_size(const struct mime_part *part); /* what it appends, about */

/* mime_parse.c: text must live as long as the tree does. */
struct mime_tree *mime_parse(const char *text, size_t len);
/* The bytes of *text are the tree's now. */
struct mime_tree *mime_parse_take(struct str *text);
/* The same for a part that is new and empty. */
void mime_parse_into(struct mime_part *part, struct str *text);

/*
 * mime_edit.c: what changes a tree and, where they need it, the boundaries in
 * it.  mime_field_put(), too: mime_field.h.
 */
/*
 * A copy of a part as a new child of parent, in front of its epilogue.  -1
 * with *err: parent is no multipart, too deep, too many parts.
 */
int mime_append(
    struct mime_part *parent, const struct mime_part *part, struct err *err);
/*
 * Content-Type was changed: a multipart is split by what it says now.  It
 * stays one; another type becomes multipart/mixed.
 */
void mime_follow_type(struct mime_part *part);

#endif
