/*
 * mime_text.h - another text in a part, which stays as it was otherwise
 *
 * Unlike mime_body_set(), which writes text as KumoMTA does, this keeps the
 * part's type, charset and transfer encoding as long as they can say the text:
 *   charset    one that does not know a character becomes utf-8; where none
 *              is said and the text is ASCII none is
 *   encoding   base64 and quoted-printable stay; a text that was sent as it
 *              is and cannot be so any more becomes quoted-printable or, where
 *              that is shorter, base64; 8bit stays where it is said
 * Header fields whose value stays are not touched, others stay in their place.
 * No locks.
 */
#ifndef KUMILTER_MIME_TEXT_H
#define KUMILTER_MIME_TEXT_H

#include "mime.h"

/*
 * text: UTF-8.  type: "text/html", its parameters instead of those that there
 * are; NULL: as it is.  charset: NULL: that of the type.  Parts inside it are
 * removed.  -1 with *err: type is none, or nobody knows the charset.
 */
int mime_text_set(struct mime_part *part, const char *text, size_t len,
    const char *type, const char *charset, struct err *err);

#endif
