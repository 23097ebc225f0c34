/*
 * edits.h - what an end of message has to carry out
 *
 * The difference between a message as it was received and as the policy left
 * it, as a list in the order in which an MTA is to be told: headers, sender,
 * recipients, body, quarantine.  The glue says each to libmilter; the
 * simulator does what an MTA would do with it.
 */
#ifndef KUMILTER_EDITS_H
#define KUMILTER_EDITS_H

#include "message.h"

enum edit_kind {
	EDIT_DELETE_HEADER, /* index: instance of the name, from 1 */
	EDIT_CHANGE_HEADER, /* the same */
	EDIT_INSERT_HEADER, /* index: see header.h */
	EDIT_ADD_HEADER,    /* below all others */
	EDIT_SENDER,
	EDIT_DELETE_RCPT,
	EDIT_ADD_RCPT,
	EDIT_BODY, /* its new bytes are the message's body */
	EDIT_QUARANTINE,
};

struct edit {
	enum edit_kind kind;
	int index;
	/* A header's name, an address in angle brackets, a reason. */
	const char *name;
	const char *raw; /* of a header, else NULL */
	char *made;      /* what name points to, where nobody else has it */
};

struct edits {
	struct edit *edit;
	size_t n, cap;
};

/* Borrows from the message; edits_fini() frees the list. */
void edits_of(struct edits *list, const struct message *m);
void edits_fini(struct edits *list);

/* "delete header" */
const char *edit_text(enum edit_kind kind);

#endif
