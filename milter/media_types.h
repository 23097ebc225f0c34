/*
 * media_types.h - which extensions of file names go with which media types
 *
 * From a text as in /etc/mime.types: a type, and extensions behind it; what
 * stands behind a '#' is no part of it.  Without that file a few common types
 * are known.  Case is no matter: all is in small letters.
 */
#ifndef KUMILTER_MEDIA_TYPES_H
#define KUMILTER_MEDIA_TYPES_H

#include <stddef.h>

#define MEDIA_TYPES_FILE "/etc/mime.types"

struct media_types;

/* Types that come twice are one, with the extensions of both. */
struct media_types *media_types_read(const char *text, size_t len);
void media_types_free(struct media_types *m); /* NULL is allowed */
/* The system's, read once; any thread. */
const struct media_types *media_types_system(void);

size_t media_types_n(const struct media_types *m);
const char *media_types_name(const struct media_types *m, size_t i);
/* The extensions of that one: NULL behind the last. */
const char *const *media_types_extensions(
    const struct media_types *m, size_t i);

/* The number of a type, or -1; parameters behind a ';' are no matter. */
long media_types_find(const struct media_types *m, const char *type);
/* The next from i on that has this extension, or -1. */
long media_types_with(
    const struct media_types *m, const char *extension, size_t i);

#endif
