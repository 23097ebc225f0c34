#include "report.h"

#include "mime_body.h"
#include "mime_field.h"
#include "report_field.h"

#include <string.h>
#include <strings.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))
/* of the supplemental trace */
#define TRACE_DEPTH_MAX 30
#define TRACE_SIZE_MAX (1024 * 1024)

static const struct report_row per_message[] = {
	{ "reporting-mta", "reporting_mta", REPORT_MTA, false },
	{ "original-envelope-id", "original_envelope_id", REPORT_TEXT, false },
	{ "dsn-gateway", "dsn_gateway", REPORT_MTA, false },
	{ "received-from-mta", "received_from_mta", REPORT_MTA, false },
	{ "arrival-date", "arrival_date", REPORT_DATE, false },
};

static const struct report_row per_recipient[] = {
	{ "final-recipient", "final_recipient", REPORT_RECIPIENT, false },
	{ "action", "action", REPORT_ACTION, false },
	{ "status", "status", REPORT_STATUS, false },
	{ "original-recipient", "original_recipient", REPORT_RECIPIENT, false },
	{ "remote-mta", "remote_mta", REPORT_MTA, false },
	{ "diagnostic-code", "diagnostic_code", REPORT_DIAGNOSTIC, false },
	{ "last-attempt-date", "last_attempt_date", REPORT_DATE, false },
	{ "final-log-id", "final_log_id", REPORT_TEXT, false },
	{ "will-retry-until", "will_retry_until", REPORT_DATE, false },
};

static const struct report_row feedback[] = {
	{ "feedback-type", "feedback_type", REPORT_TEXT, false },
	{ "user-agent", "user_agent", REPORT_TEXT, false },
	{ "version", "version", REPORT_TEXT, false },
	{ "arrival-date", "arrival_date", REPORT_DATE, false },
	/* RFC 5965 3.2: the name that it had before */
	{ "received-date", "arrival_date", REPORT_DATE, false },
	{ "incidents", "incidents", REPORT_COUNT, false },
	{ "original-envelope-id", "original_envelope_id", REPORT_TEXT, false },
	{ "original-mail-from", "original_mail_from", REPORT_ADDRESS, false },
	{ "reporting-mta", "reporting_mta", REPORT_MTA, false },
	{ "source-ip", "source_ip", REPORT_TEXT, false },
	{ "authentication-results", "authentication_results", REPORT_TEXT,
	    true },
	/* KumoMTA's spelling of the key */
	{ "original-rcpt-to", "original_rcpto_to", REPORT_ADDRESS, true },
	{ "reported-domain", "reported_domain", REPORT_TEXT, true },
	{ "reported-uri", "reported_uri", REPORT_TEXT, true },
};

/* ---- parts -------------------------------------------------------------- */

static bool
is_type(const struct mime_part *part, const char *type)
{
	struct mime_value v;
	bool is = mime_part_value(part, "Content-Type", &v) &&
		  mime_value_is(&v, type);

	mime_value_fini(&v);
	return is;
}

/* The first child that is of one of two types. */
static const struct mime_part *
find_part(
    const struct mime_part *root, const char *type, const char *other_type)
{
	for (size_t i = 0; i < root->n_children; i++)
		if (is_type(root->child[i], type) ||
		    is_type(root->child[i], other_type))
			return root->child[i];
	return NULL;
}

static const struct mime_part *
find_original(const struct mime_part *root)
{
	static const char *const types[] = { "message/rfc822",
		"text/rfc822-headers", "message/global",
		"message/global-headers" };

	for (size_t i = root->n_children; i > 0; i--)
		for (size_t k = 0; k < COUNT(types); k++)
			if (is_type(root->child[i - 1], types[k]))
				return root->child[i - 1];
	return NULL;
}

/* Without its transfer encoding, but in its own charset. */
static void
read_part(struct str *out, const struct mime_part *part)
{
	struct mime_info info;

	mime_info_init(&info, part);
	transfer_decode(out, info.transfer, part->body.p, part->body.len);
	mime_info_fini(&info);
}

/* ---- the original ------------------------------------------------------- */

static void
drop_cr(struct str *s)
{
	size_t to = 0;

	for (size_t i = 0; i < s->len; i++)
		if (s->data[i] != '\r' || i + 1 == s->len ||
		    s->data[i + 1] != '\n')
			s->data[to++] = s->data[i];
	s->len = to;
}

static bool
is_deep(const json_t *value, int depth)
{
	const char *key;
	json_t *item;
	size_t i;

	if (depth == 0)
		return true;
	json_array_foreach (value, i, item)
		if (is_deep(item, depth - 1))
			return true;
	json_object_foreach ((json_t *)value, key, item)
		if (is_deep(item, depth - 1))
			return true;
	return false;
}

/*
 * The object that kumo.apply_supplemental_trace_header wrote into a header:
 * base64 of JSON that has a mark.
 */
static json_t *
read_trace(const struct mime_field *f)
{
	struct str text = { 0 };
	size_t len;
	const char *p = mime_field_value(f, &len), *mark;
	json_t *trace;

	if (len > TRACE_SIZE_MAX)
		return NULL;
	transfer_decode(&text, TRANSFER_BASE64, p, len);
	trace = json_loadb(str_c(&text), text.len, 0, NULL);
	str_fini(&text);
	mark = json_string_value(json_object_get(trace, "_@_"));
	if (mark == NULL || strcmp(mark, "\\_/") != 0 ||
	    is_deep(trace, TRACE_DEPTH_MAX)) {
		json_decref(trace);
		return NULL;
	}
	json_object_del(trace, "_@_");
	return trace;
}

static void
add_trace(json_t *report, const struct str *original)
{
	struct mime_tree *tree = mime_parse(str_c(original), original->len);
	const struct mime_field *f;
	json_t *trace = NULL;
	size_t at = 0;

	while (trace == NULL &&
	       (f = mime_field_next(tree->root, NULL, &at)) != NULL)
		if (strncasecmp(f->line.p, "X-", 2) == 0)
			trace = read_trace(f);
	if (trace != NULL)
		json_object_set_new(report, "supplemental_trace", trace);
	mime_free(tree);
}

static void
add_original(json_t *report, const struct mime_part *root, bool with_trace)
{
	const struct mime_part *part = find_original(root);
	struct str text = { 0 };

	if (part == NULL)
		return;
	read_part(&text, part);
	if (with_trace)
		add_trace(report, &text);
	drop_cr(&text);
	json_object_set_new_nocheck(report, "original_message",
	    json_stringn_nocheck(str_c(&text), text.len));
	str_fini(&text);
}

/* ---- delivery status ---------------------------------------------------- */

static json_t *
new_recipient(json_t *group)
{
	json_t *entry = json_object();

	report_fields_take(entry, group, per_recipient, COUNT(per_recipient));
	json_object_set(entry, "extensions", group);
	return entry;
}

/* The first group; a recipient's, where its fields are among them. */
static json_t *
new_message(json_t *group, json_t *recipients)
{
	json_t *entry = json_object();

	report_fields_take(entry, group, per_message, COUNT(per_message));
	if (json_object_get(group, "final-recipient") != NULL ||
	    json_object_get(group, "original-recipient") != NULL) {
		json_array_append_new(recipients, new_recipient(group));
		json_object_set_new(entry, "extensions", json_object());
	} else {
		json_object_set(entry, "extensions", group);
	}
	return entry;
}

json_t *
report_parse_delivery(const struct mime_part *root)
{
	const struct mime_part *part = NULL;
	struct str text = { 0 };
	struct report_text t = { 0 };
	json_t *report = NULL, *recipients = NULL, *group;

	if (is_type(root, "multipart/report"))
		part = find_part(root, "message/delivery-status",
		    "message/global-delivery-status");
	if (part == NULL)
		return NULL;
	read_part(&text, part);
	t.p = str_c(&text);
	t.end = t.p + text.len;
	while ((group = report_fields_next(&t)) != NULL) {
		if (report == NULL) {
			report = json_object();
			recipients = json_array();
			json_object_set_new(report, "per_message",
			    new_message(group, recipients));
			json_object_set_new(
			    report, "per_recipient", recipients);
		} else {
			json_array_append_new(recipients, new_recipient(group));
		}
		json_decref(group);
	}
	if (report != NULL)
		add_original(report, root, false);
	str_fini(&text);
	return report;
}

/* ---- feedback ----------------------------------------------------------- */

static bool
is_feedback(const struct mime_part *root)
{
	const struct mime_param *type;
	struct mime_value v;
	bool is;

	mime_part_value(root, "Content-Type", &v);
	type = mime_value_get(&v, "report-type");
	is = type != NULL && strcasecmp(type->value, "feedback-report") == 0 &&
	     mime_value_is(&v, "multipart/report");
	mime_value_fini(&v);
	return is;
}

json_t *
report_parse_feedback(const struct mime_part *root)
{
	static const char type[] = "message/feedback-report";
	const struct mime_part *part;
	struct str text = { 0 };
	struct report_text t = { 0 };
	json_t *report = NULL, *group;

	part = is_feedback(root) ? find_part(root, type, type) : NULL;
	if (part == NULL)
		return NULL;
	read_part(&text, part);
	t.p = str_c(&text);
	t.end = t.p + text.len;
	group = report_fields_next(&t);
	if (group != NULL) {
		report = json_object();
		report_fields_take(report, group, feedback, COUNT(feedback));
		json_object_set_new(report, "extensions", group);
		add_original(report, root, true);
	}
	str_fini(&text);
	return report;
}
