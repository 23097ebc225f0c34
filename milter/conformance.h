/*
 * conformance.h - where a message departs from the standards, and its repair
 *
 * The issues have KumoMTA's names; a set of them is written with '|' between.
 * What is an issue:
 *
 *   MISSING_COLON_VALUE         a head, of the message or a part, ends at a
 *                               line that is neither field nor empty
 *   NON_CANONICAL_LINE_ENDINGS  a CR or LF that is no CRLF
 *   NAME_ENDS_WITH_SPACE        white space between a field's name and colon
 *   LINE_TOO_LONG               more than 78 bytes besides CRLF (RFC 5322
 *                               2.1.1, where 998 is the limit)
 *   NEEDS_TRANSFER_ENCODING     bytes above 0x7f
 *   INVALID_MIME_HEADERS        Content-Type is no type/subtype, or nobody
 *                               knows the Content-Transfer-Encoding
 *   MISSING_DATE_HEADER         no Date, or one that is no date
 *   MISSING_MESSAGE_ID_HEADER   no Message-ID, or one without an id
 *   MISSING_MIME_VERSION        no MIME-Version, or another than 1.0
 *
 * The last three are of the message itself and are repaired by one header
 * each, CONFORMANCE_HEADERS; the others by writing all of it anew.
 *
 * Total: any bytes; linear in them, within the limits of mime.h.  Any thread.
 */
#ifndef KUMILTER_CONFORMANCE_H
#define KUMILTER_CONFORMANCE_H

#include "err.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

enum conformance {
	CONFORMANCE_COLON = 1 << 0,
	CONFORMANCE_LINE_ENDS = 1 << 1,
	CONFORMANCE_NAME_SPACE = 1 << 2,
	CONFORMANCE_LONG_LINE = 1 << 3,
	CONFORMANCE_8BIT = 1 << 4,
	CONFORMANCE_MIME_HEADERS = 1 << 5,
	CONFORMANCE_DATE = 1 << 6,
	CONFORMANCE_MESSAGE_ID = 1 << 7,
	CONFORMANCE_MIME_VERSION = 1 << 8,
};
#define CONFORMANCE_HEADERS                                                    \
	((unsigned)(CONFORMANCE_DATE | CONFORMANCE_MESSAGE_ID |                \
		    CONFORMANCE_MIME_VERSION))

/*
 * Names to a set; "" is none of them, and white space around a name is not
 * looked at.  -1 with *err: a name that is none.
 */
int conformance_parse(
    unsigned *set, const char *names, size_t len, struct err *err);
/* Append the names, sorted. */
void conformance_names(struct str *out, unsigned set);

/* The issues of a whole message. */
unsigned conformance_check(const char *text, size_t len);

/*
 * How 8-bit text is read whose charset is missing, not known, or said to be
 * UTF-8 or ASCII and is not: as the first of include, without those of
 * exclude, that knows all its bytes.  include empty: utf-8, windows-1252.
 * Where utf-8 is among these, text that is UTF-8 is read so whatever its
 * charset says.
 * Names that charset.h does not know are passed over.
 */
#define CONFORMANCE_CHARSETS_MAX 32
struct conformance_charsets {
	const char *name[CONFORMANCE_CHARSETS_MAX];
	size_t n;
};
struct conformance_detect {
	struct conformance_charsets include, exclude;
};

/*
 * Append the message written anew (mime_rebuild.c), for these fixes:
 *   LINE_TOO_LONG               fields are folded at their white space
 *   NEEDS_TRANSFER_ENCODING     detect, unless NULL, decides on charsets
 *   NON_CANONICAL_LINE_ENDINGS  also in what is kept as it was
 * What is signed or encrypted, and messages within it, are kept; so is a line
 * without white space, however long.  false, and nothing appended: the message
 * is past the limits of mime.h, and part of it would be lost.
 */
bool conformance_rebuild(struct str *out, const char *text, size_t len,
    unsigned fixes, const struct conformance_detect *detect);

/* Append a Date's value for now. */
void conformance_date(struct str *out);

#endif
