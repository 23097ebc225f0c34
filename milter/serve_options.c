#include "serve_options.h"

#include "clock.h"
#include "control.h"
#include "duration.h"
#include "recording.h"
#include "serve.h"
#include "xmalloc.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char usage[] =
    "usage: kumilter serve [options]\n"
    "  -p, --policy FILE       the policy (" POLICY_DEFAULT ")\n"
    "      --scriptlet FILE    a policy of Momentum's, again for more; alone "
    "or behind\n"
    "                          that of --policy\n"
    "  -l, --listen SOCKET     unix:/PATH, inet:PORT[@HOST],\n"
    "                          inet6:PORT[@HOST] or fd:N\n"
    "                          (" SOCKET_DEFAULT ")\n"
    "  -u, --user USER         run as this user (kumilter, if started as "
    "root)\n"
    "      --socket-mode MODE  of a unix socket, octal (0660)\n"
    "      --socket-group G    group of a unix socket\n"
    "      --pidfile FILE      write the process's number there\n"
    "      --control PATH      control socket, or none\n"
    "                          (" CONTROL_DEFAULT ")\n"
    "      --metrics SOCKET    serve numbers by HTTP: unix:/PATH or "
    "inet:PORT@127.0.0.1\n"
    "      --metrics-public    that address may be one that others reach\n"
    "      --log SINK          stderr, syslog or json (stderr)\n"
    "      --log-level LEVEL   error, warning, info or debug (info)\n"
    "      --states N          Lua states (the policy's, or one per CPU)\n"
    "      --drain-timeout T   how long open sessions may go on after "
    "SIGTERM (60s)\n"
    "      --load-timeout T    how long a policy may take to load (30s)\n"
    "      --record FILE       record sessions for kumilter replay\n"
    "      --record-max SIZE   ... until FILE is that large "
    "(" RECORDING_MAX_DEFAULT ")\n"
    "      --record-bodies B   of bodies: none, SIZE of each, or all (none)\n"
    "      --record-redact LIST  addresses, subject, header:NAME\n"
    "      --require-tests DIR serve and reload only if these tests pass\n"
    "  -h, --help\n"
    "Runs in the foreground.  SIGHUP reloads the policy, SIGTERM stops.\n";

enum {
	OPT_MODE = 256,
	OPT_GROUP,
	OPT_PIDFILE,
	OPT_CONTROL,
	OPT_METRICS,
	OPT_METRICS_PUBLIC,
	OPT_LOG,
	OPT_LEVEL,
	OPT_STATES,
	OPT_DRAIN,
	OPT_LOAD,
	OPT_TESTS,
	OPT_SCRIPTLET,
	OPT_RECORD,
	OPT_RECORD_MAX,
	OPT_RECORD_BODIES,
	OPT_RECORD_REDACT
};

static const struct option longs[] = {
	{ "policy", required_argument, NULL, 'p' },
	{ "scriptlet", required_argument, NULL, OPT_SCRIPTLET },
	{ "listen", required_argument, NULL, 'l' },
	{ "user", required_argument, NULL, 'u' },
	{ "socket-mode", required_argument, NULL, OPT_MODE },
	{ "socket-group", required_argument, NULL, OPT_GROUP },
	{ "pidfile", required_argument, NULL, OPT_PIDFILE },
	{ "control", required_argument, NULL, OPT_CONTROL },
	{ "metrics", required_argument, NULL, OPT_METRICS },
	{ "metrics-public", no_argument, NULL, OPT_METRICS_PUBLIC },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "log-level", required_argument, NULL, OPT_LEVEL },
	{ "states", required_argument, NULL, OPT_STATES },
	{ "drain-timeout", required_argument, NULL, OPT_DRAIN },
	{ "load-timeout", required_argument, NULL, OPT_LOAD },
	{ "record", required_argument, NULL, OPT_RECORD },
	{ "record-max", required_argument, NULL, OPT_RECORD_MAX },
	{ "record-bodies", required_argument, NULL, OPT_RECORD_BODIES },
	{ "record-redact", required_argument, NULL, OPT_RECORD_REDACT },
	{ "require-tests", required_argument, NULL, OPT_TESTS },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int
whole_number(
    const char *text, int base, long lo, long hi, long *out, struct err *err)
{
	char *end;

	*out = strtol(text, &end, base);
	if (end == text || *end != '\0' || *out < lo || *out > hi)
		return err_set(err,
		    base == 8 ? "\"%s\": an octal mode from %lo to %lo expected"
			      : "\"%s\": a number from %ld to %ld expected",
		    text, lo, hi);
	return 0;
}

static void
append(const char ***list, int *n, const char *arg)
{
	*list = xrealloc(*list, (size_t)(*n + 1) * sizeof **list);
	(*list)[(*n)++] = arg;
}

/* Those of the recording. */
static int
take_record(struct serve_options *o, int c, const char *arg, struct err *err)
{
	struct redaction unused;

	switch (c) {
	case OPT_RECORD:
		o->record = arg;
		return 0;
	case OPT_RECORD_MAX:
		return size_parse(arg, &o->record_max, err);
	case OPT_RECORD_BODIES:
		return recording_body_parse(arg, &o->record_bodies, err);
	case OPT_RECORD_REDACT:
		o->record_redact = arg;
		if (redaction_parse(&unused, arg, err) != 0)
			return -1;
		redaction_fini(&unused);
		return 0;
	default:
		return err_set(err, "unknown option");
	}
}

static int
take(struct serve_options *o, int c, const char *arg, struct err *err)
{
	long n = 0;
	int rc = 0;

	switch (c) {
	case 'p':
		o->policy = arg;
		break;
	case 'l':
		o->listen = arg;
		return listener_check(arg, err);
	case 'u':
		o->user = arg;
		break;
	case OPT_MODE:
		rc = whole_number(arg, 8, 0, 0777, &n, err);
		o->socket_mode = (mode_t)n;
		break;
	case OPT_GROUP:
		o->socket_group = arg;
		break;
	case OPT_PIDFILE:
		o->pidfile = arg;
		break;
	case OPT_CONTROL:
		o->control = strcmp(arg, "none") == 0 ? NULL : arg;
		o->control_given = true;
		break;
	case OPT_METRICS:
		o->metrics = arg;
		return strcmp(arg, "none") == 0 ? 0 : listener_check(arg, err);
	case OPT_METRICS_PUBLIC:
		o->metrics_public = true;
		break;
	case OPT_LOG:
		return log_sink_parse(arg, &o->log, err);
	case OPT_LEVEL:
		return log_level_parse(arg, &o->level, err);
	case OPT_STATES:
		rc = whole_number(arg, 10, 1, 1024, &n, err);
		o->states = (int)n;
		break;
	case OPT_DRAIN:
		return duration_parse(arg, &o->drain, err);
	case OPT_SCRIPTLET:
		append(&o->scriptlets, &o->n_scriptlets, arg);
		break;
	case OPT_TESTS:
		append(&o->tests, &o->n_tests, arg);
		break;
	case OPT_LOAD:
		return duration_parse(arg, &o->load_timeout, err);
	default:
		return take_record(o, c, arg, err);
	}
	return rc;
}

int
serve_options_parse(struct serve_options *o, int argc, char **argv)
{
	struct err err;
	int c, at = 0;

	*o = (struct serve_options){ .control = CONTROL_DEFAULT,
		.log = LOG_SINK_STDERR,
		.level = LOG_LEVEL_INFO,
		.drain = 60 * CLOCK_S,
		.load_timeout = 30 * CLOCK_S,
		.socket_mode = 0660 };
	optind = 1;
	while ((c = getopt_long(argc, argv, "p:l:u:h", longs, &at)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return SERVE_OPTIONS_DONE;
		}
		if (c == '?') {
			fputs("try: kumilter serve --help\n", stderr);
			return EX_USAGE;
		}
		if (take(o, c, optarg, &err) != 0) {
			fprintf(stderr, "kumilter serve: %s\n", err.msg);
			return EX_USAGE;
		}
	}
	if (o->policy == NULL && o->n_scriptlets == 0)
		o->policy = POLICY_DEFAULT;
	if (optind < argc) {
		fprintf(stderr,
		    "kumilter serve: \"%s\": no argument expected; the policy "
		    "is given with --policy\n",
		    argv[optind]);
		return EX_USAGE;
	}
	return 0;
}
