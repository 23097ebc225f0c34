#include "api_calls.h"
#include "api_names.h"
#include "cli.h"
#include "dialect.h"
#include "epoch.h"
#include "log.h"
#include "plain_file.h"
#include "serve.h"
#include "xmalloc.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void
usage(FILE *to)
{
	fputs("usage: kumilter check [--policy FILE] [--scriptlet FILE]... "
	      "[-v]\n"
	      "  -p, --policy FILE  the policy (" POLICY_DEFAULT ")\n"
	      "  -s, --scriptlet F  a policy of Momentum's, as with serve\n"
	      "  -v, --verbose      list handlers and settings too\n"
	      "Loads the policy as serve would, pre_init, init and "
	      "validate_config included.\n",
	    to);
}

struct report {
	const char *policy;
	struct epoch *epoch;
	bool verbose;
	int warnings;
};

static void
on_handler(void *arg, const char *event)
{
	struct report *r = arg;
	const struct api_event *known = api_event_find(event);
	const char *near;

	if (known->kind == API_EVENT_FIRES) {
		if (r->verbose)
			printf("%s: handler %s\n", r->policy, event);
		return;
	}
	r->warnings++;
	if (known->kind == API_EVENT_NEVER) {
		printf("%s: warning: %s never fires in a milter: %s\n",
		    r->policy, event, known->reason);
		return;
	}
	near = api_event_nearest(event);
	if (near != NULL)
		printf("%s: warning: no event is called %s; did you mean "
		       "%s?\n",
		    r->policy, event, near);
	else
		r->warnings--; /* the policy's own event */
}

static void
on_call(void *arg, int line, const char *name)
{
	struct report *r = arg;
	char near[API_CALL_MAX];

	if (epoch_has_name(r->epoch, name, near, sizeof near))
		return;
	r->warnings++;
	printf("%s:%d: warning: there is no %s%s%s%s\n", r->policy, line, name,
	    near[0] != '\0' ? "; did you mean " : "", near,
	    near[0] != '\0' ? "?" : "");
}

static void
on_callout(void *arg, const char *module, const char *callout)
{
	const struct report *r = arg;

	printf("%s: module %s: %s\n", r->policy, module, callout);
}

static void
on_dialect(void *arg, int line, const char *what, const char *rewrite)
{
	printf("%s:%d: error: LuaJIT lacks %s: write %s\n", (const char *)arg,
	    line, what, rewrite);
}

/* "file:line: " at the beginning of a load error. */
static char *
file_of(const char *msg)
{
	size_t n = strcspn(msg, ":\n");

	return msg[n] == ':' && n > 0 ? xmemdup0(msg, n) : NULL;
}

/* Nothing, where it cannot be read. */
static void
read_text(struct str *text, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)plain_file_read(fd, PLAIN_FILE_MAX, text, NULL);
	close(fd);
}

/* Calls of functions that are not there. */
static void
scan_calls(struct report *r)
{
	struct str text = { 0 };

	read_text(&text, r->policy);
	api_calls_scan(str_c(&text), text.len, on_call, r);
	str_fini(&text);
}

/*
 * All of what LuaJIT lacks in this file, not only the first of it.  Of
 * Momentum's Lua it lacks nothing, but the scan would not know.
 */
static int
scan_file(const char *path, const struct epoch_options *o)
{
	struct str text = { 0 };
	int found;

	if (o->n_scriptlets > 0 &&
	    (o->policy == NULL || strcmp(path, o->policy) != 0))
		return 0;
	read_text(&text, path);
	found = dialect_scan(str_c(&text), text.len, on_dialect, (void *)path);
	str_fini(&text);
	return found;
}

static int
report_error(
    const char *policy, const struct epoch_options *o, const struct err *err)
{
	char *file = file_of(err->msg);

	if (file == NULL || scan_file(file, o) == 0)
		if (scan_file(policy, o) == 0)
			printf("%s%s%s\n", file == NULL ? policy : "",
			    file == NULL ? ": error: " : "", err->msg);
	free(file);
	return EX_DATAERR;
}

static void
print_settings(const struct epoch *e)
{
	size_t n;
	const struct settings_row *rows = settings_rows(&n);

	for (size_t i = 0; i < n; i++) {
		char value[64];

		settings_get(&e->settings, rows[i].name, value, sizeof value);
		printf("%s: %s = %s\n", e->policy, rows[i].name, value);
	}
}

static void
look(struct report *r, struct epoch *e, bool has_policy)
{
	r->epoch = e;
	epoch_each_handler(e, on_handler, r);
	if (has_policy)
		scan_calls(r);
	if (r->verbose)
		epoch_each_module(e, on_callout, r);
	if (r->verbose)
		print_settings(e);
	if (r->warnings > 0)
		printf("%s: loads, with %d warning%s\n", r->policy, r->warnings,
		    r->warnings == 1 ? "" : "s");
	else
		printf("%s: ok\n", r->policy);
}

int
cli_check(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "policy", required_argument, NULL, 'p' },
		{ "scriptlet", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct report r = { 0 };
	struct epoch_options o = { .states = 1, .validate = true };
	struct epoch *e;
	const char **scriptlets = NULL;
	struct err err;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "p:s:vh", longs, NULL)) != -1)
		switch (c) {
		case 'p':
			r.policy = optarg;
			break;
		case 's':
			scriptlets = xrealloc(scriptlets,
			    (size_t)(o.n_scriptlets + 1) * sizeof *scriptlets);
			scriptlets[o.n_scriptlets++] = optarg;
			break;
		case 'v':
			r.verbose = true;
			break;
		default:
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? EX_OK : EX_USAGE;
		}
	if (optind < argc)
		r.policy = argv[optind];
	if (r.policy == NULL && o.n_scriptlets == 0)
		r.policy = POLICY_DEFAULT;
	o.policy = r.policy;
	o.scriptlets = scriptlets;
	if (r.policy == NULL)
		r.policy = scriptlets[0];
	log_open(LOG_SINK_STDERR, LOG_LEVEL_INFO);
	e = epoch_load(&o, &err);
	if (e == NULL)
		return report_error(r.policy, &o, &err);
	look(&r, e, o.policy != NULL);
	epoch_unref(e);
	free(scriptlets);
	return EX_OK;
}
