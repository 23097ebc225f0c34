/*
 * test_run.h - tests of policies, each in a process of its own
 *
 * The caller has no threads yet: it forks.  Several tests run at once; their
 * results are told in the order of the list.
 */
#ifndef KUMILTER_TEST_RUN_H
#define KUMILTER_TEST_RUN_H

#include "test_host.h"

#include <stdint.h>

struct test_job {
	struct test_host *host;
	size_t index; /* among its tests */
	const char *file;
	json_t *result; /* test_host_run()'s, once it is told */
};

/* timeout: ns for one test.  Results are the caller's to json_decref(). */
void test_run(struct test_job *job, size_t n, int parallel, int64_t timeout,
    void (*told)(void *arg, const struct test_job *job), void *arg);

#endif
