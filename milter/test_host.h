/*
 * test_host.h - one *_test.lua file and the tests in it
 *
 * The file runs in a plain Lua state with `require 'kumilter.test'`, whose
 * Lua half is lua-bindings/test/test.lua; policies run in states of their own,
 * as ever.  test_host_run() is for a process of its own: what policies share
 * in a process - clocks, throttles, caches - is as fresh as that.
 */
#ifndef KUMILTER_TEST_HOST_H
#define KUMILTER_TEST_HOST_H

#include "err.h"
#include "log.h"

#include <jansson.h>

struct test_host_options {
	const char *policy; /* NULL: what the file says, or the one beside it */
	const char *const *scriptlets;
	int n_scriptlets;
	const char *scratch; /* a folder for what policies write, or NULL */
	enum log_level level;
	bool cover;
};

struct test_host;

/* Runs the file, which registers its tests; NULL with *err. */
struct test_host *test_host_load(
    const char *path, const struct test_host_options *o, struct err *err);
void test_host_free(struct test_host *h);

size_t test_host_count(const struct test_host *h);
const char *test_host_name(const struct test_host *h, size_t i);

/*
 * { "ok": bool, "message", "where": "file:line", "ms", "transcript": text,
 *   "cover": see test_cover.h }
 */
json_t *test_host_run(struct test_host *h, size_t i);

/* [n, ...]: the lines of this Lua file that have code; NULL: not Lua. */
json_t *test_host_lines(struct test_host *h, const char *path);

#endif
