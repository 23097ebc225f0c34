/*
 * source_edit.h - edits of a text, collected in any order and made at once
 *
 * A struct source_edits that is all zero is empty and valid.  Places are byte
 * offsets into the text as it was.  What is put in front of one place goes
 * outside what is there already, so whoever looks at inner things first gets
 * "outer(inner(x))".
 */
#ifndef KUMILTER_SOURCE_EDIT_H
#define KUMILTER_SOURCE_EDIT_H

#include "milter/str.h"

#include <stddef.h>

#define SOURCE_EDIT_MAX 40 /* bytes of a text put in, with its NUL */

struct source_edits {
	struct source_edit *list;
	size_t n, cap;
};

/* The len bytes at "at" become text.  Two of these do not overlap. */
void source_edits_replace(
    struct source_edits *e, size_t at, size_t len, const char *text);
/* In front of what begins at "at"; behind what ends there. */
void source_edits_before(struct source_edits *e, size_t at, const char *text);
void source_edits_after(struct source_edits *e, size_t at, const char *text);

/* Adds the changed text to out. */
void source_edits_apply(
    struct source_edits *e, const char *text, size_t len, struct str *out);
void source_edits_fini(struct source_edits *e);

#endif
