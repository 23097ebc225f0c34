/*
 * header_import.h - header fields into metadata
 *
 * What import_headers() and import_x_headers() do, as KumoMTA: a field belongs
 * to the first rule that names it; values are decoded (header_text.h).
 */
#ifndef KUMILTER_HEADER_IMPORT_H
#define KUMILTER_HEADER_IMPORT_H

#include "message.h"

enum import_match { IMPORT_LAST, IMPORT_FIRST, IMPORT_ALL };
enum import_style { IMPORT_SNAKE, IMPORT_KEBAB, IMPORT_CAMEL, IMPORT_PASCAL };

/* All texts are borrowed. */
struct header_import {
	const char *name; /* without the '*' of a wildcard */
	bool wildcard;    /* any name that begins so */
	enum import_match match;
	enum import_style style; /* of the key made from the field's name */
	const char *target;      /* the key itself, or NULL */
	bool remove;             /* the fields that were imported */
};

/* "X-Foo" or "X-*"; bare, leading and inner '*' are errors. */
int header_import_name(struct header_import *rule, const char *pattern,
    char *storage, size_t size, struct err *err);
int header_import_match(
    const char *text, enum import_match *match, struct err *err);
int header_import_style(
    const char *text, enum import_style *style, struct err *err);

void header_import(
    struct message *m, const struct header_import *rules, size_t n);

#endif
