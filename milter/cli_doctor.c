#include "cli.h"
#include "doctor.h"
#include "epoch.h"
#include "listener.h"
#include "log.h"
#include "serve.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

struct options {
	const char *postfix, *sendmail, *mta, *policy, *listen;
};

static int
usage(const char *verb, FILE *to)
{
	fprintf(to,
	    "usage: kumilter %s [options]\n"
	    "%s"
	    "  -p, --policy FILE    the policy (" POLICY_DEFAULT ", if it is "
	    "there)\n"
	    "  -l, --listen SOCKET  the daemon's socket (the policy's)\n",
	    verb,
	    strcmp(verb, "doctor") == 0
		? "      --postfix DIR    its main.cf and master.cf "
		  "(/etc/postfix)\n"
		  "      --sendmail FILE  its sendmail.cf\n"
		: "      --mta MTA        postfix or sendmail\n");
	return to == stdout ? EX_OK : EX_USAGE;
}

/* 0, or what to exit with; EX_OK + 1000: it was --help. */
#define ANSWERED 1000
static int
parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "postfix", required_argument, NULL, 'P' },
		{ "sendmail", required_argument, NULL, 'S' },
		{ "mta", required_argument, NULL, 'm' },
		{ "policy", required_argument, NULL, 'p' },
		{ "listen", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct err err;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "p:l:h", longs, NULL)) != -1)
		switch (c) {
		case 'P':
			o->postfix = optarg;
			break;
		case 'S':
			o->sendmail = optarg;
			break;
		case 'm':
			o->mta = optarg;
			break;
		case 'p':
			o->policy = optarg;
			break;
		case 'l':
			o->listen = optarg;
			if (listener_check(optarg, &err) == 0)
				break;
			fprintf(stderr, "kumilter %s: %s\n", argv[0], err.msg);
			return EX_USAGE;
		case 'h':
			usage(argv[0], stdout);
			return ANSWERED;
		default:
			return usage(argv[0], stderr);
		}
	return optind < argc ? usage(argv[0], stderr) : 0;
}

/* What the policy needs; *e is to be given back.  0, or what to exit with. */
static int
needs_of(struct doctor_needs *needs, const struct options *o, const char *verb,
    struct epoch **e)
{
	struct epoch_options load = { .policy = o->policy, .states = 1 };
	struct settings preset;
	struct err err;

	*e = NULL;
	settings_init(&preset);
	*needs = (struct doctor_needs){ .listen = o->listen,
		.event_timeout = preset.event_timeout,
		.message_timeout = preset.message_timeout };
	if (load.policy == NULL && access(POLICY_DEFAULT, R_OK) == 0)
		load.policy = POLICY_DEFAULT;
	if (load.policy == NULL)
		return 0;
	log_set_level(LOG_LEVEL_ERROR);
	*e = epoch_load(&load, &err);
	if (*e == NULL) {
		fprintf(stderr, "kumilter %s: %s\n", verb, err.msg);
		return EX_DATAERR;
	}
	needs->event_timeout = (*e)->settings.event_timeout;
	needs->message_timeout = (*e)->settings.message_timeout;
	if (needs->listen == NULL)
		needs->listen = (*e)->listen;
	return 0;
}

/* "wrong  FILE:LINE: PARAMETER: what", then why and the lines, indented. */
static void
print(void *arg, const struct doctor_finding *f)
{
	const char *line = f->paste;

	*(bool *)arg = *(bool *)arg || f->kind == DOCTOR_WRONG;
	printf("%s: %s", f->kind == DOCTOR_WRONG ? "wrong" : "risky", f->file);
	if (f->line > 0)
		printf(":%d", f->line);
	printf(": %s: %s\n    %s\n", f->parameter, f->what, f->why);
	while (*line != '\0') {
		int n = (int)strcspn(line, "\n");

		printf("    > %.*s\n", n, line);
		line += n + (line[n] == '\n');
	}
}

int
cli_doctor(int argc, char **argv)
{
	struct options o = { .policy = NULL };
	struct doctor_needs needs;
	struct mta_config c;
	struct epoch *e;
	struct err err;
	bool wrong = false;
	int rc = parse(&o, argc, argv), n;

	if (rc != 0)
		return rc == ANSWERED ? EX_OK : rc;
	if (o.mta != NULL || (o.postfix != NULL && o.sendmail != NULL))
		return usage(argv[0], stderr);
	rc = o.sendmail != NULL
		 ? mta_config_sendmail(&c, o.sendmail, &err)
		 : mta_config_postfix(&c,
		       o.postfix != NULL ? o.postfix : "/etc/postfix", &err);
	if (rc != 0) {
		fprintf(stderr, "kumilter doctor: %s\n", err.msg);
		return EX_UNAVAILABLE;
	}
	rc = needs_of(&needs, &o, argv[0], &e);
	if (rc != 0)
		return rc;
	n = doctor_look(o.sendmail != NULL ? MTA_SENDMAIL : MTA_POSTFIX, &c,
	    &needs, print, &wrong);
	epoch_unref(e);
	if (n == 0)
		printf("%s: nothing to say\n", c.file);
	return n == 0 ? EX_OK : wrong ? EX_CONFIG : 1;
}

int
cli_print_config(int argc, char **argv)
{
	struct options o = { .policy = NULL };
	struct doctor_needs needs;
	struct str out = { 0 };
	struct epoch *e;
	struct err err;
	enum mta mta;
	int rc = parse(&o, argc, argv);

	if (rc != 0)
		return rc == ANSWERED ? EX_OK : rc;
	if (o.mta == NULL || o.postfix != NULL || o.sendmail != NULL)
		return usage(argv[0], stderr);
	if (mta_parse(o.mta, &mta, &err) != 0) {
		fprintf(stderr, "kumilter print-config: %s\n", err.msg);
		return EX_USAGE;
	}
	rc = needs_of(&needs, &o, argv[0], &e);
	if (rc != 0)
		return rc;
	doctor_print_config(&out, mta, &needs);
	fputs(str_c(&out), stdout);
	str_fini(&out);
	epoch_unref(e);
	return EX_OK;
}
