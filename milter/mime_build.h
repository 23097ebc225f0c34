/*
 * mime_build.h - new parts and messages, as text to be parsed
 *
 * A part is appended to a str: its head, an empty line and its body, which
 * ends with CRLF.  mime_parse_take() makes a tree of it.
 *
 * A type is what mime_build_is_type() takes; check before.
 */
#ifndef KUMILTER_MIME_BUILD_H
#define KUMILTER_MIME_BUILD_H

#include "mime.h"

struct mime_attach {
	const char *file_name; /* or NULL */
	const char *content_id;
	bool is_inline;
};

/* "text/plain", without parameters */
bool mime_build_is_type(const char *type);

/* The body only: how a text is written, and what Content-* fields say so. */
void mime_build_text_body(struct str *head, struct str *body, const char *type,
    const char *text, size_t len);
void mime_build_binary_body(struct str *head, struct str *body,
    const char *type, const char *data, size_t len);

void mime_build_text(
    struct str *out, const char *type, const char *text, size_t len);
/* attach NULL: no disposition */
void mime_build_binary(struct str *out, const char *type, const char *data,
    size_t len, const struct mime_attach *attach);

/*
 * Of n parts in the same form.  boundary NULL, or one that a part's text
 * holds: a random one.
 */
void mime_build_multipart(struct str *out, const char *type,
    const struct str *part, size_t n, const char *boundary);

/* A message in the making. */
struct mime_builder {
	struct str text, html, amp;
	bool has_text, has_html, has_amp;
	struct str *inlined, *attached;
	size_t n_inlined, n_attached;
	bool stable; /* the same boundaries and date each time, for tests */
};

void mime_builder_fini(struct mime_builder *b);
/* Takes the part. */
void mime_builder_attach(
    struct mime_builder *b, struct str *part, bool is_inline);
/* -1 with *err: no text in it. */
int mime_builder_build(
    const struct mime_builder *b, struct str *out, struct err *err);

#endif
