/*
 * message.h - one message on its way through the policy
 *
 * Born with MAIL, it collects recipients, headers and body and ends with the
 * transaction.  What was received (struct content) is never changed and is
 * shared by the copies that batches are given; each copy has its own header
 * list, envelope and metadata.  Edits are only recorded here: the glue carries
 * out the difference at the end of the message.
 *
 * No locks: a message belongs to its session.
 */
#ifndef KUMILTER_MESSAGE_H
#define KUMILTER_MESSAGE_H

#include "address.h"
#include "header.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

/*
 * As received; counted references, all of one session, but whoever holds the
 * Lua state may be the one to free a copy (state_bury()).
 */
struct content {
	atomic_uint refs;
	struct address *rcpt; /* the recipients accepted */
	char **rcpt_raw;      /* and how the MTA wrote them */
	size_t n_rcpt;
	struct headers headers;
	struct str body;
	size_t size;  /* octets of headers and body as on the wire */
	bool too_big; /* past the limit: collected no further */
};

struct message {
	char id[33];
	struct address sender;
	struct address *rcpt;
	size_t n_rcpt;
	json_t *meta; /* object */
	struct content *content;
	struct headers headers;
	bool quarantined;
	char *quarantine_reason;
	/* The Lua object that points here, if any: cleared when this ends. */
	void **handle;
	int handle_ref; /* its registry reference; released by state.h */
};

struct message *message_new(const struct address *sender);
void message_free(struct message *m); /* NULL allowed; clears the handle */

/* A copy for one batch: new id, same content, own everything else. */
struct message *message_copy(const struct message *m);

/* A recipient that the MTA and the policy accepted. */
void message_accept_rcpt(struct message *m, const struct address *a,
    const char *raw);
void message_add_rcpt(struct message *m, const struct address *a);
bool message_has_rcpt(const struct message *m, const struct address *a);
/* Takes the array of n addresses. */
void message_take_rcpts(struct message *m, struct address *rcpt, size_t n);

/* Collecting; limit: bytes, past which content->too_big is set. */
void message_add_header(struct message *m, const char *name, const char *raw,
    size_t limit);
void message_add_body(struct message *m, const void *data, size_t len,
    size_t limit);
/* Headers are complete: from now on the policy may see and edit them. */
void message_complete(struct message *m);

/* The whole message as it stands now, CRLF line ends. */
void message_write(struct str *out, const struct message *m);

/* Has the policy changed anything that an end of message would carry out? */
bool message_is_edited(const struct message *m);

void message_quarantine(struct message *m, const char *reason, size_t len);

#endif
