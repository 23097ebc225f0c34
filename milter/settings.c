#include "settings.h"

#include "clock.h"
#include "dns_servers.h"
#include "duration.h"
#include "event_name.h"
#include "str.h"
#include "submit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	KIND_DURATION,
	KIND_SIZE,
	KIND_CHOICE,
	KIND_BOOL,
	KIND_INT,
	KIND_FOLDER,
	KIND_COMMAND,
	KIND_SERVERS,
	KIND_EVENTS,
	KIND_SOCKET
};

static const char *const on_error_names[] = {
	[ON_ERROR_DISCONNECT] = "disconnect",
	[ON_ERROR_TEMPFAIL] = "tempfail",
	[ON_ERROR_ACCEPT] = "accept",
	[ON_ERROR_REJECT] = "reject",
	NULL,
};
static const char *const force_names[] = { "code", "drop", NULL };
static const char *const stage_names[] = {
	[STAGE_REJECT_MAIL] = "mail",
	[STAGE_REJECT_RCPT] = "rcpt",
	[STAGE_REJECT_NOW] = "now",
	NULL,
};
static const char *const data_names[] = {
	[DATA_REJECT_EOM] = "eom",
	[DATA_REJECT_NOW] = "now",
	NULL,
};
static const char *const batch_names[] = {
	[BATCH_BIFURCATE] = "BifurcateAlways",
	[BATCH_BY_DOMAIN] = "BatchByDomain",
	[BATCH_ALL_IN_ONE] = "AllInOne",
	NULL,
};

#define AT(field) offsetof(struct settings, field)

static const struct option {
	struct settings_row row;
	enum kind kind;
	size_t at;
	const char *const *choices;
	int64_t min, max;
} options[] = {
	{ { "event_timeout", "duration", "10s",
	      "how long one handler may take, waits included" },
	    KIND_DURATION, AT(event_timeout), NULL, CLOCK_MS, 3600 * CLOCK_S },
	{ { "message_timeout", "duration", "60s",
	      "the same for the handlers at the end of a message, together" },
	    KIND_DURATION, AT(message_timeout), NULL, CLOCK_MS,
	    3600 * CLOCK_S },
	{ { "cpu_limit", "duration", "1s",
	      "CPU time of a handler between two waits" },
	    KIND_DURATION, AT(cpu_limit), NULL, CLOCK_MS, 3600 * CLOCK_S },
	{ { "memory_limit", "size", "64MB", "memory of one Lua state" },
	    KIND_SIZE, AT(memory_limit), NULL, 1 << 20, INT64_C(1) << 36 },
	{ { "message_limit", "size", "64MB",
	      "the largest message that handlers are shown; a larger one is "
	      "refused with 552 5.3.4" },
	    KIND_SIZE, AT(message_limit), NULL, 1024, INT64_C(1) << 36 },
	{ { "message_memory", "size", "1MB",
	      "of a message's body kept in memory; a larger one lives in an "
	      "unlinked file" },
	    KIND_SIZE, AT(message_memory), NULL, 0, INT64_C(1) << 36 },
	{ { "messages_memory", "size", "64MB",
	      "of all bodies in memory together; beyond it those of more than "
	      "16 kB go to their file at once" },
	    KIND_SIZE, AT(messages_memory), NULL, 0, INT64_C(1) << 40 },
	{ { "spool_directory", "absolute path", "/var/tmp",
	      "where those files are" },
	    KIND_FOLDER, AT(spool_directory), NULL, 0, 0 },
	{ { "submit_command", "a command with its absolute path",
	      "/usr/sbin/sendmail -i", "what takes mail that policies send" },
	    KIND_COMMAND, AT(submit_command), NULL, 0, 0 },
	{ { "http_body_limit", "size", "16MB",
	      "the largest body of a response over HTTP" },
	    KIND_SIZE, AT(http_body_limit), NULL, 1024, 1 << 30 },
	{ { "monitor_interval", "duration", "10s",
	      "how often files of kumo.set_config_monitor_globs are looked "
	      "at" },
	    KIND_DURATION, AT(monitor_interval), NULL, CLOCK_MS,
	    24 * 3600 * CLOCK_S },
	{ { "dns_timeout", "duration", "5s",
	      "how long a policy waits for an answer of the DNS" },
	    KIND_DURATION, AT(dns_timeout), NULL, CLOCK_MS, 3600 * CLOCK_S },
	{ { "dns_servers", "'resolv.conf' or addresses with or without a port",
	      "resolv.conf", "whom policies ask in the DNS" },
	    KIND_SERVERS, AT(dns_servers), NULL, 0, 0 },
	{ { "kumomta_quirks", "true or false", "false",
	      "where KumoMTA departs from an RFC, do as it does" },
	    KIND_BOOL, AT(kumomta_quirks), NULL, 0, 0 },
	{ { "metrics_listen", "'none', 'unix:/PATH' or 'inet:PORT@127.0.0.1'",
	      "none", "where numbers are served by HTTP" },
	    KIND_SOCKET, AT(metrics_listen), NULL, 0, 0 },
	{ { "header_count_limit", "1 to 1000000", "2000",
	      "header fields of a message; one with more is refused with "
	      "552 5.3.4" },
	    KIND_INT, AT(header_count_limit), NULL, 1, 1000000 },
	{ { "header_size_limit", "size", "1MB",
	      "the same for the size of all header fields" },
	    KIND_SIZE, AT(header_size_limit), NULL, 1024, 1 << 30 },
	{ { "recipient_limit", "1 to 1000000", "10000",
	      "recipients of a message; further ones get 452 4.5.3" },
	    KIND_INT, AT(recipient_limit), NULL, 1, 1000000 },
	{ { "on_error", "'disconnect', 'tempfail', 'accept' or 'reject'",
	      "disconnect", "what the client gets when a handler fails" },
	    KIND_CHOICE, AT(on_error), on_error_names, 0, 0 },
	{ { "force_disconnect", "'code' or 'drop'", "code",
	      "kumo.disconnect with ForceDisconnect and a code that cannot "
	      "close: keep the code, or change it so that the MTA closes" },
	    KIND_CHOICE, AT(force_disconnect), force_names, 0, 0 },
	{ { "stage_reject", "'mail', 'rcpt' or 'now'", "mail",
	      "when a refusal at connect or HELO reaches the client" },
	    KIND_CHOICE, AT(stage_reject), stage_names, 0, 0 },
	{ { "data_reject", "'eom' or 'now'", "eom",
	      "when a refusal at DATA reaches the client" },
	    KIND_CHOICE, AT(data_reject), data_names, 0, 0 },
	{ { "batch_handling",
	      "'BifurcateAlways', 'BatchByDomain' or "
	      "'AllInOne'",
	      "BifurcateAlways",
	      "how recipients are grouped for smtp_server_message_received" },
	    KIND_CHOICE, AT(batch_handling), batch_names, 0, 0 },
	{ { "enforce_relay", "true or false", "false",
	      "refuse recipients that get_listener_domain and relay_hosts do "
	      "not allow" },
	    KIND_BOOL, AT(enforce_relay), NULL, 0, 0 },
	{ { "dry_run", "true, false or events", "false",
	      "handlers that decide and are not obeyed: what they decided is "
	      "logged and counted, and the mail goes on" },
	    KIND_EVENTS, AT(dry_run), NULL, 0, 0 },
	{ { "dry_run_share", "0 to 100", "0",
	      "percent of the clients, by address, for which dry_run is true" },
	    KIND_INT, AT(dry_run_share), NULL, 0, 100 },
	{ { "compress_records", "true or false", "true",
	      "write the records of kumo.configure_local_logs as zstd, where "
	      "that is built in" },
	    KIND_BOOL, AT(compress_records), NULL, 0, 0 },
	{ { "jit", "true or false", "false",
	      "compile hot Lua code; compiled loops cannot be interrupted, so "
	      "cpu_limit and memory_limit lose their force" },
	    KIND_BOOL, AT(jit), NULL, 0, 0 },
	{ { "strict", "true or false", "false",
	      "a call of a function that has no effect in a milter is an "
	      "error instead of a notice" },
	    KIND_BOOL, AT(strict), NULL, 0, 0 },
	{ { "states", "1 to 1024", "the number of CPUs, at least 2",
	      "Lua states that serve sessions" },
	    KIND_INT, AT(states), NULL, 1, 1024 },
};

#define N_OPTIONS (sizeof options / sizeof *options)

void
settings_init(struct settings *s)
{
	memset(s, 0, sizeof *s);
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (options[i].at != AT(states))
			must(settings_set(s, options[i].row.name,
				 options[i].row.preset, false, NULL) == 0);
}

static int
find_choice(const char *const *choices, const char *value, int *out)
{
	for (int i = 0; choices[i] != NULL; i++)
		if (strcmp(choices[i], value) == 0) {
			*out = i;
			return 0;
		}
	return -1;
}

int
batch_handling_parse(const char *text, int *out, struct err *err)
{
	if (find_choice(batch_names, text, out) == 0)
		return 0;
	return err_set(err,
	    "batch_handling: \"%s\" is none of 'BifurcateAlways', "
	    "'BatchByDomain', 'AllInOne'",
	    text);
}

static int
misfit(const struct option *o, const char *value, struct err *err)
{
	return err_set(err, "%s: \"%s\" is not %s", o->row.name, value,
	    o->kind == KIND_DURATION ? "a duration such as '10s' or '500ms'"
	    : o->kind == KIND_SIZE   ? "a size such as '64MB'"
				     : o->row.form);
}

/* A number from Lua: seconds for a duration, bytes for a size. */
static int
number(const struct option *o, const char *value, int64_t *out)
{
	char *end;
	double d = strtod(value, &end);

	if (*end != '\0' || !isfinite(d) || d < 0 || d > 1e18)
		return -1;
	if (o->kind == KIND_DURATION) {
		if (d > 1e9)
			return -1;
		*out = (int64_t)(d * (double)CLOCK_S);
		return 0;
	}
	*out = (int64_t)d;
	return (double)*out == d ? 0 : -1;
}

/* "0.5s": ours alone; KumoMTA's durations are whole numbers. */
static int
fraction(const char *value, int64_t *out)
{
	char *unit, one[32];
	double d = strtod(value, &unit);
	int64_t each;

	snprintf(one, sizeof one, "1%s", unit);
	if (unit == value || !(d >= 0 && d < 1e9) ||
	    duration_parse(one, &each, NULL) != 0 || d * (double)each > 9e18)
		return -1;
	*out = (int64_t)(d * (double)each);
	return 0;
}

static int
measure(const struct option *o, const char *value, bool is_number, int64_t *out)
{
	size_t size;

	if (is_number || o->kind == KIND_INT)
		return number(o, value, out);
	if (o->kind == KIND_DURATION)
		return duration_parse(value, out, NULL) == 0
			   ? 0
			   : fraction(value, out);
	if (size_parse(value, &size, NULL) != 0 || size > INT64_MAX)
		return -1;
	*out = (int64_t)size;
	return 0;
}

static int
set_measure(struct settings *s, const struct option *o, const char *value,
    bool is_number, struct err *err)
{
	char *field = (char *)s + o->at;
	int64_t n;

	if (measure(o, value, is_number, &n) != 0)
		return misfit(o, value, err);
	if (n < o->min || n > o->max) {
		struct str range = { 0 };

		if (o->kind == KIND_DURATION) {
			duration_format(&range, o->min);
			str_adds(&range, " to ");
			duration_format(&range, o->max);
		} else {
			str_addf(&range, "%lld to %lld", (long long)o->min,
			    (long long)o->max);
		}
		err_set(err, "%s: %s is out of range (%s)", o->row.name, value,
		    str_c(&range));
		str_fini(&range);
		return -1;
	}
	if (o->kind == KIND_DURATION)
		*(int64_t *)(void *)field = n;
	else if (o->kind == KIND_SIZE)
		*(size_t *)(void *)field = (size_t)n;
	else
		*(int *)(void *)field = (int)n;
	return 0;
}

static int
set_servers(struct settings *s, const struct option *o, const char *value,
    struct err *err)
{
	struct str list = { 0 };
	struct err why;
	int rc = dns_servers_parse(&list, value, &why);

	if (rc == 0 && list.len >= sizeof s->dns_servers)
		rc = err_set(&why, "the list is too long");
	if (rc == 0)
		strcpy(s->dns_servers, str_c(&list));
	else
		err_set(err, "%s: %s: %s expected", o->row.name, why.msg,
		    o->row.form);
	str_fini(&list);
	return rc;
}

_Static_assert(EVENT_COUNT < 32, "dry_run has a bit for each event");

/* "true", "false", or names of events, blanks between them */
static int
set_events(
    uint32_t *out, const struct option *o, const char *value, struct err *err)
{
	uint32_t bits = 0;

	if (strcmp(value, "true") == 0) {
		*out = DRY_RUN_ALL;
		return 0;
	}
	if (strcmp(value, "false") == 0) {
		*out = 0;
		return 0;
	}
	for (const char *at = value; *at != '\0'; at += strspn(at, " ")) {
		size_t n = strcspn(at, " ");
		int e = 0;

		while (e < EVENT_COUNT &&
		       (strlen(event_name((enum event_name)e)) != n ||
			   strncmp(event_name((enum event_name)e), at, n) != 0))
			e++;
		if (e == EVENT_COUNT)
			return err_set(err,
			    "%s: \"%.*s\" is no event of a session; true, "
			    "false, or an array of events expected",
			    o->row.name, (int)(n < 100 ? n : 100), at);
		bits |= UINT32_C(1) << e;
		at += n;
	}
	*out = bits;
	return 0;
}

/* Of a form that exporter.h takes; whether it can be had shows later. */
static bool
is_socket(const char *value)
{
	static const char *const forms[] = { "unix:/", "local:/",
		"inet:", "inet6:" };

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if (strncmp(value, forms[i], strlen(forms[i])) == 0)
			return true;
	return strcmp(value, "none") == 0;
}

static const struct option *
find_option(const char *key, struct err *err)
{
	struct str known = { 0 };

	for (size_t i = 0; i < N_OPTIONS; i++)
		if (strcmp(options[i].row.name, key) == 0)
			return &options[i];
	for (size_t i = 0; i < N_OPTIONS; i++)
		str_addf(
		    &known, "%s%s", i != 0 ? ", " : "", options[i].row.name);
	err_set(err,
	    "\"%s\" is no option of kumo.milter.configure; there are %s", key,
	    str_c(&known));
	str_fini(&known);
	return NULL;
}

int
settings_set(struct settings *s, const char *key, const char *value,
    bool is_number, struct err *err)
{
	const struct option *o = find_option(key, err);
	char *field;

	if (o == NULL)
		return -1;
	field = (char *)s + o->at;
	switch (o->kind) {
	case KIND_CHOICE:
		if (find_choice(o->choices, value, (int *)(void *)field) != 0)
			return misfit(o, value, err);
		return 0;
	case KIND_EVENTS:
		return set_events((uint32_t *)(void *)field, o, value, err);
	case KIND_FOLDER:
		if (value[0] != '/' ||
		    strlen(value) >= sizeof s->spool_directory)
			return misfit(o, value, err);
		strcpy(field, value);
		return 0;
	case KIND_COMMAND:
		if (submit_check_command(value, NULL) != 0)
			return misfit(o, value, err);
		strcpy(field, value);
		return 0;
	case KIND_SERVERS:
		return set_servers(s, o, value, err);
	case KIND_SOCKET:
		if (!is_socket(value) ||
		    strlen(value) >= sizeof s->metrics_listen)
			return misfit(o, value, err);
		strcpy(field, value);
		return 0;
	case KIND_BOOL:
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			return misfit(o, value, err);
		*(bool *)(void *)field = value[0] == 't';
		return 0;
	default:
		return set_measure(s, o, value, is_number, err);
	}
}

static void
add_events(struct str *out, uint32_t bits)
{
	if (bits == 0 || bits == DRY_RUN_ALL) {
		str_adds(out, bits != 0 ? "true" : "false");
		return;
	}
	for (int e = 0; e < EVENT_COUNT; e++)
		if (bits >> e & 1)
			str_addf(out, "%s%s", out->len != 0 ? " " : "",
			    event_name((enum event_name)e));
}

void
settings_get(const struct settings *s, const char *key, char *out, size_t size)
{
	const struct option *o = find_option(key, NULL);
	const char *field;
	struct str text = { 0 };

	must(o != NULL);
	field = (const char *)s + o->at;
	switch (o->kind) {
	case KIND_CHOICE:
		str_adds(&text, o->choices[*(const int *)(const void *)field]);
		break;
	case KIND_BOOL:
		str_adds(&text, *(const bool *)field ? "true" : "false");
		break;
	case KIND_DURATION:
		duration_format(&text, *(const int64_t *)(const void *)field);
		break;
	case KIND_SIZE:
		str_addf(&text, "%zu", *(const size_t *)(const void *)field);
		break;
	case KIND_INT:
		if (o->at == AT(states) && s->states == 0)
			str_adds(&text, o->row.preset);
		else
			str_addf(
			    &text, "%d", *(const int *)(const void *)field);
		break;
	case KIND_EVENTS:
		add_events(&text, *(const uint32_t *)(const void *)field);
		break;
	case KIND_FOLDER:
	case KIND_COMMAND:
	case KIND_SERVERS:
	case KIND_SOCKET:
		str_adds(&text, field);
		break;
	}
	snprintf(out, size, "%s", str_c(&text));
	str_fini(&text);
}

const struct settings_row *
settings_rows(size_t *n)
{
	static struct settings_row rows[N_OPTIONS];

	for (size_t i = 0; i < N_OPTIONS; i++)
		rows[i] = options[i].row;
	*n = N_OPTIONS;
	return rows;
}
