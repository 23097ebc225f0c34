/*
 * transcript_item.h - one thing that happened, as transcript.h has it
 *
 * Each function makes a JSON value that is the caller's.  Texts may be
 * anybody's: bytes that are not UTF-8 are made visible.
 */
#ifndef KUMILTER_TRANSCRIPT_ITEM_H
#define KUMILTER_TRANSCRIPT_ITEM_H

#include "edits.h"
#include "observe.h"
#include "session.h"

json_t *item_new(const char *type); /* { "type": type } */
json_t *item_text(const char *text, size_t len);
json_t *item_ms(int64_t ns);
json_t *item_lines(const struct str *text); /* an array, cut at '\n' */
json_t *item_edits(const struct edits *list);
/* What is in after and not the same in before; null: is gone. */
json_t *item_changes(const json_t *before, json_t *after);
json_t *item_handler(const struct session *s, const struct observed *o);

/* Nothing where text is NULL or "". */
void item_set_text(json_t *item, const char *key, const char *text);
/* The same where value, which it takes, has nothing in it. */
void item_set_some(json_t *item, const char *key, json_t *value);

#endif
