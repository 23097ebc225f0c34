/*
 * test_report.h - results of tests, for people and programs
 */
#ifndef KUMILTER_TEST_REPORT_H
#define KUMILTER_TEST_REPORT_H

#include "str.h"
#include "test_run.h"

/* One result as TAP; number: from 1. */
void test_report_tap(
    struct str *out, const struct test_job *job, size_t number);
/* All of them as JUnit's XML. */
void test_report_junit(struct str *out, const struct test_job *job, size_t n);

/*
 * Coverage of all results together; host: any, for its Lua.  The summary has
 * a line for each file; lcov is what genhtml reads.
 */
json_t *test_report_merge(const struct test_job *job, size_t n);
void test_report_coverage(
    struct str *out, struct test_host *host, json_t *cover, bool lcov);

#endif
