/*
 * mime_boundary.h - what stands between the parts of a multipart
 *
 * A boundary is good as long as no line of the content begins with its
 * delimiter and no part in it takes that for its own.  Who changes a tree
 * calls one of the avoid functions here for what the change brings in: the
 * multiparts around it get other boundaries where they need them.
 *
 * mime_append(), mime_follow_type() and mime_field_put() of mime_edit.c do so
 * for their callers.  No locks.
 */
#ifndef KUMILTER_MIME_BOUNDARY_H
#define KUMILTER_MIME_BOUNDARY_H

#include "mime.h"

/* The boundary that Content-Type gives a multipart: malloc'ed, or NULL. */
char *mime_boundary_find(const struct mime_part *part, size_t *len);
void mime_boundary_random(struct str *out); /* letters and digits */
/* Does a line of text begin with the delimiter of this boundary? */
bool mime_boundary_is_in(
    const char *text, size_t len, const char *boundary, size_t boundary_len);

/* Give a child the delimiter that its parent's boundary makes. */
void mime_boundary_delimit(struct mime_part *child);
/* Split a multipart at this boundary, which it takes.  Content-Type stays. */
void mime_boundary_take(struct mime_part *part, char *boundary, size_t len);
/* Split a multipart at a random one, which Content-Type says then. */
void mime_boundary_change(struct mime_part *part);

/*
 * Is part, or one in it, a multipart whose last delimiter never came?  It would
 * take for its own those of this boundary (if that is not the very one of part)
 * that are written behind it.
 */
bool mime_boundary_is_claimed(
    const struct mime_part *part, const char *boundary, size_t len);

/* Before content comes into part: give it and those around it others. */
void mime_boundary_avoid(struct mime_part *part, const char *text, size_t len);
/* The same after a new child came, which may be a multipart without end. */
void mime_boundary_avoid_claims(const struct mime_part *child);
/*
 * The same after a head that ended with a delimiter got an empty line.  If it
 * is a multipart's, that delimiter might be taken for its own now.
 */
void mime_boundary_avoid_head(const struct mime_part *part);

#endif
