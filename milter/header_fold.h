/*
 * header_fold.h - a header value made fit for the wire
 *
 * What append_header(..., encode = true) does, as KumoMTA: ASCII is wrapped
 * at white space, softly at 75 columns and at 900 in any case; text that is
 * not ASCII becomes RFC 2047 encoded words (Q, UTF-8).  Lines are separated
 * by "\n\t".
 */
#ifndef KUMILTER_HEADER_FOLD_H
#define KUMILTER_HEADER_FOLD_H

#include "str.h"

void header_fold(struct str *out, const char *value, size_t len);

#endif
