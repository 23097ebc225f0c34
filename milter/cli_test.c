#include "cli.h"
#include "clock.h"
#include "duration.h"
#include "test_files.h"
#include "test_report.h"
#include "xmalloc.h"

#include <errno.h>
#include <getopt.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "usage: kumilter test [options] [FOLDER | FILE]...\n"
    "Runs the tests of policies in all files named *_test.lua (those below the "
    "current\n"
    "folder).\n"
    "  -p, --policy FILE     the policy, whatever the tests say\n"
    "      --scriptlet FILE  a policy of Momentum's, again for more\n"
    "  -f, --filter REGEX    only tests whose \"file: name\" it matches\n"
    "  -j, --jobs N          so many at once (one per CPU)\n"
    "      --junit FILE      write JUnit's XML there\n"
    "      --coverage        say which lines of the policy ran\n"
    "      --lcov FILE       write that for lcov and genhtml\n"
    "      --timeout T       how long one test may take (60s)\n"
    "      --log-level L     what of the log tests see (debug)\n"
    "  -l, --list            the names of the tests, and run none\n"
    "  -q, --quiet           only tests that fail\n"
    "Prints TAP.  Exit code: 0 all pass, 1 one does not, 66 there is none.\n";

enum {
	OPT_SCRIPTLET = 256,
	OPT_JUNIT,
	OPT_COVERAGE,
	OPT_LCOV,
	OPT_TIMEOUT,
	OPT_LEVEL
};

static const struct option longs[] = {
	{ "policy", required_argument, NULL, 'p' },
	{ "scriptlet", required_argument, NULL, OPT_SCRIPTLET },
	{ "filter", required_argument, NULL, 'f' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "junit", required_argument, NULL, OPT_JUNIT },
	{ "coverage", no_argument, NULL, OPT_COVERAGE },
	{ "lcov", required_argument, NULL, OPT_LCOV },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "log-level", required_argument, NULL, OPT_LEVEL },
	{ "list", no_argument, NULL, 'l' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct options {
	struct test_host_options host;
	const char **scriptlets;
	const char *junit, *lcov;
	bool list, quiet, coverage, filtered;
	regex_t filter;
	long jobs;
	int64_t timeout;
};

struct tests {
	const struct options *o;
	struct test_files files;
	struct test_host **host; /* of each file; NULL: did not load */
	struct test_job *job;
	size_t n, failed;
};

static int
take(struct options *o, int c, const char *arg, struct err *err)
{
	char *end;

	switch (c) {
	case 'p':
		o->host.policy = arg;
		return 0;
	case OPT_SCRIPTLET:
		o->scriptlets = xrealloc(o->scriptlets,
		    (size_t)(o->host.n_scriptlets + 1) * sizeof *o->scriptlets);
		o->scriptlets[o->host.n_scriptlets++] = arg;
		o->host.scriptlets = o->scriptlets;
		return 0;
	case 'f':
		if (o->filtered)
			return err_set(err, "--filter is given twice");
		if (regcomp(&o->filter, arg, REG_EXTENDED | REG_NOSUB) != 0)
			return err_set(
			    err, "--filter %s: no regular expression", arg);
		o->filtered = true;
		return 0;
	case 'j':
		o->jobs = strtol(arg, &end, 10);
		if (*end != '\0' || o->jobs < 1 || o->jobs > 256)
			return err_set(err, "--jobs %s: 1 to 256", arg);
		return 0;
	case OPT_JUNIT:
		o->junit = arg;
		return 0;
	case OPT_LCOV:
		o->lcov = arg;
		return 0;
	case OPT_TIMEOUT:
		return duration_parse(arg, &o->timeout, err);
	case OPT_LEVEL:
		return log_level_parse(arg, &o->host.level, err);
	default:
		o->coverage = o->coverage || c == OPT_COVERAGE;
		o->list = o->list || c == 'l';
		o->quiet = o->quiet || c == 'q';
		return 0;
	}
}

static int
parse(struct options *o, int argc, char **argv)
{
	struct err err;
	int c;

	*o = (struct options){ .host = { .level = LOG_LEVEL_DEBUG },
		.jobs = sysconf(_SC_NPROCESSORS_ONLN),
		.timeout = 60 * CLOCK_S };
	optind = 1;
	while ((c = getopt_long(argc, argv, "p:f:j:lqh", longs, NULL)) != -1) {
		if (c == 'h' || c == '?') {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? -1 : EX_USAGE;
		}
		if (take(o, c, optarg, &err) != 0) {
			fprintf(stderr, "kumilter test: %s\n", err.msg);
			return EX_USAGE;
		}
	}
	o->host.cover = o->coverage || o->lcov != NULL;
	return 0;
}

/* ---- which tests --------------------------------------------------------- */

static bool
is_wanted(const struct options *o, const char *file, const char *name)
{
	char *text;
	bool wanted;

	if (!o->filtered)
		return true;
	text = xasprintf("%s: %s", file, name);
	wanted = regexec(&o->filter, text, 0, NULL, 0) == 0;
	free(text);
	return wanted;
}

static struct test_job *
add_job(struct tests *t, struct test_host *host, const char *file, size_t i)
{
	t->job = xrealloc(t->job, (t->n + 1) * sizeof *t->job);
	t->job[t->n] = (struct test_job){ host, i, file, NULL };
	return &t->job[t->n++];
}

static void
load_file(struct tests *t, size_t at)
{
	const char *file = t->files.path[at];
	struct err err;
	struct test_host *h = test_host_load(file, &t->o->host, &err);

	t->host[at] = h;
	if (h == NULL) {
		add_job(t, NULL, file, 0)->result =
		    json_pack("{sbss}", "ok", 0, "message", err.msg);
		return;
	}
	for (size_t i = 0; i < test_host_count(h); i++)
		if (is_wanted(t->o, file, test_host_name(h, i)))
			add_job(t, h, file, i);
}

/* ---- what came of them --------------------------------------------------- */

static void
told(void *arg, const struct test_job *job)
{
	struct tests *t = arg;
	struct str out = { 0 };
	bool ok = json_is_true(json_object_get(job->result, "ok"));

	t->failed += !ok;
	if (ok && t->o->quiet)
		return;
	test_report_tap(&out, job, (size_t)(job - t->job) + 1);
	fwrite(out.data, 1, out.len, stdout);
	fflush(stdout);
	str_fini(&out);
}

static int
write_file(const char *path, const struct str *text)
{
	FILE *f = fopen(path, "we");

	if (f == NULL || fwrite(str_c(text), 1, text->len, f) != text->len ||
	    fclose(f) != 0) {
		fprintf(
		    stderr, "kumilter test: %s: %s\n", path, strerror(errno));
		return EX_CANTCREAT;
	}
	return 0;
}

static struct test_host *
any_host(const struct tests *t)
{
	for (size_t i = 0; i < t->files.n; i++)
		if (t->host[i] != NULL)
			return t->host[i];
	return NULL;
}

static int
report(const struct tests *t)
{
	json_t *cover = test_report_merge(t->job, t->n);
	struct test_host *host = any_host(t);
	struct str out = { 0 };
	int rc = 0;

	if (t->o->junit != NULL) {
		test_report_junit(&out, t->job, t->n);
		rc = write_file(t->o->junit, &out);
		str_clear(&out);
	}
	if (t->o->lcov != NULL && host != NULL && rc == 0) {
		test_report_coverage(&out, host, cover, true);
		rc = write_file(t->o->lcov, &out);
		str_clear(&out);
	}
	if (t->o->coverage && host != NULL) {
		test_report_coverage(&out, host, cover, false);
		fputs(str_c(&out), stdout);
	}
	json_decref(cover);
	str_fini(&out);
	return rc;
}

static void
list(const struct tests *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->job[i].host != NULL)
			printf("%s: %s\n", t->job[i].file,
			    test_host_name(t->job[i].host, t->job[i].index));
}

static int
run(struct tests *t)
{
	int64_t begin = clock_mono();
	int rc;

	printf("TAP version 13\n1..%zu\n", t->n);
	test_run(t->job, t->n, (int)t->o->jobs, t->o->timeout, told, t);
	printf("# %zu tests, %zu failed, in %.3f s\n", t->n, t->failed,
	    (double)(clock_mono() - begin) / (double)CLOCK_S);
	rc = report(t);
	return rc != 0 ? rc : t->failed > 0 ? 1 : EX_OK;
}

static int
play(const struct options *o, int argc, char **argv)
{
	static char here[] = ".";
	static char *const default_list[] = { here };
	struct tests t = { .o = o };
	struct err err;
	int rc;

	if (test_files_find(&t.files, argc > 0 ? argv : default_list,
		argc > 0 ? (size_t)argc : 1, &err) != 0) {
		fprintf(stderr, "kumilter test: %s\n", err.msg);
		return EX_NOINPUT;
	}
	t.host = xcalloc(t.files.n + 1, sizeof(struct test_host *));
	for (size_t i = 0; i < t.files.n; i++)
		load_file(&t, i);
	if (t.n == 0) {
		fputs("kumilter test: there are no such tests\n", stderr);
		rc = EX_NOINPUT;
	} else if (o->list) {
		list(&t);
		rc = EX_OK;
	} else {
		rc = run(&t);
	}
	for (size_t i = 0; i < t.files.n; i++)
		test_host_free(t.host[i]);
	for (size_t i = 0; i < t.n; i++)
		json_decref(t.job[i].result);
	free(t.host);
	free(t.job);
	test_files_fini(&t.files);
	return rc;
}

static int
run_all(struct options *o, int argc, char **argv)
{
	struct err err;
	char *scratch = test_files_scratch(&err);
	int rc;

	if (scratch == NULL) {
		fprintf(stderr, "kumilter test: %s\n", err.msg);
		return EX_CANTCREAT;
	}
	o->host.scratch = scratch;
	rc = play(o, argc, argv);
	test_files_remove(scratch);
	free(scratch);
	return rc;
}

int
cli_test(int argc, char **argv)
{
	struct options o;
	int rc = parse(&o, argc, argv);

	if (rc == 0)
		rc = run_all(&o, argc - optind, argv + optind);
	else if (rc < 0)
		rc = EX_OK;
	if (o.filtered)
		regfree(&o.filter);
	free(o.scriptlets);
	return rc;
}
