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
#include "body.h"
#include "header.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What keeps a message from being shown to the policy. */
enum content_trouble {
	CONTENT_FINE,
	CONTENT_TOO_BIG,          /* past limits.size */
	CONTENT_TOO_MANY_HEADERS, /* past limits.headers or .header_bytes */
	CONTENT_NO_ROOM,          /* its file cannot be written */
};

struct message_limits {
	size_t size;
	size_t headers, header_bytes;
	struct body_limits body;
};

/*
 * As received; counted references, all of one session, but whoever holds the
 * Lua state may be the one to free a copy (state_bury()).
 */
struct content {
	atomic_uint refs;
	struct address sender;
	char *sender_raw;     /* as the MTA wrote it */
	struct address *rcpt; /* the recipients accepted */
	char **rcpt_raw;
	size_t n_rcpt;
	struct headers headers;
	struct body *body;
	size_t size; /* octets of headers and body as on the wire */
	enum content_trouble trouble; /* collected no further */
	struct err why;               /* of CONTENT_NO_ROOM */
	char *queue_id;               /* the MTA's, once it told; or NULL */
	int64_t signed_at; /* t= of all its signatures, all batches'; 0: none */
};

struct signatures; /* signatures.h */

struct message {
	char id[33];
	struct address sender;
	struct address *rcpt;
	size_t n_rcpt;
	json_t *meta; /* object */
	struct content *content;
	struct headers headers;
	struct body *body; /* content's, unless the policy replaced it */
	bool quarantined, discarded;
	char *quarantine_reason;
	struct signatures *signatures; /* NULL: none */
	/* The Lua object that points here, if any: cleared when this ends. */
	void **handle;
	int handle_ref; /* its registry reference; released by state.h */
};

struct message *message_new(const struct address *sender, const char *raw);
void message_free(struct message *m); /* NULL allowed; clears the handle */

/*
 * A copy for one batch: new id, same content, own everything else; recipients
 * are to be added.
 */
struct message *message_copy(const struct message *m);

/* A recipient that the MTA and the policy accepted. */
void message_accept_rcpt(
    struct message *m, const struct address *a, const char *raw);
void message_add_rcpt(struct message *m, const struct address *a);
bool message_has_rcpt(const struct message *m, const struct address *a);
/* Those that were accepted, in their order? */
bool message_has_its_rcpts(const struct message *m);
/* Takes the array of n addresses. */
void message_take_rcpts(struct message *m, struct address *rcpt, size_t n);

/* Collecting; past a limit content->trouble is set and the rest dropped. */
void message_add_header(struct message *m, const char *name, const char *raw,
    const struct message_limits *limits);
void message_add_body(struct message *m, const void *data, size_t len,
    const struct message_limits *limits);
/* Headers are complete: from now on the policy may see and edit them. */
void message_complete(struct message *m);

/* The whole message as it stands now, CRLF line ends; -1 as body_read(). */
int message_write(struct str *out, const struct message *m, struct err *err);
size_t message_size(const struct message *m);

/* The queue that KumoMTA would put it into: campaign:tenant@domain!routing */
void message_queue_name(struct str *out, const struct message *m);

/*
 * Replace everything by this text: what is equal stays as it was received,
 * so that the MTA is told as few changes as possible.  -1 as body_add(): then
 * nothing has changed.
 */
int message_set_data(struct message *m, const char *data, size_t len,
    const struct body_limits *limits, struct err *err);
void message_set_sender(struct message *m, const struct address *a);
void message_remove_rcpt(struct message *m, const struct address *a);

/* Has the policy changed anything that an end of message would carry out? */
bool message_is_edited(const struct message *m);

void message_quarantine(struct message *m, const char *reason, size_t len);

#endif
