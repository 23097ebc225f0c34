/*
 * mime_field.h - the fields in the head of a part
 *
 * Names compare without regard to case.  What is written here is one field
 * and nothing more, whatever the value holds: a line break stays only as a
 * fold.  A value of ASCII is wrapped, other text is encoded (header_fold.h).
 */
#ifndef KUMILTER_MIME_FIELD_H
#define KUMILTER_MIME_FIELD_H

#include "mime.h"

/* name NULL: any.  The next field at or after *at, which moves behind it. */
const struct mime_field *mime_field_next(
    const struct mime_part *part, const char *name, size_t *at);
const struct mime_field *mime_field_first(
    const struct mime_part *part, const char *name);

/* The value without white space around it, folds as they are. */
const char *mime_field_value(const struct mime_field *f, size_t *len);
/* The same, decoded (header_text.h). */
void mime_field_text(struct str *out, const struct mime_field *f);

/* Is this a name that a field can have: printable ASCII, no colon? */
bool mime_field_is_name(const char *name, size_t len);

/* Append "Name: value\r\n".  as_is: value is ready, with CRLF folds. */
void mime_field_write(struct str *out, const char *name, size_t name_len,
    const char *value, size_t len, bool as_is);

enum mime_field_place { MIME_FIELD_TOP, MIME_FIELD_END, MIME_FIELD_SET };

/*
 * Add the line that mime_field_write() made; SET writes over the first field
 * of its name if there is one.  The head ends with an empty line then.  What
 * that does to the boundaries of other parts is the caller's: mime_boundary.h.
 */
void mime_field_put_line(struct mime_part *part, enum mime_field_place where,
    const struct str *line, size_t name_len);
/*
 * mime_edit.c: the same from name and value, and other boundaries for the
 * parts around it where they need them.  -1: not a name.
 */
int mime_field_put(struct mime_part *part, enum mime_field_place where,
    const char *name, size_t name_len, const char *value, size_t len,
    bool as_is);
size_t mime_field_remove(struct mime_part *part, const char *name);

#endif
