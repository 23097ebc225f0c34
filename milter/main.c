#include "cli.h"
#include "cli_explain.h"
#include "serve.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const struct verb {
	const char *name, *help;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "serve", "run the daemon", cli_serve },
	{ "check", "load a policy and say what is wrong with it", cli_check },
	{ "reload", "have the daemon load its policy anew", cli_reload },
	{ "status", "ask the daemon how it is", cli_status },
	{ "record", "have the daemon record its sessions", cli_record },
	{ "trace", "watch sessions as they happen", cli_trace },
	{ "replay", "play recorded sessions against another policy",
	    cli_replay },
	{ "try", "play one session against a policy, without an MTA", cli_try },
	{ "test", "run the tests of policies", cli_test },
	{ "doctor", "what is wrong with how an MTA asks the policy",
	    cli_doctor },
	{ "print-config", "the lines for an MTA's configuration",
	    cli_print_config },
	{ "explain-reply", "what a client will see of a refusal", cli_explain },
};

#define N_VERBS (sizeof verbs / sizeof *verbs)

static int
help(FILE *to)
{
	fputs("usage: kumilter VERB [options]\n", to);
	for (size_t i = 0; i < N_VERBS; i++)
		fprintf(to, "  %-14s %s\n", verbs[i].name, verbs[i].help);
	fputs("  version        print the version\n"
	      "Each verb knows --help; the manual is kumilter(8).\n",
	    to);
	return to == stdout ? EX_OK : EX_USAGE;
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
		puts("kumilter " KUMILTER_VERSION);
		return EX_OK;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0 ||
	    strcmp(name, "-h") == 0)
		return help(stdout);
	for (size_t i = 0; i < N_VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	if (name[0] != '\0')
		fprintf(stderr, "kumilter: no verb \"%s\"\n", name);
	return help(stderr);
}
