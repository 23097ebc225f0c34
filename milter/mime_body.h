/*
 * mime_body.h - what the parts of a message are and say
 *
 * mime_info is what Content-Type, -Transfer-Encoding, -Disposition and
 * Content-ID say, with KumoMTA's rules where they say nothing:
 *   no Content-Type         text, us-ascii
 *   file_name               filename of the disposition, else name of the type
 *   inline                  the disposition says so, or the part has neither
 *                           file name, nor Content-ID, nor that
 *
 * A body that cannot be decoded comes as near to it as can be: see transfer.h
 * and charset.h; text in a charset that nobody knows comes as its bytes.
 */
#ifndef KUMILTER_MIME_BODY_H
#define KUMILTER_MIME_BODY_H

#include "mime.h"
#include "mime_param.h"
#include "transfer.h"

struct mime_info {
	struct mime_value type; /* .value is "" where there is none */
	enum transfer transfer;
	bool is_text;
	bool is_inline;
	bool has_disposition;
	char *file_name, *content_id; /* NULL where there is none */
};

void mime_info_init(struct mime_info *info, const struct mime_part *part);
void mime_info_fini(struct mime_info *info);

/* A header's value and parameters; false where there is no such header. */
bool mime_part_value(
    const struct mime_part *part, const char *name, struct mime_value *v);

/* Append the body decoded, text as UTF-8; nothing for one with children. */
void mime_body(struct str *out, const struct mime_part *part);

/*
 * A new body.  UTF-8 becomes text: as it is, quoted-printable or base64; other
 * bytes become base64.  type NULL: that of the part stays, or is text/plain or
 * application/octet-stream.  Children are removed; Content-Type, of which only
 * the type is kept, and Content-Transfer-Encoding go to the end of the head.
 * -1: type is none.
 */
int mime_body_set(
    struct mime_part *part, const char *data, size_t len, const char *type);

/*
 * The parts that a reader sees first: the first inline text/plain, text/html
 * and text/x-amp-html; whatever else is no multipart is an attachment.
 */
struct mime_structure {
	struct mime_part *text, *html, *amp; /* NULL: none */
	struct mime_part **attachment;
	size_t n;
};
void mime_structure_init(struct mime_structure *s, struct mime_part *part);
void mime_structure_fini(struct mime_structure *s);

/* Append the same message, written by the rules: see mime_rebuild.c. */
void mime_rebuild(struct str *out, const struct mime_part *root);

#endif
