/*
 * text.h - cutting, trimming and wrapping plain text
 *
 * Texts are UTF-8, but any bytes are taken: one that begins no character is
 * a character of its own.  Nothing is copied: what is given are places in the
 * text.  All is linear.  No state: any thread.
 */
#ifndef KUMILTER_TEXT_H
#define KUMILTER_TEXT_H

#include "str.h"

#include <stdbool.h>

/* Bytes of the white space (as Unicode has it) that p begins with, or 0. */
size_t text_space(const char *p, size_t n);
/* Space, tab, LF, FF and CR. */
bool text_is_ascii_space(char c);

/* Take white space away from the text's ends. */
void text_trim(const char **p, size_t *n, bool start, bool end);

/*
 * The fields between separators, which are plain text.  Separators side by
 * side have an empty field between them; an empty separator stands before,
 * between and behind all characters.  At most `limit` fields, the last of
 * which has the rest.  n fields or fewer come for a text of n - 1 bytes.
 */
struct text_split {
	const char *p;
	size_t n;
	const char *sep;
	size_t sep_len, limit;
	bool reversed; /* p and sep are, see text_reverse() */
	bool begun;    /* false at first */
};
bool text_split_next(struct text_split *s, const char **field, size_t *len);

/* The bytes in the opposite order: fields can be had from the end then. */
void text_reverse(char *to, const char *p, size_t n);

/* The next word between white space; false at the end. */
bool text_next_word(
    const char **p, size_t *n, bool ascii, const char **word, size_t *len);

/*
 * Append the words of p in lines as a header is wrapped: CR, LF and a tab
 * between them.  A word goes on its line as long as both together have fewer
 * than `soft` bytes; one of more than `hard` bytes is cut.  White space at
 * the end goes.
 */
void text_wrap(
    struct str *out, const char *p, size_t n, size_t soft, size_t hard);

#endif
