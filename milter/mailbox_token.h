/*
 * mailbox_token.h - the words and marks of a header of addresses
 *
 * One token after the other, white space, folds and comments (RFC 5322 3.2.2,
 * nested) between them skipped.  Any bytes may be given; nothing is allocated
 * and no token is looked at more than twice, so the work is linear.
 *
 * Wider than RFC 5322: white space may be any of SP HT CR LF, however a line
 * was folded; bytes above 0x7f belong to words, UTF-8 or not; between quotes
 * and in comments any byte goes.
 */
#ifndef KUMILTER_MAILBOX_TOKEN_H
#define KUMILTER_MAILBOX_TOKEN_H

#include "err.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

#define MAILBOX_COMMENT_DEPTH 64

/* A mark (one of < > @ , ; : .) is its own kind. */
enum mailbox_kind {
	MAILBOX_END = 0,
	MAILBOX_ATOM = 'a',
	MAILBOX_ENCODED = 'e', /* an encoded word that is no atom: it holds a
				* ',' or the like, which RFC 2047 forbids */
	MAILBOX_QUOTED = '"',  /* its span has the quotes */
	MAILBOX_LITERAL = '[', /* and the brackets */
};

struct mailbox_token {
	int kind;
	const char *p;
	size_t n, at; /* at: where in the text */
	bool gap;     /* white space or a comment stood before it */
};

struct mailbox_reader {
	const char *text;
	size_t len, at; /* at: behind the last token */
	bool plain;     /* no MAILBOX_ENCODED: this is no name */
};

/*
 * The next token.  -1 with *err at an unfinished comment, quoted string or
 * domain literal, and at a byte that can begin no token.
 */
int mailbox_token_next(
    struct mailbox_reader *r, struct mailbox_token *t, struct err *err);

/* Fill *err: "at byte N: WHAT expected, found ..."; always -1. */
int mailbox_token_expected(
    const struct mailbox_token *t, const char *what, struct err *err);

/* Is this a byte of an atom? */
bool mailbox_is_atext(char c);

/* A quoted string as it reads: without quotes, backslashes, CR and LF. */
void mailbox_token_unquote(struct str *out, const struct mailbox_token *t);

/*
 * A literal with its brackets, without white space and backslashes.  -1 with
 * *err where it holds what would make it read otherwise: '[', ']', '\'.
 */
int mailbox_token_literal(
    struct str *out, const struct mailbox_token *t, struct err *err);

#endif
