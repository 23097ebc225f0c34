/*
 * report.h - what a message reports about others
 *
 * Reads a multipart/report: the delivery status notification of RFC 3464
 * (and 6533) and the abuse report of RFC 5965, as KumoMTA's objects.  The man
 * page kumilter-message(7) has their keys.  KumoMTA refuses a report in which
 * a field is missing or wrong; mail has many of those, so here
 *
 *   a field that is missing              is missing in the object
 *   one that cannot be read, or given
 *   again where one is expected          is in extensions, as text
 *   per-message and per-recipient fields
 *   with no empty line between them      are told apart by their names
 *   the original message                 decoded, with LF line ends; the last,
 *                                        if there are several; any bytes, so
 *                                        not always UTF-8 as JSON has it
 *
 * At most REPORT_FIELDS_MAX fields are read.  Total: any bytes, linear in
 * them.  No state: any thread.  Results are the caller's to json_decref().
 */
#ifndef KUMILTER_REPORT_H
#define KUMILTER_REPORT_H

#include "mime.h"

#include <jansson.h>

/*
 * NULL: not multipart/report, or without a message/delivery-status part that
 * has fields.
 */
json_t *report_parse_delivery(const struct mime_part *root);

/*
 * NULL: not multipart/report with report-type=feedback-report, or without a
 * message/feedback-report part that has fields.
 */
json_t *report_parse_feedback(const struct mime_part *root);

#endif
