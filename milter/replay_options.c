#include "replay_options.h"

#include "pretend.h"
#include "xmalloc.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define JOBS_MAX 256

static const char usage[] =
    "usage: kumilter replay [options] --policy NEW FILE\n"
    "Plays the sessions that serve --record wrote against another policy, and\n"
    "says what would change.\n"
    "  -p, --policy NEW     that policy\n"
    "      --scriptlet FILE  one of Momentum's, again for more\n"
    "      --against OLD    compare with this policy, not with the recording\n"
    "      --mta MTA        as if they had come to postfix or sendmail\n"
    "      --only WHAT      sessions to list: changed, all or none (changed)\n"
    "      --details        with diffs of messages, and what policies log\n"
    "      --json           a JSON object for each session, and of all\n"
    "  -j, --jobs N         processes that play (1): each counts for itself\n"
    "      --dns-zones FILE  these are the only names there are, again for "
    "more\n"
    "      --live           ask web servers and Redis, write databases\n"
    "      --seed N         where math.random() begins\n"
    "  -h, --help\n"
    "FILE - is standard input.\n"
    "Exit code: 0 nothing would change, 1 something would, 65 a policy does "
    "not load.\n";

enum {
	OPT_SCRIPTLET = 256,
	OPT_AGAINST,
	OPT_MTA,
	OPT_ONLY,
	OPT_DETAILS,
	OPT_JSON,
	OPT_ZONES,
	OPT_LIVE,
	OPT_SEED
};

static const struct option longs[] = {
	{ "policy", required_argument, NULL, 'p' },
	{ "scriptlet", required_argument, NULL, OPT_SCRIPTLET },
	{ "against", required_argument, NULL, OPT_AGAINST },
	{ "mta", required_argument, NULL, OPT_MTA },
	{ "only", required_argument, NULL, OPT_ONLY },
	{ "details", no_argument, NULL, OPT_DETAILS },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "jobs", required_argument, NULL, 'j' },
	{ "dns-zones", required_argument, NULL, OPT_ZONES },
	{ "live", no_argument, NULL, OPT_LIVE },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int
take_number(const char *name, const char *arg, long long least, long long most,
    long long *n, struct err *err)
{
	char *end;

	*n = strtoll(arg, &end, 10);
	if (end == arg || *end != '\0' || *n < least || *n > most)
		return err_set(err, "--%s %s: a number expected", name, arg);
	return 0;
}

static const char *const *
append(const char *const *list, size_t n, const char *one)
{
	const char **longer =
	    xrealloc((const char **)list, (n + 1) * sizeof *longer);

	longer[n] = one;
	return longer;
}

static int
take_only(struct replay_options *o, const char *arg, struct err *err)
{
	static const char *const words[] = { [REPLAY_CHANGED] = "changed",
		[REPLAY_EACH] = "all",
		[REPLAY_NONE] = "none" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(arg, words[i]) == 0) {
			o->only = (enum replay_only)i;
			return 0;
		}
	return err_set(err, "--only %s: changed, all or none expected", arg);
}

static int
take(struct replay_options *o, int c, const char *arg, struct err *err)
{
	struct replay_policy *p = &o->policy;
	long long n = 0;
	int rc = 0;

	switch (c) {
	case 'p':
		p->epoch.policy = arg;
		break;
	case OPT_SCRIPTLET:
		p->epoch.scriptlets = append(
		    p->epoch.scriptlets, (size_t)p->epoch.n_scriptlets++, arg);
		break;
	case OPT_AGAINST:
		o->against = arg;
		break;
	case OPT_MTA:
		p->how.has_mta = true;
		return mta_parse(arg, &p->how.mta, err);
	case OPT_ONLY:
		return take_only(o, arg, err);
	case OPT_DETAILS:
		o->details = true;
		break;
	case OPT_JSON:
		o->json = true;
		break;
	case 'j':
		rc = take_number("jobs", arg, 1, JOBS_MAX, &n, err);
		o->jobs = (int)n;
		break;
	case OPT_ZONES:
		p->world.zone = append(p->world.zone, p->world.n_zones++, arg);
		break;
	case OPT_LIVE:
		p->world.live = true;
		break;
	case OPT_SEED:
		rc = take_number("seed", arg, INT64_MIN, INT64_MAX, &n, err);
		pretend_seed(n);
		break;
	default:
		return err_set(err, "unknown option");
	}
	return rc;
}

static int
complain(const char *text)
{
	if (text != NULL)
		fprintf(stderr, "kumilter replay: %s\n", text);
	fputs("try: kumilter replay --help\n", stderr);
	return EX_USAGE;
}

int
replay_options_parse(struct replay_options *o, int argc, char **argv)
{
	struct err err;
	int c;

	*o = (struct replay_options){ .jobs = 1,
		.policy = { .epoch = { .states = 1,
				.prepare = replay_world_prepare } } };
	optind = 1;
	while ((c = getopt_long(argc, argv, "p:j:h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return REPLAY_OPTIONS_DONE;
		}
		if (c == '?')
			return complain(NULL);
		if (take(o, c, optarg, &err) != 0)
			return complain(err.msg);
	}
	if (o->policy.epoch.policy == NULL && o->policy.epoch.n_scriptlets == 0)
		return complain("which policy? --policy NEW");
	if (o->policy.world.live && o->policy.world.n_zones > 0)
		return complain("--live asks the DNS: no --dns-zones then");
	if (optind + 1 != argc)
		return complain("one recording expected");
	o->file = argv[optind];
	return 0;
}

void
replay_options_fini(struct replay_options *o)
{
	free((const char **)o->policy.epoch.scriptlets);
	free((const char **)o->policy.world.zone);
}
