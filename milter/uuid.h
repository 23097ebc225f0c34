/*
 * uuid.h - universally unique identifiers (RFC 9562)
 *
 * Those with a time in them (1, 6 and 7) grow from one call to the next.  The
 * node of 1 and 6 is a random one of this process, marked as such: an id does
 * not give the machine's network address away.  Any thread.
 */
#ifndef KUMILTER_UUID_H
#define KUMILTER_UUID_H

#include "err.h"

#include <stddef.h>

#define UUID_TEXT 64 /* bytes for any form */

struct uuid {
	unsigned char bytes[16];
};

enum uuid_form {
	UUID_HYPHENATED, /* 8-4-4-4-12 digits, in small letters */
	UUID_SIMPLE,     /* without hyphens */
	UUID_BRACED,     /* {hyphenated} */
	UUID_URN,        /* urn:uuid:hyphenated */
};

/* version: 1, 4, 6 or 7 */
void uuid_new(struct uuid *id, int version);

/* Any form, letters in either case. */
int uuid_parse(struct uuid *id, const char *text, size_t len, struct err *err);

void uuid_write(
    char out[UUID_TEXT], const struct uuid *id, enum uuid_form form);

#endif
