/*
 * reply_text.h - a policy's words made safe to say in SMTP
 *
 * The text is any bytes.  What comes out:
 *   lines   split at \n and \r\n.  Blank lines at the beginning and the end
 *           are dropped, empty ones between are kept (both MTAs say them).
 *           At most 32, of at most 900 bytes, less than 16000 together with
 *           what goes before each line: Sendmail cuts a reply at 16384, and
 *           where that loses the last line, the client waits for it.  The
 *           rest is dropped, at a whole character.
 *   bytes   a control character, lone CR or NUL is a space; a byte that is
 *           not UTF-8's is '?'; for Sendmail, which strips bit 8, so is every
 *           character beyond ASCII.  '%' is doubled: Sendmail refuses the
 *           whole reply over a single one, Postfix swallows it.
 *   xcode   an enhanced status code (RFC 3463) at the beginning is taken out
 *           and its class made that of the reply; Postfix calls anything else
 *           malformed and answers 451.  None given, none added, so that
 *           "421 mta.example.com go away!" is said just so; except c.0.0
 *           where the text begins with a digit, which Postfix would take for
 *           such a code, and for several lines, where libmilter puts one on
 *           each in any case.  (KumoMTA says it on the first line only.)  A
 *           later line that repeats the first one's code loses it.
 *   empty   a text with nothing to read gives words of our own.
 */
#ifndef KUMILTER_REPLY_TEXT_H
#define KUMILTER_REPLY_TEXT_H

#include "reply.h"

#include <stddef.h>

/* Fill code, xcode, lines and notes; most: how many lines there may be. */
void reply_text(struct reply *r, int code, const char *text, size_t len,
    enum mta mta, int most);

#endif
