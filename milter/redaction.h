/*
 * redaction.h - what a recording of sessions is not to tell
 *
 * Before the '@' of each address stands something else: "u" and 16 digits of
 * a keyed hash, whatever the case of its letters, so that equal ones stay
 * equal within one recording and nobody can guess them without its key, which
 * is kept nowhere.  Postmasters stay who they are.  Header fields are left out
 * by name.
 *
 * A struct redaction that is all zero redacts nothing.  Made once, then only
 * read: any thread.
 */
#ifndef KUMILTER_REDACTION_H
#define KUMILTER_REDACTION_H

#include "err.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

#define REDACTION_KEY 32

struct redaction {
	bool addresses;
	char **header; /* names */
	size_t n_headers;
	unsigned char key[REDACTION_KEY];
};

/*
 * "addresses,subject,header:x-user", "none": commas between them; "subject"
 * is short for "header:subject".  -1 with *err, which names the word, or says
 * that nothing here can hash.
 */
int redaction_parse(struct redaction *r, const char *list, struct err *err);
void redaction_fini(struct redaction *r);
bool redaction_is_any(const struct redaction *r);

/* Append the text, its addresses made unknown. */
void redaction_text(
    struct str *out, const struct redaction *r, const char *p, size_t n);
/* The same where all of it is an address, or a user's name. */
void redaction_user(
    struct str *out, const struct redaction *r, const char *p, size_t n);
/* Is this field's value to be left out? */
bool redaction_header(const struct redaction *r, const char *name);

#endif
