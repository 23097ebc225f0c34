/*
 * report_field.h - the fields of a report about mail
 *
 * message/delivery-status (RFC 3464) and message/feedback-report (RFC 5965)
 * hold groups of fields with empty lines between them.  A group becomes an
 * object; report_fields_take() moves those fields that it knows out of it.
 *
 *   names      in lower case, as in KumoMTA: "x-postfix-queue-id"
 *   values     unfolded, decoded (header_text.h), UTF-8
 *   a line     that is no field and no fold belongs to the field before it:
 *              mail programs break long diagnostics anywhere
 *   empty      lines of only white space are that
 *
 * Total: any bytes, linear in them.  No state: any thread.
 */
#ifndef KUMILTER_REPORT_FIELD_H
#define KUMILTER_REPORT_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* In one report; what comes behind is not read. */
#define REPORT_FIELDS_MAX 10000

struct report_text {
	const char *p, *end;
	size_t n_fields; /* read so far */
};

/*
 * The next group that has fields, { name = { value, ... } }, or NULL: there is
 * none.  The caller's to json_decref().
 */
json_t *report_fields_next(struct report_text *t);

enum report_kind {
	REPORT_TEXT,
	REPORT_MTA,        /* "dns; name": { mta_type, name } */
	REPORT_RECIPIENT,  /* "rfc822; a@b": { recipient_type, recipient } */
	REPORT_DIAGNOSTIC, /* "smtp; 550 no": { diagnostic_type, diagnostic } */
	REPORT_ACTION,     /* in lower case; one of RFC 3464's five */
	REPORT_STATUS,     /* "5.1.1 no": { class, subject, detail, comment } */
	REPORT_DATE,       /* RFC 3339, UTC */
	REPORT_COUNT,
	REPORT_ADDRESS, /* without angle brackets */
};

struct report_row {
	const char *field, *key;
	enum report_kind kind;
	bool list; /* all of that name, as an array, also where there is none */
};

/*
 * Move the fields of these rows from a group to *to, under their keys.  What
 * cannot be read as its kind stays in the group as text, and so does what is
 * given again where one is expected.
 */
void report_fields_take(
    json_t *to, json_t *group, const struct report_row *rows, size_t n);

#endif
