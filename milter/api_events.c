#include "api_names.h"

#include <stdint.h>
#include <string.h>

#define DELIVERY "Delivery is the MTA's job."
#define NO_HTTP "A milter has no HTTP server."

static const struct api_event events[] = {
	{ "pre_init", API_EVENT_FIRES, true, NULL },
	{ "init", API_EVENT_FIRES, false, NULL },
	{ "validate_config", API_EVENT_FIRES, true, NULL },
	{ "smtp_server_get_dynamic_parameters", API_EVENT_FIRES, false, NULL },
	{ "smtp_server_connection_accepted", API_EVENT_FIRES, false, NULL },
	{ "smtp_server_ehlo", API_EVENT_FIRES, false, NULL },
	{ "smtp_server_mail_from", API_EVENT_FIRES, false, NULL },
	{ "get_listener_domain", API_EVENT_FIRES, false, NULL },
	{ "smtp_server_rcpt_to", API_EVENT_FIRES, false, NULL },
	{ "milter_data", API_EVENT_FIRES, false, NULL },
	{ "smtp_server_data", API_EVENT_FIRES, false, NULL },
	{ "smtp_server_split_transaction", API_EVENT_FIRES, false, NULL },
	{ "smtp_server_message_received", API_EVENT_FIRES, false, NULL },
	{ "smtp_server_rewrite_response", API_EVENT_FIRES, false, NULL },
	{ "milter_unknown_command", API_EVENT_FIRES, false, NULL },
	{ "milter_abort", API_EVENT_FIRES, false, NULL },
	{ "milter_close", API_EVENT_FIRES, false, NULL },

	{ "smtp_server_auth_plain", API_EVENT_NEVER, false,
	    "AUTH happens in the MTA; conn_meta has its result in authn_id "
	    "and authz_id." },
	{ "smtp_server_message_deferred_inject", API_EVENT_NEVER, false,
	    "A milter judges a message before it is accepted; there is no "
	    "deferred queue." },
	{ "main", API_EVENT_NEVER, false,
	    "It is the entry of a script, and kumilter runs no scripts." },
	{ "http_message_generated", API_EVENT_NEVER, false,
	    "Messages come by SMTP only; a milter has no HTTP injection." },
	{ "http_server_validate_auth_*", API_EVENT_NEVER, false, NO_HTTP },
	{ "get_acl_definition", API_EVENT_NEVER, true, NO_HTTP },
	{ "xfer_message_received", API_EVENT_NEVER, false,
	    "Messages are not transferred between nodes." },
	{ "rebind_message", API_EVENT_NEVER, false,
	    "Queues are the MTA's job." },
	{ "requeue_message", API_EVENT_NEVER, true,
	    "Queues are the MTA's job." },
	{ "get_queue_config", API_EVENT_NEVER, true,
	    "Queues are the MTA's job." },
	{ "spool_message_enumerated", API_EVENT_NEVER, false,
	    "The spool is the MTA's." },
	{ "throttle_insert_ready_queue", API_EVENT_NEVER, true, DELIVERY },
	{ "get_egress_path_config", API_EVENT_NEVER, false, DELIVERY },
	{ "get_egress_pool", API_EVENT_NEVER, false, DELIVERY },
	{ "get_egress_source", API_EVENT_NEVER, false, DELIVERY },
	{ "smtp_client_rewrite_delivery_status", API_EVENT_NEVER, false,
	    DELIVERY },
	{ "should_enqueue_log_record", API_EVENT_NEVER, true,
	    "Log records are not sent as messages: there is no queue." },
	{ "log_disposition_*", API_EVENT_NEVER, false,
	    "Deliveries, of which these tell, are the MTA's job." },
	{ "shutdown_logging", API_EVENT_NEVER, false,
	    "KumoMTA's log hooks do not run in a milter." },
	{ "proxy_*", API_EVENT_NEVER, false,
	    "KumoMTA's proxy is a daemon of its own." },
	{ "tsa_*", API_EVENT_NEVER, false,
	    "KumoMTA's traffic shaping automation is a daemon of its own." },
	{ "kumo.tsa.*", API_EVENT_NEVER, false,
	    "KumoMTA's traffic shaping automation is a daemon of its own." },
};

#define N_EVENTS (sizeof events / sizeof events[0])

static const struct api_event custom = { "*", API_EVENT_CUSTOM, false, NULL };

const struct api_event *
api_events(size_t *n)
{
	*n = N_EVENTS;
	return events;
}

static bool
matches(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	if (pattern[n - 1] == '*')
		return strncmp(pattern, name, n - 1) == 0;
	return strcmp(pattern, name) == 0;
}

const struct api_event *
api_event_find(const char *name)
{
	for (size_t i = 0; i < N_EVENTS; i++)
		if (matches(events[i].name, name))
			return &events[i];
	return &custom;
}

/* ---- what was meant? ---------------------------------------------------- */

#define PREFIX "smtp_server_"
#define NAME_MAX_LEN 64 /* longer than any event's, with room for slips */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

size_t
api_name_distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LEN + 1], n = strlen(b);

	if (n > NAME_MAX_LEN || strlen(a) > NAME_MAX_LEN)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t corner = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			size_t above = row[j + 1];
			size_t other = lower(a[i]) != lower(b[j]);

			row[j + 1] =
			    min3(above + 1, row[j] + 1, corner + other);
			corner = above;
		}
	}
	return row[n];
}

/* "mail_from" and "smtp_server_mail" for smtp_server_mail_from */
static bool
is_part_of(const char *name, const char *event)
{
	size_t n = strlen(name), prefix = strlen(PREFIX);

	if (strncmp(event, PREFIX, prefix) != 0)
		return false;
	return strcmp(name, event + prefix) == 0 ||
	       (n > prefix && strncmp(name, event, n) == 0 && event[n] == '_');
}

const char *
api_event_nearest(const char *name)
{
	size_t len = strlen(name), best = len / 4 < 3 ? len / 4 : 3;
	const char *nearest = NULL;

	if (len > NAME_MAX_LEN ||
	    api_event_find(name)->kind != API_EVENT_CUSTOM)
		return NULL;
	for (size_t i = 0; i < N_EVENTS; i++) {
		size_t d;

		if (events[i].kind != API_EVENT_FIRES)
			continue;
		if (is_part_of(name, events[i].name))
			return events[i].name;
		d = api_name_distance(name, events[i].name);
		if (d < best || (d == best && d > 0 && nearest == NULL)) {
			best = d;
			nearest = events[i].name;
		}
	}
	return nearest;
}
