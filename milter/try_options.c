#include "try_options.h"

#include "pretend.h"
#include "serve.h"
#include "xmalloc.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "usage: kumilter try [options] POLICY [MESSAGE]\n"
    "       kumilter try [options] --policy FILE | --scriptlet FILE "
    "[MESSAGE]\n"
    "Plays one SMTP session against a policy and prints what happens.\n"
    "  -p, --policy FILE        the policy (" POLICY_DEFAULT ")\n"
    "      --scriptlet FILE     a policy of Momentum's, again for more\n"
    "      --client ADDR[:PORT] who connects (192.0.2.1:40000)\n"
    "      --name NAME          its verified name (none)\n"
    "      --ptr NAME           the name of its address, not verified\n"
    "      --listener ADDR[:PORT]  to where (192.0.2.25:25)\n"
    "      --mta MTA            postfix or sendmail (postfix)\n"
    "      --host NAME          the MTA's own name (mx.example.test)\n"
    "      --helo NAME          what it says at EHLO (client.example)\n"
    "  -f, --from ADDRESS       the sender; without one, EHLO is the last\n"
    "  -t, --rcpt ADDRESS       a recipient, again for more\n"
    "      --auth USER          logged in as\n"
    "      --tls VERSION[,CIPHER]  TLSv1.3, ...\n"
    "      --macro NAME=VALUE   a macro, instead of the MTA's\n"
    "      --dialogue FILE      what the client says, line by line; - for "
    "stdin\n"
    "      --time TIME          the clock stands there; sleeps move it\n"
    "      --seed N             where math.random() begins\n"
    "      --color WHEN         always, never or auto (auto)\n"
    "      --json               a JSON object for each line\n"
    "      --log-level LEVEL    error, warning, info or debug (info)\n"
    "MESSAGE is a file, or - for stdin.\n"
    "Exit code: 0 taken, 1 refused for good, 75 for now, 65 the policy does "
    "not load.\n";

enum {
	OPT_SCRIPTLET = 256,
	OPT_CLIENT,
	OPT_NAME,
	OPT_PTR,
	OPT_LISTENER,
	OPT_MTA,
	OPT_HOST,
	OPT_HELO,
	OPT_AUTH,
	OPT_TLS,
	OPT_MACRO,
	OPT_DIALOGUE,
	OPT_TIME,
	OPT_SEED,
	OPT_COLOR,
	OPT_JSON,
	OPT_LEVEL
};

static const struct option longs[] = {
	{ "policy", required_argument, NULL, 'p' },
	{ "scriptlet", required_argument, NULL, OPT_SCRIPTLET },
	{ "client", required_argument, NULL, OPT_CLIENT },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "ptr", required_argument, NULL, OPT_PTR },
	{ "listener", required_argument, NULL, OPT_LISTENER },
	{ "mta", required_argument, NULL, OPT_MTA },
	{ "host", required_argument, NULL, OPT_HOST },
	{ "helo", required_argument, NULL, OPT_HELO },
	{ "from", required_argument, NULL, 'f' },
	{ "rcpt", required_argument, NULL, 't' },
	{ "auth", required_argument, NULL, OPT_AUTH },
	{ "tls", required_argument, NULL, OPT_TLS },
	{ "macro", required_argument, NULL, OPT_MACRO },
	{ "dialogue", required_argument, NULL, OPT_DIALOGUE },
	{ "time", required_argument, NULL, OPT_TIME },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "color", required_argument, NULL, OPT_COLOR },
	{ "colour", required_argument, NULL, OPT_COLOR },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "log-level", required_argument, NULL, OPT_LEVEL },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int
take_address(struct ip *ip, int *port, const char *text, struct err *err)
{
	int given;

	if (strcmp(text, "unix") == 0) {
		*ip = (struct ip){ 0 };
		return 0;
	}
	if (ip_parse_port(ip, &given, text, err) != 0)
		return -1;
	if (given != IP_NO_PORT)
		*port = given;
	return 0;
}

static const char **
append(const char **list, size_t n, const char *one)
{
	list = xrealloc(list, (n + 1) * sizeof *list);
	list[n] = one;
	return list;
}

/* "TLSv1.3,TLS_AES_256_GCM_SHA384": the argument is cut at the comma. */
static void
take_tls(struct sim_client *c, char *arg)
{
	char *comma = strchr(arg, ',');

	c->tls_version = arg;
	c->tls_cipher = "TLS_AES_256_GCM_SHA384";
	if (comma != NULL) {
		*comma = '\0';
		c->tls_cipher = comma + 1;
	}
}

/* "i=X" and "daemon_name=X"; a long name is in braces in the protocol. */
static int
take_macro(struct sim_client *c, const char *arg, struct err *err)
{
	const char *eq = strchr(arg, '=');
	struct sim_macro *list = (struct sim_macro *)c->macro;
	size_t n = eq != NULL ? (size_t)(eq - arg) : 0;
	bool bare = n > 1 && arg[0] != '{';

	if (n == 0)
		return err_set(err, "--macro %s: NAME=VALUE expected", arg);
	list = xrealloc(list, (c->n_macros + 1) * sizeof *list);
	list[c->n_macros++] = (struct sim_macro){
		xasprintf(
		    "%s%.*s%s", bare ? "{" : "", (int)n, arg, bare ? "}" : ""),
		eq + 1,
	};
	c->macro = list;
	return 0;
}

static int
take_color(struct try_options *o, const char *arg, struct err *err)
{
	if (strcmp(arg, "auto") == 0)
		return 0;
	o->colour = strcmp(arg, "always") == 0;
	if (!o->colour && strcmp(arg, "never") != 0)
		return err_set(
		    err, "--color %s: always, never or auto expected", arg);
	return 0;
}

static int
take_seed(const char *arg, struct err *err)
{
	char *end;
	long long n = strtoll(arg, &end, 10);

	if (end == arg || *end != '\0')
		return err_set(err, "--seed %s: a number expected", arg);
	pretend_seed(n);
	return 0;
}

/* Plain words. */
static const char **
place_of(struct try_options *o, int c)
{
	switch (c) {
	case 'p':
		return &o->epoch.policy;
	case OPT_NAME:
		return &o->client.name;
	case OPT_PTR:
		return &o->client.ptr;
	case OPT_HOST:
		return &o->client.mta_host;
	case OPT_HELO:
		return &o->helo;
	case 'f':
		return &o->from;
	case OPT_AUTH:
		return &o->client.user;
	case OPT_DIALOGUE:
		return &o->dialogue;
	default:
		return NULL;
	}
}

static int
take(struct try_options *o, int c, char *arg, struct err *err)
{
	const char **place = place_of(o, c);
	struct sim_client *client = &o->client;

	if (place != NULL) {
		*place = arg;
		return 0;
	}
	switch (c) {
	case OPT_SCRIPTLET:
		o->epoch.scriptlets = append((const char **)o->epoch.scriptlets,
		    (size_t)o->epoch.n_scriptlets++, arg);
		return 0;
	case OPT_CLIENT:
		return take_address(&client->ip, &client->port, arg, err);
	case OPT_LISTENER:
		return take_address(
		    &client->local, &client->local_port, arg, err);
	case OPT_MTA:
		return mta_parse(arg, &client->mta, err);
	case 't':
		o->rcpt = append(o->rcpt, o->n_rcpts++, arg);
		return 0;
	case OPT_TLS:
		take_tls(client, arg);
		return 0;
	case OPT_MACRO:
		return take_macro(client, arg, err);
	case OPT_TIME:
		return pretend_time(arg, err);
	case OPT_SEED:
		return take_seed(arg, err);
	case OPT_COLOR:
		return take_color(o, arg, err);
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_LEVEL:
		return log_level_parse(arg, &o->level, err);
	default:
		return err_set(err, "unknown option");
	}
}

/* What stands behind the options; -1: too much. */
static int
take_rest(struct try_options *o, int argc, char **argv)
{
	int at = optind;

	if (o->epoch.policy == NULL && o->epoch.n_scriptlets == 0)
		o->epoch.policy = at < argc ? argv[at++] : POLICY_DEFAULT;
	if (at < argc)
		o->message = argv[at++];
	if (o->client.name != NULL && o->client.ptr == NULL)
		o->client.ptr = o->client.name;
	return at < argc ? -1 : 0;
}

static bool
is_for_eyes(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

int
try_options_parse(struct try_options *o, int argc, char **argv)
{
	struct err err;
	int c;

	*o = (struct try_options){ .helo = "client.example",
		.colour = is_for_eyes(),
		.level = LOG_LEVEL_INFO,
		.epoch = { .states = 1, .prepare = pretend_prepare } };
	sim_client_init(&o->client);
	optind = 1;
	while ((c = getopt_long(argc, argv, "p:f:t:h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return TRY_OPTIONS_DONE;
		}
		if (c != '?' && take(o, c, optarg, &err) == 0)
			continue;
		if (c != '?')
			fprintf(stderr, "kumilter try: %s\n", err.msg);
		else
			fputs("try: kumilter try --help\n", stderr);
		return EX_USAGE;
	}
	if (take_rest(o, argc, argv) != 0) {
		fputs("kumilter try: too many arguments; kumilter try --help\n",
		    stderr);
		return EX_USAGE;
	}
	return 0;
}

void
try_options_fini(struct try_options *o)
{
	for (size_t i = 0; i < o->client.n_macros; i++)
		free((char *)o->client.macro[i].name);
	free((struct sim_macro *)o->client.macro);
	free(o->rcpt);
	free((const char **)o->epoch.scriptlets);
}
