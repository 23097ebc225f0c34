/*
 * record.h - what became of a message or a command, as one line of JSON
 *
 * KumoMTA's log record: the fields that a milter knows, null or empty for the
 * rest.  Texts of clients are UTF-8 in it, whatever they were, and no line
 * break is left in a reply.  A leaf.
 */
#ifndef KUMILTER_RECORD_H
#define KUMILTER_RECORD_H

#include "header.h"
#include "record_options.h"

#define RECORD_UUID 37 /* bytes of one as text */

struct record {
	enum record_type type;
	const char *id;     /* of the message, or "" */
	const char *sender; /* "" where there is none */
	const char *const *rcpt;
	size_t n_rcpt; /* one is a text, several are an array */
	const char *queue;
	size_t size;

	int code;
	const char *enhanced;           /* "5.7.1" or "" */
	const char *content;            /* of the reply */
	const char *verb, *argument;    /* of the command; NULL: none */
	const char *helo, *peer;        /* peer NULL: not known */
	int64_t time, created;          /* ns since 1970 */
	const char *reception_protocol; /* NULL: null */
	const json_t *meta, *headers;   /* objects, or NULL */
	const char *node, *session;     /* UUIDs */
	const char *tls_cipher, *tls_protocol_version; /* NULL: left out */
	const json_t *tls_subject;                     /* the same */
};

/* One object of JSON, without a line break. */
void record_write(struct str *out, const struct record *r);

/* Those that the names choose, of which one may end in "*": an object. */
json_t *record_pick_meta(const json_t *names, const json_t *meta);
json_t *record_pick_headers(const json_t *names, const struct headers *h);

/*
 * One that is this machine's, the same each time, but does not give its
 * machine-id away; and one for a session's id of 16 digits.
 */
void record_node(char out[RECORD_UUID]);
void record_session(char out[RECORD_UUID], const char *id, const char *node);

/* When a version 1 UUID without dashes was made, ns since 1970. */
int64_t record_created(const char id[33]);

#endif
