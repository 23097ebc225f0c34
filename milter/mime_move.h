/*
 * mime_move.h - parts that change their place, and parts given as text
 *
 * What mime_edit.c does for a part added at the end, for any place.  The
 * boundaries in the tree stay good.  A part that is taken out counts as
 * removed, as do those that a new text replaces: see mime.h.  No locks.
 */
#ifndef KUMILTER_MIME_MOVE_H
#define KUMILTER_MIME_MOVE_H

#include "mime.h"

/*
 * A copy of part as child number place of parent, from 0; beyond its children
 * the last.  NULL with *err: parent is no multipart, too deep, too many parts.
 */
struct mime_part *mime_insert(struct mime_part *parent, size_t place,
    const struct mime_part *part, struct err *err);

/* Take a part that is not the root out of its tree. */
void mime_unlink(struct mime_part *part);

/* The next part of the same parent, or NULL. */
struct mime_part *mime_next(const struct mime_part *part);

/* What stands behind the head and its empty line. */
void mime_content(struct str *out, const struct mime_part *part);

/* The part is what text says, head and all, or keeps its head. */
void mime_set(struct mime_part *part, const char *text, size_t len);
void mime_set_content(struct mime_part *part, const char *text, size_t len);

#endif
