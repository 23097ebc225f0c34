/*
 * sim_mail.h - a message as an MTA has it
 *
 * What a client sent, kept as an MTA keeps it: envelope, header fields in
 * their order, body.  Edits are done to it one by one, each as the MTAs do
 * it, so that what comes out is what would be delivered.
 */
#ifndef KUMILTER_SIM_MAIL_H
#define KUMILTER_SIM_MAIL_H

#include "edits.h"
#include "str.h"

struct sim_field {
	char *name, *raw; /* raw: with its leading space, lines by '\n' */
};

struct sim_mail {
	char *sender; /* "<a@b>", as the client wrote it */
	char **rcpt;
	size_t n_rcpts;
	struct sim_field *field;
	size_t n_fields;
	struct str body;  /* CRLF line ends */
	char *quarantine; /* the reason; NULL: is not held */
};

void sim_mail_fini(struct sim_mail *m); /* becomes an empty one */
void sim_mail_copy(struct sim_mail *to, const struct sim_mail *from);
void sim_mail_sender(struct sim_mail *m, const char *address);
void sim_mail_add_rcpt(struct sim_mail *m, const char *address);

void sim_mail_add_field(struct sim_mail *m, const char *name, const char *raw);

/* Headers and body from a text with any line ends. */
void sim_mail_read(struct sim_mail *m, const char *data, size_t len);
void sim_mail_write(struct str *out, const struct sim_mail *m);

/* body: the message's, for EDIT_BODY. */
void sim_mail_edit(
    struct sim_mail *m, const struct edit *e, const struct body *body);

#endif
